//! Which device trains: burn's own kernels on the processor, or WebGPU where there is a GPU and it is faster.
//!
//! A step of a small model is a hundred kernels of microseconds, so that a GPU mostly waits for its next launch; which
//! of the two wins depends on the model and the machine, and is measured: the first steps of a job are trained on both.

use crate::{Fault, Progress, train};
use burn::tensor::Device;
use goodhart_core::protocol::{EngineKind, TrainedOn};
use goodhart_core::reward_models::{Job, ModelShape};

/// Steps that are timed, after some that are not: the first ones compile the kernels.
const TIMED: u32 = 5;
const WARM: u32 = 2;

/// What decides the cost of a step: shape, models, rows.
#[derive(Clone, PartialEq)]
struct Size(ModelShape, usize, usize);

impl Size {
    fn of(job: &Job) -> Self {
        let rows = job.batch as usize * if job.objective.is_pairwise() { 2 } else { 1 };
        Self(job.shape.clone(), job.models.len(), rows)
    }
}

/// The devices of this program, and what was measured of them.
pub struct Devices {
    cpu: Device,
    gpu: Option<Device>,
    measured: Vec<(Size, TrainedOn)>,
}

impl Devices {
    /// The processor alone, the same weights every time.
    pub fn cpu() -> Self {
        Self { cpu: Device::flex(), gpu: None, measured: Vec::new() }
    }

    /// The processor and the GPU, if this build knows WebGPU and there is one. A GPU that is the processor under another
    /// name (llvmpipe, SwiftShader) counts only where `software` is true: it is never faster.
    pub async fn with_gpu(software: bool) -> Self {
        Self { gpu: open(software).await, ..Self::cpu() }
    }

    /// The processor's device.
    pub fn on_cpu(&self) -> &Device {
        &self.cpu
    }

    /// The GPU's device, if there is one.
    pub fn on_gpu(&self) -> Option<&Device> {
        self.gpu.as_ref()
    }

    /// Trains a job where it trains fastest, and says where that is. A GPU that fails is not asked again, and has no time.
    ///
    /// Errors: a training that diverges; a processor that fails.
    pub async fn train(
        &mut self,
        job: &Job,
        mut tell: impl AsyncFnMut(Progress),
    ) -> Result<(Vec<f32>, TrainedOn), Fault> {
        let on = self.choose(job, &mut tell).await?;
        if let (EngineKind::Gpu, Some(gpu)) = (on.kind, &self.gpu) {
            match train(gpu, job, &mut tell).await {
                Err(Fault::Device(_)) => self.gpu = None,
                trained => return Ok((trained?, on)),
            }
        }
        let weights = train(&self.cpu, job, tell).await?;
        let gpu_ms = on.gpu_ms.filter(|_| self.gpu.is_some());
        Ok((weights, TrainedOn { kind: EngineKind::Cpu, gpu_ms, ..on }))
    }

    /// Which device trains faster; `tell` hears that step 0 goes on, since the first one of a GPU may take seconds.
    async fn choose(&mut self, job: &Job, mut tell: impl AsyncFnMut(Progress)) -> Result<TrainedOn, Fault> {
        let nothing = TrainedOn { kind: EngineKind::Cpu, cpu_ms: None, gpu_ms: None };
        let Some(gpu) = self.gpu.as_ref().filter(|_| !job.is_empty()) else { return Ok(nothing) };
        let size = Size::of(job);
        if let Some((_, known)) = self.measured.iter().find(|(s, _)| *s == size) {
            return Ok(*known);
        }
        let mut waits = async || tell(Progress { step: 0, of: job.steps, loss: f32::NAN }).await;
        waits().await;
        let cpu_ms = milliseconds(&self.cpu, job).await?;
        waits().await;
        let Ok(gpu_ms) = milliseconds(gpu, job).await else {
            self.gpu = None;
            return Ok(nothing);
        };
        let kind = if gpu_ms < cpu_ms { EngineKind::Gpu } else { EngineKind::Cpu };
        let on = TrainedOn { kind, cpu_ms: Some(cpu_ms), gpu_ms: Some(gpu_ms) };
        self.measured.push((size, on));
        Ok(on)
    }
}

/// Milliseconds of a step of a job, the mean over its first few, kernels being compiled already.
///
/// Errors: as of `train`.
pub async fn milliseconds(device: &Device, job: &Job) -> Result<f32, Fault> {
    let first = |steps| Job { steps, ..job.clone() };
    train(device, &first(WARM), async |_| ()).await?;
    let (steps, begun) = (first(TIMED), now());
    train(device, &steps, async |_| ()).await?;
    Ok((now() - begun) as f32 / TIMED as f32)
}

#[cfg(feature = "wgpu")]
async fn open(software: bool) -> Option<Device> {
    let (device, setup) = Device::wgpu_options().init_with_setup_async().await.ok()?;
    // A browser names no type; whoever loads this module there has looked at the adapter.
    let is_software = setup.adapter.get_info().device_type == burn::tensor::wgpu::wgpu::DeviceType::Cpu;
    (software || !is_software).then_some(device)
}

#[cfg(not(feature = "wgpu"))]
async fn open(_software: bool) -> Option<Device> {
    None
}

/// Milliseconds since some moment.
#[cfg(not(target_family = "wasm"))]
fn now() -> f64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_secs_f64() * 1e3
}

#[cfg(target_family = "wasm")]
fn now() -> f64 {
    use wasm_bindgen::JsCast;
    let scope: web_sys::DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    scope.performance().map_or(0.0, |clock| clock.now())
}
