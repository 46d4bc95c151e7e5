//! What the two commands need, and how each missing piece gets here. Everything installed is named before it is.

use crate::shell::{command, on_path, output, root, run};
use std::path::{Path, PathBuf};

const TRUNK: &str = "0.21.14";
const CHROMIUM_NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// What `serve` needs.
pub fn for_serve() -> Result<(), String> {
    node()?;
    wasm_target()?;
    npm_packages("web")
}

/// The above, trunk and its tools, a browser and a software Vulkan driver; returns the browser's path.
pub fn for_tests() -> Result<PathBuf, String> {
    for_serve()?;
    wasm_bindgen()?;
    trunk()?;
    npm_packages("e2e")?;
    system_packages()?;
    chromium().ok_or_else(|| "no Chromium was found after installing it; set CHROMIUM to its path".into())
}

fn wasm_target() -> Result<(), String> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let libraries = output("rustc", &["--print", "target-libdir", "--target", TARGET]);
    if libraries.is_some_and(|folder| Path::new(folder.trim()).is_dir()) {
        return Ok(());
    }
    if !on_path("rustup") {
        return Err(format!("the Rust target {TARGET} is missing and there is no rustup to add it: install rustup"));
    }
    println!("installing the Rust target {TARGET}");
    run(&mut command("rustup", &["target", "add", TARGET]))
}

/// wasm-bindgen's command line must be of exactly the version of the library.
fn wasm_bindgen() -> Result<(), String> {
    let Some(wanted) = locked_version("wasm-bindgen")? else { return Ok(()) };
    let found = output("wasm-bindgen", &["--version"]).unwrap_or_default();
    if found.split_whitespace().nth(1) == Some(wanted.as_str()) && on_path("wasm-bindgen-test-runner") {
        return Ok(());
    }
    println!(
        "installing wasm-bindgen-cli {wanted} (the version in Cargo.lock); without binstall this takes 3 minutes, once"
    );
    // Its own lock file does not build with newer compilers, so no --locked here.
    tool("wasm-bindgen-cli", &wanted, &[])
}

fn trunk() -> Result<(), String> {
    let found = output("trunk", &["--version"]).unwrap_or_default();
    if found.split_whitespace().nth(1).is_some_and(|version| version.starts_with("0.21.")) {
        return Ok(());
    }
    println!("installing trunk {TRUNK}; without binstall this takes 5 minutes, once");
    tool("trunk", TRUNK, &["--locked"])
}

/// A published program where there is `cargo binstall`; else one that is built as fast as it can be, since what it does is
/// little beside what it waits for.
fn tool(name: &str, version: &str, flags: &[&str]) -> Result<(), String> {
    if on_path("cargo-binstall") {
        let package = format!("{name}@{version}");
        match run(&mut command("cargo", &["binstall", "--no-confirm", &package])) {
            Ok(()) => return Ok(()),
            Err(message) => println!("{message}: {name} is built instead"),
        }
    }
    let mut cargo = command("cargo", &[&["install", name, "--version", version], flags].concat());
    let profile = [("LTO", "off"), ("OPT_LEVEL", "0"), ("CODEGEN_UNITS", "256"), ("DEBUG", "0"), ("PANIC", "abort")];
    cargo.envs(profile.map(|(key, value)| (format!("CARGO_PROFILE_RELEASE_{key}"), value)));
    run(&mut cargo)
}

/// Node and npm, new enough.
fn node() -> Result<(), String> {
    const HOW: &str = "install Node 20 or newer (Debian: apt-get install nodejs npm)";
    let version = output("node", &["--version"]).ok_or_else(|| format!("node is missing: {HOW}"))?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 20) {
        return Err(format!("node is {}: {HOW}", version.trim()));
    }
    if on_path("npm") { Ok(()) } else { Err(format!("npm is missing: {HOW}")) }
}

/// Installs a folder's npm packages when its lock file is newer than what is there.
fn npm_packages(folder: &str) -> Result<(), String> {
    let lock = root().join(folder).join("package-lock.json");
    let installed = root().join(folder).join("node_modules/.package-lock.json");
    if !lock.exists() || is_newer(&installed, &lock) {
        return Ok(());
    }
    println!("installing the npm packages of {folder}/");
    run(&mut command("npm", &["ci", "--prefix", folder, "--no-audit", "--no-fund"]))
}

fn system_packages() -> Result<(), String> {
    let mut missing = Vec::new();
    if chromium().is_none() {
        missing.extend(["chromium", "fonts-liberation"]);
    }
    if !has_software_vulkan() {
        missing.push("mesa-vulkan-drivers");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !on_path("apt-get") {
        return Err(format!(
            "the tests need Chromium (or CHROMIUM set to its path) and a software Vulkan driver (Mesa's llvmpipe); \
             install what corresponds to Debian's {packages}"
        ));
    }
    if output("id", &["-u"]).is_none_or(|id| id.trim() != "0") {
        return Err(format!("the tests need {packages}; run: sudo apt-get install -y {packages}"));
    }
    println!("installing {packages} by apt");
    run(command("apt-get", &["update", "--quiet"]).env("DEBIAN_FRONTEND", "noninteractive"))?;
    let mut install = vec!["install", "-y", "--quiet", "--no-install-recommends"];
    install.extend(&missing);
    run(command("apt-get", &install).env("DEBIAN_FRONTEND", "noninteractive"))
        .map_err(|e| format!("{e}: the tests need {packages}"))
}

/// The browser of the tests: CHROMIUM, or the first of the usual names on PATH.
pub fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    CHROMIUM_NAMES.iter().flat_map(|name| folders.iter().map(move |f| f.join(name))).find(|file| file.is_file())
}

/// Whether a Vulkan driver that needs no GPU is installed (Mesa's lavapipe registers itself as `lvp_icd`).
fn has_software_vulkan() -> bool {
    ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"].iter().any(|folder| {
        std::fs::read_dir(folder).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("lvp_icd"))
        })
    })
}

/// The version of a crate in Cargo.lock, if it is there.
fn locked_version(name: &str) -> Result<Option<String>, String> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).map_err(|e| format!("Cargo.lock: {e}"))?;
    let entry = format!("name = \"{name}\"\nversion = \"");
    Ok(lock.split_once(&entry).and_then(|(_, rest)| rest.split('"').next()).map(String::from))
}

/// Whether `file` exists and was written no earlier than `than`.
fn is_newer(file: &Path, than: &Path) -> bool {
    let time = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    time(file).zip(time(than)).is_some_and(|(a, b)| a >= b)
}
