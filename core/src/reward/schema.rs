//! What a reward program can see: the fields of an episode, the tokens of the task and the numbers of the run.
//!
//! An episode is a flat record of `stride` numbers, the same bytes on the CPU and on the GPU: integers, booleans (0 or 1)
//! and tokens (their id) are stored as `f32`; a list takes `1 + cap` slots, its length first. `NONE_MARK` stands for None,
//! and a list of length -1 for one that the episode has not.

use serde::{Deserialize, Serialize};

/// The type of a field of an episode. The last four are lists; `Optional` is a float or None.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ty {
    Float,
    Int,
    Bool,
    Token,
    Optional,
    Floats,
    Ints,
    Bools,
    Tokens,
}

impl Ty {
    /// The type of an element of a list, or the type itself for a scalar.
    pub fn element(self) -> Ty {
        match self {
            Ty::Floats => Ty::Float,
            Ty::Ints => Ty::Int,
            Ty::Bools => Ty::Bool,
            Ty::Tokens => Ty::Token,
            scalar => scalar,
        }
    }

    pub fn is_list(self) -> bool {
        self.element() != self
    }

    /// How the type is written in messages and in the editor's completion.
    pub fn label(self) -> &'static str {
        match self {
            Ty::Float => "float",
            Ty::Int => "int",
            Ty::Bool => "bool",
            Ty::Token => "token",
            Ty::Optional => "float or None",
            Ty::Floats => "list of floats",
            Ty::Ints => "list of ints",
            Ty::Bools => "list of bools",
            Ty::Tokens => "list of tokens",
        }
    }
}

/// One field of an episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub ty: Ty,
    /// The greatest length of a list; 1 for a scalar.
    pub cap: usize,
    /// The numbers of an element: more than 1 for a list of lists, which have one length.
    #[serde(default = "one")]
    pub width: usize,
    /// The first slot of the field in the record.
    pub offset: usize,
    pub help: String,
    /// The least and the greatest number that it, or an element of it, can be, where the task bounds it.
    #[serde(default, skip_serializing_if = "is_unbounded")]
    pub bounds: (Option<i32>, Option<i32>),
    /// A list that grows with the episode: an element a step, or one more for before the first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub per_step: bool,
}

fn is_unbounded(bounds: &(Option<i32>, Option<i32>)) -> bool {
    *bounds == (None, None)
}

fn one() -> usize {
    1
}

impl Field {
    /// Slots of the record: one for a scalar, and one for a list's length before its elements.
    pub fn size(&self) -> usize {
        if self.ty.is_list() { 1 + self.cap * self.width } else { 1 }
    }
}

/// The fields of an episode and where they lie in its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpisodeSchema {
    pub fields: Vec<Field>,
    /// Slots of a record.
    pub stride: usize,
    /// Token names; the id of a token is its index.
    pub tokens: Vec<String>,
    /// The most steps `T` that a step component is asked about.
    pub horizon: usize,
    /// The int field that holds the number of steps of a sample.
    pub length_field: String,
    /// The slot of the error of the task's own program, 0 where it has not failed; no field, so that no program reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault_slot: Option<usize>,
}

impl EpisodeSchema {
    /// An empty record for a task with these tokens and at most `horizon` steps.
    pub fn new(tokens: Vec<String>, horizon: usize) -> Self {
        Self { fields: Vec::new(), stride: 0, tokens, horizon, length_field: "length".to_string(), fault_slot: None }
    }

    /// Adds a field at the end of the record: one slot for a scalar (whose `cap` is taken as 1), `1 + cap` for a list.
    pub fn field(self, name: &str, ty: Ty, cap: usize, help: &str) -> Self {
        self.rows(name, ty, cap, 1, help)
    }

    /// As `field`, for a list whose elements are lists of `width` numbers: `1 + cap * width` slots, element after element.
    pub fn rows(mut self, name: &str, ty: Ty, cap: usize, width: usize, help: &str) -> Self {
        let (cap, width) = if ty.is_list() { (cap, width.max(1)) } else { (1, 1) };
        let (name, offset) = (name.to_string(), self.stride);
        let (help, bounds) = (help.to_string(), (None, None));
        let field = Field { name, ty, cap, width, offset, help, bounds, per_step: false };
        self.stride += field.size();
        self.fields.push(field);
        self
    }

    /// Says that the last field, or every element of it, is at least `low`.
    pub fn at_least(mut self, low: i32) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.bounds.0 = Some(low);
        }
        self
    }

    /// Says that it is at most `high`.
    pub fn at_most(mut self, high: i32) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.bounds.1 = Some(high);
        }
        self
    }

    /// Says that the last field is a list that grows with the episode.
    pub fn per_step(mut self) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.per_step = field.ty.is_list();
        }
        self
    }

    /// Whether an episode tells more of its steps than the actions.
    pub fn tells_steps(&self) -> bool {
        self.fields.iter().any(|field| field.per_step && field.name != "actions")
    }

    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The slot of the number of steps, if the schema has such a field.
    pub fn length_slot(&self) -> Option<usize> {
        self.get(&self.length_field).filter(|field| !field.ty.is_list()).map(|field| field.offset)
    }
}

/// The numbers of the run, read in `combine` as `run.<name>`; each is a float, and its slot is its index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSchema {
    pub names: Vec<String>,
}

impl RunSchema {
    pub fn new(names: &[&str]) -> Self {
        Self { names: names.iter().map(|name| name.to_string()).collect() }
    }
}
