//! The phase `structure`: which file uses which, which crates a program must not have, and whether the files that
//! documents name are there.

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
    let lost = lost_paths()?;
    if !lost.is_empty() {
        return Err(format!("documents name files that are not there: {}", lost.join("; ")));
    }
    Ok(WITHOUT_WGPU.len() + 3)
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

/// The paths in the documents that lead nowhere, each with its document.
fn lost_paths() -> Result<Vec<String>, String> {
    let listed = output("git", &["ls-files"]).ok_or("git lists no files")?;
    let files: Vec<&str> = listed.lines().collect();
    let mut lost = Vec::new();
    for document in files.iter().filter(|file| file.ends_with(".md")) {
        let text = std::fs::read_to_string(root().join(document)).map_err(|e| format!("{document}: {e}"))?;
        let nowhere = named_paths(&text).filter(|path| is_lost(path, &files));
        lost.extend(nowhere.map(|path| format!("{document}: {path}")));
    }
    Ok(lost)
}

/// What stands between backticks and is written like a path.
fn named_paths(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .map(|quoted| quoted.split("::").next().unwrap_or(quoted))
        .filter(move |path| path.contains('/') && path.chars().all(is_path))
}

/// Whether a path begins as one of the repository and is neither a file nor a folder of it. NAME stands for any name.
fn is_lost(path: &str, files: &[&str]) -> bool {
    let top = path.split('/').next().unwrap_or(path);
    let begins = |file: &&str, path: &str| {
        let path = path.trim_end_matches('/');
        file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let ours = files.iter().any(|file| file.contains('/') && begins(file, top));
    ours && !path.contains("NAME") && !files.iter().any(|file| begins(file, path))
}

#[cfg(test)]
mod tests {
    use super::{is_lost, named_paths};

    #[test]
    fn a_path_that_leads_nowhere_is_found() {
        let files = ["core/src/lib.rs", "core/tests/gpu/main.rs", "README.md"];
        let text = "see `core/src/lib.rs`, `core/src/gone.rs` and `core/tests/link.rs::a_test`\nor `target/release/x`, \
                    `core/tests/gpu/`, `a / b`, `core/tests/gpu/NAME.rs`, `core/tests/gp`";
        let lost: Vec<&str> = named_paths(text).filter(|path| is_lost(path, &files)).collect();
        assert_eq!(lost, ["core/src/gone.rs", "core/tests/link.rs", "core/tests/gp"]);
    }
}
