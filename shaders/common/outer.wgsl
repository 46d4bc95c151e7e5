// What the stages of the slow loop share: core/src/algorithm/outer.rs. A dispatch is for component at.epoch, and half
// at.minibatch of the batch: half 0 has the even groups.

// Whether this update moves the weights of a lane, and the lane has such a component.
fn is_due(lane: u32, arm: u32) -> bool {
    let every = settings[arm].outer_every;
    return every > 0u && (at.update + 1u) % max(every, 1u) == 0u && at.epoch < lanes[lane].z && lanes[lane].w == 0u;
}
