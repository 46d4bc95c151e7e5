//! Stages `outer_half` and `outer_step`, on random batches and gradients.

use super::batch::*;
use crate::device::context;
use crate::pass::{floats, run, words};
use goodhart_core::algorithm::Settings;
use goodhart_core::algorithm::outer::{Halves, half_coefficients, outer_step};
use goodhart_core::algorithm::shader::LaneStats;
use wasm_bindgen_test::wasm_bindgen_test;

const COMPONENTS: usize = 3;
const EVERY: u32 = 2;
const WEIGHTS: [f32; COMPONENTS] = [0.9, 0.5, 0.1];

/// Arms that move their weights, and one that does not.
fn arms() -> Vec<(Settings, Vec<f32>)> {
    let moving = [("outer_every", "2"), ("outer_lr", "0.2")];
    [settings(&moving), settings(&[&moving[..], &[("outer_max", "0.6")]].concat()), settings(&[])]
        .map(|s| (s, WEIGHTS.to_vec()))
        .to_vec()
}

fn lanes() -> Vec<u32> {
    (0..3).flat_map(|i| [i, 7 + i, COMPONENTS as u32, 0]).collect()
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn halves_of_a_batch_agree_with_the_cpu() {
    let Some(gpu) = context().await else { return };
    let arms = arms();
    let mut moved = 0;
    for (groups, group, steps) in [(5, 4, 3), (40, 7, 1), (1, 6, 2)] {
        let sizes = Sizes { lanes: arms.len(), groups, group, steps, components: COMPONENTS, params: 1 };
        let mut dice = Dice(groups as u32);
        let data: Vec<_> = arms.iter().map(|_| lane_data(&mut dice, sizes, &WEIGHTS)).collect();
        let mut buffers = sizes.tables(&arms);
        shared(sizes, &data, &mut buffers);
        buffers.insert("lanes", lanes());
        let n = sizes.n();
        let grid = [n.div_ceil(64) as u32, sizes.lanes as u32, 1];
        for (component, half) in [(0, 0), (0, 1), (2, 0), (1, 1)] {
            for update in [EVERY - 1, EVERY] {
                buffers.insert("at", at(update, component, half, 0, 100));
                run(&gpu, &sizes.text("outer_half"), &mut buffers, grid).await;
                for (lane, data) in data.iter().enumerate() {
                    let mut want = vec![0.0; n * steps];
                    if update == EVERY - 1 && lane < 2 {
                        let component = &data.components[component as usize * n..][..n];
                        half_coefficients(
                            half as usize,
                            group,
                            steps,
                            component,
                            &data.lengths,
                            &data.active,
                            &mut want,
                        );
                    }
                    let got = |k| column(&buffers["coefs"], 4, k, lane, n * steps);
                    assert_close("coefficients", &got(0), &want, 1e-5);
                    assert!(got(1).iter().chain(&got(2)).all(|x| *x == 0.0));
                    for (part, slope) in got(3).iter().zip(got(0)) {
                        assert_eq!(*part, f32::from(u8::from(slope != 0.0)));
                    }
                    moved += want.iter().filter(|x| **x != 0.0).count();
                }
            }
        }
    }
    assert!(moved > 400, "{moved}");
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn weights_move_as_on_the_cpu() {
    let Some(gpu) = context().await else { return };
    let arms = arms();
    let params = 777;
    let sizes = Sizes { lanes: arms.len(), groups: 1, group: 1, steps: 1, components: COMPONENTS, params };
    let mut dice = Dice(3);
    let mut buffers = sizes.tables(&arms);
    buffers.insert("lanes", lanes());
    buffers.insert("outer_grads", words(&vec![0.0; 2 * sizes.lanes * params]));
    buffers.insert("outer_products", words(&vec![0.0; 4 * sizes.lanes * COMPONENTS]));
    let stats = LaneStats {
        moves: 1,
        weights: std::array::from_fn(|c| WEIGHTS.get(c).copied().unwrap_or(0.0)),
        ..LaneStats::default()
    };
    let mut own = Vec::new();
    stats.write(&mut own);
    buffers.insert("loss_sums", own.repeat(sizes.lanes));
    let mut weights = [WEIGHTS; 3];
    for update in 0..8 {
        // Components that agree with the first one to a different degree; in one update the last one has no gradient.
        let gradients: Vec<Vec<f32>> = (0..2 * COMPONENTS)
            .map(|k| {
                let lean = [1.0, 0.5, -0.7][k / 2];
                let scale = if k / 2 == 2 && update == 5 { 0.0 } else { 1.0 };
                (0..sizes.lanes * params)
                    .map(|i| scale * (lean * ((i % 11) as f32 - 5.0) / 5.0 + dice.within(-1.0, 1.0)))
                    .collect()
            })
            .collect();
        for (k, gradient) in gradients.iter().enumerate() {
            buffers.insert("grads", words(gradient));
            buffers.insert("at", at(update, k as u32 / 2, k as u32 % 2, 0, 100));
            run(&gpu, &sizes.text("outer_step"), &mut buffers, [sizes.lanes as u32, 1, 1]).await;
        }
        for lane in 0..sizes.lanes {
            let half = |h: usize| -> Vec<f32> {
                let parts = gradients.iter().skip(h).step_by(2);
                parts.flat_map(|g| g[lane * params..(lane + 1) * params].iter().copied()).collect()
            };
            if arms[lane].0.outer_every > 0 && (update + 1) % EVERY == 0 {
                let halves = Halves { first: &half(0), second: &half(1) };
                outer_step(&arms[lane].0, halves, params, &mut weights[lane]);
            }
            let got = super::batch::stats(&buffers, lane).weights;
            assert_close(&format!("weights of lane {lane}"), &got[..COMPONENTS], &weights[lane], 1e-5);
        }
    }
    assert!(weights[0] != WEIGHTS && weights[1] != weights[0] && weights[2] == WEIGHTS, "{weights:?}");
    assert!(floats(&buffers["outer_products"]).iter().all(|x| x.is_finite()));
}
