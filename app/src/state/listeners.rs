//! Functions of scripts and embedding pages that want to hear of something.

use js_sys::Function;
use wasm_bindgen::prelude::JsValue;

/// What can be listened to: new rows, the phase of the run, the alarms.
pub const EVENTS: &[&str] = &["update", "phase", "alarms"];

#[derive(Default)]
pub struct Listeners {
    next: u32,
    all: Vec<(u32, String, Function)>,
}

impl Listeners {
    /// Adds a listener; the number ends it again.
    pub fn add(&mut self, event: &str, f: Function) -> u32 {
        self.next += 1;
        self.all.push((self.next, event.to_string(), f));
        self.next
    }

    pub fn remove(&mut self, id: u32) {
        self.all.retain(|(i, _, _)| *i != id);
    }

    /// The listeners of an event; called by the caller, when nothing is borrowed.
    pub fn of(&self, event: &str) -> Vec<Function> {
        self.all.iter().filter(|(_, e, _)| e == event).map(|(_, _, f)| f.clone()).collect()
    }
}

/// Calls each; an exception in a listener is the listener's affair.
pub fn call(listeners: &[Function], value: &JsValue) {
    for f in listeners {
        f.call1(&JsValue::NULL, value).ok();
    }
}
