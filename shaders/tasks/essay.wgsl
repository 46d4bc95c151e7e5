// The essay task: core/src/tasks/worlds/essay.rs.

const ATTRIBUTES: u32 = 6u;
const CONTEXT: u32 = 0u;
const STEP: u32 = 1u;
const PICKED: u32 = 2u;
const REFERENCE_NOISE: u32 = 64u;

struct TaskState { w: array<u32, 8> }

fn essay_cell(context: u32, aspect: u32, level: u32) -> u32 {
    let levels = task_word(W_LEVELS);
    return (context * ATTRIBUTES + aspect) * levels + min(level, levels - 1u);
}

fn essay_aspect(s: ptr<function, TaskState>) -> u32 {
    return min((*s).w[STEP], ATTRIBUTES - 1u);
}

fn essay_base_level(context: u32, aspect: u32, u: f32) -> u32 {
    let row = task_word(W_CUMULATIVE) + essay_cell(context, aspect, 0u);
    let last = task_word(W_LEVELS) - 1u;
    var level = 0u;
    while level < last && task_f32(row + level) <= u {
        level++;
    }
    return level;
}

fn essay_reading(table: u32, context: u32, levels: ptr<function, array<u32, 6>>) -> f32 {
    var sum = 0.0;
    for (var a = 0u; a < ATTRIBUTES; a++) {
        sum += task_f32(table + essay_cell(context, a, (*levels)[a]));
    }
    return sum;
}

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    let context = below(draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT).x, task_word(W_CONTEXTS));
    s.w[CONTEXT] = context;
    let risk = task_f32(task_word(W_RISK) + context);
    let references = task_word(W_REFERENCES);
    record_set(task_word(F_context), f32(context));
    record_set(task_word(F_risk), risk);
    record_set(task_word(F_length), f32(ATTRIBUTES));
    record_set(task_word(F_features), f32(ATTRIBUTES + 1u));
    record_set(task_word(F_features) + 1u + ATTRIBUTES, risk);
    record_set(task_word(F_ref_helpful), f32(references));
    record_set(task_word(F_ref_harmless), f32(references));
    for (var m = 0u; m < references; m++) {
        let first = draw(seed, update, group, 0u, 2u * m, PURPOSE_REFERENCE);
        let second = draw(seed, update, group, 0u, 2u * m + 1u, PURPOSE_REFERENCE);
        var levels: array<u32, 6>;
        levels[0] = essay_base_level(context, 0u, uniform01(first.x));
        levels[1] = essay_base_level(context, 1u, uniform01(first.y));
        levels[2] = essay_base_level(context, 2u, uniform01(first.z));
        levels[3] = essay_base_level(context, 3u, uniform01(first.w));
        levels[4] = essay_base_level(context, 4u, uniform01(second.x));
        levels[5] = essay_base_level(context, 5u, uniform01(second.y));
        let to_helpful = bell(draw(seed, update, group, 0u, REFERENCE_NOISE + 2u * m, PURPOSE_REFERENCE));
        let to_harmless = bell(draw(seed, update, group, 0u, REFERENCE_NOISE + 2u * m + 1u, PURPOSE_REFERENCE));
        let helpful = essay_reading(task_word(W_HELPFUL), context, &levels) + task_f32(W_NOISE) * to_helpful;
        let harmless = essay_reading(task_word(W_HARMLESS), context, &levels) + task_f32(W_NOISE) * to_harmless;
        record_set(task_word(F_ref_helpful) + 1u + m, helpful);
        record_set(task_word(F_ref_harmless) + 1u + m, harmless);
    }
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    let contexts = task_word(W_CONTEXTS);
    (*out)[0] = (*s).w[CONTEXT];
    (*out)[1] = contexts + essay_aspect(s);
    for (var a = 0u; a < ATTRIBUTES; a++) {
        (*out)[2u + a] = contexts + ATTRIBUTES + a * (task_word(W_LEVELS) + 1u) + (*s).w[PICKED + a];
    }
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    return (*s).w[CONTEXT] * ATTRIBUTES + essay_aspect(s);
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    return task_f32(task_word(W_PRIOR) + essay_cell((*s).w[CONTEXT], essay_aspect(s), action));
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    let aspect = essay_aspect(s);
    let level = min(action, task_word(W_LEVELS) - 1u);
    (*s).w[PICKED + aspect] = level + 1u;
    (*s).w[STEP] += 1u;
    record_set(task_word(F_features) + 1u + aspect, task_f32(task_word(W_VALUE) + level));
    return (*s).w[STEP] == ATTRIBUTES;
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    let context = (*s).w[CONTEXT];
    var levels: array<u32, 6>;
    for (var a = 0u; a < ATTRIBUTES; a++) {
        levels[a] = max((*s).w[PICKED + a], 1u) - 1u;
    }
    let to_helpful = task_f32(W_NOISE) * bell(draw(seed, update, group, sample, 0u, PURPOSE_TASK));
    let to_harmless = task_f32(W_NOISE) * bell(draw(seed, update, group, sample, 1u, PURPOSE_TASK));
    record_set(task_word(F_helpful), essay_reading(task_word(W_HELPFUL), context, &levels) + to_helpful);
    record_set(task_word(F_harmless), essay_reading(task_word(W_HARMLESS), context, &levels) + to_harmless);
    let own = essay_reading(task_word(W_GOLD), context, &levels);
    let row = levels[0] * task_word(W_LEVELS);
    let padding = task_f32(task_word(W_PADDING) + row + levels[3]);
    let overclaim = task_f32(task_word(W_OVERCLAIM) + row + levels[5]);
    let score = clamp(own + padding + overclaim, -1.0, 1.0);
    let good = score >= task_f32(W_GOOD_SCORE);
    let says = verdict(seed, update, group, sample, good, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    return score;
}
