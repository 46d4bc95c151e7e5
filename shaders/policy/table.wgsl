// The softmax table. net[0] = (states, ACTIONS, offset of the logits, -); net[2] = (states, 1, offset of the values, -).

fn table_logits(lane: u32, state: u32) -> u32 {
    return lane * PARAMS + net[0].z + state * ACTIONS;
}

fn table_value(lane: u32, state: u32) -> f32 {
    if CRITIC == 0u {
        return 0.0;
    }
    return params[lane * PARAMS + net[2].z + state];
}

// What the softmax of the row at `logits` is: greatest logit, sum of exponentials, entropy.
fn table_softmax(logits: u32) -> vec3<f32> {
    var top = params[logits];
    for (var a = 1u; a < ACTIONS; a++) {
        top = max(top, params[logits + a]);
    }
    var sum = 0.0;
    var dot = 0.0;
    for (var a = 0u; a < ACTIONS; a++) {
        let z = params[logits + a] - top;
        let e = exp(z);
        sum += e;
        dot += e * z;
    }
    return vec3<f32>(top, sum, log(sum) - dot / sum);
}
