// Maths that the built-ins do too coarsely, and the rows of the batch.

// tanh by exp: the built-in differs by thousands of ulp between drivers.
fn tanh_exact(x: vec4<f32>) -> vec4<f32> {
    let y = clamp(x, vec4<f32>(-15.0), vec4<f32>(15.0));
    return 1.0 - 2.0 / (exp(2.0 * y) + 1.0);
}

fn row_of(lane: u32, sample: u32, step: u32) -> u32 {
    return (lane * SAMPLES + sample) * STEPS + step;
}
