//! Metric rows on their way back: several staging buffers, mapped asynchronously, so that no update waits for a read.

use crate::engine::gpu::device::{GpuContext, GpuError};
use crate::engine::gpu::wake::{self, Receiver};
use crate::layout::NO_REWARD;
use std::collections::VecDeque;

/// Submits in flight, at most.
pub const IN_FLIGHT: usize = 3;

/// A staging buffer whose rows are on their way.
struct Flight {
    buffer: wgpu::Buffer,
    first_update: u32,
    updates: u32,
    words: usize,
    submission: wgpu::SubmissionIndex,
    mapped: Receiver<Result<(), wgpu::BufferAsyncError>>,
}

/// The pool of staging buffers.
pub struct Readback {
    free: Vec<wgpu::Buffer>,
    flying: VecDeque<Flight>,
}

/// The rows of one submit: updates `first_update..first_update + updates`, [update][lane][COLUMNS] flat.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    pub first_update: u32,
    pub updates: u32,
    pub values: Vec<f32>,
}

fn staging(context: &GpuContext, bytes: u64) -> wgpu::Buffer {
    context.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("staging"),
        size: bytes,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// Words as the numbers that they are.
pub fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|w| f32::from_bits(*w)).collect()
}

/// A number of a metric row; shaders write NO_REWARD for what is not a number.
pub fn or_nan(x: f32) -> f32 {
    if x.abs() < NO_REWARD / 2.0 { x } else { f32::NAN }
}

fn read(buffer: &wgpu::Buffer, words: usize) -> Result<Vec<u32>, GpuError> {
    let failed = |e: wgpu::MapRangeError| GpuError::Read(e.to_string());
    let view = buffer.get_mapped_range(0..words as u64 * 4).map_err(failed)?;
    let values = bytemuck::pod_collect_to_vec(&view);
    drop(view);
    buffer.unmap();
    Ok(values)
}

impl Readback {
    pub fn new(context: &GpuContext, bytes: u64) -> Self {
        Self { free: (0..IN_FLIGHT).map(|_| staging(context, bytes)).collect(), flying: VecDeque::new() }
    }

    /// A staging buffer, if one is free.
    pub fn take(&mut self) -> Option<wgpu::Buffer> {
        self.free.pop()
    }

    /// Starts the mapping of a buffer that a submit just filled.
    pub fn fly(
        &mut self,
        buffer: wgpu::Buffer,
        submission: wgpu::SubmissionIndex,
        first_update: u32,
        updates: u32,
        words: usize,
    ) {
        let (sender, mapped) = wake::channel();
        buffer.slice(0..words as u64 * 4).map_async(wgpu::MapMode::Read, move |result| sender.send(result));
        self.flying.push_back(Flight { buffer, first_update, updates, words, submission, mapped });
    }

    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// Waits for the oldest rows; None if nothing is in flight.
    pub async fn next(&mut self, context: &GpuContext) -> Result<Option<Rows>, GpuError> {
        let Some(flight) = self.flying.front_mut() else { return Ok(None) };
        context.wait_for(Some(flight.submission.clone()))?;
        let result = (&mut flight.mapped).await;
        self.land(result).map(Some)
    }

    fn land(&mut self, result: Result<(), wgpu::BufferAsyncError>) -> Result<Rows, GpuError> {
        let Some(flight) = self.flying.pop_front() else {
            return Err(GpuError::Read("nothing was in flight".into()));
        };
        result.map_err(|e| GpuError::Read(e.to_string()))?;
        let words = read(&flight.buffer, flight.words)?;
        let values = words.into_iter().map(|w| or_nan(f32::from_bits(w))).collect();
        self.free.push(flight.buffer);
        Ok(Rows { first_update: flight.first_update, updates: flight.updates, values })
    }
}

/// Reads ranges (buffer, first word, words), waiting for all work before it.
///
/// Errors: the device is lost.
pub async fn read_buffers(
    context: &GpuContext,
    ranges: &[(&wgpu::Buffer, usize, usize)],
) -> Result<Vec<Vec<u32>>, GpuError> {
    let total: usize = ranges.iter().map(|(_, _, words)| words).sum();
    if total == 0 {
        return Ok(vec![Vec::new(); ranges.len()]);
    }
    context.check()?;
    let target = staging(context, total as u64 * 4);
    let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let mut end = 0;
    for (source, at, words) in ranges.iter().filter(|(_, _, words)| *words > 0) {
        encoder.copy_buffer_to_buffer(source, *at as u64 * 4, &target, end, *words as u64 * 4);
        end += *words as u64 * 4;
    }
    context.queue.submit([encoder.finish()]);
    let (sender, mapped) = wake::channel();
    target.slice(..).map_async(wgpu::MapMode::Read, move |result: Result<(), _>| sender.send(result));
    context.wait_for(None)?;
    let failed = |e: wgpu::BufferAsyncError| context.cause(GpuError::Read(e.to_string()));
    mapped.await.map_err(failed)?;
    let values = read(&target, total)?;
    target.destroy();
    let mut rest = values.as_slice();
    let mut parts = Vec::with_capacity(ranges.len());
    for (_, _, words) in ranges {
        let (part, tail) = rest.split_at(*words);
        parts.push(part.to_vec());
        rest = tail;
    }
    Ok(parts)
}
