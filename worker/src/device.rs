//! The WebGPU device of this browser, and the engine that a run asks for.

use crate::edge;
use goodhart_core::engine::gpu::{GpuContext, GpuError, find_adapter, request_device};
use goodhart_core::engine::{Adapter, Bases, Engine, EngineKind, LaneId};
use goodhart_core::plan::Plan;
use std::cell::RefCell;
use std::sync::Arc;

/// Milliseconds that a browser may take to name its adapter.
const ADAPTER: u32 = 10_000;

thread_local! {
    /// The device, asked for once and used again while it lives.
    static DEVICE: RefCell<Option<GpuContext>> = const { RefCell::new(None) };
}

/// The device that is open, or a new one.
async fn device() -> Result<GpuContext, GpuError> {
    let open = DEVICE.with_borrow(Clone::clone).filter(|context| context.check().is_ok());
    if let Some(context) = open {
        return Ok(context);
    }
    let context = request_device().await?;
    DEVICE.with_borrow_mut(|kept| *kept = Some(context.clone()));
    Ok(context)
}

/// The WebGPU adapter of this browser, if there is one. A browser that does not answer, as one whose GPU process hangs,
/// counts as one without.
pub async fn adapter() -> Option<Adapter> {
    edge::within(ADAPTER, async { named(find_adapter().await.ok()?).await }).await.flatten()
}

/// The adapter under the name that the browser gives it.
async fn named(adapter: Adapter) -> Option<Adapter> {
    let name = edge::adapter_name().await.unwrap_or_else(|| adapter.name.clone());
    Some(Adapter { name, ..adapter })
}

/// The engine of a run at update 0, and the adapter of the one on WebGPU; `progress` is told how many stages are compiled,
/// of how many.
///
/// Errors: one sentence on why the engine cannot start.
pub async fn open(
    kind: EngineKind,
    plan: &Arc<Plan>,
    lanes: &[LaneId],
    bases: Option<&Bases>,
    progress: impl FnMut(usize, usize),
) -> Result<(Engine, Option<Adapter>), String> {
    match kind {
        EngineKind::Cpu => Ok((Engine::cpu(plan, lanes, bases)?, None)),
        EngineKind::Gpu => {
            let context = device().await.map_err(|e| e.to_string())?;
            let engine = Engine::gpu(&context, plan, lanes, bases, progress).await?;
            Ok((engine, named(context.adapter().clone()).await))
        }
    }
}
