//! The supervised warm start: the base policy that a run of a token task starts from, learned from generated
//! demonstrations by cross-entropy with Adam. Deterministic in the experiment, bit for bit, on every machine.

use crate::algorithm::settings::Optim;
use crate::algorithm::{self, Settings};
use crate::experiment::{Base, Experiment, RunParams, VERSION};
use crate::math;
use crate::params::Params;
use crate::plan::Plan;
use crate::policy::{Inputs, Interface, Policy};
use crate::tasks::{DrawKey, Play, TokenTask};
use std::sync::Arc;

/// Keeps the warm start's prompts apart from those of any run.
const SEED_SPACE: u32 = 0xba5e_0000;

/// A warm start under way.
pub struct WarmStart {
    plan: Arc<Plan>,
    base: Base,
    policy: Box<dyn Policy>,
    settings: Settings,
    params: Vec<f32>,
    grads: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
    step: u32,
    prompts: Vec<u32>,
    /// Demonstrations, [batch][T], and their lengths.
    tokens: Vec<u32>,
    lengths: Vec<u32>,
    logits: Vec<f32>,
    logp: Vec<f32>,
    dlogits: Vec<f32>,
}

impl WarmStart {
    /// Of the base policy of that number, before the first step; None if the experiment starts from its initial parameters.
    pub fn new(plan: &Arc<Plan>, number: u32) -> Option<Self> {
        let base = plan.base.as_ref()?.alone(number);
        let Play::Tokens(_) = &plan.task.play else { return None };
        let batch = base.batch as usize;
        let interface = Interface { n_samples: batch, n_groups: batch, ..plan.interface };
        let policy = plan.policy.build(&plan.policy_params, &interface).ok()?;
        let n = policy.n_params();
        let mut params = vec![0.0; n];
        policy.init(base.seed, &mut params);
        Some(Self {
            plan: plan.clone(),
            policy,
            settings: Settings { optim: Optim::Adam, ..Settings::default() },
            params,
            grads: vec![0.0; n],
            m: vec![0.0; n],
            v: vec![0.0; n],
            step: 0,
            prompts: vec![0; batch * plan.interface.prompt_len],
            tokens: vec![0; batch * plan.steps()],
            lengths: vec![0; batch],
            logits: Vec::new(),
            logp: Vec::new(),
            dlogits: Vec::new(),
            base,
        })
    }

    /// Steps done, and all of them.
    pub fn progress(&self) -> (u32, u32) {
        (self.step, self.base.steps)
    }

    /// The parameters so far.
    pub fn params(&self) -> &[f32] {
        &self.params
    }

    /// One step; gives the loss before it, in nats a token.
    pub fn step(&mut self) -> f32 {
        let plan = self.plan.clone();
        let Play::Tokens(task) = &plan.task.play else { return f32::NAN };
        self.demonstrate(task.as_ref());
        let loss = self.forward();
        self.grads.fill(0.0);
        let values = vec![0.0; if plan.interface.critic { self.logp.len() / plan.task.n_actions } else { 0 }];
        self.policy.backward(&self.params, &self.dlogits, &values, &mut self.grads);
        algorithm::clip_gradients(&mut self.grads, self.settings.max_grad_norm);
        let progress = self.step as f32 / self.base.steps as f32;
        let rate = self.base.learning_rate * (1.0 - 0.9 * progress);
        self.step += 1;
        algorithm::optimize(&self.settings, rate, self.step, &mut self.params, &self.grads, &mut self.m, &mut self.v);
        loss
    }

    fn demonstrate(&mut self, task: &dyn TokenTask) {
        let (prompt_len, steps) = (self.plan.interface.prompt_len, self.plan.steps());
        for i in 0..self.base.batch as usize {
            let seed = SEED_SPACE.wrapping_add(self.base.seed);
            let key = DrawKey { seed, update: self.step, group: i as u32, sample: 0 };
            let prompt = &mut self.prompts[i * prompt_len..(i + 1) * prompt_len];
            task.prompt(key, prompt);
            let out = &mut self.tokens[i * steps..(i + 1) * steps];
            self.lengths[i] = task.demonstration(key, prompt, out) as u32;
        }
    }

    /// Fills logp and dlogits [rows][V] of the mean cross-entropy; gives it.
    fn forward(&mut self) -> f32 {
        let (actions, steps, batch) = (self.plan.task.n_actions, self.plan.steps(), self.base.batch);
        let groups: Vec<u32> = (0..batch).collect();
        self.policy.reset(&self.params, &self.prompts, &groups);
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for t in 0..steps {
            for i in (0..batch as usize).filter(|i| self.lengths[*i] as usize > t) {
                inputs.push(if t == 0 { 0 } else { self.tokens[i * steps + t - 1] });
                targets.push(self.tokens[i * steps + t]);
            }
        }
        self.logits.resize(targets.len() * actions, 0.0);
        self.logp.resize(targets.len() * actions, 0.0);
        let mut values = vec![0.0; if self.plan.interface.critic { targets.len() } else { 0 }];
        let inputs = Inputs::Tokens(&inputs);
        self.policy.replay(&self.params, &self.lengths, inputs, &mut self.logits, &mut values);
        math::log_softmax_rows(&self.logits, &mut self.logp, actions);
        let scale = 1.0 / targets.len().max(1) as f32;
        self.dlogits.resize(self.logp.len(), 0.0);
        math::exp_all(&self.logp, &mut self.dlogits);
        self.dlogits.iter_mut().for_each(|p| *p *= scale);
        let mut loss = 0.0;
        for (r, target) in targets.iter().enumerate() {
            let at = r * actions + *target as usize;
            loss -= self.logp[at];
            self.dlogits[at] -= scale;
        }
        loss * scale
    }
}

/// Base policies that ship as files begin with this.
const MAGIC: &[u8; 8] = b"goodbase";

/// The bytes of a base policy's static file: magic, then the parameters as little-endian f32.
pub fn to_bytes(params: &[f32]) -> Vec<u8> {
    MAGIC.iter().copied().chain(params.iter().flat_map(|x| x.to_le_bytes())).collect()
}

/// The parameters of a base policy's file; the sentence says what is wrong with it.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<f32>, &'static str> {
    let body = bytes.strip_prefix(MAGIC.as_slice()).ok_or("the base policy's file does not begin as one")?;
    let (words, rest) = body.as_chunks::<4>();
    let params: Vec<f32> = words.iter().map(|w| f32::from_le_bytes(*w)).collect();
    if rest.is_empty() && params.iter().all(|x| x.is_finite()) {
        Ok(params)
    } else {
        Err("the base policy's file is damaged")
    }
}

/// A key under which the base policy of a number is cached: it changes whenever the parameters would.
pub fn key(experiment: &Experiment, number: u32) -> String {
    let base = experiment.base.as_ref().map(|base| base.alone(number));
    let parts = (&experiment.task, &experiment.policy, &base, VERSION);
    let text = serde_json::to_string(&parts).unwrap_or_default();
    let words: Vec<f32> = text.bytes().map(f32::from).collect();
    format!("base-{:016x}", math::digest(&words))
}

/// The base policies that the seeds of an experiment start from, each with its key; none where they start from their initial
/// parameters.
pub fn keys(experiment: &Experiment) -> Vec<(u32, String)> {
    let Some(base) = experiment.base.as_ref().filter(|base| base.steps > 0) else { return Vec::new() };
    let run = RunParams::resolve(&[&experiment.run]).unwrap_or_default();
    base.numbers(&run).into_iter().map(|number| (number, key(experiment, number))).collect()
}
