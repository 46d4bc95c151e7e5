// What the rollout notes of a state for the exploration memory: core/src/episode_fields/exploration.rs.
fn explore_note(s: ptr<function, TaskState>, t: u32) {
    record_set(EXPLORE_KEYS + t, f32(task_key(s) % 16777216u));
    if EXPLORE_ELLIPTICAL > 0u {
        var on: array<u32, 8>;
        task_features(s, &on);
        for (var k = 0u; k < EXPLORE_ACTIVE; k++) {
            record_set(EXPLORE_FEATURES + t * EXPLORE_ACTIVE + k, f32(on[k]));
        }
    }
}
