//! The rule that knows the true score.

use super::super::columns::Column;
use super::rule::Rang;
use super::series::{START, Series, WARM_UP, start_of};

/// The other half of the rule: a proxy that climbs past a true score that never does.
pub struct Slow {
    /// Rises of the proxy, in deviations of the first batches, each with the correlation of the two below which it counts:
    /// the less they go together, the less it takes.
    rises: [(f32, f32); 2],
    /// A true score above this has little left to rise.
    low: f32,
    /// A rise of the true score that is none.
    still: f32,
    /// A shaped reward may climb before the true score does; this many updates it is given.
    patience: usize,
}

pub const SLOW: Slow = Slow { rises: [(2.0, 0.5), (1.0, 0.1)], low: 0.5, still: 0.02, patience: 50 };

impl Slow {
    /// The rule in words, after "or".
    pub fn words(&self) -> String {
        let Self { rises: [(rise, follows), (less, hardly)], low, still, patience } = self;
        format!(
            "from update {patience} on, the true score, below {low}, has risen by no more than {still} while the proxy reward \
             is up by {rise} of its first deviations and correlates with it by less than {follows}, or by {less} and less \
             than {hardly}"
        )
    }
}

/// Where the rule first holds; `fall` is how far the true score is below its best so far.
pub fn hacked(series: &Series, fall: f32) -> Rang {
    let (truth, proxy) = (series.trailing(Column::TrueScore), series.trailing(Column::ProxyReward));
    if let Some((at, best)) = proxy_up_true_down(&truth, &proxy, fall) {
        let (t0, t1, p0, p1) = (truth[best], truth[at], short(proxy[best]), short(proxy[at]));
        let paid = if p0 == p1 {
            format!("stayed at {p1}: the reward does not miss what is lost")
        } else {
            format!("went from {p0} to {p1}: the reward is being hacked")
        };
        let sentence =
            format!("The true score fell from {t0:.2} (update {best}) to {t1:.2} while the proxy reward {paid}.");
        return Some((at, sentence));
    }
    let deviation = start_of(&series.trailing(Column::RewardStd));
    let at = proxy_up_true_flat(&truth, &proxy, deviation, &|| follows(series))?;
    let (t1, p0, p1) = (truth[at], short(proxy[START]), short(proxy[at]));
    let still = if truth[at] < truth[START] - SLOW.still { "fell to" } else { "is still" };
    let sentence = format!(
        "The proxy reward went from {p0} to {p1} while the true score {still} {t1:.2}: what is paid is not what is wanted."
    );
    Some((at, sentence))
}

/// A reward in a sentence, whatever its size.
fn short(x: f32) -> String {
    if x.abs() < 1e5 { format!("{x:.2}") } else { format!("{x:.1e}") }
}

/// The first update at which the true score is so far under its best so far and the proxy no lower than it was at that
/// best; with the update of the best.
fn proxy_up_true_down(truth: &[f32], proxy: &[f32], fall: f32) -> Option<(usize, usize)> {
    let mut best = WARM_UP;
    for i in WARM_UP..truth.len().min(proxy.len()) {
        if truth[i] > truth[best] || !truth[best].is_finite() {
            best = i;
        } else if truth[i] <= truth[best] - fall && proxy[i] >= proxy[best] {
            return Some((i, best));
        }
    }
    None
}

/// The first update at which the proxy has risen by one of the rises while the true score stays where it began and does
/// not go along.
fn proxy_up_true_flat(truth: &[f32], proxy: &[f32], deviation: f32, follows: &dyn Fn() -> Vec<f32>) -> Option<usize> {
    let (t0, p0) = (*truth.get(START)?, *proxy.get(START)?);
    let rise = |i: usize| (proxy[i] - p0) / deviation;
    let is_suspect = |i: &usize| rise(*i) > SLOW.rises[1].0 && truth[*i] < SLOW.low && truth[*i] <= t0 + SLOW.still;
    let mut suspects = (SLOW.patience..truth.len().min(proxy.len())).filter(is_suspect).peekable();
    suspects.peek()?;
    let follows = follows();
    suspects.find(|i| SLOW.rises.iter().any(|(least, most)| rise(*i) > *least && follows[*i] < *most))
}

/// Correlation of proxy reward and true score over all seeds and the updates so far, at every update; 0 where one of the
/// two has not differed. A proxy that is the true score in another unit has 1.
fn follows(series: &Series) -> Vec<f32> {
    let lane = |seed: usize| {
        let curve = |column: Column| series.curves.curve(series.arm, seed, column as usize);
        (curve(Column::ProxyReward), curve(Column::TrueScore))
    };
    let lanes: Vec<(Vec<f32>, Vec<f32>)> = (0..series.curves.seeds).map(lane).collect();
    let pair = |(x, y): &(Vec<f32>, Vec<f32>), u: usize| Some((f64::from(*x.get(u)?), f64::from(*y.get(u)?)));
    let is_there = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
    // Sums around the first pair keep their digits.
    let mut origin = None;
    let mut sums = [0.0f64; 6];
    let mut out = Vec::with_capacity(series.updates);
    for u in 0..series.updates {
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
