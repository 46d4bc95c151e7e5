//! Every shipped experiment trains on both engines: a few updates of one seed, every number that a chart shows finite.

use super::{folder, shipped};
use goodhart_core::engine::{Bases, CpuEngine, lanes_of, warm_start};
use goodhart_core::experiment::Experiment;
use goodhart_core::metrics::columns::{Column, ROW};
use goodhart_core::plan::{self, Plan};
use std::sync::Arc;

/// Ready to train, and what its policies start from.
fn ready(experiment: &Experiment) -> (Arc<Plan>, Option<Bases>) {
    let plan = Arc::new(plan::plan(experiment).unwrap());
    let mut bases = Bases::default();
    for (number, key) in warm_start::keys(experiment) {
        let path = folder().join("base").join(format!("{key}.bin"));
        bases.put(number, warm_start::from_bytes(&std::fs::read(path).unwrap()).unwrap());
    }
    let bases = plan.base.is_some().then_some(bases);
    (plan, bases)
}

/// `width`: numbers of a row.
fn assert_finite(id: &str, rows: &[f32], width: usize) {
    for row in rows.chunks_exact(width) {
        let shown = [Column::TrueScore, Column::ProxyReward, Column::Entropy, Column::Loss, Column::MeanLength];
        assert!(shown.iter().all(|c| row[*c as usize].is_finite()), "{id}: {row:?}");
        assert_eq!(row[Column::NotFinite as usize], 0.0, "{id}");
    }
}

#[test]
fn every_experiment_trains_on_the_cpu() {
    for (_, e) in shipped() {
        let (plan, bases) = ready(&e);
        let mut engine = CpuEngine::new(Arc::clone(&plan), &lanes_of(&plan, &[0]), bases.as_ref()).unwrap();
        for _ in 0..20 {
            assert_finite(&e.id, engine.update(), ROW);
        }
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use super::*;
    use goodhart_core::engine::gpu::{GpuEngine, request_device};
    use goodhart_core::params::Value;

    /// Groups of an update here; the shaders are the same with more of them.
    const GROUPS: f64 = 8.0;

    /// Three updates, or as many as the run has; one where that takes long. Software adapters are slow, so updates have fewer
    /// groups than the page's.
    #[pollster::test]
    async fn every_experiment_trains_on_webgpu() {
        if std::env::var("GOODHART_NO_GPU").as_deref() == Ok("1") {
            return;
        }
        let context = request_device().await.expect("a software adapter comes with mesa-vulkan-drivers");
        for (_, mut e) in shipped() {
            if let Some(Value::Number(groups)) = e.run.get_mut("groups") {
                *groups = groups.min(GROUPS);
            }
            let (plan, bases) = ready(&e);
            let started = std::time::Instant::now();
            let (ids, updates) = (lanes_of(&plan, &[0]), plan.run.updates.min(3));
            let mut engine = GpuEngine::new(&context, plan, &ids, bases.as_ref())
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", e.id));
            let mut rows = 0;
            while engine.update_count() == 0 || engine.update_count() < updates && started.elapsed().as_secs() < 5 {
                engine.submit(1).unwrap();
                while let Some(landed) = engine.next_rows().await.unwrap() {
                    let width = engine.sizes().columns;
                    assert_finite(&e.id, &landed.values, width);
                    rows += landed.values.len() / width;
                }
                // What trains them is not here; they stay as they are.
                for (lane, job) in engine.reward_model_jobs().await.unwrap() {
                    engine.set_reward_models(lane, &job.weights()).unwrap();
                }
            }
            assert_eq!(rows, engine.update_count() as usize * ids.len(), "{}", e.id);
            println!("{}: {:.1} s", e.id, started.elapsed().as_secs_f64());
        }
    }
}
