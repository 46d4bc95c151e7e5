//! One session after another: a loop that takes commands, trains while it may, and reports.

use crate::device;
use crate::edge;
use crate::models;
use crate::report::Reports;
use crate::tried::Tried;
use crate::view::View;
use goodhart_core::engine::warm_start::WarmStart;
use goodhart_core::engine::{BasePolicy, Bases, Checkpoint, Engine, EngineKind, LaneId, lanes_of};
use goodhart_core::experiment::Experiment;
use goodhart_core::params::Overrides;
use goodhart_core::plan::{self, Plan};
use goodhart_core::protocol::{Command, EngineInfo, Event};
use std::sync::Arc;

/// Milliseconds of training before commands are looked at.
const SLICE: f64 = 12.0;
/// Checkpoints are kept against a crash, and to go back to what is on screen: as often as costs a twentieth of the time,
/// within these milliseconds: two of them reach further back than the screen is behind.
const CHECKPOINT_SHARE: f64 = 20.0;
const CHECKPOINT_EVERY: (f64, f64) = (400.0, 4000.0);

/// Most bytes that a worker may hold when another run comes.
const MOST_KEPT: usize = 6 << 20;

/// A run that has been loaded.
struct Session {
    run: u32,
    plan: Arc<Plan>,
    seeds: Vec<u32>,
    engine: Engine,
    view: View,
    reports: Reports,
    /// Updates left before it pauses; 0 = paused.
    left: u32,
    /// It waits at this update until told more.
    pace: u32,
    delay_ms: u32,
    /// When the next checkpoint is due; the first one is after the first update.
    next_checkpoint: f64,
}

/// Serves commands for as long as the worker lives.
pub async fn serve() {
    edge::listen();
    edge::beat_regularly();
    edge::post(&Event::Started { adapter: device::adapter().await });
    let mut session: Option<Session> = None;
    let mut tried = Tried::default();
    loop {
        while let Some(command) = edge::next_command() {
            session = handle(session, &mut tried, command).await;
        }
        match &mut session {
            // What it has is said before it waits: the others are told of it.
            Some(s) if s.left > 0 && s.is_ahead() => {
                s.report(false).await;
                edge::wait_for_command().await;
            }
            Some(s) if s.left > 0 => {
                if let Err(message) = s.train().await {
                    let (run, checkpoint) = edge::remembered();
                    edge::post(&Event::Failed { run, message, checkpoint });
                    session = None;
                } else {
                    edge::give_way().await;
                }
            }
            _ => edge::wait_for_command().await,
        }
    }
}

async fn handle(session: Option<Session>, tried: &mut Tried, command: Command) -> Option<Session> {
    if let Command::Load { run, experiment, seeds, engine, bases, checkpoint } = command {
        if tried.others(&experiment) && edge::memory() > MOST_KEPT {
            edge::post(&Event::Outgrown { run });
            return None;
        }
        // The next run takes its memory.
        drop(session);
        edge::begin(run, checkpoint.clone());
        edge::post(&Event::Alive { run });
        let loaded = Session::load(run, &experiment, &seeds, engine, bases, checkpoint).await;
        return loaded
            .map_err(|message| edge::post(&Event::Failed { run, message, checkpoint: edge::remembered().1 }))
            .ok();
    }
    let mut session = session?;
    match command {
        Command::Load { .. } => {}
        Command::Run { run, delay_ms } if run == session.run => session.go(u32::MAX, delay_ms),
        Command::Step { run, n } if run == session.run => session.go(n, 0),
        Command::Pause { run, at } if run == session.run => {
            if let Err(message) = session.pause(at).await {
                edge::post(&Event::Failed { run, message, checkpoint: edge::remembered().1 });
                return None;
            }
        }
        Command::Pace { run, update } if run == session.run => session.pace = update,
        Command::SetProgram { run, arm, edit, code } if run == session.run => {
            let error = session.set_program(arm as usize, &code).await.err();
            session.edited(arm, edit, error).await;
        }
        Command::SetAlgorithm { run, arm, edit, algorithm } if run == session.run => {
            let error = session.set_settings(arm as usize, &algorithm).err();
            session.edited(arm, edit, error).await;
        }
        Command::Watch { run, arm, seed } if run == session.run => {
            if let Err(message) = session.watch(LaneId { arm: arm as usize, seed: seed as usize }).await {
                edge::post(&Event::Failed { run, message, checkpoint: edge::remembered().1 });
                return None;
            }
        }
        Command::Save { run } if run == session.run => match session.checkpoint().await {
            Ok(checkpoint) => {
                let event = Event::Checkpointed { run, checkpoint };
                edge::post(&event);
                if let Event::Checkpointed { checkpoint, .. } = event {
                    edge::remember(checkpoint);
                }
            }
            Err(message) => {
                edge::post(&Event::Failed { run, message, checkpoint: edge::remembered().1 });
                return None;
            }
        },
        // A command to an older run.
        _ => {}
    }
    Some(session)
}

impl Session {
    async fn load(
        run: u32,
        experiment: &Experiment,
        seeds: &[u32],
        kind: EngineKind,
        mut bases: Bases,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Self, String> {
        let plan = Arc::new(plan::plan(experiment).map_err(|problems| plan::join(&problems))?);
        let lanes = lanes_of(&plan, seeds);
        warm_up(run, &plan, &mut bases).await?;
        let bases = plan.base.is_some().then_some(&bases);
        let compiled = |stage: usize, of: usize| {
            edge::post(&Event::CompileProgress { run, stage: stage as u32, of: of as u32 });
        };
        let (mut engine, adapter) = device::open(kind, &plan, &lanes, bases, compiled).await?;
        let watched = lanes.first().copied().unwrap_or(LaneId { arm: 0, seed: 0 });
        let mut view = View::new(&mut engine, &plan, watched)?;
        match &checkpoint {
            // It has the lanes' reward models too.
            Some(checkpoint) => {
                engine.restore(checkpoint)?;
                view.restored(checkpoint.update);
            }
            None => {
                let gpu = may_train_on_gpu(&engine);
                for (seed, weights) in models::first(run, &plan, seeds, bases, gpu).await? {
                    let own = lanes.iter().filter(|lane| lane.seed == seed as usize);
                    own.into_iter().try_for_each(|lane| engine.set_reward_models(*lane, &weights))?;
                }
            }
        }
        let engine_info = EngineInfo { kind, adapter };
        if checkpoint.is_none() {
            edge::remember(engine.checkpoint().await?);
        }
        edge::post(&Event::Ready { run, engine: engine_info });
        let (reports, next_checkpoint) = (Reports::default(), 0.0);
        Ok(Self {
            run,
            plan,
            seeds: seeds.to_vec(),
            engine,
            view,
            reports,
            left: 0,
            pace: u32::MAX,
            delay_ms: 0,
            next_checkpoint,
        })
    }

    /// Trains at most so many updates, and the reward models that are due behind them; gives how many.
    async fn advance(&mut self, most: u32) -> Result<u32, String> {
        let updates = self.engine.advance(most, &mut self.reports).await?;
        let jobs = self.engine.reward_model_jobs().await?;
        for (lane, weights) in models::again(jobs, may_train_on_gpu(&self.engine)).await? {
            self.engine.set_reward_models(lane, &weights)?;
        }
        Ok(updates)
    }

    async fn set_program(&mut self, arm: usize, code: &str) -> Result<(), String> {
        self.has_arm(arm)?;
        self.engine.set_program(arm, self.plan.compile(code)?).await
    }

    fn set_settings(&mut self, arm: usize, algorithm: &Overrides) -> Result<(), String> {
        self.has_arm(arm)?;
        self.engine.set_settings(arm, self.plan.settings(algorithm)?)
    }

    fn has_arm(&self, arm: usize) -> Result<(), String> {
        if arm < self.plan.arms.len() { Ok(()) } else { Err(format!("this run has no arm {arm}")) }
    }

    fn go(&mut self, updates: u32, delay_ms: u32) {
        let to_the_end = self.plan.run.updates.saturating_sub(self.engine.update_count());
        self.left = updates.min(to_the_end);
        self.delay_ms = delay_ms;
        self.reports.restart_clock(edge::now());
        if self.left == 0 {
            self.post_paused();
        }
    }

    fn post_paused(&self) {
        let update = self.engine.update_count();
        edge::post(&Event::Paused { run: self.run, update, finished: update >= self.plan.run.updates });
    }

    /// Whether it has trained as far as it may.
    fn is_ahead(&self) -> bool {
        self.engine.update_count() >= self.pace
    }

    async fn pause(&mut self, at: Option<u32>) -> Result<(), String> {
        self.left = 0;
        self.engine.settle(&mut self.reports).await?;
        if let Some(at) = at.filter(|at| self.engine.update_count() > *at) {
            self.go_back(at).await?;
        }
        self.report(true).await;
        self.post_paused();
        Ok(())
    }

    /// A checkpoint; the rows before it have been sent: a run that goes on from it must not miss any.
    async fn checkpoint(&mut self) -> Result<Checkpoint, String> {
        self.engine.settle(&mut self.reports).await?;
        // With an anatomy if one is due: where every update ends in a checkpoint, no other report has any rows.
        self.report(false).await;
        self.engine.checkpoint().await
    }

    /// Trains from a checkpoint to an update that was passed: the same bits again.
    async fn go_back(&mut self, at: u32) -> Result<(), String> {
        let Some((checkpoint, at)) = edge::before(at).filter(|(_, at)| *at <= self.engine.update_count()) else {
            return Ok(());
        };
        self.engine.restore(&checkpoint)?;
        self.view.restored(checkpoint.update);
        self.reports.forget_from(checkpoint.update);
        let mut start = edge::now();
        while self.engine.update_count() < at {
            let left = at - self.engine.update_count();
            if self.advance(left).await? == 0 {
                break;
            }
            if edge::now() - start >= SLICE {
                edge::give_way().await;
                start = edge::now();
            }
        }
        self.engine.settle(&mut self.reports).await?;
        edge::forget_after(at);
        Ok(())
    }

    /// Shows another lane from now on. A run that rests makes its last update once more, for that lane's part in it.
    async fn watch(&mut self, lane: LaneId) -> Result<(), String> {
        self.view.watch(&mut self.engine, &self.plan, lane)?;
        if self.left > 0 {
            return Ok(());
        }
        let update = self.engine.update_count();
        if update > 0 && self.plan_has(lane) && self.view.anatomy(&mut self.engine, true).await.is_none() {
            self.go_back(update).await?;
        }
        self.report(true).await;
        Ok(())
    }

    /// Whether a lane is one of this worker's.
    fn plan_has(&self, lane: LaneId) -> bool {
        lane.arm < self.plan.arms.len() && self.seeds.contains(&(lane.seed as u32))
    }

    /// An edit is in use: what was trained before it cannot be gone back to.
    async fn edited(&mut self, arm: u32, edit: u32, error: Option<String>) {
        let update = self.engine.update_count();
        if error.is_none()
            && let Ok(checkpoint) = self.checkpoint().await
        {
            edge::begin(self.run, Some(checkpoint));
        }
        edge::post(&Event::Edited { run: self.run, arm, edit, update, error });
    }

    /// Trains for a slice of time, then reports if it is time to.
    async fn train(&mut self) -> Result<(), String> {
        let start = edge::now();
        loop {
            let may = self.pace.saturating_sub(self.engine.update_count()).min(self.left);
            let done = if may > 0 { self.advance(may).await? } else { 0 };
            self.left -= done.min(self.left);
            if self.delay_ms > 0 && self.left > 0 {
                self.engine.settle(&mut self.reports).await?;
                self.report_if_due().await;
                edge::sleep(self.delay_ms).await;
                break;
            }
            if self.left == 0 || self.is_ahead() || edge::now() - start >= SLICE {
                break;
            }
        }
        if self.left == 0 {
            self.pause(None).await?;
        } else {
            self.report_if_due().await;
        }
        self.checkpoint_if_due().await
    }

    /// Keeps a checkpoint if it is time to, or if the run comes to rest.
    async fn checkpoint_if_due(&mut self) -> Result<(), String> {
        let start = edge::now();
        if start < self.next_checkpoint && self.left > 0 {
            return Ok(());
        }
        let checkpoint = self.checkpoint().await?;
        let event = Event::Checkpointed { run: self.run, checkpoint };
        edge::post(&event);
        if let Event::Checkpointed { checkpoint, .. } = event {
            edge::remember(checkpoint);
        }
        let now = edge::now();
        let (least, most) = CHECKPOINT_EVERY;
        self.next_checkpoint = now + (CHECKPOINT_SHARE * (now - start)).clamp(least, most);
        Ok(())
    }

    async fn report_if_due(&mut self) {
        if self.reports.due(edge::now()) || self.delay_ms > 0 {
            self.report(false).await;
        }
    }

    async fn report(&mut self, whole: bool) {
        let now = edge::now();
        let anatomy = if whole || self.reports.anatomy_due(now) {
            self.view.anatomy(&mut self.engine, whole).await
        } else {
            None
        };
        if anatomy.is_some() {
            // What is exact keeps a pace of its own.
            self.reports.anatomy_took(edge::now() - now - self.view.exact_took());
        }
        if let Some(event) = self.reports.report(self.run, now, anatomy) {
            edge::post(&event);
        }
    }
}

/// Whether a GPU may train reward models too. The CPU engine's promise is the same bits every time, and what is chosen by a
/// clock cannot keep it; the WebGPU engine runs on a graphics card, or where a person asked for it.
fn may_train_on_gpu(engine: &Engine) -> bool {
    engine.kind() == EngineKind::Gpu
}

/// Learns the base policies of the run that are not at hand, with progress on screen; none if the experiment has none.
async fn warm_up(run: u32, plan: &Arc<Plan>, bases: &mut Bases) -> Result<(), String> {
    let numbers = plan.base.as_ref().map(|base| base.numbers(&plan.run)).unwrap_or_default();
    let missing: Vec<u32> = numbers.into_iter().filter(|number| !bases.has(*number)).collect();
    let mut last = 0.0;
    for (done, number) in missing.iter().enumerate() {
        let Some(mut warm) = WarmStart::new(plan, *number) else { continue };
        let (_, steps) = warm.progress();
        let of = steps * missing.len() as u32;
        for step in 0..steps {
            let loss = warm.step();
            let now = edge::now();
            if now - last >= 60.0 {
                last = now;
                edge::post(&Event::BaseProgress { run, step: steps * done as u32 + step + 1, of, loss });
                edge::give_way().await;
                if edge::is_superseded() {
                    return Err("another run has taken its place".into());
                }
            }
        }
        let params = warm.params().to_vec();
        edge::post(&Event::Base { run, policy: BasePolicy { number: *number, params: params.clone() } });
        bases.put(*number, params);
    }
    Ok(())
}
