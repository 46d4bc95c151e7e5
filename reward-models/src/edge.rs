//! The edge to the browser: messages in and out, and panics.

use goodhart_core::protocol::wire;
use goodhart_core::protocol::{TrainingCommand, TrainingEvent};
use goodhart_reward_models::{Devices, Progress};
use std::cell::{Cell, RefCell};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Steps between two reports of progress.
const REPORT: u32 = 20;

thread_local! {
    /// The training in hand, for the message after a panic.
    static ID: Cell<u32> = const { Cell::new(0) };
    /// Both devices, opened by the first job that a GPU may train.
    static BOTH: RefCell<Option<Devices>> = const { RefCell::new(None) };
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn post(event: &TrainingEvent) {
    let array = js_sys::Uint8Array::from(wire::encode(event).as_slice());
    // Posting fails only when whoever asked is gone.
    let _ = scope().post_message_with_transfer(&array, &js_sys::Array::of1(&array.buffer()));
}

/// Serves trainings for as long as the worker lives.
pub fn serve() {
    std::panic::set_hook(Box::new(|info| {
        let id = ID.try_with(Cell::get).unwrap_or_default();
        post(&TrainingEvent::Failed { id, message: format!("the training stopped at an internal error: {info}") });
    }));
    let handler = Closure::<dyn FnMut(MessageEvent)>::new(|message: MessageEvent| {
        let Ok(array) = message.data().dyn_into::<js_sys::Uint8Array>() else { return };
        match wire::decode::<TrainingCommand>(&array.to_vec()) {
            Ok(TrainingCommand::Train { id, gpu, job }) => wasm_bindgen_futures::spawn_local(async move {
                ID.set(id);
                let tell = async |p: Progress| {
                    if p.step.is_multiple_of(REPORT) {
                        post(&TrainingEvent::Progress { id, step: p.step, of: p.of });
                    }
                };
                let mut devices = match BOTH.take() {
                    Some(both) if gpu => both,
                    _ if gpu => Devices::with_gpu(true).await,
                    _ => Devices::cpu(),
                };
                let trained = devices.train(&job, tell).await;
                BOTH.set(gpu.then_some(devices));
                post(&match trained {
                    Ok((weights, on)) => TrainingEvent::Trained { id, weights, on },
                    Err(fault) => TrainingEvent::Failed { id, message: fault.to_string() },
                });
            }),
            Err(e) => post(&TrainingEvent::Failed { id: ID.get(), message: e.to_string() }),
        }
    });
    scope().set_onmessage(Some(handler.as_ref().unchecked_ref()));
    handler.forget();
    post(&TrainingEvent::Started);
}
