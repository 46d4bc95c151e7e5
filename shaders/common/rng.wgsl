// The counter-based generator of core/src/math/rng.rs, which brings the constants PURPOSE_*; the two agree bit for bit.

fn pcg4d(key: vec4<u32>) -> vec4<u32> {
    var v = key * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4<u32>(16u);
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    return v;
}

fn draw(seed: u32, update: u32, group: u32, sample: u32, step: u32, purpose: u32) -> vec4<u32> {
    let a = pcg4d(vec4<u32>(seed, update, group, sample));
    return pcg4d(vec4<u32>(a.x ^ step, a.y ^ purpose, a.z, a.w));
}

fn uniform01(word: u32) -> f32 {
    return f32(word >> 8u) * (1.0 / 16777216.0);
}

// A whole number in 0..n without 64-bit integers: the high half of the 32 x 16 bit product (n < 65536).
fn below(word: u32, n: u32) -> u32 {
    let low = (word & 0xffffu) * n;
    let high = (word >> 16u) * n;
    return (high + (low >> 16u)) >> 16u;
}

// Irwin-Hall noise of mean 0 and deviation 1 from the eight halves of four words.
fn bell(words: vec4<u32>) -> f32 {
    let halves = (words & vec4<u32>(0xffffu)) + (words >> vec4<u32>(16u));
    let sum = halves.x + halves.y + halves.z + halves.w;
    return (f32(sum) - 262140.0) * 1.8688124e-5;
}
