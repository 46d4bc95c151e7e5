//! JSON front ends of the command line: one case in, the advantages or the loss and its gradient out. Bad input is one
//! clear sentence.

use super::settings::{Estimator, Settings};
use super::{Batch, EntropyControl, LossInput, Scratch, coefficients, estimate};
use crate::params::{self, Params};
use serde_json::{Map, Value, json};

/// Most numbers that one case may hold.
const MAX_NUMBERS: usize = 1 << 24;

type Object = Map<String, Value>;

/// Advantages of one case: {"group_size", "weights" [C], "rewards" [C][N] (null = not applicable)} (also by TRL's names
/// num_generations and reward_weights), with any setting of the algorithm beside them or under "options", and, for the
/// estimators that look at steps, "lengths" [N], "step_rewards" [N][T], "values" [N][T].
///
/// Returns {"advantages": [N]}, or [N][length] for gae and reinforce_plus_plus when the case has steps; gae adds
/// "returns".
pub fn advantages_json(case: &str) -> Result<Value, String> {
    let case = object(case)?;
    const FIELDS: &[&str] = &[
        "name",
        "version",
        "group_size",
        "num_generations",
        "weights",
        "reward_weights",
        "rewards",
        "advantages",
        "returns",
        "options",
        "lengths",
        "step_rewards",
        "values",
    ];
    let settings = settings(&case, FIELDS)?;
    let components = matrix(&case, "rewards", true)?.ok_or("the case has no \"rewards\"")?;
    let n = components.first().map_or(0, Vec::len);
    if n == 0 {
        return Err("\"rewards\" must hold at least one list with at least one number".into());
    }
    let weights = match named(&case, ["weights", "reward_weights"], vector)? {
        Some(weights) => weights,
        None => vec![1.0; components.len()],
    };
    if weights.len() != components.len() {
        return Err(format!("there are {} weights for {} lists of rewards", weights.len(), components.len()));
    }
    let group = named(&case, ["group_size", "num_generations"], whole)?.ok_or("the case has no \"group_size\"")?;
    if group == 0 || n % group != 0 {
        return Err(format!("{n} samples cannot be split into groups of {group}"));
    }
    let step_rewards = matrix(&case, "step_rewards", false)?;
    let values = matrix(&case, "values", false)?;
    let widths = [&step_rewards, &values].into_iter().flatten().map(|m| m.first().map_or(0, Vec::len));
    let lengths = lengths(&case, n)?;
    let has_steps = lengths.is_some() || step_rewards.is_some() || values.is_some();
    let steps = widths.max().or(lengths.as_ref().map(|l| l.iter().copied().max().unwrap_or(0) as usize)).unwrap_or(1);
    let lengths = lengths.unwrap_or_else(|| vec![steps as u32; n]);
    if lengths.iter().any(|l| *l as usize > steps) {
        return Err(format!("a length is greater than the {steps} steps of the case"));
    }
    if n.saturating_mul(steps) > MAX_NUMBERS {
        return Err(format!("{n} samples of {steps} steps are too many"));
    }
    for (name, given) in [("step_rewards", &step_rewards), ("values", &values)] {
        if let Some(rows) = given {
            shape(name, rows, n, steps)?;
        }
    }
    if settings.estimator == Estimator::Gae && values.is_none() {
        return Err("the estimator gae needs \"values\"".into());
    }

    let rewards: Vec<f32> = (0..n).map(|i| weighted_sum(&components, &weights, i)).collect();
    let batch = Batch {
        n,
        group,
        steps,
        lengths: &lengths,
        active: &[],
        rewards: &rewards,
        components: &components.concat(),
        weights: &weights,
        step_rewards: &step_rewards.unwrap_or_default().concat(),
        values: &values.unwrap_or_default().concat(),
    };
    let (mut advantages, mut returns) = (vec![0.0; n * steps], vec![0.0; n * steps]);
    let mut scratch = Scratch::default();
    estimate(&settings, &batch, &mut scratch, &mut advantages, &mut returns);
    if !advantages.iter().chain(&returns).all(|x| x.is_finite()) {
        return Err("the advantages of this case are not finite numbers: its rewards are too large".into());
    }
    let rows = |buffer: &[f32]| -> Vec<Vec<f32>> {
        (0..n).map(|i| buffer[i * steps..i * steps + lengths[i] as usize].to_vec()).collect()
    };
    match settings.estimator {
        Estimator::Gae if has_steps => Ok(json!({"advantages": rows(&advantages), "returns": rows(&returns)})),
        Estimator::ReinforcePlusPlus if has_steps => Ok(json!({"advantages": rows(&advantages)})),
        _ => {
            let first = |i: usize| if lengths[i] > 0 { advantages[i * steps] } else { 0.0 };
            Ok(json!({"advantages": (0..n).map(first).collect::<Vec<f32>>()}))
        }
    }
}

/// Loss of one case: {"logp", "logp_old", "logp_ref", "entropy", "mask" all [B][T], "advantages" [B] or [B][T],
/// "options": settings that differ from the defaults, and "max_completion_length" (T where it is missing)}. Without
/// "logp_old" the ratio is 1, without "mask" every step is valid; "logp_ref" is needed with beta only, "entropy" with
/// entropy_coef or top_entropy_quantile only; "truncated" [B] with mask_truncated_completions.
///
/// Returns {"loss", "dloss_dlogp" [B][T]}.
pub fn loss_json(case: &str) -> Result<Value, String> {
    let case = object(case)?;
    const FIELDS: &[&str] = &[
        "name",
        "version",
        "options",
        "max_completion_length",
        "logp",
        "logp_old",
        "logp_ref",
        "entropy",
        "mask",
        "advantages",
        "truncated",
        "loss",
        "dloss_dlogp",
    ];
    let settings = settings(&case, FIELDS)?;
    let logp = matrix(&case, "logp", false)?.ok_or("the case has no \"logp\"")?;
    let (n, steps) = (logp.len(), logp.first().map_or(0, Vec::len));
    if n == 0 || steps == 0 {
        return Err("\"logp\" must hold at least one list with at least one number".into());
    }
    let table = |name: &'static str| -> Result<Option<Vec<f32>>, String> {
        let Some(rows) = matrix(&case, name, false)? else { return Ok(None) };
        shape(name, &rows, n, steps)?;
        Ok(Some(rows.concat()))
    };
    let logp_old = table("logp_old")?.unwrap_or_else(|| logp.concat());
    let logp_ref = table("logp_ref")?;
    if settings.beta != 0.0 && logp_ref.is_none() {
        return Err("beta is not 0, so the case needs \"logp_ref\"".into());
    }
    let entropy = table("entropy")?;
    if (settings.entropy_coef != 0.0 || settings.top_entropy_quantile < 1.0) && entropy.is_none() {
        return Err("entropy_coef and top_entropy_quantile need \"entropy\" in the case".into());
    }
    let lengths = match table("mask")? {
        Some(mask) => mask_lengths(&mask, steps)?,
        None => vec![steps as u32; n],
    };
    let truncated: Vec<u8> = match vector(&case, "truncated")? {
        Some(flags) if flags.len() == n => flags.iter().map(|f| u8::from(*f != 0.0)).collect(),
        Some(flags) => return Err(format!("\"truncated\" has {} entries for {n} sequences", flags.len())),
        None => Vec::new(),
    };
    let per_sequence = matches!(case.get("advantages"), Some(Value::Array(a)) if !a.iter().any(Value::is_array));
    let advantages = if per_sequence {
        let a = vector(&case, "advantages")?.unwrap_or_default();
        if a.len() != n {
            return Err(format!("there are {} advantages for {n} sequences", a.len()));
        }
        a.iter().flat_map(|a| std::iter::repeat_n(*a, steps)).collect()
    } else {
        table("advantages")?.ok_or("the case has no \"advantages\"")?
    };
    let max_completion_length = named(&case, ["max_completion_length"; 2], whole)?.unwrap_or(steps);

    let samples: Vec<u32> = (0..n as u32).collect();
    let input = LossInput {
        n,
        steps,
        samples: &samples,
        lengths: &lengths,
        truncated: &truncated,
        active: &[],
        logp: &logp.concat(),
        logp_old: &logp_old,
        logp_ref: &logp_ref.unwrap_or_default(),
        entropy: &entropy.unwrap_or_else(|| vec![0.0; n * steps]),
        advantages: &advantages,
        max_completion_length: u32::try_from(max_completion_length).unwrap_or(u32::MAX),
        entropy_coef: EntropyControl::new(&settings).applied(&settings),
    };
    let (mut dlogp, mut dentropy) = (vec![0.0; n * steps], vec![0.0; n * steps]);
    let stats = coefficients(&settings, &input, &mut Scratch::default(), &mut dlogp, &mut dentropy);
    if stats.nonfinite > 0.0 || !stats.loss.is_finite() {
        return Err("the loss of this case is not a finite number".into());
    }
    Ok(json!({"loss": stats.loss, "dloss_dlogp": dlogp.chunks(steps).collect::<Vec<_>>()}))
}

/// Weighted sum of the components that apply; NaN where none does.
fn weighted_sum(components: &[Vec<f32>], weights: &[f32], i: usize) -> f32 {
    let applying = || components.iter().zip(weights).filter(|(c, _)| !c[i].is_nan());
    if applying().count() == 0 { f32::NAN } else { applying().map(|(c, w)| w * c[i]).fold(0.0, |a, b| a + b) }
}

fn object(case: &str) -> Result<Object, String> {
    match serde_json::from_str(case) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("the case must be one JSON object".into()),
        Err(e) => Err(format!("the case is not valid JSON: {e}")),
    }
}

/// The settings among a case's fields and its options. Every field that is neither one of `fields` nor a setting is an
/// error, so that a misspelt option is not ignored.
fn settings(case: &Object, fields: &[&str]) -> Result<Settings, String> {
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
    let hint = meant.or_else(|| params::near(&names, name));
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

fn vector(case: &Object, name: &str) -> Result<Option<Vec<f32>>, String> {
    match case.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => Ok(Some(list(name, value)?.iter().map(|x| number(name, x)).collect::<Result<_, _>>()?)),
    }
}

/// A rectangular list of lists. With `nullable`, null reads as NaN.
fn matrix(case: &Object, name: &str, nullable: bool) -> Result<Option<Vec<Vec<f32>>>, String> {
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
fn named<T>(
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

fn shape(name: &str, rows: &[Vec<f32>], n: usize, steps: usize) -> Result<(), String> {
    let (r, c) = (rows.len(), rows.first().map_or(0, Vec::len));
    if (r, c) == (n, steps) { Ok(()) } else { Err(format!("\"{name}\" is {r} x {c}, but {n} x {steps} is needed")) }
}

fn whole(case: &Object, name: &str) -> Result<Option<usize>, String> {
    match case.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let x = value.as_f64().filter(|x| *x >= 1.0 && x.fract() == 0.0 && *x <= f64::from(u32::MAX));
            x.map(|x| Some(x as usize)).ok_or_else(|| format!("\"{name}\" must be a whole number of at least 1"))
        }
    }
}

fn lengths(case: &Object, n: usize) -> Result<Option<Vec<u32>>, String> {
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
fn mask_lengths(mask: &[f32], steps: usize) -> Result<Vec<u32>, String> {
    let length = |row: &[f32]| {
        let ones = row.iter().take_while(|m| **m == 1.0).count();
        let zeros = row[ones..].iter().all(|m| *m == 0.0);
        zeros.then_some(ones as u32).ok_or("a row of \"mask\" must be ones followed by zeros".to_string())
    };
    mask.chunks(steps).map(length).collect()
}

#[cfg(test)]
mod tests;
