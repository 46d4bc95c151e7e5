//! Turns the experiments of `experiments/` (TOML) into one JSON array that the page embeds, so that adding an experiment
//! needs no code and the page no TOML parser.

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../experiments");
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut files: Vec<PathBuf> = match std::fs::read_dir(&dir) {
        Ok(entries) => entries.filter_map(|e| Some(e.ok()?.path())).collect(),
        Err(_) => Vec::new(),
    };
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    let mut experiments = Vec::new();
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        let text = std::fs::read_to_string(file)?;
        let value: serde_json::Value = toml::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        experiments.push(value);
    }
    let out = Path::new(&std::env::var("OUT_DIR")?).join("experiments.json");
    std::fs::write(out, serde_json::to_string(&experiments)?)?;
    Ok(())
}
