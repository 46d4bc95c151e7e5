//! Adapter and device: who serves the GPU engine, and what went wrong with it.

use crate::engine::Adapter;
use std::sync::{Arc, Mutex, PoisonError};

/// Why the GPU engine cannot start or go on; each message is one sentence for the page.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GpuError {
    #[error("WebGPU is not available here: {0}.")]
    NoAdapter(String),
    #[error("The GPU device could not be opened: {0}.")]
    Device(String),
    #[error("The GPU device was lost: {0}.")]
    Lost(String),
    #[error("The GPU ran out of memory.")]
    OutOfMemory,
    #[error("The GPU device refused a command: {0}.")]
    Refused(String),
    #[error("The GPU engine needs {needs} for {what}; this device allows {limit}.")]
    TooLarge { what: String, needs: u64, limit: u64 },
    #[error("The GPU engine does not do this: {0}.")]
    Unsupported(String),
    #[error("The shader of stage {stage} was refused: {message}")]
    Shader { stage: String, message: String },
    #[error("Reading from the GPU failed: {0}.")]
    Read(String),
}

/// An open device with its queue.
#[derive(Clone)]
pub struct GpuContext {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) limits: wgpu::Limits,
    adapter: Adapter,
    fault: Arc<Mutex<Option<GpuError>>>,
}

/// Opens the fastest adapter. Storage bindings may be as large as the adapter allows; all other limits are WebGPU's
/// defaults, so that what runs here runs in every browser.
///
/// Errors: no adapter, or a device that cannot be opened.
pub async fn request_device() -> Result<GpuContext, GpuError> {
    let adapter = request_adapter().await?;
    let offered = adapter.limits();
    let limits = wgpu::Limits {
        max_buffer_size: offered.max_buffer_size,
        max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
        ..wgpu::Limits::default()
    };
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("goodhart"),
        required_limits: limits.clone(),
        ..wgpu::DeviceDescriptor::default()
    };
    let (device, queue) = adapter.request_device(&descriptor).await.map_err(|e| GpuError::Device(e.to_string()))?;
    let fault = Arc::new(Mutex::new(None));
    let lost = fault.clone();
    device.set_device_lost_callback(move |_, message| set_fault(&lost, GpuError::Lost(reason(&message))));
    let uncaptured = fault.clone();
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        set_fault(
            &uncaptured,
            match error {
                wgpu::Error::OutOfMemory { .. } => GpuError::OutOfMemory,
                other => GpuError::Refused(reason(&other.to_string())),
            },
        );
    }));
    let info = adapter.get_info();
    Ok(GpuContext { device, queue, limits, adapter: name_of(&info), fault })
}

/// The adapter that `request_device` would open, without opening it.
///
/// Errors: there is none.
pub async fn find_adapter() -> Result<Adapter, GpuError> {
    Ok(name_of(&request_adapter().await?.get_info()))
}

async fn request_adapter() -> Result<wgpu::Adapter, GpuError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..wgpu::RequestAdapterOptions::default()
    };
    instance.request_adapter(&options).await.map_err(|e| GpuError::NoAdapter(e.to_string()))
}

fn name_of(info: &wgpu::AdapterInfo) -> Adapter {
    let name = [&info.name, &info.driver_info, &info.driver].into_iter().find(|s| !s.is_empty());
    let name = name.map_or_else(|| "unnamed adapter".to_owned(), Clone::clone);
    let lower = format!("{name} {} {}", info.driver, info.driver_info).to_lowercase();
    let software = info.device_type == wgpu::DeviceType::Cpu
        || ["swiftshader", "llvmpipe", "lavapipe", "basic render"].iter().any(|s| lower.contains(s));
    Adapter { name, software }
}

/// A browser's or driver's message as the end of a sentence.
fn reason(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    if message.is_empty() { "no reason given".into() } else { message.into() }
}

/// The first fault is kept: what follows it is mostly its echo.
fn set_fault(slot: &Mutex<Option<GpuError>>, error: GpuError) {
    slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
}

impl GpuContext {
    /// The adapter as the browser or driver names it.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Device and queue, for passes beside an engine's.
    pub fn handles(&self) -> (&wgpu::Device, &wgpu::Queue) {
        (&self.device, &self.queue)
    }

    /// An error if the device was lost or refused something since it was opened.
    pub fn check(&self) -> Result<(), GpuError> {
        match &*self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// What is behind an error: the device's own complaint, where there is one.
    pub(super) fn cause(&self, error: GpuError) -> GpuError {
        self.check().err().unwrap_or(error)
    }

    /// Lets callbacks of finished work run; a browser does so by itself.
    pub(super) fn pump(&self) -> Result<(), GpuError> {
        self.device.poll(wgpu::PollType::Poll).map(|_| ()).map_err(|e| GpuError::Lost(e.to_string()))
    }

    /// Waits for a submit, or for all; a browser goes on at once, since there callbacks come by themselves.
    pub(super) fn wait_for(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<(), GpuError> {
        let wait = wgpu::PollType::Wait { submission_index: submission, timeout: None };
        self.device.poll(wait).map(|_| ()).map_err(|e| GpuError::Lost(e.to_string()))
    }
}
