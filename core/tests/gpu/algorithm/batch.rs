//! Random batches of lanes, as the CPU functions and as the shaders see them.

use crate::pass::{Buffers, floats, words};
use goodhart_core::algorithm::Settings;
use goodhart_core::algorithm::shader::{ArmSettings, LaneStats, stage};
use goodhart_core::math::rng::{draw, uniform};
use goodhart_core::params::{Params, Value};

/// Sizes of a batch.
#[derive(Clone, Copy, Default)]
pub struct Sizes {
    pub lanes: usize,
    pub groups: usize,
    pub group: usize,
    pub steps: usize,
    pub components: usize,
    pub params: usize,
}

impl Sizes {
    pub fn n(&self) -> usize {
        self.groups * self.group
    }

    pub fn text(&self, name: &str) -> String {
        let sizes = [
            ("N_ARMS", self.lanes),
            ("N_LANES", self.lanes),
            ("GROUPS", self.groups),
            ("GROUP", self.group),
            ("SAMPLES", self.n()),
            ("STEPS", self.steps),
            ("COMPONENTS", self.components.max(1)),
            ("PARAMS", self.params),
            ("BOOTSTRAP", 1),
            ("END_ROWS", self.lanes * self.n() * self.steps),
        ];
        let mut text: String = sizes.iter().map(|(k, v)| format!("const {k}: u32 = {v}u;\n")).collect();
        text += &goodhart_core::layout::At::wgsl();
        text += &goodhart_core::math::rng::wgsl();
        text + &stage(name).unwrap()
    }

    /// One arm a lane, with the seed 7 + lane.
    pub fn tables(&self, arms: &[(Settings, Vec<f32>)]) -> Buffers {
        let settings = arms.iter().flat_map(|(s, weights)| ArmSettings::words(s, weights)).collect();
        let lanes = (0..self.lanes as u32).flat_map(|i| [i, 7 + i, 0, 0]).collect();
        let stats = vec![0; self.lanes * LaneStats::WORDS];
        Buffers::from([("settings", settings), ("lanes", lanes), ("loss_sums", stats)])
    }
}

/// (update, epoch, minibatch, first, updates) as the uniform `at`.
pub fn at(update: u32, epoch: u32, minibatch: u32, first: u32, updates: u32) -> Vec<u32> {
    vec![update, epoch, minibatch, 0, first, 0, updates, 0]
}

/// A stream of random numbers.
pub struct Dice(pub u32);

impl Dice {
    pub fn next(&mut self) -> f32 {
        self.0 += 1;
        uniform(draw(11, self.0, 0, 0, 0, 99)[0])
    }
    pub fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.next()
    }
    pub fn chance(&mut self, p: f32) -> bool {
        self.next() < p
    }
    pub fn fill(&mut self, n: usize, low: f32, high: f32) -> Vec<f32> {
        (0..n).map(|_| self.within(low, high)).collect()
    }
}

/// One lane's batch in the layout of the CPU functions.
#[derive(Clone)]
pub struct LaneData {
    pub lengths: Vec<u32>,
    pub truncated: Vec<u8>,
    pub active: Vec<u8>,
    pub components: Vec<f32>,
    pub rewards: Vec<f32>,
    pub step_rewards: Vec<f32>,
    pub values: Vec<f32>,
    /// [n]; 0 for samples that ended.
    pub end_values: Vec<f32>,
    pub values_new: Vec<f32>,
    pub logp: Vec<f32>,
    pub logp_old: Vec<f32>,
    pub logp_ref: Vec<f32>,
    pub entropy: Vec<f32>,
}

pub fn lane_data(dice: &mut Dice, sizes: Sizes, weights: &[f32]) -> LaneData {
    let (n, t) = (sizes.n(), sizes.steps);
    let lengths: Vec<u32> = (0..n).map(|_| (dice.next() * (t as f32 + 0.99)) as u32).collect();
    let active: Vec<u8> = (0..n).map(|_| u8::from(!dice.chance(0.1))).collect();
    let mut components: Vec<f32> = (0..sizes.components * n)
        .map(|_| if dice.chance(0.2) { f32::NAN } else { (dice.within(-1.0, 1.0) * 4.0).round() / 4.0 })
        .collect();
    // A dead group: all alike.
    components.chunks_mut(n).for_each(|c| c[..sizes.group].fill(0.3));
    let rewards: Vec<f32> = (0..n)
        .map(|i| {
            let applying = (0..sizes.components).filter(|k| !components[k * n + i].is_nan());
            let sum = applying.clone().map(|k| weights[k] * components[k * n + i]).sum();
            if applying.count() == 0 || active[i] == 0 { f32::NAN } else { sum }
        })
        .collect();
    let mut step_rewards = vec![0.0; n * t];
    for i in 0..n {
        let length = lengths[i] as usize;
        if length > 0 && rewards[i].is_finite() {
            let mut rest = rewards[i];
            for k in 0..length - 1 {
                step_rewards[i * t + k] = dice.within(-0.5, 0.5);
                rest -= step_rewards[i * t + k];
            }
            step_rewards[i * t + length - 1] = rest;
        }
    }
    let logp_old = dice.fill(n * t, -3.0, -0.1);
    let near = |dice: &mut Dice, by: f32| -> Vec<f32> { logp_old.iter().map(|x| x + dice.within(-by, by)).collect() };
    let values = dice.fill(n * t, -1.0, 1.0);
    let truncated: Vec<u8> = (0..n).map(|_| u8::from(dice.chance(0.3))).collect();
    LaneData {
        end_values: truncated.iter().map(|cut| f32::from(*cut) * dice.within(-1.0, 1.0)).collect(),
        logp: near(dice, 0.5),
        logp_ref: near(dice, 0.7),
        entropy: dice.fill(n * t, 0.0, 2.0),
        values_new: values.iter().map(|v| v + dice.within(-0.4, 0.4)).collect(),
        truncated,
        lengths,
        active,
        components,
        rewards,
        step_rewards,
        values,
        logp_old,
    }
}

/// The buffers that the stages share, from the lanes' data.
pub fn shared(sizes: Sizes, lanes: &[LaneData], buffers: &mut Buffers) {
    let (n, t, c) = (sizes.n(), sizes.steps, sizes.components);
    let rows = |f: &dyn Fn(&LaneData, usize) -> [f32; 4]| -> Vec<u32> {
        words(&lanes.iter().flat_map(|l| (0..n * t).flat_map(move |row| f(l, row))).collect::<Vec<_>>())
    };
    let per_sample = |f: &dyn Fn(&LaneData, usize) -> [f32; 4]| -> Vec<u32> {
        words(&lanes.iter().flat_map(|l| (0..n).flat_map(move |i| f(l, i))).collect::<Vec<_>>())
    };
    let mut old = rows(&|l, r| [l.logp_old[r], 0.0, l.values[r], l.logp_ref[r]]);
    old.extend(per_sample(&|l, i| [0.0, 0.0, l.end_values[i], 0.0]));
    buffers.insert("policy_old", old);
    buffers.insert("policy_new", rows(&|l, r| [l.logp[r], l.entropy[r], l.values_new[r], 0.0]));
    buffers.insert("samples", per_sample(&|l, i| [l.lengths[i] as f32, f32::from(l.truncated[i]), 0.0, 0.0]));
    buffers.insert("rewards", per_sample(&|l, i| [l.rewards[i], 0.0, 1.0 - f32::from(l.active[i]), 0.0]));
    let components = lanes.iter().flat_map(|l| {
        (0..n).flat_map(move |i| (0..c.max(1)).map(move |k| if k < c { l.components[k * n + i] } else { 0.0 }))
    });
    buffers.insert("components", words(&components.collect::<Vec<_>>()));
    buffers.insert("step_rewards", words(&lanes.iter().flat_map(|l| l.step_rewards.clone()).collect::<Vec<_>>()));
    buffers.insert("advantages", vec![0; sizes.lanes * n * t * 2]);
    buffers.insert("coefs", words(&vec![9.0; sizes.lanes * n * t * 4]));
    buffers.insert("opt_state", vec![0; sizes.lanes * 4]);
}

/// Column k of a buffer of vectors of `width`, for one lane.
pub fn column(buffer: &[u32], width: usize, k: usize, lane: usize, rows: usize) -> Vec<f32> {
    floats(&buffer[lane * rows * width..(lane + 1) * rows * width]).chunks(width).map(|v| v[k]).collect()
}

pub fn assert_close(name: &str, got: &[f32], expected: &[f32], relative: f32) {
    assert_eq!(got.len(), expected.len(), "{name}");
    let most = expected.iter().fold(1.0f32, |m, x| m.max(x.abs()));
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let error = (g - e).abs();
        assert!(error <= relative * e.abs() + 0.2 * relative * most, "{name}[{i}]: {g} instead of {e}");
    }
}

pub fn stats(buffers: &Buffers, lane: usize) -> LaneStats {
    LaneStats::read(&buffers["loss_sums"][lane * LaneStats::WORDS..])
}

/// Settings that differ from the defaults as JSON-like pairs say.
pub fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in pairs {
        let value = match value.parse::<f64>() {
            Ok(x) => Value::Number(x),
            Err(_) if matches!(*value, "true" | "false") => Value::Bool(*value == "true"),
            Err(_) => Value::Text((*value).into()),
        };
        settings.set(name, &value).unwrap();
    }
    settings
}
