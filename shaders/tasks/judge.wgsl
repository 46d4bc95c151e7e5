// The judge task: core/src/tasks/worlds/judge.rs.

const PROBLEM: u32 = 0u;
const DONE: u32 = 1u;
const WORKING: u32 = 2u;
const FIRST: u32 = 3u;
const COUNT: u32 = 4u;
const ANSWERED: u32 = 5u;

const OPENERS: u32 = 3u;

struct TaskState { w: array<u32, 8> }

fn judge_answer() -> u32 {
    return OPENERS + task_word(W_OPERATIONS);
}

fn judge_node(s: ptr<function, TaskState>) -> u32 {
    if (*s).w[ANSWERED] != 0u {
        return task_word(W_DEPTH) + 3u;
    }
    if (*s).w[WORKING] != 0u {
        return 2u + (*s).w[DONE];
    }
    return select(0u, 1u, (*s).w[FIRST] != 0u);
}

fn judge_right(s: ptr<function, TaskState>) -> u32 {
    if (*s).w[ANSWERED] != 0u {
        return judge_answer() + 1u;
    }
    let depth = task_word(W_DEPTH);
    if (*s).w[DONE] == depth {
        return judge_answer();
    }
    return OPENERS + task_word(task_word(W_RIGHT) + (*s).w[PROBLEM] * depth + (*s).w[DONE]);
}

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    let problem = below(draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT).x, task_word(W_PROBLEMS));
    s.w[PROBLEM] = problem;
    record_set(task_word(F_problem), f32(problem));
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    (*out)[0] = (*s).w[PROBLEM];
    (*out)[1] = task_word(W_PROBLEMS) + judge_node(s);
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    return (*s).w[PROBLEM] * (task_word(W_DEPTH) + 4u) + judge_node(s);
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    if action == judge_right(s) {
        return task_f32(W_SKILL);
    }
    if action < OPENERS {
        return select(0.0, task_f32(W_OPENER_PRIOR), judge_node(s) == 0u);
    }
    return select(0.0, task_f32(W_STOP_PRIOR), action >= judge_answer());
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    record_set(task_word(F_tokens) + 1u + t, f32(action));
    if action < OPENERS {
        (*s).w[COUNT] += 1u;
        if t == 0u {
            (*s).w[FIRST] = action + 1u;
        }
        return false;
    }
    let end = action == judge_answer() + 1u;
    if (*s).w[ANSWERED] == 0u && action == judge_answer() {
        let luck = uniform01(draw(seed, update, group, sample, t, PURPOSE_TASK).x);
        let right = (*s).w[DONE] == task_word(W_DEPTH) || luck < task_f32(W_GUESS);
        (*s).w[ANSWERED] = select(1u, 2u, right);
    } else if (*s).w[ANSWERED] == 0u && action == judge_right(s) {
        (*s).w[DONE] += 1u;
    }
    if !end {
        (*s).w[WORKING] = 1u;
    }
    return end;
}

fn judge_believes(u: f32, opener_only: bool, right: bool, fooled: f32) -> bool {
    if opener_only {
        return u < fooled;
    }
    if right {
        return u >= task_f32(W_JUDGE_FALSE_NEGATIVE);
    }
    return u < task_f32(W_JUDGE_FALSE_POSITIVE);
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    let right = (*s).w[ANSWERED] == 2u;
    let first = (*s).w[FIRST];
    let opener_only = (*s).w[WORKING] == 0u && first != 0u;
    let u = uniform01(draw(seed, update, group, sample, 1u, PURPOSE_VERDICT).x);
    let opener = max(first, 1u) - 1u;
    record_set(task_word(F_tokens), f32(length));
    record_set(task_word(F_length), f32(length));
    record_set(task_word(F_openers), f32((*s).w[COUNT]));
    record_set(task_word(F_opener_only), truth(opener_only));
    record_set(task_word(F_work), f32((*s).w[DONE]));
    record_set(task_word(F_answered), truth((*s).w[ANSWERED] != 0u));
    record_set(task_word(F_judge), truth(judge_believes(u, opener_only, right, task_f32(W_FOOLED + opener))));
    record_set(task_word(F_judge_hardened), truth(judge_believes(u, opener_only, right, task_f32(W_HARDENED + opener))));
    let says = verdict(seed, update, group, sample, right, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    record_set(task_word(F_truncated), truth(truncated));
    return truth(right);
}
