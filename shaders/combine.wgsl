// The reward of every sample from its components, its group and its batch, one thread a sample: the reward programs'
// `combine`, by arm. rewards = (reward or NONE, line of an error, its code or 0, -).

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<storage, read> records: array<f32>;
@group(0) @binding(3) var<storage, read> run: array<f32>;
@group(0) @binding(4) var<storage, read> components: array<f32>;
@group(0) @binding(5) var<storage, read> step_components: array<f32>;
@group(0) @binding(6) var<storage, read> errors: array<u32>;
@group(0) @binding(7) var<storage, read_write> rewards: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> step_rewards: array<f32>;
@group(0) @binding(9) var<storage, read> loss_sums: array<LaneStats>;

fn goodhart_error(sample: u32) -> u32 {
    return errors[sample];
}

fn goodhart_set_reward(sample: u32, value: f32, error: u32) {
    rewards[sample] = vec4<f32>(value, f32(error & 0xffffu), f32(error >> 16u), 0.0);
}

fn goodhart_set_step_reward(sample: u32, t: u32, value: f32) {
    step_rewards[sample * STEPS + t] = value;
}

// The weight of a component: the program's, or what the slow loop made of it.
fn goodhart_weight(component: u32, own: f32) -> f32 {
    return select(own, loss_sums[program_lane].weights[component], loss_sums[program_lane].moves == 1u);
}

// What `components` alone calls.
fn goodhart_set_component(sample: u32, component: u32, value: f32) {}

fn goodhart_set_step(sample: u32, step_component: u32, t: u32, value: f32) {}

fn goodhart_set_error(sample: u32, error: u32) {}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SAMPLES {
        return;
    }
    program_lane = id.y;
    let batch = id.y * SAMPLES;
    let group = batch + id.x / GROUP * GROUP;
    program_combine(lanes[id.y].x, batch + id.x, group, GROUP, batch, SAMPLES);
}
