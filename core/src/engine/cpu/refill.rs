//! Stage `refill`: samples without an advantage are left out of the update, or make room for past samples that had one.

use super::work::{Lane, Work};
use crate::algorithm::Settings;
use crate::algorithm::settings::DynamicSampling;
use crate::engine::packed::{NUMBERS, Packed};
use crate::math::rng::{draw, purpose, uniform};

impl Work {
    /// Exchanges the batch that is trained on with the one that was sampled.
    fn exchange(&mut self) {
        std::mem::swap(&mut self.batch, &mut self.sampled);
    }

    fn keep_sampled(&mut self) {
        self.sampled.copy_from(&self.batch);
        self.has_sampled = true;
    }

    /// Puts the batch back as it was sampled, for the stages that measure it.
    pub fn restore_sampled(&mut self) {
        if std::mem::take(&mut self.has_sampled) {
            self.exchange();
            self.stands_in.fill(false);
        }
    }

    /// How samples are packed.
    fn packed(&self) -> Packed {
        let prior = if self.batch.prior.is_empty() { 0 } else { self.n_actions };
        Packed { steps: self.steps, width: self.width, prior, prompt: self.prompt_len }
    }

    /// The words of a sample in the buffer, appended, as `Packed` says.
    fn pack(&self, i: usize, words: &mut Vec<u32>) {
        let batch = &self.batch;
        let length = batch.lengths[i] as usize;
        let per_step = |words: &mut Vec<u32>, of: &mut dyn Iterator<Item = u32>, width: usize| {
            words.extend(of.take(length * width));
            words.extend(std::iter::repeat_n(0, (self.steps - length) * width));
        };
        let from = i * self.steps;
        per_step(words, &mut batch.actions[from..].iter().copied(), 1);
        per_step(words, &mut batch.inputs[from * self.width..].iter().copied(), self.width);
        if !batch.prior.is_empty() {
            per_step(words, &mut batch.prior[from * self.n_actions..].iter().map(|x| x.to_bits()), self.n_actions);
        }
        let group = i / self.group;
        words.extend_from_slice(&self.prompts[group * self.prompt_len..(group + 1) * self.prompt_len]);
        let reference = if self.has_reference { &batch.logp_ref[from..] } else { &[] };
        per_step(words, &mut reference.iter().map(|x| x.to_bits()).chain(std::iter::repeat(0)), 1);
        for of in [&batch.logp_old, &batch.values_old, &batch.advantages, &batch.returns] {
            per_step(words, &mut of[from..].iter().map(|x| x.to_bits()), 1);
        }
        words.extend([batch.lengths[i], u32::from(batch.truncated[i])]);
    }

    /// Puts a packed sample in the place of sample `i`.
    fn unpack(&mut self, i: usize, words: &[u32]) {
        let steps = i * self.steps..(i + 1) * self.steps;
        let mut words = words.iter().copied();
        let mut next = || words.next().unwrap_or(0);
        let batch = &mut self.batch;
        batch.active[i] = 1;
        self.stands_in[i] = true;
        batch.actions[steps.clone()].iter_mut().for_each(|a| *a = next());
        batch.inputs[steps.start * self.width..steps.end * self.width].iter_mut().for_each(|x| *x = next());
        if !batch.prior.is_empty() {
            let row = &mut batch.prior[steps.start * self.n_actions..steps.end * self.n_actions];
            row.iter_mut().for_each(|x| *x = f32::from_bits(next()));
        }
        let prompt = i * self.prompt_len..(i + 1) * self.prompt_len;
        self.past_prompts[prompt].iter_mut().for_each(|token| *token = next());
        let numbers: [_; NUMBERS] = [
            &mut batch.logp_ref,
            &mut batch.logp_old,
            &mut batch.values_old,
            &mut batch.advantages,
            &mut batch.returns,
        ];
        for of in numbers {
            of[steps.clone()].iter_mut().for_each(|x| *x = f32::from_bits(next()));
        }
        batch.lengths[i] = next();
        batch.truncated[i] = u8::from(next() != 0);
    }
}

/// Changes what the update learns from, as dynamic_sampling says, and notes the share of samples with an advantage.
/// True if there are past samples among them, so that the activations of the rollout no longer fit.
pub fn refill(settings: &Settings, lane: &mut Lane, seed: u32, update: u32, work: &mut Work) -> bool {
    let n = work.n;
    let share = |work: &Work| (0..n).filter(|i| work.has_advantage(*i)).count() as f32 / n as f32;
    if settings.dynamic_sampling == DynamicSampling::Off {
        work.effective = share(work);
        return false;
    }
    work.keep_sampled();
    let mut refilled = 0usize;
    if settings.dynamic_sampling == DynamicSampling::Refill {
        work.past_prompts.resize(n * work.prompt_len, 0);
        lane.buffer.shape(work.packed().words(), settings.ssb_size as usize);
        lane.buffer.prepare();
        let most = (settings.ssb_share * n as f32) as usize;
        for i in 0..n {
            if refilled == most || work.has_advantage(i) {
                continue;
            }
            let [word, ..] = draw(seed, update, 0, i as u32, 0, purpose::SAMPLE_BUFFER);
            let Some(sample) = lane.buffer.draw(uniform(word)) else { break };
            work.unpack(i, sample);
            refilled += 1;
        }
        work.exchange();
        // What was sampled now is there for later updates.
        let mut sample = std::mem::take(&mut work.sample);
        for i in 0..n {
            if work.has_advantage(i) {
                let steps = work.own_advantages(i);
                let size = steps.iter().fold(0.0f32, |sum, a| sum + a.abs()) / steps.len() as f32;
                sample.clear();
                work.pack(i, &mut sample);
                lane.buffer.push(size, &sample);
            }
        }
        work.sample = sample;
        work.exchange();
    }
    for i in 0..n {
        if !work.has_advantage(i) {
            work.batch.active[i] = 0;
        }
    }
    work.effective = share(work);
    refilled > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::work::Samples;

    const ACTIONS: usize = 3;

    /// Two samples of up to 4 steps, each a group with a prompt of its own, every number of its own.
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
        let batch = Samples {
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
        };
        Work {
            n: 2,
            steps: 4,
            group: 1,
            n_actions: ACTIONS,
            prompt_len: 2,
            width: 2,
            batch,
            prompts: vec![50, 51, 60, 61],
            stands_in: vec![false; 2],
            past_prompts: vec![0; 4],
            has_reference: true,
            ..Work::default()
        }
    }

    #[test]
    fn a_past_sample_stands_in_with_all_that_it_had() {
        let mut work = work();
        let numbers = |work: &Work, from: usize| {
            let batch = &work.batch;
            [&batch.logp_old, &batch.logp_ref, &batch.advantages].map(|x| x[from..from + 3].to_vec())
        };
        let before = numbers(&work, 0);
        let mut packed = Vec::new();
        work.pack(0, &mut packed);
        work.unpack(1, &packed);
        let batch = &work.batch;
        assert_eq!((batch.lengths[1], batch.truncated[1], batch.active[1]), (3, 1, 1));
        assert_eq!(batch.actions[4..7], [10, 11, 12]);
        assert_eq!(batch.inputs[8..14], [100, 101, 102, 103, 104, 105]);
        assert_eq!(before, numbers(&work, 4));
        assert_eq!((&work.stands_in[..], &work.past_prompts[2..]), (&[false, true][..], &[50, 51][..]));
        assert_eq!(packed.len(), work.packed().words());
        assert_eq!(packed[work.packed().prompt_at()..][..2], [50, 51]);
        assert_eq!(packed[work.packed().end_at()..], [3, 1]);
    }

    #[test]
    fn the_batch_that_was_sampled_comes_back() {
        let mut work = work();
        let before = (work.batch.actions.clone(), work.batch.lengths.clone(), work.batch.logp_old.clone());
        let mut packed = Vec::new();
        work.pack(1, &mut packed);
        work.keep_sampled();
        work.unpack(0, &packed);
        assert_ne!(before.0, work.batch.actions);
        work.restore_sampled();
        assert_eq!(before, (work.batch.actions, work.batch.lengths, work.batch.logp_old));
        assert_eq!(work.stands_in, [false, false]);
    }
}
