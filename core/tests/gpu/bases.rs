//! Seeds that start from different base policies: on the GPU every lane has its own start and reference, as on the CPU.

use crate::device::context;
use crate::experiments::{LENGTH, experiment, parameters, plan_of, rows_of};
use crate::runs::same_rows;
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::engine::{Bases, CpuEngine, lanes_of};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn every_seed_has_its_own_base_policy() {
    let Some(context) = context().await else { return };
    let run = r#"{"updates": 2, "groups": 2, "num_generations": 4, "seeds": 3, "first_seed": 3}"#;
    let task = r#"{"kind": "length", "symbols": 4, "work_min": 1, "work_max": 1, "max_completion_length": 6}"#;
    let policy = r#"{"kind": "transformer", "d_model": 16, "layers": 1}"#;
    let text = experiment(task, policy, run, r#"{"learning_rate": 0.005, "beta": 0.2}"#, &LENGTH[1..]);
    let text = text.replacen('{', r#"{"base": {"steps": 1, "policies": 2}, "#, 1);
    let plan = plan_of(&text);
    let policy = plan.policy.build(&plan.policy_params, &plan.interface).unwrap();
    let mut bases = Bases::default();
    for number in 0..2 {
        let mut params = vec![0.0; policy.n_params()];
        policy.init(100 + number, &mut params);
        bases.put(number, params);
    }
    let ids = lanes_of(&plan, &[0, 1, 2]);
    let mut cpu = CpuEngine::new(plan.clone(), &ids, Some(&bases)).unwrap();
    let mut gpu = GpuEngine::new(&context, plan.clone(), &ids, Some(&bases)).await.unwrap();
    // Seeds 3, 4 and 5.
    let own = |index: usize| &bases.policies[[1, 0, 1][index]].params;
    let start = parameters(&gpu).await;
    let n = policy.n_params();
    let reference = gpu.read("base_params", 0, ids.len() * n).await.unwrap();
    for ((id, params), reference) in ids.iter().zip(start.chunks_exact(n)).zip(reference.chunks_exact(n)) {
        assert_eq!(params, *own(id.seed));
        assert!(reference.iter().zip(own(id.seed)).all(|(word, x)| *word == x.to_bits()));
    }
    for update in 0..2 {
        gpu.restore(&cpu.checkpoint()).unwrap();
        let want = cpu.update().to_vec();
        same_rows(&rows_of(&mut gpu, update + 1).await, &want);
    }
    let without = Bases { policies: bases.policies[1..].to_vec() };
    let refused = GpuEngine::new(&context, plan.clone(), &ids, Some(&without)).await.err().unwrap();
    assert!(refused.to_string().contains("base policy 0 is not at hand"), "{refused}");
}
