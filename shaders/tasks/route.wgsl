// The routing task: core/src/tasks/worlds/route.rs.

const TOPIC: u32 = 0u;
const STEP: u32 = 1u;
const CALLS: u32 = 2u;
const RIGHT: u32 = 3u;
const LAST: u32 = 4u;
const COST: u32 = 5u;
const VIOLATIONS: u32 = 6u;
const ANSWERED: u32 = 7u;

struct TaskState { w: array<u32, 8> }

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    s.w[TOPIC] = below(draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT).x, task_word(W_TOPICS));
    record_set(task_word(F_topic), f32(s.w[TOPIC]));
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    (*out)[0] = (*s).w[TOPIC];
    (*out)[1] = task_word(W_TOPICS) + min((*s).w[STEP], task_word(W_MAX_CALLS));
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    let most = task_word(W_MAX_CALLS);
    return (*s).w[TOPIC] * (most + 1u) + min((*s).w[STEP], most);
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    return 0.0;
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    (*s).w[STEP] += 1u;
    let experts = task_word(W_EXPERTS);
    if action < experts {
        let dice = draw(seed, update, group, sample, t, PURPOSE_TASK);
        let knows = task_f32(task_word(W_ACCURACY) + (*s).w[TOPIC] * experts + action);
        let price = task_word(task_word(W_PRICE) + action);
        let words = dice.y >> 24u;
        (*s).w[COST] += price / 2u + (price >> 8u) * words + (((price & 0xffu) * words) >> 8u);
        (*s).w[LAST] = select(0u, 1u, uniform01(dice.x) < knows);
        (*s).w[RIGHT] += (*s).w[LAST];
        record_set(task_word(F_calls) + 1u + (*s).w[CALLS], f32(action));
        (*s).w[CALLS] += 1u;
        return false;
    }
    let answers = action > experts;
    (*s).w[ANSWERED] = select(0u, 1u, answers);
    (*s).w[VIOLATIONS] += select(1u, 0u, answers);
    return answers;
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    let own = uniform01(draw(seed, update, group, sample, length, PURPOSE_TASK).z) < task_f32(W_OWN);
    let calls = (*s).w[CALLS];
    let twice = 2u * (*s).w[RIGHT];
    let most = twice > calls || (twice == calls && (*s).w[LAST] == 1u);
    let answered = (*s).w[ANSWERED];
    let right = answered == 1u && select(most, own, calls == 0u);
    record_set(task_word(F_length), f32(length));
    record_set(task_word(F_calls), f32(calls));
    record_set(task_word(F_cost), f32((*s).w[COST]) / 256.0);
    record_set(task_word(F_violations), f32((*s).w[VIOLATIONS] + 1u - answered));
    record_set(task_word(F_answered), f32(answered));
    let says = verdict(seed, update, group, sample, right, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    record_set(task_word(F_truncated), truth(truncated));
    return truth(right);
}
