//! The verdict table: what each arm was paid and what it was worth, as shares of what its reward and the task can give, and
//! how it differs from the first arm, seed by seed.

use super::alarms::{self, Alarm};
use super::columns::Column;
use super::curves::Curves;
use super::gap::{Gap, gap};
use super::statistics::{Interval, Range, interval, last_tenth, short};
use serde::{Deserialize, Serialize};

/// The range that a run has seen is that of the means over this many parts of it, so that no single batch makes it.
const PARTS: usize = 40;
/// Fewer updates than these make no range that pay could be a share of.
const EARLY: usize = 20;
/// How far beyond a known range a run may be, as a share of it; further, and the two are not of the same thing.
const BEYOND: f32 = 0.05;

/// What an arm's line is measured by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    pub arm: String,
    /// The first update that the program and settings in use have trained; 0 where they were never edited.
    pub since: u32,
    /// Only settings were others then.
    pub settings: bool,
    /// What its reward can give. None: not known.
    pub range: Option<Range>,
}

/// A number as a share of a range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// 0 to 1, over seeds.
    pub share: Interval,
    pub range: Range,
    /// The range is what can be had; else it is what this run has seen.
    pub is_known: bool,
}

/// One arm's line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub arm: String,
    /// The first update that counts: what came before, another reward or other settings have made.
    pub since: u32,
    /// Only settings were others then.
    #[serde(default)]
    pub settings: bool,
    /// Mean of the last tenth of the run, over seeds.
    pub true_score: Interval,
    pub proxy_reward: Interval,
    /// What was wanted: the true score in the range that the task can give. None: it has not moved.
    pub wanted: Option<Share>,
    /// What was paid: the proxy reward in the range that the arm's own reward can give. None: it has not moved, or it is
    /// too early to say.
    pub paid: Option<Share>,
    /// What is in use has trained for a few updates only: the range of its pay in them says nothing.
    #[serde(default)]
    pub is_early: bool,
    /// What was paid less what was wanted, in a unit that neither can choose.
    #[serde(default)]
    pub gap: Gap,
    /// True score less the first arm's, paired by seed; None for the first arm.
    pub difference: Option<Interval>,
    pub alarms: Vec<Alarm>,
}

/// The table, from the rows that are there; `task` is the range of true scores that the task can give, where it is known.
pub fn verdict(curves: &Curves, arms: &[Measured], task: Option<Range>) -> Vec<Line> {
    let unknown = Measured::default();
    let of = |arm: usize| arms.get(arm).unwrap_or(&unknown);
    let last = |arm: usize, seed, column: Column| last_tenth(&curves.curve(arm, seed, column as usize), of(arm).since);
    let over_seeds = |f: &dyn Fn(usize) -> f32| interval((0..curves.seeds).map(f));
    let truth = |arm, seed| last(arm, seed, Column::TrueScore);
    let share = |arm: usize, column: Column, known: Option<Range>, seen: Option<Range>| {
        let value = over_seeds(&|seed| last(arm, seed, column));
        let [low, high] = known.or(seen)?;
        // A range that is all noise has no shares.
        let is_known = known.is_some();
        let moves = high - low > if is_known { 0.0 } else { value.half_width };
        let part = |x: f32| ((x - low) / (high - low)).clamp(0.0, 1.0);
        (value.mean.is_finite() && moves).then(|| Share {
            share: over_seeds(&|seed| part(last(arm, seed, column))),
            range: [low, high],
            is_known,
        })
    };
    let all_alarms = alarms::detect(curves);
    let truths = (0..curves.arms).filter_map(|arm| seen(curves, arm, Column::TrueScore, 0)).reduce(union);
    (0..curves.arms)
        .map(|arm| {
            let Measured { arm: name, since, settings, range } = of(arm).clone();
            let pays = seen(curves, arm, Column::ProxyReward, since as usize);
            let is_early = curves.complete(arm).saturating_sub(since as usize) < EARLY;
            let paid_in = pays.filter(|_| !is_early);
            Line {
                arm: name,
                since,
                settings,
                true_score: over_seeds(&|seed| truth(arm, seed)),
                proxy_reward: over_seeds(&|seed| last(arm, seed, Column::ProxyReward)),
                wanted: share(arm, Column::TrueScore, task.filter(|task| holds(*task, truths)), truths),
                paid: share(arm, Column::ProxyReward, range.filter(|range| holds(*range, pays)), paid_in),
                is_early,
                gap: gap(curves, arm, since),
                difference: (arm > 0).then(|| over_seeds(&|seed| truth(arm, seed) - truth(0, seed))),
                alarms: all_alarms.iter().filter(|a| a.arm == arm as u32).cloned().collect(),
            }
        })
        .collect()
}

/// Least and greatest mean over seeds of the parts of a run from an update on.
fn seen(curves: &Curves, arm: usize, column: Column, from: usize) -> Option<Range> {
    let n = curves.complete(arm).saturating_sub(from);
    let part = n.div_ceil(PARTS).max(1);
    let means = (0..n.div_ceil(part)).filter_map(|i| {
        let updates = from + i * part..from + ((i + 1) * part).min(n);
        let values = (0..curves.seeds)
            .flat_map(|seed| updates.clone().map(move |update| curves.value(arm, seed, update, column as usize)));
        let (sum, count) =
            values.filter(|x| x.is_finite()).fold((0.0, 0), |(sum, count), x| (sum + f64::from(x), count + 1));
        (count > 0).then(|| (sum / f64::from(count)) as f32)
    });
    means.map(|x| [x, x]).reduce(union)
}

fn union(a: Range, b: Range) -> Range {
    [a[0].min(b[0]), a[1].max(b[1])]
}

/// Whether what a run has seen lies within a known range.
fn holds(known: Range, seen: Option<Range>) -> bool {
    let slack = BEYOND * (known[1] - known[0]);
    seen.is_none_or(|[low, high]| low >= known[0] - slack && high <= known[1] + slack)
}

impl Line {
    /// What was had of what was wanted, and what was paid for it, in a sentence; empty while there are no numbers.
    pub fn says(&self) -> String {
        if !self.true_score.mean.is_finite() {
            return String::new();
        }
        let had = match &self.wanted {
            None => "Its true score has not moved in this run".to_string(),
            Some(w) if w.is_known => {
                format!("Its true score stands at {} of the task's range ({})", percent(w), w.span())
            }
            Some(w) => format!("Its true score stands at {} of the range seen in this run ({})", percent(w), w.span()),
        };
        let since = if self.since > 0 { format!(" since update {}", self.since) } else { String::new() };
        let paid = match &self.paid {
            _ if !self.proxy_reward.mean.is_finite() => "its reward has paid for no sample".to_string(),
            None if self.is_early => {
                "and it is too early to say what share of its reward's range it is paid".to_string()
            }
            None => format!("what its reward pays has not moved{since}"),
            Some(p) if p.is_known => format!("its pay at {} of its reward's range ({})", percent(p), p.span()),
            Some(p) => format!("its pay at {} of the range that its reward has paid{since} ({})", percent(p), p.span()),
        };
        let edited = if self.since > 0 && self.paid.as_ref().is_some_and(|p| p.is_known) {
            let what = if self.settings { "Its settings were changed" } else { "Its reward was edited" };
            format!(" {what}: only what came from update {} on counts.", self.since)
        } else {
            String::new()
        };
        format!("{had}, {paid}.{edited}")
    }
}

impl Share {
    fn span(&self) -> String {
        format!("{} to {}", short(self.range[0]), short(self.range[1]))
    }
}

fn percent(share: &Share) -> String {
    format!("{:.0}%", 100.0 * share.share.mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::columns::ROW;

    /// Two seeds of each arm; an arm is its true score and its proxy by update.
    fn run(arms: &[&dyn Fn(usize) -> (f32, f32)], updates: usize) -> Curves {
        let mut curves = Curves::new(arms.len(), 2);
        for (arm, at) in arms.iter().enumerate() {
            for (seed, update) in (0..2).flat_map(|seed| (0..updates).map(move |update| (seed, update))) {
                let mut row = vec![f32::NAN; ROW];
                let (truth, proxy) = at(update);
                row[Column::TrueScore as usize] = truth + 0.001 * seed as f32;
                row[Column::ProxyReward as usize] = proxy + 0.001 * seed as f32;
                curves.put(arm, seed, update, &row);
            }
        }
        curves
    }

    fn arm(name: &str, range: Option<Range>) -> Measured {
        Measured { arm: name.into(), since: 0, settings: false, range }
    }

    fn shares(line: &Line) -> [f32; 2] {
        [&line.wanted, &line.paid].map(|s| s.as_ref().map_or(f32::NAN, |s| s.share.mean))
    }

    /// Up to update 100 both rise; then the true score falls while the proxy rises on.
    fn hacked(u: usize) -> (f32, f32) {
        let t = u as f32 / 100.0;
        if t < 1.0 { (0.8 * t, 0.5 * t) } else { (0.8 - 0.7 * (t - 1.0), 0.5 + 0.45 * (t - 1.0)) }
    }

    #[test]
    fn a_collapse_is_little_of_what_was_wanted_for_much_of_what_can_be_paid() {
        let curves = run(&[&hacked], 200);
        let known = &verdict(&curves, &[arm("a", Some([0.0, 1.0]))], Some([0.0, 1.0]))[0];
        let [wanted, paid] = shares(known);
        assert!(wanted < 0.2 && paid > 0.9, "{wanted} {paid}");
        let says = known.says();
        assert_eq!(
            says,
            "Its true score stands at 17% of the task's range (0 to 1), its pay at 90% of its reward's range (0 to 1)."
        );
        let seen = &verdict(&curves, &[arm("a", None)], None)[0];
        assert!(seen.says().contains("seen in this run") && seen.says().contains("has paid ("), "{}", seen.says());
    }

    #[test]
    fn a_few_updates_are_no_range_that_pay_is_a_share_of() {
        let curves = run(&[&hacked], 200);
        let since = |since, range| verdict(&curves, &[Measured { since, ..arm("a", range) }], None).remove(0);
        let early = since(193, None);
        assert!(early.paid.is_none() && early.says().contains("too early to say what share"), "{}", early.says());
        assert!(since(193, Some([0.0, 1.0])).paid.is_some(), "a known range needs no updates");
        assert!(since(150, None).paid.is_some());
    }

    #[test]
    fn no_share_depends_on_the_scale_of_a_reward() {
        let curves = run(&[&hacked], 200);
        let scaled = run(&[&|u| (hacked(u).0, 1000.0 * hacked(u).1 - 300.0)], 200);
        for range in [None, Some([0.0, 1.0])] {
            let own = range.map(|[low, high]: Range| [1000.0 * low - 300.0, 1000.0 * high - 300.0]);
            let [a, b] = [(&curves, range), (&scaled, own)]
                .map(|(curves, range)| shares(&verdict(curves, &[arm("a", range)], Some([0.0, 1.0]))[0]));
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-3), "{a:?} {b:?}");
        }
    }

    #[test]
    fn two_rewards_are_never_one_number() {
        // At update 195 a reward a hundred times as large comes into use, whose greatest pay is 100.
        let edited = |u: usize| (0.5, if u < 195 { 0.9 } else { 20.0 + 0.1 * (u as f32 - 195.0) });
        let curves = run(&[&edited], 200);
        let line = &verdict(&curves, &[Measured { since: 195, ..arm("a", Some([0.0, 100.0])) }], None)[0];
        assert!((line.proxy_reward.mean - 20.2).abs() < 0.01, "{:?}", line.proxy_reward);
        assert!((shares(line)[1] - 0.202).abs() < 0.01, "{line:?}");
        assert!(line.says().contains("only what came from update 195 on counts"), "{}", line.says());
        let set = Measured { since: 195, settings: true, ..arm("a", Some([0.0, 100.0])) };
        let says = verdict(&curves, &[set], None)[0].says();
        assert!(says.contains("Its settings were changed: only what came from update 195 on counts"), "{says}");
        let before = &verdict(&curves, &[Measured { since: 200, ..arm("a", None) }], None)[0];
        assert!(before.proxy_reward.mean.is_nan() && before.paid.is_none() && before.says().is_empty());
    }

    #[test]
    fn a_range_that_the_run_leaves_is_not_of_what_it_measures() {
        let curves = run(&[&|u| (0.5, u as f32)], 100);
        let line = &verdict(&curves, &[arm("a", Some([0.0, 1.0]))], None)[0];
        assert!(!line.paid.as_ref().unwrap().is_known);
    }

    #[test]
    fn a_reward_that_never_moves_has_no_share() {
        let curves = run(&[&|_| (0.5, 1.0)], 100);
        let line = &verdict(&curves, &[arm("a", None)], Some([0.0, 1.0]))[0];
        assert!(line.paid.is_none());
        assert!(line.says().ends_with("(0 to 1), what its reward pays has not moved."), "{}", line.says());
    }

    #[test]
    fn true_scores_of_all_arms_are_on_one_scale() {
        let curves = run(&[&|u| (0.2 + 0.001 * u as f32, 0.0), &|u| (0.2 + 0.006 * u as f32, 0.0)], 100);
        let lines = verdict(&curves, &[arm("a", None), arm("b", None)], None);
        assert!(shares(&lines[0])[0] < 0.2 && shares(&lines[1])[0] > 0.9, "{lines:?}");
        assert!(lines[1].difference.is_some_and(|d| d.mean > 0.4));
    }
}
