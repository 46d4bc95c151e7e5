//! The stages that are the same for every policy, on the buffers of an engine after an update: `score` and `combine`
//! against the CPU evaluator on the same records, `measure` against plain f64 sums. Tolerance: 1e-4 absolute plus 1e-4
//! relative.

use crate::pass::floats;
use goodhart_core::algorithm::shader::LaneStats;
use goodhart_core::engine::LaneId;
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::layout::NO_REWARD;
use goodhart_core::metrics::Column;
use goodhart_core::metrics::columns::{COLUMNS, ROW, component_mean, component_std};
use goodhart_core::plan::RUN_FIELDS;
use goodhart_core::reward::{Scores, Scratch, decode_mark};

fn close(got: f32, want: f64, what: &str) {
    let same = (got.is_nan() && want.is_nan()) || (f64::from(got) - want).abs() <= 1e-4 + 1e-4 * want.abs();
    assert!(same, "{what}: {got} on the device, {want} from its buffers");
}

/// Checks the stages of an engine's first update, whose metric rows are `rows` [lane][ROW].
pub async fn agree(engine: &GpuEngine, ids: &[LaneId], rows: &[f32]) {
    let shape = engine.sizes();
    let (n, steps) = (shape.samples(), shape.steps);
    let read = async |name: &str, words: usize| floats(&engine.read(name, 0, shape.lanes * words).await.unwrap());
    let records = read("records", n * shape.record).await;
    let samples = read("samples", n * 4).await;
    let rewards = read("rewards", n * 4).await;
    let components = read("components", n * shape.components).await;
    let step_rewards = read("step_rewards", n * steps).await;
    let old = read("policy_old", n * steps * 4).await;
    let stats = read("loss_sums", LaneStats::WORDS).await;
    let opt_state = read("opt_state", 4).await;
    for (l, id) in ids.iter().enumerate() {
        let what = |of: &str| format!("{of} of lane {l}");
        let samples: Vec<&[f32]> = samples[l * n * 4..(l + 1) * n * 4].chunks_exact(4).collect();
        let rewards: Vec<&[f32]> = rewards[l * n * 4..(l + 1) * n * 4].chunks_exact(4).collect();
        let program = &engine.arm(id.arm).program;
        let mut run = vec![0.0; RUN_FIELDS.len()];
        run[1] = engine.plan.run.updates as f32;
        let mut cpu = Scores::default();
        let records = &records[l * n * shape.record..(l + 1) * n * shape.record];
        program.score(records, n, shape.group, &run, &mut cpu, &mut Scratch::default());
        for i in 0..n {
            close(number(rewards[i][0]), f64::from(cpu.reward[i]), &what("reward"));
            assert_eq!((rewards[i][2] as u32) << 16 | rewards[i][1] as u32, cpu.errors[i], "{}", what("error"));
            for c in 0..program.components.len() {
                let (value, _) = decode_mark(components[(l * n + i) * shape.components + c]);
                close(value, f64::from(cpu.components[c * n + i]), &what("component"));
            }
            for t in 0..samples[i][0] as usize {
                close(
                    step_rewards[(l * n + i) * steps + t],
                    f64::from(cpu.step_reward[i * steps + t]),
                    &what("step reward"),
                );
            }
        }
        let row = &rows[l * ROW..(l + 1) * ROW];
        let stats = &stats[l * LaneStats::WORDS..(l + 1) * LaneStats::WORDS];
        let stats = LaneStats::read(&stats.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        let want = measured(&samples, &rewards, &old[l * n * steps * 4..(l + 1) * n * steps * 4], shape.group, steps);
        let kept = [
            (Column::Reward, stats.reward),
            (Column::RewardStd, stats.reward_std),
            (Column::FracRewardZeroStd, stats.frac_reward_zero_std),
            (Column::GradNorm, stats.grad_norm / stats.taken),
            (Column::LearningRate, opt_state[l * 4 + 3]),
            (Column::EntropyCoef, opt_state[l * 4 + 1]),
            (Column::ClipRegionMean, stats.clip_region_mean / stats.passes),
        ];
        let kept = kept.map(|(column, x)| (column, f64::from(x)));
        for (column, x) in want.into_iter().chain(kept) {
            close(row[column as usize], x, &what(COLUMNS[column as usize].name));
        }
        for c in 0..program.components.len() {
            let values: Vec<f64> =
                cpu.components[c * n..(c + 1) * n].iter().filter(|x| !x.is_nan()).map(|x| f64::from(*x)).collect();
            let m = mean(&values);
            let squares: f64 = values.iter().map(|x| (x - m).powi(2)).sum();
            let deviation = (squares / (values.len() as f64 - 1.0).max(1.0)).sqrt();
            close(row[component_mean(c)], m, &what("mean of a component"));
            close(row[component_std(c)], if values.is_empty() { f64::NAN } else { deviation }, &what("deviation"));
        }
    }
}

fn number(x: f32) -> f32 {
    if x.abs() < NO_REWARD / 2.0 { x } else { f32::NAN }
}

fn mean(xs: &[f64]) -> f64 {
    if xs.is_empty() { f64::NAN } else { xs.iter().sum::<f64>() / xs.len() as f64 }
}

/// The columns that follow from a lane's samples (length, truncated, true score), rewards (paid, .., code, used) and rows
/// (logp, entropy, value, logp of the reference).
fn measured(samples: &[&[f32]], rewards: &[&[f32]], rows: &[f32], group: usize, steps: usize) -> [(Column, f64); 14] {
    let of = |k: usize| samples.iter().map(|s| f64::from(s[k])).collect::<Vec<f64>>();
    let (lengths, cut, scores) = (of(0), of(1), of(2));
    let ended: Vec<f64> = lengths.iter().zip(&cut).filter(|(_, cut)| **cut == 0.0).map(|(l, _)| *l).collect();
    let paid: Vec<f64> = rewards.iter().filter(|r| !number(r[0]).is_nan()).map(|r| f64::from(r[0])).collect();
    let failed: Vec<f64> = rewards.iter().map(|r| f64::from(u8::from(r[2] != 0.0))).collect();
    let taken = (0..samples.len()).flat_map(|i| (0..samples[i][0] as usize).map(move |t| (i * steps + t) * 4));
    let entropy: Vec<f64> = taken.clone().map(|at| f64::from(rows[at + 1])).collect();
    let kl = taken.map(|at| {
        let x = f64::from(rows[at]) - f64::from(rows[at + 3]);
        (-x).exp() + x - 1.0
    });
    let mut kinds = [0.0; 3];
    for g in 0..samples.len() / group {
        let own = g * group..(g + 1) * group;
        let used = rewards[own.clone()].iter().map(|r| number(r[3])).filter(|r| !r.is_nan());
        let (low, high) = used.fold((f32::MAX, f32::MIN), |(low, high), r| (low.min(r), high.max(r)));
        let kind = if high > low && high - low > 1e-8 { 0 } else { 1 + usize::from(mean(&scores[own]) <= 0.5) };
        kinds[kind] += group as f64 / samples.len() as f64;
    }
    [
        (Column::TrueScore, mean(&scores)),
        (Column::ProxyReward, mean(&paid)),
        (Column::Entropy, mean(&entropy)),
        (Column::Kl, mean(&kl.collect::<Vec<f64>>())),
        (Column::MeanLength, mean(&lengths)),
        (Column::MinLength, lengths.iter().copied().fold(f64::MAX, f64::min)),
        (Column::MaxLength, lengths.iter().copied().fold(0.0, f64::max)),
        (Column::ClippedRatio, mean(&cut)),
        (Column::MeanTerminatedLength, mean(&ended)),
        (Column::ErrorRate, mean(&failed)),
        (Column::Effective, kinds[0]),
        (Column::TooEasy, kinds[1]),
        (Column::TooHard, kinds[2]),
        (Column::NumTokens, lengths.iter().sum()),
    ]
}
