//! What an experiment costs, known from its plan before anything runs: how long an update takes, and how much memory a
//! run needs. Both are bounds: every sample is taken to be as long as it may be.

use super::arm::PlannedArm;
use crate::algorithm::settings::DynamicSampling;
use crate::episode_fields::exploration::Exploration;
use crate::experiment::RunParams;
use crate::metrics::columns::COLUMNS;
use crate::policy::{Interface, Size};
use crate::reward::Crowd;
use crate::reward_models::RewardModels;
use crate::tasks::Task;
use serde::{Deserialize, Serialize};

/// Most bytes that the engine of all lanes and their checkpoints may need: no page has more, however few its workers.
pub const MOST_BYTES: f64 = 4e9;
/// Seconds of an update beyond which a person is asked first.
pub const PATIENCE: f64 = 20.0;

/// Operations of a reward program, and multiplications of a policy, that one core does in a second in a browser.
const OPERATIONS: f64 = 1.5e8;
const PRODUCTS: f64 = 1.5e9;
/// What a step costs beside them, in multiplications, and what every action of it adds: the task, the draw, the loss.
const STEP: f64 = 300.0;
const ACTION: f64 = 40.0;
/// Lists of numbers grow by doubling: how much larger than its numbers one is on average.
const SLACK: f64 = 1.5;
/// Copies of a lane's state: four in the engine's worker (those that it goes back to, and one on its way), three in the
/// page (in use, as bytes, and as what the browser keeps).
const COPIES_IN_WORKER: f64 = 4.0;
const COPIES_IN_PAGE: f64 = 3.0;

/// What an update and a run cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// Samples of a lane's update, arms, seeds and updates.
    samples: usize,
    arms: usize,
    seeds: usize,
    updates: usize,
    /// Operations of the costliest reward program for one sample.
    operations: f64,
    /// Operations of the programs, and multiplications of the policies, in an update of the lanes of one seed.
    programs: f64,
    products: f64,
    /// Bytes of what the lanes of a worker share, of a lane itself, of its state in a checkpoint, and of its metrics.
    shared: f64,
    lane: f64,
    state: f64,
    metrics: f64,
}

/// How an experiment fits into a browser.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Workers that there is memory for; 0 where nothing is known.
    pub workers: usize,
    /// Seconds of an update on the worker that has the most lanes.
    pub seconds: f64,
    pub bytes: f64,
    /// What is known before it runs, in a sentence.
    pub says: String,
    /// What a person is to be asked before it runs, or nothing.
    pub asks: String,
}

/// What a cost is made of.
pub(super) struct Parts<'a> {
    pub task: &'a Task,
    pub run: &'a RunParams,
    pub interface: &'a Interface,
    pub size: Size,
    pub arms: &'a [PlannedArm],
    pub reward_models: Option<&'a RewardModels>,
    pub exploration: Option<&'a Exploration>,
    /// Base policies that lanes start from, which are their references; 0: each lane has its own start.
    pub bases: usize,
}

impl Cost {
    pub(super) fn new(parts: &Parts<'_>) -> Self {
        let Parts { task, run, interface, size, arms, .. } = parts;
        let samples = interface.n_samples;
        let rows = samples * interface.horizon;
        let crowd = Crowd { group: run.num_generations as usize, batch: samples };
        let operations: Vec<f64> = arms.iter().map(|arm| arm.program.operations(crowd)).collect();
        let models = parts.reward_models.map_or(0, RewardModels::n_weights);
        let counters = parts.exploration.map_or(0, Exploration::buckets);
        let passes = |arm: &PlannedArm| {
            // The rollout, the reference, and every replay with its way back, which costs two passes; the first way back
            // needs no replay.
            f64::from(1 + 3 * arm.settings.num_iterations)
        };
        // A row is kept as far as any component has a place in it.
        let components = arms.iter().map(|arm| arm.program.components.len()).max().unwrap_or(0);
        let width = COLUMNS.len() + 3 * components;
        let prompts = interface.n_groups * interface.prompt_len;
        let pass = (rows + prompts) as f64 * size.products as f64;
        let step = STEP + ACTION * interface.n_actions as f64;
        let products: f64 = arms.iter().map(|arm| passes(arm) * pass + rows as f64 * step).sum();
        let past = arms.iter().filter(|arm| arm.settings.dynamic_sampling == DynamicSampling::Refill);
        let past = past.map(|arm| arm.settings.ssb_size as usize).max().unwrap_or(0);
        let packed = interface.horizon * (6 + interface.active + interface.n_actions) + interface.prompt_len + 2;
        let state = (3 * size.params + models + counters + past * packed) as f64;
        let inputs = 8 + interface.active + interface.n_actions;
        let shared =
            rows * (size.kept(interface) + inputs) + 2 * samples * task.schema.stride + (4 + parts.bases) * size.params;
        let reference = if parts.bases > 0 { 0 } else { size.params };
        Self {
            samples,
            arms: arms.len(),
            seeds: run.seeds as usize,
            updates: run.updates as usize,
            operations: operations.iter().copied().fold(0.0, f64::max),
            programs: samples as f64 * operations.iter().sum::<f64>(),
            products: products + (arms.len() * samples * models) as f64,
            shared: 4.0 * shared as f64,
            lane: 4.0 * (state + reference as f64),
            state: 4.0 * state,
            metrics: 4.0 * SLACK * (width * run.updates as usize) as f64,
        }
    }

    /// Seconds of an update on each of some workers (browser), as long as the fullest takes.
    pub fn seconds(&self, workers: usize) -> f64 {
        let seeds = self.seeds.div_ceil(workers.max(1)) as f64;
        seeds * (self.programs / OPERATIONS + self.products / PRODUCTS)
    }

    /// Bytes of a run whose lanes are trained side by side by some workers, and shown.
    pub fn bytes(&self, workers: usize) -> f64 {
        let lanes = (self.arms * self.seeds) as f64;
        let copies = COPIES_IN_WORKER + COPIES_IN_PAGE;
        workers as f64 * self.shared + lanes * (self.lane + copies * self.state + self.metrics)
    }

    /// The same without the metrics, which fill up as the run goes on.
    pub(super) fn bytes_at_start(&self) -> f64 {
        self.bytes(1) - (self.arms * self.seeds) as f64 * self.metrics
    }

    /// Bytes of a run whose lanes are trained one after another by some threads.
    pub fn bytes_in_turn(&self, threads: usize) -> f64 {
        let lanes = self.arms * self.seeds;
        threads.min(lanes) as f64 * (self.shared + self.lane) + lanes as f64 * self.metrics
    }

    /// What is known before a run in a terminal, in a sentence.
    pub fn says_in_turn(&self, threads: usize) -> String {
        let threads = threads.clamp(1, self.arms * self.seeds);
        let an_update = self.seconds(self.seeds) / self.arms as f64;
        let s = if threads == 1 { "" } else { "s" };
        let bytes = size(self.bytes_in_turn(threads));
        format!(
            "An update of a lane takes at most about {}, and the run {bytes} with {threads} thread{s}.",
            duration(an_update)
        )
    }

    /// How it fits into a browser with so many cores and so many bytes.
    ///
    /// Errors: not even one worker fits; the sentence says what to change.
    pub fn fit(&self, cores: usize, room: f64) -> Result<Fit, String> {
        if self.bytes(1) > room {
            return Err(self.too_large(room));
        }
        let wanted = cores.clamp(1, self.seeds.max(1));
        let workers = (1..=wanted).rev().find(|n| self.bytes(*n) <= room).unwrap_or(1);
        let (seconds, bytes) = (self.seconds(workers), self.bytes(workers));
        let mut says = format!("An update takes at most about {}, and the run {}", duration(seconds), size(bytes));
        says += match (workers, wanted) {
            (1, 1) => ".".to_string(),
            (n, m) if n == m => format!(" with {n} workers."),
            (n, m) => format!(" with {n} worker{}: there is no room for {m}.", if n == 1 { "" } else { "s" }),
        }
        .as_str();
        let asks = if seconds > PATIENCE { self.slow(seconds) } else { String::new() };
        Ok(Fit { workers, seconds, bytes, says, asks })
    }

    /// What is said of an update that takes long.
    fn slow(&self, seconds: f64) -> String {
        let what = if self.programs / OPERATIONS > self.products / PRODUCTS {
            format!("a reward program of up to {} operations a sample", count(self.operations))
        } else {
            "the policy's own arithmetic".into()
        };
        format!(
            "One update of this experiment may take about {} ({} samples for each of {} lanes, most of it {what}).",
            duration(seconds),
            count(self.samples as f64),
            self.arms * self.seeds
        )
    }

    /// What is said of a run that does not fit.
    pub fn too_large(&self, room: f64) -> String {
        let lanes = (self.arms * self.seeds) as f64;
        let policies = lanes * (self.lane + (COPIES_IN_WORKER + COPIES_IN_PAGE) * self.state);
        let parts = [
            (self.shared, format!("the {} samples of an update", count(self.samples as f64))),
            (policies, format!("the policies of {lanes} lanes and their checkpoints")),
            (lanes * self.metrics, format!("the metrics of {} updates", count(self.updates as f64))),
        ];
        let parts: Vec<String> = parts.iter().map(|(bytes, what)| format!("{} for {what}", size(*bytes))).collect();
        format!(
            "this run needs about {} ({}), and there is room for {}: take fewer seeds, arms, samples or updates, or a smaller policy",
            size(self.bytes(1)),
            parts.join(", "),
            size(room)
        )
    }
}

/// A time in words: "0.3 s", "12 s", "50 min", "3 h".
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => "1 ms".into(),
        s if s < 0.1 => format!("{:.0} ms", 1000.0 * s),
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}

/// Bytes in words: "12 MB", "1.5 GB".
pub fn size(bytes: f64) -> String {
    if bytes < 1e9 { format!("{:.0} MB", (bytes / 1e6).max(1.0)) } else { format!("{:.1} GB", bytes / 1e9) }
}

/// A count in words: "300", "65 thousand", "1.2 million".
fn count(n: f64) -> String {
    match n {
        n if n < 10_000.0 => format!("{n:.0}"),
        n if n < 1e6 => format!("{:.0} thousand", n / 1e3),
        n => format!("{:.1} million", n / 1e6),
    }
}

#[cfg(test)]
#[path = "cost_tests.rs"]
mod tests;
