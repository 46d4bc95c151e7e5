//! Writes the text of every WebGPU stage of an experiment file, to look at or to compile elsewhere:
//! `cargo run --features gpu --example shaders -- experiments/par.toml OUT`.

use goodhart_core::engine::gpu::stage_texts;
use goodhart_core::experiment::Experiment;
use goodhart_core::plan;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: shaders EXPERIMENT OUT".into());
    };
    let experiment: Experiment = toml::from_str(&std::fs::read_to_string(&file)?)?;
    let plan = plan::plan(&experiment).map_err(|problems| plan::join(&problems))?;
    std::fs::create_dir_all(&out)?;
    let lanes = plan.arms.len() * plan.run.seeds as usize;
    for (i, (name, text)) in stage_texts(&plan, lanes)?.into_iter().enumerate() {
        std::fs::write(Path::new(&out).join(format!("{i:02}_{name}.wgsl")), text)?;
    }
    Ok(())
}
