//! The chain: a corridor with the goal at its far end, too long for chance; optionally a small prize at the near end and
//! a noisy television.

use crate::math::rng::{below, purpose, uniform};
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::dice::verdict;
use crate::tasks::kit::fields::Fields;
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::task::refuse;
use crate::tasks::{
    DrawKey, MAX_ACTIVE, Observation, Play, STATE_WORDS, State, StepTask, Table, Task, TaskKind, TaskView, Twin,
};

params! {
    /// Parameters of the chain.
    pub struct ChainParams {
        cells: u32 = 32, 2 ..= 64, "cells", "Length of the chain; the goal is its last cell.";
        distractor: u32 = 0, 0 ..= 32, "steps", "Steps from the start up to the distractor, which ends the episode; 0: the chain begins at the start.",
            source "ExploRS (Devidze et al. 2022): the chain with n1 and n2";
        channels: u32 = 0, 0 ..= 64, "channels", "Channels of a noisy television that a third action turns to at random; 0: none.";
        slip: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that a step goes the other way.";
        horizon: u32 = 64, 1 ..= 64, "steps", "Most steps of an episode.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a failure a success.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a success a failure.";
    }
}

/// The chain's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "chain",
    help: "Walk down a long corridor to the goal at its end; nothing on the way says that it is there.",
    table: Table::Fixed(ChainParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "chain.wgsl";
    words { CELLS = 0, START = 1, CHANNELS = 2, SLIP = 3, FALSE_POSITIVE = 4, FALSE_NEGATIVE = 5 }
    fields {
        length = 6, cells = 7, actions = 8, tv = 9, goal = 10, distractor = 11, truncated = 12, correct = 13,
        chain = 14,
    }
}

/// State words. Channel: 0, or what the television shows.
const CELL: usize = 0;
const CHANNEL: usize = 1;

const UP: u32 = 0;
const TV: u32 = 2;

struct Chain {
    params: ChainParams,
    slots: Slots,
}

fn schema(horizon: usize) -> EpisodeSchema {
    EpisodeSchema::new(Vec::new(), horizon)
        .count("length", "Number of steps.")
        .counts("cells", horizon + 1, "Cells from the top: before each step, and after the last.")
        .counts("actions", horizon, "Actions: 0 up, 1 down, 2 television.")
        .at_most(2)
        .counts("tv", horizon, "For each step, the channel that the television showed, from 1; 0: not watched.")
        .field("goal", Ty::Bool, 1, "The goal was reached.")
        .field("distractor", Ty::Bool, 1, "The distractor was reached.")
        .field("truncated", Ty::Bool, 1, "The horizon ended the episode.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the goal was reached.")
        .count("chain", "Number of cells.")
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = ChainParams::resolve(&[overrides])?;
    if params.distractor + 1 >= params.cells {
        let (distractor, cells) = (params.distractor, params.cells);
        let message = format!("distractor ({distractor}) must leave a way to the goal in a chain of {cells} cells");
        return Err(vec![refuse("distractor", message)]);
    }
    let (horizon, rows) = (params.horizon as usize, params.cells as usize);
    let schema = schema(horizon);
    let mut cells = vec!['.'; rows];
    cells[0] = if params.distractor > 0 { 'L' } else { '.' };
    cells[params.distractor as usize] = 'S';
    cells[rows - 1] = 'G';
    let mut action_names = vec!["up".to_string(), "down".to_string()];
    if params.channels > 0 {
        action_names.push("television".to_string());
    }
    let slots = Slots::of(&schema);
    Ok(Task {
        kind: KIND.name,
        n_actions: action_names.len(),
        horizon,
        schema,
        action_names,
        play: Play::Steps(Box::new(Chain { params, slots })),
        view: TaskView::Grid { rows, cols: 1, cells, first_state: 0 },
        twin: Twin::Written(WGSL),
    })
}

impl Chain {
    fn cells(&self) -> usize {
        self.params.cells as usize
    }

    fn distractor(&self, cell: u32) -> bool {
        self.params.distractor > 0 && cell == 0
    }
}

impl StepTask for Chain {
    fn observation(&self) -> Observation {
        let channels = self.params.channels as usize;
        let shown = if channels > 0 { channels + 1 } else { 0 };
        Observation {
            features: self.cells() + shown,
            active: 1 + usize::from(channels > 0),
            states: self.cells() * (channels + 1),
        }
    }

    fn begin(&self, _key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        state[CELL] = self.params.distractor;
        record[self.slots.chain] = self.params.cells as f32;
        record[self.slots.cells + 1] = state[CELL] as f32;
    }

    fn shown_states(&self) -> usize {
        self.cells()
    }

    /// Cell i, with the television off.
    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        state[CELL] = i as u32;
        state
    }

    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        out[0] = state[CELL];
        if self.params.channels > 0 {
            out[1] = self.params.cells + state[CHANNEL];
        }
    }

    fn state_index(&self, state: &State) -> u32 {
        state[CHANNEL] * self.params.cells + state[CELL]
    }

    fn step(&self, key: DrawKey, t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        let (s, p, at) = (&self.slots, &self.params, t as usize + 1);
        let dice = key.own(t, purpose::TASK);
        state[CHANNEL] = 0;
        if action == TV {
            state[CHANNEL] = 1 + below(dice[1], p.channels.max(1));
        } else if (action == UP) != (uniform(dice[0]) < p.slip) {
            state[CELL] = state[CELL].saturating_sub(1);
        } else {
            state[CELL] = (state[CELL] + 1).min(p.cells - 1);
        }
        record[s.actions + at] = action as f32;
        record[s.tv + at] = state[CHANNEL] as f32;
        record[s.cells + at + 1] = state[CELL] as f32;
        state[CELL] + 1 == p.cells || self.distractor(state[CELL])
    }

    fn chances(&self, action: u32, state: &State) -> Option<Vec<(f64, State, bool)>> {
        let (p, slip) = (&self.params, f64::from(self.params.slip));
        let to = |cell: u32, channel: u32| {
            let mut after = *state;
            [after[CELL], after[CHANNEL]] = [cell, channel];
            (after, cell + 1 == p.cells || self.distractor(cell))
        };
        let outcomes: Vec<(f64, (State, bool))> = if action == TV {
            let n = p.channels.max(1);
            (1..=n).map(|channel| (1.0 / f64::from(n), to(state[CELL], channel))).collect()
        } else {
            let (up, down) = (to(state[CELL].saturating_sub(1), 0), to((state[CELL] + 1).min(p.cells - 1), 0));
            let rises = if action == UP { 1.0 - slip } else { slip };
            vec![(rises, up), (1.0 - rises, down)]
        };
        Some(outcomes.into_iter().filter(|o| o.0 > 0.0).map(|(p, (after, over))| (p, after, over)).collect())
    }

    fn finish(&self, key: DrawKey, state: &State, length: u32, truncated: bool, record: &mut [f32]) -> f32 {
        let (s, p) = (&self.slots, &self.params);
        record[s.length] = length as f32;
        record[s.cells] = (length + 1) as f32;
        record[s.actions] = length as f32;
        record[s.tv] = length as f32;
        let goal = state[CELL] + 1 == p.cells;
        record[s.goal] = truth(goal);
        record[s.distractor] = truth(self.distractor(state[CELL]));
        record[s.truncated] = truth(truncated);
        record[s.correct] = truth(verdict(key, goal, p.false_positive, p.false_negative));
        truth(goal)
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::CELLS] = p.cells;
        words[word::START] = p.distractor;
        words[word::CHANNELS] = p.channels;
        words[word::SLIP] = p.slip.to_bits();
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        words
    }
}
