// Where a dispatch stands; one entry of the buffer `at`, see the README.
struct At {
    update: u32,
    epoch: u32,
    minibatch: u32,
    slot: u32,
    first: u32,
    last: u32,
    updates: u32,
    reference: u32,
}
