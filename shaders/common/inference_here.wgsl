// A thread's part of the sums over a lane's groups of (best of n, worst of n, majority, 1 if there is a reward).
fn inference(lane: u32, local: u32, wanted: u32) -> vec4<f32> {
    let base = lane * SAMPLES;
    var sums = vec4<f32>(0.0);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        sums += vec4<f32>(picked(base, i, wanted), 0.0, 0.0);
    }
    for (var g = local; g < GROUPS; g += WIDTH) {
        var scored = false;
        var most = vec3<f32>(0.0);
        for (var i = g * GROUP; i < (g + 1u) * GROUP; i++) {
            scored = scored || is_number(rewards[base + i].x);
            most = most_frequent(most, votes_of(base, i));
        }
        sums += vec4<f32>(0.0, 0.0, majority(most), select(0.0, 1.0, scored));
    }
    return sums;
}
