//! Timers and the clock of the page.

use leptos::prelude::set_timeout;
use std::time::Duration;

/// Milliseconds since the page opened.
pub fn now() -> f64 {
    web_sys::window().and_then(|w| w.performance()).map_or(0.0, |p| p.now())
}

/// Does something once, `ms` milliseconds from now.
pub fn after(ms: u64, f: impl FnOnce() + 'static) {
    set_timeout(f, Duration::from_millis(ms));
}

/// Does something every `ms` milliseconds for as long as the page is open.
pub fn every(ms: u64, f: impl Fn() + 'static) {
    after(ms, move || {
        f();
        every(ms, f);
    });
}
