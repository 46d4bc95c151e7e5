// The components of every sample, one thread a sample: the reward programs' functions, by arm.
// errors: [lane][sample], 0 or code << 16 | line of what failed in a component.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<storage, read> records: array<f32>;
@group(0) @binding(3) var<storage, read> run: array<f32>;
@group(0) @binding(4) var<storage, read_write> components: array<f32>;
@group(0) @binding(5) var<storage, read_write> step_components: array<f32>;
@group(0) @binding(6) var<storage, read_write> errors: array<u32>;

fn goodhart_set_component(sample: u32, component: u32, value: f32) {
    components[sample * COMPONENTS + component] = value;
}

fn goodhart_set_step(sample: u32, step_component: u32, t: u32, value: f32) {
    step_components[(sample * STEPS + t) * STEP_COMPONENTS + step_component] = value;
}

fn goodhart_set_error(sample: u32, error: u32) {
    errors[sample] = error;
}

// What `combine` alone calls.
fn goodhart_weight(component: u32, own: f32) -> f32 {
    return own;
}

fn goodhart_error(sample: u32) -> u32 {
    return errors[sample];
}

fn goodhart_set_reward(sample: u32, value: f32, error: u32) {}

fn goodhart_set_step_reward(sample: u32, t: u32, value: f32) {}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SAMPLES {
        return;
    }
    program_lane = id.y;
    program_components(lanes[id.y].x, id.y * SAMPLES + id.x);
}
