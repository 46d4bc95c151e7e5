//! `goodhart check`: runs experiments and holds their claims against what was measured.

use crate::arguments::Check;
use crate::failure::Failure;
use crate::output::{print, read_file, write_whole};
use crate::source;
use crate::table::{interval, table};
use crate::train::{override_run, train_with_bar};
use goodhart_core::experiment::{Claim, Comparison, Experiment};
use goodhart_core::metrics::Curves;
use goodhart_core::metrics::claims::{self, Outcome};
use goodhart_core::plan;

pub fn check(options: &Check) -> Result<(), Failure> {
    let mut all_pass = true;
    for file in &options.files {
        let mut experiment = source::open_file(file)?;
        if experiment.claims.is_empty() {
            return Err(format!("{} makes no claims to check", file.display()).into());
        }
        override_run(&mut experiment, None, options.seeds);
        can_be_held(&experiment).map_err(|e| format!("{}: {e}", file.display()))?;
        let training = train_with_bar(&experiment, options.engine, None)?;
        let outcomes = experiment
            .claims
            .iter()
            .map(|claim| claims::check(claim, &training.arms, &training.components, &training.curves))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| format!("{}: {e}", file.display()))?;
        let seeds = training.curves.seeds;
        print(&format!("{}: {} ({seeds} seeds, {})\n", file.display(), experiment.title, training.engine))?;
        print(&outcome_table(&experiment.claims, &outcomes))?;
        all_pass &= outcomes.iter().all(|outcome| outcome.pass);
        if options.write {
            let text =
                record(&read_file(file)?, &outcomes, &today()).map_err(|e| format!("{}: {e}", file.display()))?;
            write_whole(file, text.as_bytes())?;
        }
    }
    if all_pass { Ok(()) } else { Err(Failure::Claims) }
}

/// Whether every claim names an arm and a metric that there are: better said before the training than after it.
fn can_be_held(experiment: &Experiment) -> Result<(), String> {
    let plan = plan::plan(experiment).map_err(|problems| plan::join(&problems))?;
    let arms: Vec<String> = plan.arms.iter().map(|arm| arm.name.clone()).collect();
    let components: Vec<Vec<String>> = plan.arms.iter().map(|arm| arm.components()).collect();
    let no_rows = Curves::new(arms.len(), 1);
    experiment.claims.iter().try_for_each(|claim| claims::check(claim, &arms, &components, &no_rows).map(|_| ()))
}

fn outcome_table(claims: &[Claim], outcomes: &[Outcome]) -> String {
    let rows: Vec<Vec<String>> = claims
        .iter()
        .zip(outcomes)
        .map(|(claim, outcome)| {
            let sign = match claim.comparison {
                Comparison::AtLeast => ">=",
                Comparison::AtMost => "<=",
            };
            let verdict = match (outcome.pass, claim.refuted) {
                (true, false) => "pass",
                (true, true) => "pass (refuted, as the file says)",
                (false, false) => "FAIL",
                (false, true) => "FAIL (marked refuted, but it holds)",
            };
            let measured = interval(outcome.measured.mean, outcome.measured.half_width);
            vec![measured, format!("{sign} {}", claim.threshold), verdict.into(), claim.says.clone()]
        })
        .collect();
    table(&["measured", "threshold", "verdict", "claim"], &rows)
}

/// The file with what was measured beside each claim; everything else in it stays as it is, comments too.
fn record(text: &str, outcomes: &[Outcome], date: &str) -> Result<String, String> {
    let mut document: toml_edit::DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| e.to_string())?;
    let claims = document.get_mut("claims").and_then(|claims| claims.as_array_of_tables_mut());
    let claims = claims.ok_or("its claims are not written as [[claims]], so nothing was recorded")?;
    for (claim, outcome) in claims.iter_mut().zip(outcomes) {
        let mut measured = toml_edit::InlineTable::new();
        measured.insert("value", decimal(outcome.measured.mean));
        measured.insert("half_width", decimal(outcome.measured.half_width));
        measured.insert("seeds", i64::from(outcome.measured.n).into());
        measured.insert("date", date.into());
        claim.insert("measured", toml_edit::value(measured));
    }
    Ok(document.to_string())
}

/// Four digits after the point: beyond that a change says nothing.
fn decimal(x: f32) -> toml_edit::Value {
    ((f64::from(x) * 1e4).round() / 1e4).into()
}

/// Today's date (UTC) as year-month-day.
fn today() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let (year, month, day) = civil(now.map_or(0, |time| time.as_secs() / 86_400) as i64);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The date of a day counted from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{Outcome, civil, record};
    use goodhart_core::metrics::statistics::Interval;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_780), (2026, 11, 23));
    }

    #[test]
    fn what_was_measured_is_recorded_and_comments_stay() {
        let text = "# why\ntitle = \"t\"\n\n[[claims]]\nsays = \"a\" # because\n\n[[claims]]\nsays = \"b\"\n";
        let outcome = |mean| Outcome { measured: Interval { mean, half_width: 0.03, n: 8 }, holds: true, pass: true };
        let written = record(text, &[outcome(0.5), outcome(f32::NAN)], "2026-11-23").unwrap();
        assert!(written.starts_with("# why\n") && written.contains("says = \"a\" # because"));
        assert!(
            written.contains("measured = { value = 0.5, half_width = 0.03, seeds = 8, date = \"2026-11-23\" }"),
            "{written}"
        );
        assert_eq!(record(&written, &[outcome(0.5), outcome(f32::NAN)], "2026-11-23").unwrap(), written);
    }
}
