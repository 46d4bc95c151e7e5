//! Scoring a batch on the CPU: every component of every sample, then the reward of every sample that has no error.

use super::ir::{FINITE_LIMIT, NONE, code};
use super::program::Program;
use super::vm::{Inputs, Machine, Members};

/// What a program made of a batch. Sizes: `C` components, `S` of them step components, `n` samples, `T` the horizon.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// `[C][n]`; NaN where a component does not apply or failed. A step component is the sum over its steps.
    pub components: Vec<f32>,
    /// `[C][n]`; 0, or `code << 16 | line` of what failed.
    pub component_errors: Vec<u32>,
    /// `[S][n][T]`; NaN beyond the length, where a step does not apply, and where it failed.
    pub steps: Vec<f32>,
    /// `[S][n][T]`; 0, or `code << 16 | line`.
    pub step_errors: Vec<u32>,
    /// `[n]`; NaN when no component applies, when `combine` gives None, and for a sample with an error.
    pub reward: Vec<f32>,
    /// `[n][T]`; what each step is paid, 0 where there is nothing to pay.
    pub step_reward: Vec<f32>,
    /// `[n]`; 0, or `code << 16 | line` of the first failure.
    pub errors: Vec<u32>,
}

/// Working memory of the evaluator; make it once and keep it.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    machine: Machine,
    /// `[n]`; the errors of the components, kept while those of `combine` come in.
    component_errors: Vec<u32>,
}

/// The groups of a batch: consecutive samples.
#[derive(Clone, Copy, Debug)]
pub enum Groups<'a> {
    /// Groups of this size (the last may be smaller).
    Even(usize),
    /// Each group's first sample, ascending from 0.
    Starts(&'a [u32]),
}

impl Groups<'_> {
    fn range(&self, group: usize, n: usize) -> Option<(usize, usize)> {
        let (start, end) = match self {
            Groups::Even(size) => {
                let size = (*size).max(1);
                (group * size, (group + 1) * size)
            }
            Groups::Starts(starts) => {
                let start = *starts.get(group)? as usize;
                (start, starts.get(group + 1).map_or(n, |end| *end as usize))
            }
        };
        let end = end.min(n);
        (start < end).then_some((start, end))
    }

    fn count(&self, n: usize) -> usize {
        match self {
            Groups::Even(size) => n.div_ceil((*size).max(1)),
            Groups::Starts(starts) => starts.len(),
        }
    }
}

impl Scores {
    fn reset(&mut self, components: usize, steps: usize, n: usize, horizon: usize) {
        fn fill<T: Copy>(buffer: &mut Vec<T>, len: usize, value: T) {
            buffer.clear();
            buffer.resize(len, value);
        }
        fill(&mut self.components, components * n, f32::NAN);
        fill(&mut self.component_errors, components * n, 0);
        fill(&mut self.steps, steps * n * horizon, f32::NAN);
        fill(&mut self.step_errors, steps * n * horizon, 0);
        fill(&mut self.reward, n, f32::NAN);
        fill(&mut self.step_reward, n * horizon, 0.0);
        fill(&mut self.errors, n, 0);
    }
}

impl Program {
    /// Scores a batch of `n` samples in groups of `group`: `records` is `[n][stride]`, `run` one number a name of the
    /// run schema. Allocates nothing once the buffers of `out` and `scratch` have their size.
    pub fn score(&self, records: &[f32], n: usize, group: usize, run: &[f32], out: &mut Scores, scratch: &mut Scratch) {
        self.score_groups(records, n, Groups::Even(group), run, out, scratch);
    }

    /// As `score`, for groups of any sizes.
    pub fn score_groups(
        &self,
        records: &[f32],
        n: usize,
        groups: Groups,
        run: &[f32],
        out: &mut Scores,
        scratch: &mut Scratch,
    ) {
        let horizon = self.horizon;
        out.reset(self.components.len(), self.n_step_components(), n, horizon);
        let Scratch { machine, component_errors } = scratch;
        self.code.start(machine);
        let inputs = Inputs {
            records,
            stride: self.stride,
            run,
            components: &[],
            n,
            sample: 0,
            errors: &[],
            group: Members::default(),
            batch: Members::default(),
        };
        for sample in 0..n {
            let length = self.length(records, sample);
            let mut step_index = 0;
            for (c, component) in self.components.iter().enumerate() {
                let function = self.unit.components[c];
                let result = if component.is_step {
                    let at = (step_index * n + sample) * horizon;
                    step_index += 1;
                    let steps = &mut out.steps[at..at + horizon];
                    let errors = &mut out.step_errors[at..at + horizon];
                    let mut sum = NONE;
                    let mut first_error = 0;
                    for t in 0..length {
                        match self.code.call(machine, function, &[sample as u32, t as u32], &inputs) {
                            Ok(bits) => {
                                let value = self.value(c, bits);
                                if value != NONE {
                                    steps[t] = value;
                                    sum = if sum == NONE { value } else { sum + value };
                                }
                            }
                            Err(error) => {
                                errors[t] = error;
                                first_error = if first_error == 0 { error } else { first_error };
                            }
                        }
                    }
                    let sum = if length == 0 { 0.0 } else { sum };
                    match first_error {
                        0 if sum == NONE || sum.abs() < FINITE_LIMIT => Ok(sum),
                        0 => Err(code::NOT_FINITE << 16 | component.line),
                        error => Err(error),
                    }
                } else {
                    self.code.call(machine, function, &[sample as u32], &inputs).map(|bits| self.value(c, bits))
                };
                match result {
                    Ok(value) => out.components[c * n + sample] = if value == NONE { f32::NAN } else { value },
                    Err(error) => {
                        out.component_errors[c * n + sample] = error;
                        if out.errors[sample] == 0 {
                            out.errors[sample] = error;
                        }
                    }
                }
            }
        }
        component_errors.clear();
        component_errors.extend_from_slice(&out.errors);
        match self.unit.combine {
            Some(function) => self.combine(function, records, n, groups, run, out, machine, component_errors),
            None => self.weighted_sum(records, n, out),
        }
    }

    fn value(&self, component: usize, bits: u32) -> f32 {
        if self.unit.functions[self.unit.components[component]].ret.is_empty() { NONE } else { f32::from_bits(bits) }
    }

    /// The number of steps of a sample, at most the horizon.
    fn length(&self, records: &[f32], sample: usize) -> usize {
        let slot = self.length_slot.and_then(|slot| records.get(sample * self.stride + slot));
        slot.map_or(0, |length| (*length).max(0.0) as usize).min(self.horizon)
    }

    /// The default reward: the weighted sum of the components that apply. A step component is paid at its step, the
    /// others on the last.
    fn weighted_sum(&self, records: &[f32], n: usize, out: &mut Scores) {
        let horizon = self.horizon;
        for sample in 0..n {
            if out.errors[sample] != 0 {
                continue;
            }
            let mut reward = NONE;
            for (c, component) in self.components.iter().enumerate() {
                let value = out.components[c * n + sample];
                if !value.is_nan() {
                    let share = component.weight * value;
                    reward = if reward == NONE { share } else { reward + share };
                }
            }
            if reward == NONE {
                continue;
            }
            if reward.abs() >= FINITE_LIMIT {
                let line = self.components.last().map_or(0, |component| component.line);
                out.errors[sample] = code::NOT_FINITE << 16 | line;
                continue;
            }
            out.reward[sample] = reward;
            let paid = &mut out.step_reward[sample * horizon..(sample + 1) * horizon];
            let last = self.length(records, sample).max(1) - 1;
            let mut step_index = 0;
            for (c, component) in self.components.iter().enumerate() {
                if component.is_step {
                    let at = (step_index * n + sample) * horizon;
                    step_index += 1;
                    for (pay, value) in paid.iter_mut().zip(&out.steps[at..at + horizon]) {
                        if !value.is_nan() {
                            *pay += component.weight * value;
                        }
                    }
                } else if let Some(pay) = paid.get_mut(last) {
                    let value = out.components[c * n + sample];
                    if !value.is_nan() {
                        *pay += component.weight * value;
                    }
                }
            }
        }
    }

    /// The reward that `combine` computes, paid on the last step. Samples whose components failed are left out of
    /// `group` and `batch`; a failure of `combine` itself changes nothing for the others.
    fn combine(
        &self,
        function: usize,
        records: &[f32],
        n: usize,
        groups: Groups,
        run: &[f32],
        out: &mut Scores,
        machine: &mut Machine,
        component_errors: &[u32],
    ) {
        let Scores { components, reward, step_reward, errors, .. } = out;
        let count_valid = |errors: &[u32]| errors.iter().filter(|error| **error == 0).count();
        let valid = count_valid(component_errors);
        let batch = Members { start: 0, count: n, valid };
        let mut inputs = Inputs {
            records,
            stride: self.stride,
            run,
            components,
            n,
            sample: 0,
            errors: component_errors,
            group: batch,
            batch,
        };
        for group in 0..groups.count(n) {
            let Some((start, end)) = groups.range(group, n) else { continue };
            let valid = count_valid(&component_errors[start..end]);
            inputs.group = Members { start, count: end - start, valid };
            self.code.start_group(machine);
            for sample in start..end {
                if component_errors[sample] != 0 {
                    continue;
                }
                inputs.sample = sample;
                match self.code.call(machine, function, &[sample as u32], &inputs) {
                    Ok(_) if self.unit.functions[function].ret.is_empty() => {}
                    Ok(bits) => {
                        let value = f32::from_bits(bits);
                        if value == NONE {
                            continue;
                        }
                        reward[sample] = value;
                        let last = self.length(records, sample).max(1) - 1;
                        if last < self.horizon {
                            step_reward[sample * self.horizon + last] = value;
                        }
                    }
                    Err(error) => errors[sample] = error,
                }
            }
        }
    }
}
