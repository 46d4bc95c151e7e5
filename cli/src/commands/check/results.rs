//! `docs/results.md`: what all experiments of a folder claim and what their last check measured, from the files and
//! their records alone.

use super::{Case, Checked, Seeds, experiments_of, folders, key, no_record, record, sign};
use crate::failure::Failure;
use crate::output::write_whole;
use crate::source;
use crate::table::interval;
use goodhart_core::experiment::record::{Expected, HELD_OUT_FROM, Record, Records};
use goodhart_core::experiment::{Experiment, Outcome};
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

/// The whole page.
fn page(experiments: &[Experiment], records: &Records) -> String {
    let mut text = format!(
        "# Results\n\nWritten by `goodhart check --write experiments/` from the last check of every experiment; never edited.\n\
         A claim *holds* when the whole 95% interval over seeds lies on the right side of its threshold, is *contradicted* \
         when the whole interval lies on the other side, and is *undecided* else.\n\
         A refuted claim is a statement that the measurements contradict: its file keeps it and says why.\n\
         Thresholds were tuned while looking at the tuned seeds; held-out seeds, from {HELD_OUT_FROM} on, were not looked at.\n\n\
         | experiment | theme | claims that hold | contradicted | undecided | on held-out seeds | seeds | core seconds | checked | digest |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for e in experiments {
        let line = match records.get(&e.id) {
            Some(r) => {
                let [hold, contradicted, undecided] = record::counts(r.claims.iter().map(|claim| claim.outcome));
                format!(
                    "{hold} of {} | {contradicted} | {undecided} | {} | {} | {:.0} | {} | `{}`",
                    r.claims.len(),
                    held_out(r),
                    r.seeds,
                    r.seconds,
                    r.date,
                    r.digest
                )
            }
            None => "not checked yet | | | | | | |".into(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| [{}](#{}) | {} | {line} |", e.title, anchor(&e.title), e.theme);
    }
    for e in experiments {
        let _ = write!(text, "\n## {}\n\n{}\n", e.title, e.lesson);
        let _ = writeln!(text, "[experiments/{0}.toml](../experiments/{0}.toml); in the page `#{0}`.", e.id);
        if let Some(paper) = &e.paper {
            let title =
                if paper.link.is_empty() { paper.title.clone() } else { format!("[{}]({})", paper.title, paper.link) };
            let status: Vec<String> = paper.statuses().map(|(name, word)| format!("{name} {word}")).collect();
            let _ = writeln!(text, "After {title}. Status: {}.", status.join(", "));
        }
        if let Some(r) = records.get(&e.id) {
            text.push('\n');
            text.push_str(&claims(&e.id, r));
        }
    }
    text
}

/// How many claims hold on held-out seeds.
fn held_out(record: &Record) -> String {
    let Some(run) = &record.held_out else { return "not measured".into() };
    let outcomes = || record.claims.iter().filter_map(|claim| Some(claim.held_out.as_ref()?.outcome));
    let [hold, ..] = record::counts(outcomes());
    format!("{hold} of {} hold ({} seeds from {})", outcomes().count(), run.seeds, run.first_seed)
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
    let says = outcome.says();
    match (expected.is_met(outcome), expected) {
        (true, Expected::Contradicted) => "refuted (contradicted, as the file says)".into(),
        (true, Expected::Undecided) => format!("{says}, as the file says"),
        (true, Expected::Holds) => says,
        (false, Expected::Holds) => format!("**{says}**"),
        (false, Expected::Contradicted) => format!("**{says}**, though the file calls it refuted"),
        (false, Expected::Undecided) => format!("**{says}**, though the file calls it undecided"),
    }
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
