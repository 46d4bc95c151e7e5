// The contextual bandit: core/src/tasks/worlds/bandit.rs.

const CONTEXT: u32 = 0u;
const ARM: u32 = 1u;
const REFERENCE_NOISE: u32 = 64u;

struct TaskState { w: array<u32, 8> }

fn bandit_cell(context: u32, arm: u32) -> u32 {
    let arms = task_word(W_ARMS);
    return context * arms + min(arm, arms - 1u);
}

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    let context = below(draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT).x, task_word(W_CONTEXTS));
    s.w[CONTEXT] = context;
    let arms = task_word(W_ARMS);
    let references = task_word(W_REFERENCES);
    record_set(task_word(F_context), f32(context));
    record_set(task_word(F_arms), f32(arms));
    record_set(task_word(F_length), 1.0);
    record_set(task_word(F_features), f32(task_word(W_FEATURES)));
    record_set(task_word(F_ref_proxy), f32(references));
    for (var m = 0u; m < references; m++) {
        let u = uniform01(draw(seed, update, group, 0u, m, PURPOSE_REFERENCE).x);
        // The first arm whose cumulative probability is above u, by halving; the last arm at the latest.
        var arm = 0u;
        var last = arms - 1u;
        while arm < last {
            let middle = (arm + last) / 2u;
            if task_f32(task_word(W_CUMULATIVE) + context * arms + middle) <= u {
                arm = middle + 1u;
            } else {
                last = middle;
            }
        }
        let read = bell(draw(seed, update, group, 0u, REFERENCE_NOISE + m, PURPOSE_REFERENCE));
        let noise = task_f32(task_word(W_NOISE) + context * arms + arm) * read;
        let proxy = task_f32(task_word(W_PROXY) + context * arms + arm);
        record_set(task_word(F_ref_proxy) + 1u + m, proxy + noise);
    }
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    (*out)[0] = (*s).w[CONTEXT];
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    return (*s).w[CONTEXT];
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    return task_f32(task_word(W_PRIOR) + bandit_cell((*s).w[CONTEXT], action));
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    (*s).w[ARM] = action;
    let cell = bandit_cell((*s).w[CONTEXT], action);
    record_set(task_word(F_arm), f32(action));
    let features = task_word(W_FEATURES);
    for (var j = 0u; j < features; j++) {
        record_set(task_word(F_features) + 1u + j, task_f32(task_word(W_FEATURE) + cell * features + j));
    }
    let noise = task_f32(task_word(W_NOISE) + cell) * bell(draw(seed, update, group, sample, 0u, PURPOSE_TASK));
    record_set(task_word(F_proxy), task_f32(task_word(W_PROXY) + cell) + noise);
    return true;
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    let cell = bandit_cell((*s).w[CONTEXT], (*s).w[ARM]);
    let good = task_word(task_word(W_GOOD) + cell) == 1u;
    let says = verdict(seed, update, group, sample, good, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    return task_f32(task_word(W_PAYOFF) + cell);
}
