//! Keys that no experiment has: where each stands, and what was probably meant.

use super::sections::{SECTIONS, section_of, table};
use super::{Arm, Base, Claim, Experiment, Measured, Moment, NowTry, Paper};
use crate::params::shown;
use crate::spelling::closest;
use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_ignored::Path;

/// Most unknown keys that one sentence names.
const NAMED: usize = 3;

/// A key where none of its name is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    place: String,
    key: String,
    hint: Option<String>,
}

impl Unknown {
    /// As serde comes upon it.
    pub fn at(path: &Path) -> Self {
        let mut place = keys(path);
        let key = place.pop().unwrap_or_default();
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let expected = match place[..] {
            [] => fields::<Experiment>(),
            ["paper"] => fields::<Paper>(),
            ["base"] => fields::<Base>(),
            ["moment"] => fields::<Moment>(),
            ["arms", _] => fields::<Arm>(),
            ["now_try", _] => fields::<NowTry>(),
            ["claims", _] => fields::<Claim>(),
            ["claims", _, "measured"] => fields::<Measured>(),
            _ => &[],
        };
        let meant = closest(&key, expected.iter().copied()).map(did_you_mean);
        let hint = meant.or_else(|| section_of(&key).map(|section| format!("it belongs in \"{section}\"")));
        Self { place: words(&place), key, hint }
    }
}

impl NowTry {
    /// The paths that an edit of an experiment sets, the `number`-th, and that lead nowhere.
    pub(super) fn unknown(&self, number: usize, experiment: &Experiment) -> Vec<Unknown> {
        let hint = |path: &str| -> Option<Option<String>> {
            let Some((section, name)) = path.split_once('.') else {
                return Some(section_of(path).map(|section| did_you_mean(&format!("{section}.{path}"))));
            };
            let Some(table) = table(section, experiment) else {
                return Some(
                    closest(section, SECTIONS.iter().copied())
                        .map(|section| did_you_mean(&format!("{section}.{name}"))),
                );
            };
            let names: Vec<&str> = table.iter().map(|spec| spec.name).collect();
            (!names.contains(&name))
                .then(|| closest(name, names).map(|name| did_you_mean(&format!("{section}.{name}"))))
        };
        let unknown =
            |(path, hint): (&String, _)| Unknown { place: format!("set of now_try {number}"), key: path.clone(), hint };
        self.set.keys().filter_map(|path| Some((path, hint(path)?))).map(unknown).collect()
    }
}

/// What is wrong, in one sentence for all of them.
pub fn in_one_sentence(unknown: &[Unknown]) -> String {
    let said: Vec<String> = unknown.iter().take(NAMED).map(Unknown::to_string).collect();
    let more = unknown.len().saturating_sub(NAMED);
    said.join("; ") + &if more > 0 { format!(" (and {more} more)") } else { String::new() }
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "there is no \"{}\" in {}", shown(&self.key), self.place)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean \"{name}\"?")
}

/// A place as people name it.
fn words(place: &[&str]) -> String {
    let one = |list: &str| list.trim_end_matches('s').to_string();
    match place {
        [] => "an experiment".into(),
        [list, number] => format!("{} {number}", one(list)),
        [list, number, key] => format!("{key} of {} {number}", one(list)),
        other => other.join("."),
    }
}

/// The keys from the root to a key; those of a list count from 1.
fn keys(path: &Path) -> Vec<String> {
    match path {
        Path::Root => Vec::new(),
        Path::Seq { parent, index } => [keys(parent), vec![(index + 1).to_string()]].concat(),
        Path::Map { parent, key } => [keys(parent), vec![key.clone()]].concat(),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => keys(parent),
    }
}

/// The names of a struct's fields, as serde expects them.
fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &[&str] = &[];
    // It ends as soon as the names are known, always with an error.
    let _ = T::deserialize(Asks(&mut fields));
    fields
}

struct Asks<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asks<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("only the names were asked for"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("this is no struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}
