//! What a reward program can see: the fields of an episode record and the numbers of the run.

use serde::{Deserialize, Serialize};

/// Type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ty {
    Float,
    Int,
    Bool,
    Token,
    Floats,
    Ints,
    Bools,
    Tokens,
}

impl Ty {
    /// True for a list.
    pub fn is_list(self) -> bool {
        matches!(self, Ty::Floats | Ty::Ints | Ty::Bools | Ty::Tokens)
    }
}

/// One field of an episode: `cap` is the longest a list can be (1 for a scalar); the values lie in the record from
/// `offset`: a scalar's value, or a list's length and then its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub ty: Ty,
    pub cap: usize,
    pub offset: usize,
    pub help: String,
}

/// The layout of an episode record: `stride` numbers, whole numbers, truth values and tokens among them as f32.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpisodeSchema {
    pub fields: Vec<Field>,
    pub stride: usize,
    /// Token names; a token's id is its index.
    pub tokens: Vec<String>,
    /// Most steps of a sample.
    pub horizon: usize,
    /// The whole-number field that holds the number of steps.
    pub length_field: String,
}

impl EpisodeSchema {
    /// An empty layout.
    pub fn new(tokens: Vec<String>, horizon: usize) -> Self {
        Self { fields: Vec::new(), stride: 0, tokens, horizon, length_field: "length".into() }
    }

    /// Appends a field; the offset follows from the order.
    pub fn field(mut self, name: &str, ty: Ty, cap: usize, help: &str) -> Self {
        let offset = self.stride;
        self.stride += if ty.is_list() { 1 + cap } else { 1 };
        self.fields.push(Field { name: name.into(), ty, cap, offset, help: help.into() });
        self
    }

    /// The field of that name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

/// The numbers of a run that programs see as `run.<name>`, all floats, in the order of the `run` buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSchema {
    pub names: Vec<String>,
}
