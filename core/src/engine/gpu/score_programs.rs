//! Scoring episodes with reward programs, apart from any training: the command line's `score` and the tests.

use super::device::{GpuContext, GpuError};
use super::memory::read_buffers;
use crate::reward::{HarnessParams, Program, Scores, WORKGROUP, decode_mark, harness};

/// Scores `n` episodes a lane, one lane a program, with `run` the same for all.
///
/// Shapes: `records` is `[program][n][stride]`, `group_starts` the first sample of each group of a lane. The programs
/// have one schema. `step_errors` and `component_errors` are those of the shader, which knows the first error of each.
///
/// Errors: a batch too large for the device, a shader that is refused, a lost device.
pub async fn score_programs(
    context: &GpuContext,
    programs: &[&Program],
    records: &[f32],
    n: usize,
    group_starts: &[u32],
    run: &[f32],
) -> Result<Vec<Scores>, GpuError> {
    let Some(first) = programs.first().filter(|_| n > 0) else {
        return Ok(programs.iter().map(|_| Scores::default()).collect());
    };
    let (lanes, horizon) = (programs.len(), first.horizon());
    let total = lanes * n;
    let params = HarnessParams {
        samples: n as u32,
        lanes: lanes as u32,
        lanes_per_program: 1,
        stride: first.stride() as u32,
        n_run: run.len() as u32,
    };
    let ranges: Vec<u32> = ranges(n, group_starts).repeat(lanes);
    let most = |count: &dyn Fn(&Program) -> usize| programs.iter().map(|program| count(program)).max().unwrap_or(0);
    let components = most(&|program| program.components.len());
    let steps = most(&|program| program.n_step_components());
    let words = [records.len(), components * total, steps * total * horizon, total * (1 + horizon)];
    let limit = context.limits.max_storage_buffer_binding_size;
    if let Some(needs) = words.map(|words| words as u64 * 4).into_iter().find(|bytes| *bytes > limit) {
        return Err(GpuError::TooLarge { what: "the episodes to score".into(), needs, limit });
    }
    let storage = |words: usize| {
        context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("score"),
            size: words.max(4) as u64 * 4,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    };
    let filled = |data: &[u8]| {
        let buffer = storage(data.len() / 4);
        context.queue.write_buffer(&buffer, 0, data);
        buffer
    };
    let uniform = context.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("score params"),
        size: 32,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    context.queue.write_buffer(&uniform, 0, bytemuck::cast_slice(&params.words()));
    let buffers = [
        uniform,
        filled(bytemuck::cast_slice(records)),
        filled(bytemuck::cast_slice(&run.repeat(lanes))),
        filled(bytemuck::cast_slice(&ranges)),
        storage(words[1]),
        storage(words[2]),
        storage(words[3]),
        storage(2 * total),
    ];
    dispatch(context, &harness(programs), &buffers, n, lanes)?;
    let ranges = [
        (&buffers[4], 0, words[1]),
        (&buffers[5], 0, words[2]),
        (&buffers[6], 0, words[3]),
        (&buffers[7], total, total),
    ];
    let mut parts = read_buffers(context, &ranges).await?.into_iter();
    let mut part = || parts.next().unwrap_or_default();
    let (components, steps, rewards, errors) = (floats(part()), floats(part()), floats(part()), part());
    context.check()?;
    let lane = |l: usize| {
        let program = programs[l];
        let mut scores = Scores::default();
        for c in 0..program.components.len() {
            for i in 0..n {
                let (value, error) = decode_mark(components[c * total + l * n + i]);
                scores.components.push(value);
                scores.component_errors.push(error);
            }
        }
        for s in 0..program.n_step_components() {
            for stored in &steps[(s * total + l * n) * horizon..(s * total + (l + 1) * n) * horizon] {
                let (value, error) = decode_mark(*stored);
                scores.steps.push(value);
                scores.step_errors.push(error);
            }
        }
        scores.reward = rewards[l * n..(l + 1) * n].iter().map(|reward| decode_mark(*reward).0).collect();
        scores.step_reward = rewards[total + l * n * horizon..total + (l + 1) * n * horizon].to_vec();
        scores.errors = errors[l * n..(l + 1) * n].to_vec();
        scores
    };
    Ok((0..lanes).map(lane).collect())
}

/// Start and count of the group of each sample.
fn ranges(n: usize, starts: &[u32]) -> Vec<u32> {
    let mut ranges = Vec::with_capacity(2 * n);
    for (g, start) in starts.iter().enumerate() {
        let end = starts.get(g + 1).map_or(n, |end| *end as usize).min(n);
        for _ in *start as usize..end {
            ranges.extend([*start, end as u32 - *start]);
        }
    }
    ranges.resize(2 * n, 0);
    ranges
}

fn floats(words: Vec<u32>) -> Vec<f32> {
    words.into_iter().map(f32::from_bits).collect()
}

fn dispatch(
    context: &GpuContext,
    source: &str,
    buffers: &[wgpu::Buffer],
    n: usize,
    lanes: usize,
) -> Result<(), GpuError> {
    let device = &context.device;
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("score"),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let entry = |binding: u32| {
        let ty = match binding {
            0 => wgpu::BufferBindingType::Uniform,
            1..=3 => wgpu::BufferBindingType::Storage { read_only: true },
            _ => wgpu::BufferBindingType::Storage { read_only: false },
        };
        wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        }
    };
    let entries: Vec<wgpu::BindGroupLayoutEntry> = (0..buffers.len() as u32).map(entry).collect();
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some("score"), entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("score"),
        bind_group_layouts: &[Some(&layout)],
        ..Default::default()
    });
    let bindings: Vec<wgpu::BindGroupEntry> = buffers
        .iter()
        .enumerate()
        .map(|(binding, buffer)| wgpu::BindGroupEntry { binding: binding as u32, resource: buffer.as_entire_binding() })
        .collect();
    let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("score"),
        layout: &layout,
        entries: &bindings,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    for stage in ["score", "combine"] {
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(stage),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(stage),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &bind_group, &[]);
        pass.dispatch_workgroups((n as u32).div_ceil(WORKGROUP), lanes as u32, 1);
    }
    context.queue.submit([encoder.finish()]);
    context.check()
}
