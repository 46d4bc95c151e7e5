//! The WebGPU engine against the CPU engine, natively on whatever adapter there is and, compiled for wasm32, in a
//! browser (`e2e/tests-in-chromium.mjs` runs them there). Tolerances stand where numbers are compared.

mod algorithm;
mod bases;
#[path = "../common/mod.rs"]
mod common;
mod device;
mod engine;
mod experiments;
mod exploration;
mod followed;
mod handover;
mod pass;
mod past_samples;
mod reward_models;
#[path = "../reward_support/mod.rs"]
mod reward_support;
mod rewards;
mod runs;
mod slow_loop;
mod stages;
mod step_policies;
mod tasks;
mod token_policy;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
