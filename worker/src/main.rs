//! The engine worker: takes the protocol's commands, trains, and reports. It does not touch the page.

mod checkpoints;
mod device;
mod edge;
mod models;
mod report;
mod session;
mod tried;
mod view;

fn main() {
    edge::catch_panics();
    wasm_bindgen_futures::spawn_local(session::serve());
}
