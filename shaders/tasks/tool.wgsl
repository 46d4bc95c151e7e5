// The tool task: core/src/tasks/worlds/tool.rs.

// Places in the marks: <t> </t> <call> </call> EOS hmm; NO_MARK for any other token.
const NO_MARK: u32 = 6u;
const EXPECT_CALL: u32 = 0u;
const EXPECT_NAME: u32 = 1u;
const EXPECT_KEY_OR_END: u32 = 2u;
const EXPECT_VALUE: u32 = 3u;
const EXPECT_NOTHING: u32 = 4u;

fn tool_names() -> u32 { return task_word(W_TOOLS); }
fn tool_keys() -> u32 { return 2u * task_word(W_TOOLS); }
fn tool_values() -> u32 { return tool_keys() + task_word(W_KEYS); }
fn tool_marks() -> u32 { return tool_values() + task_word(W_VALUES); }

fn tool_is(token: u32, first: u32, n: u32) -> bool {
    return token >= first && token < first + n;
}

fn tool_mark(token: u32) -> u32 {
    return select(NO_MARK, token - tool_marks(), tool_is(token, tool_marks(), 6u));
}

fn tool_stage(stage: u32, mark: u32) -> u32 {
    if (stage == 0u && mark == 0u) || (stage == 1u && mark == 5u) { return 1u; }
    if stage == 1u && mark == 1u { return 2u; }
    if (stage == 2u && mark == 2u) || (stage == 3u && mark >= 5u) { return 3u; }
    if stage == 3u && mark == 3u { return 4u; }
    if stage == 4u && mark == 4u { return 5u; }
    return 6u;
}

fn task_prompt(seed: u32, update: u32, group: u32, out: ptr<function, array<u32, PROMPT>>) {
    (*out)[0] = below(draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT).x, task_word(W_TOOLS));
    for (var i = 0u; i < task_word(W_ARGUMENTS); i++) {
        let value = below(draw(seed, update, group, 0u, 1u + i, PURPOSE_PROMPT).x, task_word(W_VALUES));
        (*out)[1u + i] = tool_values() + value;
    }
}

fn task_finish(seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    let wanted = prompt_token(0u);
    let n = task_word(W_ARGUMENTS);
    let tools = task_word(W_TOOLS);
    record_set(task_word(F_tokens), f32(length));
    record_set(task_word(F_prompt), f32(n + 1u));
    for (var i = 0u; i < n + 1u; i++) {
        record_set(task_word(F_prompt) + 1u + i, f32(prompt_token(i)));
    }
    var stage = 0u;
    var expects = EXPECT_CALL;
    var names = 0u;
    var found = false;
    var own = false;
    var key = 0u;
    var parsed = false;
    var thoughts = 0u;
    // The value of each key, plus one; 0 for a key that was not written.
    var arguments: array<u32, 6>;
    for (var t = 0u; t < length; t++) {
        let token = completion_token(t);
        let mark = tool_mark(token);
        record_set(task_word(F_tokens) + 1u + t, f32(token));
        stage = tool_stage(stage, mark);
        thoughts += select(0u, 1u, mark == 5u);
        if expects == EXPECT_CALL {
            expects = select(EXPECT_CALL, EXPECT_NAME, mark == 2u);
        } else if (expects == EXPECT_NAME || expects == EXPECT_KEY_OR_END) && tool_is(token, tool_names(), tools) {
            names += 1u;
            own = token == tool_names() + wanted && !found;
            found = found || own;
            expects = EXPECT_KEY_OR_END;
        } else if expects == EXPECT_KEY_OR_END && tool_is(token, tool_keys(), task_word(W_KEYS)) {
            key = token - tool_keys();
            expects = EXPECT_VALUE;
        } else if expects == EXPECT_VALUE && tool_is(token, tool_values(), task_word(W_VALUES)) {
            if own {
                arguments[key] = token + 1u;
            }
            expects = EXPECT_KEY_OR_END;
        } else {
            parsed = parsed || (expects == EXPECT_KEY_OR_END && mark == 3u);
            expects = EXPECT_NOTHING;
        }
    }
    var predicted = 0u;
    for (var k = 0u; k < task_word(W_KEYS); k++) {
        predicted += select(0u, 1u, arguments[k] > 0u);
    }
    var keys = 0u;
    var values = 0u;
    for (var i = 0u; i < n; i++) {
        let said = arguments[wanted + i];
        keys += select(0u, 1u, said > 0u);
        values += select(0u, 1u, said == prompt_token(1u + i) + 1u);
    }
    let exact = parsed && names == 1u && found && predicted == n && values == n;
    let counted = truth(parsed);
    record_set(task_word(F_length), f32(length));
    record_set(task_word(F_format), truth(stage == 5u));
    record_set(task_word(F_parsed), counted);
    record_set(task_word(F_names_matched), counted * truth(found));
    record_set(task_word(F_names_predicted), counted * f32(names));
    record_set(task_word(F_names_gold), 1.0);
    record_set(task_word(F_keys_matched), counted * f32(keys));
    record_set(task_word(F_keys_predicted), counted * f32(predicted));
    record_set(task_word(F_keys_gold), f32(n));
    record_set(task_word(F_values_matched), counted * f32(values));
    record_set(task_word(F_exact), truth(exact));
    record_set(task_word(F_think), f32(thoughts));
    let says = verdict(seed, update, group, sample, exact, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    record_set(task_word(F_truncated), truth(truncated));
    return truth(exact);
}
