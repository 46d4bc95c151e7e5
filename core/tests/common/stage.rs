//! One compute pass of a stage that names its buffers, as shaders/README.md has it.

use std::collections::BTreeMap;

/// Buffers by the names that a shader declares, as 32-bit words.
pub type Buffers = BTreeMap<&'static str, Vec<u32>>;

pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

/// Opens a device; None, with a printed line, where there is no adapter.
pub fn open() -> Option<Gpu> {
    super::gpu::device().map(|(device, queue)| Gpu { device, queue })
}

/// Words of some f32.
pub fn words(xs: &[f32]) -> Vec<u32> {
    xs.iter().map(|x| x.to_bits()).collect()
}

/// f32 of some words.
pub fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|w| f32::from_bits(*w)).collect()
}

/// (binding, name, uniform, writable) of every buffer that a shader's text declares.
fn bindings(text: &str) -> Vec<(u32, &str, bool, bool)> {
    let declared = text.lines().filter_map(|line| {
        let rest = line.trim().strip_prefix("@group(0) @binding(")?;
        let (index, rest) = rest.split_once(')')?;
        let (space, rest) = rest.trim().strip_prefix("var<")?.split_once('>')?;
        let (name, _) = rest.split_once(':')?;
        Some((index.parse().unwrap(), name.trim(), space == "uniform", space.contains("read_write")))
    });
    declared.collect()
}

impl Gpu {
    /// Runs `main` of a shader once over some workgroups. Every buffer it declares must be in `buffers`; those that it
    /// may write hold what it wrote afterwards.
    pub fn run(&self, text: &str, buffers: &mut Buffers, workgroups: [u32; 3]) {
        let device = &self.device;
        let declared = bindings(text);
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(text.into()),
        });
        let made: Vec<wgpu::Buffer> =
            declared.iter().map(|(_, name, uniform, _)| self.upload(name, &buffers[name], *uniform)).collect();
        let layout: Vec<_> = declared
            .iter()
            .map(|(binding, _, uniform, writable)| wgpu::BindGroupLayoutEntry {
                binding: *binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: if *uniform {
                        wgpu::BufferBindingType::Uniform
                    } else {
                        wgpu::BufferBindingType::Storage { read_only: !writable }
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout =
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &layout });
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
            .map(|((binding, ..), buffer)| wgpu::BindGroupEntry {
                binding: *binding,
                resource: buffer.as_entire_binding(),
            })
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
        let mut reads = Vec::new();
        for ((_, name, _, writable), buffer) in declared.iter().zip(&made) {
            if *writable {
                let read = device.create_buffer(&wgpu::BufferDescriptor {
                    label: None,
                    size: buffer.size(),
                    usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
                encoder.copy_buffer_to_buffer(buffer, 0, &read, 0, buffer.size());
                reads.push((*name, read));
            }
        }
        self.queue.submit([encoder.finish()]);
        for (_, read) in &reads {
            read.slice(..).map_async(wgpu::MapMode::Read, |r| r.unwrap());
        }
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        for (name, read) in &reads {
            let bytes = read.slice(..).get_mapped_range().unwrap();
            let words = bytes.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect();
            if let Some((_, buffer)) = buffers.iter_mut().find(|(key, _)| *key == name) {
                *buffer = words;
            }
        }
    }

    fn upload(&self, name: &str, words: &[u32], uniform: bool) -> wgpu::Buffer {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        assert!(bytes.len() >= 4, "the buffer {name} is empty");
        let kind = if uniform { wgpu::BufferUsages::UNIFORM } else { wgpu::BufferUsages::STORAGE };
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(name),
            size: bytes.len() as u64,
            usage: kind | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, &bytes);
        buffer
    }
}
