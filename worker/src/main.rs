//! The engine worker: takes the protocol's commands, trains, and reports. It does not touch the page.

mod edge;
mod engine;
mod models;
mod report;
mod session;

fn main() {
    edge::catch_panics();
    wasm_bindgen_futures::spawn_local(session::serve());
}
