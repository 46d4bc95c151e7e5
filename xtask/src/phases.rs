//! The phases of `cargo xtask test`. Each returns how many checks passed, or one sentence about the first failure.

use crate::page::Page;
use crate::shell::{command, line, on_path, root, run, run_tee, trunk};
use crate::{fetch, install, sizes, structure};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

pub struct Phase {
    pub name: &'static str,
    pub about: &'static str,
    pub run: fn() -> Result<usize, String>,
}

/// In order. Everything that compiles natively shares one profile and one set of features, so nothing is built twice.
pub const PHASES: &[Phase] = &[
    Phase { name: "install", about: "what the other phases need", run: install },
    Phase {
        name: "fetch",
        about: "what `cargo xtask fetch` brings is all that offline builds need",
        run: fetch::prove,
    },
    Phase { name: "format", about: "cargo fmt --check", run: format },
    Phase {
        name: "structure",
        about: "no circle of files, no folder that uses what stands above it",
        run: structure::check,
    },
    Phase { name: "clippy", about: "lints of the native build, warnings are errors", run: clippy },
    Phase { name: "clippy-wasm", about: "lints of what is compiled for wasm32", run: clippy_wasm },
    Phase { name: "licenses", about: "licences and sources of what is shipped and locked", run: licenses },
    Phase { name: "compile", about: "the tests and the command line, in release", run: compile },
    Phase { name: "wgsl", about: "every shader, as assembled, validated by naga", run: wgsl },
    Phase { name: "tests", about: "all tests of the workspace, a software Vulkan driver required", run: tests },
    Phase {
        name: "tests-in-chromium",
        about: "the tests of the WebGPU engine again, in Chromium",
        run: tests_in_chromium,
    },
    Phase { name: "oracle", about: "the policies' gradients against burn's autodiff", run: oracle },
    Phase { name: "reward-models", about: "the program that trains reward models, and its tests", run: reward_models },
    Phase { name: "page", about: "the page, built and served by plain trunk", run: page },
    Phase { name: "sizes", about: "gzip sizes of the modules against their budgets", run: sizes::check },
    Phase { name: "browser", about: "the page in Chromium, with WebGPU and without", run: browser },
    Phase { name: "experiments", about: "the claims of one experiment of every theme", run: experiments },
];

const WORKSPACE: [&str; 4] = ["--release", "--workspace", "--features", "goodhart-core/gpu"];

/// The tests that run in a browser too, as they do there.
const IN_CHROMIUM: [&str; 9] =
    ["--release", "--target", "wasm32-unknown-unknown", "-p", "goodhart-core", "--features", "gpu", "--test", "gpu"];

const ORACLE: &str = "core/oracle-tests/Cargo.toml";
const REWARD_MODELS: &str = "reward-models/Cargo.toml";

/// Where both of them are built: they have the same burn, with the same features and profile. The command line looks for
/// the program that trains reward models here.
const WITH_BURN: &str = "target/reward-models";

fn install() -> Result<usize, String> {
    let browser = install::for_tests()?;
    println!("browser: {}", browser.display());
    Ok(0)
}

fn format() -> Result<usize, String> {
    run(&mut command("cargo", &["fmt", "--all", "--check"]))?;
    run(&mut command("cargo", &["fmt", "--check", "--manifest-path", ORACLE]))?;
    run(&mut command("cargo", &["fmt", "--check", "--manifest-path", REWARD_MODELS]))?;
    Ok(1)
}

fn clippy() -> Result<usize, String> {
    let args = [&["clippy", "--all-targets"], &WORKSPACE[..], &["--", "-D", "warnings"]].concat();
    run(&mut command("cargo", &args))?;
    Ok(1)
}

fn clippy_wasm() -> Result<usize, String> {
    let packages = ["-p", "goodhart-app", "-p", "goodhart-language", "-p", "goodhart-worker"];
    let target = ["clippy", "--release", "--target", "wasm32-unknown-unknown"];
    let deny = ["--", "-D", "warnings"];
    run(&mut command("cargo", &[&target[..], &packages, &deny].concat()))?;
    run(&mut command("cargo", &[&["clippy"], &IN_CHROMIUM[..], &deny].concat()))?;
    Ok(2)
}

fn licenses() -> Result<usize, String> {
    run(&mut command("node", &["web/licenses.mjs", "--check"]))?;
    Ok(1)
}

fn compile() -> Result<usize, String> {
    run(&mut cargo_test(&["--no-run"]))?;
    run(&mut build_in_release(&["--bin", "goodhart", "--bin", "xtask-bindgen"]))?;
    Ok(0)
}

fn build_in_release(bins: &[&str]) -> Command {
    command("cargo", &[&["build"], &WORKSPACE[..], bins].concat())
}

fn wgsl() -> Result<usize, String> {
    // The same tests run again below; alone and first, a broken shader is the first thing said.
    let passed = count_passed(&run_tee(&mut cargo_test(&["validate"]))?);
    if passed == 0 {
        return Err("no test has `validate` in its name: the shaders were not validated".into());
    }
    Ok(0)
}

fn tests() -> Result<usize, String> {
    all_ran(&run_tee(&mut cargo_test(&["--no-fail-fast"]))?)
}

/// The runner that `.cargo/config.toml` names opens them in a browser; there is no skipping without WebGPU.
fn tests_in_chromium() -> Result<usize, String> {
    let mut cargo = command("cargo", &[&["test"], &IN_CHROMIUM[..]].concat());
    cargo.env("CHROMIUM", chromium()?);
    all_ran(&run_tee(&mut cargo)?)
}

/// A workspace of its own, so that burn is no part of anything else.
fn oracle() -> Result<usize, String> {
    let args = ["test", "--release", "--manifest-path", ORACLE, "--target-dir", WITH_BURN];
    all_ran(&run_tee(&mut command("cargo", &args))?)
}

/// A workspace of its own for the same reason.
fn reward_models() -> Result<usize, String> {
    let own = ["--release", "--manifest-path", REWARD_MODELS, "--target-dir", WITH_BURN];
    run(&mut command("cargo", &[&["clippy", "--all-targets"], &own[..], &["--", "-D", "warnings"]].concat()))?;
    run(&mut command("cargo", &[&["build"], &own[..]].concat()))?;
    all_ran(&run_tee(&mut command("cargo", &[&["test"], &own[..]].concat()))?)
}

/// As a person builds and serves it who has the tools: plain trunk.
fn page() -> Result<usize, String> {
    run(&mut trunk(&["build", "--release"]))?;
    trunk_serves()?;
    // What `cargo xtask serve` would show, for the browser tests.
    // The bindgen of the phase `compile`; the one that `serve` builds would compile its library once more.
    run(&mut build_in_release(&["--bin", "xtask-bindgen"]))?;
    Page::read("target/page-of-release")?.assemble_from_release(&root().join("target/release/xtask-bindgen"))?;
    Ok(3)
}

/// `trunk serve --release` shows the page; its modules are built already.
fn trunk_serves() -> Result<(), String> {
    const LONGEST: Duration = Duration::from_secs(900);
    let port = free_port()?.to_string();
    let mut serve = trunk(&["serve", "--release", "--dist", "target/trunk-serve", "--port", &port]);
    println!("$ {}", line(&serve));
    let mut server = serve.spawn().map_err(|e| format!("trunk did not start: {e}"))?;
    let begun = Instant::now();
    let outcome = loop {
        if answers(&port, "goodhart-app") {
            break Ok(());
        }
        if let Ok(Some(status)) = server.try_wait() {
            break Err(format!("`trunk serve` ended ({status})"));
        }
        if begun.elapsed() > LONGEST {
            break Err("`trunk serve` shows no page".into());
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    server.kill().and_then(|()| server.wait()).map_err(|e| format!("trunk does not end: {e}"))?;
    outcome
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|e| format!("no port is free: {e}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|e| e.to_string())
}

/// Whether what is served at a port's root contains a text.
fn answers(port: &str, text: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(format!("127.0.0.1:{port}")) else { return false };
    let request = format!("GET / HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: text/html\r\n\r\n");
    let mut page = String::new();
    stream.write_all(request.as_bytes()).is_ok() && stream.read_to_string(&mut page).is_ok() && page.contains(text)
}

/// Browser tests that measure the browser they run in: its main thread, its memory, how soon a worker answers. Another one
/// beside it would be measured too. All others mostly wait, and run two files at a time.
const ALONE: [&str; 3] = ["held.test.mjs", "memory.test.mjs", "page.test.mjs"];

fn browser() -> Result<usize, String> {
    let is_alone = |file: &PathBuf| ALONE.iter().any(|name| file.ends_with(name));
    let (alone, together): (Vec<PathBuf>, Vec<PathBuf>) = files_of("e2e", ".test.mjs")?.into_iter().partition(is_alone);
    if alone.len() != ALONE.len() {
        return Err(format!("e2e/ has not all of {}", ALONE.join(", ")));
    }
    Ok(browser_tests(&together, 2)? + browser_tests(&alone, 1)?)
}

/// Runs test files in the browser, so many at a time.
fn browser_tests(files: &[PathBuf], at_a_time: usize) -> Result<usize, String> {
    let mut node = command("node", &["--test", "--test-timeout=300000", "--test-reporter=tap"]);
    // Named one by one: what a folder means to `node --test` differs between versions of Node.
    node.arg(format!("--test-concurrency={at_a_time}")).args(files);
    node.env("CHROMIUM", chromium()?).env("GOODHART", root().join("target/release/goodhart"));
    all_ran(&run_tee(&mut node)?)
}

fn chromium() -> Result<PathBuf, String> {
    install::chromium().ok_or_else(|| "there is no Chromium; `cargo xtask test --only install` installs it".into())
}

/// One experiment of every theme; `goodhart check experiments/` takes all of them.
const CHECKED: [&str; 11] = [
    "par",
    "trust-grpo",
    "clip-delta",
    "coin-circling",
    "global-episodic-bonus",
    "pf-ppo",
    "bnpo",
    "one-token-judge",
    "rm-ensembles-overopt",
    "noisy-rewards-rpr",
    "policy-cliff",
];

fn experiments() -> Result<usize, String> {
    let goodhart = root().join("target/release/goodhart");
    let files = CHECKED.map(|id| root().join(format!("experiments/{id}.toml")));
    run(command(&goodhart.to_string_lossy(), &["check"]).args(&files))?;
    Ok(files.len())
}

/// Files of a folder by the end of their names, sorted.
fn files_of(folder: &str, end: &str) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(root().join(folder)).map_err(|e| format!("{folder}/: {e}"))?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|file| file.to_string_lossy().ends_with(end)).collect();
    files.sort();
    Ok(files)
}

/// `cargo nextest run`, or `cargo test` where nextest is not installed.
fn cargo_test(args: &[&str]) -> Command {
    let runner: &[&str] = if on_path("cargo-nextest") { &["nextest", "run"] } else { &["test"] };
    let mut cargo = command("cargo", &[runner, &WORKSPACE[..], args].concat());
    // Here nothing is left out, whatever the person left out elsewhere.
    cargo.env_remove("GOODHART_NO_GPU");
    cargo
}

/// How many tests passed; no test is left out without a word.
fn all_ran(output: &str) -> Result<usize, String> {
    let left_out = count(output, &["skipped", "ignored", "todo"]);
    match count_passed(output) {
        _ if left_out > 0 => Err(format!("{left_out} tests were left out")),
        0 => Err("no test ran".into()),
        passed => Ok(passed),
    }
}

fn count_passed(output: &str) -> usize {
    count(output, &["passed", "pass"])
}

/// Sums what the test runners say of their tests: `12 passed` (cargo test, nextest) and `# pass 12` (node).
fn count(output: &str, names: &[&str]) -> usize {
    let mut total = 0;
    for line in output.lines() {
        let words: Vec<&str> = line.split([' ', ',', ';']).filter(|word| !word.is_empty()).collect();
        let summary = words.first() == Some(&"Summary") || line.starts_with("test result:");
        for pair in words.windows(2) {
            match pair {
                [n, name] if summary && names.contains(name) => total += n.parse::<usize>().unwrap_or(0),
                [name, n] if words.first() == Some(&"#") && names.contains(name) => {
                    total += n.parse::<usize>().unwrap_or(0);
                }
                _ => {}
            }
        }
    }
    total
}

#[cfg(test)]
mod unit {
    use super::{all_ran, count_passed};

    #[test]
    fn counts_what_each_runner_prints() {
        assert_eq!(count_passed("     Summary [   0.012s] 12 tests run: 12 passed, 0 skipped"), 12);
        assert_eq!(
            count_passed("test result: ok. 3 passed; 0 failed; 1 ignored\ntest result: ok. 4 passed; 0 failed"),
            7
        );
        assert_eq!(count_passed("# tests 5\n# pass 5\n# fail 0"), 5);
        assert_eq!(count_passed("7 passed by on the road"), 0);
    }

    #[test]
    fn a_test_that_was_left_out_is_a_failure() {
        assert_eq!(all_ran("     Summary [   0.012s] 12 tests run: 12 passed, 0 skipped"), Ok(12));
        assert_eq!(all_ran("# tests 5\n# pass 5\n# fail 0\n# skipped 0\n# todo 0"), Ok(5));
        for output in [
            "     Summary [   0.012s] 11 tests run: 11 passed, 1 skipped",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "# pass 4\n# fail 0\n# skipped 1\n# todo 0",
            "# pass 4\n# fail 0\n# skipped 0\n# todo 1",
        ] {
            assert_eq!(all_ran(output), Err("1 tests were left out".into()), "{output}");
        }
        assert_eq!(all_ran("test result: ok. 0 passed; 0 failed; 0 ignored"), Err("no test ran".into()));
    }
}
