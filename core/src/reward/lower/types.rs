//! Types of the checker and the values it handles: a type and the registers that hold it.

use super::super::ir::{Bank, Reg};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Already reported, or not known yet; it silences what follows.
    Bad,
    None,
    Bool,
    Int,
    Float,
    /// A float or None, in one float register.
    Optional,
    Token,
    /// One sample: `ep`, or a member of a group.
    Sample,
    /// A sample at one of its steps, `params` of a function that is asked after every step: registers sample, step.
    Moment,
    /// A list field of a sample (or a slice of it): registers sample, start, end.
    List(usize),
    /// A list that is written out. Its registers stand next to each other: the first register of every element, then the
    /// second of every element, and so on.
    Array(Box<Type>, usize),
    /// A written-out list of constants, by its place among those of the program: no registers until it is read.
    Table {
        id: usize,
        element: Box<Type>,
        len: usize,
    },
    /// Values of different types, one after the other.
    Tuple(Vec<Type>),
    /// A dictionary whose keys are constants: its values, one after the other.
    Dict(Vec<(Key, Type)>),
    /// A parameter that a call leaves to its default.
    Omitted,
    Group,
    Batch,
    Run,
    /// The components of the sample, `r` in `combine`.
    Results,
    /// What a function of a task program works on; true where it may change it.
    Object(Object, bool),
    /// A character of a text that is known before the program runs, by its code point.
    Char,
    /// What a task program lets the policy see: for each part how many there are to be one of, 0 for a number.
    Seen(Vec<u32>),
}

/// What the functions of a task program are given, by the names of their parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// `s`
    State,
    /// `w`
    World,
    /// `ep`
    Episode,
    /// `ep` of a demonstration, which writes the completion and nothing else.
    Demonstration,
    /// `p`
    Params,
    /// `dice`
    Dice,
}

/// A key of a dictionary.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Text(String),
    Int(i32),
}

impl Key {
    /// As it is written.
    pub fn text(&self) -> String {
        match self {
            Key::Text(text) => format!("\"{text}\""),
            Key::Int(int) => int.to_string(),
        }
    }
}

impl Type {
    pub fn label(&self) -> &'static str {
        match self {
            Type::Bad => "unknown",
            Type::None => "None",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Optional => "float or None",
            Type::Token => "token",
            Type::Sample => "episode",
            Type::Moment => "step",
            Type::List(_) | Type::Array(..) | Type::Table { .. } => "list",
            Type::Tuple(_) => "tuple",
            Type::Dict(_) => "dictionary",
            Type::Omitted => "default",
            Type::Group => "group",
            Type::Batch => "batch",
            Type::Run => "run",
            Type::Results => "set of components",
            Type::Object(Object::State, _) => "state",
            Type::Object(Object::World, _) => "world",
            Type::Object(Object::Episode | Object::Demonstration, _) => "episode",
            Type::Object(Object::Params, _) => "set of parameters",
            Type::Object(Object::Dice, _) => "set of dice",
            Type::Char => "character",
            Type::Seen(_) => "set of features",
        }
    }

    /// The type with its article, for messages.
    pub fn a(&self) -> String {
        if let Type::Array(_, len) | Type::Table { len, .. } = self {
            return format!("a list of {len}");
        }
        let label = self.label();
        match label.as_bytes().first() {
            Some(b'a' | b'e' | b'i' | b'o' | b'u') => format!("an {label}"),
            _ => format!("a {label}"),
        }
    }

    /// The banks of the registers that hold a value of this type.
    pub fn banks(&self) -> Vec<Bank> {
        match self {
            Type::Bool => vec![Bank::Bool],
            Type::Int | Type::Token | Type::Sample | Type::Char => vec![Bank::Int],
            Type::Seen(parts) => parts.iter().map(|n| if *n == 0 { Bank::Float } else { Bank::Int }).collect(),
            Type::Object(..) => Vec::new(),
            Type::Float | Type::Optional => vec![Bank::Float],
            Type::Moment => vec![Bank::Int; 2],
            Type::List(_) => vec![Bank::Int; 3],
            Type::Array(element, len) => element.banks().into_iter().flat_map(|bank| vec![bank; *len]).collect(),
            Type::Tuple(parts) => parts.iter().flat_map(Type::banks).collect(),
            Type::Dict(entries) => entries.iter().flat_map(|(_, ty)| ty.banks()).collect(),
            Type::Table { .. } | Type::Omitted => Vec::new(),
            Type::Bad | Type::None | Type::Group | Type::Batch | Type::Run | Type::Results => Vec::new(),
        }
    }

    /// The types of the elements of a tuple or a written-out list.
    pub fn parts(&self) -> Option<Vec<Type>> {
        match self {
            Type::Tuple(parts) => Some(parts.clone()),
            Type::Array(element, len) => Some(vec![(**element).clone(); *len]),
            _ => None,
        }
    }

    /// It has elements that are found by a number that only the run knows.
    pub fn holds_array(&self) -> bool {
        match self {
            Type::Array(..) => true,
            Type::Tuple(parts) => parts.iter().any(Type::holds_array),
            Type::Dict(entries) => entries.iter().any(|(_, ty)| ty.holds_array()),
            _ => false,
        }
    }

    fn rank(&self) -> Option<u8> {
        Some(match self {
            Type::Bool => 0,
            Type::Int => 1,
            Type::Float => 2,
            Type::Optional => 3,
            _ => return None,
        })
    }

    pub fn is_number(&self) -> bool {
        self.rank().is_some()
    }

    /// The narrowest type that holds both, as a bool is an int and an int is a float in Python.
    pub fn join(&self, other: &Type) -> Option<Type> {
        match (self, other) {
            (Type::Bad, x) | (x, Type::Bad) => Some(x.clone()),
            (a, b) if a == b => Some(a.clone()),
            (Type::None, x) | (x, Type::None) if x.is_number() => Some(Type::Optional),
            (Type::Array(a, n), Type::Array(b, m)) if n == m => Some(Type::Array(Box::new(a.join(b)?), *n)),
            (Type::Table { element, len, .. }, other) | (other, Type::Table { element, len, .. }) => {
                Type::Array(element.clone(), *len).join(other)
            }
            (Type::Dict(a), Type::Dict(b)) if a.iter().map(|(key, _)| key).eq(b.iter().map(|(key, _)| key)) => {
                let joined = a.iter().zip(b).map(|((key, a), (_, b))| Some((key.clone(), a.join(b)?)));
                joined.collect::<Option<_>>().map(Type::Dict)
            }
            (a @ (Type::Tuple(_) | Type::Array(..)), b @ (Type::Tuple(_) | Type::Array(..))) => {
                let (a, b) = (a.parts()?, b.parts()?);
                let joined = a.iter().zip(&b).map(|(a, b)| a.join(b)).collect::<Option<Vec<Type>>>();
                joined.filter(|_| a.len() == b.len()).map(Type::Tuple)
            }
            (a, b) => match (a.rank(), b.rank()) {
                (Some(x), Some(y)) => Some(if x >= y { a.clone() } else { b.clone() }),
                _ => None,
            },
        }
    }
}

#[derive(Clone, Debug)]
pub struct Value {
    pub ty: Type,
    pub regs: Vec<Reg>,
}

impl Value {
    pub fn bad() -> Self {
        Self { ty: Type::Bad, regs: Vec::new() }
    }

    pub fn new(ty: Type, reg: Reg) -> Self {
        Self { ty, regs: vec![reg] }
    }

    pub fn is_bad(&self) -> bool {
        self.ty == Type::Bad
    }

    /// A list whose elements are written out.
    pub fn is_written_out(&self) -> bool {
        matches!(self.ty, Type::Array(..) | Type::Table { .. })
    }

    /// The register of a value that has one.
    pub fn reg(&self) -> Reg {
        self.regs.first().copied().unwrap_or(0)
    }
}
