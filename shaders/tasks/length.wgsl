// The length task: core/src/tasks/worlds/length.rs.

fn task_prompt(seed: u32, update: u32, group: u32, out: ptr<function, array<u32, PROMPT>>) {
    let k = task_word(W_SYMBOLS);
    let first = draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT);
    let hops = task_word(W_WORK_MIN) + below(first.z, task_word(W_WORK_MAX) - task_word(W_WORK_MIN) + 1u);
    let closes = below(first.w, k) == 0u;
    var path: array<u32, 12>;
    for (var i = 0u; i < k; i++) {
        path[i] = i;
    }
    for (var i = 0u; i < k; i++) {
        let j = i + below(draw(seed, update, group, 0u, i, PURPOSE_PROMPT).x, k - i);
        let swapped = path[i];
        path[i] = path[j];
        path[j] = swapped;
    }
    var values = path;
    if !closes {
        values[hops] = path[0];
    }
    for (var i = 0u; i < hops; i++) {
        (*out)[path[i]] = path[select(i + 1u, 0u, closes && i + 1u == hops)];
    }
    for (var i = hops; i < k; i++) {
        let j = i + below(draw(seed, update, group, 0u, i, PURPOSE_PROMPT).y, k - i);
        let swapped = values[i];
        values[i] = values[j];
        values[j] = swapped;
        (*out)[path[i]] = values[i];
    }
    (*out)[k] = k + hops - 1u;
    (*out)[k + 1u] = path[0];
}

fn task_finish(seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    let k = task_word(W_SYMBOLS);
    let hops = prompt_token(k) - k + 1u;
    let start = prompt_token(k + 1u);
    var goal_symbol = start;
    for (var i = 0u; i < hops; i++) {
        goal_symbol = prompt_token(goal_symbol);
    }
    let answer_mark = task_word(W_ANSWER);
    let filler = task_word(W_FILLER);
    record_set(task_word(F_tokens), f32(length));
    record_set(task_word(F_prompt), f32(k + 2u));
    for (var i = 0u; i < k + 2u; i++) {
        record_set(task_word(F_prompt) + 1u + i, f32(prompt_token(i)));
    }
    var at = start;
    var work = 0u;
    var working = true;
    var fillers = 0u;
    var said = false;
    var answer = task_word(W_NONE);
    for (var t = 0u; t < length; t++) {
        let token = completion_token(t);
        record_set(task_word(F_tokens) + 1u + t, f32(token));
        if token == filler {
            fillers += 1u;
        } else if working {
            working = work < hops && token == prompt_token(at);
            if working {
                at = token;
                work += 1u;
            }
        }
        if token == answer_mark && !said {
            said = true;
            if t + 1u < length {
                answer = completion_token(t + 1u);
            }
        }
    }
    let right = answer == goal_symbol;
    record_set(task_word(F_target), f32(goal_symbol));
    record_set(task_word(F_length), f32(length));
    let says = verdict(seed, update, group, sample, right, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    record_set(task_word(F_truncated), truth(truncated));
    record_set(task_word(F_work), f32(work));
    record_set(task_word(F_hops), f32(hops));
    record_set(task_word(F_filler), f32(fillers));
    record_set(task_word(F_answered), truth(answer < k));
    record_set(task_word(F_answer), f32(answer));
    return truth(right);
}
