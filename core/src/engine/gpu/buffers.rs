//! The buffers of an engine, made once, found by the names that shaders declare.

use super::device::{GpuContext, GpuError};
use std::collections::BTreeMap;

/// Buffers by name; a copy names the same buffers.
#[derive(Clone)]
pub(super) struct Buffers {
    map: BTreeMap<&'static str, wgpu::Buffer>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { map: BTreeMap::new() }
    }

    /// Makes a storage buffer of `words` 32-bit words, zeroed.
    ///
    /// Errors: larger than the device binds.
    pub(super) fn storage(&mut self, context: &GpuContext, name: &'static str, words: usize) -> Result<(), GpuError> {
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
    pub(super) fn uniform(
        &mut self,
        context: &GpuContext,
        name: &'static str,
        size: u64,
        bound: u64,
    ) -> Result<(), GpuError> {
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
    pub(super) fn get(&self, name: &str) -> Option<&wgpu::Buffer> {
        self.map.get(name)
    }

    /// Writes words from the start of a buffer, if there is one of that name.
    pub(super) fn write(&self, context: &GpuContext, name: &str, at_word: usize, data: &[u8]) {
        if let Some(buffer) = self.get(name)
            && !data.is_empty()
        {
            context.queue.write_buffer(buffer, at_word as u64 * 4, data);
        }
    }

    /// Frees the memory of all buffers, for good.
    pub(super) fn destroy(&self) {
        self.map.values().for_each(wgpu::Buffer::destroy);
    }

    /// Bytes of all buffers together.
    pub(super) fn bytes(&self) -> u64 {
        self.map.values().map(wgpu::Buffer::size).sum()
    }
}
