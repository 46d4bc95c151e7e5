// Arms share their dispatches, as many as the arm with the most passes needs; in the others an arm stands still.
fn idle(arm: u32) -> bool {
    return at.epoch >= settings[arm].num_iterations || at.minibatch >= settings[arm].num_minibatches;
}
