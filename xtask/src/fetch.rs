//! `cargo xtask fetch`: every crate that a later step of `serve` or `test` builds, into whatever CARGO_HOME is.

use crate::shell::{command, root, run};
use std::path::{Path, PathBuf};

/// What is built: each workspace with the sets of features that some step asks for.
const BUILT: [(&str, &[&str]); 3] = [
    ("Cargo.toml", &["", "goodhart-core/gpu"]),
    ("reward-models/Cargo.toml", &["", "wgpu"]),
    ("core/oracle-tests/Cargo.toml", &[""]),
];

const TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "x86_64-unknown-linux-gnu"];

pub fn fetch() -> Result<(), String> {
    fetch_into(None)
}

/// Without a target `cargo fetch` takes all that a lock file names, whatever the features and the platform.
fn fetch_into(cargo_home: Option<&Path>) -> Result<(), String> {
    for (manifest, _) in BUILT {
        let mut cargo = command("cargo", &["fetch", "--locked", "--manifest-path", manifest]);
        cargo.envs(cargo_home.map(|home| ("CARGO_HOME", home)));
        run(&mut cargo).map_err(|e| format!("{e}: the crates come from the network, and only at the first time"))?;
    }
    Ok(())
}

/// In an empty cargo home with the registry settings of the real one, nothing is missing offline after a fetch.
pub fn prove() -> Result<usize, String> {
    let home = root().join("target/empty-cargo-home");
    if home.exists() {
        std::fs::remove_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    }
    std::fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    for settings in ["config.toml", "config", "credentials.toml"] {
        let real = cargo_home().map(|real| real.join(settings)).filter(|file| file.is_file());
        if let Some(real) = real {
            std::fs::copy(&real, home.join(settings)).map_err(|e| format!("{}: {e}", real.display()))?;
        }
    }
    fetch_into(Some(&home))?;
    let mut proved = 0;
    for (manifest, sets) in BUILT {
        for features in sets {
            for target in TARGETS {
                let mut args = vec!["metadata", "--offline", "--locked", "--format-version", "1"];
                args.extend(["--filter-platform", target, "--manifest-path", manifest, "--features", features]);
                let mut cargo = command("cargo", &args);
                cargo.env("CARGO_HOME", &home).stdout(std::process::Stdio::null());
                run(&mut cargo)?;
                proved += 1;
            }
        }
    }
    std::fs::remove_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    Ok(proved)
}

fn cargo_home() -> Option<PathBuf> {
    let set = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    set.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
}
