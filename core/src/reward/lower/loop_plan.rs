//! How a loop finds its elements.

use super::super::ast::Expr;
use super::super::ir::Reg;
use super::types::{Type, Value};

/// How an element is found from the number of the step.
#[derive(Clone, Debug)]
pub enum Iter {
    Range {
        start: Reg,
        step: Reg,
    },
    List {
        field: usize,
        sample: Reg,
        start: Reg,
    },
    Array {
        element: Type,
        first: Reg,
        len: usize,
    },
    /// The samples of a group or batch that carry no error.
    Members {
        start: Reg,
    },
    /// The index, counted from `first`, and the elements of the inner one.
    Enumerate {
        inner: Box<Iter>,
        first: Reg,
        counter: Reg,
    },
    Zip(Vec<Iter>),
    Reversed {
        inner: Box<Iter>,
        last: Reg,
    },
    Sorted(Box<Sorted>),
    /// The inner one from step `first` on.
    From {
        inner: Box<Iter>,
        first: Reg,
    },
}

pub struct LoopPlan {
    pub iter: Iter,
    pub count: Reg,
    pub bound: i64,
}

impl LoopPlan {
    pub fn has_members(&self) -> bool {
        matches!(&self.iter, Iter::Members { .. })
            || matches!(&self.iter, Iter::Enumerate { inner, .. } if matches!(**inner, Iter::Members { .. }))
    }
}

/// The state of a sorted loop between its steps.
#[derive(Clone, Debug)]
pub struct Sorted {
    pub source: Expr,
    pub key: Option<Expr>,
    pub is_reverse: bool,
    /// The key of the element before, and its place in the source; -1 before the first.
    pub last: Value,
    pub at: Reg,
}
