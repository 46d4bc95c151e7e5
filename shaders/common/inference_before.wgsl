// The same where stage `infer` has looked at the groups.
fn inference(lane: u32, local: u32, wanted: u32) -> vec4<f32> {
    var sums = vec4<f32>(0.0);
    for (var g = local; g < GROUPS; g += WIDTH) {
        let first = lane * SAMPLES + g * GROUP;
        sums += vec4<f32>(samples[first].w, samples[first + 1u].w, samples[first + 2u].w, samples[first + 3u].w);
    }
    return sums;
}
