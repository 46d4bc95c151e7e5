//! The rules, in the order they are shown.

use super::hacked::{SLOW, hacked};
use super::rule::{Rule, Sees};
use super::series::{START, WARM_UP, start_of};
use super::{Column, kind::AlarmKind};

/// A reward rises at once when it rises within so many updates.
const AT_ONCE: usize = 20;
/// A gradient is compared with the mean of all before it, from this update on.
const SETTLED: usize = 2 * WARM_UP;
/// Steps under which a sample has no length to lose or to gain.
const LEAST_STEPS: f32 = 1.5;

pub const RULES: &[Rule] = &[
    Rule {
        kind: AlarmKind::ProxyUpTrueDown,
        key: "proxy_up_true_down",
        name: "Proxy up, true down",
        sees: Sees::Playground,
        reads: &[Column::TrueScore, Column::ProxyReward, Column::RewardStd],
        at: 0.05,
        words: |at| {
            format!(
                "The true score is {at} or more below its best so far, while the proxy reward is no lower than it was then; or {SLOW}.",
                SLOW = SLOW.words()
            )
        },
        find: |series, at, _| hacked(series, at),
    },
    Rule {
        kind: AlarmKind::EntropyCollapse,
        key: "entropy_collapse",
        name: "Entropy collapse",
        sees: Sees::Trainer,
        reads: &[Column::Entropy],
        at: 0.01,
        words: |at| format!("Entropy is below {} of its start.", percent(at)),
        find: |series, at, only| {
            let start = start_of(&series.trailing(Column::Entropy));
            let (i, x) = first(&series.of_start(Column::Entropy, 0.0), only, |x| x < at)?;
            let x = x * start;
            Some((i, format!("Entropy fell to {x:.3} nats from {start:.3}: the policy has stopped exploring.")))
        },
    },
    Rule {
        kind: AlarmKind::DeadGroups,
        key: "dead_groups",
        name: "Dead groups",
        sees: Sees::Trainer,
        reads: &[Column::FracRewardZeroStd],
        at: 0.99,
        words: |at| {
            format!("{} of the groups or more have no spread in their rewards, so they teach nothing.", percent(at))
        },
        find: |series, at, only| {
            let (i, x) = first(&series.trailing(Column::FracRewardZeroStd), only, |x| x >= at)?;
            Some((
                i,
                format!(
                    "{} of groups have no spread in their rewards: there is almost nothing to learn from.",
                    percent(x)
                ),
            ))
        },
    },
    Rule {
        kind: AlarmKind::KlBlowUp,
        key: "kl_blow_up",
        name: "KL blow-up",
        sees: Sees::Trainer,
        reads: &[Column::Kl],
        at: 10.0,
        words: |at| format!("KL to the reference policy is above {at} nats a step."),
        find: |series, at, only| {
            let (i, x) = first(&series.trailing(Column::Kl), only, |x| x > at)?;
            Some((
                i,
                format!("KL to the reference is {x:.1} nats a step: the policy has left the base policy far behind."),
            ))
        },
    },
    Rule {
        kind: AlarmKind::KlOfSample,
        key: "kl_of_sample",
        name: "KL of a sample",
        sees: Sees::Trainer,
        reads: &[Column::Kl, Column::MeanLength],
        at: 40.0,
        words: |at| format!("KL to the reference policy, over all steps of a mean sample, is above {at} nats."),
        find: |series, at, only| {
            let lengths = series.trailing(Column::MeanLength);
            let kl: Vec<f32> =
                series.trailing(Column::Kl).iter().zip(lengths.iter()).map(|(kl, length)| kl * length).collect();
            let (i, x) = first(&kl, only, |x| x > at)?;
            Some((
                i,
                format!("A sample is {x:.0} nats from the reference policy: it would hardly ever have said that."),
            ))
        },
    },
    Rule {
        kind: AlarmKind::LengthCollapse,
        key: "length_collapse",
        name: "Length collapse",
        sees: Sees::Trainer,
        reads: &[Column::MeanLength],
        at: 0.2,
        words: |at| format!("Samples are shorter than {} of their length at the start.", percent(at)),
        find: |series, at, only| {
            let start = start_of(&series.trailing(Column::MeanLength));
            let (i, x) = first(&series.of_start(Column::MeanLength, LEAST_STEPS), only, |x| x < at)?;
            Some((i, format!("Samples shrank to {:.1} steps from {start:.1}.", x * start)))
        },
    },
    Rule {
        kind: AlarmKind::LengthExplosion,
        key: "length_explosion",
        name: "Length explosion",
        sees: Sees::Trainer,
        reads: &[Column::MeanLength],
        at: 2.0,
        words: |at| format!("Samples are longer than {} of their length at the start.", percent(at)),
        find: |series, at, only| {
            let start = start_of(&series.trailing(Column::MeanLength));
            let (i, x) = first(&series.of_start(Column::MeanLength, LEAST_STEPS), only, |x| x > at)?;
            Some((i, format!("Samples grew to {:.1} steps from {start:.1}.", x * start)))
        },
    },
    Rule {
        kind: AlarmKind::CutOff,
        key: "cut_off",
        name: "Cut off",
        sees: Sees::Trainer,
        reads: &[Column::ClippedRatio, Column::MeanLength],
        at: 0.1,
        words: |at| format!("The share of samples that are cut off at the horizon is up by {at} from the start."),
        find: |series, at, only| {
            if start_of(&series.trailing(Column::MeanLength)) <= LEAST_STEPS {
                return None;
            }
            let shares = series.trailing(Column::ClippedRatio);
            let start = start_of(&shares);
            let (i, x) = first(&shares, only, |x| x >= start + at)?;
            Some((
                i,
                format!("{} of samples are cut off at the horizon, {} were at the start.", percent(x), percent(start)),
            ))
        },
    },
    Rule {
        kind: AlarmKind::RewardDrift,
        key: "reward_drift",
        name: "Reward drift",
        sees: Sees::Trainer,
        reads: &[Column::ProxyReward, Column::RewardStd],
        at: 15.0,
        words: |at| format!("The reward is up by {at} standard deviations of the first batches."),
        find: |series, at, only| {
            let (i, x) = first(&series.shift(), only, |x| x >= at)?;
            Some((
                i,
                format!(
                    "The reward is up by {x:.1} deviations of the first batches: hardly a first sample was paid that much."
                ),
            ))
        },
    },
    Rule {
        kind: AlarmKind::RewardSaturated,
        key: "reward_saturated",
        name: "Reward saturated",
        sees: Sees::Trainer,
        reads: &[Column::ProxyReward, Column::RewardStd],
        at: 0.001,
        words: |at| {
            format!(
                "The reward is up, and its deviation is below {} of that of the first batches: every sample is paid alike.",
                percent(at)
            )
        },
        find: |series, at, only| {
            let shift = series.shift();
            let is_up = |i: usize| shift.get(i).is_some_and(|shift| *shift > 0.0) && only(i);
            let (i, x) = first(&series.of_start(Column::RewardStd, 0.0), &is_up, |x| x < at)?;
            Some((i, format!("Every sample is paid alike: the reward's deviation is {} of what it was.", percent(x))))
        },
    },
    Rule {
        kind: AlarmKind::RewardJump,
        key: "reward_jump",
        name: "Reward jump",
        sees: Sees::Trainer,
        reads: &[Column::ProxyReward, Column::RewardStd],
        at: 4.0,
        words: |at| {
            format!("The reward rose by {at} standard deviations of the first batches within {AT_ONCE} updates.")
        },
        find: |series, at, only| {
            let shift = series.shift();
            let rise = |i: usize| shift[i] - shift[i.saturating_sub(AT_ONCE).max(START.min(i))];
            let rises: Vec<f32> = (0..shift.len()).map(rise).collect();
            let (i, x) = first(&rises, only, |x| x >= at)?;
            Some((
                i,
                format!(
                    "The reward rose by {x:.1} deviations of the first batches within {AT_ONCE} updates: has it found a short cut?"
                ),
            ))
        },
    },
    Rule {
        kind: AlarmKind::PartsDisagree,
        key: "parts_disagree",
        name: "Parts disagree",
        sees: Sees::Trainer,
        reads: &[],
        at: 3.0,
        words: |at| {
            format!(
                "One part of the reward is up by {at} standard deviations of the first batches, and another is down by as much."
            )
        },
        find: |series, at, only| {
            let parts = series.shifts_of_parts();
            let at_update = |i: usize| parts.iter().map(move |part| part[i]);
            let apart = |i: usize| at_update(i).fold(f32::MIN, f32::max).min(-at_update(i).fold(f32::MAX, f32::min));
            let curve: Vec<f32> = (0..parts.first().map_or(0, Vec::len)).map(apart).collect();
            let (i, x) = first(&curve, only, |x| x >= at)?;
            Some((
                i,
                format!(
                    "One part of the reward rose and another fell, each by {x:.1} deviations or more: the policy trades one for the other."
                ),
            ))
        },
    },
    Rule {
        kind: AlarmKind::OftenClipped,
        key: "often_clipped",
        name: "Often clipped",
        sees: Sees::Trainer,
        reads: &[Column::ClipRegionMean],
        at: 0.4,
        words: |at| {
            format!("{} of the steps or more are clipped: the policy moves further than the loss allows.", percent(at))
        },
        find: |series, at, only| {
            let (i, x) = first(&series.trailing(Column::ClipRegionMean), only, |x| x >= at)?;
            Some((i, format!("{} of steps are clipped: the policy moves further than the loss allows.", percent(x))))
        },
    },
    Rule {
        kind: AlarmKind::GradientSpike,
        key: "gradient_spike",
        name: "Gradient spike",
        sees: Sees::Trainer,
        reads: &[Column::GradNorm],
        at: 2.0,
        words: |at| format!("The gradient is {at} times as long as it was in the mean of all updates before."),
        find: |series, at, only| {
            let norms = series.raw(Column::GradNorm);
            let mut before = (0.0, 0.0);
            let times = |x: &f32| {
                let mean = before.0 / before.1;
                if x.is_finite() {
                    before = (before.0 + f64::from(*x), before.1 + 1.0);
                }
                if mean > 0.0 { (f64::from(*x) / mean) as f32 } else { f32::NAN }
            };
            let times: Vec<f32> = norms.iter().map(times).collect();
            let (i, x) = first(&times, &|i| i >= SETTLED && only(i), |x| x >= at)?;
            Some((i, format!("The gradient is {x:.0} times as long as it was in the mean before.")))
        },
    },
    Rule {
        kind: AlarmKind::NotFinite,
        key: "not_finite",
        name: "Not finite",
        sees: Sees::Trainer,
        reads: &[Column::NotFinite],
        at: 0.0,
        words: |_| "A loss, ratio or gradient was not a finite number; that update was not applied.".into(),
        find: |series, at, _| {
            let (i, x) = once(&series.raw(Column::NotFinite), at)?;
            Some((i, format!("{x:.1} values a seed were not finite; the update was not applied.")))
        },
    },
    Rule {
        kind: AlarmKind::ProgramErrors,
        key: "program_errors",
        name: "Reward errors",
        sees: Sees::Trainer,
        reads: &[Column::ErrorRate],
        at: 0.05,
        words: |at| format!("The reward program failed on more than {} of the samples.", percent(at)),
        find: |series, at, _| {
            let (i, x) = once(&series.raw(Column::ErrorRate), at)?;
            Some((
                i,
                format!("The reward program failed on {} of samples; they take no part in the update.", percent(x)),
            ))
        },
    },
];

/// The first update after the warm-up at which a curve is so, among those that count.
fn first(curve: &[f32], only: &dyn Fn(usize) -> bool, is_so: impl Fn(f32) -> bool) -> Option<(usize, f32)> {
    curve.iter().copied().enumerate().skip(WARM_UP).find(|(i, x)| x.is_finite() && is_so(*x) && only(*i))
}

/// Failures count wherever they are: no window, no warm-up.
fn once(curve: &[f32], limit: f32) -> Option<(usize, f32)> {
    curve.iter().copied().enumerate().find(|(_, x)| *x > limit)
}

fn percent(share: f32) -> String {
    format!("{}%", (1000.0 * share).round() / 10.0)
}

impl Rule {
    /// The rule of a kind of alarm.
    pub fn of(kind: AlarmKind) -> &'static Self {
        // Every kind has one (tested).
        RULES.iter().find(|rule| rule.kind == kind).unwrap_or(&RULES[0])
    }
}
