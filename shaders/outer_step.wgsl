// What a component's gradient of one half tells of its weight, and after the last one the step of all weights, one
// workgroup a lane; twin of `outer_step` in core/src/algorithm/outer.rs.
//
// Reads grads. Keeps the gradients of the first component, the primary one, in outer_grads: [half][lane][PARAMS], and of
// every gradient outer_products: [lane][COMPONENTS][half] = (its square, its product with the other half's primary one).
// Moves loss_sums.weights.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<storage, read> settings: array<ArmSettings>;
@group(0) @binding(3) var<storage, read> grads: array<f32>;
@group(0) @binding(4) var<storage, read_write> outer_grads: array<f32>;
@group(0) @binding(5) var<storage, read_write> outer_products: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read_write> loss_sums: array<LaneStats>;

// a b / (|a| |b|) from the product and the squares; 0 where one of them is 0.
fn cosine(product: f32, norms: f32) -> f32 {
    if !is_number(norms) || norms <= 0.0 {
        return 0.0;
    }
    return product / sqrt(norms);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let lane = workgroup.x;
    let local = id.x;
    let arm = lanes[lane].x;
    if !is_due(lane, arm) {
        return;
    }
    let c = at.epoch;
    let half = at.minibatch;
    let own = lane * PARAMS;
    let primary = (half * N_LANES + lane) * PARAMS;
    let other = ((1u - half) * N_LANES + lane) * PARAMS;
    // The first gradient of all has no other one yet: the second one takes their product.
    let paired = c > 0u || half > 0u;
    var sums = vec4<f32>(0.0);
    for (var k = local; k < PARAMS; k += WIDTH) {
        let g = grads[own + k];
        var product = 0.0;
        if paired {
            product = g * outer_grads[other + k];
        }
        sums += vec4<f32>(g * g, product, 0.0, 0.0);
        if c == 0u {
            outer_grads[primary + k] = g;
        }
    }
    sums = reduce_sum(local, sums);
    if local != 0u {
        return;
    }
    let first = lane * COMPONENTS * 2u;
    outer_products[first + 2u * c + half] = sums.xy;
    if c == 0u && half == 1u {
        outer_products[first].y = sums.y;
    }
    if half == 0u || c + 1u < lanes[lane].z {
        return;
    }
    for (var k = 0u; k <= c; k++) {
        let one = outer_products[first + 2u * k];
        let two = outer_products[first + 2u * k + 1u];
        let mean = 0.5 * (cosine(one.y, one.x * outer_products[first + 1u].x) + cosine(two.y, two.x * outer_products[first].x));
        let moved = loss_sums[lane].weights[k] + settings[arm].outer_lr * mean;
        loss_sums[lane].weights[k] = clamp(moved, 0.0, settings[arm].outer_max);
    }
}
