// What a policy reads of a past sample of a step task: actions at 0, inputs at PAST_INPUTS, prior logits at PAST_PRIOR.

@group(0) @binding(5) var<storage, read_write> actions: array<u32>;
@group(0) @binding(6) var<storage, read_write> inputs: array<u32>;
@group(0) @binding(7) var<storage, read_write> acts: array<f32>;

fn store_inputs(lane: u32, i: u32, length: u32, to: u32, tid: u32) {
    let first = row_of(lane, i, 0u);
    for (var t = tid; t < STEPS; t += 64u) {
        past[to + t] = select(0u, actions[first + t], t < length);
    }
    for (var k = tid; k < STEPS * ACTIVE; k += 64u) {
        past[to + PAST_INPUTS + k] = select(0u, inputs[first * ACTIVE + k], k < length * ACTIVE);
    }
    for (var k = tid; k < STEPS * ACTIONS * PRIOR; k += 64u) {
        let logit = acts[(first + k / ACTIONS) * HIDDEN + PRIOR_AT + k % ACTIONS];
        past[to + PAST_PRIOR + k] = select(0u, bitcast<u32>(logit), k < length * ACTIONS);
    }
}

fn load_inputs(lane: u32, i: u32, from_slot: u32, tid: u32) {
    let first = row_of(lane, i, 0u);
    for (var t = tid; t < STEPS; t += 64u) {
        actions[first + t] = past[from_slot + t];
    }
    for (var k = tid; k < STEPS * ACTIVE; k += 64u) {
        inputs[first * ACTIVE + k] = past[from_slot + PAST_INPUTS + k];
    }
    for (var k = tid; k < STEPS * ACTIONS * PRIOR; k += 64u) {
        acts[(first + k / ACTIONS) * HIDDEN + PRIOR_AT + k % ACTIONS] = bitcast<f32>(past[from_slot + PAST_PRIOR + k]);
    }
}
