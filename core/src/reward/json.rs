//! `goodhart score`: episodes and results as JSON, outside any task.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::ir::NONE;
use super::schema::{EpisodeSchema, RunSchema, Ty};
use super::score::{Groups, Scores, Scratch};
use super::{Program, compile, format_rustc_like};
use crate::params::shown;
use crate::spelling::closest;

/// Episodes out of JSON, with the schema that their fields have.
#[derive(Clone, Debug)]
pub struct Episodes {
    pub schema: EpisodeSchema,
    pub run_schema: RunSchema,
    /// `[n][stride]`, groups in order.
    pub records: Vec<f32>,
    pub run: Vec<f32>,
    pub n: usize,
    /// The first sample of each group.
    pub group_starts: Vec<u32>,
    /// Steps of each sample.
    lengths: Vec<usize>,
}

/// The most elements of a list of an episode.
const MAX_LIST: usize = 65_536;
/// The most numbers of a list in a list.
const MAX_WIDTH: usize = 64;
/// The most numbers that all records, and all steps of a component, may take.
const MAX_NUMBERS: usize = 1 << 26;

/// Reads `{"run": {..}, "groups": [[episode, ..], ..]}`. A field is a number, a bool, a string, a list of these or a list
/// of such lists, which have one length, in every episode; it is an int when every one of its numbers is a whole number
/// written as one. Every string is a token. An episode may lack a field or have null there: a number then reads as None,
/// and to read a list is an error of the sample. Without a field `length`, the length of an episode is that of its longest
/// list.
///
/// Errors: one sentence about what is not as it must be.
pub fn schema_from_json(value: &Value) -> Result<Episodes, String> {
    schema_for_words(value, Vec::new())
}

/// As `schema_from_json`, with some tokens more: the strings of a program, which no episode need have.
fn schema_for_words(value: &Value, mut tokens: Vec<String>) -> Result<Episodes, String> {
    let groups = value.get("groups").and_then(Value::as_array).ok_or("the input has no list `groups`")?;
    let mut names = value.as_object().into_iter().flat_map(Map::keys);
    if let Some(name) = names.find(|name| *name != "groups" && *name != "run") {
        let hint = match closest(name, ["groups", "run"]) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "it may have `groups` and `run`".into(),
        };
        return Err(format!("the input has a field `{}`; {hint}", shown(name)));
    }
    let mut run_schema = RunSchema::default();
    let mut run = Vec::new();
    match value.get("run") {
        Some(Value::Object(numbers)) => {
            for (name, number) in numbers {
                let number = number.as_f64().or_else(|| number.as_bool().map(f64::from));
                run.push(number.ok_or_else(|| format!("`run.{name}` is not a number"))? as f32);
                run_schema.names.push(name.clone());
            }
        }
        None | Some(Value::Null) => {}
        Some(_) => return Err("`run` is not an object".to_string()),
    }
    let mut group_starts = Vec::new();
    let mut episodes: Vec<&Map<String, Value>> = Vec::new();
    for (g, group) in groups.iter().enumerate() {
        group_starts.push(episodes.len() as u32);
        for (e, episode) in group.as_array().ok_or_else(|| format!("group {g} is not a list"))?.iter().enumerate() {
            episodes.push(episode.as_object().ok_or_else(|| format!("episode {e} of group {g} is not an object"))?);
        }
    }
    let mut ids: HashMap<String, usize> = tokens.iter().cloned().zip(0..).collect();
    for episode in &episodes {
        for text in episode.values().flat_map(scalars).filter_map(Value::as_str) {
            if !ids.contains_key(text) {
                ids.insert(text.to_string(), tokens.len());
                tokens.push(text.to_string());
            }
        }
    }
    let mut schema = EpisodeSchema::new(tokens, 0);
    let mut names: Vec<&String> = Vec::new();
    for episode in &episodes {
        names.extend(episode.keys().filter(|name| !names.contains(name)).collect::<Vec<_>>());
    }
    for name in names {
        let (ty, cap, width) = field_type(name, &episodes)?;
        schema = schema.rows(name, ty, cap, width, "");
    }
    let longest = |episode: &Map<String, Value>| {
        episode.values().filter_map(|value| value.as_array().map(Vec::len)).max().unwrap_or(1)
    };
    if schema.get("length").is_some_and(|field| field.ty.is_list()) {
        return Err("the field `length` is the number of steps of an episode, so it is no list".to_string());
    }
    if schema.length_slot().is_none() {
        schema = schema.field("length", Ty::Int, 1, "steps");
    }
    let length_of = |episode: &Map<String, Value>| {
        episode.get("length").and_then(Value::as_f64).map_or(longest(episode), |length| length.max(0.0) as usize)
    };
    let lengths: Vec<usize> = episodes.iter().map(|episode| length_of(episode)).collect();
    schema.horizon = lengths.iter().copied().max().unwrap_or(0);
    if schema.horizon > MAX_LIST {
        return Err(format!("an episode has {} steps; the limit is {MAX_LIST}", schema.horizon));
    }
    if episodes.len().saturating_mul(schema.stride.max(schema.horizon)) > MAX_NUMBERS {
        let (n, stride) = (episodes.len(), schema.stride.max(schema.horizon));
        return Err(format!("{n} episodes of {stride} numbers each are too many; score them in parts"));
    }
    let mut records = Vec::with_capacity(episodes.len() * schema.stride);
    for (episode, length) in episodes.iter().zip(lengths.iter().copied()) {
        for field in &schema.fields {
            let number = |value: &Value| match value {
                Value::String(text) => ids.get(text).map_or(0.0, |id| *id as f32),
                other => other.as_f64().or_else(|| other.as_bool().map(f64::from)).unwrap_or(0.0) as f32,
            };
            match episode.get(&field.name) {
                Some(value @ Value::Array(list)) => {
                    records.push(list.len() as f32);
                    let numbers = scalars(value).map(number).chain(std::iter::repeat(0.0));
                    records.extend(numbers.take(field.size() - 1));
                }
                None | Some(Value::Null) if field.name == schema.length_field => records.push(length as f32),
                None | Some(Value::Null) if field.ty.is_list() => {
                    records.push(-1.0);
                    records.extend(std::iter::repeat_n(0.0, field.size() - 1));
                }
                None | Some(Value::Null) => records.push(NONE),
                Some(scalar) => records.push(number(scalar)),
            }
        }
    }
    Ok(Episodes { n: episodes.len(), schema, run_schema, records, run, group_starts, lengths })
}

/// A number, bool or string, or all of them in a list or a list of lists.
fn scalars(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(list) => Box::new(list.iter().flat_map(scalars)),
        scalar => Box::new(std::iter::once(scalar)),
    }
}

/// How deep lists stand in each other, at most 3; None where only empty lists tell.
fn depth(value: &Value) -> Option<usize> {
    match value {
        Value::Array(list) => list.iter().find_map(depth).map(|inner| (inner + 1).min(3)),
        _ => Some(0),
    }
}

/// The type of a field, its greatest length and the numbers of an element.
fn field_type(name: &str, episodes: &[&Map<String, Value>]) -> Result<(Ty, usize, usize), String> {
    let there = |episode: &&Map<String, Value>| episode.get(name).is_some_and(|value| !value.is_null());
    let everywhere = name == "length" || episodes.iter().all(there);
    let values = || episodes.iter().enumerate().filter_map(|(i, e)| Some((i, e.get(name).filter(|v| !v.is_null())?)));
    let is_list = values().next().is_some_and(|(_, value)| value.is_array());
    let nested = values().find_map(|(_, value)| depth(value)).unwrap_or(1) > 1;
    let (mut cap, mut width) = (1, None);
    let (mut all_bool, mut all_int, mut all_text, mut no_text) = (true, true, true, true);
    for (index, value) in values() {
        if value.is_array() != is_list {
            return Err(format!("the field `{name}` is a list in some episodes and not in others"));
        }
        let rows = value.as_array().map(Vec::as_slice).unwrap_or_default();
        cap = cap.max(rows.len());
        for row in rows {
            let len = row.as_array().map(Vec::len);
            if len.is_some() != nested || depth(row).is_none_or(|inner| inner > 1) {
                return Err(format!(
                    "the field `{name}` of episode {index} is neither a list of numbers nor a list of lists"
                ));
            }
            if len.is_some_and(|len| *width.get_or_insert(len) != len) {
                return Err(format!("the lists in the field `{name}` of episode {index} are not all of one length"));
            }
        }
        for element in scalars(value) {
            match element {
                Value::Bool(_) => (all_int, all_text) = (false, false),
                Value::Number(number) => {
                    (all_bool, all_text) = (false, false);
                    all_int &= number.is_i64() || number.is_u64();
                    let number = number.as_f64().unwrap_or(f64::NAN);
                    if number.abs() >= 1e38 {
                        return Err(format!("the field `{name}` of episode {index} is too large"));
                    }
                    // An f32 holds no larger int exactly.
                    all_int &= number.abs() <= 16_777_216.0;
                }
                Value::String(_) => (all_bool, all_int, no_text) = (false, false, false),
                _ => {
                    return Err(format!(
                        "the field `{name}` of episode {index} is not a number, a bool, a string or a list of these"
                    ));
                }
            }
        }
    }
    let width = width.unwrap_or(1);
    if cap.saturating_mul(width) > MAX_LIST {
        return Err(format!("the field `{name}` has {} elements; the limit is {MAX_LIST}", cap.saturating_mul(width)));
    }
    if width > MAX_WIDTH {
        return Err(format!("the lists in the field `{name}` have {width} elements each; the limit is {MAX_WIDTH}"));
    }
    if !no_text && !all_text {
        return Err(format!("the field `{name}` has strings and other values"));
    }
    if !no_text && !is_list && !everywhere {
        return Err(format!("the field `{name}` is a string in some episodes and missing in others"));
    }
    let ty = match (is_list, all_bool, all_int) {
        (false, ..) if !no_text => Ty::Token,
        (true, ..) if !no_text => Ty::Tokens,
        (false, ..) if !everywhere => Ty::Optional,
        (false, true, _) => Ty::Bool,
        (false, _, true) => Ty::Int,
        (false, ..) => Ty::Float,
        // An empty list is a list of anything.
        (true, true, false) => Ty::Bools,
        (true, _, true) => Ty::Ints,
        (true, ..) => Ty::Floats,
    };
    Ok((ty, cap, width))
}

/// Compiles `program` and scores the episodes of `input` on the CPU; gives the output of `goodhart score`.
///
/// Errors: the diagnostics, rustc-like, or a sentence about the input.
pub fn score_json(program: &str, input: &str) -> Result<Value, String> {
    let (program, episodes) = compile_for_json(program, input)?;
    let mut out = Scores::default();
    let groups = Groups::Starts(&episodes.group_starts);
    program.score_groups(&episodes.records, episodes.n, groups, &episodes.run, &mut out, &mut Scratch::default());
    Ok(scores_to_json(&program, &episodes, &out))
}

/// The first half of `score_json`: what any engine needs.
pub fn compile_for_json(program: &str, input: &str) -> Result<(Program, Episodes), String> {
    let value: Value = serde_json::from_str(input).map_err(|error| format!("the input is not JSON: {error}"))?;
    let episodes = schema_for_words(&value, super::parser::strings(program))?;
    let compiled = compile(program, &episodes.schema, &episodes.run_schema);
    match compiled.program {
        Some(program) => Ok((program, episodes)),
        None => Err(format_rustc_like(program, &compiled.diagnostics, "program")),
    }
}

/// `{"components": {name: [[..]]}, "steps": {name: [[per step], ..]}, "reward": [[..]]}`: null where a value does not
/// apply, `{"error": "..", "line": n}` where the program failed.
pub fn scores_to_json(program: &Program, episodes: &Episodes, scores: &Scores) -> Value {
    let n = episodes.n;
    let horizon = program.horizon();
    let cell = |value: f32, error: u32| match error {
        0 if value.is_nan() => Value::Null,
        0 => json!(value),
        error => json!({"error": program.error_text(error), "line": error & 0xffff}),
    };
    let by_group = |cells: Vec<Value>| -> Value {
        let starts = &episodes.group_starts;
        let end = |g: usize| starts.get(g + 1).map_or(n, |start| *start as usize);
        (0..starts.len()).map(|g| json!(cells[starts[g] as usize..end(g)].to_vec())).collect()
    };
    let mut components = Map::new();
    let mut steps = Map::new();
    let mut step_index = 0;
    for (c, component) in program.components.iter().enumerate() {
        let cells = (0..n).map(|i| cell(scores.components[c * n + i], scores.component_errors[c * n + i]));
        components.insert(component.name.clone(), by_group(cells.collect()));
        if component.is_step {
            let of_sample = |i: usize| -> Value {
                let at = (step_index * n + i) * horizon;
                (0..episodes.lengths[i]).map(|t| cell(scores.steps[at + t], scores.step_errors[at + t])).collect()
            };
            steps.insert(component.name.clone(), (0..n).map(of_sample).collect());
            step_index += 1;
        }
    }
    let reward = (0..n).map(|i| cell(scores.reward[i], scores.errors[i])).collect();
    json!({"components": components, "steps": steps, "reward": by_group(reward)})
}
