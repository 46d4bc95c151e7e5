// How sure the policy was of what it did, into the record of this thread's sample: core/src/episode_fields/confidence.rs. `sums` are
// entropy, log-probability of what was done and KL(uniform, policy), summed over the steps.
fn confidence_set(sums: vec3<f32>, length: u32) {
    let steps = f32(max(length, 1u));
    record_set(CONFIDENCE_ENTROPY, sums.x / steps);
    record_set(CONFIDENCE_LOGP, sums.y);
    record_set(CONFIDENCE_SELF_CERTAINTY, sums.z / steps);
}
