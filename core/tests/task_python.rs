//! Task programs against CPython: the same programs, dice and actions, and what a player sees of their episodes.

mod cpython;
mod task_support;

use goodhart_core::params::{Overrides, Value as Setting};
use goodhart_core::reward::{error_text, task};
use goodhart_core::tasks::{self, DrawKey, Play, STATE_WORDS, Samples, StepTask, Task, TokenTask};
use serde_json::{Value, json};
use task_support::{Generator, Rng};

struct Case {
    name: String,
    source: String,
    values: Overrides,
    episodes: Vec<Episode>,
}

struct Episode {
    key: DrawKey,
    /// Numbers that become actions, as many as the longest horizon has steps.
    actions: Vec<u32>,
}

fn setting(value: Value) -> Setting {
    match value {
        Value::Bool(value) => Setting::Bool(value),
        Value::String(text) => Setting::Text(text),
        value => Setting::Number(value.as_f64().unwrap()),
    }
}

fn overrides(values: Value) -> Overrides {
    values.as_object().unwrap().iter().map(|(name, value)| (name.clone(), setting(value.clone()))).collect()
}

/// Episodes of random actions; some of them mostly go one way.
fn episodes(rng: &mut Rng, n: usize, n_actions: usize) -> Vec<Episode> {
    let n_actions = n_actions.max(1);
    (0..n)
        .map(|_| {
            let word = |rng: &mut Rng| rng.below(1000) as u32;
            let key = DrawKey { seed: word(rng), update: word(rng), group: word(rng) % 9, sample: word(rng) % 9 };
            let favourite = (rng.below(2) == 0).then(|| rng.below(n_actions));
            let action = |rng: &mut Rng| favourite.filter(|_| rng.below(4) > 0).unwrap_or(rng.below(n_actions)) as u32;
            Episode { key, actions: (0..task::MAX_HORIZON).map(|_| action(rng)).collect() }
        })
        .collect()
}

fn build(case: &Case) -> Result<Task, Vec<goodhart_core::params::ParamError>> {
    let mut values = case.values.clone();
    values.insert("code".into(), Setting::Text(case.source.clone()));
    tasks::build("program", &values)
}

fn python(cases: &[Case]) -> Vec<Value> {
    let input: Vec<Value> = cases
        .iter()
        .map(|case| {
            let episodes: Vec<Value> = case
                .episodes
                .iter()
                .map(|Episode { key, actions }| {
                    let key = json!({"seed": key.seed, "update": key.update, "group": key.group, "sample": key.sample});
                    json!({"key": key, "actions": actions})
                })
                .collect();
            json!({"program": case.source, "values": case.values, "episodes": episodes})
        })
        .collect();
    cpython::answers("task_support/shim.py", input)
}

/// An exception as the language words it. `raise` and `assert` say their own text.
fn wording(error: &Value) -> &str {
    let text = error["text"].as_str().unwrap_or("");
    match error["error"].as_str().unwrap_or("") {
        "ZeroDivisionError" => "division by zero",
        "IndexError" => "list index out of range",
        "OverflowError" => "result too large",
        "UnboundLocalError" | "NameError" => "variable used before it is set",
        "Full" => "the list is full",
        "ValueError" if text == "dice with no sides" => text,
        "ValueError" if text.contains("empty") => "min or max of nothing",
        "ValueError" if text.contains("math domain") => "math domain error",
        "ValueError" if text.contains("unpack") => "the wrong number of values to unpack",
        _ => text,
    }
}

fn close(ours: f32, python: &Value) -> bool {
    within(1e-5, ours, python)
}

fn within(tolerance: f64, ours: f32, python: &Value) -> bool {
    let expected = python.as_f64().unwrap_or(f64::NAN);
    (f64::from(ours) - expected).abs() <= tolerance * expected.abs().max(1.0)
}

/// The numbers that a policy sees, or the features that are on and the row of the table.
fn sees(task: &Task, steps: &dyn StepTask, state: &[u32; STATE_WORDS], python: &Value) -> Result<(), String> {
    let width = if steps.numbers() > 0 { steps.numbers() } else { steps.observation().active };
    let mut record = vec![0.0; task.schema.stride];
    let (records, stride) = (&mut record[..], task.schema.stride);
    let mut state = [*state];
    let mut samples = Samples { seed: 0, update: 0, group: 1, states: &mut state, records, stride };
    let mut seen = Vec::new();
    steps.see_all(&mut samples, &[0], false, width, &mut seen);
    let Some(parts) = python.as_array() else {
        return if seen[0] == 0 { Ok(()) } else { Err(format!("Python cannot see, here {seen:?} is seen")) };
    };
    let (mut base, mut row, mut scale) = (0, 0, 1);
    for (part, seen) in parts.iter().zip(&seen) {
        let number = |at: usize| part[at].as_u64().unwrap_or(0) as u32;
        let fits = if part[1].is_null() { close(f32::from_bits(*seen), &part[0]) } else { *seen == base + number(0) };
        if !fits {
            return Err(format!("Python sees {python}, here {seen:?}"));
        }
        (base, row, scale) = (base + number(1), row + scale * number(0), scale * number(1).max(1));
    }
    if parts.len() != width {
        return Err(format!("Python sees {python}, here {width} parts"));
    }
    let same = steps.observation().states == 0 || steps.state_index(&state[0]) == row;
    if same {
        Ok(())
    } else {
        Err(format!("Python is in row {row} of the table, here {}", steps.state_index(&state[0])))
    }
}

fn error_of(error: u32, text: &str) -> String {
    match error {
        0 => "no error".into(),
        _ => format!("{text} on line {}", error & 0xffff),
    }
}

/// Plays one episode beside Python's; what differs is an error.
fn plays(
    task: &Task,
    steps: &dyn StepTask,
    program: &task::TaskProgram,
    episode: &Episode,
    python: &Value,
) -> Result<(), String> {
    let (mut state, mut record) = ([0; STATE_WORDS], vec![0.0; task.schema.stride]);
    let key = episode.key;
    steps.begin(key, &mut state, &mut record);
    let expected = python["steps"].as_array().unwrap();
    let (mut over, mut length) = (false, 0);
    for (t, action) in episode.actions.iter().take(task.horizon).enumerate() {
        let expected = expected.get(t).ok_or(format!("Python's episode is over before step {t}"))?;
        sees(task, steps, &state, &expected["seen"]).map_err(|text| format!("step {t}: {text}"))?;
        if let Some(prior) = expected["prior"].as_array() {
            let mut out = vec![0.0; task.n_actions];
            steps.prior(&state, &mut out);
            if prior.len() != out.len() || !out.iter().zip(prior).all(|(ours, python)| close(*ours, python)) {
                return Err(format!("step {t}: Python's prior is {prior:?}, here {out:?}"));
            }
        }
        over = steps.step(key, t as u32, *action, &mut state, &mut record);
        length += 1;
        if over != expected["over"] {
            return Err(format!("step {t}: over is {} in Python, {over} here", expected["over"]));
        }
        if over {
            break;
        }
    }
    let score = steps.finish(key, &state, length, !over, &mut record);
    same_end(task, program, &record, score, python)
}

/// Writes what Python writes: the prompt, a demonstration, and a completion that is one, one with mistakes, or none.
fn writes(
    task: &Task,
    tokens: &dyn TokenTask,
    program: &task::TaskProgram,
    episode: &Episode,
    python: &Value,
) -> Result<(), String> {
    let key = episode.key;
    let mut prompt = vec![0; tokens.prompt_len()];
    tokens.prompt(key, &mut prompt);
    let mut demonstration = vec![0; task.horizon];
    let length = tokens.demonstration(key, &prompt, &mut demonstration);
    demonstration.truncate(length);
    for (what, ours) in [("prompt", &prompt), ("demonstration", &demonstration)] {
        if json!(ours) != python[what] {
            return Err(format!("the {what} is {} in Python, {ours:?} here", python[what]));
        }
    }
    let written: Vec<u32> = serde_json::from_value(python["tokens"].clone()).unwrap();
    let truncated = !written.contains(&tokens.end_token());
    let mut record = vec![f32::NAN; task.schema.stride];
    let score = tokens.finish(key, &prompt, &written, truncated, &mut record);
    same_end(task, program, &record, score, python)
}

/// Whether error, true score and record are those of Python.
fn same_end(
    task: &Task,
    program: &task::TaskProgram,
    record: &[f32],
    score: f32,
    python: &Value,
) -> Result<(), String> {
    let error = record[task.schema.stride - 1] as u32;
    let raised = &python["error"];
    let expected = match raised {
        Value::Null => "no error".into(),
        _ => format!("{} on line {}", wording(raised), raised["line"]),
    };
    let ours = error_of(error, program.error_text(error));
    // `raise` is said with its kind, `assert` without.
    let kind = format!("{}: {expected}", raised["error"].as_str().unwrap_or(""));
    if ours != expected && ours != kind {
        return Err(format!("Python: {expected}; here: {ours}"));
    }
    if !close(score, &python["score"]) {
        return Err(format!("the true score is {} in Python, {score} here", python["score"]));
    }
    for field in &task.schema.fields {
        let expected = &python["record"][&field.name];
        let (ours, expected) = match expected {
            Value::Array(values) => {
                (&record[field.offset + 1..][..record[field.offset] as usize * field.width], values.clone())
            }
            value => (&record[field.offset..=field.offset], vec![value.clone()]),
        };
        // The same error of an angle is so many times larger in degrees.
        let tolerance = if field.help.contains("degrees") { 1e-5f64.to_degrees() } else { 1e-5 };
        let mut pairs = ours.iter().zip(&expected);
        if ours.len() != expected.len() || !pairs.all(|(ours, python)| within(tolerance, *ours, python)) {
            return Err(format!("`{}` is {expected:?} in Python, {ours:?} here", field.name));
        }
    }
    Ok(())
}

/// What a comparison found: episodes that were played, those of them with an error, and their steps.
#[derive(Default, Debug)]
struct Seen {
    /// Programs whose `see` or `score` always raises, which the compiler refuses.
    hopeless: usize,
    /// Programs that fail in `setup` or in the first `start`.
    refused: usize,
    episodes: usize,
    failed: usize,
    ended: usize,
    steps: usize,
    /// Completions, and those with the true score 1.
    written: usize,
    right: usize,
}

fn compare(case: &Case, python: &Value, seen: &mut Seen) -> Result<(), String> {
    let built = build(case);
    if let Err(errors) = &built {
        let says = |text: &str| errors.iter().any(|error| error.message.contains(text));
        if case.name.starts_with("seed") && (says("`see` returns what") || says("`score` returns the true score")) {
            seen.hopeless += 1;
            return Ok(());
        }
    }
    if let Some(refused) = python.get("refused") {
        seen.refused += 1;
        let message = match built {
            Ok(_) => return Err(format!("Python refuses it: {refused}")),
            Err(errors) => errors.iter().map(|error| error.message.clone()).collect::<Vec<_>>().join("; "),
        };
        let (line, text) = (format!("the task failed in line {}: ", refused["line"]), wording(refused));
        let fits = message.starts_with(&line) && message.ends_with(text);
        return if fits { Ok(()) } else { Err(format!("Python: {refused}; here: {message}")) };
    }
    let task = built.map_err(|errors| format!("it is refused here: {errors:#?}"))?;
    let program = task::compile(&case.source, &case.values).program.ok_or("no program")?;
    if json!([task.n_actions, task.horizon]) != json!([python["n_actions"], python["horizon"]]) {
        return Err(format!("{} actions and {} steps at most, in Python {python}", task.n_actions, task.horizon));
    }
    for (i, (episode, python)) in case.episodes.iter().zip(python["episodes"].as_array().unwrap()).enumerate() {
        let same = match &task.play {
            Play::Steps(steps) => plays(&task, steps.as_ref(), &program, episode, python),
            Play::Tokens(tokens) => writes(&task, tokens.as_ref(), &program, episode, python),
        };
        same.map_err(|text| format!("episode {i}: {text}"))?;
        seen.episodes += 1;
        seen.failed += usize::from(!python["error"].is_null());
        if python["steps"].is_null() {
            seen.written += 1;
            seen.right += usize::from(python["score"] == 1.0);
            continue;
        }
        let steps = python["steps"].as_array().unwrap();
        seen.steps += steps.len();
        seen.ended += usize::from(steps.last().is_some_and(|step| step["over"] == true));
    }
    Ok(())
}

fn all_agree(cases: &[Case]) -> Seen {
    let expected = python(cases);
    let (mut failures, mut seen) = (Vec::new(), Seen::default());
    for (case, expected) in cases.iter().zip(&expected) {
        if let Err(text) = compare(case, expected, &mut seen) {
            failures.push((case.source.len(), format!("{} with {:?}: {text}\n", case.name, case.values), &case.source));
        }
    }
    failures.sort();
    failures.iter().take(20).for_each(|(_, text, _)| print!("{text}"));
    let shortest = failures.first().map(|(_, text, source)| format!("{text}{source}"));
    assert!(
        failures.is_empty(),
        "{} of {} differ; the shortest:\n{}",
        failures.len(),
        cases.len(),
        shortest.unwrap_or_default()
    );
    seen
}

/// A program that is shipped or tested elsewhere, with some values of its parameters.
fn file(name: &str, source: &str, all: &[Value]) -> Vec<Case> {
    let cases = all.iter().zip(1..).map(|(values, seed)| {
        let values = overrides(values.clone());
        let mut case = Case { name: name.into(), source: source.into(), values, episodes: Vec::new() };
        let n_actions = build(&case).unwrap_or_else(|errors| panic!("{name}: {errors:#?}")).n_actions;
        case.episodes = episodes(&mut Rng::new(seed), 50, n_actions);
        case
    });
    cases.collect()
}

/// Every program of `tests/tasks` and of `tasks/`.
fn files() -> Vec<(String, String)> {
    let folders = ["/tests/tasks", "/../tasks"].map(|folder| format!("{}{folder}", env!("CARGO_MANIFEST_DIR")));
    let mut files = Vec::new();
    for entry in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "py") {
            let name = path.file_name().unwrap().to_string_lossy().to_string();
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn the_programs_of_the_project_mean_what_they_mean_in_python() {
    let mut cases = Vec::new();
    for (name, source) in files() {
        let values = match name.as_str() {
            "gridworld.py" => vec![
                json!({}),
                json!({"slip": 0.25, "coin_respawn": 0, "horizon": 20}),
                json!({"map": "S.C#/.K#D/C..L/S.CG", "false_negative": 0.5}),
                json!({"map": "SC.G", "coin_respawn": 3, "false_positive": 0.5}),
            ],
            "chain.py" => vec![
                json!({}),
                json!({"cells": 6, "slip": 0.25}),
                json!({"cells": 8, "channels": 5, "distractor": 2, "slip": 0.1, "horizon": 40}),
            ],
            "everything.py" => vec![
                json!({}),
                json!({"goal": 1.0, "noise": 0.75, "table_seed": 7}),
                json!({"map": "#L/..", "noise": 0.0, "false_positive": 0.5, "false_negative": 0.5}),
            ],
            "corridor.py" => {
                vec![json!({}), json!({"cells": 3, "slip": 0.25}), json!({"cells": 9, "false_positive": 0.5})]
            }
            "words.py" => vec![
                json!({}),
                json!({"hops": 1, "chatter": 0.0, "false_negative": 0.5}),
                json!({"strict": true, "table_seed": 3, "false_positive": 0.5}),
            ],
            "sums.py" => {
                vec![json!({}), json!({"terms": 6, "modulus": 20, "skip": 0.5}), json!({"terms": 2, "slip": 1.0})]
            }
            "race_line.py" => {
                vec![json!({}), json!({"track": 1, "boxes": 4}), json!({"track": 2, "fast": 2.0, "noise": 5})]
            }
            "lunar_lander.py" => vec![json!({}), json!({"wind": 1.0, "gravity": 3.0, "horizon": 60})],
            "walker.py" => vec![json!({}), json!({"gusts": 0.2, "foot": 0.0, "horizon": 60})],
            // Poles and rods that fall double what differs in the last bits at every other step: only their first steps
            // can be compared.
            "cartpole.py" | "acrobot.py" => vec![json!({"horizon": 40})],
            _ => vec![json!({}), json!({"false_positive": 0.5, "false_negative": 0.5})],
        };
        cases.extend(file(&name, &source, &values));
        // The same with a memory of what was seen before.
        let history = [("everything.py", 2), ("corridor.py", 4), ("mountain_car.py", 8)];
        if let Some((_, history)) = history.iter().find(|(of, _)| *of == name) {
            cases.extend(file(&format!("{name} with history"), &format!("{source}\nhistory = {history}\n"), &values));
        }
    }
    let seen = all_agree(&cases);
    // `words.py` raises where a completion says too much.
    assert!(seen.refused == 0 && (1..60).contains(&seen.failed), "{seen:?}");
    assert!(cases.len() >= 24 && seen.steps > 10_000 && seen.ended > 100, "{seen:?}");
    assert!(seen.written == 300 && (60..240).contains(&seen.right), "{seen:?}");
}

/// The seeds of the programs: `GOODHART_TASK_CASES` many, from `GOODHART_TASK_FROM`.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let from: u64 = number("GOODHART_TASK_FROM").unwrap_or(1);
    from..from + number("GOODHART_TASK_CASES").unwrap_or(400)
}

fn generated(seed: u64) -> Case {
    let mut rng = Rng::new(seed ^ 0x5eed);
    let mut values = Overrides::new();
    let all = [
        ("k", json!(rng.below(7))),
        ("rate", json!(rng.below(5) as f64 / 4.0)),
        ("gain", json!(rng.below(17) as f64 / 4.0 - 2.0)),
        ("on", json!(rng.one_in(2))),
        ("word", json!(rng.pick(&["b/", "/a/bb", "xyz/"]))),
        ("false_positive", json!(0.25)),
        ("table_seed", json!(rng.below(100))),
    ];
    for (name, value) in all {
        if rng.one_in(2) {
            values.insert(name.into(), setting(value));
        }
    }
    let source = Generator::new(seed).program();
    let n_actions = if matches!(values.get("k"), Some(Setting::Number(k)) if *k <= 2.0) { 2 } else { 4 };
    Case { name: format!("seed {seed}"), source, values, episodes: episodes(&mut rng, 8, n_actions) }
}

#[test]
fn generated_programs_mean_what_they_mean_in_python() {
    let cases: Vec<Case> = seeds().map(generated).collect();
    let seen = all_agree(&cases);
    let n = cases.len();
    assert!(seen.refused * 4 < n && seen.hopeless * 50 < n, "{seen:?}");
    assert!(
        seen.steps > 8 * n && seen.failed * 20 > n && seen.failed * 3 < seen.episodes && seen.ended > n,
        "{seen:?}"
    );
}

/// What goes wrong in a task has the text of the language, on the line where Python raises.
#[test]
fn errors_are_those_of_python() {
    let head = "horizon = 6\nactions = [\"a\", \"b\"]\nclass State:\n    n: int = 0\n    f: float\n    xs: list[int] = [1, 2]\n\
                class Episode:\n    few: list[int] = [1]\n    many: list[float]\n";
    let tail = "def see(s):\n    return one_hot(0, 2)\ndef score(s, ep):\n    return 1.0\n";
    let bodies = [
        ("s.n += 1 // s.n", "division by zero"),
        ("s.n = s.xs[2 + s.n]", "list index out of range"),
        ("s.xs[-3 - s.n] = 1", "list index out of range"),
        ("ep.few.append(1)", "the list is full"),
        ("for i in range(9):\n        ep.many.append(i)", "the list is full"),
        ("s.n = dice.below(s.n)", "dice with no sides"),
        ("s.f = dice.choice(ep.many)", "dice with no sides"),
        ("s.n = int(sqrt(-1.0 - s.n))", "math domain error"),
        ("if t == 2:\n        raise ValueError(\"no\")", "ValueError: no"),
        ("assert t < 3, \"late\"", "late"),
        ("s.n = min(x for x in s.xs if x > 5)", "min or max of nothing"),
        ("if t > 2:\n        late = 1\n    s.n = late", "variable used before it is set"),
    ];
    let mut cases = Vec::new();
    for (body, _) in bodies {
        let source = format!("{head}def step(s, ep, action, t, dice):\n    {body}\n    return False\n{tail}");
        cases.push(Case {
            name: body.into(),
            source,
            values: Overrides::new(),
            episodes: episodes(&mut Rng::new(3), 3, 2),
        });
    }
    let seen = all_agree(&cases);
    assert_eq!(seen.failed, seen.episodes, "{seen:?}");
    for (case, (body, wanted)) in cases.iter().zip(bodies) {
        let task = build(case).unwrap_or_else(|errors| panic!("{body}: {errors:#?}"));
        let Play::Steps(steps) = &task.play else { panic!("a task of steps") };
        let (mut state, mut record) = ([0; STATE_WORDS], vec![0.0; task.schema.stride]);
        let key = DrawKey { seed: 1, update: 0, group: 0, sample: 0 };
        steps.begin(key, &mut state, &mut record);
        while !steps.step(key, record[0] as u32, 0, &mut state, &mut record) {}
        let error = record[task.schema.stride - 1] as u32;
        let program = task::compile(&case.source, &case.values).program.unwrap();
        assert!(program.error_text(error).contains(wanted), "{body}: {}", program.error_text(error));
        assert!(error_text(error >> 16) != "unknown error");
    }
}
