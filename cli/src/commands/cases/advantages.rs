//! The advantages of one case in JSON. Bad input is one clear sentence.

use super::read::{MAX_NUMBERS, lengths, matrix, named, object, settings, shape, vector, whole};
use goodhart_core::algorithm::settings::Estimator;
use goodhart_core::algorithm::{Batch, BatchKey, BatchScratch, estimate, filter_samples, kl_into_rewards};
use serde_json::{Value, json};

/// Advantages of one case: {"group_size", "weights" [C], "rewards" [C][N] (null = not applicable)} (also by TRL's names
/// num_generations and reward_weights), with any setting of the algorithm beside them or under "options", and, for the
/// estimators that look at steps, "lengths" [N], "step_rewards" [N][T], "values" [N][T], "end_values" [N] (of the states
/// behind the last steps; 0 where it is missing); kl_in_reward needs "logp" and "logp_ref" [N][T].
///
/// Returns {"advantages": [N]}, or [N][length] for gae and reinforce_plus_plus when the case has steps; gae adds
/// "returns".
pub(super) fn advantages_json(case: &str) -> Result<Value, String> {
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
    let mut scratch = BatchScratch::default();
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
