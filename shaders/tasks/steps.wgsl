// The steps task: core/src/tasks/worlds/steps.rs.

const PROBLEM: u32 = 0u;
const DONE: u32 = 1u;
const DERAILED: u32 = 2u;
const PATTERNS: u32 = 3u;
const FILLERS: u32 = 4u;
const ENDED: u32 = 5u;

const LUCK: u32 = 64u;
const READINGS: u32 = 128u;
// No operation is right.
const NO_OPERATION: u32 = 255u;

struct TaskState { w: array<u32, 8> }

fn steps_right(s: ptr<function, TaskState>) -> u32 {
    let depth = task_word(W_DEPTH);
    if (*s).w[DERAILED] != 0u || (*s).w[DONE] >= depth {
        return NO_OPERATION;
    }
    return task_word(task_word(W_RIGHT) + (*s).w[PROBLEM] * depth + (*s).w[DONE]);
}

fn steps_observe(s: ptr<function, TaskState>, t: u32) {
    let at = (t * (task_word(W_DEPTH) + 1u) + (*s).w[DONE]) * 2u + (*s).w[DERAILED];
    record_set(task_word(F_prover_weak) + 1u + t, task_f32(task_word(W_WEAK) + at));
    record_set(task_word(F_prover_mid) + 1u + t, task_f32(task_word(W_MID) + at));
    record_set(task_word(F_prover_strong) + 1u + t, task_f32(task_word(W_STRONG) + at));
}

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    let problem = below(draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT).x, task_word(W_PROBLEMS));
    s.w[PROBLEM] = problem;
    record_set(task_word(F_problem), f32(problem));
    record_set(task_word(F_depth), f32(task_word(W_DEPTH)));
    steps_observe(&s, 0u);
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    let problems = task_word(W_PROBLEMS);
    (*out)[0] = (*s).w[PROBLEM];
    (*out)[1] = problems + (*s).w[DONE];
    (*out)[2] = problems + task_word(W_DEPTH) + 1u + (*s).w[DERAILED];
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    return ((*s).w[PROBLEM] * (task_word(W_DEPTH) + 1u) + (*s).w[DONE]) * 2u + (*s).w[DERAILED];
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    let operations = task_word(W_OPERATIONS);
    if action < operations {
        return select(0.0, task_f32(W_SKILL), action == steps_right(s));
    }
    if action == operations {
        return task_f32(W_FILLER_PRIOR);
    }
    return select(task_f32(W_ANSWER_PRIOR), task_f32(W_PATTERN_PRIOR), action == operations + 1u);
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    let luck = uniform01(draw(seed, update, group, sample, LUCK + t, PURPOSE_TASK).x);
    let sound = (*s).w[DERAILED] == 0u;
    let operations = task_word(W_OPERATIONS);
    var kind = 0.0;
    var valid = true;
    var score = task_f32(W_PRM_VALID);
    if action < operations {
        valid = action == steps_right(s);
        (*s).w[DONE] += select(0u, 1u, valid);
        (*s).w[DERAILED] = select(1u, 0u, valid);
    } else if action == operations {
        (*s).w[FILLERS] += 1u;
        kind = 1.0;
        score = task_f32(W_PRM_FILLER);
    } else if action == operations + 1u {
        (*s).w[PATTERNS] += 1u;
        (*s).w[DERAILED] = select(0u, 1u, !sound && luck >= task_f32(W_REPAIR));
        kind = 2.0;
        score = task_f32(W_PRM_PATTERN);
    } else {
        valid = sound && (*s).w[DONE] == task_word(W_DEPTH);
        (*s).w[ENDED] = 1u + select(0u, 1u, valid || luck < task_f32(W_GUESS));
        kind = 3.0;
    }
    if !valid {
        score = task_f32(W_PRM_WRONG);
    }
    let noise = task_f32(W_PRM_NOISE) * bell(draw(seed, update, group, sample, t, PURPOSE_TASK));
    record_set(task_word(F_kinds) + 1u + t, kind);
    record_set(task_word(F_valid) + 1u + t, truth(valid));
    record_set(task_word(F_prm) + 1u + t, clamp(score + noise, 0.0, 1.0));
    steps_observe(s, t + 1u);
    return (*s).w[ENDED] != 0u;
}

fn steps_thinking(soundness: f32, follows: f32, noise: f32, words: vec4<u32>) -> f32 {
    return clamp(0.5 + 0.5 * (follows * soundness + noise * bell(words)), 0.0, 1.0);
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    let submitted = (*s).w[ENDED] != 0u;
    let right = (*s).w[ENDED] == 2u;
    let says = verdict(seed, update, group, sample, right, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    let correct = truth(submitted && says);
    record_set(task_word(F_kinds), f32(length));
    record_set(task_word(F_valid), f32(length));
    record_set(task_word(F_prm), f32(length));
    record_set(task_word(F_prover_weak), f32(length + 1u));
    record_set(task_word(F_prover_mid), f32(length + 1u));
    record_set(task_word(F_prover_strong), f32(length + 1u));
    if submitted {
        record_set(task_word(F_prover_weak) + 1u + length, correct);
        record_set(task_word(F_prover_mid) + 1u + length, correct);
        record_set(task_word(F_prover_strong) + 1u + length, correct);
    }
    let depth = task_word(W_DEPTH);
    let done = (*s).w[DONE];
    record_set(task_word(F_length), f32(length));
    record_set(task_word(F_patterns), f32((*s).w[PATTERNS]));
    record_set(task_word(F_fillers), f32((*s).w[FILLERS]));
    record_set(task_word(F_submitted), truth(submitted));
    record_set(task_word(F_correct), correct);
    record_set(task_word(F_consistent), truth(submitted && (*s).w[DERAILED] == 0u && done == depth));
    record_set(task_word(F_truncated), truth(truncated));
    record_set(task_word(F_tests), select(truth(submitted) * f32(done) / f32(depth + 1u), 1.0, right));
    let soundness = 2.0 * f32(done) / f32(depth) - 1.0;
    let first = draw(seed, update, group, sample, READINGS, PURPOSE_TASK);
    let second = draw(seed, update, group, sample, READINGS + 1u, PURPOSE_TASK);
    record_set(task_word(F_thinking), steps_thinking(soundness, task_f32(W_THINKING), task_f32(W_THINKING_NOISE), first));
    record_set(task_word(F_thinking_misled), steps_thinking(soundness, task_f32(W_MISLED), task_f32(W_MISLED_NOISE), second));
    let third = draw(seed, update, group, sample, READINGS + 2u, PURPOSE_TASK);
    let believes = right != (uniform01(third.x) < task_f32(W_RM_ERROR));
    let confidence = 0.5 * uniform01(third.y);
    record_set(task_word(F_rm), select(confidence, 1.0 - confidence, believes));
    return truth(right);
}
