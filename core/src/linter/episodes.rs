//! Episodes of the base policy, which checks without a solution look at.

use crate::math::rng::{draw, purpose, uniform};
use crate::oracle::model::SEED_SPACE;
use crate::oracle::plays::pick;
use crate::plan::Plan;
use crate::tasks::{DrawKey, Play, STATE_WORDS, State, StepTask, TokenTask};

/// Episodes, about.
const EPISODES: usize = 512;

/// Episodes of the base policy in groups that start alike. Completions are demonstrations, which the base policy
/// learns from.
pub(super) struct Episodes {
    pub n: usize,
    pub records: Vec<f32>,
    pub truth: Vec<f64>,
    pub lengths: Vec<f64>,
    /// Tokens: the records with the first sample of every group answering nothing, and the mean true score of that.
    pub empty: Option<(Vec<f32>, f64)>,
}

pub(super) fn key(i: usize, group: usize) -> DrawKey {
    DrawKey { seed: SEED_SPACE + 2, update: 0, group: (i / group) as u32, sample: (i % group) as u32 }
}

pub(super) fn sample(plan: &Plan) -> Episodes {
    let group = plan.group();
    let n = EPISODES.div_ceil(group).max(4) * group;
    let mut all = Episodes {
        n,
        records: vec![0.0; n * plan.task.schema.stride],
        truth: Vec::with_capacity(n),
        lengths: Vec::with_capacity(n),
        empty: None,
    };
    match &plan.task.play {
        Play::Steps(task) => steps(plan, task.as_ref(), &mut all),
        Play::Tokens(task) => tokens(plan, task.as_ref(), &mut all),
    }
    all
}

fn steps(plan: &Plan, task: &dyn StepTask, all: &mut Episodes) {
    let (stride, group, actions) = (plan.task.schema.stride, plan.group(), plan.task.n_actions);
    let mut prior = vec![0.0; actions];
    for (i, record) in all.records.chunks_exact_mut(stride).enumerate() {
        let key = key(i, group);
        let mut state: State = [0; STATE_WORDS];
        task.begin(key, &mut state, record);
        let (mut t, mut over) = (0, false);
        while !over && t < plan.task.horizon as u32 {
            if task.has_prior() {
                task.prior(&state, &mut prior);
            }
            let weights: Vec<f64> = prior.iter().map(|x| libm::exp(f64::from(*x))).collect();
            let sum: f64 = weights.iter().sum();
            let u = f64::from(uniform(draw(key.seed, 0, key.group, key.sample, t, purpose::ACTION)[0]));
            let action = pick(&weights, u * sum) as u32;
            over = task.step(key, t, action, &mut state, record);
            t += 1;
        }
        all.truth.push(f64::from(task.finish(key, &state, t, !over, record)));
        all.lengths.push(f64::from(t));
    }
}

fn tokens(plan: &Plan, task: &dyn TokenTask, all: &mut Episodes) {
    let (stride, group) = (plan.task.schema.stride, plan.group());
    let mut prompt = vec![0; task.prompt_len()];
    let mut out = vec![0; plan.task.horizon];
    let mut empty = Vec::with_capacity(all.records.len());
    let (mut worth, mut empties) = (0.0, 0.0);
    for (i, record) in all.records.chunks_exact_mut(stride).enumerate() {
        let key = key(i, group);
        task.prompt(key, &mut prompt);
        let length = task.demonstration(key, &prompt, &mut out);
        let truncated = out[..length].last() != Some(&task.end_token());
        all.truth.push(f64::from(task.finish(key, &prompt, &out[..length], truncated, record)));
        all.lengths.push(length as f64);
        empty.extend_from_slice(record);
        if i % group == 0 {
            worth += f64::from(task.finish(key, &prompt, &[task.end_token()], false, &mut empty[i * stride..]));
            empties += 1.0;
        }
    }
    all.empty = Some((empty, worth / empties));
}

/// Mean and deviation of the numbers that are there.
pub(super) fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, (values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt())
}

/// Pearson's correlation; None where one of the two never differs.
pub(super) fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let (mx, sx) = moments(pairs.iter().map(|p| p.0));
    let (my, sy) = moments(pairs.iter().map(|p| p.1));
    let n = pairs.len() as f64;
    let both = pairs.iter().map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / n.max(1.0);
    (sx > 1e-7 * mx.abs().max(1e-30) && sy > 0.0).then(|| both / (sx * sy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{experiment, plan};
    use std::collections::BTreeSet;

    /// The compiler believes the bounds that a task declares.
    #[test]
    fn episodes_keep_to_the_bounds_of_their_fields() {
        let mut experiments = Vec::new();
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../experiments")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                experiments.push(experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap());
            }
        }
        // A task that no experiment plays takes the place of another's.
        let mut template = experiments.iter().find(|e| e.task.kind == "gridworld").unwrap().clone();
        template.arms.truncate(1);
        template.arms[0].code = "def steps(ep):\n    return 1.0 * ep.length\n".into();
        template.task.params.clear();
        // It plays features and numbers alike.
        (template.policy.kind, template.policy.params) = ("mlp".into(), Default::default());
        let played: BTreeSet<String> = experiments.iter().map(|e| e.task.kind.clone()).collect();
        for task in crate::tasks::TASKS.iter().filter(|task| !played.contains(task.name)) {
            template.task.kind = task.name.into();
            experiments.push(template.clone());
        }
        for experiment in experiments {
            let plan = plan::plan(&experiment).unwrap_or_else(|p| panic!("{}: {}", experiment.id, plan::join(&p)));
            for record in sample(&plan).records.chunks_exact(plan.task.schema.stride) {
                for field in &plan.task.schema.fields {
                    let values = match field.ty.is_list() {
                        true => &record[field.offset + 1..][..record[field.offset].max(0.0) as usize],
                        false => &record[field.offset..=field.offset],
                    };
                    let (low, high) = field.bounds;
                    let is_in =
                        |x: &f32| low.is_none_or(|low| *x >= low as f32) && high.is_none_or(|high| *x <= high as f32);
                    assert!(values.iter().all(is_in), "{}: {} is {values:?}", experiment.task.kind, field.name);
                }
            }
        }
    }
}
