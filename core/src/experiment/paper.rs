//! The paper that an experiment follows, and how far.

use serde::{Deserialize, Serialize};

/// How an experiment stands to its paper in one respect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As in the paper.
    Confirmed,
    /// In part as in the paper.
    Partly,
    /// Another one than the paper's, on purpose.
    Deviates,
    /// The measurements say the opposite.
    Contradicted,
    /// Not held against the paper.
    Unconfirmed,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Partly => "partly confirmed",
            Self::Deviates => "deviates",
            Self::Contradicted => "contradicted",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

/// The paper that an experiment follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Paper {
    pub title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub link: String,
    /// What the paper claims, in two plain sentences.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub claim: String,
    /// What is reproduced here and what is not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reproduced: String,
    /// Whether the reward's formula is the paper's: held against its text or its authors' code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formula: Option<Status>,
    /// Whether what is trained, and on what, is the paper's; a small stand-in deviates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Status>,
    /// Whether the measurements find what the paper found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Status>,
}

impl Paper {
    /// The three respects, as far as they are known.
    pub fn status(&self) -> String {
        let respects = [("formula", self.formula), ("setting", self.setting), ("finding", self.finding)];
        let said = respects.iter().filter_map(|(name, status)| Some(format!("{name} {}", (*status)?.word())));
        said.collect::<Vec<_>>().join(", ")
    }
}

/// A paper as it may be written: the first links and files had one status, the formula's, in free words.
#[derive(Deserialize)]
struct Written {
    title: String,
    #[serde(default)]
    link: String,
    #[serde(default)]
    claim: String,
    #[serde(default)]
    reproduced: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    formula: Option<Status>,
    #[serde(default)]
    setting: Option<Status>,
    #[serde(default)]
    finding: Option<Status>,
}

impl From<Written> for Paper {
    fn from(written: Written) -> Self {
        let Written { title, link, claim, reproduced, status, formula, setting, finding } = written;
        let old = status.map(|status| match status.as_str() {
            "confirmed" => Status::Confirmed,
            text if text.contains("confirmed") && !text.starts_with("un") => Status::Partly,
            _ => Status::Unconfirmed,
        });
        Self { title, link, claim, reproduced, formula: formula.or(old), setting, finding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_with_the_status_of_older_files_still_reads() {
        for (old, new) in [
            ("confirmed", Status::Confirmed),
            ("partly confirmed", Status::Partly),
            ("confirmed at the level of the method; the form of the loss is reconstructed", Status::Partly),
            ("unconfirmed", Status::Unconfirmed),
            ("who knows", Status::Unconfirmed),
        ] {
            let paper: Paper = serde_json::from_str(&format!(r#"{{"title":"p","status":"{old}"}}"#)).unwrap();
            assert_eq!((paper.formula, paper.setting, paper.finding), (Some(new), None, None), "{old}");
            let again: Paper = serde_json::from_str(&serde_json::to_string(&paper).unwrap()).unwrap();
            assert_eq!(again, paper);
        }
        let none: Paper = serde_json::from_str(r#"{"title":"p"}"#).unwrap();
        assert_eq!(none.status(), "");
    }

    #[test]
    fn the_three_respects_are_said_apart() {
        let text = r#"{"title":"p","formula":"confirmed","setting":"deviates","finding":"partly"}"#;
        let paper: Paper = serde_json::from_str(text).unwrap();
        assert_eq!(paper.status(), "formula confirmed, setting deviates, finding partly confirmed");
        assert!(serde_json::from_str::<Paper>(r#"{"title":"p","setting":"fine"}"#).is_err());
    }
}
