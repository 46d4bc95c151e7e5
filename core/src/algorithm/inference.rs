//! What a policy is worth under an inference procedure: the true score of the answer that best-of-N, worst-of-N or a
//! majority vote would give, estimated from the samples of every group. `shaders/common/inference.wgsl` is the same.

use crate::reward::schema::EpisodeSchema;

/// What a sample without an answer is taken to have answered; no token and no number of an answer is below 0.
const NO_ANSWER: f32 = -1.0;

/// Where a record says what its sample answered: the field `answer`, and `answered` where there may be none. Where a task
/// has no such field, the whole sequence of actions is the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    slot: Option<usize>,
    answered: Option<usize>,
}

impl Answer {
    /// The fields of a task's episodes.
    pub fn of(schema: &EpisodeSchema) -> Self {
        let slot = |name: &str| schema.get(name).filter(|field| !field.ty.is_list()).map(|field| field.offset);
        Self { slot: slot("answer"), answered: slot("answered") }
    }

    /// What a record says.
    fn read(self, record: &[f32]) -> Option<f32> {
        let is_answered = self.answered.is_none_or(|slot| record[slot] != 0.0);
        self.slot.map(|slot| if is_answered { record[slot] } else { NO_ANSWER })
    }

    /// The slots as constants of the rollout; those that a record lacks are beyond its end.
    #[cfg(feature = "gpu")]
    pub(crate) fn wgsl(self) -> String {
        let constant = |name: &str, slot: Option<usize>| {
            format!("const {name}: u32 = {}u;\n", slot.map_or(u32::MAX, |slot| slot as u32))
        };
        constant("ANSWER_SLOT", self.slot)
            + &constant("ANSWERED_SLOT", self.answered)
            + &format!("const NO_ANSWER: f32 = {NO_ANSWER:?};\n")
    }
}

/// The samples of a batch; n in groups of `group` neighbours, T = `steps`.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    pub group: usize,
    pub steps: usize,
    /// What the reward program paid, [n]; NaN = none, which is never picked.
    pub paid: &'a [f32],
    /// [n]
    pub true_scores: &'a [f32],
    /// [n][T]
    pub actions: &'a [u32],
    /// [n]
    pub lengths: &'a [u32],
    /// Episode records, [n][stride].
    pub records: &'a [f32],
    pub stride: usize,
    pub answer: Answer,
}

/// Mean true scores over groups; NaN where no group has a sample with a reward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inferred {
    pub best: f32,
    pub worst: f32,
    pub majority: f32,
}

/// Working memory; make it once and keep it.
#[derive(Clone, Debug, Default)]
pub struct InferenceScratch {
    /// What each sample answered.
    votes: Vec<u32>,
    /// (n, G) of the shares, and C(m, n) / C(G, n) for m in 0..=G.
    shares_of: (u32, u32),
    shares: Vec<f32>,
}

impl InferenceScratch {
    fn prepare(&mut self, n: u32, all: u32) {
        if self.shares_of != (n, all) {
            self.shares_of = (n, all);
            self.shares.clear();
            self.shares.extend((0..=all).map(|m| share(m, n, all)));
        }
    }
}

/// The metrics of a batch. `best` and `worst` are U-statistics: the mean over all subsets of `n` samples (of the scored
/// samples of the group, if those are fewer) of the true score of the sample that is paid most or least, ties broken at
/// random; they are unbiased for N fresh samples. With L samples paid less, E alike and G in all, a sample is the best of
/// N with probability (C(L + E, N) - C(L, N)) / (E C(G, N)). `majority` is the true score of the group's most frequent
/// answer, the mean over several.
pub fn infer(n: u32, samples: &Samples<'_>, scratch: &mut InferenceScratch) -> Inferred {
    scratch.votes.clear();
    scratch.votes.extend(samples.lengths.iter().enumerate().map(|(i, length)| {
        let record = samples.records.get(i * samples.stride..(i + 1) * samples.stride).unwrap_or_default();
        let row = &samples.actions[i * samples.steps..][..(*length as usize).min(samples.steps)];
        samples.answer.read(record).map_or_else(|| vote(row), f32::to_bits)
    }));
    let (mut best, mut worst, mut majority) = (0.0f32, 0.0f32, 0.0f32);
    let (mut scored_groups, mut groups) = (0u32, 0u32);
    let size = samples.group.max(1);
    for (g, (paid, scores)) in samples.paid.chunks(size).zip(samples.true_scores.chunks(size)).enumerate() {
        groups += 1;
        majority += most_frequent(&scratch.votes[g * size..][..paid.len()], scores);
        if let Some((b, w)) = picked(n, paid, scores, scratch) {
            scored_groups += 1;
            best += b;
            worst += w;
        }
    }
    let mean = |sum: f32, count: u32| if count > 0 { sum / count as f32 } else { f32::NAN };
    Inferred { best: mean(best, scored_groups), worst: mean(worst, scored_groups), majority: mean(majority, groups) }
}

/// A sequence of actions as 24 bits: FNV-1a, a step a round. Two sequences differ in it but for one chance in 2^24.
fn vote(actions: &[u32]) -> u32 {
    actions.iter().fold(2_166_136_261u32, |vote, action| (vote ^ action).wrapping_mul(16_777_619)) >> 8
}

/// Mean true score of the samples whose vote is the most frequent.
fn most_frequent(votes: &[u32], scores: &[f32]) -> f32 {
    let (mut most, mut count, mut sum) = (0, 0u32, 0.0f32);
    for (mine, score) in votes.iter().zip(scores) {
        let votes = votes.iter().fold(0u32, |n, v| n + u32::from(v == mine));
        if votes > most {
            (most, count, sum) = (votes, 0, 0.0);
        }
        if votes == most {
            count += 1;
            sum += score;
        }
    }
    sum / count.max(1) as f32
}

/// (best, worst) of n by what was paid, of one group; None if nothing was. NaN is neither less nor alike.
fn picked(n: u32, paid: &[f32], scores: &[f32], scratch: &mut InferenceScratch) -> Option<(f32, f32)> {
    let scored = paid.iter().fold(0u32, |n, r| n + u32::from(!r.is_nan()));
    if scored == 0 {
        return None;
    }
    scratch.prepare(n.min(scored), scored);
    let shares = &scratch.shares;
    let chance = |under: u32, same: u32| shares[(under + same) as usize] - shares[under as usize];
    let (mut best, mut worst) = (0.0f32, 0.0f32);
    for (mine, score) in paid.iter().zip(scores).filter(|(r, _)| !r.is_nan()) {
        let (low, same) =
            paid.iter().fold((0u32, 0u32), |(l, s), r| (l + u32::from(r < mine), s + u32::from(r == mine)));
        let high = scored - low - same;
        let each = score / same as f32;
        best += chance(low, same) * each;
        worst += chance(high, same) * each;
    }
    Some((best, worst))
}

/// C(m, n) / C(all, n).
fn share(m: u32, n: u32, all: u32) -> f32 {
    if m < n {
        return 0.0;
    }
    (0..n).fold(1.0f32, |share, k| share * ((m - k) as f32 / (all - k) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::rng::{draw, uniform};
    use crate::reward::schema::Ty;

    /// The mean over all subsets of n of the mean true score of those paid most (sign 1) or least (-1).
    fn enumerated(n: usize, paid: &[f32], scores: &[f32], sign: f32) -> f32 {
        let (mut sum, mut count) = (0.0f64, 0.0f64);
        for set in (0u32..1 << paid.len()).filter(|s| s.count_ones() as usize == n) {
            let members: Vec<usize> = (0..paid.len()).filter(|i| set >> i & 1 == 1).collect();
            if members.iter().any(|i| paid[*i].is_nan()) {
                continue;
            }
            let top = members.iter().map(|i| sign * paid[*i]).fold(f32::MIN, f32::max);
            let ties: Vec<f32> = members.iter().filter(|i| sign * paid[**i] == top).map(|i| scores[*i]).collect();
            sum += f64::from(ties.iter().sum::<f32>()) / ties.len() as f64;
            count += 1.0;
        }
        (sum / count) as f32
    }

    /// The greatest of n out of 1, 2, .., G is n (G + 1) / (n + 1) in the mean, and the least (G + 1) / (n + 1).
    #[test]
    fn the_best_of_a_thousand_has_its_closed_form() {
        const G: u32 = 1024;
        let ranks: Vec<f32> = (0..G).map(|i| (i * 397 % G + 1) as f32).collect();
        for n in [1, 16, 255, 511, G] {
            let (best, worst) = picked(n, &ranks, &ranks, &mut InferenceScratch::default()).unwrap();
            let least = (G + 1) as f32 / (n + 1) as f32;
            assert!((best / (n as f32 * least) - 1.0).abs() < 1e-4, "best of {n}: {best}");
            assert!((worst / least - 1.0).abs() < 1e-4, "worst of {n}: {worst}");
        }
    }

    #[test]
    fn best_and_worst_of_n_are_the_mean_over_all_subsets() {
        let mut scratch = InferenceScratch::default();
        for case in 0..40u32 {
            let dice = |i: u32, j: u32| uniform(draw(case, i, 0, 0, j, 77)[0]);
            let mut paid: Vec<f32> = (0..9).map(|i| (dice(i, 0) * 5.0).floor()).collect();
            let scores: Vec<f32> = (0..9).map(|i| dice(i, 1)).collect();
            if case % 3 == 0 {
                paid[4] = f32::NAN;
            }
            for n in 1..=8 {
                let (best, worst) = picked(n as u32, &paid, &scores, &mut scratch).unwrap();
                assert!((best - enumerated(n, &paid, &scores, 1.0)).abs() < 1e-5, "case {case}, best of {n}");
                assert!((worst - enumerated(n, &paid, &scores, -1.0)).abs() < 1e-5, "case {case}, worst of {n}");
            }
        }
        assert_eq!(picked(4, &[f32::NAN; 3], &[1.0; 3], &mut scratch), None);
    }

    #[test]
    fn the_majority_is_the_most_frequent_sequence_of_actions() {
        let samples = Samples {
            group: 5,
            steps: 2,
            paid: &[f32::NAN; 5],
            true_scores: &[1.0, 0.0, 0.0, 1.0, 0.0],
            // The second step of a sample of length 1 does not count.
            actions: &[3, 1, 2, 2, 3, 9, 3, 1, 3, 8],
            lengths: &[2, 2, 1, 2, 1],
            records: &[],
            stride: 0,
            answer: Answer::default(),
        };
        let found = infer(4, &samples, &mut InferenceScratch::default());
        assert!(found.majority == 0.5 && found.best.is_nan() && found.worst.is_nan());
    }

    /// Five ways of writing, two of which give the answer 4 and are right; the answer 0 of the last two was not given.
    #[test]
    fn where_a_task_has_an_answer_the_majority_votes_on_it() {
        let schema = EpisodeSchema::new(Vec::new(), 2).field("answer", Ty::Int, 1, "What was answered.").field(
            "answered",
            Ty::Bool,
            1,
            "Whether there is an answer.",
        );
        let samples = Samples {
            group: 6,
            steps: 1,
            paid: &[0.0; 6],
            true_scores: &[1.0, 0.0, 1.0, 0.0, 0.0, 0.0],
            actions: &[0, 1, 2, 3, 4, 5],
            lengths: &[1; 6],
            records: &[4.0, 1.0, 3.0, 1.0, 4.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
            stride: 2,
            answer: Answer::of(&schema),
        };
        // 4 and nothing have two votes each.
        assert_eq!(infer(4, &samples, &mut InferenceScratch::default()).majority, 0.5);
        let all_given = Samples { answer: Answer { answered: None, ..samples.answer }, ..samples };
        assert_eq!(infer(4, &all_given, &mut InferenceScratch::default()).majority, 0.0);
        let by_actions = Samples { answer: Answer::default(), ..samples };
        assert!((infer(4, &by_actions, &mut InferenceScratch::default()).majority - 1.0 / 3.0).abs() < 1e-6);
    }
}
