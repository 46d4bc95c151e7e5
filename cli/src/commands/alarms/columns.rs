//! What the columns of a log mean: TRL's names, those that a person maps to them, and the common ones of other trainers.

use super::read::{Cell, Rows};
use goodhart_core::metrics::columns::{MAX_COMPONENTS, ROW, component_mean, component_std};
use goodhart_core::metrics::{COLUMNS, Column, Curves};
use goodhart_core::spelling;

/// Most lanes of a log that has several: arms times seeds.
const MAX_LANES: usize = 4096;

/// Names of other trainers and of older versions (the left ones are TRL's, then verl's).
const ALSO: [(&str, Column); 9] = [
    ("reward", Column::ProxyReward),
    ("completion_length", Column::MeanLength),
    ("clip_ratio", Column::ClipRegionMean),
    ("critic/score/mean", Column::ProxyReward),
    ("actor/entropy", Column::Entropy),
    ("actor/kl_loss", Column::Kl),
    ("actor/grad_norm", Column::GradNorm),
    ("actor/pg_clipfrac", Column::ClipRegionMean),
    ("response_length/mean", Column::MeanLength),
];

/// One run of a log: an arm, with a lane for every seed.
pub struct Run {
    /// Empty where the log has one run.
    pub name: String,
    pub curves: Curves,
    /// The log's own step of every row.
    pub steps: Vec<f64>,
}

/// A log whose columns have been found.
pub struct Log {
    pub runs: Vec<Run>,
    /// The columns of ours that it has.
    pub found: Vec<Column>,
    /// Parts of the reward that have a mean and a deviation.
    pub parts: usize,
}

/// A person's own names for columns: ours and theirs.
pub fn mapping(options: &[String]) -> Result<Vec<(String, String)>, String> {
    let pair = |option: &String| {
        let (ours, theirs) =
            option.split_once('=').ok_or_else(|| format!("--column is NAME=THEIRS, not \"{option}\""))?;
        let is_known = known(ours).is_some() || matches!(ours, "step" | "arm" | "seed") || part(ours).is_some();
        if !is_known {
            let hint = spelling::hint(ours, COLUMNS.iter().map(|c| c.name).chain(["step", "arm", "seed"]));
            return Err(format!("no rule looks at a column \"{ours}\"{hint}"));
        }
        Ok((ours.to_string(), theirs.to_string()))
    };
    options.iter().map(pair).collect()
}

/// A column by a name of ours or of another trainer.
fn known(name: &str) -> Option<Column> {
    let other = ALSO.iter().find(|(other, _)| *other == name).map(|(_, column)| *column);
    other.or_else(|| Column::ALL.into_iter().find(|column| COLUMNS[*column as usize].name == name))
}

/// The part of the reward that a name is about, and whether it is its deviation.
fn part(name: &str) -> Option<(&str, bool)> {
    let (part, what) = name.strip_prefix("rewards/")?.rsplit_once('/')?;
    match what {
        "mean" => Some((part, false)),
        "std" => Some((part, true)),
        _ => None,
    }
}

/// The log of rows. What is no log says so in one sentence.
pub fn log(rows: &Rows, own: &[(String, String)]) -> Result<Log, String> {
    if let Some((ours, theirs)) = own.iter().find(|(_, theirs)| !rows.names.contains(theirs)) {
        return Err(format!("it has no column \"{theirs}\" to be {ours}; its columns are {}", listed(&rows.names)));
    }
    // A person's own names come first, then ours, then those of others.
    let named = |name: &String| -> String {
        let own = own.iter().find(|(_, theirs)| theirs == name).map(|(ours, _)| ours.clone());
        own.unwrap_or_else(|| name.strip_prefix("train/").unwrap_or(name).to_string())
    };
    let names: Vec<String> = rows.names.iter().map(named).collect();
    let place = |name: &str| names.iter().position(|known| known == name);
    let mut sources: Vec<(usize, usize)> = Vec::new();
    let mut found = Vec::new();
    for column in Column::ALL {
        let alias = || ALSO.iter().filter(|(_, to)| *to == column).find_map(|(other, _)| place(other));
        if let Some(place) = place(COLUMNS[column as usize].name).or_else(alias) {
            sources.push((place, column as usize));
            found.push(column);
        }
    }
    let means = names.iter().enumerate().filter_map(|(mean, name)| Some((mean, part(name).filter(|(_, std)| !std)?.0)));
    let with_std = means.filter_map(|(mean, part)| Some((mean, place(&format!("rewards/{part}/std"))?)));
    let mut parts = 0;
    for (i, (mean, std)) in with_std.take(MAX_COMPONENTS).enumerate() {
        sources.extend([(mean, component_mean(i)), (std, component_std(i))]);
        parts = i + 1;
    }
    // Trainers do not count what is not finite, and log it.
    let breaks: Vec<usize> = sources.iter().filter(|(_, to)| BREAK.contains(to)).map(|(from, _)| *from).collect();
    if !found.contains(&Column::NotFinite) && !breaks.is_empty() {
        found.push(Column::NotFinite);
    }
    if sources.is_empty() {
        return Err(format!(
            "no rule knows any of its columns ({}): say which is which with --column, as in --column reward=my_reward",
            listed(&rows.names)
        ));
    }
    let sources = Sources { columns: sources, breaks, step: place("step"), lane: [place("arm"), place("seed")] };
    Ok(Log { runs: runs(rows, &sources)?, found, parts })
}

/// Columns in which a number that is not finite is counted.
const BREAK: [usize; 2] = [Column::Loss as usize, Column::GradNorm as usize];

/// Where in a log what is.
struct Sources {
    /// Columns of the log, and of a row.
    columns: Vec<(usize, usize)>,
    /// Columns of the log whose broken numbers are counted.
    breaks: Vec<usize>,
    step: Option<usize>,
    /// Arm and seed.
    lane: [Option<usize>; 2],
}

/// A few names of many.
fn listed(names: &[String]) -> String {
    let some: Vec<String> = names.iter().take(12).map(|name| goodhart_core::params::shown(name)).collect();
    format!("{}{}", some.join(", "), if names.len() > 12 { ", ..." } else { "" })
}

fn runs(rows: &Rows, sources: &Sources) -> Result<Vec<Run>, String> {
    // Rows of each lane, in their order: arm, seed, and where its rows stand.
    let mut lanes: Vec<(String, String, Vec<usize>)> = Vec::new();
    let mut newest = 0;
    for (i, row) in rows.rows.iter().enumerate() {
        // A row without any number is about something else: a summary, an evaluation.
        if !sources.columns.iter().any(|(from, _)| matches!(row.get(*from), Some(Cell::Number(_)))) {
            continue;
        }
        let [arm, seed] = sources.lane.map(|place| place.map_or_else(String::new, |place| word(row.get(place))));
        let is_it = |lane: &(String, String, Vec<usize>)| lane.0 == arm && lane.1 == seed;
        if lanes.get(newest).is_none_or(|lane| !is_it(lane)) {
            newest = lanes.iter().position(is_it).unwrap_or(lanes.len());
        }
        if newest == MAX_LANES {
            return Err(format!("it has more than {MAX_LANES} runs"));
        }
        match lanes.get_mut(newest) {
            Some(lane) => lane.2.push(i),
            None => lanes.push((arm, seed, vec![i])),
        }
    }
    let mut names: Vec<&String> = Vec::new();
    for (arm, ..) in &lanes {
        if !names.contains(&arm) {
            names.push(arm);
        }
    }
    names.into_iter().map(|name| run(rows, name, &lanes, sources)).collect()
}

fn run(rows: &Rows, name: &str, lanes: &[(String, String, Vec<usize>)], sources: &Sources) -> Result<Run, String> {
    let own: Vec<&Vec<usize>> = lanes.iter().filter(|(arm, ..)| arm == name).map(|(_, _, rows)| rows).collect();
    let mut curves = Curves::new(1, own.len());
    let mut filled = vec![f32::NAN; ROW];
    for (seed, places) in own.iter().enumerate() {
        for (update, place) in places.iter().enumerate() {
            let broken =
                |from: &&usize| matches!(rows.rows[*place].get(**from), Some(Cell::Number(x)) if !x.is_finite());
            filled[Column::NotFinite as usize] = sources.breaks.iter().filter(broken).count() as f32;
            for (from, to) in &sources.columns {
                filled[*to] = number(rows, *place, *from)?;
            }
            curves.put(0, seed, update, &filled);
        }
    }
    let step_of = |(update, place): (usize, &usize)| match sources.step.and_then(|step| rows.rows[*place].get(step)) {
        Some(Cell::Number(x)) => *x,
        _ => update as f64,
    };
    let steps = own.first().map_or_else(Vec::new, |places| places.iter().enumerate().map(step_of).collect());
    Ok(Run { name: name.into(), curves, steps })
}

fn number(rows: &Rows, row: usize, column: usize) -> Result<f32, String> {
    match rows.rows[row].get(column) {
        Some(Cell::Number(x)) => Ok(*x as f32),
        Some(Cell::Word(word)) => {
            let (name, word) = (&rows.names[column], goodhart_core::params::shown(word));
            Err(format!("\"{word}\" is no number, in row {} of {name}", row + 1))
        }
        _ => Ok(f32::NAN),
    }
}

fn word(cell: Option<&Cell>) -> String {
    match cell {
        Some(Cell::Number(x)) => x.to_string(),
        Some(Cell::Word(word)) => word.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;
    use goodhart_core::math::rng::draw;

    fn of(text: &str, own: &[&str]) -> Result<Log, String> {
        let own: Vec<String> = own.iter().map(|x| x.to_string()).collect();
        log(&read(text)?, &mapping(&own)?)
    }

    #[test]
    fn columns_have_trls_names_a_persons_or_another_trainers() {
        let read_back = |log: &Log, column: Column| log.runs[0].curves.value(0, 0, 1, column as usize);
        let trl = of("step,reward,train/kl,completions/mean_length\n10,0.5,0.1,7\n20,0.6,0.2,8\n", &[]).unwrap();
        assert_eq!(read_back(&trl, Column::ProxyReward), 0.6);
        assert_eq!((read_back(&trl, Column::Kl), read_back(&trl, Column::MeanLength)), (0.2, 8.0));
        assert_eq!(trl.runs[0].steps, [10.0, 20.0]);
        let own = of("n,mine\n1,2\n2,3\n", &["reward=mine", "step=n"]).unwrap();
        assert_eq!((read_back(&own, Column::ProxyReward), own.runs[0].steps[1]), (3.0, 2.0));
        let verl = of("critic/score/mean,actor/entropy\n1,2\n3,4\n", &[]).unwrap();
        assert_eq!((read_back(&verl, Column::ProxyReward), read_back(&verl, Column::Entropy)), (3.0, 4.0));
        // The reward that the program pays, where both are there.
        let ours = of("reward,proxy_reward\n1,2\n3,4\n", &[]).unwrap();
        assert_eq!(read_back(&ours, Column::ProxyReward), 4.0);
    }

    #[test]
    fn parts_need_a_mean_and_a_deviation() {
        let log = of("rewards/a/mean,rewards/a/std,rewards/b/mean\n1,2,3\n", &[]).unwrap();
        assert_eq!(log.parts, 1);
        assert_eq!(log.runs[0].curves.value(0, 0, 0, component_std(0)), 2.0);
    }

    #[test]
    fn arms_and_seeds_are_runs_of_their_own() {
        let log = of("arm,seed,step,kl\na,0,0,1\nb,0,0,2\na,1,0,3\nb,1,0,4\na,0,1,5\na,1,1,6\n", &[]).unwrap();
        let names: Vec<&str> = log.runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((log.runs[0].curves.complete(0), log.runs[1].curves.complete(0)), (2, 1));
        assert_eq!(log.runs[0].curves.value(0, 1, 1, Column::Kl as usize), 6.0);
    }

    #[test]
    fn rows_about_something_else_are_left_out() {
        let log =
            of("{\"log_history\": [{\"step\": 1, \"kl\": 0.5}, {\"step\": 1, \"train_runtime\": 3}]}", &[]).unwrap();
        assert_eq!(log.runs[0].curves.complete(0), 1);
    }

    #[test]
    fn a_loss_that_is_no_number_is_counted() {
        let log = of("loss,grad_norm\n0.1,1\nNaN,inf\n", &[]).unwrap();
        assert!(log.found.contains(&Column::NotFinite));
        let count = |update| log.runs[0].curves.value(0, 0, update, Column::NotFinite as usize);
        assert_eq!([count(0), count(1)], [0.0, 2.0]);
    }

    #[test]
    fn what_cannot_be_mapped_is_said() {
        for (text, own, part) in [
            ("x,y\n1,2\n", &[][..], "no rule knows any of its columns (x, y)"),
            ("x,y\n1,2\n", &["reward=z"], "it has no column \"z\" to be reward; its columns are x, y"),
            ("x,y\n1,2\n", &["reward"], "--column is NAME=THEIRS"),
            ("x,y\n1,2\n", &["entropie=x"], "no rule looks at a column \"entropie\"; did you mean \"entropy\"?"),
            ("kl,loss\nhigh,1\n", &[], "\"high\" is no number, in row 1 of kl"),
        ] {
            let said = of(text, own).err().unwrap_or_default();
            assert!(said.contains(part), "{said}");
        }
    }

    /// Whatever a file holds, it is a log or says in a sentence why it is none.
    #[test]
    fn no_text_breaks_the_reader() {
        const WORDS: [&str; 24] = [
            "{",
            "}",
            "[",
            "]",
            "\"",
            ",",
            ",",
            "\n",
            "\r\n",
            ":",
            "kl",
            "loss",
            "arm",
            "seed",
            "step",
            "rewards/a/mean",
            "rewards/a/std",
            "\"log_history\":",
            "NaN",
            "1e999",
            "-",
            "7",
            "0.5",
            "\u{202e}",
        ];
        let mut logs = 0;
        for i in 0..20_000 {
            let words = (0..1 + i % 40).map(|place| WORDS[draw(i, place, 0, 0, 0, 0)[0] as usize % WORDS.len()]);
            let text: String = words.collect();
            for text in [text.clone(), format!("kl,loss,arm\n{text}"), format!("{{\"log_history\":[{text}]}}")] {
                if let Ok(log) = of(&text, &[]) {
                    assert!(log.runs.iter().all(|run| run.steps.len() >= run.curves.complete(0)), "{text}");
                    logs += 1;
                }
            }
        }
        assert!(logs > 100, "{logs}");
    }
}
