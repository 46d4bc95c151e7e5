// Sums and maxima over a workgroup of 256, in a fixed tree; call them in uniform control flow only.

const WIDTH: u32 = 256u;

var<workgroup> tree: array<vec4<f32>, WIDTH>;

fn reduce_sum(local: u32, x: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    tree[local] = x;
    workgroupBarrier();
    for (var half = WIDTH / 2u; half > 0u; half = half / 2u) {
        if local < half {
            tree[local] += tree[local + half];
        }
        workgroupBarrier();
    }
    return tree[0];
}

fn reduce_max(local: u32, x: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    tree[local] = x;
    workgroupBarrier();
    for (var half = WIDTH / 2u; half > 0u; half = half / 2u) {
        if local < half {
            tree[local] = max(tree[local], tree[local + half]);
        }
        workgroupBarrier();
    }
    return tree[0];
}

// Whether a number is one: neither "none" nor infinite nor not a number. By bits, since compilers may assume no NaNs.
fn is_number(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) < bitcast<u32>(NO_REWARD / 2.0);
}
