//! Size budgets of the WebAssembly modules, gzip, as a static host would send them.

use crate::shell::root;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

struct Budget {
    what: &'static str,
    /// How the file names in dist/ start.
    prefix: &'static str,
    /// What it is meant to be.
    aim: usize,
    /// What it may not grow beyond; greater than the aim only where the aim has not been reached yet.
    limit: usize,
}

const BUDGETS: [Budget; 5] = [
    Budget { what: "page module", prefix: "goodhart-app", aim: 430, limit: 550 },
    Budget { what: "language module", prefix: "goodhart-language", aim: 430, limit: 570 },
    Budget { what: "engine worker", prefix: "goodhart-worker", aim: 850, limit: 1010 },
    Budget { what: "reward models", prefix: "goodhart-reward-models", aim: 400, limit: 400 },
    Budget { what: "same, WebGPU", prefix: "goodhart-gpu-reward-models", aim: 3000, limit: 3000 },
];

/// Prints every module's size and fails over a budget; returns how many modules were measured.
pub fn check() -> Result<usize, String> {
    let dist = root().join("dist");
    let mut over = Vec::new();
    for budget in &BUDGETS {
        let mut wasm = 0;
        let mut javascript = 0;
        for entry in std::fs::read_dir(&dist).map_err(|e| format!("dist/: {e}"))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(budget.prefix) && name.ends_with(".wasm") {
                wasm += gzip(&entry.path())?;
            } else if name.starts_with(budget.prefix) && name.ends_with(".js") {
                javascript += gzip(&entry.path())?;
            }
        }
        if wasm == 0 {
            return Err(format!("dist/ has no {}*.wasm: is the page built?", budget.prefix));
        }
        let total = (wasm + javascript).div_ceil(1000);
        println!(
            "{:14} {total:>5} KB gzip; aim {} KB{} ({} KB wasm, {} KB glue)",
            budget.what,
            budget.aim,
            if total > budget.aim { ", not reached" } else { "" },
            wasm.div_ceil(1000),
            javascript.div_ceil(1000)
        );
        if total > budget.limit {
            over.push(format!("the {} is {total} KB gzip, over its limit of {} KB", budget.what, budget.limit));
        }
    }
    if over.is_empty() { Ok(BUDGETS.len()) } else { Err(over.join("; ")) }
}

fn gzip(path: &std::path::Path) -> Result<usize, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&std::fs::read(path).map_err(fail)?).map_err(fail)?;
    Ok(encoder.finish().map_err(fail)?.len())
}
