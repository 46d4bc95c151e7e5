//! The page within a page of another site. Whoever frames it chooses the address and what lies over it, so it keeps no
//! drafts there, and what a link holds waits for a click, unless the frame's address says `?embed`: a page that shows one
//! experiment on purpose.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlElement;

/// Whether a page of another origin is around this one.
pub fn by_another() -> bool {
    thread_local! {
        static FOREIGN: bool = foreign();
    }
    FOREIGN.with(|foreign| *foreign)
}

fn foreign() -> bool {
    let own = window().location().origin().ok();
    let mut at = window();
    loop {
        let Ok(Some(parent)) = at.parent() else { return true };
        if js_sys::Object::is(&parent, &at) {
            return false;
        }
        // Reading the origin of a page of another one throws.
        if parent.location().origin().ok() != own {
            return true;
        }
        at = parent;
    }
}

/// Whether what the address holds waits for a click.
pub fn asks() -> bool {
    by_another() && crate::browser::address::query("embed").is_none()
}

/// Waits for the click.
pub async fn click() {
    let Some((asked, button)) = question() else { return };
    let promise = js_sys::Promise::new(&mut |resolve, _| button.set_onclick(Some(&resolve)));
    JsFuture::from(promise).await.ok();
    asked.remove();
}

/// A question over the page, and its button.
fn question() -> Option<(HtmlElement, HtmlElement)> {
    let make = |name: &str, text: &str| {
        let element = document().create_element(name).ok()?.dyn_into::<HtmlElement>().ok()?;
        element.set_text_content(Some(text));
        Some(element)
    };
    let asked = make("div", "")?;
    asked.set_class_name("framed");
    let text = make(
        "p",
        "Another site shows Goodhart here, and its link holds an experiment with code of its own. It runs in your browser once you open it; nothing of it is kept.",
    )?;
    let button = make("button", "Open the experiment")?;
    button.set_class_name("run");
    asked.append_with_node_2(&text, &button).ok()?;
    document().body()?.append_with_node_1(&asked).ok()?;
    Some((asked, button))
}
