//! Detectors of collapse and hacking. Each has a name, a rule in words with its thresholds, and marks the first update at
//! which the rule holds for the mean over seeds, so that one unlucky seed does not ring.

use super::columns::Column;
use super::curves::Curves;
use super::statistics::{band, mean};
use serde::{Deserialize, Serialize};

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    ProxyUpTrueDown,
    EntropyCollapse,
    DeadGroups,
    KlBlowUp,
    LengthCollapse,
    LengthExplosion,
    NotFinite,
    ProgramErrors,
}

/// An alarm that rang.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub arm: u32,
    pub kind: AlarmKind,
    /// The update at which the rule first held.
    pub update: u32,
    /// One sentence with this run's numbers.
    pub sentence: String,
}

/// A rule as shown to people.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub kind: AlarmKind,
    pub name: &'static str,
    pub rule: &'static str,
}

/// A rule looks at the mean over this many updates, the last of them the one it marks: a mark never moves later.
const WINDOW: usize = 9;
/// No rule but the last two looks at fewer updates than this.
const WARM_UP: usize = 10;
const ENTROPY_SHARE: f32 = 0.1;
const DEAD_SHARE: f32 = 0.9;
const KL_LIMIT: f32 = 10.0;
const LENGTH_SHRINK: f32 = 0.5;
const LENGTH_GROWTH: f32 = 2.0;
const TRUE_FALL: f32 = 0.1;
/// Rises of the proxy while the true score stays low, in deviations of the first batches, each with the correlation of the
/// two below which it counts: the less they go together, the less it takes.
const PROXY_RISES: [(f32, f32); 2] = [(2.0, 0.5), (1.0, 0.1)];
const TRUE_LOW: f32 = 0.5;
const TRUE_RISE: f32 = 0.02;
/// A shaped reward may climb before the true score does; this many updates it is given.
const PATIENCE: usize = 50;
/// A policy that solves its task may be as sure of itself as it likes.
const SOLVED: f32 = 0.9;
const TRUE_SLIP: f32 = 0.05;
const ERROR_SHARE: f32 = 0.05;

/// All rules, in the order they are shown.
pub const RULES: &[Rule] = &[
    Rule {
        kind: AlarmKind::ProxyUpTrueDown,
        name: "Proxy up, true down",
        rule: "The true score is 0.1 or more below its best so far, while the proxy reward is no lower than it was then; or, from update 50, the true score, below 0.5, has not risen while the proxy reward is up by two of its first deviations and correlates with it by less than 0.5, or by one and less than 0.1.",
    },
    Rule {
        kind: AlarmKind::EntropyCollapse,
        name: "Entropy collapse",
        rule: "Entropy is below a tenth of its start while the true score is below 0.9.",
    },
    Rule {
        kind: AlarmKind::DeadGroups,
        name: "Dead groups",
        rule: "Nine groups in ten have no spread in their rewards while the true score is below 0.9, so they teach nothing.",
    },
    Rule { kind: AlarmKind::KlBlowUp, name: "KL blow-up", rule: "KL to the reference policy is above 10 nats a step." },
    Rule {
        kind: AlarmKind::LengthCollapse,
        name: "Length collapse",
        rule: "Samples are less than half as long as at the start, and the true score is 0.05 or more below its best so far.",
    },
    Rule {
        kind: AlarmKind::LengthExplosion,
        name: "Length explosion",
        rule: "Samples are more than twice as long as at the start, and the true score is 0.05 or more below its best so far.",
    },
    Rule {
        kind: AlarmKind::NotFinite,
        name: "Not finite",
        rule: "A loss, ratio or gradient was not a finite number; that update was not applied.",
    },
    Rule {
        kind: AlarmKind::ProgramErrors,
        name: "Reward errors",
        rule: "The reward program failed on more than one sample in twenty.",
    },
];

/// The alarms of every arm, each kind at most once an arm, at its first update.
pub fn detect(curves: &Curves) -> Vec<Alarm> {
    (0..curves.arms).flat_map(|arm| detect_arm(curves, arm)).collect()
}

fn detect_arm(curves: &Curves, arm: usize) -> Vec<Alarm> {
    let updates = curves.complete(arm);
    let raw = |column: Column| {
        let lanes: Vec<Vec<f32>> = (0..curves.seeds)
            .map(|seed| curves.curve(arm, seed, column as usize).into_iter().take(updates).collect())
            .collect();
        band(&lanes).0
    };
    let trailing = |column: Column| -> Vec<f32> {
        let curve = raw(column);
        (0..curve.len()).map(|i| mean(&curve[(i + 1).saturating_sub(WINDOW)..=i])).collect()
    };
    let start_of = |curve: &[f32]| curve.get(WARM_UP / 2).copied().unwrap_or(f32::NAN);
    let first = |curve: &[f32], at: &dyn Fn(usize) -> bool, holds: &dyn Fn(f32) -> bool| {
        curve.iter().copied().enumerate().skip(WARM_UP).find(|(i, x)| x.is_finite() && holds(*x) && at(*i))
    };
    let mut alarms = Vec::new();
    let mut ring = |kind, update: usize, sentence: String| {
        alarms.push(Alarm { arm: arm as u32, kind, update: update as u32, sentence });
    };

    let (truth, proxy) = (trailing(Column::TrueScore), trailing(Column::ProxyReward));
    let best_so_far: Vec<f32> = truth
        .iter()
        .scan(f32::MIN, |best, x| {
            *best = best.max(*x);
            Some(*best)
        })
        .collect();
    let unsolved = |i: usize| truth[i] < SOLVED;
    let slipped = |i: usize| truth[i] <= best_so_far[i] - TRUE_SLIP;
    let always = |_: usize| true;
    if let Some((at, best)) = proxy_up_true_down(&truth, &proxy) {
        let (t0, t1, p0, p1) = (truth[best], truth[at], short(proxy[best]), short(proxy[at]));
        let paid = if p0 == p1 {
            format!("stayed at {p1}: the reward does not miss what is lost")
        } else {
            format!("went from {p0} to {p1}: the reward is being hacked")
        };
        let sentence =
            format!("The true score fell from {t0:.2} (update {best}) to {t1:.2} while the proxy reward {paid}.");
        ring(AlarmKind::ProxyUpTrueDown, at, sentence);
    } else if let Some(at) =
        proxy_up_true_flat(&truth, &proxy, start_of(&trailing(Column::RewardStd)), &|| follows(curves, arm, updates))
    {
        let (t1, p0, p1) = (truth[at], short(proxy[WARM_UP / 2]), short(proxy[at]));
        let still = if truth[at] < truth[WARM_UP / 2] - TRUE_RISE { "fell to" } else { "is still" };
        let sentence = format!(
            "The proxy reward went from {p0} to {p1} while the true score {still} {t1:.2}: what is paid is not what is wanted."
        );
        ring(AlarmKind::ProxyUpTrueDown, at, sentence);
    }
    let entropy = trailing(Column::Entropy);
    let start = start_of(&entropy);
    if let Some((at, x)) = first(&entropy, &unsolved, &|x| x < ENTROPY_SHARE * start) {
        let sentence = format!("Entropy fell to {x:.3} nats from {start:.3}: the policy has stopped exploring.");
        ring(AlarmKind::EntropyCollapse, at, sentence);
    }
    if let Some((at, x)) = first(&trailing(Column::FracRewardZeroStd), &unsolved, &|x| x >= DEAD_SHARE) {
        let share = 100.0 * x;
        let sentence =
            format!("{share:.0}% of groups have no spread in their rewards: there is almost nothing to learn from.");
        ring(AlarmKind::DeadGroups, at, sentence);
    }
    if let Some((at, x)) = first(&trailing(Column::Kl), &always, &|x| x > KL_LIMIT) {
        let sentence =
            format!("KL to the reference is {x:.1} nats a step: the policy has left the base policy far behind.");
        ring(AlarmKind::KlBlowUp, at, sentence);
    }
    let length = trailing(Column::MeanLength);
    let start = start_of(&length);
    if start > 1.5 {
        if let Some((at, x)) = first(&length, &slipped, &|x| x < LENGTH_SHRINK * start) {
            ring(AlarmKind::LengthCollapse, at, format!("Samples shrank to {x:.1} steps from {start:.1}."));
        }
        if let Some((at, x)) = first(&length, &slipped, &|x| x > LENGTH_GROWTH * start) {
            ring(AlarmKind::LengthExplosion, at, format!("Samples grew to {x:.1} steps from {start:.1}."));
        }
    }
    // Failures count wherever they are: no window, no warm-up.
    let once = |column: Column, limit: f32| raw(column).into_iter().enumerate().find(|(_, x)| *x > limit);
    if let Some((at, x)) = once(Column::NotFinite, 0.0) {
        let sentence = format!("{x:.1} values a seed were not finite; the update was not applied.");
        ring(AlarmKind::NotFinite, at, sentence);
    }
    if let Some((at, x)) = once(Column::ErrorRate, ERROR_SHARE) {
        let share = 100.0 * x;
        let sentence = format!("The reward program failed on {share:.0}% of samples; they take no part in the update.");
        ring(AlarmKind::ProgramErrors, at, sentence);
    }
    alarms
}

/// A reward in a sentence, whatever its size.
fn short(x: f32) -> String {
    if x.abs() < 1e5 { format!("{x:.2}") } else { format!("{x:.1e}") }
}

/// The first update at which the true score is TRUE_FALL under its best so far and the proxy no lower than it was at
/// that best; with the update of the best.
fn proxy_up_true_down(truth: &[f32], proxy: &[f32]) -> Option<(usize, usize)> {
    let mut best = WARM_UP;
    for i in WARM_UP..truth.len().min(proxy.len()) {
        if truth[i] > truth[best] || !truth[best].is_finite() {
            best = i;
        } else if truth[i] <= truth[best] - TRUE_FALL && proxy[i] >= proxy[best] {
            return Some((i, best));
        }
    }
    None
}

/// The first update at which the proxy has risen by one of PROXY_RISES while the true score stays where it began and does
/// not go along.
fn proxy_up_true_flat(truth: &[f32], proxy: &[f32], deviation: f32, follows: &dyn Fn() -> Vec<f32>) -> Option<usize> {
    let start = WARM_UP / 2;
    let (t0, p0) = (*truth.get(start)?, *proxy.get(start)?);
    let rise = |i: usize| (proxy[i] - p0) / deviation;
    let is_suspect = |i: &usize| rise(*i) > PROXY_RISES[1].0 && truth[*i] < TRUE_LOW && truth[*i] <= t0 + TRUE_RISE;
    let mut suspects = (PATIENCE..truth.len().min(proxy.len())).filter(is_suspect).peekable();
    suspects.peek()?;
    let follows = follows();
    suspects.find(|i| PROXY_RISES.iter().any(|(least, most)| rise(*i) > *least && follows[*i] < *most))
}

/// Correlation of proxy reward and true score over all seeds and the updates so far, at every update; 0 where one of the
/// two has not differed. A proxy that is the true score in another unit has 1.
fn follows(curves: &Curves, arm: usize, updates: usize) -> Vec<f32> {
    let lane = |seed: usize| {
        let curve = |column: Column| curves.curve(arm, seed, column as usize);
        (curve(Column::ProxyReward), curve(Column::TrueScore))
    };
    let lanes: Vec<(Vec<f32>, Vec<f32>)> = (0..curves.seeds).map(lane).collect();
    let pair = |(x, y): &(Vec<f32>, Vec<f32>), u: usize| Some((f64::from(*x.get(u)?), f64::from(*y.get(u)?)));
    let is_there = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
    // Sums around the first pair keep their digits.
    let mut origin = None;
    let mut sums = [0.0f64; 6];
    let mut out = Vec::with_capacity(updates);
    for u in 0..updates {
        for (x, y) in lanes.iter().filter_map(|lane| pair(lane, u)).filter(is_there) {
            let (x0, y0) = *origin.get_or_insert((x, y));
            let (x, y) = (x - x0, y - y0);
            sums.iter_mut().zip([1.0, x, y, x * x, y * y, x * y]).for_each(|(sum, by)| *sum += by);
        }
        let [n, x, y, xx, yy, xy] = sums;
        let spread = (n * xx - x * x) * (n * yy - y * y);
        out.push(if spread > 0.0 { ((n * xy - x * y) / spread.sqrt()) as f32 } else { 0.0 });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::columns::ROW;
    use super::*;

    fn curves(updates: usize, f: impl Fn(usize, &mut [f32])) -> Curves {
        let mut curves = Curves::new(1, 2);
        for u in 0..updates {
            let mut row = vec![0.0; ROW];
            f(u, &mut row);
            curves.put(0, 0, u, &row);
            curves.put(0, 1, u, &row);
        }
        curves
    }

    fn healthy(u: usize, row: &mut [f32]) {
        row[Column::TrueScore as usize] = 0.4 + 0.004 * u as f32;
        row[Column::ProxyReward as usize] = 0.4 + 0.004 * u as f32;
        row[Column::Entropy as usize] = 1.0;
        row[Column::MeanLength as usize] = 10.0;
    }

    #[test]
    fn a_healthy_run_is_silent() {
        assert_eq!(detect(&curves(100, healthy)), vec![]);
    }

    #[test]
    fn each_rule_rings_on_its_own_failure_only() {
        type Case = (AlarmKind, Column, fn(usize) -> f32);
        let cases: Vec<Case> = vec![
            (AlarmKind::EntropyCollapse, Column::Entropy, |u| if u < 40 { 1.0 } else { 0.01 }),
            (AlarmKind::DeadGroups, Column::FracRewardZeroStd, |u| if u < 40 { 0.2 } else { 1.0 }),
            (AlarmKind::KlBlowUp, Column::Kl, |u| if u < 40 { 0.2 } else { 20.0 }),
            (AlarmKind::ProxyUpTrueDown, Column::TrueScore, |u| if u < 40 { 0.4 } else { 0.1 }),
            (AlarmKind::NotFinite, Column::NotFinite, |u| if u < 40 { 0.0 } else { 1.0 }),
            (AlarmKind::ProgramErrors, Column::ErrorRate, |u| if u < 40 { 0.0 } else { 0.5 }),
        ];
        for (kind, column, value) in cases {
            let alarms = detect(&curves(100, |u, row| {
                healthy(u, row);
                row[column as usize] = value(u);
            }));
            assert_eq!(alarms.iter().map(|a| a.kind).collect::<Vec<_>>(), vec![kind]);
            assert!((40..50).contains(&alarms[0].update), "{kind:?} at {}", alarms[0].update);
        }
    }

    #[test]
    fn a_proxy_that_climbs_past_a_true_score_that_never_rises_rings() {
        let run = |truth: fn(usize) -> f32, rise: f32| {
            detect(&curves(100, |u, row| {
                healthy(u, row);
                row[Column::TrueScore as usize] = truth(u);
                row[Column::ProxyReward as usize] = 0.4 + rise * u as f32;
                row[Column::RewardStd as usize] = 0.2;
            }))
        };
        let alarms = run(|_| 0.01, 0.02);
        assert_eq!(
            alarms.iter().map(|a| (a.kind, a.update)).collect::<Vec<_>>(),
            vec![(AlarmKind::ProxyUpTrueDown, 50)]
        );
        assert_eq!(run(|_| 0.01, 0.0015), vec![], "the proxy moves within its spread");
        assert_eq!(run(|u| 0.002 * u as f32, 0.02), vec![], "the true score follows, if slowly");
        assert_eq!(run(|_| 0.8, 0.02), vec![], "there is little left to rise");
    }

    fn rings(run: impl Fn(usize, &mut [f32])) -> Vec<Alarm> {
        let mut alarms = detect(&curves(150, run));
        alarms.retain(|a| a.kind == AlarmKind::ProxyUpTrueDown);
        alarms
    }

    #[test]
    fn a_bounded_proxy_that_climbs_while_the_true_score_sinks_rings() {
        // `min(1.0, ep.patterns / 3)` on `steps`: 1.7 deviations are all that there is.
        let alarms = rings(|u, row| {
            healthy(u, row);
            row[Column::TrueScore as usize] = 0.05 - 0.0002 * u as f32;
            row[Column::ProxyReward as usize] = 0.9f32.min(0.34 + 0.006 * u as f32);
            row[Column::RewardStd as usize] = 0.35;
        });
        assert_eq!(alarms.len(), 1);
        assert!(alarms[0].sentence.ends_with("what is paid is not what is wanted."), "{}", alarms[0].sentence);
    }

    #[test]
    fn a_proxy_that_stays_as_it_is_hacks_nothing() {
        let alarms = rings(|u, row| {
            healthy(u, row);
            row[Column::TrueScore as usize] = if u < 40 { 0.6 } else { 0.3 };
            row[Column::ProxyReward as usize] = 1.0 + 1e-6 * u as f32;
        });
        let sentence = &alarms[0].sentence;
        assert!(sentence.contains("stayed at 1.00") && !sentence.contains("hacked"), "{sentence}");
    }

    proptest::proptest! {
        /// Whatever the curve, and whatever the unit that it is paid in: a reward that is the true objective is not
        /// accused, not even while it is all but zero.
        #[test]
        fn the_true_objective_is_never_accused(
            steps in proptest::collection::vec(-0.02f32..0.02, 150),
            start in 0.0f32..1.0,
            factor in 0.01f32..100.0,
            deviation in 0.0f32..0.5,
        ) {
            let mut truth = start;
            let curve: Vec<f32> = steps.iter().map(|step| {
                truth = (truth + step * start.max(0.01)).clamp(0.0, 1.0);
                truth
            }).collect();
            let alarms = rings(|u, row| {
                healthy(u, row);
                row[Column::TrueScore as usize] = curve[u];
                row[Column::ProxyReward as usize] = factor * curve[u] - 1.0;
                row[Column::RewardStd as usize] = factor * deviation;
            });
            proptest::prop_assert_eq!(alarms, vec![]);
        }
    }

    #[test]
    fn lengths_alarm_only_when_the_true_score_slips() {
        for (kind, factor) in [(AlarmKind::LengthCollapse, 0.3), (AlarmKind::LengthExplosion, 3.0)] {
            let run = |slip: f32| {
                detect(&curves(100, |u, row| {
                    healthy(u, row);
                    if u >= 40 {
                        row[Column::MeanLength as usize] = 10.0 * factor;
                        row[Column::TrueScore as usize] = 0.56 - slip;
                        row[Column::ProxyReward as usize] = 0.1;
                    }
                }))
            };
            assert_eq!(run(0.08).iter().map(|a| a.kind).collect::<Vec<_>>(), vec![kind]);
            assert_eq!(run(0.0), vec![]);
        }
    }

    #[test]
    fn a_solved_task_may_be_certain() {
        let alarms = detect(&curves(100, |u, row| {
            healthy(u, row);
            row[Column::TrueScore as usize] = 0.97;
            row[Column::Entropy as usize] = if u < 40 { 1.0 } else { 0.001 };
            row[Column::FracRewardZeroStd as usize] = if u < 40 { 0.1 } else { 1.0 };
        }));
        assert_eq!(alarms, vec![]);
    }
}
