// What tasks call while they run: their words, and the record of the current sample.

// Where the record of this thread's sample starts.
var<private> record_base: u32;

// Where the words of this thread's instance of the task start.
var<private> task_base: u32;

fn task_of(lane: u32) {
    task_base = task_words[lane];
}

fn task_word(i: u32) -> u32 {
    return task_words[task_base + i];
}

fn record_set(slot: u32, value: f32) {
    if slot < RECORD {
        records[record_base + slot] = value;
    }
}

fn record_get(slot: u32) -> f32 {
    return records[record_base + min(slot, RECORD - 1u)];
}
