//! Statistics on synthetic noise whose truth is known: intervals cover as often as they say, level curves do not fall, and
//! many claims about nothing hold as often as is said. The random numbers are fixed, so that each test gives the same
//! counts always; bounds are four binomial deviations wide.

use super::claims::{Checked, judge, p_value, together};
use super::statistics::{interval, reduce};
use crate::experiment::Expected;
use crate::experiment::{Comparison, Outcome, Statistic};
use crate::math::rng::{draw, uniform};

const REPETITIONS: u32 = 4000;

/// Standard normal numbers, by Box and Muller.
struct Noise {
    stream: u32,
    next: u32,
}

impl Noise {
    fn new(stream: u32) -> Self {
        Self { stream, next: 0 }
    }

    fn normal(&mut self) -> f32 {
        let words = draw(self.stream, self.next, 0, 0, 0, 0);
        self.next += 1;
        let (u, angle) = (1.0 - uniform(words[0]), uniform(words[1]) * core::f32::consts::TAU);
        (-2.0 * u.ln()).sqrt() * angle.cos()
    }

    /// A curve that wanders around 0: autoregressive, as training curves are.
    fn curve(&mut self, updates: usize) -> Vec<f32> {
        let mut x = self.normal();
        let mut step = || {
            x = 0.8 * x + 0.6 * self.normal();
            x
        };
        (0..updates).map(|_| step()).collect()
    }
}

/// Whether a count among the repetitions is a share, but for chance.
fn is_about(count: u32, share: f64) -> bool {
    let n = f64::from(REPETITIONS);
    (f64::from(count) / n - share).abs() < 4.0 * (share * (1.0 - share) / n).sqrt()
}

/// How many of the repetitions are so.
fn count(mut is_so: impl FnMut(&mut Noise) -> bool, stream: u32) -> u32 {
    (0..REPETITIONS).filter(|i| is_so(&mut Noise::new(stream + i))).count() as u32
}

#[test]
fn intervals_cover_the_truth_in_95_of_100_cases() {
    for seeds in [2, 4, 8, 32] {
        let covers = |noise: &mut Noise| {
            let i = interval((0..seeds).map(|_| 3.0 + 2.0 * noise.normal()));
            (i.mean - 3.0).abs() <= i.half_width
        };
        let covered = count(covers, 0);
        assert!(is_about(covered, 0.95), "{seeds} seeds: {covered} of {REPETITIONS}");
    }
}

#[test]
fn intervals_of_paired_differences_cover_though_seeds_differ_more_than_arms() {
    let mut unpaired = 0.0;
    let covers = |noise: &mut Noise| {
        let arms: Vec<[f32; 2]> = (0..8)
            .map(|_| {
                let seed = 10.0 * noise.normal();
                [seed + 0.5 + noise.normal(), seed + noise.normal()]
            })
            .collect();
        unpaired += interval(arms.iter().map(|arms| arms[0])).half_width;
        let i = interval(arms.iter().map(|arms| arms[0] - arms[1]));
        (i.mean - 0.5).abs() <= i.half_width && i.half_width < 5.0
    };
    let covered = count(covers, 10_000);
    assert!(is_about(covered, 0.95), "{covered} of {REPETITIONS}");
    assert!(unpaired / REPETITIONS as f32 > 5.0, "the noise of the seeds was there");
}

#[test]
fn intervals_of_curves_ends_cover() {
    let covers = |noise: &mut Noise| {
        let curves: Vec<Vec<f32>> = (0..8).map(|_| noise.curve(100)).collect();
        let i = interval(reduce(Statistic::Final, None, &curves));
        i.mean.abs() <= i.half_width
    };
    let covered = count(covers, 20_000);
    assert!(is_about(covered, 0.95), "{covered} of {REPETITIONS}");
}

/// How often "it falls", by at least 0, is found to hold and to be contradicted in curves of this mean.
fn falls(statistic: fn(&[Vec<f32>]) -> Vec<f32>, seeds: usize, mean: fn(usize) -> f32, threshold: f32) -> [f64; 2] {
    let mut found = [0; 2];
    for i in 0..REPETITIONS / 4 {
        let mut noise = Noise::new(30_000 + i);
        let curves: Vec<Vec<f32>> = (0..seeds)
            .map(|_| noise.curve(120).iter().enumerate().map(|(update, x)| mean(update) + 0.1 * x).collect())
            .collect();
        match judge(interval(statistic(&curves)), seeds as u32, Comparison::AtLeast, threshold) {
            Outcome::Holds => found[0] += 1,
            Outcome::Contradicted => found[1] += 1,
            Outcome::Undecided(_) => {}
        }
    }
    found.map(|n| f64::from(n) / f64::from(REPETITIONS / 4))
}

fn drop(curves: &[Vec<f32>]) -> Vec<f32> {
    reduce(Statistic::Drop, None, curves)
}

/// Each seed's own greatest value less its end.
fn own_peak_less_end(curves: &[Vec<f32>]) -> Vec<f32> {
    let [peak, end] = [Statistic::Peak, Statistic::Final].map(|statistic| reduce(statistic, None, curves));
    peak.iter().zip(end).map(|(peak, end)| peak - end).collect()
}

#[test]
fn level_curves_do_not_fall() {
    for seeds in [4, 8, 16] {
        let [holds, contradicted] = falls(drop, seeds, |_| 0.5, 0.0);
        assert!(holds < 0.055 && contradicted < 0.055, "{seeds} seeds: {holds} {contradicted}");
        // The same noise has falls wherever each seed's own peak is looked for.
        let [own, _] = falls(own_peak_less_end, seeds, |_| 0.5, 0.0);
        assert!(own > 0.8, "{seeds} seeds: {own}");
    }
}

#[test]
fn a_rise_is_no_fall_and_a_fall_is_found() {
    let rise = |update: usize| 0.01 * update as f32;
    let found = falls(drop, 8, rise, 0.01);
    assert!(found[0] < 0.03, "{found:?}");
    // The best tenth has a mean of 0.57, the last one of 0.065.
    let rise_and_fall = |update: usize| 0.01 * if update < 60 { update as f32 } else { 120.0 - update as f32 };
    let found = falls(drop, 8, rise_and_fall, 0.3);
    assert!(found[0] > 0.95, "{found:?}");
    let found = falls(drop, 8, rise_and_fall, 0.505);
    assert!(found[0] < 0.055, "a fall is not overstated: {found:?}");
}

#[test]
fn claims_about_nothing_hold_as_often_as_is_said() {
    const CLAIMS: usize = 10;
    let (mut hold, mut said, mut corrected) = (0, 0.0, 0);
    const FILES: u32 = REPETITIONS / 2;
    for i in 0..FILES {
        let mut noise = Noise::new(40_000 + i);
        let checked: Vec<Checked> = (0..CLAIMS)
            .map(|_| {
                let measured = interval((0..8).map(|_| 1.0 + noise.normal()));
                let outcome = judge(measured, 8, Comparison::AtLeast, 1.0);
                Checked { measured, outcome, expected: Expected::Holds, p: p_value(measured, 1.0) }
            })
            .collect();
        let found = together(&checked);
        hold += found.hold;
        said += found.by_chance;
        corrected += u32::from(found.hold_corrected > 0);
    }
    let (hold, said) = (hold as f64, said);
    assert!((hold - said).abs() < 4.0 * said.sqrt(), "{hold} hold, {said} were said to");
    // Holm keeps the chance that any claim is decided wrongly at 5%, in either direction.
    assert!(f64::from(corrected) / f64::from(FILES) < 0.037, "{corrected}");
    assert!(corrected > 0, "and the correction does not refuse everything");
}
