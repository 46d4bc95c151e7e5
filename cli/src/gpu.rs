//! The GPU from a terminal.

use goodhart_core::engine::gpu::{GpuContext, request_device};

/// The fastest adapter, opened.
pub fn open() -> Result<GpuContext, String> {
    pollster::block_on(request_device()).map_err(|e| e.to_string())
}

/// The adapter in words.
pub fn name(context: &GpuContext) -> String {
    let adapter = context.adapter();
    format!("GPU engine, {}{}", adapter.name, if adapter.software { " (software)" } else { "" })
}
