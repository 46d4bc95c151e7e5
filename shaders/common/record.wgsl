// What tasks call while they run: their words, and the record of the current sample.

// Where the record of this thread's sample starts.
var<private> record_base: u32;

fn task_word(i: u32) -> u32 {
    return task_words[i];
}

fn record_set(slot: u32, value: f32) {
    if slot < RECORD {
        records[record_base + slot] = value;
    }
}
