//! Links are untrusted: whatever comes in, a sentence or an experiment goes out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use goodhart_core::experiment::{Arm, Base, Experiment, Part};
use goodhart_core::link::{self, LinkError, NoLink};
use goodhart_core::params::Value;
use goodhart_core::plan;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn experiment() -> Experiment {
    let task = Part { kind: "bandit".into(), params: [("arms".to_string(), Value::Number(12.0))].into() };
    let policy = Part { kind: "table".into(), params: Default::default() };
    let arm = Arm {
        name: "a".into(),
        code: "def p(ep):\n    return ep.proxy\n".into(),
        algorithm: Default::default(),
        ..Arm::default()
    };
    Experiment {
        algorithm: [("epsilon_high".to_string(), Value::Text("none".into()))].into(),
        ..Experiment::new("Zwölf Arme, 腕", task, policy, vec![arm])
    }
}

#[test]
fn a_link_gives_back_what_went_in() {
    let e = experiment();
    assert_eq!(link::decode(&link::encode(&e).unwrap()), Ok(e.clone()));
    assert!(plan::plan(&e).is_ok());
}

#[test]
fn what_is_wrong_with_a_link_is_said() {
    let good = link::encode(&experiment()).unwrap();
    assert_eq!(link::decode(""), Err(LinkError::Empty));
    assert_eq!(link::decode("#"), Err(LinkError::Empty));
    assert_eq!(link::decode(&good.replacen("g1.", "g9.", 1)), Err(LinkError::TooNew(9)));
    assert!(matches!(link::decode(&good[..good.len() / 2]), Err(LinkError::Damaged(_))));
    assert!(matches!(link::decode("par"), Err(LinkError::Damaged(_))));
    assert!(matches!(link::decode(&"g".repeat(link::MAX_LINK + 1)), Err(LinkError::TooLong(_))));
    let newer = Experiment { version: 7, ..experiment() };
    assert_eq!(link::decode(&of(&serde_json::to_value(&newer).unwrap())), Err(LinkError::TooNew(7)));
    assert_eq!(link::encode(&newer), Err(NoLink::Refused(LinkError::TooNew(7))));
}

/// A link of any JSON.
fn of(json: &Json) -> String {
    format!("g1.{}", URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec(json.to_string().as_bytes(), 6)))
}

#[test]
fn what_no_experiment_has_is_refused_with_what_was_meant() {
    let good = serde_json::to_value(experiment()).unwrap();
    assert_eq!(link::decode(&of(&good)), Ok(experiment()));
    let wrong = |change: fn(&mut Json)| {
        let mut json = good.clone();
        change(&mut json);
        link::decode(&of(&json)).unwrap_err().to_string()
    };
    assert!(wrong(|e| e["rum"] = json!({})).contains("there is no \"rum\" in an experiment; did you mean \"run\"?"));
    assert!(wrong(|e| e["arms"][0]["cod"] = json!(1)).contains("no \"cod\" in arm 1; did you mean \"code\"?"));
    assert!(wrong(|e| e["arms"] = json!([])).contains("an experiment has 1 to 8 arms, this one has 0"));
    assert!(wrong(|e| e["arms"] = vec![e["arms"][0].clone(); 1000].into()).contains("this one has 1000"));
    assert!(wrong(|e| e["__proto__"] = json!({})).contains("no \"__proto__\""));
    assert!(wrong(|e| e["x".repeat(100_000)] = json!(1)).len() < 300);
}

#[test]
fn what_has_no_link_says_why() {
    let e = experiment();
    let long: String =
        (0..200_000u64).map(|i| char::from(b'a' + (i.wrapping_mul(i ^ 0x9e37_79b9) >> 7) as u8 % 26)).collect();
    let with = |change: &dyn Fn(&mut Experiment)| {
        let mut e = e.clone();
        change(&mut e);
        link::encode(&e).unwrap_err()
    };
    assert!(matches!(with(&|e| e.arms[0].code = long.clone()), NoLink::TooLong(_)));
    assert!(matches!(with(&|e| e.lesson = " ".repeat(1 << 20)), NoLink::TooLarge(_)));
    let nan = |e: &mut Experiment| _ = e.algorithm.insert("gamma".into(), Value::Number(f64::NAN));
    assert_eq!(with(&nan).to_string(), "algorithm.gamma is not a finite number, which no link can hold");
    let list = Value::List(vec![1.0, f64::INFINITY]);
    assert_eq!(with(&|e| _ = e.task.params.insert("x".into(), list.clone())), NoLink::NotFinite("task.x.2".into()));
    let base = Base { learning_rate: f32::NAN, ..Base::new(1) };
    assert_eq!(with(&|e| e.base = Some(base.clone())), NoLink::NotFinite("base.learning_rate".into()));
    assert!(matches!(with(&|e| e.arms.clear()), NoLink::Refused(_)));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = link::decode(&text);
        let _ = link::decode(&format!("g1.{text}"));
    }

    #[test]
    fn a_changed_letter_is_damage_or_another_valid_experiment(at in 3usize..400, letter in "[A-Za-z0-9_-]") {
        let mut link = link::encode(&experiment()).unwrap();
        let at = at.min(link.len() - 1);
        link.replace_range(at..=at, &letter);
        if let Ok(e) = link::decode(&link) {
            let _ = plan::plan(&e);
            assert_opens(&e);
        }
    }

    /// Any JSON of the keys that experiments have, in the places that they have them or in others.
    #[test]
    fn any_json_is_refused_or_opens_and_can_be_shared(root in object(), in_arm in object(), at in 0usize..6) {
        let mut json = serde_json::to_value(experiment()).unwrap();
        let merge = |into: &mut Json, from: &Json| {
            let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) else { return };
            into.extend(from.iter().map(|(key, value)| (key.clone(), value.clone())));
        };
        match at {
            0 => json = root,
            1 => merge(&mut json["arms"][0], &in_arm),
            2 => merge(&mut json["task"], &in_arm),
            3 => json["now_try"] = json!([root, in_arm]),
            _ => merge(&mut json, &root),
        }
        if let Ok(e) = link::decode(&of(&json)) {
            prop_assert!((1..=goodhart_core::experiment::MAX_ARMS).contains(&e.arms.len()));
            let _ = plan::plan(&e);
            assert_opens(&e);
        }
    }

    #[test]
    fn what_is_made_opens_as_the_same(
        texts in proptest::collection::vec("\\PC{0,40}", 6),
        numbers in proptest::collection::vec(any::<f64>(), 4),
        small in any::<f32>(),
        count in 0usize..12,
    ) {
        let mut e = experiment();
        e.title = texts[0].clone();
        e.charts = texts[1..4].to_vec();
        e.arms = vec![e.arms[0].clone(); count];
        e.base = Some(Base { learning_rate: small, ..Base::new(3) });
        e.run.insert(texts[4].clone(), Value::Number(numbers[0]));
        e.task.params.insert(texts[5].clone(), Value::List(numbers[1..].to_vec()));
        assert_opens(&e);
    }
}

const KEYS: &[&str] = &[
    "version",
    "title",
    "arms",
    "task",
    "policy",
    "kind",
    "run",
    "algorithm",
    "name",
    "code",
    "base",
    "steps",
    "paper",
    "link",
    "moment",
    "when",
    "level",
    "now_try",
    "set",
    "find",
    "charts",
    "outcome",
    "reward_models",
    "exploration",
    "updates",
    "algorithm.beta",
    "gamma",
    "hidden",
    "claims",
    "__proto__",
    "constructor",
    "toString",
    "",
    "rum",
    "Arms",
];

fn object() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (0i64..9).prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
        proptest::sample::select(&["bandit", "table", "mlp", "peak", "none", "final", ">="][..]).prop_map(Json::from),
    ];
    let value = leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::vec((proptest::sample::select(KEYS), inner), 0..6).prop_map(from_pairs),
        ]
    });
    proptest::collection::vec((proptest::sample::select(KEYS), value), 0..8).prop_map(from_pairs)
}

fn from_pairs(pairs: Vec<(&'static str, Json)>) -> Json {
    Json::Object(pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

/// A link that is made opens as what it was made of, and one that is not made says why.
fn assert_opens(e: &Experiment) {
    match link::encode(e) {
        Ok(link) => assert_eq!(link::decode(&link).as_ref(), Ok(&e.to_share())),
        Err(why) => assert!(why.to_string().len() > 20),
    }
}
