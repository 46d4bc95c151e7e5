// What reward programs read: records, the numbers of the run, components. A sample counts through all lanes.

var<private> program_lane: u32;

fn goodhart_ep(sample: u32, slot: u32) -> f32 {
    return records[sample * RECORD + slot];
}

// The first numbers say where the run stands; the others are what the last update measured.
fn goodhart_run(slot: u32) -> f32 {
    switch slot {
        case RUN_STEP: {
            return f32(at.update);
        }
        case RUN_UPDATES: {
            return f32(at.updates);
        }
        case RUN_PROGRESS: {
            return f32(at.update) / f32(at.updates);
        }
        default: {
            return run[program_lane * N_RUN + slot];
        }
    }
}

fn goodhart_component(sample: u32, component: u32) -> f32 {
    return components[sample * COMPONENTS + component];
}

fn goodhart_step(sample: u32, step_component: u32, t: u32) -> f32 {
    return step_components[(sample * STEPS + t) * STEP_COMPONENTS + step_component];
}
