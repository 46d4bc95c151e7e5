//! The training of learned reward models: before a run for every seed, and whenever a lane asks for it.

mod trainer;

use goodhart_core::plan::Plan;
use goodhart_core::reward_models::{Job, Report, Start};
use indicatif::ProgressBar;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The models of a seed before the run.
pub struct Trained {
    pub weights: Vec<f32>,
    pub report: Option<Report>,
}

/// The models of every seed of a run, each learned when it is first asked for; none if the experiment learns none.
pub struct Models(Vec<OnceLock<Result<Trained, String>>>);

impl Models {
    pub fn new(plan: &Plan) -> Self {
        let seeds = if plan.reward_models.is_some() { plan.run.seeds } else { 0 };
        Self((0..seeds).map(|_| OnceLock::new()).collect())
    }

    /// How many seeds have models.
    pub fn seeds(&self) -> usize {
        self.0.len()
    }

    /// The models of a seed; whoever asks meanwhile waits for them.
    pub fn of(
        &self,
        plan: &Arc<Plan>,
        seed: usize,
        base: Option<&[f32]>,
        bar: &ProgressBar,
    ) -> Result<Option<&Trained>, String> {
        let Some(slot) = self.0.get(seed) else { return Ok(None) };
        let learn = || {
            let start = Start::new(plan, seed, base)?.ok_or("the experiment learns no reward model")?;
            let (weights, report) = start.finish(trainer::train(start.job(), &mut |_| bar.inc(1))?);
            Ok(Trained { weights, report })
        };
        slot.get_or_init(learn).as_ref().map(Some).map_err(Clone::clone)
    }

    /// Learns the models of all seeds with a progress bar.
    pub fn learn_all(
        &self,
        plan: &Arc<Plan>,
        base: Option<&[f32]>,
        threads: usize,
        bar: &ProgressBar,
    ) -> Result<(), String> {
        let Some(models) = &plan.reward_models else { return Ok(()) };
        bar.set_message("learning the reward models");
        bar.set_length(self.seeds() as u64 * u64::from(models.params.steps));
        let next = AtomicUsize::new(0);
        let work = || -> Result<(), String> {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= self.seeds() {
                    return Ok(());
                }
                self.of(plan, seed, base, bar)?;
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.min(self.seeds())).map(|_| scope.spawn(work)).collect();
            let fault =
                || Err("the training of the reward models stopped by a fault of its own; please report it".into());
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| fault()))
        })?;
        bar.reset();
        Ok(())
    }

    /// What the models came to before the run, by seed.
    pub fn reports(&self) -> Vec<Report> {
        self.0.iter().filter_map(|slot| slot.get()?.as_ref().ok()?.report.clone()).collect()
    }
}

/// The weights that a training gives.
pub fn train(job: &Job) -> Result<Vec<f32>, String> {
    trainer::train(job, &mut |_| ())
}
