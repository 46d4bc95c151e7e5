// The true score of what an inference procedure picks from a group, as core/src/algorithm/inference.rs.

// C(m, n) / C(all_of, n).
fn share_of(m: f32, n: u32, all_of: f32) -> f32 {
    var share = 1.0;
    for (var k = 0u; k < n; k++) {
        share *= max(m - f32(k), 0.0) / (all_of - f32(k));
    }
    return share;
}

// A sample's part in (best of n, worst of n): its true score times the chance that it is picked.
fn picked(base: u32, i: u32, wanted: u32) -> vec2<f32> {
    let mine = rewards[base + i].x;
    if !is_number(mine) {
        return vec2<f32>(0.0);
    }
    let start = base + i / GROUP * GROUP;
    // Samples of the group that are paid less, alike, more.
    var counts = vec3<f32>(0.0);
    for (var j = start; j < start + GROUP; j++) {
        let other = rewards[j].x;
        if is_number(other) {
            // One by one: a list with "<" and ">" in it reads as a template.
            counts.x += select(0.0, 1.0, other < mine);
            counts.y += select(0.0, 1.0, other == mine);
            counts.z += select(0.0, 1.0, other > mine);
        }
    }
    let scored = counts.x + counts.y + counts.z;
    let n = min(wanted, u32(scored));
    let best = share_of(counts.x + counts.y, n, scored) - share_of(counts.x, n, scored);
    let worst = share_of(counts.z + counts.y, n, scored) - share_of(counts.z, n, scored);
    return vec2<f32>(best, worst) * (samples[base + i].z / counts.y);
}

// (true score of a group's most frequent answer, 1 if a sample of the group has a reward).
fn most_frequent(base: u32, g: u32) -> vec2<f32> {
    let start = base + g * GROUP;
    var scored = false;
    // (most votes, samples with as many, their true score)
    var vote = vec3<f32>(0.0);
    for (var i = start; i < start + GROUP; i++) {
        scored = scored || is_number(rewards[i].x);
        var votes = 0.0;
        for (var j = start; j < start + GROUP; j++) {
            votes += select(0.0, 1.0, samples[j].w == samples[i].w);
        }
        if votes > vote.x {
            vote = vec3<f32>(votes, 0.0, 0.0);
        }
        if votes == vote.x {
            vote += vec3<f32>(0.0, 1.0, samples[i].z);
        }
    }
    return vec2<f32>(vote.z / max(vote.y, 1.0), select(0.0, 1.0, scored));
}
