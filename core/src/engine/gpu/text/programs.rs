//! The text of the reward programs of a run, and of what they see of it.

use super::stages::shader;
use crate::layout::place_constants;
use crate::plan::RUN_FIELDS;
use crate::reward::{Program, wgsl_prelude};

/// Numbers that a lane keeps for its reward program, and the steps it has taken so far.
pub const RUN_WORDS: usize = RUN_FIELDS.len() + 1;

/// Places of the numbers that reward programs see as `run.<name>`, and how many a lane has.
pub fn run_constants() -> String {
    place_constants("run", RUN_FIELDS) + &format!("const N_RUN: u32 = {RUN_WORDS}u;\n")
}

/// The text of all programs and the two functions that call an arm's.
pub fn program_text(programs: &[&Program]) -> String {
    let mut text = run_constants() + wgsl_prelude() + shader!("common/programs.wgsl");
    let (mut components, mut combine) = (String::new(), String::new());
    for (arm, program) in programs.iter().enumerate() {
        let prefix = format!("arm{arm}_");
        text += &program.wgsl(&prefix);
        components += &format!("        case {arm}u: {{\n            {prefix}components(sample);\n        }}\n");
        combine += &format!(
            "        case {arm}u: {{\n            {prefix}combine(sample, group, in_group, batch, in_batch);\n        }}\n"
        );
    }
    let switch = |cases: &str| format!("    switch arm {{\n{cases}        default: {{}}\n    }}\n}}\n\n");
    text += "fn program_components(arm: u32, sample: u32) {\n";
    text += &switch(&components);
    text += "fn program_combine(arm: u32, sample: u32, group: u32, in_group: u32, batch: u32, in_batch: u32) {\n";
    text + &switch(&combine)
}
