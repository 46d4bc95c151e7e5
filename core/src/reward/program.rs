//! What a text compiles to.

use std::collections::BTreeMap;

use super::ir::{self, error_text};
use super::operations::{self, Crowd};
use super::vm;

/// A function of the program that gives a part of the reward.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentInfo {
    pub name: String,
    /// One value a step instead of one an episode.
    pub is_step: bool,
    /// Its weight in the default reward.
    pub weight: f32,
    /// The line of its `def`, from 1.
    pub line: u32,
}

/// A program that compiled.
#[derive(Clone, Debug)]
pub struct Program {
    pub components: Vec<ComponentInfo>,
    pub(super) source: String,
    pub(super) unit: ir::Unit,
    pub(super) code: vm::Code,
    pub(super) stride: usize,
    pub(super) horizon: usize,
    pub(super) length_slot: Option<usize>,
    /// What `raise` and `assert` say, by their line.
    pub(super) raised: BTreeMap<u32, String>,
}

impl Program {
    /// What an error of a sample means: `code << 16 | line`.
    pub fn error_text(&self, error: u32) -> &str {
        let said = self.raised.get(&(error & 0xffff)).filter(|_| error >> 16 == ir::code::RAISED);
        said.map_or(error_text(error >> 16), String::as_str)
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// The reward comes from `combine`, not from the weighted sum.
    pub fn has_combine(&self) -> bool {
        self.unit.combine.is_some()
    }

    pub fn n_step_components(&self) -> usize {
        self.components.iter().filter(|component| component.is_step).count()
    }

    /// Whether it reads one of these slots of a record.
    pub fn reads(&self, slots: std::ops::Range<usize>) -> bool {
        self.code.reads(slots)
    }

    /// A bound on the operations of one sample of a batch, its components of steps asked at every step.
    pub fn operations(&self, crowd: Crowd) -> f64 {
        let component = |(info, function): (&ComponentInfo, &usize)| {
            let times = if info.is_step { self.horizon.max(1) } else { 1 };
            times as f64 * operations::of_function(&self.unit, *function, crowd)
        };
        let components: f64 = self.components.iter().zip(&self.unit.components).map(component).sum();
        components + self.unit.combine.map_or(0.0, |function| operations::of_function(&self.unit, function, crowd))
    }

    /// Slots of a record.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The most steps of a sample.
    pub fn horizon(&self) -> usize {
        self.horizon
    }
}
