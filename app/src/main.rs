//! The page: paints at once, starts the engine workers beside it, and shows what they tell. No engine is linked here.

mod api;
mod bases;
mod engine_client;
mod parts;
mod state;
mod text;
mod time;
mod views;

use engine_client::Choice;
use leptos::prelude::*;
use state::{App, Opened, Overlay, store};

fn main() {
    console_error_panic_hook::set_once();
    // The page's state lives as long as the page.
    let owner = Owner::new();
    owner.with(start);
    std::mem::forget(owner);
}

fn start() {
    let opened = Opened::at_start();
    let app = App::new(opened.experiment);
    if let Some(problem) = opened.problem {
        app.overlay.set(Overlay::Gallery(Some(problem)));
    }
    app.start_engine(engine_choice());
    // `?autorun=0` waits for the person, as embedding pages and tests want it.
    let then_run = query("autorun").as_deref() != Some("0");
    wasm_bindgen_futures::spawn_local(async move {
        app.load_compiler().await;
        app.load(then_run);
    });
    mount_to_body(move || views::page(app));
    if let Some(loading) = document().get_element_by_id("loading") {
        loading.remove();
    }
    app.keep();
    app.keep_at_leaving();
    app.follow_address();
    app.save_regularly();
    api::install(app);
}

/// The engine asked for: `?engine=cpu` in the address before the choice of an earlier visit.
fn engine_choice() -> Choice {
    let asked = query("engine").or_else(|| store::setting("engine"));
    asked.and_then(|name| Choice::from_name(&name)).unwrap_or_default()
}

fn query(name: &str) -> Option<String> {
    let search = window().location().search().ok()?;
    web_sys::UrlSearchParams::new_with_str(&search).ok()?.get(name)
}
