//! One engine worker of the browser: starts it, sends commands, hands its events on. The first worker is started by
//! index.html while the page still loads, and adopted here.

use crate::browser::plain::describe;
use goodhart_core::protocol::{Command, Event, wire};
use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

const SCRIPT: &str = "./goodhart-worker_loader.js";

/// What comes out of a worker.
pub enum Incoming {
    Event(Event),
    /// The worker died or speaks another language; nothing more will come.
    Crashed(String),
}

/// A running worker; terminated when dropped.
pub struct EngineWorker {
    worker: Worker,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_error: Closure<dyn Fn(ErrorEvent)>,
}

impl EngineWorker {
    /// Adopts the worker that index.html started, or starts one.
    pub fn start(on: impl Fn(Incoming) + Clone + 'static) -> Result<Self, String> {
        let (worker, missed) = match adopt_early() {
            Some(early) => early,
            None => {
                let options = WorkerOptions::new();
                options.set_type(WorkerType::Module);
                let worker = Worker::new_with_options(SCRIPT, &options)
                    .map_err(|e| format!("the browser refused to start an engine worker ({})", describe(&e)))?;
                (worker, Array::new())
            }
        };
        let tell = on.clone();
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |m: MessageEvent| tell(read(&m.data())));
        let tell = on.clone();
        let on_error = Closure::<dyn Fn(ErrorEvent)>::new(move |e: ErrorEvent| {
            e.prevent_default();
            // Where a script could not be fetched the event has no message at all.
            let message = Reflect::get(&e, &"message".into()).ok().and_then(|m| m.as_string());
            let message = message.filter(|m| !m.is_empty());
            tell(Incoming::Crashed(message.unwrap_or_else(|| "the engine's file did not load".into())));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let this = Self { worker, _on_message: on_message, _on_error: on_error };
        if missed.length() > 0 {
            wasm_bindgen_futures::spawn_local(async move {
                for message in missed.iter() {
                    on(read(&message));
                }
            });
        }
        Ok(this)
    }

    /// Sends a command; its bytes are transferred, not copied.
    pub fn send(&self, command: &Command) -> Result<(), String> {
        let bytes = wire::encode(command);
        let array = Uint8Array::from(bytes.as_slice());
        self.worker
            .post_message_with_transfer(&array, &Array::of1(&array.buffer()))
            .map_err(|e| format!("a message to the engine was refused ({})", describe(&e)))
    }
}

impl Drop for EngineWorker {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

fn read(data: &JsValue) -> Incoming {
    if let Some(message) = data.as_string() {
        return Incoming::Crashed(message);
    }
    let Some(bytes) = data.dyn_ref::<Uint8Array>() else {
        return Incoming::Crashed("the engine sent something that is not a message".into());
    };
    match wire::decode(&bytes.to_vec()) {
        Ok(event) => Incoming::Event(event),
        Err(e) => Incoming::Crashed(e.to_string()),
    }
}

/// The early worker and the messages that came before the page listened; only the first call finds it.
fn adopt_early() -> Option<(Worker, Array)> {
    let window = web_sys::window()?;
    let early = Reflect::get(&window, &"goodhartEarly".into()).ok().filter(|e| !e.is_undefined())?;
    Reflect::delete_property(&window, &"goodhartEarly".into()).ok();
    let worker = Reflect::get(&early, &"worker".into()).ok()?.dyn_into::<Worker>().ok()?;
    let messages = Reflect::get(&early, &"messages".into()).ok()?.dyn_into::<Array>().ok()?;
    Some((worker, messages))
}
