//! The point mass: a body with inertia and drag in a square; eight thrusts, and a target in the middle. Everything moves
//! in whole numbers, so that shaders give the same bits.

use crate::math::rng::below;
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::dice::verdict;
use crate::tasks::kit::fields::Fields;
use crate::tasks::kit::fixed::{UNIT, bin, cosine1024, length16, octant};
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::task::refuse;
use crate::tasks::{
    DrawKey, MAX_ACTIVE, Observation, Play, STATE_WORDS, State, StepTask, Table, Task, TaskKind, TaskView, Twin,
};

params! {
    /// Parameters of the point mass.
    pub struct PointmassParams {
        thrust: u32 = 8, 1 ..= 16, "1/256 length a step", "What a thrust adds to the velocity in one step.",
            formula "v += thrust - v / 8; x += v; the greatest speed is 8 thrust";
        radius: f32 = 0.5, 0.1 ..= 2.0, "lengths", "How near the target counts as reached; the square's side is 8.";
        start_distance: f32 = 3.0, 0.5 ..= 4.0, "lengths", "Starts lie on a square of this half-side around the target.";
        start_speed: f32 = 0.5, 0.0 ..= 1.0, "of the greatest", "Start velocities are drawn from a square of this half-side.";
        ends: bool = true, 0 ..= 1, "", "Reaching the target ends the episode; if not, it goes on to the horizon.";
        horizon: u32 = 48, 1 ..= 64, "steps", "Most steps of an episode.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a failure a success.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a success a failure.";
    }
}

/// The point mass's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "pointmass",
    help: "Steer a body with inertia to a target, by thrusts in eight directions.",
    table: Table::Fixed(PointmassParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "pointmass.wgsl";
    words {
        THRUST = 0, RADIUS = 1, START_DISTANCE = 2, START_SPEED = 3, ENDS = 4, FALSE_POSITIVE = 5, FALSE_NEGATIVE = 6,
        SPEED_SCALE = 7,
    }
    fields {
        length = 8, cells = 9, distance = 10, speed = 11, alignment = 12, actions = 13, reached = 14, reached_at = 15,
        truncated = 16, correct = 17,
    }
}

/// State words: place and velocity relative to the target, signed, in 256ths; the step that reached it, or 0.
const X: usize = 0;
const Y: usize = 1;
const VX: usize = 2;
const VY: usize = 3;
const REACHED_AT: usize = 4;

/// Half the square's side.
const SIDE: i32 = 4 * UNIT - 1;
/// One part in so many of a velocity is lost to drag in a step.
const DRAG: i32 = 8;
/// Thrusts: up, down, left, right, the diagonals, none. A diagonal's parts are 181/256 of the thrust.
const THRUSTS: [(i32, i32); 9] = [(0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (1, -1), (-1, 1), (1, 1), (0, 0)];
const FIRST_DIAGONAL: u32 = 4;
/// Cells along a side of the map that the table and the view see.
const CELLS: i32 = 10;
/// Directions of a velocity, and one for slow.
const HEADINGS: u32 = 9;
/// Parts of a velocity's axis.
const VELOCITIES: i32 = 7;

struct Pointmass {
    params: PointmassParams,
    slots: Slots,
    radius: i32,
    speed_scale: f32,
}

fn schema(horizon: usize) -> EpisodeSchema {
    let states = horizon + 1;
    EpisodeSchema::new(Vec::new(), horizon)
        .count("length", "Number of steps.")
        .counts("cells", states, "Cells of a 10 x 10 map (row * 10 + column): before each step, and after the last.")
        .at_most(99)
        .field(
            "distance",
            Ty::Floats,
            states,
            "Distance to the target in lengths: before each step, and after the last.",
        )
        .at_least(0)
        .field(
            "speed",
            Ty::Floats,
            states,
            "Speed as a share of the greatest speed, along the states; above 1 only where an episode starts so.",
        )
        .at_least(0)
        .field(
            "alignment",
            Ty::Floats,
            states,
            "Cosine between the velocity and the way to the target, -1 to 1, along the states; 0 at rest.",
        )
        .at_least(-1)
        .at_most(1)
        .counts(
            "actions",
            horizon,
            "Thrusts: 0 up, 1 down, 2 left, 3 right, 4 up-left, 5 up-right, 6 down-left, 7 down-right, 8 none.",
        )
        .at_most(8)
        .field("reached", Ty::Bool, 1, "The target was reached.")
        .count("reached_at", "The step that reached the target, from 1; 0: none did.")
        .field("truncated", Ty::Bool, 1, "The horizon ended the episode.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the target was reached.")
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = PointmassParams::resolve(&[overrides])?;
    if params.radius >= params.start_distance {
        let (radius, start) = (params.radius, params.start_distance);
        return Err(vec![refuse(
            "radius",
            format!(
                "radius ({radius}) must be less than start_distance ({start}), or every episode starts at the target"
            ),
        )]);
    }
    let horizon = params.horizon as usize;
    let schema = schema(horizon);
    let side = CELLS as usize;
    let mut cells = vec!['.'; side * side];
    for middle in [side / 2 - 1, side / 2] {
        cells[middle * side + side / 2 - 1] = 'G';
        cells[middle * side + side / 2] = 'G';
    }
    let task = Pointmass {
        radius: (params.radius * UNIT as f32) as i32,
        speed_scale: 1.0 / (16 * DRAG * params.thrust as i32) as f32,
        slots: Slots::of(&schema),
        params,
    };
    Ok(Task {
        kind: KIND.name,
        n_actions: THRUSTS.len(),
        horizon,
        schema,
        action_names: ["up", "down", "left", "right", "up-left", "up-right", "down-left", "down-right", "none"]
            .map(String::from)
            .to_vec(),
        play: Play::Steps(Box::new(task)),
        view: TaskView::Grid { rows: side, cols: side, cells, first_state: 0 },
        twin: Twin::Written(WGSL),
    })
}

fn vector(state: &State) -> [i32; 4] {
    [X, Y, VX, VY].map(|i| state[i] as i32)
}

impl Pointmass {
    /// The greatest part of a velocity.
    fn top(&self) -> i32 {
        DRAG * self.params.thrust as i32
    }

    /// Which of nine headings a velocity has: slow, or one of eight directions.
    fn heading(&self, vx: i32, vy: i32) -> u32 {
        let slow = vx.abs().max(vy.abs()) * 4 < self.top();
        if slow { 0 } else { 1 + octant(vx, vy) }
    }

    fn near(&self, x: i32, y: i32) -> bool {
        x * x + y * y <= self.radius * self.radius
    }

    /// Writes how the state after `t` steps looks.
    fn observe(&self, state: &State, t: usize, record: &mut [f32]) {
        let (s, [x, y, vx, vy]) = (&self.slots, vector(state));
        record[s.cells + 1 + t] = cell(x, y) as f32;
        record[s.distance + 1 + t] = length16(x, y) as f32 * (1.0 / 4096.0);
        record[s.speed + 1 + t] = length16(vx, vy) as f32 * self.speed_scale;
        record[s.alignment + 1 + t] = cosine1024(-x, -y, vx, vy) as f32 * (1.0 / 1024.0);
    }
}

/// The map's cell of a place.
fn cell(x: i32, y: i32) -> u32 {
    bin(y, SIDE, CELLS) * CELLS as u32 + bin(x, SIDE, CELLS)
}

impl StepTask for Pointmass {
    fn observation(&self) -> Observation {
        let tiles = CELLS * CELLS + (CELLS + 1) * (CELLS + 1) + VELOCITIES * VELOCITIES;
        let states = (CELLS * CELLS) as usize * HEADINGS as usize;
        Observation { features: tiles as usize + 24 * HEADINGS as usize, active: 4, states }
    }

    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        let dice = key.shared(0);
        let speed = key.shared(1);
        let far = (self.params.start_distance * UNIT as f32) as i32;
        let along = below(dice[0], 2 * far as u32 + 1) as i32 - far;
        // One of the four edges of the square of starts.
        let edge = if dice[1] & 1 == 0 { far } else { -far };
        let (x, y) = if dice[1] & 2 == 0 { (edge, along) } else { (along, edge) };
        let most = (self.params.start_speed * self.top() as f32) as i32;
        let part = |word| below(word, 2 * most as u32 + 1) as i32 - most;
        let limit = |x: i32| x.clamp(-SIDE, SIDE) as u32;
        [state[X], state[Y]] = [limit(x), limit(y)];
        [state[VX], state[VY]] = [part(speed[0]) as u32, part(speed[1]) as u32];
        self.observe(state, 0, record);
    }

    fn shown_states(&self) -> usize {
        (CELLS * CELLS) as usize
    }

    /// At rest in the middle of cell i.
    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        let middle = |k: i32| (2 * k + 1) * SIDE / CELLS - SIDE;
        state[X] = middle(i as i32 % CELLS) as u32;
        state[Y] = middle(i as i32 / CELLS) as u32;
        state
    }

    /// Two tilings of the place, one of the velocity, and heading by the target's direction and nearness.
    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        let [x, y, vx, vy] = vector(state);
        let (top, more) = (self.top(), CELLS as u32 + 1);
        let shift = SIDE / CELLS;
        let wide = |x: i32| ((x + SIDE + shift) * CELLS / (2 * SIDE + 1)) as u32;
        let v = VELOCITIES as u32;
        let mut base = (CELLS * CELLS) as u32;
        out[0] = cell(x, y);
        out[1] = base + wide(y) * more + wide(x);
        base += more * more;
        out[2] = base + bin(vy, top, VELOCITIES) * v + bin(vx, top, VELOCITIES);
        base += v * v;
        let far = x.abs().max(y.abs());
        let range = u32::from(far > UNIT) + u32::from(far > 2 * UNIT);
        out[3] = base + (octant(x, y) * 3 + range) * HEADINGS + self.heading(vx, vy);
    }

    fn state_index(&self, state: &State) -> u32 {
        let [x, y, vx, vy] = vector(state);
        self.heading(vx, vy) * (CELLS * CELLS) as u32 + cell(x, y)
    }

    fn step(&self, _key: DrawKey, t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        let thrust = self.params.thrust as i32;
        let size = if action >= FIRST_DIAGONAL { thrust * 181 / 256 } else { thrust };
        let (dx, dy) = THRUSTS[(action as usize).min(THRUSTS.len() - 1)];
        let [mut x, mut y, mut vx, mut vy] = vector(state);
        vx += dx * size - vx / DRAG;
        vy += dy * size - vy / DRAG;
        x += vx;
        y += vy;
        // A wall stops what runs into it.
        if x.abs() > SIDE {
            (x, vx) = (x.clamp(-SIDE, SIDE), 0);
        }
        if y.abs() > SIDE {
            (y, vy) = (y.clamp(-SIDE, SIDE), 0);
        }
        [state[X], state[Y], state[VX], state[VY]] = [x, y, vx, vy].map(|part| part as u32);
        if state[REACHED_AT] == 0 && self.near(x, y) {
            state[REACHED_AT] = t + 1;
        }
        record[self.slots.actions + 1 + t as usize] = action as f32;
        self.observe(state, t as usize + 1, record);
        self.params.ends && state[REACHED_AT] != 0
    }

    fn finish(&self, key: DrawKey, state: &State, length: u32, truncated: bool, record: &mut [f32]) -> f32 {
        let (s, p) = (&self.slots, &self.params);
        record[s.length] = length as f32;
        for along_states in [s.cells, s.distance, s.speed, s.alignment] {
            record[along_states] = (length + 1) as f32;
        }
        record[s.actions] = length as f32;
        let reached = state[REACHED_AT] != 0;
        record[s.reached] = truth(reached);
        record[s.reached_at] = state[REACHED_AT] as f32;
        record[s.truncated] = truth(truncated);
        record[s.correct] = truth(verdict(key, reached, p.false_positive, p.false_negative));
        truth(reached)
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::THRUST] = p.thrust;
        words[word::RADIUS] = self.radius as u32;
        words[word::START_DISTANCE] = (p.start_distance * UNIT as f32) as u32;
        words[word::START_SPEED] = (p.start_speed * self.top() as f32) as u32;
        words[word::ENDS] = u32::from(p.ends);
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        words[word::SPEED_SCALE] = self.speed_scale.to_bits();
        words
    }
}
