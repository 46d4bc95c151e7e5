//! The gridworld: a map with walls, lava, coins, a key and a door; the agent should reach the goal.

use crate::math::rng::{below, purpose, uniform};
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::dice::verdict;
use crate::tasks::kit::fields::Fields;
use crate::tasks::kit::grid_map::{GridMap, MOVES};
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::{
    DrawKey, MAX_ACTIVE, Observation, Play, STATE_WORDS, State, StepTask, Table, Task, TaskKind, TaskView, Twin,
};

/// The goal is ten steps from the start, by two ways; the upper one passes a coin after two.
const DEFAULT_MAP: &str = "########/#S.C...#/#.##.#.#/#..#.#.#/#......#/#.##L#.#/#....LG#/########";

params! {
    /// Parameters of the gridworld.
    pub struct GridworldParams {
        map: String = DEFAULT_MAP.into(), 0 ..= 0, "", "The map: rows from the top, joined by \"/\"; # wall, . floor, S start, G goal, L lava, C coin, K key, D door.";
        coin_respawn: u32 = 2, 0 ..= 64, "steps", "Steps until a taken coin is back; 0: never.";
        slip: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that a step goes in one of the three other directions.";
        horizon: u32 = 32, 1 ..= 64, "steps", "Most steps of an episode.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a failure a success.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a success a failure.";
    }
}

/// The gridworld's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "gridworld",
    help: "Walk to the goal on a map with walls, lava, coins, a key and a door.",
    table: Table::Fixed(GridworldParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "gridworld.wgsl";
    words {
        ROWS = 0, COLS = 1, SLIP = 2, RESPAWN = 3, FALSE_POSITIVE = 4, FALSE_NEGATIVE = 5, HAS_KEY = 6, COINS = 7,
        STARTS = 8,
        // Where the tables start: [starts], [2 x cells x 4], [cells], [2 x cells], [2 x cells]; 2: without and with key.
        START_CELLS = 9, NEXT = 10, CELL = 11, DISTANCE = 12, POTENTIAL = 13,
    }
    fields {
        length = 14, cells = 15, actions = 16, potential = 17, distance = 18, coins = 19, bumps = 20, key = 21,
        goal = 22, lava = 23, truncated = 24, correct = 25, start = 26, rows = 27, cols = 28,
    }
}

/// State words. Timers: eight bits a coin, the steps until it is back, 255 for never.
const CELL: usize = 0;
const KEY: usize = 1;
const TIMERS: usize = 2;
const ENDED: usize = 3;
const START: usize = 4;

const NEVER: u32 = 255;

/// What stepping on a cell does: one of these, or COIN + the coin's number. The shader twin has the same.
const PLAIN: u32 = 0;
const GOAL: u32 = 1;
const LAVA: u32 = 2;
const TAKE_KEY: u32 = 3;
const COIN: u32 = 4;

struct Gridworld {
    params: GridworldParams,
    map: GridMap,
    slots: Slots,
    starts: Vec<usize>,
    coins: usize,
    has_key: bool,
    /// Where a move leads, [2 x cells x 4].
    next: Vec<u32>,
    /// What a cell does, [cells].
    cell: Vec<u32>,
    /// Steps to the goal, [2 x cells]; where there is no way, the largest distance of the map.
    distance: Vec<f32>,
    /// Minus the distance over the largest one, [2 x cells].
    potential: Vec<f32>,
}

fn schema(horizon: usize) -> EpisodeSchema {
    EpisodeSchema::new(Vec::new(), horizon)
        .count("length", "Number of steps.")
        .counts("cells", horizon + 1, "Cells (row * cols + column): before each step, and after the last.")
        .counts("actions", horizon, "Actions: 0 up, 1 down, 2 left, 3 right.")
        .at_most(3)
        .field(
            "potential",
            Ty::Floats,
            horizon + 1,
            "Minus the exact distance to the goal over the map's largest, in -1 to 0, along the cells.",
        )
        .at_least(-1)
        .at_most(0)
        .field("distance", Ty::Floats, horizon + 1, "Fewest steps to the goal, along the cells.")
        .at_least(0)
        .counts("coins", horizon, "1 for each step that took a coin, otherwise 0.")
        .at_most(1)
        .field("bumps", Ty::Bools, horizon, "For each step, whether a wall, a door or the edge stopped it.")
        .field("key", Ty::Bool, 1, "The agent has the key at the end.")
        .field("goal", Ty::Bool, 1, "The goal was reached.")
        .field("lava", Ty::Bool, 1, "The agent stepped into lava.")
        .field("truncated", Ty::Bool, 1, "The horizon ended the episode.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the goal was reached.")
        .count("start", "The start cell that the group drew.")
        .count("rows", "Rows of the map.")
        .count("cols", "Columns of the map.")
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = GridworldParams::resolve(&[overrides])?;
    let map = GridMap::parse(&params.map)?;
    let horizon = params.horizon as usize;
    let schema = schema(horizon);
    let (rows, cols, cells) = (map.rows, map.cols, map.cells.clone());
    let task = Gridworld::new(params, map, Slots::of(&schema));
    let view = TaskView::Grid { rows, cols, cells, first_state: task.first_state() };
    Ok(Task {
        kind: KIND.name,
        n_actions: MOVES.len(),
        horizon,
        schema,
        action_names: ["up", "down", "left", "right"].map(String::from).to_vec(),
        play: Play::Steps(Box::new(task)),
        view,
        twin: Twin::Written(WGSL),
    })
}

impl Gridworld {
    fn new(params: GridworldParams, map: GridMap, slots: Slots) -> Self {
        let n = map.cells.len();
        let mut coins = 0;
        let cell = map.cells.iter().map(|kind| match kind {
            'G' => GOAL,
            'L' => LAVA,
            'K' => TAKE_KEY,
            'C' => {
                coins += 1;
                COIN + coins - 1
            }
            _ => PLAIN,
        });
        let cell: Vec<u32> = cell.collect();
        let next = (0..2 * n).flat_map(|s| (0..MOVES.len()).map(move |a| (s, a)));
        let next = next.map(|(s, a)| map.next(s % n, s >= n, a) as u32).collect();
        let exact = map.distances();
        let largest = exact.iter().flatten().copied().max().unwrap_or(0).max(1);
        let distance: Vec<f32> = exact.iter().map(|d| d.unwrap_or(largest) as f32).collect();
        let potential = distance.iter().map(|d| 0.0 - d / largest as f32).collect();
        Self {
            starts: map.starts(),
            coins: coins as usize,
            has_key: map.cells.contains(&'K'),
            next,
            cell,
            distance,
            potential,
            params,
            map,
            slots,
        }
    }

    fn size(&self) -> usize {
        self.map.cells.len()
    }

    /// The row of the table for cell 0 without the key and with every coin there.
    fn first_state(&self) -> usize {
        (((1 << self.coins) - 1) << usize::from(self.has_key)) * self.size()
    }

    /// Where step `t` goes: the action's direction, or with the chance of a slip one of the three others.
    fn direction(&self, key: DrawKey, t: u32, action: u32) -> u32 {
        if self.params.slip == 0.0 {
            return action % 4;
        }
        let dice = key.own(t, purpose::TASK);
        let slipped = uniform(dice[0]) < self.params.slip;
        if slipped { (action + 1 + below(dice[1], 3)) % 4 } else { action % 4 }
    }

    /// One step in a direction: whether it moved, and whether it took a coin.
    fn advance(&self, state: &mut State, direction: u32) -> (bool, bool) {
        let from = state[CELL] + if state[KEY] == 1 { self.size() as u32 } else { 0 };
        let to = self.next[(4 * from + direction) as usize];
        let moved = to != state[CELL];
        let kind = if moved { self.cell[to as usize] } else { PLAIN };
        state[CELL] = to;
        let mut coin = false;
        match kind {
            PLAIN => {}
            GOAL | LAVA => state[ENDED] = kind,
            TAKE_KEY => state[KEY] = 1,
            _ => {
                let shift = 8 * (kind - COIN);
                if (state[TIMERS] >> shift) & 0xff == 0 {
                    let wait = if self.params.coin_respawn == 0 { NEVER } else { self.params.coin_respawn };
                    state[TIMERS] |= wait << shift;
                    coin = true;
                }
            }
        }
        state[TIMERS] = tick(state[TIMERS], self.coins);
        (moved, coin)
    }

    /// Writes where the agent is after `t` steps.
    fn observe(&self, state: &State, t: usize, record: &mut [f32]) {
        let i = state[CELL] as usize + if state[KEY] == 1 { self.size() } else { 0 };
        record[self.slots.cells + 1 + t] = state[CELL] as f32;
        record[self.slots.potential + 1 + t] = self.potential[i];
        record[self.slots.distance + 1 + t] = self.distance[i];
    }
}

/// All timers one step on.
fn tick(timers: u32, coins: usize) -> u32 {
    (0..coins as u32).fold(timers, |all, i| {
        let timer = (timers >> (8 * i)) & 0xff;
        if timer == 0 || timer == NEVER { all } else { all - (1 << (8 * i)) }
    })
}

impl StepTask for Gridworld {
    fn observation(&self) -> Observation {
        let key = usize::from(self.has_key);
        Observation {
            features: self.size() + 2 * key + 2 * self.coins,
            active: 1 + key + self.coins,
            states: self.size() << (key + self.coins),
        }
    }

    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        let which = below(key.shared(0)[0], self.starts.len() as u32);
        state[START] = self.starts[which as usize] as u32;
        state[CELL] = state[START];
        record[self.slots.start] = state[START] as f32;
        record[self.slots.rows] = self.map.rows as f32;
        record[self.slots.cols] = self.map.cols as f32;
        self.observe(state, 0, record);
    }

    fn shown_states(&self) -> usize {
        self.size()
    }

    /// Cell i as an episode starts: without the key, every coin there.
    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        state[CELL] = i as u32;
        state
    }

    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        out[0] = state[CELL];
        let (mut base, mut n) = (self.size() as u32, 1);
        if self.has_key {
            out[1] = base + state[KEY];
            (base, n) = (base + 2, 2);
        }
        for i in 0..self.coins as u32 {
            let there = u32::from((state[TIMERS] >> (8 * i)) & 0xff == 0);
            out[n + i as usize] = base + 2 * i + there;
        }
    }

    fn state_index(&self, state: &State) -> u32 {
        let mut flags = 0;
        for i in (0..self.coins as u32).rev() {
            flags = 2 * flags + u32::from((state[TIMERS] >> (8 * i)) & 0xff == 0);
        }
        if self.has_key {
            flags = 2 * flags + state[KEY];
        }
        flags * self.size() as u32 + state[CELL]
    }

    fn step(&self, key: DrawKey, t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        let (s, at) = (&self.slots, t as usize + 1);
        let direction = self.direction(key, t, action);
        let (moved, coin) = self.advance(state, direction);
        record[s.actions + at] = action as f32;
        record[s.coins + at] = truth(coin);
        record[s.bumps + at] = truth(!moved);
        self.observe(state, t as usize + 1, record);
        state[ENDED] != PLAIN
    }

    fn chances(&self, action: u32, state: &State) -> Option<Vec<(f64, State, bool)>> {
        let slip = f64::from(self.params.slip);
        let after = |direction| {
            let mut after = *state;
            self.advance(&mut after, direction);
            (after, after[ENDED] != PLAIN)
        };
        (slip > 0.0).then(|| {
            let chance = |d: u32| if d == action % 4 { 1.0 - slip } else { slip / 3.0 };
            (0..4).map(|d| (chance(d), after(d).0, after(d).1)).filter(|outcome| outcome.0 > 0.0).collect()
        })
    }

    fn finish(&self, key: DrawKey, state: &State, length: u32, truncated: bool, record: &mut [f32]) -> f32 {
        let (s, p) = (&self.slots, &self.params);
        record[s.length] = length as f32;
        for along_cells in [s.cells, s.potential, s.distance] {
            record[along_cells] = (length + 1) as f32;
        }
        for along_steps in [s.actions, s.coins, s.bumps] {
            record[along_steps] = length as f32;
        }
        let goal = state[ENDED] == GOAL;
        record[s.key] = truth(state[KEY] == 1);
        record[s.goal] = truth(goal);
        record[s.lava] = truth(state[ENDED] == LAVA);
        record[s.truncated] = truth(truncated);
        record[s.correct] = truth(verdict(key, goal, p.false_positive, p.false_negative));
        truth(goal)
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::ROWS] = self.map.rows as u32;
        words[word::COLS] = self.map.cols as u32;
        words[word::SLIP] = p.slip.to_bits();
        words[word::RESPAWN] = if p.coin_respawn == 0 { NEVER } else { p.coin_respawn };
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        words[word::HAS_KEY] = u32::from(self.has_key);
        words[word::COINS] = self.coins as u32;
        words[word::STARTS] = self.starts.len() as u32;
        let starts: Vec<u32> = self.starts.iter().map(|s| *s as u32).collect();
        let distance: Vec<u32> = self.distance.iter().map(|x| x.to_bits()).collect();
        let potential: Vec<u32> = self.potential.iter().map(|x| x.to_bits()).collect();
        let tables = [
            (word::START_CELLS, &starts),
            (word::NEXT, &self.next),
            (word::CELL, &self.cell),
            (word::DISTANCE, &distance),
            (word::POTENTIAL, &potential),
        ];
        for (at, table) in tables {
            words[at] = words.len() as u32;
            words.extend(table);
        }
        words
    }
}
