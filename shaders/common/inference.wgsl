// The true score of what an inference procedure picks from a group, as core/src/algorithm/inference.rs.

// C(m, n) / C(all_of, n) of four numbers m.
fn shares_of(m: vec4<f32>, n: u32, all_of: f32) -> vec4<f32> {
    var shares = vec4<f32>(1.0);
    for (var k = 0u; k < n; k++) {
        shares *= max(m - f32(k), vec4<f32>(0.0)) / (all_of - f32(k));
    }
    return shares;
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
    let with_alike = vec2<f32>(counts.x + counts.y, counts.z + counts.y);
    let shares = shares_of(vec4<f32>(with_alike, counts.x, counts.z), min(wanted, u32(scored)), scored);
    return (shares.xy - shares.zw) * (samples[base + i].z / counts.y);
}

// (votes that a sample's answer has in its group, 1, its true score).
fn votes_of(base: u32, i: u32) -> vec3<f32> {
    let start = base + i / GROUP * GROUP;
    let mine = samples[base + i];
    var votes = 0.0;
    for (var j = start; j < start + GROUP; j++) {
        votes += select(0.0, 1.0, samples[j].w == mine.w);
    }
    return vec3<f32>(votes, 1.0, mine.z);
}

// Of two (most votes, samples with as many, their true score) that of both together.
fn most_frequent(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> {
    if a.x == b.x {
        return vec3<f32>(a.x, a.yz + b.yz);
    }
    return select(a, b, b.x > a.x);
}

// Mean true score of the most frequent answer.
fn majority(most: vec3<f32>) -> f32 {
    return most.z / max(most.y, 1.0);
}
