//! The page: paints at once, starts the engine workers beside it, and shows what they tell. No engine is linked here.

mod api;
mod browser;
mod engine_client;
mod model;
mod state;
mod storage;
mod text;
mod views;

use browser::address::query;
use browser::framed;
use engine_client::Choice;
use leptos::prelude::*;
use state::{App, Opened, gallery};
use storage::drafts;

fn main() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async {
        if framed::asks() && window().location().hash().is_ok_and(|hash| hash.len() > 1) {
            framed::click().await;
        }
        let opened = Opened::at_start().await;
        // The page's state lives as long as the page.
        let owner = Owner::new();
        owner.with(|| start(opened));
        std::mem::forget(owner);
    });
}

fn start(opened: Opened) {
    let app = App::new(opened.experiment, opened.origin);
    // `?autorun=0` waits for the person, as embedding pages and tests want it.
    let then_run = query("autorun").as_deref() != Some("0");
    app.overlay.set(opened.overlay);
    app.front.set(opened.is_front);
    app.start_engine(engine_choice());
    wasm_bindgen_futures::spawn_local(async move {
        app.load_compiler().await;
        let may = app.draft.with_untracked(|e| app.may_start(e));
        app.load_at_start(then_run && may).await;
    });
    wasm_bindgen_futures::spawn_local(async move { app.gallery.set(Some(gallery::index().await)) });
    mount_to_body(move || views::page(app));
    if let Some(loading) = document().get_element_by_id("loading") {
        loading.remove();
    }
    app.start_history();
    app.tour_at_start();
    app.save();
    app.start_oracle();
    app.start_ranges();
    app.save_when_left();
    api::install(app);
}

/// The engine asked for: `?engine=cpu` in the address before the choice of an earlier visit.
fn engine_choice() -> Choice {
    let asked = query("engine").or_else(|| drafts::setting("engine"));
    asked.and_then(|name| Choice::from_name(&name)).unwrap_or_default()
}
