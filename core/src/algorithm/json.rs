//! JSON front ends of the command line: one case in, the advantages or the loss and its gradient out. Bad input is one
//! clear sentence.

mod read;

use super::settings::Estimator;
use super::{
    Batch, BatchKey, EntropyControl, LossInput, Scratch, coefficients, estimate, filter_samples, kl_into_rewards,
};
use read::{lengths, mask_lengths, matrix, named, object, settings, shape, vector, whole};
use serde_json::{Map, Value, json};

/// Most numbers that one case may hold.
const MAX_NUMBERS: usize = 1 << 24;

type Object = Map<String, Value>;

/// Advantages of one case: {"group_size", "weights" [C], "rewards" [C][N] (null = not applicable)} (also by TRL's names
/// num_generations and reward_weights), with any setting of the algorithm beside them or under "options", and, for the
/// estimators that look at steps, "lengths" [N], "step_rewards" [N][T], "values" [N][T], "end_values" [N] (of the states behind the last steps; 0 where it is missing);
/// kl_in_reward needs "logp" and
/// "logp_ref" [N][T].
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
        "end_values",
        "logp",
        "logp_ref",
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
    let per_step = |name| matrix(&case, name, false);
    let (step_rewards, values) = (per_step("step_rewards")?, per_step("values")?);
    let (logp, logp_ref) = (per_step("logp")?, per_step("logp_ref")?);
    let given = [("step_rewards", &step_rewards), ("values", &values), ("logp", &logp), ("logp_ref", &logp_ref)];
    let widths = given.iter().filter_map(|(_, rows)| rows.as_ref()).map(|rows| rows.first().map_or(0, Vec::len));
    let lengths = lengths(&case, n)?;
    let has_steps = lengths.is_some() || step_rewards.is_some() || values.is_some() || logp.is_some();
    let steps = widths.max().or(lengths.as_ref().map(|l| l.iter().copied().max().unwrap_or(0) as usize)).unwrap_or(1);
    let lengths = lengths.unwrap_or_else(|| vec![steps as u32; n]);
    if lengths.iter().any(|l| *l as usize > steps) {
        return Err(format!("a length is greater than the {steps} steps of the case"));
    }
    if n.saturating_mul(steps) > MAX_NUMBERS {
        return Err(format!("{n} samples of {steps} steps are too many"));
    }
    for (name, rows) in given {
        if let Some(rows) = rows {
            shape(name, rows, n, steps)?;
        }
    }
    if settings.estimator == Estimator::Gae && values.is_none() {
        return Err("the estimator gae needs \"values\"".into());
    }
    let end_values = vector(&case, "end_values")?.unwrap_or_default();
    if !end_values.is_empty() && end_values.len() != n {
        return Err(format!("there are {} end_values for {n} samples", end_values.len()));
    }

    let mut rewards: Vec<f32> = (0..n).map(|i| weighted_sum(&components, &weights, i)).collect();
    let mut step_rewards = step_rewards.unwrap_or_default().concat();
    if settings.kl_in_reward != 0.0 {
        let (Some(logp), Some(logp_ref)) = (logp, logp_ref) else {
            return Err("kl_in_reward is not 0, so the case needs \"logp\" and \"logp_ref\"".into());
        };
        if step_rewards.is_empty() {
            step_rewards = on_the_last_step(&rewards, &lengths, steps);
        }
        let (logp, logp_ref) = (logp.concat(), logp_ref.concat());
        kl_into_rewards(&settings, steps, &lengths, &[], &logp, &logp_ref, &mut rewards, &mut step_rewards);
    }
    let batch = Batch {
        n,
        group,
        steps,
        lengths: &lengths,
        active: &[],
        rewards: &rewards,
        components: &components.concat(),
        weights: &weights,
        step_rewards: &step_rewards,
        values: &values.unwrap_or_default().concat(),
        end_values: &end_values,
    };
    let (mut advantages, mut returns) = (vec![0.0; n * steps], vec![0.0; n * steps]);
    let mut scratch = Scratch::default();
    estimate(&settings, &batch, &mut scratch, &mut advantages, &mut returns);
    let key = BatchKey { seed: 0, update: 0, group };
    filter_samples(&settings, key, &batch, &mut scratch, &mut advantages);
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

/// Step rewards [n][steps] that pay each reward where its sample ends; nothing where there is no reward.
fn on_the_last_step(rewards: &[f32], lengths: &[u32], steps: usize) -> Vec<f32> {
    let mut paid = vec![0.0; rewards.len() * steps];
    for (i, (reward, length)) in rewards.iter().zip(lengths).enumerate() {
        if *length > 0 && !reward.is_nan() {
            paid[i * steps + *length as usize - 1] = *reward;
        }
    }
    paid
}

#[cfg(test)]
mod tests;
