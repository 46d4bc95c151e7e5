//! The engine itself: buffers and pipelines made once, and what is written to them and read from them.

use super::stage::Stage;
use crate::algorithm::EntropyControl;
use crate::algorithm::shader::LaneStats;
use crate::engine::gpu::device::{GpuContext, GpuError};
use crate::engine::gpu::memory::{Buffers, Readback, make_buffers, read_buffers};
use crate::engine::gpu::text::{AT_STRIDE, BAG_ENTRIES, Layout, Parts, Ring, Sizes, refused, resolve};
use crate::engine::{Bases, LaneId, bases};
use crate::plan::{Plan, PlannedArm};
use crate::tasks::Play;
use std::sync::Arc;

/// Trains all lanes on a WebGPU device. The context may serve several engines, one after the other.
pub struct GpuEngine {
    pub plan: Arc<Plan>,
    pub(super) context: GpuContext,
    pub(super) sizes: Sizes,
    pub(super) layout: Layout,
    pub(super) buffers: Buffers,
    pub(super) stages: Vec<Stage>,
    pub(super) readback: Readback,
    pub(super) lanes: Vec<LaneId>,
    pub(super) arms: Vec<PlannedArm>,
    /// Lanes whose weights the slow loop moves.
    pub(super) moves: Vec<bool>,
    /// The rings of past samples, if an arm has asked for them.
    pub(super) ring: Option<Ring>,
    /// Updates submitted.
    pub(super) update: u32,
    /// Weights of the reward models of all lanes, and the lanes that wait for new ones.
    pub(super) reward_models: Vec<f32>,
    pub(super) due: Vec<LaneId>,
    /// Parameters are kept as they are before the last update of every submit; the update before which they were, if any.
    pub(super) follows: bool,
    pub(super) kept_before: Option<u32>,
}

/// Where the words of every lane's instance of the task begin, then the words of each instance once.
fn task_words(plan: &Plan, ids: &[LaneId]) -> Vec<u32> {
    let mut words = vec![0; ids.len()];
    let mut begun: Vec<(usize, u32)> = Vec::new();
    for (i, id) in ids.iter().enumerate() {
        let instance = plan.instance(id.seed);
        let known = begun.iter().find(|(known, _)| *known == instance).map(|(_, start)| *start);
        words[i] = known.unwrap_or_else(|| {
            let start = words.len() as u32;
            words.extend(match &plan.instances[instance].play {
                Play::Steps(play) => play.shader_words(),
                Play::Tokens(play) => play.shader_words(),
            });
            begun.push((instance, start));
            start
        });
    }
    words
}

impl GpuEngine {
    /// An engine at update 0: makes buffers, compiles the stages and waits for the compiler's verdict. `bases` have
    /// the base policy that each lane starts from, which is the reference of its KL; without them a lane starts from its
    /// seed's initial parameters, which are then its reference.
    ///
    /// Errors: what the device cannot hold or does not take; see `GpuError`.
    pub async fn new(
        context: &GpuContext,
        plan: Arc<Plan>,
        ids: &[LaneId],
        bases: Option<&Bases>,
    ) -> Result<Self, GpuError> {
        Self::with_progress(context, plan, ids, bases, |_, _| ()).await
    }

    /// Like `new`; `progress` is told how many stages are compiled, of how many.
    ///
    /// Errors: as `new`.
    pub async fn with_progress(
        context: &GpuContext,
        plan: Arc<Plan>,
        ids: &[LaneId],
        bases: Option<&Bases>,
        progress: impl FnMut(usize, usize),
    ) -> Result<Self, GpuError> {
        let policy = plan.policy.build(&plan.policy_params, &plan.interface).map_err(refused)?;
        let (sizes, layout) = resolve(&plan, policy.as_ref(), ids.len())?;
        let n = sizes.params;
        let mut params = vec![0.0f32; ids.len() * n];
        for (id, lane) in ids.iter().zip(params.chunks_exact_mut(n)) {
            let start = bases::start(&plan, policy.as_ref(), bases, id.seed).map_err(GpuError::Unsupported)?;
            lane.copy_from_slice(&start);
        }
        let words = task_words(&plan, ids);
        let models = plan.reward_models.as_ref().map_or_else(Vec::new, |m| m.untrained());
        let reward_models = models.repeat(ids.len());
        let counters = plan.exploration.as_ref().map_or(0, |memory| ids.len() * memory.buckets());
        let buffers = make_buffers(context, &sizes, &layout, words.len(), reward_models.len(), counters)?;
        buffers.write(context, "reward_models", 0, &reward_models)?;
        let mut bags = layout.bags.clone();
        bags.resize(BAG_ENTRIES, [0; 4]);
        for (i, job) in layout.jobs().into_iter().enumerate() {
            buffers.write(context, "job", i * AT_STRIDE as usize / 4, &[job, 0, 0, 0])?;
        }
        buffers.write(context, "net", 0, &layout.net)?;
        buffers.write(context, "bags", 0, &bags)?;
        buffers.write(context, "tiles", 0, &layout.tiles)?;
        buffers.write(context, "task_words", 0, &words)?;
        buffers.write(context, "params", 0, &params)?;
        buffers.write(context, "base_params", 0, &params)?;

        let mut engine = Self {
            arms: plan.arms.to_vec(),
            context: context.clone(),
            readback: Readback::new(context, (sizes.ring * sizes.lanes * sizes.columns * 4) as u64),
            sizes,
            layout,
            buffers,
            stages: Vec::new(),
            lanes: ids.to_vec(),
            moves: vec![false; ids.len()],
            ring: None,
            update: 0,
            reward_models,
            due: Vec::new(),
            follows: false,
            kept_before: None,
            plan,
        };
        let mut sources = engine.parts().stages(&engine.arms.iter().map(|a| &a.program).collect::<Vec<_>>())?;
        sources.extend(engine.missing()?);
        engine.stages = Stage::all(context, &engine.sizes, &engine.layout, &engine.buffers, sources, progress).await?;
        for arm in 0..engine.arms.len() {
            engine.write_arm(arm)?;
        }
        for lane in 0..engine.lanes.len() {
            let entropy = EntropyControl::new(&engine.arms[engine.lanes[lane].arm].settings);
            engine.write_entropy(lane, 0, &entropy)?;
            engine.start_weights(lane, &[])?;
        }
        context.check()?;
        Ok(engine)
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts { ring: self.ring, ..Parts::of(&self.plan, &self.sizes, &self.layout) }
    }

    /// Writes the state of a lane's optimiser and entropy bonus.
    pub(super) fn write_entropy(&self, lane: usize, opt_step: u32, entropy: &EntropyControl) -> Result<(), GpuError> {
        let settings = &self.arms[self.lanes[lane].arm].settings;
        let state = [opt_step as f32, entropy.coef, 0.0, 0.0].map(f32::to_bits);
        self.write("opt_state", lane * 4, &state)?;
        let mut stats = Vec::with_capacity(LaneStats::WORDS);
        let on = f32::from(u8::from(entropy.last <= settings.entropy_target));
        LaneStats { bonus_on: on, bonus_entropy: entropy.last, ..LaneStats::default() }.write(&mut stats);
        self.write("loss_sums", lane * LaneStats::WORDS, &stats)
    }

    /// An arm as it is now, edits included.
    pub fn arm(&self, arm: usize) -> &PlannedArm {
        &self.arms[arm]
    }

    /// The lanes, in the order of rows.
    pub fn lane_ids(&self) -> impl Iterator<Item = LaneId> + '_ {
        self.lanes.iter().copied()
    }

    /// Sizes of the batch.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Updates submitted so far.
    pub fn update_count(&self) -> u32 {
        self.update
    }

    /// Bytes of GPU memory in buffers.
    pub fn bytes(&self) -> u64 {
        self.buffers.bytes()
    }

    /// Reads words of a buffer by its name in `shaders/README.md`.
    ///
    /// Errors: no such buffer or words, or the device is lost.
    pub async fn read(&self, name: &str, at: usize, words: usize) -> Result<Vec<u32>, GpuError> {
        Ok(self.read_all(&[(name, at, words)]).await?.into_iter().flatten().collect())
    }

    /// Reads several ranges (buffer, first word, words) at once, waiting for all work before.
    ///
    /// Errors: as `read`.
    pub(super) async fn read_all(&self, ranges: &[(&str, usize, usize)]) -> Result<Vec<Vec<u32>>, GpuError> {
        let mut sources = Vec::with_capacity(ranges.len());
        for (name, at, words) in ranges {
            sources.push((self.buffers.part(name, *at, *words)?, *at, *words));
        }
        read_buffers(&self.context, &sources).await
    }

    /// Overwrites words of a buffer by its name, before the next dispatch.
    ///
    /// Errors: no such buffer or words.
    pub fn write(&self, name: &str, at: usize, words: &[u32]) -> Result<(), GpuError> {
        self.buffers.write(&self.context, name, at, words)
    }

    /// A lane's place.
    ///
    /// Errors: no such lane.
    pub(super) fn lane_index(&self, lane: LaneId) -> Result<usize, GpuError> {
        let index = self.lanes.iter().position(|l| *l == lane);
        index.ok_or_else(|| GpuError::Read(format!("there is no lane of arm {} and seed {}", lane.arm, lane.seed)))
    }
}

impl Drop for GpuEngine {
    /// Frees the memory now; in a browser it would else wait for the garbage collector.
    fn drop(&mut self) {
        self.buffers.destroy();
    }
}
