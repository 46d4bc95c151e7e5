// The chain: core/src/tasks/worlds/chain.rs.

const CELL: u32 = 0u;
const CHANNEL: u32 = 1u;

const UP: u32 = 0u;
const TV: u32 = 2u;

struct TaskState { w: array<u32, 8> }

fn chain_distractor(cell: u32) -> bool {
    return task_word(W_START) > 0u && cell == 0u;
}

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    s.w[CELL] = task_word(W_START);
    record_set(task_word(F_chain), f32(task_word(W_CELLS)));
    record_set(task_word(F_cells) + 1u, f32(s.w[CELL]));
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    (*out)[0] = (*s).w[CELL];
    if task_word(W_CHANNELS) > 0u {
        (*out)[1] = task_word(W_CELLS) + (*s).w[CHANNEL];
    }
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    return (*s).w[CHANNEL] * task_word(W_CELLS) + (*s).w[CELL];
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    return 0.0;
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    let dice = draw(seed, update, group, sample, t, PURPOSE_TASK);
    let last = task_word(W_CELLS) - 1u;
    let slipped = uniform01(dice.x) < task_f32(W_SLIP);
    var cell = (*s).w[CELL];
    var channel = 0u;
    if action == TV {
        channel = 1u + below(dice.y, max(task_word(W_CHANNELS), 1u));
    } else if (action == UP) != slipped {
        cell = max(cell, 1u) - 1u;
    } else {
        cell = min(cell + 1u, last);
    }
    (*s).w[CELL] = cell;
    (*s).w[CHANNEL] = channel;
    record_set(task_word(F_actions) + 1u + t, f32(action));
    record_set(task_word(F_tv) + 1u + t, f32(channel));
    record_set(task_word(F_cells) + 2u + t, f32(cell));
    return cell == last || chain_distractor(cell);
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    record_set(task_word(F_length), f32(length));
    record_set(task_word(F_cells), f32(length + 1u));
    record_set(task_word(F_actions), f32(length));
    record_set(task_word(F_tv), f32(length));
    let cell = (*s).w[CELL];
    let goal = cell + 1u == task_word(W_CELLS);
    record_set(task_word(F_goal), truth(goal));
    record_set(task_word(F_distractor), truth(chain_distractor(cell)));
    record_set(task_word(F_truncated), truth(truncated));
    let says = verdict(seed, update, group, sample, goal, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    return truth(goal);
}
