//! The loss of one case in JSON and its gradient. Bad input is one clear sentence.

use super::read::{mask_lengths, matrix, named, object, settings, shape, vector, whole};
use goodhart_core::algorithm::{BatchScratch, EntropyControl, LossInput, coefficients};
use serde_json::{Value, json};

/// Loss of one case: {"logp", "logp_old", "logp_ref", "entropy", "mask" all [B][T], "advantages" [B] or [B][T],
/// "options": settings that differ from the defaults, and "max_completion_length" (T where it is missing)}. Without
/// "logp_old" the ratio is 1, without "mask" every step is valid; "logp_ref" is needed with beta only, "entropy" with
/// entropy_coef or top_entropy_quantile only; "truncated" [B] with mask_truncated_completions.
///
/// Returns {"loss", "dloss_dlogp" [B][T]}.
pub(super) fn loss_json(case: &str) -> Result<Value, String> {
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
    let stats = coefficients(&settings, &input, &mut BatchScratch::default(), &mut dlogp, &mut dentropy);
    if stats.nonfinite > 0.0 || !stats.loss.is_finite() {
        return Err("the loss of this case is not a finite number".into());
    }
    Ok(json!({"loss": stats.loss, "dloss_dlogp": dlogp.chunks(steps).collect::<Vec<_>>()}))
}
