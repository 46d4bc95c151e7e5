//! Which engine, which worker, which seeds: the part of the session that splits a run among workers, and tries both
//! engines where there is a graphics card.

use super::messages::{Choice, ClientEvent, Effect};
use super::slot::{Slot, Stage};
use super::state::{Session, Trial, Wish};
use crate::model::run_params;
use goodhart_core::experiment::Base;
use goodhart_core::protocol::{Checkpoint, Command, EngineKind};

/// Updates of a trial; the first ones are slower than the rest.
pub(super) const TRIAL_UPDATES: u32 = 6;

impl Session {
    /// Splits the seeds among workers and loads them, from update 0 or from a checkpoint of all lanes.
    pub(super) fn begin(&mut self, checkpoint: Option<Checkpoint>) -> Vec<Effect> {
        let Some(plan) = &mut self.plan else { return Vec::new() };
        let mut effects = Vec::new();
        if self.choice == Choice::Gpu && self.adapter == Some(None) && !self.no_gpu {
            self.no_gpu = true;
            let message = "This browser offers no WebGPU adapter: the CPU trains this run instead.".into();
            effects.push(Effect::Tell(ClientEvent::Moved { message, rewind: None }));
        }
        let wants_gpu = match (self.choice, &self.adapter) {
            _ if self.no_gpu => false,
            (Choice::Cpu, _) => false,
            (Choice::Gpu, Some(_)) => true,
            (Choice::Auto, Some(Some(a))) if !a.software => match (&self.trial, self.faster) {
                (Some(trial), _) => trial.kind == EngineKind::Gpu,
                (None, Some(kind)) => kind == EngineKind::Gpu,
                (None, None) => {
                    self.trial = Some(Trial { kind: EngineKind::Cpu, cpu_rate: 0.0, wish: self.wish });
                    self.wish = Wish::Reach { update: TRIAL_UPDATES };
                    false
                }
            },
            (Choice::Auto, Some(_)) => false,
            // Which engine is not known before the first worker has looked for an adapter.
            (Choice::Auto | Choice::Gpu, None) => return self.start_again(),
        };
        self.run += 1;
        let from = checkpoint.map_or_else(|| std::mem::take(&mut plan.from), |c| vec![c]);
        plan.kind = if wants_gpu { EngineKind::Gpu } else { EngineKind::Cpu };
        let seeds = plan.seeds as usize;
        let workers = if wants_gpu {
            1
        } else if from.len() > 1 {
            from.len()
        } else {
            self.cores.min(plan.bounds.workers).min(seeds).max(1)
        };
        while self.slots.len() > workers {
            self.slots.pop();
            effects.push(Effect::Stop(self.slots.len()));
        }
        while self.slots.len() < workers {
            self.slots.push(Slot::default());
            effects.push(self.start_worker(self.slots.len() - 1));
        }
        for at in 0..workers {
            if self.slots[at].stage == Stage::Dead {
                effects.push(self.start_worker(at));
            }
            let own: Vec<u32> = (0..seeds as u32).filter(|s| *s as usize % workers == at).collect();
            let past = from.get(at).or(from.first());
            let lanes = past.map(|c| Checkpoint {
                update: c.update,
                lanes: c.lanes.iter().filter(|l| own.contains(&l.seed)).cloned().collect(),
            });
            self.slots[at].assign(own, lanes);
        }
        for edit in self.edits.values_mut() {
            edit.waiting = (0..workers).collect();
        }
        for at in 0..workers {
            effects.extend(self.load_slot(at));
        }
        effects
    }

    /// Starts the workers that could not be started before.
    fn start_again(&mut self) -> Vec<Effect> {
        let dead: Vec<usize> = (0..self.slots.len()).filter(|at| self.slots[*at].stage == Stage::Dead).collect();
        dead.into_iter()
            .map(|at| {
                self.slots[at] = Slot::default();
                self.start_worker(at)
            })
            .collect()
    }

    /// Sends a started worker its seeds. Where base policies of the run are missing, only the first is loaded: it makes
    /// them for all.
    pub(super) fn load_slot(&mut self, at: usize) -> Vec<Effect> {
        let (Some(plan), Some(slot)) = (&self.plan, self.slots.get_mut(at)) else { return Vec::new() };
        if !slot.started || slot.stage != Stage::Waiting || slot.seeds.is_empty() {
            return Vec::new();
        }
        let experiment = &plan.crew.experiment;
        let base = experiment.base.as_ref().filter(|base| base.steps > 0);
        let lacks = |base: &Base| base.numbers(&run_params(experiment)).iter().any(|number| !plan.bases.has(*number));
        if at > 0 && base.is_some_and(lacks) {
            return Vec::new();
        }
        slot.stage = Stage::Loading;
        slot.life.ask(self.now);
        vec![Effect::Send(
            at,
            Command::Load {
                run: self.run,
                experiment: Box::new(experiment.clone()),
                seeds: slot.seeds.clone(),
                engine: plan.kind,
                bases: plan.bases.clone(),
                checkpoint: slot.checkpoint.clone(),
            },
        )]
    }

    /// The engine on trial is through: the other one's turn, or the faster one's.
    pub(super) fn settle_trial(&mut self) -> Vec<Effect> {
        if !self.busy().all(|s| s.stage == Stage::Ready && s.paused && s.update > 0) {
            return Vec::new();
        }
        let rate = self.busy().map(|s| s.rate).fold(f32::INFINITY, f32::min);
        let Some(trial) = &mut self.trial else { return Vec::new() };
        if trial.kind == EngineKind::Cpu {
            trial.cpu_rate = rate;
            trial.kind = EngineKind::Gpu;
        } else {
            self.faster = Some(if rate > trial.cpu_rate { EngineKind::Gpu } else { EngineKind::Cpu });
            self.wish = trial.wish;
            self.trial = None;
            self.pause_reported = matches!(self.wish, Wish::Rest);
        }
        self.begin(None)
    }
}
