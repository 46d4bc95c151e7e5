//! The drive: a road with lanes, parked cars, a speed limit and a traffic light. Places and speeds are whole cells.

use crate::math::rng::{below, draw, purpose};
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
    /// Parameters of the drive.
    pub struct DriveParams {
        road: u32 = 120, 20 ..= 240, "cells", "Length of the route.";
        lanes: u32 = 2, 1 ..= 4, "lanes", "Lanes of the route; a shoulder lies on each side, and beyond it the road ends.";
        speed_limit: u32 = 4, 1 ..= 6, "cells a step", "The speed limit; the car can go 6.";
        start_speed: u32 = 2, 0 ..= 6, "cells a step", "Speed at the start.";
        cars: u32 = 6, 0 ..= 12, "cars", "Parked cars along the route, each in a lane of its own draw.";
        layouts: u32 = 8, 1 ..= 64, "layouts", "Layouts of parked cars; each group draws one.";
        light: bool = true, 0 ..= 1, "", "A traffic light stands at the middle of the route.";
        light_steps: u32 = 8, 1 ..= 32, "steps", "How long the light stays red, and how long green.";
        ttc_limit: u32 = 2, 1 ..= 8, "steps", "Less time than this to a collision ahead is a violation.", source "CaRL; nuPlan's time-to-collision term";
        horizon: u32 = 64, 1 ..= 64, "steps", "Most steps of an episode.";
        table_seed: u32 = 0, 0 ..= 1000000, "", "Which layouts; seed s of a run has the s-th after it, unless the run says how many instances there are.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a failure a success.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a success a failure.";
    }
}

/// The drive's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "drive",
    help: "Drive a route past parked cars and a traffic light, in lane and under the speed limit.",
    table: Table::Fixed(DriveParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "drive.wgsl";
    words {
        ROAD = 0, LANES = 1, SPEED_LIMIT = 2, START_SPEED = 3, CARS = 4, LAYOUTS = 5, LIGHT = 6, LIGHT_STEPS = 7,
        TTC_LIMIT = 8, FALSE_POSITIVE = 9, FALSE_NEGATIVE = 10, PROGRESS_SCALE = 11,
        // Where the table starts: [layouts x cars], 8 * place + lane.
        PARKED = 12,
    }
    fields {
        length = 13, cells = 14, speed = 15, progress = 16, overspeed = 17, outside = 18, ttc_violated = 19,
        comfortable = 20, actions = 21, completion = 22, collision = 23, off_road = 24, red_light = 25, finished = 26,
        speed_limit = 27, truncated = 28, correct = 29,
    }
}

/// State words. Change: the speed's last change plus 1. Ended: 0, or how the episode ended.
const LAYOUT: usize = 0;
const PLACE: usize = 1;
const SPEED: usize = 2;
const LANE: usize = 3;
const CHANGE: usize = 4;
const TIME: usize = 5;
const PHASE: usize = 6;
const ENDED: usize = 7;

const FINISHED: u32 = 1;
const COLLISION: u32 = 2;
const OFF_ROAD: u32 = 3;
const RED_LIGHT: u32 = 4;

/// Actions: one lane up or down on the map, brake, accelerate, keep.
const ACTIONS: [&str; 5] = ["up", "down", "brake", "accelerate", "keep"];
/// Speeds are 0 to 6.
const SPEEDS: u32 = 7;
/// Parts of a distance ahead; the last one is for nothing near.
const GAPS: u32 = 8;
/// Farther than this is nothing near.
const NOTHING: u32 = 13;
/// Columns of the view's map.
const COLS: u32 = 24;

struct Drive {
    params: DriveParams,
    slots: Slots,
    /// [layouts x cars], 8 * place + lane.
    parked: Vec<u32>,
    progress_scale: f32,
}

fn schema(horizon: usize) -> EpisodeSchema {
    EpisodeSchema::new(Vec::new(), horizon)
        .count("length", "Number of steps.")
        .counts(
            "cells",
            horizon + 1,
            "Cells of a map of 24 columns (lane * 24 + column): before each step, and after the last.",
        )
        .counts("speed", horizon + 1, "Speed in cells a step: before each step, and after the last.")
        .field("progress", Ty::Floats, horizon, "For each step, what it added to the route completion, in percent.")
        .at_least(0)
        .at_most(100)
        .counts("overspeed", horizon, "For each step, the speed above the limit, in cells a step; 0 under it.")
        .field("outside", Ty::Bools, horizon, "For each step, whether it ended on a shoulder.")
        .field(
            "ttc_violated",
            Ty::Bools,
            horizon,
            "For each step, whether the time to a collision ahead fell under the limit.",
        )
        .field(
            "comfortable",
            Ty::Bools,
            horizon,
            "For each step, whether acceleration changed gently: not from braking to accelerating or back.",
        )
        .counts("actions", horizon, "Actions: 0 one lane up, 1 one lane down, 2 brake, 3 accelerate, 4 keep.")
        .at_most(4)
        .field("completion", Ty::Float, 1, "Route completion at the end, in percent.")
        .at_least(0)
        .at_most(100)
        .field("collision", Ty::Bool, 1, "The car hit a parked one, which ended the episode.")
        .field("off_road", Ty::Bool, 1, "The car left the road, which ended the episode.")
        .field("red_light", Ty::Bool, 1, "The car passed the light at red, which ended the episode.")
        .field("finished", Ty::Bool, 1, "The route was completed.")
        .count("speed_limit", "The speed limit in cells a step.")
        .field("truncated", Ty::Bool, 1, "The horizon ended the episode.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the route was completed without an infraction.")
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = DriveParams::resolve(&[overrides])?;
    if params.road < 4 * (params.cars + 1) {
        let (road, cars) = (params.road, params.cars);
        return Err(vec![refuse(
            "cars",
            format!("{cars} cars need a road of at least {} cells, not {road}", 4 * (cars + 1)),
        )]);
    }
    let horizon = params.horizon as usize;
    let schema = schema(horizon);
    let (rows, cols) = (params.lanes as usize + 2, COLS as usize);
    let mut cells = vec!['.'; rows * cols];
    for (i, cell) in cells.iter_mut().enumerate() {
        let (row, col) = (i / cols, i % cols);
        *cell = match col {
            _ if row == 0 || row + 1 == rows => '#',
            0 => 'S',
            _ if col + 1 == cols => 'G',
            _ if params.light && col == cols / 2 => 'D',
            _ => '.',
        };
    }
    let parked = park(&params);
    let task = Drive { progress_scale: 100.0 / params.road as f32, parked, slots: Slots::of(&schema), params };
    Ok(Task {
        kind: KIND.name,
        n_actions: ACTIONS.len(),
        horizon,
        schema,
        action_names: ACTIONS.map(String::from).to_vec(),
        play: Play::Steps(Box::new(task)),
        view: TaskView::Grid { rows, cols, cells, first_state: 0 },
        twin: Twin::Written(WGSL),
    })
}

/// Parked cars at even distances, each moved by up to a third of that and put into a lane of the route.
fn park(p: &DriveParams) -> Vec<u32> {
    let spacing = p.road / (p.cars + 1);
    let mut parked = Vec::with_capacity((p.layouts * p.cars) as usize);
    for layout in 0..p.layouts {
        for car in 0..p.cars {
            let dice = draw(p.table_seed, layout, car, 0, 0, purpose::TABLE);
            let place = (car + 1) * spacing + below(dice[0], spacing / 3 + 1);
            parked.push(8 * place + 1 + below(dice[1], p.lanes));
        }
    }
    parked
}

/// Which of GAPS parts a distance lies in.
fn part(gap: u32) -> u32 {
    gap.min(NOTHING).div_ceil(2)
}

impl Drive {
    /// Distance from `place` to the first parked car at or behind `from` of a lane; NOTHING where there is none near,
    /// 0 beyond the shoulders.
    fn gap(&self, state: &State, lane: u32, from: u32) -> u32 {
        let p = &self.params;
        if lane > p.lanes + 1 {
            return 0;
        }
        let cars = p.cars as usize;
        let row = &self.parked[state[LAYOUT] as usize * cars..][..cars];
        let ahead = row.iter().filter(|c| **c % 8 == lane && **c / 8 >= from).map(|c| c / 8 - state[PLACE]).min();
        ahead.unwrap_or(NOTHING).min(NOTHING)
    }

    fn red(&self, state: &State) -> bool {
        let p = &self.params;
        p.light && ((state[TIME] + state[PHASE]) / p.light_steps) % 2 == 1
    }

    /// Distance to the light; NOTHING where it is passed, far or there is none.
    fn light(&self, state: &State) -> u32 {
        let line = self.params.road / 2;
        if self.params.light && state[PLACE] < line { (line - state[PLACE]).min(NOTHING) } else { NOTHING }
    }

    fn observe(&self, state: &State, t: usize, record: &mut [f32]) {
        let column = (state[PLACE] * COLS / (self.params.road + 1)).min(COLS - 1);
        record[self.slots.cells + 1 + t] = (state[LANE] * COLS + column) as f32;
        record[self.slots.speed + 1 + t] = state[SPEED] as f32;
    }
}

impl StepTask for Drive {
    fn observation(&self) -> Observation {
        let lanes = self.params.lanes + 2;
        let features = lanes * SPEEDS + GAPS * SPEEDS + 2 * GAPS + 2 * GAPS * SPEEDS + 3 + COLS;
        Observation { features: features as usize, active: 7, states: (lanes * SPEEDS * GAPS * 12) as usize }
    }

    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        let p = &self.params;
        let dice = key.shared(0);
        state[LAYOUT] = below(dice[0], p.layouts);
        state[PHASE] = below(dice[1], 2 * p.light_steps);
        state[LANE] = 1 + below(dice[2], p.lanes);
        state[SPEED] = p.start_speed;
        state[CHANGE] = 1;
        record[self.slots.speed_limit] = p.speed_limit as f32;
        self.observe(state, 0, record);
    }

    fn shown_states(&self) -> usize {
        ((self.params.lanes + 2) * COLS) as usize
    }

    /// Cell i of the first layout at the speed limit.
    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        state[LANE] = i as u32 / COLS;
        state[PLACE] = (2 * (i as u32 % COLS) + 1) * (self.params.road + 1) / (2 * COLS);
        state[SPEED] = self.params.speed_limit;
        state[CHANGE] = 1;
        state
    }

    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        let (lane, speed, place) = (state[LANE], state[SPEED], state[PLACE]);
        let mut base = (self.params.lanes + 2) * SPEEDS;
        out[0] = lane * SPEEDS + speed;
        out[1] = base + part(self.gap(state, lane, place + 1)) * SPEEDS + speed;
        base += GAPS * SPEEDS;
        // Above lane 0 is no lane: the number wraps beyond the last one.
        out[2] = base + part(self.gap(state, lane.wrapping_sub(1), place));
        base += GAPS;
        out[3] = base + part(self.gap(state, lane + 1, place));
        base += GAPS;
        out[4] = base + (part(self.light(state)) * 2 + u32::from(self.red(state))) * SPEEDS + speed;
        base += 2 * GAPS * SPEEDS;
        out[5] = base + state[CHANGE];
        base += 3;
        out[6] = base + (place * COLS / (self.params.road + 1)).min(COLS - 1);
    }

    fn state_index(&self, state: &State) -> u32 {
        let (lane, place) = (state[LANE], state[PLACE]);
        let near = self.light(state) < NOTHING;
        let light = if near { 1 + u32::from(self.red(state)) } else { 0 };
        let left = u32::from(self.gap(state, lane.wrapping_sub(1), place) > 4);
        let right = u32::from(self.gap(state, lane + 1, place) > 4);
        let ahead = part(self.gap(state, lane, place + 1));
        ((((lane * SPEEDS + state[SPEED]) * GAPS + ahead) * 3 + light) * 2 + left) * 2 + right
    }

    fn step(&self, _key: DrawKey, t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        let (s, p, at) = (&self.slots, &self.params, t as usize + 1);
        let change: u32 = match action {
            2 if state[SPEED] > 0 => 0,
            3 if state[SPEED] + 1 < SPEEDS => 2,
            _ => 1,
        };
        let lane = match action {
            0 => state[LANE].wrapping_sub(1),
            1 => state[LANE] + 1,
            _ => state[LANE],
        };
        let comfortable = change.abs_diff(state[CHANGE]) < 2;
        let speed = state[SPEED] + change - 1;
        let from = state[PLACE];
        let to = (from + speed).min(p.road);
        let line = p.road / 2;
        let hit = self.gap(state, lane, from) <= to - from;
        let ended = if lane > p.lanes + 1 {
            OFF_ROAD
        } else if hit {
            COLLISION
        } else if self.red(state) && from < line && to >= line {
            RED_LIGHT
        } else if to == p.road {
            FINISHED
        } else {
            0
        };
        [state[SPEED], state[CHANGE], state[ENDED]] = [speed, change, ended];
        if ended != OFF_ROAD {
            state[LANE] = lane;
        }
        state[TIME] = t + 1;
        state[PLACE] = to;
        let ahead = self.gap(state, state[LANE], to + 1);
        let violated = ended == COLLISION || (ahead < NOTHING && ahead <= speed * p.ttc_limit);
        record[s.progress + at] = (to - from) as f32 * self.progress_scale;
        record[s.overspeed + at] = speed.saturating_sub(p.speed_limit) as f32;
        record[s.outside + at] = truth(state[LANE] == 0 || state[LANE] > p.lanes);
        record[s.ttc_violated + at] = truth(violated);
        record[s.comfortable + at] = truth(comfortable);
        record[s.actions + at] = action as f32;
        self.observe(state, at, record);
        ended != 0
    }

    fn finish(&self, key: DrawKey, state: &State, length: u32, truncated: bool, record: &mut [f32]) -> f32 {
        let (s, p) = (&self.slots, &self.params);
        record[s.length] = length as f32;
        for along_states in [s.cells, s.speed] {
            record[along_states] = (length + 1) as f32;
        }
        for along_steps in [s.progress, s.overspeed, s.outside, s.ttc_violated, s.comfortable, s.actions] {
            record[along_steps] = length as f32;
        }
        let completion = state[PLACE] as f32 * self.progress_scale;
        let ended = state[ENDED];
        record[s.completion] = completion;
        record[s.collision] = truth(ended == COLLISION);
        record[s.off_road] = truth(ended == OFF_ROAD);
        record[s.red_light] = truth(ended == RED_LIGHT);
        record[s.finished] = truth(ended == FINISHED);
        record[s.truncated] = truth(truncated);
        record[s.correct] = truth(verdict(key, ended == FINISHED, p.false_positive, p.false_negative));
        if ended > FINISHED { 0.0 } else { completion * 0.01 }
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::ROAD] = p.road;
        words[word::LANES] = p.lanes;
        words[word::SPEED_LIMIT] = p.speed_limit;
        words[word::START_SPEED] = p.start_speed;
        words[word::CARS] = p.cars;
        words[word::LAYOUTS] = p.layouts;
        words[word::LIGHT] = u32::from(p.light);
        words[word::LIGHT_STEPS] = p.light_steps;
        words[word::TTC_LIMIT] = p.ttc_limit;
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        words[word::PROGRESS_SCALE] = self.progress_scale.to_bits();
        words[word::PARKED] = words.len() as u32;
        words.extend(&self.parked);
        words
    }
}
