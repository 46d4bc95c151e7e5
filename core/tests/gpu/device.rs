//! The device of the tests.

use goodhart_core::engine::gpu::{GpuContext, request_device};

/// A device. Without an adapter the tests fail; None only where they were asked to be left out (GOODHART_NO_GPU=1).
pub async fn context() -> Option<GpuContext> {
    #[cfg(target_family = "wasm")]
    if let Some(shared) = SHARED.with_borrow(Clone::clone).filter(|context| context.check().is_ok()) {
        return Some(shared);
    }
    if std::env::var("GOODHART_NO_GPU").as_deref() == Ok("1") {
        return None;
    }
    let context = request_device().await.unwrap_or_else(|error| {
        panic!("{error} A software adapter comes with mesa-vulkan-drivers; GOODHART_NO_GPU=1 leaves these tests out.")
    });
    println!("adapter: {}", context.adapter().name);
    #[cfg(target_family = "wasm")]
    SHARED.set(Some(context.clone()));
    Some(context)
}

// In a browser one test runs after the other, on one device until it has a fault.
#[cfg(target_family = "wasm")]
thread_local! {
    static SHARED: std::cell::RefCell<Option<GpuContext>> = const { std::cell::RefCell::new(None) };
}
