//! Experiment files: TOML, one file an experiment.

use super::{Experiment, VERSION};

/// Reads an experiment file; the message names the line where it stops making sense.
pub fn parse(text: &str) -> Result<Experiment, String> {
    let experiment: Experiment = toml::from_str(text).map_err(|e| e.to_string().trim_end().replace('\n', "\n  "))?;
    if experiment.version > VERSION {
        let version = experiment.version;
        return Err(format!("the experiment has format {version}, and this program reads up to {VERSION}"));
    }
    Ok(experiment)
}
