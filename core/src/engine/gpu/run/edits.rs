//! Edits of a run: new settings and new programs for an arm, and what they need that is not there yet.

use super::engine::GpuEngine;
use super::stage::Stage;
use crate::algorithm::Settings;
use crate::algorithm::settings::Estimator;
use crate::algorithm::shader::ArmSettings;
use crate::engine::gpu::device::GpuError;
use crate::engine::gpu::text::{Needs, Source};
use crate::reward::Program;
use std::future::Future;

/// A program that was compiled beside the run.
pub struct Prepared {
    arm: usize,
    program: Program,
    stages: Vec<Stage>,
}

impl GpuEngine {
    /// Writes an arm's settings, and beside its lanes the number of its components and whether it combines them itself.
    pub(super) fn write_arm(&self, arm: usize) -> Result<(), GpuError> {
        let planned = &self.arms[arm];
        let weights: Vec<f32> = planned.program.components.iter().map(|c| c.weight).collect();
        let words = ArmSettings::words(&planned.settings, &weights);
        self.write("settings", arm * ArmSettings::WORDS, &words)?;
        for (i, id) in self.lanes.iter().enumerate().filter(|(_, id)| id.arm == arm) {
            let combines = u32::from(planned.program.has_combine());
            self.write("lanes", i * 4, &[arm as u32, self.plan.seed(id.seed), weights.len() as u32, combines])?;
        }
        Ok(())
    }

    /// Places of an arm's lanes.
    fn lanes_of(&self, arm: usize) -> Vec<usize> {
        (0..self.lanes.len()).filter(|l| self.lanes[*l].arm == arm).collect()
    }

    /// Uses new settings for an arm from the next submit on.
    ///
    /// Errors: settings that need a value head where the run has none, or buffers that the device does not hold.
    pub fn set_settings(&mut self, arm: usize, settings: Settings) -> Result<(), GpuError> {
        if settings.estimator == Estimator::Gae && !self.sizes.critic {
            return Err(GpuError::Unsupported("the estimator gae in a run without a value head".into()));
        }
        let entropy = settings.entropy_coef.to_bits();
        let before = std::mem::replace(&mut self.arms[arm].settings, settings);
        if let Err(error) = self.add_missing() {
            self.arms[arm].settings = before;
            return Err(error);
        }
        self.write_arm(arm)?;
        for lane in self.lanes_of(arm) {
            self.write("opt_state", lane * 4 + 1, &[entropy])?;
            self.forget_past(lane)?;
            // Weights that moved stay where they are.
            if !self.moves[lane] {
                self.start_weights(lane, &[])?;
            }
        }
        Ok(())
    }

    /// Starts to compile a new program for an arm beside the run; `install` puts it to use. The future does not borrow
    /// the engine, so that training goes on meanwhile.
    pub fn prepare(&self, arm: usize, program: Program) -> impl Future<Output = Result<Prepared, GpuError>> + 'static {
        let programs: Vec<&Program> =
            self.arms.iter().enumerate().map(|(i, a)| if i == arm { &program } else { &a.program }).collect();
        let sources = self.parts().judges(&programs);
        let (context, sizes, layout) = (self.context.clone(), self.sizes.clone(), self.layout.clone());
        let buffers = self.buffers.clone();
        async move {
            let stages = Stage::all(&context, &sizes, &layout, &buffers, sources?, |_, _| ()).await?;
            Ok(Prepared { arm, program, stages })
        }
    }

    /// Uses a prepared program from the next submit on; the policies stay.
    ///
    /// Errors: a buffer that this run has not; a bug.
    pub fn install(&mut self, prepared: Prepared) -> Result<(), GpuError> {
        for new in prepared.stages {
            if let Some(old) = self.stages.iter_mut().find(|s| s.kernel.name == new.kernel.name) {
                *old = new;
            }
        }
        self.arms[prepared.arm].program = prepared.program;
        self.write_arm(prepared.arm)?;
        // Weights that moved and past samples belong to the program that they were found with.
        for lane in self.lanes_of(prepared.arm) {
            self.start_weights(lane, &[])?;
            self.forget_past(lane)?;
        }
        Ok(())
    }

    /// Compiles a new program for an arm and uses it from the next submit on.
    ///
    /// Errors: a program that the device's compiler refuses, or more components than the device holds; the old one goes
    /// on.
    pub async fn set_program(&mut self, arm: usize, program: Program) -> Result<(), GpuError> {
        if !self.sizes.has_room(&program) {
            self.grow(&program).await?;
        }
        let prepared = self.prepare(arm, program).await?;
        self.install(prepared)
    }

    /// Makes the buffers that have a slot for every component anew, larger, and compiles all stages for them. What they
    /// hold is of one update only.
    ///
    /// Errors: buffers that the device does not hold; everything stays as it was.
    async fn grow(&mut self, program: &Program) -> Result<(), GpuError> {
        let before = (self.sizes.clone(), self.buffers.clone());
        self.sizes.make_room(program);
        let stages = self.compiled_anew().await;
        match stages {
            Ok(stages) => self.stages = stages,
            Err(error) => {
                (self.sizes, self.buffers) = before;
                return Err(error);
            }
        }
        Ok(())
    }

    async fn compiled_anew(&mut self) -> Result<Vec<Stage>, GpuError> {
        let sizes = &self.sizes;
        let (samples, rows) = (sizes.lanes * sizes.samples(), sizes.lanes * sizes.rows());
        self.buffers.storage(&self.context, "components", samples * sizes.components)?;
        self.buffers.storage(&self.context, "step_components", rows * sizes.step_components)?;
        let programs: Vec<&Program> = self.arms.iter().map(|arm| &arm.program).collect();
        let mut sources = self.parts().stages(&programs)?;
        if self.has_stage("outer_step") {
            self.buffers.storage(&self.context, "outer_products", 4 * self.sizes.lanes * self.sizes.components)?;
            sources.extend(self.parts().stages_for(Needs::SlowLoop)?);
        }
        // Past samples have a shape of their own, but their stages are compiled with the same sizes.
        if self.has_stage("refill_draw") {
            sources.extend(self.parts().stages_for(Needs::PastSamples)?);
        } else {
            sources.extend(self.missing()?);
        }
        Stage::all(&self.context, &self.sizes, &self.layout, &self.buffers, sources, |_, _| ()).await
    }

    /// Whether a stage of that name has been compiled.
    pub(super) fn has_stage(&self, name: &str) -> bool {
        self.stages.iter().any(|stage| stage.kernel.name == name)
    }

    /// Makes the buffers that the arms ask for and that are not there; gives the stages that are still to be compiled.
    ///
    /// Errors: buffers that the device does not hold.
    pub(super) fn missing(&mut self) -> Result<Vec<Source>, GpuError> {
        let mut sources = self.missing_outer()?;
        sources.extend(self.missing_refill()?);
        Ok(sources)
    }

    /// Compiles what an edit asks for and is not there, without waiting for the compiler's verdict: a refusal is the
    /// device's fault, found by the next submit.
    fn add_missing(&mut self) -> Result<(), GpuError> {
        let mut known = Vec::new();
        for source in self.missing()? {
            let (context, sizes, layout, buffers) = (&self.context, &self.sizes, &self.layout, &self.buffers);
            self.stages.push(Stage::unawaited(context, sizes, layout, buffers, &source, &mut known)?);
        }
        Ok(())
    }
}
