//! Answers that are made to be rejected: accepted ones in which one action is changed, so that the verifier rejects them,
//! and any that are cut off after their first tokens. The episode is played again with what is left.
//!
//! Source: Cooper, "Co-Optimizing Policy and Reward Models in Reinforcement Learning for Large Language Models", whose
//! negative is its positive, corrupted by a language model and verified wrong.

use crate::algorithm::Settings;
use crate::algorithm::settings::FreshPairs;
use crate::math::rng::{below, draw, purpose};
use crate::plan::Plan;
use crate::reward_models::{Answers, RewardModels};
use crate::tasks::{DrawKey, Play, STATE_WORDS, State};

/// Changes that are tried before an answer is given up: most are still accepted where much makes an answer right.
const TRIES: u32 = 16;

/// What was written at an update, for all its samples.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// Seed and number of the update.
    pub seed: u32,
    pub update: u32,
    /// [n][width]; the first `lengths[i]` of a row count.
    pub actions: &'a [u32],
    pub width: usize,
    pub lengths: &'a [u32],
}

impl Written<'_> {
    /// What a sample's draws are keyed by.
    fn key(&self, i: usize, group: usize) -> DrawKey {
        let (group, sample) = ((i / group) as u32, (i % group) as u32);
        DrawKey { seed: self.seed, update: self.update, group, sample }
    }

    /// The actions of a sample.
    fn of(&self, i: usize) -> &[u32] {
        &self.actions[i * self.width..][..self.lengths[i] as usize]
    }
}

impl Answers {
    /// What a lane's reward models are trained on after an update: its answers, corrupted ones too where its settings say
    /// so. `plan` has the lane's instance of the task; `records` [n][stride] and `true_scores` [n] are the update's.
    pub fn of_update(
        plan: &Plan,
        models: &RewardModels,
        settings: &Settings,
        records: &[f32],
        true_scores: &[f32],
        written: &Written<'_>,
    ) -> Self {
        let mut answers = Self::new(models, plan.group());
        answers.add(models, records, plan.task.schema.stride, true_scores);
        if settings.rm_fresh_pairs == FreshPairs::Corrupted {
            answers.corrupt(plan, models, written);
        }
        answers
    }

    /// Adds a batch to what the first training of a seed sees: those of its answers that it takes, and the truncation of each
    /// that is longer than that where the models are to see truncations.
    pub fn add_first(
        &mut self,
        plan: &Plan,
        models: &RewardModels,
        records: &[f32],
        true_scores: &[f32],
        written: &Written<'_>,
    ) {
        let (stride, keep) = (plan.task.schema.stride, models.params.truncated_at as usize);
        let mut record = vec![0.0; stride];
        let kept = |own: &[f32]| models.answered.is_none_or(|at| own[at] != 0.0);
        for (i, own) in records.chunks_exact(stride).enumerate().filter(|(_, own)| kept(own)) {
            self.add(models, own, stride, &true_scores[i..=i]);
            let actions = written.of(i);
            if models.params.truncated > 0.0 && actions.len() > keep {
                again(plan, written.key(i, self.group), &actions[..keep], &mut record);
                self.add_wrong(models, self.len() - 1, &record);
            }
        }
    }

    /// Adds a corruption of every accepted answer that has one. Everything random in the episode stays as it was, the
    /// verifier's mistakes too, so that what it rejects is rejected for the change.
    fn corrupt(&mut self, plan: &Plan, models: &RewardModels, written: &Written<'_>) {
        let mut record = vec![0.0; plan.task.schema.stride];
        let accepted: Vec<usize> = (0..self.len()).filter(|i| self.correct[*i]).collect();
        for i in accepted {
            let length = written.lengths[i] as usize;
            let mut actions = written.of(i).to_vec();
            for k in 0..TRIES {
                let dice = draw(written.seed, written.update, i as u32, k, 1, purpose::PREFERENCE);
                let (at, others) = (below(dice[0], length as u32) as usize, plan.task.n_actions as u32 - 1);
                let was = actions[at];
                let other = below(dice[1], others.max(1));
                actions[at] = other + u32::from(other >= was);
                if again(plan, written.key(i, self.group), &actions, &mut record) && record[models.correct] == 0.0 {
                    self.add_wrong(models, i, &record);
                    break;
                }
                actions[at] = was;
            }
        }
    }
}

/// Plays an episode with given actions into its record; false if it ends before them or goes on after.
fn again(plan: &Plan, key: DrawKey, actions: &[u32], record: &mut [f32]) -> bool {
    let ends_here = actions.len() == plan.task.horizon;
    match &plan.task.play {
        Play::Steps(task) => {
            let mut state: State = [0; STATE_WORDS];
            task.begin(key, &mut state, record);
            let mut over = false;
            for (t, action) in actions.iter().enumerate() {
                if over {
                    return false;
                }
                over = task.step(key, t as u32, *action, &mut state, record);
            }
            task.finish(key, &state, actions.len() as u32, !over, record);
            over || ends_here
        }
        Play::Tokens(task) => {
            let mut prompt = vec![0; task.prompt_len()];
            task.prompt(DrawKey { sample: 0, ..key }, &mut prompt);
            let ends = actions.iter().position(|token| *token == task.end_token());
            let over = ends.is_some_and(|at| at + 1 == actions.len());
            task.finish(key, &prompt, actions, !over, record);
            over || (ends.is_none() && ends_here)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{CpuEngine, lanes_of};
    use std::sync::Arc;

    #[test]
    fn an_episode_played_again_with_its_own_actions_is_the_same_episode() {
        let table = r#"{"kind": "table"}"#;
        let transformer = r#"{"kind": "transformer", "d_model": 16, "layers": 1, "heads": 1}"#;
        for (task, policy) in
            [("essay", table), ("judge", table), ("gridworld", table), ("bandit", table), ("length", transformer)]
        {
            let text = format!(
                r#"{{"version": 1, "title": "t", "task": {{"kind": "{task}"}}, "policy": {policy},
                    "run": {{"updates": 2, "groups": 3, "num_generations": 4}},
                    "arms": [{{"name": "a", "code": "def r(ep):\n    return 1.0\n"}}]}}"#
            );
            let plan = crate::plan::plan(&serde_json::from_str(&text).unwrap()).unwrap_or_else(|e| panic!("{e:?}"));
            let plan = Arc::new(plan);
            let lane = lanes_of(&plan, &[0])[0];
            let mut engine = CpuEngine::new(plan.clone(), &[lane], None).unwrap();
            engine.watch(lane);
            engine.update();
            let kept = engine.watched().unwrap().1;
            // How sure the policy was is the rollout's to say, and no model reads it.
            let own = plan.confidence.slots().start;
            let (stride, width) = (plan.task.schema.stride, kept.actions.len() / 12);
            let mut record = vec![0.0; stride];
            for i in 0..12 {
                let actions = &kept.actions[i * width..][..kept.lengths[i] as usize];
                let key = DrawKey { seed: plan.seed(0), update: 0, group: i as u32 / 4, sample: i as u32 % 4 };
                assert!(again(&plan, key, actions, &mut record), "{task}: sample {i} ends where it ended");
                assert_eq!(record[..own], kept.records[i * stride..][..own], "{task}: sample {i}");
            }
        }
    }
}
