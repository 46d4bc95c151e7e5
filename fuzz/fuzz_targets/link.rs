//! A link is untrusted: whatever it holds opens or says why not, and what opens is planned or its problems are listed,
//! and what is planned trains.
//!
//! The input is taken as a fragment and as the JSON inside one; the second gets past base64 and deflate.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use goodhart_core::engine::{CpuEngine, lanes_of};
use goodhart_core::experiment::Experiment;
use goodhart_core::link::{self, NoLink};
use goodhart_core::plan::{self, Plan};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fn planned(experiment: &Experiment) {
    match link::encode(experiment) {
        Ok(again) => assert_eq!(link::decode(&again).as_ref(), Ok(&experiment.to_share())),
        // What defaults add may be too much.
        Err(why) => assert!(matches!(why, NoLink::TooLong(_) | NoLink::TooLarge(_)), "{why}"),
    }
    match plan::plan(experiment) {
        Ok(plan) => {
            // What may be built must be built: the policy of a planned experiment never refuses.
            let policy = plan.policy.build(&plan.policy_params, &plan.interface).expect("the policy is built");
            assert!(policy.n_params() > 0);
            if plan.n_samples() * plan.steps() * policy.n_params() < 1 << 22 {
                trains(plan);
            }
        }
        Err(problems) => assert!(!problems.is_empty() && !plan::join(&problems).is_empty()),
    }
}

/// Two updates of a small plan, whatever its settings: numbers may go wrong, the engine must not.
fn trains(plan: Plan) {
    let lanes = lanes_of(&plan, &[0]);
    let mut engine = CpuEngine::new(Arc::new(plan), &lanes, None).expect("the engine is built");
    for _ in 0..2 {
        assert!(!engine.update().is_empty());
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(experiment) = link::decode(&String::from_utf8_lossy(data)) {
        planned(&experiment);
    }
    let packed = miniz_oxide::deflate::compress_to_vec(data, 1);
    if let Ok(experiment) = link::decode(&format!("g1.{}", URL_SAFE_NO_PAD.encode(packed))) {
        planned(&experiment);
    }
});
