// The least entropy that the top-entropy mask keeps: a quantile of the minibatch's valid steps, by counting the bits of
// the numbers from the top, 8 at a time (entropies are not negative, so their bits are in their order).

var<workgroup> histogram: array<atomic<u32>, WIDTH>;
var<workgroup> found: vec2<u32>;

// The number of a rank (from 0) as its bits, and the ranks at or below it: (bits, count). In uniform control flow only.
fn select_rank(arm: u32, lane: u32, local: u32, wanted: u32) -> vec2<u32> {
    var prefix = 0u;
    var rank = wanted;
    var below = 0u;
    var equal = 0u;
    for (var shift = 24u; shift < 32u; shift -= 8u) {
        atomicStore(&histogram[local], 0u);
        workgroupBarrier();
        for (var i = local; i < SAMPLES; i += WIDTH) {
            let length = loss_length(arm, lane, i);
            for (var t = 0u; t < length; t++) {
                let bits = bitcast<u32>(max(policy_new[(lane * SAMPLES + i) * STEPS + t].y, 0.0));
                // The bits above this digit must be those found so far.
                if shift == 24u || (bits >> (shift + 8u)) == (prefix >> (shift + 8u)) {
                    atomicAdd(&histogram[(bits >> shift) & 255u], 1u);
                }
            }
        }
        workgroupBarrier();
        if local == 0u {
            var digit = 0u;
            var before = 0u;
            loop {
                let here = atomicLoad(&histogram[digit]);
                if before + here > rank || digit == 255u {
                    equal = here;
                    break;
                }
                before += here;
                digit++;
            }
            rank -= before;
            below += before;
            prefix |= digit << shift;
            found = vec2<u32>(prefix, below + equal);
        }
        workgroupBarrier();
        prefix = found.x;
        workgroupBarrier();
    }
    return found;
}

// torch.quantile of the entropies at 1 - top_entropy_quantile.
fn entropy_threshold(arm: u32, lane: u32, local: u32, count: u32) -> f32 {
    let rank = (1.0 - settings[arm].top_entropy_quantile) * f32(max(count, 1u) - 1u);
    let low = u32(floor(rank));
    let fraction = rank - floor(rank);
    let under = select_rank(arm, lane, local, low);
    let a = bitcast<f32>(under.x);
    // The next rank holds the same number, or the least one above it.
    var above = -NO_REWARD;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let length = loss_length(arm, lane, i);
        for (var t = 0u; t < length; t++) {
            let h = max(policy_new[(lane * SAMPLES + i) * STEPS + t].y, 0.0);
            above = max(above, select(-NO_REWARD, -h, h > a));
        }
    }
    let next = -reduce_max(local, vec4<f32>(above, 0.0, 0.0, 0.0)).x;
    let b = select(next, a, under.y > low + 1u || next >= NO_REWARD);
    return select(b - (b - a) * (1.0 - fraction), a + fraction * (b - a), fraction < 0.5);
}
