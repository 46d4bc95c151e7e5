//! What is allowed: the floors of the core, and the arrows that are known to break a rule and wait to be turned.

use crate::graph::Pair;

/// The rules of a repository.
pub struct Rules<'a> {
    /// The folder that has floors.
    pub root: &'a str,
    /// What lies in that folder, the lowest floor first. A file uses its own folder and those on lower floors; what
    /// stands on one floor does not use each other.
    pub floors: &'a [&'a [&'a str]],
    /// Crates that only files of a folder may use: (crate, folder).
    pub only: &'a [Pair<'a>],
    /// Arrows without which no circle of files would be left. Each must still be part of one.
    pub circles: Vec<Pair<'a>>,
    /// Arrows that climb. Each must still be there.
    pub climbs: Vec<Pair<'a>>,
}

const FLOORS: &[&[&str]] = &[
    &["math", "layout", "spelling"],
    &["params"],
    &["metrics/columns", "metrics/statistics"],
    &["reward"],
    &["tasks"],
    &["episode_fields", "policy"],
    &["algorithm"],
    &["reward_models"],
    &["experiment"],
    &["plan"],
    &["metrics"],
    &["engine"],
    &["oracle"],
    &["protocol"],
    &["linter"],
    &["link"],
];

const ONLY: &[Pair] = &[("wgpu", "core/src/engine/gpu/"), ("burn", "reward-models/")];

/// One arrow a line: `circle a.rs -> b.rs` or `climb a.rs -> b.rs`. The aim is an empty file.
const KNOWN: &str = include_str!("../known.txt");

/// The rules of this repository, or the line of `known.txt` that cannot be read.
pub fn rules() -> Result<Rules<'static>, String> {
    let mut rules = Rules { root: "core/src/", floors: FLOORS, only: ONLY, circles: Vec::new(), climbs: Vec::new() };
    for line in KNOWN.lines() {
        let arrow = line.split_once(' ').and_then(|(kind, arrow)| Some((kind, arrow.split_once(" -> ")?)));
        match arrow {
            Some(("circle", pair)) => rules.circles.push(pair),
            Some(("climb", pair)) => rules.climbs.push(pair),
            _ => return Err(format!("known.txt of xtask/structure: `{line}` is no arrow")),
        }
    }
    Ok(rules)
}
