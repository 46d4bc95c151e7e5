//! The training of learned reward models: before a run for every seed, and whenever a lane asks for it.

mod trainer;

use crate::interrupt;
use goodhart_core::engine::Bases;
use goodhart_core::engine::reward_models::FirstTraining;
use goodhart_core::plan::Plan;
use goodhart_core::protocol::TrainedOn;
use goodhart_core::reward_models::{Job, TrainingReport};
use indicatif::ProgressBar;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The models of a seed before the run.
pub struct Trained {
    pub weights: Vec<f32>,
    pub report: Option<TrainingReport>,
    pub on: Option<TrainedOn>,
}

/// The models of every seed of a run, each learned when it is first asked for; none if the experiment learns none.
pub struct Models {
    by_seed: Vec<OnceLock<Result<Trained, String>>>,
    gpu: bool,
}

impl Models {
    /// `gpu`: a GPU may train them where it is faster, and then no two machines find the same bits.
    pub fn new(plan: &Plan, gpu: bool) -> Self {
        let seeds = if plan.reward_models.is_some() { plan.run.seeds } else { 0 };
        Self { by_seed: (0..seeds).map(|_| OnceLock::new()).collect(), gpu }
    }

    /// How many seeds have models.
    pub fn seeds(&self) -> usize {
        self.by_seed.len()
    }

    /// The models of a seed; whoever asks meanwhile waits for them.
    pub fn of(
        &self,
        plan: &Arc<Plan>,
        seed: usize,
        bases: Option<&Bases>,
        bar: &ProgressBar,
    ) -> Result<Option<&Trained>, String> {
        let Some(slot) = self.by_seed.get(seed) else { return Ok(None) };
        let learn = || {
            let start = FirstTraining::new(plan, seed, bases)?.ok_or("the experiment learns no reward model")?;
            let (trained, on) = trainer::train(start.job(), self.gpu, &mut |_| bar.inc(1))?;
            let (weights, report) = start.finish(trained);
            Ok(Trained { weights, report, on })
        };
        slot.get_or_init(learn).as_ref().map(Some).map_err(Clone::clone)
    }

    /// Learns the models of all seeds with a progress bar.
    pub fn learn_all(
        &self,
        plan: &Arc<Plan>,
        bases: Option<&Bases>,
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
                if seed >= self.seeds() || interrupt::asked() {
                    return Ok(());
                }
                self.of(plan, seed, bases, bar)?;
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
    pub fn reports(&self) -> Vec<TrainingReport> {
        self.trained().filter_map(|trained| trained.report.clone()).collect()
    }

    /// Where the first of them were trained.
    pub fn on(&self) -> Option<TrainedOn> {
        self.trained().find_map(|trained| trained.on)
    }

    fn trained(&self) -> impl Iterator<Item = &Trained> {
        self.by_seed.iter().filter_map(|slot| slot.get()?.as_ref().ok())
    }

    /// The weights that a training in the middle of a run gives.
    pub fn again(&self, job: &Job) -> Result<Vec<f32>, String> {
        trainer::train(job, self.gpu, &mut |_| ()).map(|(weights, _)| weights)
    }
}
