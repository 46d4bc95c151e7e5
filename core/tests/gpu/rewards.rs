//! The shader text of generated programs on a device, against the CPU evaluator: the same values (1e-4 absolute plus
//! 1e-4 relative), the same errors.

use crate::device::context;
use crate::reward_support::{Episode, Generator, Rng, run_schema, schema};
use goodhart_core::engine::gpu::{GpuContext, score_programs};
use goodhart_core::reward::{Groups, LIBRARY, Program, Scores, Scratch, compile, error_text};
use wasm_bindgen_test::wasm_bindgen_test;

const RUN: [f32; 2] = [5.0, 0.25];
const STARTS: [u32; 3] = [0, 3, 7];
const SAMPLES: usize = 12;

fn close(gpu: f32, cpu: f32) -> bool {
    (gpu.is_nan() && cpu.is_nan()) || (gpu - cpu).abs() <= 1e-4 + 1e-4 * cpu.abs()
}

fn describe(error: u32) -> String {
    format!("{} on line {}", error_text(error >> 16), error & 0xffff)
}

/// The first difference between two results.
fn difference(gpu: &Scores, cpu: &Scores) -> Option<String> {
    let values = [
        ("components", &gpu.components, &cpu.components),
        ("steps", &gpu.steps, &cpu.steps),
        ("reward", &gpu.reward, &cpu.reward),
        ("step_reward", &gpu.step_reward, &cpu.step_reward),
    ];
    let errors = [
        ("component_errors", &gpu.component_errors, &cpu.component_errors),
        ("step_errors", &gpu.step_errors, &cpu.step_errors),
        ("errors", &gpu.errors, &cpu.errors),
    ];
    for (name, gpu, cpu) in errors {
        assert_eq!(gpu.len(), cpu.len(), "{name}");
        if let Some(i) = (0..gpu.len()).find(|i| gpu[*i] != cpu[*i]) {
            return Some(format!("{name}[{i}]: shader {}, CPU {}", describe(gpu[i]), describe(cpu[i])));
        }
    }
    for (name, gpu, cpu) in values {
        assert_eq!(gpu.len(), cpu.len(), "{name}");
        if let Some(i) = (0..gpu.len()).find(|i| !close(gpu[*i], cpu[*i])) {
            return Some(format!("{name}[{i}]: shader {}, CPU {}", gpu[i], cpu[i]));
        }
    }
    None
}

async fn compare(context: &GpuContext, programs: &[Program], records: &[f32]) {
    let references: Vec<&Program> = programs.iter().collect();
    let gpu = score_programs(context, &references, records, SAMPLES, &STARTS, &RUN).await.unwrap();
    let lane = records.len() / programs.len();
    for (l, program) in programs.iter().enumerate() {
        let mut cpu = Scores::default();
        let records = &records[l * lane..(l + 1) * lane];
        program.score_groups(records, SAMPLES, Groups::Starts(&STARTS), &RUN, &mut cpu, &mut Scratch::default());
        if let Some(text) = difference(&gpu[l], &cpu) {
            panic!("{text}\n{}", program.source());
        }
    }
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn generated_programs_agree_with_the_cpu() {
    let Some(context) = context().await else { return };
    // A software device takes most of its time to compile: few programs a module, GOODHART_GPU_MODULES for more.
    let few = if cfg!(target_family = "wasm") { 1 } else { 2 };
    let modules = std::env::var("GOODHART_GPU_MODULES").ok().and_then(|n| n.parse().ok()).unwrap_or(few);
    for module in 0..modules {
        let seeds = (0..8).map(|i| 1 + module * 8 + i);
        let compiled = seeds.map(|seed| compile(&Generator::new(seed).program(), &schema(), &run_schema()).program);
        let programs: Vec<Program> = compiled.flatten().collect();
        assert!(programs.len() >= 7);
        let mut rng = Rng(module + 1);
        let episodes = (0..programs.len() * SAMPLES).map(|_| Episode::random(&mut rng));
        let records: Vec<f32> = episodes.flat_map(|episode| episode.record()).collect();
        compare(&context, &programs, &records).await;
    }
}

/// What public reward functions are written with: tuples, tables, functions inside functions, what is sorted and raised.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_syntax_of_public_functions_agrees_with_the_cpu() {
    let Some(context) = context().await else { return };
    let sources = include_str!("../reward_syntax.txt").split("==== ").skip(1);
    let sources: Vec<&str> = sources.filter_map(|text| Some(text.split_once('\n')?.1)).collect();
    for (module, sources) in sources.chunks(8).enumerate() {
        let compiled = sources.iter().map(|source| compile(source, &schema(), &run_schema()).program);
        let programs: Vec<Program> = compiled.map(Option::unwrap).collect();
        let mut rng = Rng(module as u64 + 5);
        let episodes = (0..programs.len() * SAMPLES).map(|_| Episode::random(&mut rng));
        let records: Vec<f32> = episodes.flat_map(|episode| episode.record()).collect();
        compare(&context, &programs, &records).await;
    }
}

/// Every function of the library, over a grid of arguments, within a tolerance tighter than the one above needs.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn functions_agree_with_the_cpu() {
    let Some(context) = context().await else { return };
    let harder = [
        "exp(x)",
        "log1p(-sigmoid(x))",
        "atan2(x, 0.7 - t)",
        "atan2(t - 1, x)",
        "hypot(x, 3.0)",
        "tanh(x / 100)",
        "x // 0.3",
        "x % 0.3",
        "x % -0.7",
        "x // -0.7",
        "abs(x) ** 1.7",
        "(-2) ** round(x)",
        "round(x, 2)",
        "x % 1000",
        "1e6 * x % 0.7",
        "int(x) // 3",
        "int(x) % -4",
        "9e37 % (0.5 + abs(x))",
        "-9e37 % (abs(x) + 1e-9)",
        "9e37 // (0.5 + abs(x))",
        "sin(1e30 * ep.score)",
        "cos(1e30 * ep.score)",
        "sin(77777.125 * ep.score)",
        "cos(9.75e5 * ep.potential[t])",
        "sin(3e6 * ep.potential[t])",
        "cos(1e12 * ep.score + 1e12)",
        "mean([0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]) - 0.3",
        "1e9 * std([x / 3, x / 3, x / 3, x / 3, x / 3, x / 3, x / 3])",
        "1e9 * (mean([x / 3, x / 3, x / 3, x / 3, x / 3, x / 3, x / 3]) - x / 3)",
        "100000 * int(x) * 3000",
        "int(1e9 * x)",
    ];
    let programs: Vec<Program> = LIBRARY
        .iter()
        .map(|entry| entry.example)
        .chain(harder)
        .map(|call| {
            let source =
                format!("def c(ep, t):\n    x = 4 * ep.potential[t] + 0.37 * t * ep.score\n    return {call}\n");
            compile(&source, &schema(), &run_schema()).program.unwrap_or_else(|| panic!("{call}"))
        })
        .collect();
    for (module, programs) in programs.chunks(40).enumerate() {
        let mut rng = Rng(99 + module as u64);
        let episodes = (0..programs.len() * SAMPLES).map(|_| Episode::random(&mut rng));
        let records: Vec<f32> = episodes.flat_map(|episode| episode.record()).collect();
        compare(&context, programs, &records).await;
    }
}
