//! Base policies: shipped beside the experiments, kept from an earlier run, or warmed up now.

use crate::interrupt;
use crate::output::{read_bytes, write_whole};
use goodhart_core::engine::Bases;
use goodhart_core::engine::warm_start::{self, WarmStart};
use goodhart_core::experiment::Experiment;
use goodhart_core::plan::Plan;
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The base policies that the seeds of an experiment start from; None where they start from their initial parameters.
pub fn base_policies(experiment: &Experiment, plan: &Arc<Plan>, bar: &ProgressBar) -> Option<Bases> {
    plan.base.as_ref()?;
    let mut bases = Bases::default();
    for (number, key) in warm_start::keys(experiment) {
        bases.put(number, base_policy(plan, number, &key, bar)?);
    }
    Some(bases)
}

fn base_policy(plan: &Arc<Plan>, number: u32, key: &str, bar: &ProgressBar) -> Option<Vec<f32>> {
    let mut warm = WarmStart::new(plan, number)?;
    let n_params = warm.params().len();
    let name = format!("{key}.bin");
    let kept = cache_folder().map(|folder| folder.join(&name));
    let places = [Some(Path::new("experiments/base").join(&name)), kept.clone()];
    // One of another size is of another experiment.
    let size = warm_start::to_bytes(warm.params()).len();
    let found = places.iter().flatten().find_map(|path| warm_start::from_bytes(&read_bytes(path, size)?).ok());
    if let Some(params) = found.filter(|params| params.len() == n_params) {
        return Some(params);
    }
    let (_, steps) = warm.progress();
    bar.set_length(u64::from(steps));
    bar.set_message("warming up a base policy");
    for _ in 0..steps {
        if interrupt::asked() {
            return None;
        }
        warm.step();
        bar.inc(1);
    }
    bar.reset();
    let params = warm.params().to_vec();
    if let Some(path) = kept {
        keep(&path, &params);
    }
    Some(params)
}

/// A base policy that cannot be kept is made again next time.
fn keep(path: &Path, params: &[f32]) {
    let made = path.parent().is_some_and(|folder| std::fs::create_dir_all(folder).is_ok());
    if made {
        write_whole(path, &warm_start::to_bytes(params)).ok();
    }
}

fn cache_folder() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    cache
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .map(|folder| folder.join("goodhart"))
}
