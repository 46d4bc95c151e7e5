//! Four rooms: a square with two walls and four doors, the goal in the room across from the start. A group plays the
//! shared map or one that nobody has seen; optionally there is a noisy television.

use crate::math::rng::{below, draw, purpose, uniform};
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::dice::verdict;
use crate::tasks::kit::fields::Fields;
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::{
    DrawKey, MAX_ACTIVE, Observation, Play, STATE_WORDS, State, StepTask, Table, Task, TaskKind, TaskView, Twin,
};

params! {
    /// Parameters of the four rooms.
    pub struct RoomsParams {
        size: u32 = 13, 5 ..= 16, "cells", "Side of the square, walls included.";
        shared_structure: f32 = 1.0, 0.0 ..= 1.0, "probability", "Chance that a group plays the shared map; otherwise walls, doors, start and goal are drawn anew for it.";
        channels: u32 = 0, 0 ..= 32, "channels", "Channels of a noisy television that a fifth action turns to at random; 0: none.";
        horizon: u32 = 64, 1 ..= 64, "steps", "Most steps of an episode.";
        table_seed: u32 = 0, 0 ..= 1000000, "", "Which shared map; seed s of a run has the s-th after it, unless the run says how many instances there are.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a failure a success.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a success a failure.";
    }
}

/// The four rooms' entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "rooms",
    help: "Find the goal in the room across, on a map that stays or on a new one for each group.",
    table: Table::Fixed(RoomsParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "rooms.wgsl";
    words {
        SIZE = 0, SHARED_STRUCTURE = 1, CHANNELS = 2, FALSE_POSITIVE = 3, FALSE_NEGATIVE = 4,
        SHARED_MAP = 5, SHARED_ENDS = 6,
    }
    fields {
        length = 7, cells = 8, rooms = 9, actions = 10, bumps = 11, tv = 12, goal = 13, shared = 14, truncated = 15,
        correct = 16, goal_cell = 17, size = 18,
    }
}

/// State words. Map: four bits each for the walls' row and column and the four doors. Ends: eight bits each for the
/// goal's cell and the start's. Last: the last move plus 1, 0 where it did not move.
const CELL: usize = 0;
const MAP: usize = 1;
const ENDS: usize = 2;
const LAST: usize = 3;
const CHANNEL: usize = 4;
const SHARED: usize = 5;

const TV: u32 = 4;
/// Walls around a cell by last moves.
const LOCAL: u32 = 16 * 5;
/// Ways to something: row and column less, equal or more; and not in sight.
const WAYS: u32 = 10;

struct Rooms {
    params: RoomsParams,
    slots: Slots,
    shared_map: u32,
    shared_ends: u32,
}

fn schema(horizon: usize) -> EpisodeSchema {
    EpisodeSchema::new(Vec::new(), horizon)
        .count("length", "Number of steps.")
        .counts("cells", horizon + 1, "Cells (row * size + column): before each step, and after the last.")
        .counts(
            "rooms",
            horizon + 1,
            "Rooms along the cells: 0 and 1 above the wall, 2 and 3 below it; a door counts to the upper or left one.",
        )
        .at_most(3)
        .counts("actions", horizon, "Actions: 0 up, 1 down, 2 left, 3 right, 4 television.")
        .at_most(4)
        .field("bumps", Ty::Bools, horizon, "For each step, whether a wall or the edge stopped it.")
        .counts("tv", horizon, "For each step, the channel that the television showed, from 1; 0: not watched.")
        .field("goal", Ty::Bool, 1, "The goal was reached.")
        .field("shared", Ty::Bool, 1, "The group played the shared map.")
        .field("truncated", Ty::Bool, 1, "The horizon ended the episode.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the goal was reached.")
        .count("goal_cell", "The goal's cell.")
        .count("size", "Side of the square.")
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = RoomsParams::resolve(&[overrides])?;
    let (horizon, side) = (params.horizon as usize, params.size as usize);
    let schema = schema(horizon);
    let (map, ends) = drawn(params.size, |step| draw(params.table_seed, 0, 0, 0, step, purpose::TABLE));
    let mut cells: Vec<char> = (0..params.size * params.size)
        .map(|c| if wall(map, c / params.size, c % params.size) { '#' } else { '.' })
        .collect();
    cells[(ends & 255) as usize] = 'G';
    cells[(ends >> 8) as usize] = 'S';
    let mut action_names = ["up", "down", "left", "right"].map(String::from).to_vec();
    if params.channels > 0 {
        action_names.push("television".to_string());
    }
    let task = Rooms { slots: Slots::of(&schema), shared_map: map, shared_ends: ends, params };
    Ok(Task {
        kind: KIND.name,
        n_actions: action_names.len(),
        horizon,
        schema,
        action_names,
        play: Play::Steps(Box::new(task)),
        view: TaskView::Grid { rows: side, cols: side, cells, first_state: 0 },
        twin: Twin::Written(WGSL),
    })
}

/// Four bits of a map: 0 the walls' row, 1 their column, 2 and 3 the doors' rows in the upright wall, 4 and 5 the doors'
/// columns in the level one.
fn part(map: u32, i: u32) -> u32 {
    (map >> (4 * i)) & 15
}

fn wall(map: u32, row: u32, col: u32) -> bool {
    let upright = col == part(map, 1) && row != part(map, 2) && row != part(map, 3);
    let level = row == part(map, 0) && col != part(map, 4) && col != part(map, 5);
    upright || level
}

/// A map, and its goal and start, from three draws.
fn drawn(size: u32, dice: impl Fn(u32) -> [u32; 4]) -> (u32, u32) {
    let (a, b, c) = (dice(1), dice(2), dice(3));
    let third = size / 3;
    let row = third + below(a[0], size - 2 * third);
    let col = third + below(a[1], size - 2 * third);
    let doors = [
        below(a[2], row),
        row + 1 + below(a[3], size - 1 - row),
        below(b[0], col),
        col + 1 + below(b[1], size - 1 - col),
    ];
    let map = row | col << 4 | doors[0] << 8 | doors[1] << 12 | doors[2] << 16 | doors[3] << 20;
    let start = below(b[2], 4);
    let along = |far: bool, wall: u32, word: u32| {
        if far { wall + 1 + below(word, size - 1 - wall) } else { below(word, wall) }
    };
    let cell = |room: u32, x: u32, y: u32| along(room >= 2, row, x) * size + along(room % 2 == 1, col, y);
    (map, cell(3 - start, c[2], c[3]) | cell(start, c[0], c[1]) << 8)
}

/// The room of a place: a door counts to the upper or left one.
fn room(map: u32, row: u32, col: u32) -> u32 {
    2 * u32::from(row > part(map, 0)) + u32::from(col > part(map, 1))
}

/// From a place to another: 0 to 8.
fn way(row: u32, col: u32, to_row: u32, to_col: u32) -> u32 {
    let sign = |from: u32, to: u32| 1 + u32::from(to > from) - u32::from(to < from);
    3 * sign(row, to_row) + sign(col, to_col)
}

impl Rooms {
    /// Where a move leads: the cell itself where a wall or the edge stops it.
    fn next(&self, map: u32, cell: u32, action: u32) -> u32 {
        let n = self.params.size;
        let (row, col) = (cell / n, cell % n);
        // Beyond the edge a number wraps and is too large.
        let (row, col) = match action {
            0 => (row.wrapping_sub(1), col),
            1 => (row + 1, col),
            2 => (row, col.wrapping_sub(1)),
            _ => (row, col + 1),
        };
        if row >= n || col >= n || wall(map, row, col) { cell } else { row * n + col }
    }

    fn observe(&self, state: &State, t: usize, record: &mut [f32]) {
        let n = self.params.size;
        record[self.slots.cells + 1 + t] = state[CELL] as f32;
        record[self.slots.rooms + 1 + t] = room(state[MAP], state[CELL] / n, state[CELL] % n) as f32;
    }
}

impl StepTask for Rooms {
    fn observation(&self) -> Observation {
        let (cells, channels) = ((self.params.size * self.params.size) as usize, self.params.channels as usize);
        let shown = if channels > 0 { channels + 1 } else { 0 };
        Observation {
            features: cells + (LOCAL + 3 * WAYS + 16) as usize + shown,
            active: 6 + usize::from(channels > 0),
            states: cells * (channels + 1),
        }
    }

    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        let dice = |step| key.shared(step);
        let shared = uniform(dice(0)[0]) < self.params.shared_structure;
        let (map, ends) = if shared { (self.shared_map, self.shared_ends) } else { drawn(self.params.size, dice) };
        [state[MAP], state[ENDS], state[CELL], state[SHARED]] = [map, ends, ends >> 8, u32::from(shared)];
        record[self.slots.shared] = truth(shared);
        record[self.slots.goal_cell] = (ends & 255) as f32;
        record[self.slots.size] = self.params.size as f32;
        self.observe(state, 0, record);
    }

    fn shown_states(&self) -> usize {
        (self.params.size * self.params.size) as usize
    }

    /// Cell i of the shared map, before the first move.
    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        [state[MAP], state[ENDS], state[CELL], state[SHARED]] = [self.shared_map, self.shared_ends, i as u32, 1];
        state
    }

    /// The cell; the walls around it by the last move; the ways to the goal, where the room has it, and to the room's two
    /// doors; the room by the room of the start; what the television shows.
    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        let (n, map, cell) = (self.params.size, state[MAP], state[CELL]);
        let (row, col) = (cell / n, cell % n);
        let here = room(map, row, col);
        let (goal, start) = (state[ENDS] & 255, state[ENDS] >> 8);
        let mut base = n * n;
        out[0] = cell;
        let around = (0..4).fold(0, |all, a| all | u32::from(self.next(map, cell, a) == cell) << a);
        out[1] = base + around * 5 + state[LAST];
        base += LOCAL;
        let seen = room(map, goal / n, goal % n) == here;
        out[2] = base + if seen { way(row, col, goal / n, goal % n) } else { WAYS - 1 };
        base += WAYS;
        let door_row = part(map, 2 + here / 2);
        out[3] = base + way(row, col, door_row, part(map, 1));
        base += WAYS;
        out[4] = base + way(row, col, part(map, 0), part(map, 4 + here % 2));
        base += WAYS;
        out[5] = base + room(map, start / n, start % n) * 4 + here;
        base += 16;
        if self.params.channels > 0 {
            out[6] = base + state[CHANNEL];
        }
    }

    fn state_index(&self, state: &State) -> u32 {
        state[CHANNEL] * self.params.size * self.params.size + state[CELL]
    }

    /// A map that is not shared is a context of its own: its cells are other states.
    fn key(&self, state: &State) -> u32 {
        let row = self.state_index(state);
        if state[SHARED] == 1 {
            return row;
        }
        let context = (state[MAP] ^ state[ENDS].rotate_left(16)).wrapping_mul(2_654_435_761);
        (context >> 4).wrapping_add(row.wrapping_mul(40_503)) & 0xff_ffff
    }

    fn step(&self, key: DrawKey, t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        let (s, p, at) = (&self.slots, &self.params, t as usize + 1);
        let mut to = state[CELL];
        if action == TV {
            let dice = key.own(t, purpose::TASK);
            state[CHANNEL] = 1 + below(dice[0], p.channels.max(1));
        } else {
            state[CHANNEL] = 0;
            to = self.next(state[MAP], state[CELL], action);
        }
        let moved = to != state[CELL];
        state[LAST] = if moved { 1 + action } else { 0 };
        state[CELL] = to;
        record[s.actions + at] = action as f32;
        record[s.bumps + at] = truth(!moved && action != TV);
        record[s.tv + at] = state[CHANNEL] as f32;
        self.observe(state, at, record);
        to == state[ENDS] & 255
    }

    fn chances(&self, action: u32, state: &State) -> Option<Vec<(f64, State, bool)>> {
        let n = self.params.channels.max(1);
        let on = |channel| {
            let mut after = *state;
            [after[LAST], after[CHANNEL]] = [0, channel];
            (1.0 / f64::from(n), after, state[CELL] == state[ENDS] & 255)
        };
        (action == TV).then(|| (1..=n).map(on).collect())
    }

    fn finish(&self, key: DrawKey, state: &State, length: u32, truncated: bool, record: &mut [f32]) -> f32 {
        let (s, p) = (&self.slots, &self.params);
        record[s.length] = length as f32;
        for along_states in [s.cells, s.rooms] {
            record[along_states] = (length + 1) as f32;
        }
        for along_steps in [s.actions, s.bumps, s.tv] {
            record[along_steps] = length as f32;
        }
        let goal = state[CELL] == state[ENDS] & 255;
        record[s.goal] = truth(goal);
        record[s.truncated] = truth(truncated);
        record[s.correct] = truth(verdict(key, goal, p.false_positive, p.false_negative));
        truth(goal)
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::SIZE] = p.size;
        words[word::SHARED_STRUCTURE] = p.shared_structure.to_bits();
        words[word::CHANNELS] = p.channels;
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        words[word::SHARED_MAP] = self.shared_map;
        words[word::SHARED_ENDS] = self.shared_ends;
        words
    }
}
