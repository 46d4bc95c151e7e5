//! Ctrl-C, and the other ways of asking a program to end: a run that writes its metrics stops and keeps what it has; asked
//! a second time, it ends at once.

use crate::failure::Failure;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on the first signal only asks to stop.
pub fn listen() -> Result<(), Failure> {
    let hear = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(hear).map_err(|e| format!("signals cannot be heard: {e}").into())
}

/// Whether the person asked to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
