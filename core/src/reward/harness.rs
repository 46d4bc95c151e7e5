//! A complete WGSL module around reward programs: the buffers, the host functions and the two entry points.
//!
//! Lanes are consecutive blocks of `samples` samples; lane `l` runs program `l / lanes_per_program`. Buffers, with
//! `total = lanes * samples`, `C` and `S` the most components and step components of a program, `T` the horizon:
//!
//! | binding | buffer | shape |
//! |---|---|---|
//! | 0 | params | uniform `HarnessParams` |
//! | 1 | records | `[total][stride]` |
//! | 2 | run | `[lanes][n_run]` |
//! | 3 | ranges | `[total]` start (within the lane) and count of the sample's group |
//! | 4 | components | `[C][total]` |
//! | 5 | steps | `[S][total][T]` |
//! | 6 | rewards | `[total]`, then the reward of the steps `[total][T]` |
//! | 7 | errors | `[total]` of the components, then `[total]` final |

use super::program::Program;
use super::wgsl::wgsl_prelude;

/// Threads of a workgroup of both entry points, `score` and `combine`, which take
/// `ceil(samples / WORKGROUP) x lanes` workgroups.
pub const WORKGROUP: u32 = 64;

/// The uniform of a harness, as eight `u32` in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HarnessParams {
    /// Samples of a lane.
    pub samples: u32,
    pub lanes: u32,
    pub lanes_per_program: u32,
    /// Slots of a record.
    pub stride: u32,
    /// Numbers of the run a lane has.
    pub n_run: u32,
}

impl HarnessParams {
    pub fn words(&self) -> [u32; 8] {
        [self.samples, self.lanes, self.lanes_per_program, self.stride, self.n_run, 0, 0, 0]
    }
}

const HOST: &str = "
struct GoodhartParams {
    samples: u32, lanes: u32, lanes_per_program: u32, stride: u32, n_run: u32, pad0: u32, pad1: u32, pad2: u32,
}

@group(0) @binding(0) var<uniform> params: GoodhartParams;
@group(0) @binding(1) var<storage, read> records: array<f32>;
@group(0) @binding(2) var<storage, read> run_values: array<f32>;
@group(0) @binding(3) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> components: array<f32>;
@group(0) @binding(5) var<storage, read_write> steps: array<f32>;
@group(0) @binding(6) var<storage, read_write> rewards: array<f32>;
@group(0) @binding(7) var<storage, read_write> errors: array<u32>;

var<private> goodhart_lane: u32;

fn goodhart_total() -> u32 { return params.samples * params.lanes; }
fn goodhart_ep(sample: u32, slot: u32) -> f32 { return records[sample * params.stride + slot]; }
fn goodhart_run(slot: u32) -> f32 { return run_values[goodhart_lane * params.n_run + slot]; }
fn goodhart_component(sample: u32, c: u32) -> f32 { return components[c * goodhart_total() + sample]; }
fn goodhart_set_component(sample: u32, c: u32, value: f32) { components[c * goodhart_total() + sample] = value; }
fn goodhart_step(sample: u32, s: u32, t: u32) -> f32 {
    return steps[(s * goodhart_total() + sample) * GOODHART_HORIZON + t];
}
fn goodhart_set_step(sample: u32, s: u32, t: u32, value: f32) {
    steps[(s * goodhart_total() + sample) * GOODHART_HORIZON + t] = value;
}
fn goodhart_weight(component: u32, own: f32) -> f32 { return own; }
fn goodhart_error(sample: u32) -> u32 { return errors[sample]; }
fn goodhart_set_error(sample: u32, error: u32) { errors[sample] = error; }
fn goodhart_set_reward(sample: u32, value: f32, error: u32) {
    rewards[sample] = value;
    errors[goodhart_total() + sample] = error;
}
fn goodhart_set_step_reward(sample: u32, t: u32, value: f32) {
    rewards[goodhart_total() + sample * GOODHART_HORIZON + t] = value;
}
";

/// The module for programs of one schema; the lanes of program `p` are those from `p * lanes_per_program` on.
pub fn harness(programs: &[&Program]) -> String {
    let horizon = programs.first().map_or(0, |program| program.horizon());
    let mut text = format!("const GOODHART_HORIZON: u32 = {horizon}u;\n");
    text.push_str(HOST);
    text.push_str(wgsl_prelude());
    for (index, program) in programs.iter().enumerate() {
        text.push('\n');
        text.push_str(&program.wgsl(&format!("p{index}_")));
    }
    let switch = |call: &dyn Fn(usize) -> String| -> String {
        let cases = (0..programs.len()).map(|p| format!("        case {p}u: {{ {} }}\n", call(p)));
        format!(
            "    switch (lane / params.lanes_per_program) {{\n{}        default: {{}}\n    }}\n",
            cases.collect::<String>()
        )
    };
    let head = |name: &str| {
        format!(
            "\n@compute @workgroup_size({WORKGROUP})\nfn {name}(@builtin(global_invocation_id) id: vec3<u32>) {{\n    \
             if (id.x >= params.samples) {{ return; }}\n    let lane = id.y;\n    goodhart_lane = lane;\n    \
             let sample = lane * params.samples + id.x;\n"
        )
    };
    text.push_str(&head("score"));
    text.push_str(&switch(&|p| format!("p{p}_components(sample);")));
    text.push_str("}\n");
    text.push_str(&head("combine"));
    text.push_str("    let first = lane * params.samples;\n    let range = ranges[sample];\n");
    text.push_str(&switch(&|p| format!("p{p}_combine(sample, first + range.x, range.y, first, params.samples);")));
    text.push_str("}\n");
    text
}
