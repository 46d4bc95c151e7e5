//! The contextual bandit: one pull of one of K arms. A learned reward model scores the arm; it is right about most arms
//! up to an error, and a few arms exploit it.

use crate::math::rng::{below, draw, purpose, uniform};
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::dice::{bell, verdict};
use crate::tasks::kit::fields::Fields;
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::task::refuse;
use crate::tasks::{
    DrawKey, MAX_ACTIVE, Observation, Play, STATE_WORDS, State, StepTask, Table, Task, TaskKind, TaskView, Twin,
};

params! {
    /// Parameters of the bandit.
    pub struct BanditParams {
        arms: u32 = 16, 2 ..= 64, "arms", "Arms to choose from (K).";
        contexts: u32 = 4, 1 ..= 16, "contexts", "Contexts; each group draws one, and each has its own payoffs.";
        features: u32 = 4, 1 ..= 8, "", "Features of an arm that a program sees; the last one is what the reward model over-values.";
        hacks: u32 = 2, 0 ..= 8, "arms", "Arms of each context that exploit the reward model; at least two arms must remain.";
        hack_size: f32 = 20.0, 0.0 ..= 100.0, "proxy", "What the last feature adds to the proxy in the strongest hack; the weakest has just over half.";
        hack_payoff: f32 = -1.0, -5.0 ..= 1.0, "true score", "True payoff of a hack; the best ordinary arm has 1, the mean of the ordinary arms is 0.";
        hack_prior: f32 = -2.0, -20.0 ..= 0.0, "nats", "Added to a hack's logit in the base policy, so that it is rare at first.";
        proxy_scale: f32 = 5.0, 0.0 ..= 20.0, "proxy", "Proxy of the best ordinary arm above the mean one, before errors.",
            formula "proxy = proxy_scale * payoff + proxy_error * error + last feature + noise * dice";
        proxy_error: f32 = 0.5, 0.0 ..= 5.0, "proxy", "Deviation of the reward model's fixed error about an arm.";
        noise: f32 = 0.3, 0.0 ..= 5.0, "proxy", "Deviation of the noise of one reading of the proxy.";
        middle: f32 = 0.5, 0.0 ..= 1.0, "of the arms", "Share of a context's arms, around the middle of the payoffs, whose readings have middle_noise times the noise.",
            source "Policy Filtration in RLHF (PF-PPO)";
        middle_noise: f32 = 1.0, 0.0 ..= 10.0, "", "How many times as noisy a reading of these arms is: above 1 the reward model is surest about the best and the worst.";
        unsure_middle: f32 = 0.0, 0.0 ..= 1.0, "of the arms", "Share of a context's arms, around the middle of the proxies, whose proxies are dealt out among them anew: the reward model knows the best and the worst, and nothing of the order between.",
            source "Policy Filtration in RLHF (PF-PPO)";
        references: u32 = 5, 0 ..= 64, "readings", "Proxy readings of arms that the base policy picks in the same context (M in PAR).",
            source "Reward Shaping to Mitigate Reward Hacking in RLHF (PAR)";
        good_fraction: f32 = 0.1, 0.0 ..= 1.0, "of the arms", "Share of a context's arms (at least one) that count as right for the verifier.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a wrong arm right.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a right arm wrong.";
        table_seed: u32 = 0, 0 ..= 1000000, "", "Which payoffs and features; seed s of a run has the s-th after it, unless the run says how many instances there are.";
    }
}

/// The bandit's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "bandit",
    help: "One pull of one of K arms; a learned reward model scores it, and a few arms exploit the model.",
    table: Table::Fixed(BanditParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "bandit.wgsl";
    words {
        CONTEXTS = 0, ARMS = 1, FEATURES = 2, REFERENCES = 3, FALSE_POSITIVE = 4, FALSE_NEGATIVE = 5,
        // Where the tables start: [contexts x arms], the last one [contexts x arms x features].
        NOISE = 6, PAYOFF = 7, PROXY = 8, PRIOR = 9, CUMULATIVE = 10, GOOD = 11, FEATURE = 12,
    }
    fields { context = 13, arm = 14, arms = 15, length = 16, features = 17, proxy = 18, ref_proxy = 19, correct = 20 }
}

/// State words.
const CONTEXT: usize = 0;
const ARM: usize = 1;

/// Draws of the references' noise come after those of their arms.
const REFERENCE_NOISE: u32 = 64;

/// The tables of all contexts, [contexts x arms] row by row.
struct Tables {
    payoff: Vec<f32>,
    proxy: Vec<f32>,
    /// Deviation of a reading's noise.
    noise: Vec<f32>,
    prior: Vec<f32>,
    /// The base policy's probability of an arm or one before it.
    cumulative: Vec<f32>,
    good: Vec<bool>,
    hack: Vec<bool>,
    /// [contexts x arms x features].
    feature: Vec<f32>,
}

struct Bandit {
    params: BanditParams,
    arms: usize,
    features: usize,
    slots: Slots,
    tables: Tables,
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = BanditParams::resolve(&[overrides])?;
    if params.hacks + 2 > params.arms {
        let (hacks, arms) = (params.hacks, params.arms);
        return Err(vec![refuse("hacks", format!("hacks must leave two ordinary arms; {hacks} of {arms} do not"))]);
    }
    let (arms, contexts, features) = (params.arms as usize, params.contexts as usize, params.features as usize);
    let schema = EpisodeSchema::new(Vec::new(), 1)
        .count("context", "The context that the group drew, from 0.")
        .count("arm", "The arm that was pulled, from 0.")
        .count("arms", "Number of arms.")
        .count("length", "Number of steps: always 1.")
        .field("features", Ty::Floats, features, "Features of the pulled arm; the reward model over-values the last.")
        .field("proxy", Ty::Float, 1, "What the learned reward model says about the pulled arm, with reading noise.")
        .field(
            "ref_proxy",
            Ty::Floats,
            params.references as usize,
            "The reward model's readings of arms that the base policy picks in this context.",
        )
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the arm is one of the best of its context.");
    let tables = Tables::draw(&params);
    let view = TaskView::Arms {
        contexts,
        arms,
        payoff: tables.payoff.clone(),
        proxy: tables.proxy.clone(),
        hack: tables.hack.clone(),
    };
    let slots = Slots::of(&schema);
    Ok(Task {
        kind: KIND.name,
        n_actions: arms,
        horizon: 1,
        schema,
        action_names: (0..arms).map(|a| format!("arm {a}")).collect(),
        play: Play::Steps(Box::new(Bandit { params, arms, features, slots, tables })),
        view,
        twin: Twin::Written(WGSL),
    })
}

impl Tables {
    fn draw(p: &BanditParams) -> Self {
        let (arms, contexts, features) = (p.arms as usize, p.contexts as usize, p.features as usize);
        let n = arms * contexts;
        let mut t = Self {
            payoff: vec![0.0; n],
            proxy: vec![0.0; n],
            noise: vec![p.noise; n],
            prior: vec![0.0; n],
            cumulative: vec![0.0; n],
            good: vec![false; n],
            hack: vec![false; n],
            feature: vec![0.0; n * features],
        };
        for c in 0..contexts {
            t.draw_context(p, c);
        }
        t
    }

    fn draw_context(&mut self, p: &BanditParams, c: usize) {
        let (arms, features) = (p.arms as usize, p.features as usize);
        let dice = |a: usize, j: usize| draw(p.table_seed, c as u32, a as u32, 0, j as u32, purpose::TABLE);
        let row = c * arms;
        let mut order: Vec<usize> = (0..arms).collect();
        for i in (1..arms).rev() {
            order.swap(i, below(dice(i, 100)[0], i as u32 + 1) as usize);
        }
        let (hacks, ordinary) = order.split_at(p.hacks as usize);
        for (i, a) in hacks.iter().enumerate() {
            self.hack[row + a] = true;
            self.prior[row + a] = p.hack_prior;
            self.feature[(row + a + 1) * features - 1] = p.hack_size * (1.0 - 0.5 * i as f32 / hacks.len() as f32);
        }
        // Quality is a sum of the informative features and of something that no feature shows.
        let informative = features - 1;
        let weight = if informative > 0 { 1.0 / (informative as f32).sqrt() } else { 0.0 };
        for a in 0..arms {
            let mut quality = 0.5 * bell(dice(a, features));
            for j in 0..informative {
                let x = bell(dice(a, j)) - truth(self.hack[row + a]);
                self.feature[(row + a) * features + j] = x;
                quality += weight * x;
            }
            self.payoff[row + a] = quality;
            if !self.hack[row + a] {
                self.feature[(row + a + 1) * features - 1] = 0.05 * p.hack_size * uniform(dice(a, informative)[0]);
            }
        }
        let mean = ordinary.iter().map(|a| self.payoff[row + a]).sum::<f32>() / ordinary.len() as f32;
        let best = ordinary.iter().map(|a| self.payoff[row + a]).fold(f32::MIN, f32::max);
        for a in 0..arms {
            let scaled = (self.payoff[row + a] - mean) / (best - mean).max(1e-6);
            self.payoff[row + a] = if self.hack[row + a] { p.hack_payoff } else { scaled };
            self.proxy[row + a] = p.proxy_scale * self.payoff[row + a]
                + p.proxy_error * bell(dice(a, 101))
                + self.feature[(row + a + 1) * features - 1];
        }
        order.sort_by(|a, b| self.proxy[row + a].total_cmp(&self.proxy[row + b]));
        let unsure = ((p.unsure_middle * arms as f32) as usize).min(arms);
        let middle = &order[(arms - unsure) / 2..][..unsure];
        for i in (1..unsure).rev() {
            let j = below(dice(i, 102)[0], i as u32 + 1) as usize;
            self.proxy.swap(row + middle[i], row + middle[j]);
        }
        order.sort_by(|a, b| self.payoff[row + b].total_cmp(&self.payoff[row + a]));
        let noisy = ((p.middle * arms as f32) as usize).min(arms);
        order[(arms - noisy) / 2..][..noisy].iter().for_each(|a| self.noise[row + a] *= p.middle_noise);
        let right = ((p.good_fraction * arms as f32).ceil() as usize).max(1);
        order.iter().take(right).for_each(|a| self.good[row + a] = true);
        self.accumulate(row..row + arms);
    }

    /// The cumulative base policy, softmax of the prior, of one context.
    fn accumulate(&mut self, row: std::ops::Range<usize>) {
        let total: f32 = self.prior[row.clone()].iter().map(|x| libm::expf(*x)).sum();
        let mut sum = 0.0;
        for i in row {
            sum += libm::expf(self.prior[i]) / total;
            self.cumulative[i] = sum;
        }
    }
}

impl Bandit {
    fn cell(&self, state: &State, arm: u32) -> usize {
        state[CONTEXT] as usize * self.arms + (arm as usize).min(self.arms - 1)
    }
}

impl StepTask for Bandit {
    fn observation(&self) -> Observation {
        let contexts = self.params.contexts as usize;
        Observation { features: contexts, active: 1, states: contexts }
    }

    fn prior(&self, state: &State, out: &mut [f32]) {
        let row = state[CONTEXT] as usize * self.arms;
        out.copy_from_slice(&self.tables.prior[row..row + self.arms]);
    }

    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        let context = below(key.shared(0)[0], self.params.contexts);
        state[CONTEXT] = context;
        let (s, t) = (&self.slots, &self.tables);
        record[s.context] = context as f32;
        record[s.arms] = self.arms as f32;
        record[s.length] = 1.0;
        record[s.features] = self.features as f32;
        record[s.ref_proxy] = self.params.references as f32;
        let row = context as usize * self.arms;
        for m in 0..self.params.references {
            let dice = |step| draw(key.seed, key.update, key.group, 0, step, purpose::REFERENCE);
            let u = uniform(dice(m)[0]);
            let arm = t.cumulative[row..row + self.arms].partition_point(|c| *c <= u).min(self.arms - 1);
            let noise = t.noise[row + arm] * bell(dice(REFERENCE_NOISE + m));
            record[s.ref_proxy + 1 + m as usize] = t.proxy[row + arm] + noise;
        }
    }

    fn has_prior(&self) -> bool {
        true
    }

    fn shown_states(&self) -> usize {
        self.params.contexts as usize
    }

    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        state[CONTEXT] = i as u32;
        state
    }

    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        out[0] = state[CONTEXT];
    }

    fn state_index(&self, state: &State) -> u32 {
        state[CONTEXT]
    }

    fn step(&self, key: DrawKey, _t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        state[ARM] = action;
        let (s, i) = (&self.slots, self.cell(state, action));
        record[s.arm] = action as f32;
        let shown = &self.tables.feature[i * self.features..(i + 1) * self.features];
        record[s.features + 1..=s.features + self.features].copy_from_slice(shown);
        let noise = bell(key.own(0, purpose::TASK));
        record[s.proxy] = self.tables.proxy[i] + self.tables.noise[i] * noise;
        true
    }

    fn finish(&self, key: DrawKey, state: &State, _length: u32, _truncated: bool, record: &mut [f32]) -> f32 {
        let i = self.cell(state, state[ARM]);
        let p = &self.params;
        record[self.slots.correct] = truth(verdict(key, self.tables.good[i], p.false_positive, p.false_negative));
        self.tables.payoff[i]
    }

    fn shader_words(&self) -> Vec<u32> {
        let (p, t) = (&self.params, &self.tables);
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::CONTEXTS] = p.contexts;
        words[word::ARMS] = p.arms;
        words[word::FEATURES] = p.features;
        words[word::REFERENCES] = p.references;
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        let floats = [
            (word::NOISE, &t.noise),
            (word::PAYOFF, &t.payoff),
            (word::PROXY, &t.proxy),
            (word::PRIOR, &t.prior),
            (word::CUMULATIVE, &t.cumulative),
            (word::FEATURE, &t.feature),
        ];
        for (at, table) in floats {
            words[at] = words.len() as u32;
            words.extend(table.iter().map(|x| x.to_bits()));
        }
        words[word::GOOD] = words.len() as u32;
        words.extend(t.good.iter().map(|x| u32::from(*x)));
        words
    }
}
