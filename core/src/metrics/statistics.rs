//! Means and 95% intervals over seeds (Student's t), curves reduced to one number, smoothing.

use serde::{Deserialize, Serialize};

/// How a curve of one seed becomes one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Mean over the last tenth of the run.
    Final,
    /// Mean over the first hundredth of the run (at least one update): what the base policy does.
    Start,
    /// Greatest value of the curve smoothed over a twentieth of the run.
    Peak,
    /// Least value of the smoothed curve.
    Trough,
    /// Final minus Start.
    Change,
    /// How far it fell from its best: the mean over the tenth of the run in which the other half of the seeds is highest,
    /// minus Final. Never the seed's own peak, which in noise is its greatest noise: level curves would fall.
    Drop,
    /// Final divided by Start.
    Ratio,
    /// Mean over the whole run.
    Mean,
    /// Deviation over the whole run divided by its mean (coefficient of variation).
    Variation,
    /// Updates until the smoothed curve reaches the claim's `level`; the length of the run if it never does.
    UpdatesTo,
}

/// Least and greatest of something.
pub type Range = [f32; 2];

/// A mean with the half-width of its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub mean: f32,
    /// 0 for a single value: one seed has no interval.
    pub half_width: f32,
    pub n: u32,
}

impl Interval {
    /// The standard error of the mean, from an interval of at least two seeds.
    pub fn standard_error(self) -> f64 {
        f64::from(self.half_width) / t_quantile(self.n as usize - 1)
    }

    /// The standard deviation over seeds, likewise.
    pub fn deviation(self) -> f64 {
        self.standard_error() * f64::from(self.n).sqrt()
    }
}

/// Two-sided 95% quantile of Student's t with `df` degrees of freedom.
pub fn t_quantile(df: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    match df {
        0 => f64::INFINITY,
        1..=30 => TABLE[df - 1],
        // Cornish-Fisher expansion around the normal quantile; within 0.001 for df > 30.
        _ => 1.959_964 + 2.3723 / df as f64 + 2.822 / (df * df) as f64,
    }
}

/// Mean and 95% interval of the finite values. NaN mean if there are none.
pub fn interval(values: impl IntoIterator<Item = f32>) -> Interval {
    let values: Vec<f64> = values.into_iter().filter(|x| x.is_finite()).map(f64::from).collect();
    let n = values.len();
    if n == 0 {
        return Interval { mean: f32::NAN, half_width: 0.0, n: 0 };
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let half_width = if n < 2 {
        0.0
    } else {
        let var = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1) as f64;
        t_quantile(n - 1) * (var / n as f64).sqrt()
    };
    Interval { mean: mean as f32, half_width: half_width as f32, n: n as u32 }
}

/// Mean and half-width of every update over the curves of several seeds: (mean, half_width), as long as the longest.
pub fn band(curves: &[Vec<f32>]) -> (Vec<f32>, Vec<f32>) {
    let len = curves.iter().map(Vec::len).max().unwrap_or(0);
    (0..len)
        .map(|u| {
            let i = interval(curves.iter().filter_map(|c| c.get(u).copied()));
            (i.mean, i.half_width)
        })
        .unzip()
}

/// Mean of the finite values; NaN if there are none.
pub fn mean(values: &[f32]) -> f32 {
    interval(values.iter().copied()).mean
}

/// Mean of the last tenth of a curve, as far as it is no older than `since`; NaN where nothing is.
pub(super) fn last_tenth(curve: &[f32], since: u32) -> f32 {
    let n = curve.len();
    mean(&curve[(n - n.div_ceil(10)).max(since as usize).min(n)..])
}

/// A number with three digits, and no zeros that say nothing.
pub(super) fn short(x: f32) -> String {
    if x != 0.0 && !(1e-3..1e5).contains(&x.abs()) {
        return format!("{x:.1e}");
    }
    let digits = if x.abs() >= 100.0 { 0 } else { 2 };
    let text = format!("{x:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".into() } else { text.into() }
}

/// Centred moving average over `window` values, shorter at the ends, over finite values only.
pub fn smooth(curve: &[f32], window: usize) -> Vec<f32> {
    let before = window.saturating_sub(1) / 2;
    let after = window.max(1) / 2;
    (0..curve.len()).map(|i| mean(&curve[i.saturating_sub(before)..(i + after + 1).min(curve.len())])).collect()
}

/// One number for each seed's curve (see `Statistic`); `level` is what `UpdatesTo` waits for. NaN for an empty curve.
///
/// `Drop` is cross-fitted. Where the mean of one half of the seeds is greatest, the other half is read, and its end is
/// subtracted; then the halves change places. A seed's own greatest value would be its greatest noise, and every level
/// curve would seem to fall; so would those that the peak of the mean of all seeds is read from. What one half chooses
/// knows nothing of the other's noise, so that drops of level curves are 0 on average. The halves are not quite
/// independent of each other: "falls by at least 0" holds in about 4% of level runs, where an interval of independent
/// seeds has 2.5% (`noise_tests`). A single seed has no drop (NaN).
pub fn reduce(statistic: Statistic, level: Option<f32>, curves: &[Vec<f32>]) -> Vec<f32> {
    match statistic {
        Statistic::Drop => drops(curves),
        _ => curves.iter().map(|curve| reduce_one(statistic, level, curve)).collect(),
    }
}

/// Mean over the last tenth of a curve.
fn last(curve: &[f32]) -> f32 {
    mean(&curve[curve.len() - curve.len().div_ceil(10)..])
}

/// A curve smoothed over a twentieth of the run.
fn smoothed(curve: &[f32]) -> Vec<f32> {
    smooth(curve, curve.len().div_ceil(20))
}

/// The mean of every stretch of a tenth of a curve; the last is that of its end.
fn tenths(curve: &[f32]) -> Vec<f32> {
    let width = curve.len().div_ceil(10);
    if width == 0 { Vec::new() } else { curve.windows(width).map(mean).collect() }
}

fn drops(curves: &[Vec<f32>]) -> Vec<f32> {
    let tenths: Vec<Vec<f32>> = curves.iter().map(|curve| tenths(curve)).collect();
    let longest = tenths.iter().map(Vec::len).max().unwrap_or(0);
    // Where the mean of every second seed is greatest, the first such place.
    let peak_of = |half: usize| {
        let at = |place: usize| {
            mean(&tenths.iter().skip(half).step_by(2).filter_map(|c| c.get(place).copied()).collect::<Vec<_>>())
        };
        let places = (0..longest).map(|place| (place, at(place))).filter(|(_, mean)| mean.is_finite());
        places.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(place, _)| place)
    };
    let peaks = [peak_of(1), peak_of(0)];
    let drop = |(seed, own): (usize, &Vec<f32>)| {
        let read = peaks[seed % 2].and_then(|place| Some(own.get(place)? - own.last()?));
        read.unwrap_or(f32::NAN)
    };
    tenths.iter().enumerate().map(drop).collect()
}

fn reduce_one(statistic: Statistic, level: Option<f32>, curve: &[f32]) -> f32 {
    let n = curve.len();
    if n == 0 {
        return f32::NAN;
    }
    let first = || mean(&curve[..n.div_ceil(100)]);
    let finite = || smoothed(curve).into_iter().filter(|x| x.is_finite());
    match statistic {
        Statistic::Final => last(curve),
        Statistic::Start => first(),
        Statistic::Peak => finite().fold(f32::NAN, f32::max),
        Statistic::Trough => finite().fold(f32::NAN, f32::min),
        Statistic::Change => last(curve) - first(),
        // One seed alone has none.
        Statistic::Drop => f32::NAN,
        Statistic::Ratio => last(curve) / first(),
        Statistic::Mean => mean(curve),
        Statistic::Variation => {
            let mean = mean(curve);
            let squares = interval(curve.iter().map(|x| (x - mean) * (x - mean))).mean;
            squares.sqrt() / mean
        }
        Statistic::UpdatesTo => {
            let reached = smoothed(curve).into_iter().position(|x| level.is_some_and(|level| x >= level));
            reached.unwrap_or(n) as f32
        }
    }
}

/// Whether the rewards of a group differ by more than rounding (NaN = no reward, which does not count).
pub fn differs(rewards: &[f32]) -> bool {
    let finite = || rewards.iter().copied().filter(|r| r.is_finite());
    let (low, high) = finite().fold((f32::MAX, f32::MIN), |(l, h), r| (l.min(r), h.max(r)));
    high > low && high - low > 1e-8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_students() {
        let i = interval([1.0, 2.0, 3.0, 4.0]);
        assert_eq!((i.mean, i.n), (2.5, 4));
        // s = 1.2910, t(3) = 3.182, so 3.182 * 1.2910 / 2.
        assert!((i.half_width - 2.054).abs() < 1e-3, "{}", i.half_width);
        assert!(interval([f32::NAN]).mean.is_nan());
        assert_eq!(interval([2.0]).half_width, 0.0);
    }

    #[test]
    fn t_falls_towards_the_normal_quantile_without_a_jump() {
        for df in 1..200 {
            assert!(t_quantile(df) > t_quantile(df + 1), "{df}");
        }
        assert!((t_quantile(40) - 2.0211).abs() < 1e-3);
        assert!((t_quantile(120) - 1.9799).abs() < 1e-3);
    }

    #[test]
    fn a_curve_becomes_one_number() {
        let reduce_to = |statistic, level, curve: &[f32]| reduce(statistic, level, &[curve.to_vec()])[0];
        let reduce = |statistic, curve: &[f32]| reduce_to(statistic, None, curve);
        let rise_and_fall: Vec<f32> = (0..100).map(|i| if i < 50 { i as f32 } else { 100.0 - i as f32 }).collect();
        assert!((reduce(Statistic::Final, &rise_and_fall) - 5.5).abs() < 1e-4);
        assert!(reduce(Statistic::Start, &rise_and_fall).abs() < 1e-4, "the first hundredth is one update");
        assert!(reduce(Statistic::Peak, &rise_and_fall) > 48.0);
        assert!(reduce(Statistic::Final, &[]).is_nan());
        assert!((reduce(Statistic::Mean, &rise_and_fall) - 25.0).abs() < 1e-4);
        assert!((reduce(Statistic::Variation, &[1.0, 3.0, 1.0, 3.0]) - 0.5).abs() < 1e-6);
        assert_eq!(reduce_to(Statistic::UpdatesTo, Some(20.0), &rise_and_fall), 20.0);
        assert_eq!(reduce_to(Statistic::UpdatesTo, Some(60.0), &rise_and_fall), 100.0, "never");
    }

    #[test]
    fn a_drop_is_read_where_the_other_half_of_the_seeds_peaks() {
        let rise_and_fall: Vec<f32> = (0..100).map(|i| if i < 50 { i as f32 } else { 100.0 - i as f32 }).collect();
        let drops = |curves: &[Vec<f32>]| reduce(Statistic::Drop, None, curves);
        // The best tenth is 45 to 54, with a mean of 47.5; the last has one of 5.5.
        assert!(drops(&[rise_and_fall.clone(), rise_and_fall.clone()]).iter().all(|x| (x - 42.0).abs() < 0.1));
        let rise: Vec<f32> = (0..100).map(|i| i as f32).collect();
        assert_eq!(drops(&[rise.clone(), rise]), [0.0, 0.0], "what rises does not fall");
        assert!(drops(std::slice::from_ref(&rise_and_fall))[0].is_nan(), "one seed has no other");
        // One seed's spike is a peak of its half's mean, at which the other half stood level.
        let mut spike = vec![0.0; 100];
        spike[50] = 100.0;
        assert_eq!(drops(&[spike, vec![0.0; 100], vec![0.0; 100]]), [0.0, 0.0, 0.0]);
        assert!(drops(&[rise_and_fall, Vec::new()]).iter().all(|x| x.is_nan()), "nor has one whose other did not run");
    }
}
