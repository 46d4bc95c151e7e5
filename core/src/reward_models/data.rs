//! What reward models are trained on: answers, and pairs or labels drawn from them.

use super::models::RewardModels;
use super::params::{Labels, RewardModelParams};
use crate::math::rng::{below, draw, purpose, uniform};

/// Tries to find two answers of a group with different labels before a pair is given up.
const TRIES: u32 = 16;

/// Answers of a policy, in groups of one prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Numbers of a row, and answers of a group.
    pub width: usize,
    pub group: usize,
    /// What the models read, [n][width].
    pub rows: Vec<f32>,
    /// True scores [n].
    pub truth: Vec<f32>,
    /// The verifier's verdicts [n].
    pub correct: Vec<bool>,
    /// Corruptions of accepted answers, or truncations of any, [m][width], and which answers they are of, [m].
    pub wrong_rows: Vec<f32>,
    pub wrong_of: Vec<u32>,
}

impl Answers {
    /// None yet, in groups of `group`.
    pub fn new(models: &RewardModels, group: usize) -> Self {
        Self { width: models.shape.width, group, ..Self::default() }
    }

    /// Adds a batch: records [n][stride] and true scores [n].
    pub fn add(&mut self, models: &RewardModels, records: &[f32], stride: usize, truth: &[f32]) {
        let n = self.len();
        self.rows.resize((n + truth.len()) * self.width, 0.0);
        for (record, row) in records.chunks_exact(stride).zip(self.rows[n * self.width..].chunks_exact_mut(self.width))
        {
            models.shape.gather(record, row);
            self.correct.push(record[models.correct] != 0.0);
        }
        self.truth.extend_from_slice(truth);
    }

    /// Adds what is made of answer `i` and is to be rejected.
    pub fn add_wrong(&mut self, models: &RewardModels, i: usize, record: &[f32]) {
        let at = self.wrong_rows.len();
        self.wrong_rows.resize(at + self.width, 0.0);
        models.shape.gather(record, &mut self.wrong_rows[at..]);
        self.wrong_of.push(i as u32);
    }

    pub fn len(&self) -> usize {
        self.truth.len()
    }

    pub fn is_empty(&self) -> bool {
        self.truth.is_empty()
    }

    /// What the labels say of an answer; more is better.
    fn label(&self, labels: Labels, i: usize) -> f32 {
        match labels {
            Labels::True => self.truth[i],
            Labels::Verifier => f32::from(u8::from(self.correct[i])),
        }
    }
}

/// Examples of one model: pairs of rows, the first the better one; or rows with targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    pub first: Vec<u32>,
    /// Empty where a model learns from single answers.
    pub second: Vec<u32>,
    /// Empty where a model learns from pairs.
    pub targets: Vec<f32>,
}

impl Examples {
    pub fn len(&self) -> usize {
        self.first.len()
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    fn pair(&mut self, better: usize, worse: usize) {
        self.first.push(better as u32);
        self.second.push(worse as u32);
    }

    fn single(&mut self, row: usize, target: f32) {
        self.first.push(row as u32);
        self.targets.push(target);
    }

    /// An accepted answer and a rejected one: a pair, or a row with each target.
    fn verdict(&mut self, params: &RewardModelParams, accepted: usize, rejected: usize) {
        if params.objective.is_pairwise() {
            self.pair(accepted, rejected);
        } else {
            self.single(accepted, 1.0);
            self.single(rejected, 0.0);
        }
    }

    /// About `n` examples as the labels have them, some of them wrong. `round` keeps one training's draws apart from
    /// another's. Answers without a pair of different labels give fewer.
    pub fn labelled(params: &RewardModelParams, answers: &Answers, n: usize, seed: u32, round: u32) -> Self {
        let mut examples = Self::default();
        if answers.len() < 2 {
            return examples;
        }
        let group = answers.group.clamp(1, answers.len());
        let groups = (answers.len() / group) as u32;
        let dice = |k: usize, j: u32| draw(seed, round, k as u32, j, 0, purpose::PREFERENCE);
        let label = |i: usize| answers.label(params.labels, i);
        for k in 0..n {
            if params.objective.is_pairwise() {
                for j in 0..TRIES {
                    let [g, a, b, wrong] = dice(k, j);
                    let first = below(g, groups) as usize * group;
                    let a = first + below(a, group as u32) as usize;
                    let b = first + below(b, group as u32) as usize;
                    if label(a) != label(b) {
                        let turned = uniform(wrong) < params.label_noise;
                        let (better, worse) = if (label(a) > label(b)) != turned { (a, b) } else { (b, a) };
                        examples.pair(better, worse);
                        break;
                    }
                }
            } else {
                let [a, other, wrong, _] = dice(k, 0);
                let [a, other] = [a, other].map(|word| below(word, answers.len() as u32) as usize);
                let is_wrong = uniform(wrong) < params.label_noise;
                let target = match params.objective {
                    super::Objective::Classification => f32::from(u8::from((label(a) > 0.5) != is_wrong)),
                    _ => label(if is_wrong { other } else { a }),
                };
                examples.single(a, target);
            }
        }
        examples
    }

    /// `n` examples as Cooper draws them: an answer that the verifier accepts, over one of the same group that it
    /// rejects, or of any group where the own one has none. None if there are not both kinds.
    ///
    /// Source: Cooper, "Co-Optimizing Policy and Reward Models in Reinforcement Learning for Large Language Models".
    pub fn verified(params: &RewardModelParams, answers: &Answers, n: usize, seed: u32, round: u32) -> Self {
        let mut examples = Self::default();
        let of = |accepted: bool| (0..answers.len()).filter(move |i| answers.correct[*i] == accepted);
        let (good, bad): (Vec<usize>, Vec<usize>) = (of(true).collect(), of(false).collect());
        if good.is_empty() || bad.is_empty() {
            return examples;
        }
        let group = answers.group.max(1);
        for k in 0..n {
            let [a, b, _, _] = draw(seed, round, k as u32, 0, 0, purpose::PREFERENCE);
            let accepted = good[below(a, good.len() as u32) as usize];
            let own = accepted / group;
            let (from, to) =
                (bad.partition_point(|i| *i < own * group), bad.partition_point(|i| *i < (own + 1) * group));
            let among = if to > from { &bad[from..to] } else { &bad[..] };
            let rejected = among[below(b, among.len() as u32) as usize];
            examples.verdict(params, accepted, rejected);
        }
        examples
    }

    /// `n` examples of an accepted answer over its own corruption, whose row comes after those of all answers; none if no
    /// answer has one.
    pub fn corrupted(params: &RewardModelParams, answers: &Answers, n: usize, seed: u32, round: u32) -> Self {
        let mut examples = Self::default();
        if answers.wrong_of.is_empty() {
            return examples;
        }
        for k in 0..n {
            let [word, ..] = draw(seed, round, k as u32, 0, 0, purpose::PREFERENCE);
            let pick = below(word, answers.wrong_of.len() as u32) as usize;
            let (accepted, wrong) = (answers.wrong_of[pick] as usize, answers.len() + pick);
            examples.verdict(params, accepted, wrong);
        }
        examples
    }

    /// `n` examples that reject a truncated answer, over the whole one where models learn from pairs; none if there are none.
    ///
    /// Source: "One Token to Fool LLM-as-a-Judge", whose judge is also trained on first sentences, labelled wrong.
    pub fn truncated(params: &RewardModelParams, answers: &Answers, n: usize, seed: u32) -> Self {
        let mut examples = Self::default();
        for k in 0..if answers.wrong_of.is_empty() { 0 } else { n } {
            let [word, ..] = draw(seed, 0, k as u32, 0, 2, purpose::PREFERENCE);
            let pick = below(word, answers.wrong_of.len() as u32) as usize;
            let (whole, cut) = (answers.wrong_of[pick] as usize, answers.len() + pick);
            if params.objective.is_pairwise() {
                examples.pair(whole, cut);
            } else {
                examples.single(cut, 0.0);
            }
        }
        examples
    }

    /// The first `n` of these, and behind them others.
    pub fn and(&self, n: usize, others: &Self) -> Self {
        fn joined<T: Copy>(n: usize, own: &[T], others: &[T]) -> Vec<T> {
            own.iter().take(n).chain(others).copied().collect()
        }
        Self {
            first: joined(n, &self.first, &others.first),
            second: joined(n, &self.second, &others.second),
            targets: joined(n, &self.targets, &others.targets),
        }
    }

    /// As many examples, drawn from these with replacement.
    pub fn bootstrap(&self, seed: u32, round: u32, model: u32) -> Self {
        let pick = |k: usize| {
            let word = draw(seed, round, k as u32, model, 1, purpose::PREFERENCE)[0];
            below(word, self.len() as u32) as usize
        };
        let picks: Vec<usize> = (0..self.len()).map(pick).collect();
        let words = |from: &[u32]| picks.iter().filter_map(|i| from.get(*i).copied()).collect();
        Self {
            first: words(&self.first),
            second: words(&self.second),
            targets: picks.iter().filter_map(|i| self.targets.get(*i).copied()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Objective;
    use super::*;

    /// Eight groups of four; in each the true scores are 0, 1, 2, 3 and the verifier accepts the last.
    fn answers() -> Answers {
        let n = 32;
        Answers {
            width: 1,
            group: 4,
            rows: (0..n).map(|i| i as f32).collect(),
            truth: (0..n).map(|i| (i % 4) as f32).collect(),
            correct: (0..n).map(|i| i % 4 == 3).collect(),
            ..Answers::default()
        }
    }

    #[test]
    fn pairs_are_of_one_group_and_turned_around_at_the_stated_rate() {
        let params = RewardModelParams { label_noise: 0.25, ..RewardModelParams::default() };
        let examples = Examples::labelled(&params, &answers(), 4000, 1, 0);
        assert_eq!(examples.len(), 4000);
        let pairs = || examples.first.iter().zip(&examples.second);
        assert!(pairs().all(|(a, b)| a / 4 == b / 4 && a != b));
        let wrong = pairs().filter(|(a, b)| a < b).count() as f32 / 4000.0;
        assert!((wrong - 0.25).abs() < 0.03, "{wrong}");
    }

    #[test]
    fn the_verifier_prefers_what_it_accepts() {
        let params = RewardModelParams { labels: Labels::Verifier, ..RewardModelParams::default() };
        let examples = Examples::labelled(&params, &answers(), 100, 1, 0);
        assert!(examples.first.iter().zip(&examples.second).all(|(a, b)| a % 4 == 3 && b % 4 != 3));
    }

    #[test]
    fn single_answers_carry_their_labels() {
        for (objective, target) in [(Objective::Regression, 2.0), (Objective::Classification, 1.0)] {
            let params = RewardModelParams { objective, ..RewardModelParams::default() };
            let examples = Examples::labelled(&params, &answers(), 200, 1, 0);
            assert!(examples.second.is_empty());
            let mut of_two = examples.first.iter().zip(&examples.targets).filter(|(i, _)| *i % 4 == 2);
            assert!(of_two.all(|(_, t)| *t == target));
        }
    }

    #[test]
    fn cooper_pairs_accepted_with_rejected_answers() {
        let mut all = answers();
        (4..8).for_each(|i| all.correct[i] = true);
        let params = RewardModelParams::default();
        let examples = Examples::verified(&params, &all, 500, 1, 3);
        let pairs = || examples.first.iter().map(|i| *i as usize).zip(examples.second.iter().map(|i| *i as usize));
        assert!(pairs().all(|(a, b)| all.correct[a] && !all.correct[b]));
        assert!(pairs().all(|(a, b)| a / 4 == b / 4 || a / 4 == 1), "only a group without a wrong answer borrows one");
        assert!(pairs().any(|(a, _)| a / 4 == 1));
        all.correct.fill(false);
        assert!(Examples::verified(&params, &all, 500, 1, 3).is_empty());
    }

    #[test]
    fn a_corruption_is_paired_with_the_answer_that_it_is_of() {
        let all = Answers { wrong_rows: vec![0.5, 0.6], wrong_of: vec![3, 11], ..answers() };
        let examples = Examples::corrupted(&RewardModelParams::default(), &all, 100, 1, 3);
        let pairs: Vec<(u32, u32)> = examples.first.iter().copied().zip(examples.second.iter().copied()).collect();
        assert!(pairs.contains(&(3, 32)) && pairs.contains(&(11, 33)));
        assert!(pairs.len() == 100 && pairs.iter().all(|p| [(3, 32), (11, 33)].contains(p)));
        assert!(Examples::corrupted(&RewardModelParams::default(), &answers(), 100, 1, 3).is_empty());
    }

    #[test]
    fn a_bootstrap_repeats_some_and_leaves_others_out() {
        let examples = Examples::labelled(&RewardModelParams::default(), &answers(), 300, 1, 0);
        let (a, b) = (examples.bootstrap(1, 0, 0), examples.bootstrap(1, 0, 1));
        assert!(a.len() == 300 && a.second.len() == 300 && a != b);
        assert!(a.first.iter().zip(&a.second).all(|(x, y)| x > y), "pairs stay whole");
    }
}
