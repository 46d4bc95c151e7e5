//! The device of the tests.

use goodhart_core::gpu::{GpuContext, request_device};

/// A device; None, with a printed line, where there is no adapter. A browser's page, and GOODHART_REQUIRE_GPU=1, make
/// that a failure.
pub async fn context() -> Option<GpuContext> {
    #[cfg(target_family = "wasm")]
    if let Some(shared) = SHARED.with_borrow(Clone::clone).filter(|context| context.check().is_ok()) {
        return Some(shared);
    }
    let required = cfg!(target_family = "wasm") || std::env::var("GOODHART_REQUIRE_GPU").as_deref() == Ok("1");
    match request_device().await {
        Ok(context) => {
            println!("adapter: {}", context.adapter().name);
            #[cfg(target_family = "wasm")]
            SHARED.set(Some(context.clone()));
            Some(context)
        }
        Err(error) => {
            assert!(!required, "{error}");
            println!("skipped: {error} A software adapter comes with mesa-vulkan-drivers.");
            None
        }
    }
}

// In a browser one test runs after the other, on one device until it has a fault.
#[cfg(target_family = "wasm")]
thread_local! {
    static SHARED: std::cell::RefCell<Option<GpuContext>> = const { std::cell::RefCell::new(None) };
}
