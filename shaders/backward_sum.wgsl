// Adds up the splits of a gradient, one thread a parameter. What is looked up (`backward_bag`, `backward_embed`) comes
// after and writes over its own tensors.

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> grads: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= PARAMS {
        return;
    }
    var sum = 0.0;
    for (var s = 0u; s < SPLITS; s++) {
        sum += partials[(s * N_LANES + id.y) * PARAMS + id.x];
    }
    grads[id.y * PARAMS + id.x] = sum;
}
