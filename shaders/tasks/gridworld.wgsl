// The gridworld: core/src/tasks/worlds/gridworld.rs.

const CELL: u32 = 0u;
const KEY: u32 = 1u;
const TIMERS: u32 = 2u;
const ENDED: u32 = 3u;
const START: u32 = 4u;

const NEVER: u32 = 255u;
const PLAIN: u32 = 0u;
const GOAL: u32 = 1u;
const LAVA: u32 = 2u;
const TAKE_KEY: u32 = 3u;
const COIN: u32 = 4u;

struct TaskState { w: array<u32, 8> }

fn grid_size() -> u32 {
    return task_word(W_ROWS) * task_word(W_COLS);
}

fn grid_observe(s: ptr<function, TaskState>, t: u32) {
    let cell = (*s).w[CELL];
    let i = cell + select(0u, grid_size(), (*s).w[KEY] == 1u);
    record_set(task_word(F_cells) + 1u + t, f32(cell));
    record_set(task_word(F_potential) + 1u + t, task_f32(task_word(W_POTENTIAL) + i));
    record_set(task_word(F_distance) + 1u + t, task_f32(task_word(W_DISTANCE) + i));
}

fn grid_coin_there(s: ptr<function, TaskState>, i: u32) -> u32 {
    return select(0u, 1u, (((*s).w[TIMERS] >> (8u * i)) & 0xffu) == 0u);
}

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    let which = below(draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT).x, task_word(W_STARTS));
    let start = task_word(task_word(W_START_CELLS) + which);
    s.w[START] = start;
    s.w[CELL] = start;
    record_set(task_word(F_start), f32(start));
    record_set(task_word(F_rows), f32(task_word(W_ROWS)));
    record_set(task_word(F_cols), f32(task_word(W_COLS)));
    grid_observe(&s, 0u);
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    (*out)[0] = (*s).w[CELL];
    var base = grid_size();
    var n = 1u;
    if task_word(W_HAS_KEY) == 1u {
        (*out)[1] = base + (*s).w[KEY];
        base += 2u;
        n = 2u;
    }
    for (var i = 0u; i < task_word(W_COINS); i++) {
        (*out)[n + i] = base + 2u * i + grid_coin_there(s, i);
    }
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    var flags = 0u;
    let coins = task_word(W_COINS);
    for (var i = 0u; i < coins; i++) {
        flags = 2u * flags + grid_coin_there(s, coins - 1u - i);
    }
    if task_word(W_HAS_KEY) == 1u {
        flags = 2u * flags + (*s).w[KEY];
    }
    return flags * grid_size() + (*s).w[CELL];
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    return 0.0;
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    let dice = draw(seed, update, group, sample, t, PURPOSE_TASK);
    let slipped = uniform01(dice.x) < task_f32(W_SLIP);
    let direction = select(action % 4u, (action + 1u + below(dice.y, 3u)) % 4u, slipped);
    let cell = (*s).w[CELL];
    let place = cell + select(0u, grid_size(), (*s).w[KEY] == 1u);
    let to = task_word(task_word(W_NEXT) + 4u * place + direction);
    let moved = to != cell;
    var kind = PLAIN;
    if moved {
        kind = task_word(task_word(W_CELL) + to);
    }
    (*s).w[CELL] = to;
    var timers = (*s).w[TIMERS];
    var coin = 0.0;
    if kind == GOAL || kind == LAVA {
        (*s).w[ENDED] = kind;
    } else if kind == TAKE_KEY {
        (*s).w[KEY] = 1u;
    } else if kind >= COIN {
        let shift = 8u * (kind - COIN);
        if ((timers >> shift) & 0xffu) == 0u {
            timers |= task_word(W_RESPAWN) << shift;
            coin = 1.0;
        }
    }
    for (var i = 0u; i < task_word(W_COINS); i++) {
        let timer = (timers >> (8u * i)) & 0xffu;
        if timer != 0u && timer != NEVER {
            timers -= 1u << (8u * i);
        }
    }
    (*s).w[TIMERS] = timers;
    record_set(task_word(F_actions) + 1u + t, f32(action));
    record_set(task_word(F_coins) + 1u + t, coin);
    record_set(task_word(F_bumps) + 1u + t, truth(!moved));
    grid_observe(s, t + 1u);
    return (*s).w[ENDED] != PLAIN;
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    record_set(task_word(F_length), f32(length));
    record_set(task_word(F_cells), f32(length + 1u));
    record_set(task_word(F_potential), f32(length + 1u));
    record_set(task_word(F_distance), f32(length + 1u));
    record_set(task_word(F_actions), f32(length));
    record_set(task_word(F_coins), f32(length));
    record_set(task_word(F_bumps), f32(length));
    let goal = (*s).w[ENDED] == GOAL;
    record_set(task_word(F_key), f32((*s).w[KEY]));
    record_set(task_word(F_goal), truth(goal));
    record_set(task_word(F_lava), truth((*s).w[ENDED] == LAVA));
    record_set(task_word(F_truncated), truth(truncated));
    let says = verdict(seed, update, group, sample, goal, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    return truth(goal);
}
