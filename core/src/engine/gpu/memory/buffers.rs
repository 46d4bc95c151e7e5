//! The buffers of an engine, made once, found by the names that shaders declare.

use crate::engine::gpu::device::{GpuContext, GpuError};
use std::collections::BTreeMap;

/// Buffers by name; a copy names the same buffers.
#[derive(Clone)]
pub struct Buffers {
    map: BTreeMap<&'static str, wgpu::Buffer>,
}

impl Buffers {
    pub fn new() -> Self {
        Self { map: BTreeMap::new() }
    }

    /// Makes a storage buffer of `words` 32-bit words, zeroed.
    ///
    /// Errors: larger than the device binds.
    pub fn storage(&mut self, context: &GpuContext, name: &'static str, words: usize) -> Result<(), GpuError> {
        let size = (words.max(4) as u64) * 4;
        let limit = context.limits.max_storage_buffer_binding_size.min(context.limits.max_buffer_size);
        if size > limit {
            return Err(GpuError::TooLarge { what: format!("bytes of the buffer \"{name}\""), needs: size, limit });
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        self.insert(context, name, size, usage);
        Ok(())
    }

    /// Makes a uniform buffer of `size` bytes, zeroed.
    ///
    /// Errors: larger than the device binds at once (`bound` bytes).
    pub fn uniform(&mut self, context: &GpuContext, name: &'static str, size: u64, bound: u64) -> Result<(), GpuError> {
        let limit = context.limits.max_uniform_buffer_binding_size;
        if bound > limit {
            return Err(GpuError::TooLarge { what: format!("bytes of the table \"{name}\""), needs: bound, limit });
        }
        self.insert(context, name, size, wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST);
        Ok(())
    }

    fn insert(&mut self, context: &GpuContext, name: &'static str, size: u64, usage: wgpu::BufferUsages) {
        let descriptor = wgpu::BufferDescriptor { label: Some(name), size, usage, mapped_at_creation: false };
        self.map.insert(name, context.device.create_buffer(&descriptor));
    }

    /// The buffer of that name.
    ///
    /// Errors: there is none.
    pub fn get(&self, name: &str) -> Result<&wgpu::Buffer, GpuError> {
        self.map.get(name).ok_or_else(|| GpuError::Read(format!("there is no buffer \"{name}\"")))
    }

    /// The buffer of that name, which has these words.
    ///
    /// Errors: no such buffer or words.
    pub fn part(&self, name: &str, at: usize, words: usize) -> Result<&wgpu::Buffer, GpuError> {
        let buffer = self.get(name)?;
        match (at + words) as u64 * 4 <= buffer.size() {
            true => Ok(buffer),
            false => Err(GpuError::Read(format!("there are no words {at}..{} in \"{name}\"", at + words))),
        }
    }

    /// Writes words from a place in a buffer on, before the next dispatch.
    ///
    /// Errors: no such buffer or words.
    pub fn write<T: bytemuck::NoUninit>(
        &self,
        context: &GpuContext,
        name: &str,
        at: usize,
        data: &[T],
    ) -> Result<(), GpuError> {
        let bytes: &[u8] = bytemuck::cast_slice(data);
        let buffer = self.part(name, at, bytes.len() / 4)?;
        if !bytes.is_empty() {
            context.queue.write_buffer(buffer, at as u64 * 4, bytes);
        }
        Ok(())
    }

    /// Frees the memory of all buffers, for good.
    pub fn destroy(&self) {
        self.map.values().for_each(wgpu::Buffer::destroy);
    }

    /// Bytes of all buffers together.
    pub fn bytes(&self) -> u64 {
        self.map.values().map(wgpu::Buffer::size).sum()
    }
}
