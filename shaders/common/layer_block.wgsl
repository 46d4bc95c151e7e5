// What the backward stages of a layer share: their buffers, and which four trows a workgroup has.

@group(0) @binding(0) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(1) var<uniform> job: vec4<u32>;
@group(0) @binding(2) var<storage, read> params: array<f32>;
@group(0) @binding(3) var<storage, read> acts_x: array<f32>;
@group(0) @binding(4) var<storage, read> taking: array<u32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> scratch: array<f32>;

var<workgroup> parts: array<u32, 4>;

struct Block {
    // Where the lane's parameters begin.
    p: u32,
    rows: vec4<u32>,
    // The trows that take part.
    live: vec4<bool>,
}

fn block_of(wg: vec3<u32>, tid: u32) -> Block {
    let first = wg.x * 4u;
    let trow = wg.y * SAMPLES * CONTEXT + first;
    if tid < 4u {
        parts[tid] = select(0u, taking[min(trow + tid, arrayLength(&taking) - 1u)], first + tid < SAMPLES * CONTEXT);
    }
    let part = workgroupUniformLoad(&parts);
    let live = vec4<u32>(part[0], part[1], part[2], part[3]) != vec4<u32>(0u);
    return Block(wg.y * PARAMS, vec4<u32>(trow, trow + 1u, trow + 2u, trow + 3u), live);
}
