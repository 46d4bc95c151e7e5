// What a transformer reads of a past sample: its tokens at 0, the tokens of its prompt at PAST_PROMPT.

@group(0) @binding(5) var<storage, read_write> tokens: array<u32>;

fn store_inputs(lane: u32, i: u32, length: u32, to: u32, tid: u32) {
    let first = (lane * SAMPLES + i) * CONTEXT;
    for (var t = tid; t < STEPS; t += 64u) {
        past[to + t] = select(0u, tokens[first + PROMPT + t], t < length);
    }
    for (var k = tid; k < PROMPT; k += 64u) {
        past[to + PAST_PROMPT + k] = tokens[first + k];
    }
}

fn load_inputs(lane: u32, i: u32, from_slot: u32, tid: u32) {
    let first = (lane * SAMPLES + i) * CONTEXT;
    for (var t = tid; t < STEPS; t += 64u) {
        tokens[first + PROMPT + t] = past[from_slot + t];
    }
    for (var k = tid; k < PROMPT; k += 64u) {
        tokens[first + k] = past[from_slot + PAST_PROMPT + k];
    }
}
