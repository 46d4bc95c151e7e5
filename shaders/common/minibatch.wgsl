// The keyed permutation of core/src/algorithm/minibatch.rs; the two agree bit for bit. Needs rng.wgsl.

fn minibatch_of(seed: u32, update: u32, epoch: u32, n: u32, minibatches: u32, sample: u32) -> u32 {
    if minibatches <= 1u {
        return 0u;
    }
    let key = draw(seed, update, epoch, 0u, 0u, PURPOSE_SHUFFLE);
    let half = max((33u - countLeadingZeros(n - 1u)) / 2u, 1u);
    let mask = (1u << half) - 1u;
    var x = sample;
    loop {
        var left = x >> half;
        var right = x & mask;
        for (var round = 0u; round < 4u; round++) {
            let mix = pcg4d(vec4<u32>(key.x ^ right, key.y + round, key.z, key.w)).x;
            let next = left ^ ((mix >> 16u) & mask);
            left = right;
            right = next;
        }
        x = (left << half) | right;
        if x < n {
            break;
        }
    }
    return ((x + 1u) * minibatches - 1u) / n;
}
