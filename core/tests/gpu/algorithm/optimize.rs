//! Stage `optimize`.

use super::batch::*;
use crate::device::context;
use crate::pass::{floats, run, words};
use goodhart_core::algorithm::settings::{LrSchedule, Optim};
use goodhart_core::algorithm::shader::LaneStats;
use goodhart_core::algorithm::{EntropyControl, adapt_entropy, clip_gradients, learning_rate, optimize};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn optimiser_steps_agree_with_the_cpu() {
    let Some(gpu) = context().await else { return };
    let mut cases = vec![
        settings(&[]),
        settings(&[("optim", "sgd"), ("weight_decay", "0.1"), ("max_grad_norm", "0")]),
        settings(&[("use_adaptive_entropy", "true"), ("entropy_coef", "0.1"), ("entropy_target", "1")]),
    ];
    let fixed = [("weight_decay", "0.1"), ("warmup_steps", "4")];
    for optim in Optim::NAMES {
        for schedule in LrSchedule::NAMES {
            cases.push(settings(&[&fixed[..], &[("optim", optim), ("lr_scheduler_type", schedule)]].concat()));
        }
    }
    let sizes = Sizes { lanes: cases.len(), groups: 1, group: 1, steps: 1, components: 1, params: 777 };
    let arms: Vec<_> = cases.iter().map(|s| (s.clone(), vec![])).collect();
    let mut dice = Dice(5);
    let total = sizes.lanes * sizes.params;
    let mut params = dice.fill(total, -1.0, 1.0);
    let (mut m, mut v) = (vec![0.0; total], vec![0.0; total]);
    let mut controls: Vec<EntropyControl> = cases.iter().map(EntropyControl::new).collect();
    let mut buffers = sizes.tables(&arms);
    buffers.insert("params", words(&params));
    buffers.insert("opt_m", words(&m));
    buffers.insert("opt_v", words(&v));
    let state: Vec<f32> = cases.iter().flat_map(|s| [0.0, s.entropy_coef, 0.0, 0.0]).collect();
    buffers.insert("opt_state", words(&state));
    for update in 0..12u32 {
        let grads = dice.fill(total, -0.2, 0.2);
        let entropy = dice.within(0.5, 1.5);
        buffers.insert("grads", words(&grads));
        buffers.insert("at", at(update, 0, 0, 1, 12));
        for lane in 0..sizes.lanes {
            let mut s = stats(&buffers, lane);
            s.bonus_entropy = entropy;
            let mut words = Vec::new();
            s.write(&mut words);
            buffers.get_mut("loss_sums").unwrap()[lane * LaneStats::WORDS..][..LaneStats::WORDS]
                .copy_from_slice(&words);
        }
        run(&gpu, &sizes.text("optimize"), &mut buffers, [sizes.lanes as u32, 1, 1]).await;
        for (lane, s) in cases.iter().enumerate() {
            let range = lane * sizes.params..(lane + 1) * sizes.params;
            let mut g = grads[range.clone()].to_vec();
            let norm = clip_gradients(&mut g, s.max_grad_norm);
            let lr = learning_rate(s, update, 12);
            optimize(s, lr, update + 1, &mut params[range.clone()], &g, &mut m[range.clone()], &mut v[range]);
            controls[lane].observe(s, entropy);
            let got = column(&buffers["opt_state"], 4, 0, lane, 1)[0];
            assert_eq!(got, (update + 1) as f32);
            let got: Vec<f32> = (1..4).map(|k| column(&buffers["opt_state"], 4, k, lane, 1)[0]).collect();
            assert_close("state", &got, &[controls[lane].coef, norm, lr], 1e-5);
            let applied = stats(&buffers, lane).bonus_on * got[0];
            if s.use_adaptive_entropy {
                assert_close("bonus", &[applied], &[controls[lane].applied(s)], 1e-5);
                assert_close(
                    "rule",
                    &[adapt_entropy(s, entropy, 0.5)],
                    &[if entropy <= 1.0 { 0.505 } else { 0.495 }],
                    1e-5,
                );
            }
        }
        assert_close("params", &floats(&buffers["params"]), &params, 1e-4);
    }
    // Another pass for an arm that has more of them: these have done theirs.
    for turn in [at(12, 1, 0, 0, 12), at(12, 0, 1, 0, 12)] {
        let before = buffers.clone();
        buffers.insert("at", turn.clone());
        run(&gpu, &sizes.text("optimize"), &mut buffers, [sizes.lanes as u32, 1, 1]).await;
        buffers.insert("at", before["at"].clone());
        assert!(buffers == before, "{turn:?}");
    }
    let mut broken = floats(&buffers["grads"]);
    broken[3] = f32::NAN;
    buffers.insert("grads", words(&broken));
    let before = floats(&buffers["params"]);
    run(&gpu, &sizes.text("optimize"), &mut buffers, [sizes.lanes as u32, 1, 1]).await;
    let after = floats(&buffers["params"]);
    assert_eq!(before[..777], after[..777], "a gradient that is not finite moves nothing");
    assert_ne!(before[777..1554], after[777..1554], "other lanes go on");
    assert_eq!(stats(&buffers, 0).nonfinite, 1.0);
}
