// What a sample answered, as a number: FNV-1a over its actions, as core/src/algorithm/inference.rs.

const VOTE_START: u32 = 2166136261u;

fn vote_with(vote: u32, action: u32) -> u32 {
    return (vote ^ action) * 16777619u;
}

// 24 bits of it, which a float holds.
fn vote_of(vote: u32) -> f32 {
    return f32(vote >> 8u);
}
