//! One compute shader over buffers, on whatever adapter there is (a software one in tests).

/// A device with WebGPU's default limits; None, with a printed line, where there is no adapter (a panic where
/// GOODHART_REQUIRE_GPU is 1).
pub fn device() -> Option<(wgpu::Device, wgpu::Queue)> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = match pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default())) {
        Ok(adapter) => adapter,
        Err(e) => {
            assert!(std::env::var("GOODHART_REQUIRE_GPU").as_deref() != Ok("1"), "there is no WebGPU adapter: {e}");
            println!("skipped: no adapter ({e}); a software one comes with mesa-vulkan-drivers");
            return None;
        }
    };
    println!("adapter: {}", adapter.get_info().name);
    Some(pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).expect("a device opens"))
}

/// Runs entry point `main` of `source` once over `workgroups` and gives the buffers back as they are afterwards.
/// Buffer `i` is `@group(0) @binding(i) var<storage, read_write>`.
pub fn compute(
    (device, queue): &(wgpu::Device, wgpu::Queue),
    source: &str,
    buffers: &[Vec<u32>],
    workgroups: u32,
) -> Vec<Vec<u32>> {
    let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    let make = |size: u64, usage| {
        device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
    };
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
    let bytes = |b: &Vec<u32>| 4 * b.len().max(1) as u64;
    let on_device: Vec<wgpu::Buffer> = buffers.iter().map(|b| make(bytes(b), usage)).collect();
    for (buffer, data) in on_device.iter().zip(buffers) {
        queue.write_buffer(buffer, 0, bytemuck::cast_slice(data));
    }
    let entries: Vec<wgpu::BindGroupEntry<'_>> = on_device
        .iter()
        .enumerate()
        .map(|(i, b)| wgpu::BindGroupEntry { binding: i as u32, resource: b.as_entire_binding() })
        .collect();
    let layout = pipeline.get_bind_group_layout(0);
    let bind_group =
        device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &bind_group, &[]);
        pass.dispatch_workgroups(workgroups, 1, 1);
    }
    let reads = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
    let staging: Vec<wgpu::Buffer> = buffers.iter().map(|b| make(bytes(b), reads)).collect();
    for ((from, to), data) in on_device.iter().zip(&staging).zip(buffers) {
        encoder.copy_buffer_to_buffer(from, 0, to, 0, bytes(data));
    }
    queue.submit([encoder.finish()]);
    if let Some(error) = pollster::block_on(scope.pop()) {
        panic!("{error}");
    }
    for buffer in &staging {
        buffer.slice(..).map_async(wgpu::MapMode::Read, |result| result.expect("a staging buffer maps"));
    }
    device.poll(wgpu::PollType::wait_indefinitely()).expect("the device finishes");
    staging
        .iter()
        .map(|b| {
            let view = b.slice(..).get_mapped_range().expect("a mapped buffer reads");
            bytemuck::cast_slice(&view).to_vec()
        })
        .collect()
}
