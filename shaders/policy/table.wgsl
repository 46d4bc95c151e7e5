// The softmax table. net[0] = (states, ACTIONS, offset of the logits, -); net[2] = (states, 1, offset of the values, -).
// acts: [row][HIDDEN], the task's prior logits where it has some (PRIOR = 1).

fn table_logit(lane: u32, state: u32, row: u32, a: u32) -> f32 {
    let logit = params[lane * PARAMS + net[0].z + state * ACTIONS + a];
    if PRIOR == 0u {
        return logit;
    }
    return logit + acts[row * HIDDEN + a];
}

fn table_value(lane: u32, state: u32) -> f32 {
    if CRITIC == 0u {
        return 0.0;
    }
    return params[lane * PARAMS + net[2].z + state];
}

// What the softmax of a row is: greatest logit, sum of exponentials, entropy,
// KL(uniform, policy).
fn table_softmax(lane: u32, state: u32, row: u32) -> vec4<f32> {
    var top = table_logit(lane, state, row, 0u);
    for (var a = 1u; a < ACTIONS; a++) {
        top = max(top, table_logit(lane, state, row, a));
    }
    var sum = 0.0;
    var dot = 0.0;
    var flat = 0.0;
    for (var a = 0u; a < ACTIONS; a++) {
        let z = table_logit(lane, state, row, a) - top;
        let e = exp(z);
        sum += e;
        dot += e * z;
        flat += z;
    }
    let norm = log(sum);
    let from_uniform = norm - flat / f32(ACTIONS) - log(f32(ACTIONS));
    return vec4<f32>(top, sum, norm - dot / sum, from_uniform);
}
