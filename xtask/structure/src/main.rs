//! `cargo xtask test --only structure`: no circle of files, no folder of the core that uses what stands above it, and no file
//! that imports a crate which another folder has for itself (wgpu, burn).
//!
//! **What counts.** Production code of every crate in the repository: what only tests compile (`#[cfg(test)]`, folders
//! `tests/`) does not. File A has an arrow to file B of the same crate where A names an item that B declares: in a `use`,
//! in a path, or inside a macro. A path through re-exports leads to the file that declares the item. So a `mod.rs` that
//! declares its children and re-exports their items has no arrow to them. But a `mod.rs` that calls a child which uses
//! an item declared in that `mod.rs` is a circle: the item belongs in a file of its own.
//!
//! **What it does not see.** Calls of methods and of trait functions through a value, since that would take the types.
//!
//! `known.txt` holds arrows that break a rule and wait to be turned; one that breaks none any more is an error too, so that
//! the list shrinks. `xtask-structure --arrows` prints every arrow, `--known` the lines of `known.txt` as they would be now.

mod arrows;
mod graph;
mod rules;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;

use arrows::{Uses, uses};
use graph::{Pair, circles, climbs, gone, strays};
use rules::{Rules, rules};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use tree::Tree;

fn main() -> ExitCode {
    match check(std::env::args().nth(1).as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn check(show: Option<&str>) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    let mut all = Uses::default();
    let (mut crates, mut files) = (0, 0);
    for source in crate_roots(&root)? {
        let tree = Tree::read(&source, &read)?;
        crates += 1;
        files += tree.files.len();
        let of_crate = uses(tree);
        all.arrows.extend(of_crate.arrows);
        all.outside.extend(of_crate.outside);
    }
    let rules = rules()?;
    match show {
        Some("--arrows") => all.arrows.iter().for_each(|(pair, items)| println!("{}", line(pair, items))),
        Some("--known") => {
            let ends = circles(&all.arrows, &BTreeSet::new()).into_iter().flat_map(|circle| circle.ends);
            ends.for_each(|(from, to)| println!("circle {from} -> {to}"));
            climbs(&all.arrows, rules.root, rules.floors)?
                .iter()
                .for_each(|(from, to)| println!("climb {from} -> {to}"));
            return Ok(());
        }
        _ => {}
    }
    let problems = problems(&all, &rules)?;
    if problems.is_empty() {
        println!("{crates} crates, {files} files, {} arrows between them", all.arrows.len());
        println!("{} known arrows wait to be turned", rules.circles.len() + rules.climbs.len());
        return Ok(());
    }
    Err(problems.join("\n"))
}

/// Everything that is wrong, in sentences.
fn problems(all: &Uses, rules: &Rules) -> Result<Vec<String>, String> {
    let Uses { arrows: all, outside } = all;
    let mut said = Vec::new();
    let say = |(from, to): &Pair| {
        let pair = (from.to_string(), to.to_string());
        line(&pair, &all[&pair])
    };
    for circle in circles(all, &rules.circles.iter().copied().collect()) {
        said.push(format!("a circle of {} files: {}", circle.files.len(), circle.files.join(", ")));
        said.extend(circle.arrows.iter().map(|pair| format!("    {}", say(pair))));
        said.push("  it would end without".into());
        said.extend(circle.ends.iter().map(|pair| format!("    {}", say(pair))));
    }
    let whole = circles(all, &BTreeSet::new());
    let in_circles = whole.iter().flat_map(|circle| circle.arrows.iter().copied()).collect();
    for (from, to) in gone(&rules.circles, &in_circles) {
        said.push(format!("{from} -> {to} is part of no circle any more: take it from xtask/structure/known.txt"));
    }

    let found: BTreeSet<Pair> = climbs(all, rules.root, rules.floors)?.into_iter().collect();
    for pair in found.iter().filter(|pair| !rules.climbs.contains(pair)) {
        said.push(format!("this does not go down to a lower floor: {}", say(pair)));
    }
    for (from, to) in gone(&rules.climbs, &found) {
        said.push(format!("{from} -> {to} does not climb any more: take it from xtask/structure/known.txt"));
    }

    for (file, (name, folder)) in strays(outside, rules.only) {
        said.push(format!("{file} uses {name}, which only {folder} may use"));
    }
    Ok(said)
}

fn line((from, to): &(String, String), items: &BTreeSet<String>) -> String {
    format!("{from} -> {to}: {}", items.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}

/// The root files of all crates, as paths from the root of the repository.
fn crate_roots(root: &Path) -> Result<Vec<String>, String> {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*Cargo.toml"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("git: {e}"))?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut roots: Vec<String> = listed
        .lines()
        .filter_map(|manifest| manifest.strip_suffix("Cargo.toml"))
        .flat_map(|folder| ["lib.rs", "main.rs"].map(|file| format!("{folder}src/{file}")))
        .filter(|file| root.join(file).is_file())
        .collect();
    roots.sort();
    if roots.is_empty() { Err("git lists no crate here".into()) } else { Ok(roots) }
}
