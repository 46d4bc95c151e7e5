//! Reading the fields of a case, each mistake one sentence.

use goodhart_core::algorithm::Settings;
use goodhart_core::params::{self, Params};
use goodhart_core::spelling::closest;
use serde_json::{Map, Value};

/// Most numbers that one case may hold.
pub const MAX_NUMBERS: usize = 1 << 24;

pub(super) type Object = Map<String, Value>;

pub(super) fn object(case: &str) -> Result<Object, String> {
    match serde_json::from_str(case) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("the case must be one JSON object".into()),
        Err(e) => Err(format!("the case is not valid JSON: {e}")),
    }
}

/// The settings among a case's fields and its options. Every field that is neither one of `fields` nor a setting is an
/// error, so that a misspelt option is not ignored.
pub(super) fn settings(case: &Object, fields: &[&str]) -> Result<Settings, String> {
    let mut settings = Settings::default();
    let options = match case.get("options") {
        None | Some(Value::Null) => None,
        Some(Value::Object(options)) => Some(options),
        Some(_) => return Err("\"options\" must be an object".into()),
    };
    let top = case.iter().filter(|(name, _)| !fields.contains(&name.as_str()));
    let of_case = ["max_completion_length", "num_generations", "reward_weights"];
    let nested = options.into_iter().flatten();
    let nested = nested.filter(|(name, _)| !(of_case.contains(&name.as_str()) && fields.contains(&name.as_str())));
    for (name, value) in top.chain(nested) {
        let value = match value {
            Value::Null => params::Value::Text("none".into()),
            // TRL also takes booleans here.
            Value::Bool(b) if name == "scale_rewards" => params::Value::Text(if *b { "group" } else { "none" }.into()),
            Value::Bool(b) => params::Value::Bool(*b),
            Value::Number(x) => params::Value::Number(x.as_f64().unwrap_or(f64::NAN)),
            Value::String(s) => params::Value::Text(s.clone()),
            _ => return Err(format!("\"{name}\" must be a number, a word or true or false")),
        };
        settings.set(name, &value).map_err(|e| {
            match VALUES_ELSEWHERE.iter().find(|v| v.0 == name && written(&value, v.1)) {
                Some((_, theirs, ours)) => format!("{name} has no \"{theirs}\"; write {ours}"),
                None if is_setting(name) => e.message,
                None => unknown(name, fields),
            }
        })?;
    }
    Ok(settings)
}

fn is_setting(name: &str) -> bool {
    Settings::TABLE.iter().any(|spec| spec.name == name)
}

/// The sentence about a name that is neither a field of the case nor a setting.
fn unknown(name: &str, fields: &[&str]) -> String {
    let names: Vec<&str> = Settings::TABLE.iter().map(|spec| spec.name).chain(fields.iter().copied()).collect();
    let meant = ELSEWHERE.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
    let hint = meant.or_else(|| closest(name, names));
    let hint = hint.map_or_else(String::new, |best| format!("; did you mean \"{best}\"?"));
    format!("there is no field or setting \"{name}\"{hint}")
}

fn written(value: &params::Value, text: &str) -> bool {
    matches!(value, params::Value::Text(s) if s == text)
}

/// What other frameworks call a value of a setting, and how it is said here.
const VALUES_ELSEWHERE: &[(&str, &str, &str)] = &[
    ("estimator", "group_norm", "estimator \"grpo\" with framework \"openrlhf\""),
    ("estimator", "reinforce_baseline", "estimator \"reinforce_plus_plus_baseline\""),
    ("estimator", "grpo_vectorized", "estimator \"grpo\" with framework \"verl\""),
    ("estimator", "rloo_vectorized", "estimator \"rloo\""),
    ("loss_type", "gspo", "loss_type \"grpo\" with importance_sampling_level \"sequence\""),
    ("loss_type", "vanilla", "loss_type \"dapo\" with dual_clip 3"),
    ("loss_type", "ppo", "loss_type \"dapo\""),
    ("kl_estimator", "kl", "kl_estimator \"k1\""),
    ("kl_estimator", "mse", "kl_estimator \"k2\""),
    ("kl_estimator", "low_var_kl", "kl_estimator \"k3\""),
];

/// What other frameworks call a setting.
const ELSEWHERE: &[(&str, &str)] = &[
    ("adv_estimator", "estimator"),
    ("lam", "gae_lambda"),
    ("norm_adv_by_std_in_grpo", "scale_rewards"),
    ("gdpo_reward_weights", "weights"),
    ("cliprange", "epsilon"),
    ("clip_ratio", "epsilon"),
    ("clip_ratio_low", "epsilon"),
    ("clip_ratio_high", "epsilon_high"),
    ("clip_ratio_c", "dual_clip"),
    ("loss_mode", "loss_type"),
    ("loss_agg_mode", "loss_type"),
    ("kl_coef", "beta"),
    ("kl_loss_coef", "beta"),
    ("kl_loss_type", "kl_estimator"),
    ("entropy_coeff", "entropy_coef"),
    ("ppo_epochs", "num_iterations"),
    ("response_mask", "mask"),
    ("old_log_prob", "logp_old"),
];

fn number(name: &str, value: &Value) -> Result<f32, String> {
    let x = match value {
        Value::Number(x) => x.as_f64().unwrap_or(f64::NAN) as f32,
        Value::Bool(b) => f32::from(*b),
        _ => return Err(format!("\"{name}\" must hold numbers only")),
    };
    if x.is_finite() { Ok(x) } else { Err(format!("\"{name}\" holds a number that is too large")) }
}

fn list<'a>(name: &str, value: &'a Value) -> Result<&'a Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("\"{name}\" must be a list"))
}

pub(super) fn vector(case: &Object, name: &str) -> Result<Option<Vec<f32>>, String> {
    match case.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => Ok(Some(list(name, value)?.iter().map(|x| number(name, x)).collect::<Result<_, _>>()?)),
    }
}

/// A rectangular list of lists. With `nullable`, null reads as NaN.
pub(super) fn matrix(case: &Object, name: &str, nullable: bool) -> Result<Option<Vec<Vec<f32>>>, String> {
    let value = match case.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let mut rows: Vec<Vec<f32>> = Vec::new();
    for row in list(name, value)? {
        let row = row.as_array().ok_or_else(|| format!("\"{name}\" must be a list of lists"))?;
        let read = |x: &Value| if nullable && x.is_null() { Ok(f32::NAN) } else { number(name, x) };
        rows.push(row.iter().map(read).collect::<Result<_, _>>()?);
    }
    if rows.iter().any(|row| row.len() != rows[0].len()) {
        return Err(format!("the lists of \"{name}\" differ in length"));
    }
    Ok(Some(rows))
}

/// A field of the case under our name or TRL's, which may also stand among the options.
pub(super) fn named<T>(
    case: &Object,
    names: [&str; 2],
    read: fn(&Object, &str) -> Result<Option<T>, String>,
) -> Result<Option<T>, String> {
    let options = case.get("options").and_then(Value::as_object);
    for (place, name) in options.into_iter().chain([case]).flat_map(|place| names.map(|name| (place, name))) {
        if let Some(value) = read(place, name)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

pub(super) fn shape(name: &str, rows: &[Vec<f32>], n: usize, steps: usize) -> Result<(), String> {
    let (r, c) = (rows.len(), rows.first().map_or(0, Vec::len));
    if (r, c) == (n, steps) { Ok(()) } else { Err(format!("\"{name}\" is {r} x {c}, but {n} x {steps} is needed")) }
}

pub(super) fn whole(case: &Object, name: &str) -> Result<Option<usize>, String> {
    match case.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let x = value.as_f64().filter(|x| *x >= 1.0 && x.fract() == 0.0 && *x <= f64::from(u32::MAX));
            x.map(|x| Some(x as usize)).ok_or_else(|| format!("\"{name}\" must be a whole number of at least 1"))
        }
    }
}

pub(super) fn lengths(case: &Object, n: usize) -> Result<Option<Vec<u32>>, String> {
    let Some(xs) = vector(case, "lengths")? else { return Ok(None) };
    if xs.len() != n {
        return Err(format!("there are {} lengths for {n} samples", xs.len()));
    }
    if xs.iter().any(|x| *x < 0.0 || x.fract() != 0.0 || *x > MAX_NUMBERS as f32) {
        return Err("\"lengths\" must hold whole numbers".into());
    }
    Ok(Some(xs.iter().map(|x| *x as u32).collect()))
}

/// Lengths of a mask [B][T] of ones followed by zeros.
pub(super) fn mask_lengths(mask: &[f32], steps: usize) -> Result<Vec<u32>, String> {
    let length = |row: &[f32]| {
        let ones = row.iter().take_while(|m| **m == 1.0).count();
        let zeros = row[ones..].iter().all(|m| *m == 0.0);
        zeros.then_some(ones as u32).ok_or("a row of \"mask\" must be ones followed by zeros".to_string())
    };
    mask.chunks(steps).map(length).collect()
}
