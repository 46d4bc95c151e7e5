//! Synthetic curves: what rings, what does not, and how often noise does.

use super::series::WARM_UP;
use super::*;
use crate::math::rng::{draw, uniform};
use crate::metrics::columns::{ROW, component_mean, component_std};

const UPDATES: usize = 100;
/// When something happens in these runs.
const HAPPENS: usize = 40;

fn curves(updates: usize, seeds: usize, f: impl Fn(usize, usize, &mut [f32])) -> Curves {
    let mut curves = Curves::new(1, seeds);
    for u in 0..updates {
        for seed in 0..seeds {
            let mut row = vec![f32::NAN; ROW];
            f(u, seed, &mut row);
            curves.put(0, seed, u, &row);
        }
    }
    curves
}

fn run(f: impl Fn(usize, &mut [f32])) -> Vec<Alarm> {
    detect(&curves(UPDATES, 2, |u, _, row| {
        healthy(u, row);
        f(u, row);
    }))
}

fn kinds(alarms: &[Alarm]) -> Vec<AlarmKind> {
    alarms.iter().map(|a| a.kind).collect()
}

fn healthy(u: usize, row: &mut [f32]) {
    for (column, x) in [
        (Column::TrueScore, 0.4 + 0.004 * u as f32),
        (Column::ProxyReward, 0.4 + 0.004 * u as f32),
        (Column::RewardStd, 0.4),
        (Column::FracRewardZeroStd, 0.1),
        (Column::Entropy, 1.0),
        (Column::Kl, 0.1),
        (Column::GradNorm, 1.0),
        (Column::ClipRegionMean, 0.01),
        (Column::MeanLength, 10.0),
        (Column::ClippedRatio, 0.1),
        (Column::ErrorRate, 0.0),
        (Column::NotFinite, 0.0),
    ] {
        row[column as usize] = x;
    }
    for part in 0..2 {
        row[component_mean(part)] = 0.2;
        row[component_std(part)] = 0.2;
    }
}

#[test]
fn a_healthy_run_is_silent() {
    assert_eq!(run(|_, _| {}), vec![]);
}

#[test]
fn every_kind_has_one_rule_and_its_name_in_files() {
    for rule in RULES {
        assert_eq!(serde_json::to_value(rule.kind).unwrap(), rule.key);
        assert_eq!(RULES.iter().filter(|other| other.kind == rule.kind).count(), 1);
        assert_eq!(Rule::of(rule.kind).key, rule.key);
    }
}

#[test]
fn each_rule_rings_on_its_own_failure_only() {
    type Case = (AlarmKind, fn(&mut [f32]));
    let at = |kind| Rule::of(kind).at;
    assert!(at(AlarmKind::LengthCollapse) > 0.1 && at(AlarmKind::CutOff) < 0.9, "what follows goes beyond them");
    let cases: Vec<Case> = vec![
        (AlarmKind::ProxyUpTrueDown, |row| row[Column::TrueScore as usize] = 0.1),
        (AlarmKind::EntropyCollapse, |row| row[Column::Entropy as usize] = 0.001),
        (AlarmKind::DeadGroups, |row| row[Column::FracRewardZeroStd as usize] = 1.0),
        (AlarmKind::LengthCollapse, |row| row[Column::MeanLength as usize] = 1.0),
        (AlarmKind::LengthExplosion, |row| row[Column::MeanLength as usize] = 40.0),
        (AlarmKind::CutOff, |row| row[Column::ClippedRatio as usize] = 1.0),
        (AlarmKind::RewardSaturated, |row| row[Column::RewardStd as usize] = 0.0001),
        (AlarmKind::OftenClipped, |row| row[Column::ClipRegionMean as usize] = 0.9),
        (AlarmKind::GradientSpike, |row| row[Column::GradNorm as usize] = 100.0),
        (AlarmKind::PartsDisagree, |row| (row[component_mean(0)], row[component_mean(1)]) = (3.2, -3.0)),
        (AlarmKind::NotFinite, |row| row[Column::NotFinite as usize] = 1.0),
        (AlarmKind::ProgramErrors, |row| row[Column::ErrorRate as usize] = 0.5),
    ];
    for (kind, fails) in cases {
        let alarms = run(|u, row| {
            if u >= HAPPENS {
                fails(row);
            }
        });
        assert_eq!(kinds(&alarms), vec![kind]);
        let latest = HAPPENS + series::WINDOW;
        assert!((HAPPENS..latest).contains(&(alarms[0].update as usize)), "{kind:?} at {}", alarms[0].update);
    }
}

#[test]
fn kl_rings_by_step_and_by_sample() {
    let (step, sample) = (Rule::of(AlarmKind::KlBlowUp).at, Rule::of(AlarmKind::KlOfSample).at);
    let with = |kl: f32, length: f32| {
        kinds(&run(|_, row| (row[Column::Kl as usize], row[Column::MeanLength as usize]) = (kl, length)))
    };
    assert_eq!(with(1.1 * step, 1.0), [AlarmKind::KlBlowUp]);
    assert_eq!(with(0.1, 11.0 * sample), [AlarmKind::KlOfSample]);
    assert_eq!(with(0.1, 5.0 * sample), []);
}

#[test]
fn a_reward_of_any_unit_drifts_in_its_own_deviations() {
    let drift = Rule::of(AlarmKind::RewardDrift).at;
    for unit in [0.01, 1.0, 1000.0] {
        let of = |shift: f32| {
            let mut rang = kinds(&run(|u, row| {
                row[Column::ProxyReward as usize] = unit * shift * u as f32 / UPDATES as f32;
                row[Column::RewardStd as usize] = unit;
                row[Column::TrueScore as usize] = 0.9;
            }));
            rang.retain(|kind| *kind == AlarmKind::RewardDrift);
            rang
        };
        assert_eq!((of(1.3 * drift), of(0.9 * drift)), (vec![AlarmKind::RewardDrift], vec![]), "in units of {unit}");
    }
}

#[test]
fn a_reward_of_0_and_1_can_ring() {
    // It begins at 0.3 and cannot rise by two deviations.
    let rang = kinds(&run(|u, row| {
        let p: f32 = if u < HAPPENS { 0.3 } else { 1.0 };
        row[Column::ProxyReward as usize] = p;
        row[Column::RewardStd as usize] = (p * (1.0 - p)).sqrt();
    }));
    assert!(rang.contains(&AlarmKind::RewardSaturated), "{rang:?}");
}

#[test]
fn what_came_at_once_is_told_from_what_came_slowly() {
    let rise = Rule::of(AlarmKind::RewardJump).at;
    let of = |width: f32| {
        run(|u, row| {
            let share = ((u as f32 - HAPPENS as f32) / width).clamp(0.0, 1.0);
            row[Column::ProxyReward as usize] = 0.4 * 1.2 * rise * share;
        })
        .iter()
        .any(|alarm| alarm.kind == AlarmKind::RewardJump)
    };
    assert!(of(1.0) && !of(60.0));
}

#[test]
fn samples_of_one_step_have_no_length_to_lose() {
    let rang = run(|u, row| {
        let long = u < HAPPENS;
        row[Column::MeanLength as usize] = if long { 1.4 } else { 0.1 };
        row[Column::ClippedRatio as usize] = if long { 0.0 } else { 1.0 };
    });
    assert_eq!(rang, vec![]);
}

#[test]
fn a_rule_says_the_threshold_it_uses() {
    for rule in RULES.iter().filter(|rule| rule.at > 0.0) {
        let words = rule.words();
        let share = format!("{}%", (1000.0 * rule.at).round() / 10.0);
        assert!(words.contains(&format!("{}", rule.at)) || words.contains(&share), "{}: {words}", rule.key);
        assert!(words.ends_with('.') && rule.sees.says().ends_with('.'));
    }
    let hacked = Rule::of(AlarmKind::ProxyUpTrueDown).words();
    assert!(
        hacked.contains("from update 50") && hacked.contains("below 0.5") && hacked.contains("less than 0.1"),
        "{hacked}"
    );
}

#[test]
fn no_rule_of_a_trainer_reads_the_true_score() {
    for rule in RULES.iter().filter(|rule| rule.sees == Sees::Trainer) {
        assert!(!rule.reads.contains(&Column::TrueScore), "{}", rule.key);
        // And it does not need it: whatever the true score does, it says the same.
        let with = |truth: f32| {
            let alarms = run(|u, row| {
                row[Column::TrueScore as usize] = truth;
                if u >= HAPPENS {
                    row[Column::Entropy as usize] = 0.001;
                    row[Column::MeanLength as usize] = 2.0;
                }
            });
            alarms.into_iter().find(|alarm| alarm.kind == rule.kind)
        };
        assert_eq!(with(1.0), with(f32::NAN), "{}", rule.key);
    }
}

#[test]
fn stationary_noise_rings_nothing() {
    let runs = 40;
    for i in 0..runs {
        let alarms = detect(&curves(300, 4, |u, seed, row| {
            healthy(0, row);
            let words = [0, 1].map(|part| draw(i, u as u32, seed as u32, part, 0, 0)).concat();
            let noise = |place: usize| uniform(words[place]) - 0.5;
            for (place, (column, size)) in [
                (Column::TrueScore, 0.1),
                (Column::ProxyReward, 0.4),
                (Column::RewardStd, 0.2),
                (Column::FracRewardZeroStd, 0.2),
                (Column::Entropy, 0.5),
                (Column::Kl, 0.1),
                (Column::GradNorm, 1.5),
                (Column::MeanLength, 4.0),
            ]
            .into_iter()
            .enumerate()
            {
                row[column as usize] += size * noise(place);
            }
        }));
        assert_eq!(alarms, vec![], "run {i}");
    }
}

#[test]
fn a_proxy_that_climbs_past_a_true_score_that_never_rises_rings() {
    let alarms_of = |truth: fn(usize) -> f32, rise: f32| {
        let mut alarms = run(|u, row| {
            row[Column::TrueScore as usize] = truth(u);
            row[Column::ProxyReward as usize] = 0.4 + rise * u as f32;
            row[Column::RewardStd as usize] = 0.2;
        });
        alarms.retain(|a| a.kind == AlarmKind::ProxyUpTrueDown);
        alarms
    };
    let alarms = alarms_of(|_| 0.01, 0.02);
    assert_eq!(alarms.iter().map(|a| a.update).collect::<Vec<_>>(), [50]);
    assert_eq!(alarms_of(|_| 0.01, 0.0015), vec![], "the proxy moves within its spread");
    assert_eq!(alarms_of(|u| 0.002 * u as f32, 0.02), vec![], "the true score follows, if slowly");
    assert_eq!(alarms_of(|_| 0.8, 0.02), vec![], "there is little left to rise");
}

fn accused(f: impl Fn(usize, &mut [f32])) -> Vec<Alarm> {
    let mut alarms = detect(&curves(150, 2, |u, _, row| f(u, row)));
    alarms.retain(|a| a.kind == AlarmKind::ProxyUpTrueDown);
    alarms
}

#[test]
fn a_bounded_proxy_that_climbs_while_the_true_score_sinks_rings() {
    // `min(1.0, ep.patterns / 3)` on `steps`: 1.7 deviations are all that there is.
    let alarms = accused(|u, row| {
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
    let alarms = accused(|u, row| {
        healthy(u, row);
        row[Column::TrueScore as usize] = if u < HAPPENS { 0.6 } else { 0.3 };
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
        let alarms = accused(|u, row| {
            healthy(u, row);
            row[Column::TrueScore as usize] = curve[u];
            row[Column::ProxyReward as usize] = factor * curve[u] - 1.0;
            row[Column::RewardStd as usize] = factor * deviation;
        });
        proptest::prop_assert_eq!(alarms, vec![]);
    }

    /// Whatever stands in a log, the rules look at it and go on.
    #[test]
    fn no_numbers_break_a_rule(
        numbers in proptest::collection::vec(proptest::num::f32::ANY, 0..2000),
        seeds in 1usize..4,
    ) {
        let width = 50;
        let updates = numbers.len() / width;
        let alarms = detect(&curves(updates, seeds, |u, _, row| row[..width].copy_from_slice(&numbers[u * width..][..width])));
        proptest::prop_assert!(alarms.iter().all(|alarm| (alarm.update as usize) < updates.max(1)));
    }
}

#[test]
fn a_short_run_has_no_window_to_judge() {
    let alarms = detect(&curves(WARM_UP, 2, |u, _, row| {
        healthy(u, row);
        row[Column::Entropy as usize] = if u < 3 { 1.0 } else { 0.0 };
    }));
    assert_eq!(alarms, vec![]);
}
