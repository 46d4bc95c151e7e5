//! Base policies: shipped beside the experiments, kept from an earlier run, or warmed up now.

use crate::interrupt;
use crate::output::{read_bytes, write_whole};
use goodhart_core::engine::warm_start::{self, WarmStart};
use goodhart_core::experiment::Experiment;
use goodhart_core::plan::Plan;
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The parameters that an experiment starts from; None where it starts from its initial ones.
pub fn base_policy(experiment: &Experiment, plan: &Arc<Plan>, bar: &ProgressBar) -> Option<Vec<f32>> {
    let mut warm = WarmStart::new(plan)?;
    let n_params = warm.params().len();
    let name = format!("{}.bin", warm_start::key(experiment));
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
    bar.set_message("warming up the base policy");
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
