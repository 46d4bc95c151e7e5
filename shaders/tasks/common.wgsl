// Draws that tasks share: core/src/tasks/dice.rs, bit for bit.

fn task_f32(i: u32) -> f32 {
    return bitcast<f32>(task_word(i));
}

fn truth(value: bool) -> f32 {
    return select(0.0, 1.0, value);
}

fn verdict(seed: u32, update: u32, group: u32, sample: u32, right: bool, false_positive: f32, false_negative: f32) -> bool {
    let u = uniform01(draw(seed, update, group, sample, 0u, PURPOSE_VERDICT).x);
    return right != (u < select(false_positive, false_negative, right));
}
