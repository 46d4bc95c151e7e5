// What a sample answered, as a number: core/src/algorithm/inference.rs.

const VOTE_START: u32 = 2166136261u;

// FNV-1a over its actions.
fn vote_with(vote: u32, action: u32) -> u32 {
    return (vote ^ action) * 16777619u;
}

// The answer in this thread's record where the task has one, else 24 bits of its actions' hash, which a float holds.
fn vote_of(vote: u32) -> f32 {
    if ANSWER_SLOT < RECORD {
        let is_answered = ANSWERED_SLOT >= RECORD || records[record_base + min(ANSWERED_SLOT, RECORD - 1u)] != 0.0;
        return select(NO_ANSWER, records[record_base + min(ANSWER_SLOT, RECORD - 1u)], is_answered);
    }
    return f32(vote >> 8u);
}
