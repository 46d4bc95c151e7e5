//! Many experiments trained at once: one queue of all their lanes, one lane at a time a core.

use super::case::Case;
use crate::base::base_policies;
use crate::failure::Failure;
use crate::measure;
use crate::reward_models::Models;
use crate::train::{Training, train_lane};
use goodhart_core::engine::{Bases, LaneId, lanes_of};
use goodhart_core::metrics::Curves;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::time::Instant;

/// One piece of an experiment's work.
#[derive(Clone, Copy)]
enum Piece {
    /// The reward models of a seed.
    Models(usize),
    Lane(LaneId),
}

/// An experiment in training.
struct Job<'a> {
    case: &'a Case,
    lanes: Vec<LaneId>,
    bases: OnceLock<Option<Bases>>,
    models: Models,
    done: Mutex<Done>,
}

struct Done {
    curves: Curves,
    lanes: usize,
    seconds: f64,
}

/// Trains all cases on the CPU engine and calls `report` with each as soon as its last lane is done; gives what it
/// answered, in the order of cases. Those that took longest last time (`seconds`) come first.
pub fn train<T>(
    cases: &[Case],
    seconds: &dyn Fn(&Case) -> f64,
    report: &mut dyn FnMut(&Case, &Training) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let jobs: Vec<Job> = cases.iter().map(Job::new).collect();
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by(|a, b| seconds(&cases[*b]).total_cmp(&seconds(&cases[*a])));
    let queue: Vec<(usize, Piece)> =
        order.iter().flat_map(|job| jobs[*job].pieces().map(move |piece| (*job, piece))).collect();
    let bar = ProgressBar::new(jobs.iter().map(Job::updates).sum());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} updates, {eta} left") {
        bar.set_style(style);
    }
    let threads = measure::cores().clamp(1, queue.len().max(1));
    let engine = format!("CPU engine, {threads} threads");
    let next = AtomicUsize::new(0);
    let (say, said) = mpsc::channel::<Result<usize, String>>();
    let mut checked: Vec<Option<T>> = cases.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (say, queue, jobs, bar, next) = (say.clone(), &queue, &jobs, &bar, &next);
            scope.spawn(move || {
                while let Some((job, piece)) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let finished = jobs[*job].work(*piece, bar);
                    let stop = finished.is_err();
                    let news = finished.map(|whole| whole.then_some(*job)).transpose();
                    if news.is_some_and(|news| say.send(news).is_err()) || stop {
                        return;
                    }
                }
            });
        }
        drop(say);
        // Whatever goes wrong, the other threads stop at their next lane.
        let stop = |failure| {
            next.store(queue.len(), Ordering::Relaxed);
            Err(failure)
        };
        for news in said {
            match news {
                Ok(job) => {
                    let training = jobs[job].training(&engine);
                    match bar.suspend(|| report(&cases[job], &training)) {
                        Ok(answer) => checked[job] = Some(answer),
                        Err(failure) => return stop(failure),
                    }
                }
                Err(message) => return stop(message.into()),
            }
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    let checked: Option<Vec<T>> = checked.into_iter().collect();
    checked.ok_or_else(|| "the CPU engine stopped by a fault of its own; please report it".into())
}

impl<'a> Job<'a> {
    fn new(case: &'a Case) -> Self {
        let seeds: Vec<u32> = (0..case.plan.run.seeds).collect();
        let lanes = lanes_of(&case.plan, &seeds);
        let curves = Curves::new(case.plan.arms.len(), seeds.len());
        let done = Mutex::new(Done { curves, lanes: 0, seconds: 0.0 });
        Self { case, lanes, bases: OnceLock::new(), models: Models::new(&case.plan, false), done }
    }

    fn updates(&self) -> u64 {
        self.lanes.len() as u64 * u64::from(self.case.plan.run.updates)
    }

    /// Reward models first: the lanes of a seed wait for its own.
    fn pieces(&self) -> impl Iterator<Item = Piece> {
        let models = (0..self.models.seeds()).map(Piece::Models);
        models.chain(self.lanes.iter().map(|lane| Piece::Lane(*lane)))
    }

    /// Does one piece; true if it was the last lane of the experiment.
    fn work(&self, piece: Piece, bar: &ProgressBar) -> Result<bool, String> {
        let Case { experiment, plan, file, .. } = self.case;
        let bases = self.bases.get_or_init(|| base_policies(experiment, plan, &ProgressBar::hidden()));
        let started = Instant::now();
        let said = |e: String| format!("{}: {e}", file.display());
        let lane = match piece {
            Piece::Lane(lane) => lane,
            Piece::Models(seed) => {
                self.models.of(plan, seed, bases.as_ref(), &ProgressBar::hidden()).map_err(said)?;
                let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                done.seconds += started.elapsed().as_secs_f64();
                return Ok(false);
            }
        };
        let rows = train_lane(plan, lane, bases.as_ref(), &self.models, bar).map_err(said)?;
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.curves.put_lane(lane.arm, lane.seed, &rows);
        done.lanes += 1;
        done.seconds += started.elapsed().as_secs_f64();
        Ok(done.lanes == self.lanes.len())
    }

    /// The finished training; its rows are handed out once.
    fn training(&self, engine: &str) -> Training {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = &self.case.plan;
        Training {
            arms: plan.arms.iter().map(|arm| arm.name.clone()).collect(),
            components: plan.arms.iter().map(|arm| arm.components()).collect(),
            curves: std::mem::take(&mut done.curves),
            first_seed: plan.run.first_seed,
            reward_models: self.models.reports(),
            reward_models_on: self.models.on(),
            engine: engine.into(),
            engine_kind: "cpu",
            seconds: done.seconds,
        }
    }
}
