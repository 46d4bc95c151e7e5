//! A compiled stage and where it stands in an update.

use super::kernel::{Compiled, Kernel};
use crate::engine::gpu::device::{GpuContext, GpuError};
use crate::engine::gpu::memory::Buffers;
use crate::engine::gpu::text::{Layout, Sizes, Source, When, check_grid};

/// A stage that is ready to be dispatched.
pub(super) struct Stage {
    pub(super) kernel: Kernel,
    pub(super) when: When,
    pub(super) grid: [u32; 3],
}

impl Stage {
    fn new(
        context: &GpuContext,
        sizes: &Sizes,
        layout: &Layout,
        source: &Source,
        kernel: Kernel,
    ) -> Result<Self, GpuError> {
        let grid = source.row.grid(source.job, sizes, layout);
        check_grid(source.row.name, grid, context.limits.max_compute_workgroups_per_dimension)?;
        Ok(Self { kernel, when: source.row.when, grid })
    }

    /// Compiles stages and waits for the compiler's verdict; `progress` is told how many are compiled, of how many.
    ///
    /// Errors: the first stage that was refused, or whose grid is too large.
    pub(super) async fn all(
        context: &GpuContext,
        sizes: &Sizes,
        layout: &Layout,
        buffers: &Buffers,
        sources: Vec<Source>,
        progress: impl FnMut(usize, usize),
    ) -> Result<Vec<Self>, GpuError> {
        let kernels = Kernel::all(context, &sources, buffers, progress).await.map_err(|e| context.cause(e))?;
        sources.iter().zip(kernels).map(|(source, kernel)| Self::new(context, sizes, layout, source, kernel)).collect()
    }

    /// Compiles a stage without waiting for the compiler's verdict: a refusal is found by the next submit.
    ///
    /// Errors: a grid that is too large, or a buffer that is not there.
    pub(super) fn unawaited(
        context: &GpuContext,
        sizes: &Sizes,
        layout: &Layout,
        buffers: &Buffers,
        source: &Source,
        known: &mut Vec<Compiled>,
    ) -> Result<Self, GpuError> {
        Self::new(context, sizes, layout, source, Kernel::new(context, source, buffers, known)?)
    }
}
