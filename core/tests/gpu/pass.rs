//! One compute pass of a shader that names its buffers, as shaders/README.md has it.

use goodhart_core::engine::gpu::{GpuContext, bindings};
use std::collections::BTreeMap;

/// Buffers by the names that a shader declares, as 32-bit words.
pub type Buffers = BTreeMap<&'static str, Vec<u32>>;

/// Words of some f32.
pub fn words(xs: &[f32]) -> Vec<u32> {
    xs.iter().map(|x| x.to_bits()).collect()
}

/// f32 of some words.
pub fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|w| f32::from_bits(*w)).collect()
}

/// Runs `main` of a shader once over some workgroups. Every buffer it declares must be in `buffers`; those that it may
/// write hold what it wrote afterwards.
pub async fn run(context: &GpuContext, text: &str, buffers: &mut Buffers, workgroups: [u32; 3]) {
    let (device, queue) = context.handles();
    let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let declared = bindings(text);
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    let made: Vec<wgpu::Buffer> =
        declared.iter().map(|b| upload(device, queue, &b.name, &buffers[b.name.as_str()], b.uniform)).collect();
    let layout: Vec<_> = declared
        .iter()
        .map(|b| wgpu::BindGroupLayoutEntry {
            binding: b.index,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: if b.uniform {
                    wgpu::BufferBindingType::Uniform
                } else {
                    wgpu::BufferBindingType::Storage { read_only: b.read_only }
                },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &layout });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    let entries: Vec<_> = declared
        .iter()
        .zip(&made)
        .map(|(b, buffer)| wgpu::BindGroupEntry { binding: b.index, resource: buffer.as_entire_binding() })
        .collect();
    let group =
        device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(workgroups[0], workgroups[1], workgroups[2]);
    }
    let written: Vec<_> = declared.iter().zip(&made).filter(|(b, _)| !b.uniform && !b.read_only).collect();
    let total = written.iter().map(|(_, buffer)| buffer.size()).sum();
    let staging = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: total,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut end = 0;
    for (_, buffer) in &written {
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, end, buffer.size());
        end += buffer.size();
    }
    queue.submit([encoder.finish()]);
    let error = scope.pop().await;
    assert!(error.is_none(), "{}", error.map_or_else(String::new, |e| e.to_string()));
    let (sender, mapped) = futures_channel::oneshot::channel();
    staging.slice(..).map_async(wgpu::MapMode::Read, |result| sender.send(result).expect("the test waits"));
    device.poll(wgpu::PollType::wait_indefinitely()).expect("the device finishes");
    mapped.await.expect("the mapping answers").expect("a staging buffer maps");
    let view = staging.slice(..).get_mapped_range().expect("a mapped buffer reads");
    let mut rest: &[u32] = &bytemuck::pod_collect_to_vec(&view);
    for (binding, buffer) in &written {
        let (own, tail) = rest.split_at(buffer.size() as usize / 4);
        if let Some(words) = buffers.get_mut(binding.name.as_str()) {
            words.copy_from_slice(own);
        }
        rest = tail;
    }
    made.iter().chain([&staging]).for_each(wgpu::Buffer::destroy);
}

fn upload(device: &wgpu::Device, queue: &wgpu::Queue, name: &str, words: &[u32], uniform: bool) -> wgpu::Buffer {
    assert!(!words.is_empty(), "the buffer {name} is empty");
    let kind = if uniform { wgpu::BufferUsages::UNIFORM } else { wgpu::BufferUsages::STORAGE };
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(name),
        size: 4 * words.len() as u64,
        usage: kind | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    queue.write_buffer(&buffer, 0, bytemuck::cast_slice(words));
    buffer
}
