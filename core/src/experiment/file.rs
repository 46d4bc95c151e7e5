//! Reading experiments: TOML files, one file an experiment, and JSON. What no experiment has is an error, never ignored.

use super::MAX_ARMS;
use super::unknown::{Unknown, in_one_sentence};
use super::{Experiment, VERSION};
use serde::Deserializer;

/// Most bytes of a text that can be an experiment, in a file or unpacked from a link.
pub const MAX_TEXT: usize = 1024 * 1024;

/// Why a text is no experiment that can be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the experiment has format {0}, and this program reads up to {VERSION}")]
    TooNew(u32),
    #[error("the experiment is {0} characters long; the longest that can be opened is {MAX_TEXT}")]
    TooLong(usize),
    #[error("{0}")]
    Unreadable(String),
}

/// Reads an experiment file; the message names the line where it stops making sense.
pub fn parse(text: &str) -> Result<Experiment, ReadError> {
    bounded(text)?;
    let said = |e| ReadError::Unreadable(with_line(text, e));
    read(toml::Deserializer::parse(text).map_err(said)?, said)
}

/// Reads an experiment written as JSON.
pub fn parse_json(text: &str) -> Result<Experiment, ReadError> {
    bounded(text)?;
    let said = |e: serde_json::Error| ReadError::Unreadable(e.to_string());
    let mut from = serde_json::Deserializer::from_str(text);
    let experiment = read(&mut from, said)?;
    from.end().map_err(said)?;
    Ok(experiment)
}

fn bounded(text: &str) -> Result<(), ReadError> {
    if text.len() > MAX_TEXT { Err(ReadError::TooLong(text.len())) } else { Ok(()) }
}

/// An experiment out of any format. A newer one comes first: its keys may be unknown for no other reason.
fn read<'de, D: Deserializer<'de>>(from: D, said: impl Fn(D::Error) -> ReadError) -> Result<Experiment, ReadError> {
    let mut unknown = Vec::new();
    let read = serde_ignored::deserialize(from, |path| unknown.push(Unknown::at(&path)));
    let experiment: Experiment = read.map_err(said)?;
    if experiment.version > VERSION {
        return Err(ReadError::TooNew(experiment.version));
    }
    unknown.extend(experiment.now_try.iter().zip(1..).flat_map(|(edit, number)| edit.unknown(number, &experiment)));
    if !unknown.is_empty() {
        return Err(ReadError::Unreadable(in_one_sentence(&unknown)));
    }
    let arms = experiment.arms.len();
    if arms == 0 || arms > MAX_ARMS {
        return Err(ReadError::Unreadable(format!("an experiment has 1 to {MAX_ARMS} arms, this one has {arms}")));
    }
    Ok(experiment)
}

/// What the parser says, with the line but without its text, which may be of any length.
fn with_line(text: &str, mut error: toml::de::Error) -> String {
    let line = error.span().map(|span| text.as_bytes()[..span.start.min(text.len())].split(|b| *b == b'\n').count());
    error.set_input(None);
    let message = error.to_string().trim_end().replace('\n', " ");
    line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Base, Difficulty, Moment, NowTry, Paper, Status, When};
    use serde_json::{Value, json};

    /// An experiment with every section that there is.
    fn whole() -> Value {
        let mut e = parse(
            "version = 1\ntitle = \"t\"\n[task]\nkind = \"bandit\"\n[policy]\nkind = \"table\"\n\
             [[arms]]\nname = \"a\"\ncode = \"\"\nalgorithm = { beta = 0.1 }\n\
             [[claims]]\nsays = \"s\"\nmetric = \"m\"\nstatistic = \"final\"\narm = \"a\"\ncomparison = \">=\"\n\
             threshold = 1.0\nmeasured = { value = 1.0, half_width = 0.0, seeds = 2, date = \"\" }\n",
        )
        .unwrap();
        let text = String::from;
        let status = Some(Status::Partly);
        e.paper = Some(Paper {
            title: text("p"),
            link: text("l"),
            claim: text("c"),
            reproduced: text("r"),
            formula: status,
            setting: status,
            finding: status,
        });
        e.question = text("q?");
        e.subtitle = text("s");
        e.difficulty = Some(Difficulty::Easy);
        e.base = Some(Base::new(3));
        e.moment =
            Some(Moment { metric: text("m"), arm: text("a"), when: When::Peak, level: Some(1.0), says: text("s") });
        e.now_try =
            vec![NowTry { says: text("s"), arm: text("a"), find: text("f"), replace: text("r"), set: [].into() }];
        e.reward_models = Some([].into());
        e.exploration = Some([].into());
        serde_json::to_value(&e).unwrap()
    }

    /// The places of all objects with fixed keys in an experiment; the others hold settings by name, which the tables check.
    fn structs(value: &Value, at: String, found: &mut Vec<String>) {
        const SETTINGS: [&str; 7] = ["task", "policy", "run", "algorithm", "reward_models", "exploration", "set"];
        if SETTINGS.iter().any(|name| at.ends_with(&format!("/{name}"))) {
            return;
        }
        match value {
            Value::Object(map) => {
                found.push(at.clone());
                map.iter().for_each(|(key, value)| structs(value, format!("{at}/{key}"), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, value)| structs(value, format!("{at}/{i}"), found));
            }
            _ => {}
        }
    }

    #[test]
    fn a_misspelt_key_anywhere_is_an_error_with_the_right_one() {
        let whole = whole();
        let mut places = Vec::new();
        structs(&whole, String::new(), &mut places);
        assert_eq!(places.len(), 8, "{places:?}");
        for place in &places {
            let keys: Vec<String> = whole.pointer(place).unwrap().as_object().unwrap().keys().cloned().collect();
            for key in keys {
                let mut wrong = whole.clone();
                let object = wrong.pointer_mut(place).unwrap().as_object_mut().unwrap();
                // Beside the right key, so that nothing is missing.
                object.insert(format!("{key}z"), json!(1));
                let said = parse_json(&wrong.to_string()).unwrap_err().to_string();
                let right = said.starts_with(&format!("there is no \"{key}z\" in "));
                assert!(right && said.ends_with(&format!("; did you mean \"{key}\"?")), "{place}/{key}: {said}");
            }
        }
        assert!(parse_json(&whole.to_string()).is_ok());
    }

    #[test]
    fn a_setting_in_the_wrong_section_is_sent_to_its_own() {
        let mut e = whole();
        e["updates"] = json!(3);
        e["arms"][0]["learning_rate"] = json!(0.1);
        let said = parse_json(&e.to_string()).unwrap_err().to_string();
        assert!(said.contains("there is no \"updates\" in an experiment; it belongs in \"run\""), "{said}");
        assert!(said.contains("there is no \"learning_rate\" in arm 1; it belongs in \"algorithm\""), "{said}");
    }

    #[test]
    fn what_an_edit_sets_must_be_there() {
        let mut e = whole();
        for (path, meant) in [
            ("algoritm.beta", "did you mean \"algorithm.beta\"?"),
            ("algorithm.betaa", "did you mean \"algorithm.beta\"?"),
            ("task.armz", "did you mean \"task.arms\"?"),
            ("beta", "did you mean \"algorithm.beta\"?"),
            ("policy.d_model", ""),
        ] {
            e["now_try"][0]["set"] = json!({ path: 1 });
            let said = parse_json(&e.to_string()).unwrap_err().to_string();
            assert!(said.contains(&format!("no \"{path}\" in set of now_try 1")) && said.contains(meant), "{said}");
        }
        e["now_try"][0]["set"] = json!({ "algorithm.beta": 1, "task.arms": 8, "run.seeds": 2, "exploration.ridge": 1 });
        assert!(parse_json(&e.to_string()).is_ok());
    }

    #[test]
    fn an_error_names_its_line_and_repeats_none() {
        let long = "x".repeat(100_000);
        let said = parse(&format!("version = 1\ntitle = \"t\"\nlesson = \"{long}\" oops\n")).unwrap_err().to_string();
        assert!(said.starts_with("line 3: ") && said.len() < 200, "{said}");
        let said = parse(&format!("version = 1\ntitle = \"t\"\n{long} = 1\n")).unwrap_err().to_string();
        assert!(said.len() < 200, "{said}");
        let said = parse(&"#".repeat(MAX_TEXT + 1)).unwrap_err().to_string();
        assert!(said.contains("1048577 characters long"), "{said}");
    }

    #[test]
    fn an_experiment_has_one_to_eight_arms() {
        for count in [0, 9, 1000] {
            let mut e = whole();
            e["arms"] = vec![e["arms"][0].clone(); count].into();
            let said = parse_json(&e.to_string()).unwrap_err().to_string();
            assert_eq!(said, format!("an experiment has 1 to 8 arms, this one has {count}"));
        }
    }
}
