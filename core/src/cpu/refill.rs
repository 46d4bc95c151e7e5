//! Stage `refill`: samples without an advantage are left out of the update, or make room for past samples that had one.
//! It has no shader twin: plans that ask for a refill train on this engine.

use super::work::{Lane, Work};
use crate::algorithm::settings::DynamicSampling;
use crate::algorithm::{NO_ADVANTAGE, Settings};
use crate::math::rng::{draw, purpose, uniform};
use crate::plan::Plan;

/// What the loss reads of the batch as it was sampled, kept while past samples stand in.
#[derive(Default)]
pub struct Fresh {
    kept: bool,
    lengths: Vec<u32>,
    truncated: Vec<u8>,
    active: Vec<u8>,
    actions: Vec<u32>,
    inputs: Vec<u32>,
    prior: Vec<f32>,
    logp_old: Vec<f32>,
    logp_ref: Vec<f32>,
    values_old: Vec<f32>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
}

impl Work {
    /// Exchanges the batch that is trained on with the one that was kept.
    fn exchange(&mut self) {
        let Self { fresh, .. } = self;
        std::mem::swap(&mut fresh.lengths, &mut self.lengths);
        std::mem::swap(&mut fresh.truncated, &mut self.truncated);
        std::mem::swap(&mut fresh.active, &mut self.active);
        std::mem::swap(&mut fresh.actions, &mut self.actions);
        std::mem::swap(&mut fresh.inputs, &mut self.inputs);
        std::mem::swap(&mut fresh.prior, &mut self.prior);
        std::mem::swap(&mut fresh.logp_old, &mut self.logp_old);
        std::mem::swap(&mut fresh.logp_ref, &mut self.logp_ref);
        std::mem::swap(&mut fresh.values_old, &mut self.values_old);
        std::mem::swap(&mut fresh.advantages, &mut self.advantages);
        std::mem::swap(&mut fresh.returns, &mut self.returns);
    }

    fn keep_fresh(&mut self) {
        let Self { fresh, .. } = self;
        fresh.kept = true;
        fresh.lengths.clone_from(&self.lengths);
        fresh.truncated.clone_from(&self.truncated);
        fresh.active.clone_from(&self.active);
        fresh.actions.clone_from(&self.actions);
        fresh.inputs.clone_from(&self.inputs);
        fresh.prior.clone_from(&self.prior);
        fresh.logp_old.clone_from(&self.logp_old);
        fresh.logp_ref.clone_from(&self.logp_ref);
        fresh.values_old.clone_from(&self.values_old);
        fresh.advantages.clone_from(&self.advantages);
        fresh.returns.clone_from(&self.returns);
    }

    /// Puts the batch back as it was sampled, for the stages that measure it.
    pub fn restore_fresh(&mut self) {
        if std::mem::take(&mut self.fresh.kept) {
            self.exchange();
        }
    }

    /// The words of a sample in the buffer, appended: T steps of everything that the loss and the policy read, 0 behind
    /// its end, then its length and whether it was cut off.
    fn pack(&self, i: usize, actions: usize, words: &mut Vec<u32>) {
        let length = self.lengths[i] as usize;
        let mut per_step = |of: &mut dyn Iterator<Item = u32>, width: usize| {
            words.extend(of.take(length * width));
            words.extend(std::iter::repeat_n(0, (self.steps - length) * width));
        };
        let from = i * self.steps;
        per_step(&mut self.actions[from..].iter().copied(), 1);
        per_step(&mut self.inputs[from * self.width..].iter().copied(), self.width);
        if !self.prior.is_empty() {
            per_step(&mut self.prior[from * actions..].iter().map(|x| x.to_bits()), actions);
        }
        let reference = if self.has_reference { &self.logp_ref[from..] } else { &[] };
        per_step(&mut reference.iter().map(|x| x.to_bits()).chain(std::iter::repeat(0)), 1);
        for of in [&self.logp_old, &self.values_old, &self.advantages, &self.returns] {
            per_step(&mut of[from..].iter().map(|x| x.to_bits()), 1);
        }
        words.extend([self.lengths[i], u32::from(self.truncated[i])]);
    }

    /// Puts a packed sample in the place of sample `i`.
    fn unpack(&mut self, i: usize, actions: usize, words: &[u32]) {
        let steps = i * self.steps..(i + 1) * self.steps;
        let mut words = words.iter().copied();
        let mut next = || words.next().unwrap_or(0);
        self.active[i] = 1;
        self.actions[steps.clone()].iter_mut().for_each(|a| *a = next());
        self.inputs[steps.start * self.width..steps.end * self.width].iter_mut().for_each(|x| *x = next());
        if !self.prior.is_empty() {
            let row = &mut self.prior[steps.start * actions..steps.end * actions];
            row.iter_mut().for_each(|x| *x = f32::from_bits(next()));
        }
        let per_step =
            [&mut self.logp_ref, &mut self.logp_old, &mut self.values_old, &mut self.advantages, &mut self.returns];
        for of in per_step {
            of[steps.clone()].iter_mut().for_each(|x| *x = f32::from_bits(next()));
        }
        self.lengths[i] = next();
        self.truncated[i] = u8::from(next() != 0);
    }

    /// The valid steps of a sample's advantages; none of one that takes no part.
    fn own_advantages(&self, i: usize) -> &[f32] {
        let length = if self.active[i] == 0 { 0 } else { self.lengths[i] as usize };
        &self.advantages[i * self.steps..][..length]
    }

    /// Whether a sample has an advantage at some step, beyond rounding.
    fn has_advantage(&self, i: usize) -> bool {
        self.own_advantages(i).iter().any(|a| a.abs() > NO_ADVANTAGE)
    }
}

/// Changes what the update learns from, as dynamic_sampling says, and notes the share of samples with an advantage.
/// True if there are past samples among them, so that the activations of the rollout no longer fit.
pub fn refill(plan: &Plan, settings: &Settings, lane: &mut Lane, seed: u32, update: u32, work: &mut Work) -> bool {
    let n = work.n;
    let share = |work: &Work| (0..n).filter(|i| work.has_advantage(*i)).count() as f32 / n as f32;
    if settings.dynamic_sampling == DynamicSampling::Off {
        work.effective = share(work);
        return false;
    }
    work.keep_fresh();
    let mut refilled = 0usize;
    if settings.dynamic_sampling == DynamicSampling::Refill {
        let actions = plan.task.n_actions;
        let words = 2 + work.steps * (1 + work.width + 5 + if work.prior.is_empty() { 0 } else { actions });
        lane.buffer.shape(words, settings.ssb_size as usize);
        lane.buffer.prepare();
        let most = (settings.ssb_share * n as f32) as usize;
        for i in 0..n {
            if refilled == most || work.has_advantage(i) {
                continue;
            }
            let [word, ..] = draw(seed, update, 0, i as u32, 0, purpose::SAMPLE_BUFFER);
            let Some(sample) = lane.buffer.draw(uniform(word)) else { break };
            work.unpack(i, actions, sample);
            refilled += 1;
        }
        work.exchange();
        // What was sampled now is there for later updates.
        let mut sample = std::mem::take(&mut work.packed);
        for i in 0..n {
            if work.has_advantage(i) {
                let steps = work.own_advantages(i);
                let size = steps.iter().fold(0.0f32, |sum, a| sum + a.abs()) / steps.len() as f32;
                sample.clear();
                work.pack(i, actions, &mut sample);
                lane.buffer.push(size, &sample);
            }
        }
        work.packed = sample;
        work.exchange();
    }
    for i in 0..n {
        if !work.has_advantage(i) {
            work.active[i] = 0;
        }
    }
    work.effective = share(work);
    refilled > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: usize = 3;

    /// Two samples of up to 4 steps, every number of its own.
    fn work() -> Work {
        let mut count = 0.0f32;
        let mut fill = |n: usize| -> Vec<f32> {
            (0..n)
                .map(|_| {
                    count += 1.0;
                    count
                })
                .collect()
        };
        Work {
            n: 2,
            steps: 4,
            width: 2,
            lengths: vec![3, 1],
            truncated: vec![1, 0],
            active: vec![1, 0],
            actions: (10..18).collect(),
            inputs: (100..116).collect(),
            prior: fill(8 * ACTIONS),
            logp_old: fill(8),
            logp_ref: fill(8),
            values_old: fill(8),
            advantages: fill(8),
            returns: fill(8),
            has_reference: true,
            ..Work::default()
        }
    }

    #[test]
    fn a_past_sample_stands_in_with_all_that_it_had() {
        let mut work = work();
        let before = (work.logp_old[..3].to_vec(), work.logp_ref[..3].to_vec(), work.advantages[..3].to_vec());
        let (mut packed, mut again) = (Vec::new(), Vec::new());
        work.pack(0, ACTIONS, &mut packed);
        work.unpack(1, ACTIONS, &packed);
        assert_eq!((work.lengths[1], work.truncated[1], work.active[1]), (3, 1, 1));
        assert_eq!(work.actions[4..7], [10, 11, 12]);
        assert_eq!(work.inputs[8..14], [100, 101, 102, 103, 104, 105]);
        let after = (work.logp_old[4..7].to_vec(), work.logp_ref[4..7].to_vec(), work.advantages[4..7].to_vec());
        assert_eq!(before, after);
        work.pack(1, ACTIONS, &mut again);
        assert_eq!(packed, again);
        assert_eq!(packed.len(), 2 + 4 * (1 + 2 + ACTIONS + 5));
    }

    #[test]
    fn the_batch_that_was_sampled_comes_back() {
        let mut work = work();
        let before = (work.actions.clone(), work.lengths.clone(), work.logp_old.clone());
        let mut packed = Vec::new();
        work.pack(1, ACTIONS, &mut packed);
        work.keep_fresh();
        work.unpack(0, ACTIONS, &packed);
        assert_ne!(before.0, work.actions);
        work.restore_fresh();
        assert_eq!(before, (work.actions, work.lengths, work.logp_old));
    }
}
