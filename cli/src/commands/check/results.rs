//! `docs/results.md`: what all experiments of a folder claim and what their last check measured, from the files and
//! their records alone.

use super::case::{Case, Checked, Seeds, experiments_of, folders, key, no_record, sign};
use super::record;
use crate::failure::Failure;
use crate::output::write_whole;
use crate::source;
use crate::table::interval;
use goodhart_core::experiment::record::{HELD_OUT_FROM, Record, Records, minutes, sample};
use goodhart_core::experiment::{Difficulty, Expected, Experiment, MEANS, Outcome, Status, THEMES};
use std::fmt::Write;
use std::path::Path;

/// Records what was checked beside the experiments, and writes `docs/results.md` beside their folder. Held-out seeds are
/// recorded beside a check on the tuned ones only: an experiment without one is an error.
pub fn write(cases: &[Case], all: &[Checked], set: Seeds) -> Result<(), Failure> {
    for folder in folders(cases) {
        let mut records = record::read(folder)?;
        for (case, checked) in cases.iter().zip(all).filter(|(case, _)| case.file.parent() == Some(folder)) {
            let old = records.get(&key(case));
            let new = match set {
                Seeds::HeldOut => {
                    let tuned = old.ok_or_else(|| no_record(&key(case)))?;
                    record::hold_out(tuned.clone(), case.plan.run.first_seed, &checked.record)
                }
                _ => record::renew(checked.record.clone(), old),
            };
            records.insert(key(case), new);
        }
        let experiments: Vec<Experiment> =
            experiments_of(folder)?.iter().map(|file| source::open_file(file)).collect::<Result<_, _>>()?;
        records.retain(|id, _| experiments.iter().any(|e| e.id == *id) || cases.iter().any(|case| key(case) == *id));
        record::write(folder, &records)?;
        // Only a folder with a name of its own has a place for documents beside it.
        if let Some(beside) = folder.canonicalize().ok().as_deref().and_then(Path::parent)
            && beside.join("docs").is_dir()
        {
            write_whole(&beside.join("docs/results.md"), page(&experiments, &records).as_bytes())?;
        }
    }
    Ok(())
}

/// The whole page, in the library's order.
fn page(experiments: &[Experiment], records: &Records) -> String {
    let mut text = format!(
        "# Results\n\nWritten by `goodhart check --write experiments/` from the last check of every experiment; never edited.\n\
         {MEANS}\n\
         A statement that the measurements contradict or leave undecided stays in its file, which says so and why.\n\
         Thresholds were tuned while looking at the tuned seeds; held-out seeds, from {HELD_OUT_FROM} on, were not looked at.\n\
         Minutes are about those that the page trains on two cores.\n\n\
         | experiment | theme | difficulty | minutes | claims on tuned seeds | claims on held-out seeds | sample | formula | setting | finding | core seconds | checked | digest |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let mut experiments: Vec<&Experiment> = experiments.iter().collect();
    let theme = |e: &Experiment| THEMES.iter().position(|theme| *theme == e.theme).unwrap_or(THEMES.len());
    experiments.sort_by_key(|e| (theme(e), e.difficulty, e.id.clone()));
    for e in &experiments {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} |", line(e, records.get(&e.id)).join(" | "));
    }
    for e in &experiments {
        let _ = writeln!(text, "\n## {}\n", e.title);
        for line in [&e.subtitle, &e.question, &e.lesson].into_iter().filter(|line| !line.is_empty()) {
            let _ = writeln!(text, "{line}\n");
        }
        let _ = writeln!(text, "[experiments/{0}.toml](../experiments/{0}.toml); in the page `#{0}`.", e.id);
        if let Some(paper) = &e.paper {
            let title =
                if paper.link.is_empty() { paper.title.clone() } else { format!("[{}]({})", paper.title, paper.link) };
            let _ = writeln!(text, "After {title}: {}.", paper.status());
        }
        if let Some(r) = records.get(&e.id) {
            text.push('\n');
            text.push_str(&claims(&e.id, r));
        }
    }
    text
}

/// The cells of an experiment in the table of all.
fn line(e: &Experiment, record: Option<&Record>) -> Vec<String> {
    let word = |status: Option<Status>| status.map_or("", Status::word).to_string();
    let paper = e.paper.as_ref();
    let respects = [paper.and_then(|p| p.formula), paper.and_then(|p| p.setting), paper.and_then(|p| p.finding)];
    let [formula, setting, finding] = respects.map(word);
    let name = format!("[{}](#{})", e.title, anchor(&e.title));
    let difficulty = e.difficulty.map_or("", Difficulty::word).to_string();
    let start = vec![name, e.theme.clone(), difficulty];
    let rest = match record {
        Some(r) => vec![
            minutes(r.seconds, r.seeds, e.first_seeds).to_string(),
            r.tuned().says(),
            held_out(r),
            sample(r.seeds, r.instances),
            formula,
            setting,
            finding,
            format!("{:.0}", r.seconds),
            r.date.clone(),
            format!("`{}`", r.digest),
        ],
        None => {
            let none = String::new;
            vec![none(), "not checked yet".into(), none(), none(), formula, setting, finding, none(), none(), none()]
        }
    };
    [start, rest].concat()
}

/// What became of the claims on held-out seeds.
fn held_out(record: &Record) -> String {
    match record.held_out.as_ref().zip(record.on_held_out()) {
        Some((run, tally)) => {
            format!("{} ({} from {})", tally.says(), sample(run.seeds, 0), run.first_seed)
        }
        None => "not measured".into(),
    }
}

/// The claims of an experiment, each with a link to the file that explains it.
fn claims(id: &str, record: &Record) -> String {
    let mut text = String::from(
        "| claim | threshold | tuned seeds | | held-out seeds | |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for c in &record.claims {
        let measured = |value: Option<f32>, half_width| interval(value.unwrap_or(f32::NAN), half_width);
        let held_out = match &c.held_out {
            Some(h) => format!("{} | {}", measured(h.value, h.half_width), verdict(h.outcome, c.expected())),
            None => "not measured on held-out seeds |".into(),
        };
        let _ = writeln!(
            text,
            "| [{}](../experiments/{id}.toml) | {} {} | {} | {} | {held_out} |",
            c.says,
            sign(c.comparison),
            c.threshold,
            measured(c.value, c.half_width),
            verdict(c.outcome, c.expected()),
        );
    }
    text
}

/// An outcome, in bold where it is not what the file says.
fn verdict(outcome: Outcome, expected: Expected) -> String {
    let says = outcome.against(expected);
    if expected.is_met(outcome) { says } else { format!("**{says}**") }
}

/// A heading's anchor as repository hosts make it.
fn anchor(title: &str) -> String {
    let kept =
        title.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-').collect::<String>();
    kept.replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::experiment::record::{HeldOut, HeldOutRun};

    #[test]
    fn the_shipped_page_is_what_the_files_and_their_records_give() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = root.join("experiments");
        let experiments: Vec<Experiment> =
            experiments_of(&folder).unwrap().iter().map(|file| source::open_file(file).unwrap()).collect();
        let records = record::read(&folder).unwrap();
        let shipped = std::fs::read_to_string(root.join("docs/results.md")).unwrap_or_default();
        assert!(
            page(&experiments, &records) == shipped,
            "docs/results.md is not what the files give: run `goodhart check --write` on what changed"
        );
    }

    #[test]
    fn the_page_says_tuned_and_held_out_numbers_and_the_three_statuses() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
        let e = source::open_file(&root.join("par.toml")).unwrap();
        let mut record = record::read(&root).unwrap().remove("par").unwrap();
        record.held_out = None;
        let text = page(std::slice::from_ref(&e), &[("par".to_string(), record.clone())].into());
        assert!(text.contains(MEANS) && text.contains(&format!("\n{}\n", e.question)), "{text}");
        let of = |outcome| record.claims.iter().filter(|claim| claim.outcome == outcome).count();
        let tuned = format!("| {} of {} hold", of(Outcome::Holds), record.claims.len());
        assert!(text.contains(&tuned) && text.contains("| not measured | "), "{text}");
        assert!(text.contains("| confirmed | deviates | partly confirmed |"), "{text}");
        assert!(text.contains("contradicted, as the file says |"), "{text}");
        let run = HeldOutRun {
            date: String::new(),
            engine: "cpu".into(),
            first_seed: HELD_OUT_FROM,
            seeds: 8,
            seconds: 1.0,
            digest: String::new(),
        };
        record.held_out = Some(run);
        for claim in &mut record.claims {
            claim.held_out = Some(HeldOut { outcome: Outcome::Holds, value: Some(1.0), half_width: 0.0 });
        }
        let all = format!("{0} of {0} hold (8 seeds from 1000)", record.claims.len());
        let text = page(std::slice::from_ref(&e), &[("par".to_string(), record)].into());
        assert!(text.contains(&all) && text.contains("**holds, though the file says contradicted**"), "{text}");
        let unchecked = page(std::slice::from_ref(&e), &Records::new());
        assert!(unchecked.contains("not checked yet"), "{unchecked}");
    }

    /// What a file says was measured is what the records have.
    #[test]
    fn every_shipped_experiment_has_its_record() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
        let records = record::read(&folder).unwrap();
        for file in experiments_of(&folder).unwrap() {
            let e = source::open_file(&file).unwrap();
            let record = records.get(&e.id).unwrap_or_else(|| panic!("{}: no record", e.id));
            assert_eq!(record.engine, "cpu", "{}", e.id);
            assert!(record.passes(), "{}", e.id);
            assert_eq!(record.claims.len(), e.claims.len(), "{}", e.id);
            for (claim, measured) in e.claims.iter().zip(&record.claims) {
                let written = claim.measured.as_ref().map(|m| m.value).filter(|value| value.is_finite());
                assert_eq!((&claim.says, written), (&measured.says, measured.value), "{}", e.id);
            }
        }
    }
}
