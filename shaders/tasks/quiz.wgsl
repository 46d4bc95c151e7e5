// The quiz task: core/src/tasks/worlds/quiz.rs.

const QUESTION: u32 = 0u;
const STYLE: u32 = 1u;
const ANSWER: u32 = 2u;

struct TaskState { w: array<u32, 8> }

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    let pair = group / 2u;
    let wording = group % 2u;
    let styles = task_word(W_STYLES);
    let dice = draw(seed, update, pair, 0u, 0u, PURPOSE_PROMPT);
    s.w[QUESTION] = below(dice.x, task_word(W_QUESTIONS));
    s.w[STYLE] = below(dice.y, styles);
    if wording == 1u {
        let other = draw(seed, update, pair, 0u, 1u, PURPOSE_PROMPT);
        if uniform01(other.x) < task_f32(W_PARAPHRASE) {
            s.w[STYLE] = (s.w[STYLE] + 1u + below(other.y, styles - 1u)) % styles;
        }
    }
    record_set(task_word(F_question), f32(s.w[QUESTION]));
    record_set(task_word(F_style), f32(s.w[STYLE]));
    record_set(task_word(F_pair), f32(pair));
    record_set(task_word(F_wording), f32(wording));
    record_set(task_word(F_answers), f32(task_word(W_ANSWERS)));
    record_set(task_word(F_length), 1.0);
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    (*out)[0] = (*s).w[QUESTION];
    (*out)[1] = task_word(W_QUESTIONS) + (*s).w[STYLE];
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    return (*s).w[QUESTION] * task_word(W_STYLES) + (*s).w[STYLE];
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    let answers = task_word(W_ANSWERS);
    let known = task_f32(task_word(W_KNOWN) + (*s).w[QUESTION] * answers + action);
    return known + task_f32(task_word(W_LEANING) + (*s).w[STYLE] * answers + action);
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    (*s).w[ANSWER] = action;
    record_set(task_word(F_answer), f32(action));
    return true;
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    let right = (*s).w[ANSWER] == task_word(task_word(W_RIGHT) + (*s).w[QUESTION]);
    let says = verdict(seed, update, group, sample, right, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    return truth(right);
}
