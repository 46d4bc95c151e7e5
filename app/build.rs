//! Turns the experiments of `experiments/` (TOML) into one JSON array that the page embeds, so that adding an experiment
//! needs no code and the page no TOML parser; and lists the base policies of `experiments/base/`.

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../experiments");
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut files = files_of(&dir, "toml");
    files.sort();
    let mut experiments = Vec::new();
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        let text = std::fs::read_to_string(file)?;
        let value: serde_json::Value = toml::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        experiments.push(value);
    }
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("experiments.json"), serde_json::to_string(&experiments)?)?;

    let mut bases = files_of(&dir.join("base"), "bin");
    bases.sort();
    let keys: Vec<_> = bases.iter().filter_map(|f| f.file_stem()).map(|s| s.to_string_lossy().into_owned()).collect();
    std::fs::write(Path::new(&out).join("bases.rs"), format!("&{keys:?}"))?;
    Ok(())
}

fn files_of(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let files = entries.filter_map(|e| Some(e.ok()?.path()));
    files.filter(|f| f.extension().is_some_and(|e| e == extension)).collect()
}
