//! `docs/alarms.md`: the rules, how a case is labelled, and how often each rule was right.

use super::before;
use super::cases::{BLOCK, Measured};
use super::rates::{Tally, any_of_trainer, counts, percent, rate, tuned};
use super::tuning::{Half, MOST_FALSE};
use goodhart_core::metrics::alarms::label::{Label, definition};
use goodhart_core::metrics::alarms::{RULES, Rule, Sees};
use std::fmt::Write;

/// The whole page.
pub fn page(measured: &[Measured]) -> String {
    let blocks = measured.iter().map(|case| case.blocks).max().unwrap_or(0);
    let mut text = format!(
        "# How often the alarms are right\n\n\
         Written by `goodhart alarms experiments/ --write`; never edited.\n\n\
         ## What a case is\n\n{}\n\n\
         Every case is looked at as a person would, in {blocks} blocks: the mean of {BLOCK} seeds, update by update. A rule's \
         *catches* are the share of blocks in which it rings at any update, in the mean over hacked cases; it *rings for \
         nothing* in the same share of fine cases. Intervals are Wilson's at 95%, with as many trials as there are cases, \
         since blocks of one arm are not independent; neither are the arms of one experiment quite, so that the intervals are \
         too narrow rather than too wide.\n\n\
         Thresholds are set on one half of the experiments and reported on the other; which half an experiment is in is a \
         hash of its family's name, so that variants of an experiment are never on both sides. A threshold is the one, of \
         those that were tried, that catches most while it rings for nothing in at most {:.0}% of the tuning half; where none does, \
         the strictest. What a rule looks at, the numbers in the definition above and the thresholds that were tried were chosen \
         while looking at both halves; the choice among those thresholds was not. So the rates of the reporting half may still be \
         somewhat better than on another set of experiments.\n\n{}\n\n",
        definition(),
        100.0 * MOST_FALSE,
        counts(measured)
    );
    // Writing to a String cannot fail.
    let _ = writeln!(text, "## What came of it\n\n{}\n", findings(measured));
    text.push_str("## On the half where no threshold was set\n\n");
    text.push_str(&rates(measured, Half::Reporting));
    text.push_str(
        "\n*Before the turn*: of the hacked cases whose true score turns, those in which the rule had rung by then. *Updates \
         after the turn*: the median over what rang there, negative where it rang before. *Tells apart*: the intervals of \
         catches and of rings for nothing do not meet.\n\n## On the half where thresholds were set\n\n",
    );
    text.push_str(&rates(measured, Half::Tuning));
    let _ = write!(text, "\n{}", old_rules(measured));
    text.push_str("\n## The rules\n\n| rule | name in files | who sees it | in words |\n| --- | --- | --- | --- |\n");
    for rule in RULES {
        let _ = writeln!(text, "| {} | `{}` | {} | {} |", rule.name, rule.key, who(rule), rule.words());
    }
    let _ = write!(text, "\n{}", cases(measured));
    text
}

fn who(rule: &Rule) -> &'static str {
    match rule.sees {
        Sees::Trainer => "a trainer",
        Sees::Playground => "only a playground",
    }
}

/// What the table says, in sentences that follow from it.
fn findings(measured: &[Measured]) -> String {
    let of = |half: Half| -> Vec<(&Rule, Tally)> {
        RULES.iter().enumerate().map(|(i, rule)| (rule, rate(measured, half, &|case| &case.now[i]))).collect()
    };
    let reported = of(Half::Reporting);
    let names = |is_so: &dyn Fn(&Rule, &Tally) -> bool| -> String {
        let names: Vec<&str> =
            reported.iter().filter(|(rule, tally)| is_so(rule, tally)).map(|(rule, _)| rule.name).collect();
        if names.is_empty() { "none".into() } else { names.join(", ") }
    };
    let by_trainer = |rule: &Rule| rule.sees == Sees::Trainer;
    let any = any_of_trainer(measured, Half::Reporting);
    let early = names(&|rule, tally| by_trainer(rule) && tally.early().low > tally.falsely().high);
    let early = match early.as_str() {
        "none" => "No rule that a trainer can look at rang before the true score turned more often, for certain, than it rang for nothing: of these rules none is an early warning.".to_string(),
        names => format!("Rules that a trainer can look at and that ring before the true score turns, for certain more often than for nothing: {names}."),
    };
    let apart = names(&|rule, tally| by_trainer(rule) && tally.tells_apart());
    let apart = match apart.as_str() {
        "none" => {
            "No rule that a trainer can look at tells hacked runs from fine ones for certain, at any time of the run."
                .to_string()
        }
        names => {
            format!("Rules that a trainer can look at and that tell hacked runs from fine ones for certain: {names}.")
        }
    };
    format!(
        "{early} {apart} All of those rules together ring in {} of the hacked cases, {} before the turn, and in {} of the fine ones.",
        percent(any.caught()),
        percent(any.early()),
        percent(any.falsely())
    )
}

fn rates(measured: &[Measured], half: Half) -> String {
    let mut text = String::from(
        "| rule | who sees it | threshold | catches | before the turn | updates after the turn | rings for nothing | tells apart |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (i, rule) in RULES.iter().enumerate() {
        let tally = rate(measured, half, &|case| &case.now[i]);
        let _ = writeln!(text, "| {} | {} | {} | {} |", rule.name, who(rule), rule.at, cells(&tally));
    }
    let any = any_of_trainer(measured, half);
    let _ = writeln!(text, "| any that a trainer sees | a trainer | | {} |", cells(&any));
    text
}

fn cells(tally: &Tally) -> String {
    let median = tally.median().map_or_else(|| "-".to_string(), |median| median.to_string());
    let apart = if tally.tells_apart() { "yes" } else { "not shown" };
    format!("{} | {} | {median} | {} | {apart}", tally.catches(), percent(tally.early()), tally.false_rings())
}

/// The rules before, and what tuning says of the thresholds now.
fn old_rules(measured: &[Measured]) -> String {
    let mut text = String::from(
        "## Before\n\nThe rules as they were before their rates were known; entropy, dead groups and lengths had a condition on the \
         true score, which no trainer could look at.\n\n\
         | rule | threshold now | tuning sets | catches, tuning half | rings for nothing | catches, reporting half | rings for nothing |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (i, rule) in RULES.iter().enumerate() {
        let old = match before::was_there(rule.kind) {
            true => {
                let of = |half| rate(measured, half, &|case| &case.before[i]);
                let [tuning, reporting] = [of(Half::Tuning), of(Half::Reporting)];
                format!(
                    "{} | {} | {} | {}",
                    tuning.catches(),
                    tuning.false_rings(),
                    reporting.catches(),
                    reporting.false_rings()
                )
            }
            false => "was not there | | |".into(),
        };
        let would = tuned(i, measured).map_or_else(|| "-".into(), |at| at.to_string());
        let _ = writeln!(text, "| {} | {} | {would} | {old} |", rule.name, rule.at);
    }
    text
}

/// Every case, with what rang in it.
fn cases(measured: &[Measured]) -> String {
    let mut text = String::from(
        "## The cases\n\nThe first update at which a rule rang, by block.\n\n| experiment | arm | half | label | what rang |\n| --- | --- | --- | --- | --- |\n",
    );
    for case in measured {
        let half = match case.half {
            Half::Tuning => "tuning",
            Half::Reporting => "reporting",
        };
        let label = match case.label {
            Label::Fell { turn } => format!("hacked: fell from update {turn} on"),
            Label::StayedLow => "hacked: stayed low".into(),
            Label::Collapsed => "collapsed".into(),
            Label::Fine => "fine".into(),
            Label::Unclear => "unclear".into(),
        };
        let rang = |(rule, rings): (&Rule, &Vec<Option<usize>>)| {
            let updates: Vec<String> = rings.iter().flatten().map(usize::to_string).collect();
            (!updates.is_empty()).then(|| format!("{} {}", rule.key, updates.join(" and ")))
        };
        let rang: Vec<String> = RULES.iter().zip(&case.now).filter_map(rang).collect();
        let _ = writeln!(text, "| {} | {} | {half} | {label} | {} |", case.experiment, case.arm, rang.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::rates::record;
    use super::super::tuning::TRIES;
    use super::*;
    use goodhart_core::metrics::alarms::record as recorded;

    fn shipped() -> String {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        std::fs::read_to_string(root.join("docs/alarms.md")).unwrap()
    }

    /// A case from its line in the page: who rang when, though not in which of the blocks.
    fn case(line: &str, blocks: usize) -> Measured {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [experiment, arm, half, label, rang] = cells[..] else { panic!("{line}") };
        let turn = || label.trim_start_matches("hacked: fell from update ").trim_end_matches(" on").parse().unwrap();
        let rings = |rule: &Rule| {
            let of_rule = rang.split(", ").find_map(|text| text.strip_prefix(rule.key)?.strip_prefix(' '));
            let updates = of_rule.into_iter().flat_map(|text| text.split(" and "));
            let mut rings: Vec<Option<usize>> = updates.map(|update| Some(update.parse().unwrap())).collect();
            assert!(rings.len() <= blocks, "{line}");
            rings.resize(blocks, None);
            rings
        };
        Measured {
            experiment: experiment.into(),
            arm: arm.into(),
            half: if half == "tuning" { Half::Tuning } else { Half::Reporting },
            label: match label {
                "hacked: stayed low" => Label::StayedLow,
                "collapsed" => Label::Collapsed,
                "fine" => Label::Fine,
                "unclear" => Label::Unclear,
                _ => Label::Fell { turn: turn() },
            },
            blocks,
            now: RULES.iter().map(rings).collect(),
            before: vec![vec![None; blocks]; RULES.len()],
            tried: TRIES.iter().map(|(_, tries)| vec![vec![None; blocks]; tries.len()]).collect(),
        }
    }

    fn shipped_cases(page: &str) -> Vec<Measured> {
        let (_, after) = page.split_once(" would, in ").unwrap();
        let blocks = after.split(' ').next().unwrap().parse().unwrap();
        let (_, table) = page.split_once("## The cases").unwrap();
        let lines = table.lines().filter(|line| line.starts_with('|')).skip(2);
        lines.map(|line| case(line, blocks)).collect()
    }

    #[test]
    fn the_page_is_what_its_cases_and_the_record_give() {
        let page = shipped();
        let measured = shipped_cases(&page);
        assert!(measured.len() > 50, "{} cases", measured.len());
        for rule in RULES {
            assert_eq!(Some(record(rule, &measured)), recorded::of(rule.kind), "{}", rule.key);
        }
        // What several rules give together needs the blocks, and the rules before and what tuning sets are not in the cases.
        let is_shown =
            |line: &&str| !line.starts_with("| any that a trainer") && !line.contains("All of those rules together");
        let parts = |page: &str| -> Vec<String> {
            let (top, rest) = page.split_once("\n## Before\n").unwrap();
            let (_, bottom) = rest.split_once("\n## The rules\n").unwrap();
            top.lines().chain(bottom.lines()).filter(is_shown).map(String::from).collect()
        };
        for (ours, shipped) in parts(&super::page(&measured)).iter().zip(parts(&page)) {
            assert_eq!(*ours, shipped, "run `goodhart alarms experiments/ --write`");
        }
        assert_eq!(parts(&super::page(&measured)).len(), parts(&page).len());
    }
}
