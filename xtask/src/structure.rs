//! The phase `structure`: which file uses which, and which crates a program must not have.

use crate::shell::{command, output, root, run};

/// Programs that know no engine: wgpu is no part of them, whatever the features of core.
const WITHOUT_WGPU: [&str; 2] = ["goodhart-app", "goodhart-language"];

/// The crate `xtask-structure` is one of its own, since its parser takes longer to build than the rest of xtask.
pub fn check() -> Result<usize, String> {
    run(&mut command("cargo", &["run", "--quiet", "--package", "xtask-structure"]))?;
    for package in WITHOUT_WGPU {
        let parts = parts_of(package)?;
        if let Some(part) = parts.lines().find(|part| is_of(part, "wgpu")) {
            return Err(format!("{package} has {part}: the page must not link a device's driver"));
        }
    }
    // Were the names of no use, nothing would be found anywhere.
    if !parts_of("goodhart-worker")?.lines().any(|part| is_of(part, "wgpu")) {
        return Err("the engine worker has no wgpu, so its absence elsewhere says nothing".into());
    }
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).map_err(|e| format!("Cargo.lock: {e}"))?;
    if lock.lines().any(|line| line == "name = \"burn\"") {
        return Err("Cargo.lock has burn, which only reward-models and core/oracle-tests may use".into());
    }
    Ok(WITHOUT_WGPU.len() + 2)
}

/// Every crate that a program of the page links, one a line with its version.
fn parts_of(package: &str) -> Result<String, String> {
    let target = ["--target", "wasm32-unknown-unknown", "--edges", "normal", "--prefix", "none"];
    let args = [&["tree", "--locked", "--package", package], &target[..]].concat();
    output("cargo", &args).ok_or_else(|| format!("`cargo {}` failed", args.join(" ")))
}

fn is_of(part: &str, name: &str) -> bool {
    part.split(' ').next() == Some(name)
}
