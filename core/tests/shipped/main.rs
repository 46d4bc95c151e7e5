//! What ships as data: every experiment loads, compiles, survives a link, and its base policy is what the warm start
//! gives, bit for bit.

mod training;

use goodhart_core::engine::warm_start::{self, WarmStart};
use goodhart_core::experiment::{self, Claim, Experiment, Status};
use goodhart_core::oracle;
use goodhart_core::{link, metrics, plan};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments")
}

fn shipped() -> Vec<(PathBuf, Experiment)> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path());
    let files: Vec<_> = entries.filter(|p| p.extension().is_some_and(|x| x == "toml")).collect();
    assert!(files.len() >= 3, "{files:?}");
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let experiment = experiment::file::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            (path, experiment)
        })
        .collect()
}

#[test]
fn every_experiment_is_named_after_its_file_and_can_be_planned() {
    for (path, e) in shipped() {
        assert_eq!(path.file_stem().unwrap().to_str(), Some(e.id.as_str()));
        let plan = Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{}: {}", e.id, plan::join(&p))));
        assert!(!e.lesson.is_empty() && !e.watch.is_empty() && !e.notes.is_empty(), "{}", e.id);
        assert!(experiment::THEMES.contains(&e.theme.as_str()), "{}: no theme \"{}\"", e.id, e.theme);
        let paper = e.paper.as_ref().unwrap_or_else(|| panic!("{}: no paper", e.id));
        assert!(e.question.ends_with('?') && e.difficulty.is_some(), "{}", e.id);
        let statuses = [paper.formula, paper.setting, paper.finding];
        assert!(statuses.iter().all(Option::is_some), "{}: {statuses:?}", e.id);
        assert!(!statuses[..2].contains(&Some(Status::Contradicted)), "{}: no measurement says that", e.id);
        assert_ne!(paper.finding, Some(Status::Deviates), "{}: holds, in part, or not", e.id);
        assert!(!paper.claim.is_empty() && !paper.reproduced.is_empty(), "{}", e.id);
        let components: Vec<_> = plan.arms.iter().flat_map(|a| a.components()).collect();
        for metric in e.charts.iter().chain([&e.outcome]).chain(e.moment.iter().map(|m| &m.metric)) {
            assert!(metrics::columns::find(metric, &components).is_some(), "{}: no metric {metric}", e.id);
        }
        let arms: Vec<_> = e.arms.iter().map(|a| a.name.as_str()).collect();
        assert!(e.moment.iter().all(|m| arms.contains(&m.arm.as_str())), "{}: its moment", e.id);
        assert!(!e.claims.is_empty(), "{}", e.id);
        let no_rows = metrics::Curves::new(plan.arms.len(), 1);
        let known = oracle::claims::Exact::new(&e.claims, &plan);
        let exact = |claim: &Claim, arm: usize, seeds: usize| known.numbers(claim, arm, seeds);
        for claim in &e.claims {
            metrics::claims::check(claim, &plan, &no_rows, &exact).unwrap_or_else(|said| panic!("{}: {said}", e.id));
            let measured = claim.measured.as_ref().unwrap_or_else(|| panic!("{}: not measured: {}", e.id, claim.says));
            assert!(measured.seeds >= 4, "{}: {}", e.id, claim.says);
        }
    }
}

#[test]
fn every_theme_has_an_experiment() {
    let shipped = shipped();
    for theme in experiment::THEMES {
        assert!(shipped.iter().any(|(_, e)| e.theme == *theme), "{theme}");
    }
}

#[test]
fn every_experiment_offers_two_edits_that_can_be_planned() {
    for (_, e) in shipped() {
        assert!(e.now_try.len() >= 2 && e.moment.is_some(), "{}", e.id);
        for edit in &e.now_try {
            let edited = edit.apply(&e).unwrap_or_else(|said| panic!("{}: {said}", e.id));
            assert_ne!(edited, e, "{}: {}", e.id, edit.says);
            plan::plan(&edited).unwrap_or_else(|p| panic!("{}: {}: {}", e.id, edit.says, plan::join(&p)));
        }
    }
}

#[test]
fn every_experiment_survives_a_link() {
    for (_, e) in shipped() {
        let fragment = link::encode(&e).unwrap_or_else(|why| panic!("{}: {why}", e.id));
        let back = link::decode(&format!("#{fragment}")).unwrap();
        assert_eq!(back, e.to_share());
        assert!(fragment.len() < 4000, "{}: {} characters", e.id, fragment.len());
    }
}

#[test]
fn a_shipped_base_policy_is_what_the_warm_start_gives() {
    let mut asked = BTreeSet::new();
    for (_, e) in shipped() {
        let plan = Arc::new(plan::plan(&e).unwrap());
        for (number, key) in warm_start::keys(&e) {
            if !asked.insert(key.clone()) {
                continue;
            }
            let path = folder().join("base").join(format!("{key}.bin"));
            let missing = |_| panic!("{}: its base policy {number}, {}, is missing", e.id, path.display());
            let bytes = std::fs::read(&path).unwrap_or_else(missing);
            let mut warm = WarmStart::new(&plan, number).unwrap();
            while warm.progress().0 < warm.progress().1 {
                warm.step();
            }
            let is_same = warm_start::to_bytes(warm.params()) == bytes;
            assert!(is_same, "{}: base policy {number} differs from the file {key}", e.id);
            assert_eq!(warm_start::from_bytes(&bytes).unwrap(), warm.params());
        }
    }
}

#[test]
fn a_damaged_base_policy_is_refused() {
    let bytes = warm_start::to_bytes(&[1.0, -2.0]);
    assert!(warm_start::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(warm_start::from_bytes(b"something else").is_err());
    assert!(warm_start::from_bytes(&warm_start::to_bytes(&[f32::NAN])).is_err());
}
