//! Shader text to pipelines. A stage says by name which buffers it uses; this file reads those declarations, makes the
//! layout and the bind group, and compiles.

use crate::engine::gpu::device::{GpuContext, GpuError};
use crate::engine::gpu::memory::Buffers;
use crate::engine::gpu::text::{AT_STRIDE, Source};

/// One `@group(0) @binding(n) var<..> name: type;` of a shader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub index: u32,
    pub name: String,
    pub uniform: bool,
    pub read_only: bool,
}

/// A compiled stage with its buffers bound.
pub(super) struct Kernel {
    pub(super) name: &'static str,
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    dynamic: bool,
}

/// A text and what it was compiled to, shared by stages of the same text.
#[derive(Clone)]
pub(super) struct Compiled {
    text: String,
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::ComputePipeline,
}

/// The bindings that a shader's text declares, in order of their numbers.
pub fn bindings(text: &str) -> Vec<Binding> {
    let mut found: Vec<Binding> = text
        .lines()
        .filter_map(|line| {
            let rest = line.trim_start().strip_prefix("@group(0) @binding(")?;
            let (index, rest) = rest.split_once(')')?;
            let rest = rest.trim_start().strip_prefix("var<")?;
            let (space, rest) = rest.split_once('>')?;
            let (name, _) = rest.split_once(':')?;
            Some(Binding {
                index: index.trim().trim_end_matches('u').parse().ok()?,
                name: name.trim().to_owned(),
                uniform: space.contains("uniform"),
                read_only: !space.contains("read_write"),
            })
        })
        .collect();
    found.sort_by_key(|b| b.index);
    found
}

impl Kernel {
    /// Compiles a stage. In a browser the compilation goes on in the background; await `errors` for its verdict.
    ///
    /// Errors: a name that no buffer has.
    pub(super) fn new(
        context: &GpuContext,
        source: &Source,
        buffers: &Buffers,
        known: &mut Vec<Compiled>,
    ) -> Result<Self, GpuError> {
        let refuse = |message: String| GpuError::Shader { stage: source.row.name.into(), message };
        let declared = bindings(&source.text);
        let device = &context.device;
        let mut layout = Vec::new();
        let mut entries = Vec::new();
        for binding in &declared {
            let dynamic = binding.name == "at";
            let alias = source.aliases.iter().find(|(name, _)| *name == binding.name);
            let buffer = buffers.get(alias.map_or(&binding.name, |(_, buffer)| buffer));
            let buffer = buffer.map_err(|e| refuse(e.to_string()))?;
            let ty = if binding.uniform {
                wgpu::BufferBindingType::Uniform
            } else {
                wgpu::BufferBindingType::Storage { read_only: binding.read_only }
            };
            layout.push(wgpu::BindGroupLayoutEntry {
                binding: binding.index,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: dynamic, min_binding_size: None },
                count: None,
            });
            let entry = dynamic || binding.name == "job";
            let size = if entry { std::num::NonZeroU64::new(AT_STRIDE) } else { None };
            let offset = if binding.name == "job" { u64::from(source.job) * AT_STRIDE } else { 0 };
            entries.push(wgpu::BindGroupEntry {
                binding: binding.index,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size }),
            });
        }
        let label = Some(source.row.name);
        let same = known.iter().find(|c| c.text == source.text);
        let compiled = match same {
            Some(compiled) => compiled.clone(),
            None => Compiled::new(context, source, &layout),
        };
        let bind_group =
            device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout: &compiled.layout, entries: &entries });
        let pipeline = compiled.pipeline.clone();
        if same.is_none() {
            known.push(compiled);
        }
        let dynamic = declared.iter().any(|b| b.name == "at");
        Ok(Self { name: source.row.name, pipeline, bind_group, dynamic })
    }
}

impl Compiled {
    fn new(context: &GpuContext, source: &Source, layout: &[wgpu::BindGroupLayoutEntry]) -> Self {
        let (device, label) = (&context.device, Some(source.row.name));
        let bind_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: layout });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&bind_layout)],
            immediate_size: 0,
        });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(source.text.as_str().into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        Self { text: source.text.clone(), layout: bind_layout, pipeline }
    }
}

impl Kernel {
    /// Compiles several stages and waits for their verdict; `progress` is told how many there are, and how many have one.
    ///
    /// Errors: the first stage that was refused, with the compiler's message.
    pub(super) async fn all(
        context: &GpuContext,
        sources: &[Source],
        buffers: &Buffers,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Vec<Self>, GpuError> {
        progress(0, sources.len());
        let mut known = Vec::new();
        let mut pending = Vec::with_capacity(sources.len());
        for source in sources {
            let scope = context.device.push_error_scope(wgpu::ErrorFilter::Validation);
            let kernel = Self::new(context, source, buffers, &mut known);
            // Popping starts the question; the answers are awaited when all stages have been handed over.
            pending.push((kernel, scope.pop()));
        }
        let mut kernels = Vec::with_capacity(sources.len());
        for ((kernel, verdict), source) in pending.into_iter().zip(sources) {
            if let Some(error) = verdict.await {
                return Err(GpuError::Shader { stage: source.row.name.into(), message: error.to_string() });
            }
            kernels.push(kernel?);
            progress(kernels.len(), sources.len());
        }
        Ok(kernels)
    }

    /// Encodes one dispatch; `at` is the entry of the `at` buffer.
    pub(super) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, at: u32, groups: [u32; 3]) {
        let offset = [at * AT_STRIDE as u32];
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, if self.dynamic { &offset } else { &[] });
        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
    }
}
