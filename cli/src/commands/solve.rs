//! `goodhart solve`: what the optimum of every arm's reward is worth, before any training.

use crate::arguments::Solve;
use crate::failure::Failure;
use crate::output::{print, say};
use crate::source;
use crate::table::{number, table};
use goodhart_core::oracle::report::{ArmReport, Distances, Episode, Solved};
use goodhart_core::plan::{Plan, join, plan};
use goodhart_core::{linter, oracle};
use serde::Serialize;

#[derive(Serialize)]
struct Answers {
    arms: Vec<ArmReport>,
    distances: Distances,
}

pub fn solve(options: &Solve) -> Result<(), Failure> {
    let experiment = source::open(&options.source)?.of_seed(options.seed);
    let plan = plan(&experiment).map_err(|problems| join(&problems))?;
    let arms = linter::reports(&plan);
    if options.json {
        let answers = Answers { arms, distances: oracle::distances(&plan) };
        let text = serde_json::to_string(&answers).map_err(|e| e.to_string())?;
        return print(&format!("{text}\n"));
    }
    say(&table(&["value", "true score", "of the best", "regret", "STARC", "solved", "arm"], &rows(&arms)))?;
    for arm in &arms {
        say(&format!("{}: {}\n", arm.arm, said(arm)))?;
        for episode in &arm.episodes {
            say(&format!("    {}\n", best(episode, &plan)))?;
        }
    }
    Ok(())
}

/// A completion that is paid most, and what it is worth.
fn best(episode: &Episode, plan: &Plan) -> String {
    let name = |t: &u32| plan.task.action_names.get(*t as usize).map_or("?", String::as_str);
    let text = |tokens: &[u32]| tokens.iter().map(name).collect::<Vec<_>>().join(" ");
    let (paid, score) = (number(episode.reward), number(episode.true_score));
    let ends = if episode.truncated { " ..." } else { "" };
    format!("{} -> {}{ends}  (paid {paid}, true score {score})", text(&episode.prompt), text(&episode.tokens))
}

fn said(arm: &ArmReport) -> String {
    let said = [&arm.says, &arm.training].into_iter().chain(&arm.notes);
    said.filter(|s| !s.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn rows(arms: &[ArmReport]) -> Vec<Vec<String>> {
    let maybe = |x: Option<f32>| x.map_or("-".into(), number);
    let row = |r: &ArmReport| {
        let solved = match r.solved {
            Solved::Exactly => "exactly",
            Solved::Approximately => "approximately",
            Solved::Not => "no",
        };
        let of = |f: fn(&oracle::report::Optimum) -> f32| maybe(r.optimum.as_ref().map(f));
        let (value, score) = (of(|o| o.value), of(|o| o.true_score));
        vec![value, score, maybe(r.true_share), maybe(r.regret), maybe(r.starc), solved.into(), r.arm.clone()]
    };
    arms.iter().map(row).collect()
}
