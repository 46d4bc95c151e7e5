//! Links are untrusted: whatever comes in, a sentence or an experiment goes out.

use goodhart_core::experiment::{Arm, Experiment, Part};
use goodhart_core::link::{self, LinkError};
use goodhart_core::params::Value;
use goodhart_core::plan;
use proptest::prelude::*;

fn experiment() -> Experiment {
    let task = Part { kind: "bandit".into(), params: [("arms".to_string(), Value::Number(12.0))].into() };
    let policy = Part { kind: "table".into(), params: Default::default() };
    let arm = Arm { name: "a".into(), code: "def p(ep):\n    return ep.proxy\n".into(), algorithm: Default::default() };
    Experiment {
        algorithm: [("epsilon_high".to_string(), Value::Text("none".into()))].into(),
        ..Experiment::new("Zwölf Arme, 腕", task, policy, vec![arm])
    }
}

#[test]
fn a_link_gives_back_what_went_in() {
    let e = experiment();
    assert_eq!(link::decode(&link::encode(&e)), Ok(e.clone()));
    assert!(plan::plan(&e).is_ok());
}

#[test]
fn what_is_wrong_with_a_link_is_said() {
    let good = link::encode(&experiment());
    assert_eq!(link::decode(""), Err(LinkError::Empty));
    assert_eq!(link::decode("#"), Err(LinkError::Empty));
    assert_eq!(link::decode(&good.replacen("g1.", "g9.", 1)), Err(LinkError::TooNew(9)));
    assert!(matches!(link::decode(&good[..good.len() / 2]), Err(LinkError::Damaged(_))));
    assert!(matches!(link::decode("par"), Err(LinkError::Damaged(_))));
    assert!(matches!(link::decode(&"g".repeat(link::MAX_LINK + 1)), Err(LinkError::TooLong(_))));
    let newer = Experiment { version: 7, ..experiment() };
    assert_eq!(link::decode(&link::encode(&newer)), Err(LinkError::TooNew(7)));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = link::decode(&text);
        let _ = link::decode(&format!("g1.{text}"));
    }

    #[test]
    fn a_changed_letter_is_damage_or_another_valid_experiment(at in 3usize..400, letter in "[A-Za-z0-9_-]") {
        let mut link = link::encode(&experiment());
        let at = at.min(link.len() - 1);
        link.replace_range(at..=at, &letter);
        if let Ok(e) = link::decode(&link) {
            let _ = plan::plan(&e);
        }
    }
}
