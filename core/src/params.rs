//! Parameters declared once. A `params!` table gives the struct, its defaults, its validation, the page's controls, the
//! docs and the exports; nothing about a parameter is written anywhere else.

use crate::layout::{NO_REWARD, place_constants};
use crate::spelling;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// A parameter's value as experiment files, links and controls write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a setting is a number, true or false, text or a list of numbers")]
pub enum Value {
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<f64>),
}

/// Values that differ from the table's defaults, by parameter name.
pub type Overrides = BTreeMap<String, Value>;

/// What a parameter may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Float,
    Int,
    Bool,
    Text,
    Choice(&'static [&'static str]),
    /// A number, or the word "none".
    OptionalFloat,
    /// Whole numbers, such as the sizes of hidden layers.
    IntList,
}

impl Kind {
    /// The WGSL type of such a parameter; None for what does not fit in one word.
    pub const fn wgsl(self) -> Option<&'static str> {
        match self {
            Kind::Float | Kind::OptionalFloat => Some("f32"),
            Kind::Int | Kind::Bool | Kind::Choice(_) => Some("u32"),
            Kind::Text | Kind::IntList => None,
        }
    }
}

/// One row of a parameter table.
#[derive(Clone, Copy, Debug)]
pub struct ParamSpec {
    pub name: &'static str,
    pub kind: Kind,
    pub min: f64,
    pub max: f64,
    pub unit: &'static str,
    pub help: &'static str,
    /// The formula in plain text, empty where there is none.
    pub formula: &'static str,
    /// The paper or framework it follows, empty where it is our own.
    pub source: &'static str,
    /// What else it is called, by people and by frameworks, separated by commas; empty where there is no other name.
    pub also: &'static str,
    /// The value that holds where nothing is written.
    pub default: Default,
}

/// The default of a parameter: computed, or as a task program writes it.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    Of(fn() -> Value),
    Number(f64),
    Bool(bool),
    Text(&'static str),
}

impl Default {
    pub fn value(self) -> Value {
        match self {
            Default::Of(value) => value(),
            Default::Number(x) => Value::Number(x),
            Default::Bool(x) => Value::Bool(x),
            Default::Text(text) => Value::Text(text.into()),
        }
    }
}

/// The same text for as long as the program runs, each text once. For the words of task programs, which are bounded by
/// what is typed and opened.
pub fn intern(text: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match known.get(text) {
        Some(known) => known,
        None => {
            let text: &'static str = Box::leak(text.into());
            known.insert(text);
            text
        }
    }
}

/// A value that a table refuses, with one plain sentence.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct ParamError {
    pub name: String,
    pub message: String,
}

/// A Rust type that a parameter can have.
pub trait ParamValue: Sized + Clone {
    const KIND: Kind;
    fn to_value(&self) -> Value;
    fn from_value(value: &Value) -> Option<Self>;
    /// The value as a word of the type `Self::KIND.wgsl()`; None where that is None. A choice is its place in the list
    /// of names, a number that is not given is NO_REWARD.
    fn word(&self) -> Option<u32>;
}

impl ParamValue for f32 {
    const KIND: Kind = Kind::Float;
    fn to_value(&self) -> Value {
        // The shortest decimal that reads back as this f32, so that links stay small.
        Value::Number(self.to_string().parse().unwrap_or(f64::from(*self)))
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(x) => Some(*x as f32),
            _ => None,
        }
    }
    fn word(&self) -> Option<u32> {
        Some(self.to_bits())
    }
}

impl ParamValue for u32 {
    const KIND: Kind = Kind::Int;
    fn to_value(&self) -> Value {
        Value::Number(f64::from(*self))
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(x) if x.fract() == 0.0 && *x >= 0.0 && *x <= f64::from(u32::MAX) => Some(*x as u32),
            _ => None,
        }
    }
    fn word(&self) -> Option<u32> {
        Some(*self)
    }
}

impl ParamValue for bool {
    const KIND: Kind = Kind::Bool;
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }
    fn word(&self) -> Option<u32> {
        Some(u32::from(*self))
    }
}

impl ParamValue for String {
    const KIND: Kind = Kind::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(s) => Some(s.clone()),
            _ => None,
        }
    }
    fn word(&self) -> Option<u32> {
        None
    }
}

impl ParamValue for Option<f32> {
    const KIND: Kind = Kind::OptionalFloat;
    fn to_value(&self) -> Value {
        self.as_ref().map_or_else(|| Value::Text("none".into()), ParamValue::to_value)
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(x) => Some(Some(*x as f32)),
            Value::Text(s) if s == "none" => Some(None),
            _ => None,
        }
    }
    fn word(&self) -> Option<u32> {
        Some(self.unwrap_or(NO_REWARD).to_bits())
    }
}

impl ParamValue for Vec<u32> {
    const KIND: Kind = Kind::IntList;
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(|x| f64::from(*x)).collect())
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::List(xs) => xs.iter().map(|x| u32::from_value(&Value::Number(*x))).collect(),
            _ => None,
        }
    }
    fn word(&self) -> Option<u32> {
        None
    }
}

/// Checks a value against its row; the message names the parameter, what it takes and what it got.
pub fn check(spec: &ParamSpec, value: &Value) -> Result<(), ParamError> {
    let fail = |what: String| Err(ParamError { name: spec.name.into(), message: format!("{} {what}", spec.name) });
    let in_range = |x: f64| x.is_finite() && x >= spec.min && x <= spec.max;
    match (spec.kind, value) {
        (Kind::Float | Kind::OptionalFloat, Value::Number(x)) | (Kind::Int, Value::Number(x)) if !in_range(*x) => {
            fail(format!("must be between {} and {}, not {x}", spec.min, spec.max))
        }
        (Kind::Int, Value::Number(x)) if x.fract() != 0.0 => fail(format!("must be a whole number, not {x}")),
        (Kind::IntList, Value::List(xs)) if xs.iter().any(|x| x.fract() != 0.0 || !in_range(*x)) => {
            fail(format!("must hold whole numbers between {} and {}", spec.min, spec.max))
        }
        (Kind::Choice(names), Value::Text(s)) if !names.contains(&s.as_str()) => {
            let hint = spelling::hint(s, names.iter().copied());
            fail(format!("must be one of {}, not \"{}\"{hint}", names.join(", "), shown(s)))
        }
        (Kind::OptionalFloat, Value::Text(s)) if s != "none" => {
            fail(format!("must be a number or \"none\", not \"{}\"", shown(s)))
        }
        (Kind::Float | Kind::OptionalFloat | Kind::Int, Value::Number(_))
        | (Kind::OptionalFloat | Kind::Text | Kind::Choice(_), Value::Text(_))
        | (Kind::Bool, Value::Bool(_))
        | (Kind::IntList, Value::List(_)) => Ok(()),
        (Kind::Float | Kind::OptionalFloat, _) => fail("must be a number".into()),
        (Kind::Int, _) => fail("must be a whole number".into()),
        (Kind::Bool, _) => fail("must be true or false".into()),
        (Kind::Text, _) => fail("must be text".into()),
        (Kind::Choice(names), _) => fail(format!("must be one of {}", names.join(", "))),
        (Kind::IntList, _) => fail("must be a list of whole numbers".into()),
    }
}

/// The error for a name that no row has, with the nearest name that exists.
pub fn unknown(table: &[ParamSpec], name: &str) -> ParamError {
    let names: Vec<&str> = table.iter().map(|s| s.name).collect();
    let hint = spelling::hint(name, names);
    ParamError { name: name.into(), message: format!("there is no setting \"{}\"{hint}", shown(name)) }
}

/// A name or word of a stranger's as messages show it: it may be of any length.
pub fn shown(name: &str) -> String {
    match name.char_indices().nth(LONG_NAME) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.into(),
    }
}

/// Most characters of a name that is shown whole; no longer one is like one of ours.
const LONG_NAME: usize = 60;

/// A struct of parameters: what every table-made struct can do.
pub trait Params: std::default::Default + Clone {
    fn table() -> &'static [ParamSpec];
    fn get(&self, name: &str) -> Option<Value>;
    /// Sets one parameter; refuses unknown names, wrong types and values out of range.
    fn set(&mut self, name: &str, value: &Value) -> Result<(), ParamError>;
    /// The values that fit in one word, in the order of the table, for shaders: see `wgsl_fields`.
    fn words(&self) -> Vec<u32>;

    /// The defaults with layers of overrides applied in order; every refused value is reported.
    fn resolve(layers: &[&Overrides]) -> Result<Self, Vec<ParamError>> {
        let mut params = Self::default();
        let mut errors = Vec::new();
        for (name, value) in layers.iter().flat_map(|layer| layer.iter()) {
            if let Err(e) = params.set(name, value) {
                errors.push(e);
            }
        }
        if errors.is_empty() { Ok(params) } else { Err(errors) }
    }
}

/// Rows of a table that shaders read: those whose value fits in one word.
pub fn in_shaders(table: &[ParamSpec]) -> impl Iterator<Item = (&ParamSpec, &'static str)> {
    table.iter().filter_map(|spec| Some((spec, spec.kind.wgsl()?)))
}

/// The members of a WGSL struct that holds `Params::words` of a table.
pub fn wgsl_fields(table: &[ParamSpec]) -> String {
    in_shaders(table).map(|(spec, ty)| format!("    {}: {ty},\n", spec.name)).collect()
}

/// WGSL constants for the choices of a table: `<SETTING>_<CHOICE>`, such as LOSS_TYPE_DAPO.
pub fn wgsl_choices(table: &[ParamSpec]) -> String {
    let of = |spec: &ParamSpec| match spec.kind {
        Kind::Choice(names) => place_constants(spec.name, names),
        _ => String::new(),
    };
    table.iter().map(of).collect()
}

/// Declares a closed set of names as an enum that is a parameter type.
#[macro_export]
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            pub const NAMES: &'static [&'static str] = &[$($text),+];
            pub const fn name(self) -> &'static str { match self { $($name::$variant => $text),+ } }
            pub fn from_name(name: &str) -> Option<Self> { match name { $($text => Some($name::$variant),)+ _ => None } }
        }
        impl $crate::params::ParamValue for $name {
            const KIND: $crate::params::Kind = $crate::params::Kind::Choice(Self::NAMES);
            fn to_value(&self) -> $crate::params::Value { $crate::params::Value::Text(self.name().into()) }
            fn from_value(value: &$crate::params::Value) -> Option<Self> {
                match value { $crate::params::Value::Text(s) => Self::from_name(s), _ => None }
            }
            fn word(&self) -> Option<u32> { Some(*self as u32) }
        }
    };
}

/// Declares a table of parameters and the struct that holds them.
///
/// Each row: `name: type = default, min..=max, "unit", "help", formula "…", source "…", also "…, …";`
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$attribute:meta])* $field:ident : $ty:ty = $default:expr, $min:literal ..= $max:literal, $unit:literal, $help:literal
          $(, formula $formula:literal)? $(, source $source:literal)? $(, also $also:literal)? ;)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name { $(#[doc = $help] $(#[$attribute])* pub $field: $ty),+ }
        impl std::default::Default for $name { fn default() -> Self { Self { $($field: $default),+ } } }
        impl $name {
            pub const TABLE: &'static [$crate::params::ParamSpec] = &[$($crate::params::ParamSpec {
                name: stringify!($field),
                kind: <$ty as $crate::params::ParamValue>::KIND,
                min: $min as f64, max: $max as f64, unit: $unit, help: $help,
                formula: concat!("" $(, $formula)?), source: concat!("" $(, $source)?),
                also: concat!("" $(, $also)?),
                default: $crate::params::Default::Of(|| { let default: $ty = $default; $crate::params::ParamValue::to_value(&default) }),
            }),+];
        }
        impl $crate::params::Params for $name {
            fn table() -> &'static [$crate::params::ParamSpec] { Self::TABLE }
            fn get(&self, name: &str) -> Option<$crate::params::Value> {
                match name { $(stringify!($field) => Some($crate::params::ParamValue::to_value(&self.$field)),)+ _ => None }
            }
            fn set(&mut self, name: &str, value: &$crate::params::Value) -> Result<(), $crate::params::ParamError> {
                let Some(spec) = Self::TABLE.iter().find(|s| s.name == name) else {
                    return Err($crate::params::unknown(Self::TABLE, name));
                };
                $crate::params::check(spec, value)?;
                match name {
                    $(stringify!($field) => if let Some(v) = $crate::params::ParamValue::from_value(value) { self.$field = v; })+
                    _ => {}
                }
                Ok(())
            }
            fn words(&self) -> Vec<u32> {
                [$($crate::params::ParamValue::word(&self.$field)),+].into_iter().flatten().collect()
            }
        }
    };
}
