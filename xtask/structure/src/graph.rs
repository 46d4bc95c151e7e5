//! Circles of files, arrows that climb, and what the lists of known ones still say.

use crate::arrows::Arrows;
use petgraph::algo::{greedy_feedback_arc_set, tarjan_scc};
use petgraph::graphmap::DiGraphMap;
use petgraph::stable_graph::StableDiGraph;
use petgraph::visit::EdgeRef;
use std::collections::BTreeSet;

/// An arrow from a file to a file.
pub type Pair<'a> = (&'a str, &'a str);

/// The circles among the files: each with its arrows, and with the few that would end it, were they gone.
pub struct Circle<'a> {
    pub files: Vec<&'a str>,
    pub arrows: Vec<Pair<'a>>,
    pub ends: Vec<Pair<'a>>,
}

/// Strongly connected components of more than one file, by the arrows that are not in `without`.
pub fn circles<'a>(arrows: &'a Arrows, without: &BTreeSet<Pair>) -> Vec<Circle<'a>> {
    let kept = arrows.keys().map(|(from, to)| (from.as_str(), to.as_str()));
    let graph = DiGraphMap::<&str, ()>::from_edges(kept.filter(|pair| !without.contains(pair)));
    let mut circles: Vec<Circle> = Vec::new();
    for mut files in tarjan_scc(&graph) {
        if files.len() < 2 {
            continue;
        }
        files.sort_unstable();
        let inside: Vec<Pair> = graph
            .all_edges()
            .map(|(from, to, ())| (from, to))
            .filter(|(from, to)| files.contains(from) && files.contains(to))
            .collect();
        circles.push(Circle { ends: ends(&inside), files, arrows: inside });
    }
    circles.sort_by(|a, b| a.files.cmp(&b.files));
    circles
}

/// A small set of arrows without which there is no circle.
fn ends<'a>(arrows: &[Pair<'a>]) -> Vec<Pair<'a>> {
    let files: BTreeSet<&str> = arrows.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let mut graph = StableDiGraph::<&str, ()>::new();
    let nodes: std::collections::BTreeMap<&str, _> = files.iter().map(|file| (*file, graph.add_node(*file))).collect();
    for (from, to) in arrows {
        graph.add_edge(nodes[from], nodes[to], ());
    }
    let mut found: Vec<Pair> =
        greedy_feedback_arc_set(&graph).map(|edge| (graph[edge.source()], graph[edge.target()])).collect();
    found.sort_unstable();
    found
}

/// The arrows that climb: from a floor to a higher one, or between two names of one floor. `floors` begins with the lowest.
/// A file stands where the longest name stands that begins its path below `root`; a file that is on no floor is an error.
pub fn climbs<'a>(arrows: &'a Arrows, root: &str, floors: &[&[&'a str]]) -> Result<Vec<Pair<'a>>, String> {
    let place = |path: &str| -> Result<Option<(usize, &'a str)>, String> {
        let Some(file) = path.strip_prefix(root).filter(|file| *file != "lib.rs") else { return Ok(None) };
        let file = file.strip_suffix(".rs").unwrap_or(file);
        let below = |name: &str| file.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let names = floors.iter().enumerate().flat_map(|(floor, names)| names.iter().map(move |name| (floor, *name)));
        let found = names.filter(|(_, name)| below(name)).max_by_key(|(_, name)| name.len());
        found.map(Some).ok_or_else(|| format!("{path} is on no floor: see FLOORS in xtask/structure/src/rules.rs"))
    };
    let mut found = Vec::new();
    for (from, to) in arrows.keys() {
        if let (Some((low, here)), Some((high, there))) = (place(from)?, place(to)?)
            && here != there
            && low <= high
        {
            found.push((from.as_str(), to.as_str()));
        }
    }
    Ok(found)
}

/// The known arrows that are no longer among the found ones: their lines are to be taken from the list.
pub fn gone<'a>(known: &[Pair<'a>], found: &BTreeSet<Pair>) -> Vec<Pair<'a>> {
    known.iter().filter(|pair| !found.contains(*pair)).copied().collect()
}

/// Files that use a crate which only files of some folder may use: (file, crate, folder).
pub fn strays<'a>(outside: &'a BTreeSet<(String, String)>, only: &[Pair<'a>]) -> Vec<(&'a str, Pair<'a>)> {
    let strays = outside.iter().flat_map(|(file, name)| {
        let broken = only.iter().filter(move |(of, folder)| of == name && !file.starts_with(folder));
        broken.map(move |rule| (file.as_str(), *rule))
    });
    strays.collect()
}
