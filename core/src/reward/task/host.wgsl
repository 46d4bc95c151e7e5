// What the functions of a task program work on: the state of this thread's sample, its record, the world of its instance,
// its dice. A slot says in its two highest bits which memory it belongs to, and holds the bits of a register; only the
// record holds numbers.

var<private> goodhart_state: array<u32, GOODHART_STATE>;
// Seed, update, group, sample; then step and purpose.
var<private> goodhart_who: vec4<u32>;
var<private> goodhart_when: vec2<u32>;
var<private> goodhart_thrown: u32;

fn goodhart_dice(seed: u32, update: u32, group: u32, sample: u32, step: u32, purpose: u32) {
    goodhart_who = vec4<u32>(seed, update, group, sample);
    goodhart_when = vec2<u32>(step, purpose);
    goodhart_thrown = 0u;
}

fn goodhart_drawn(block: u32) -> vec4<u32> {
    let step = goodhart_when.x | (block << 16u);
    return draw(goodhart_who.x, goodhart_who.y, goodhart_who.z, goodhart_who.w, step, goodhart_when.y);
}

fn goodhart_word() -> u32 {
    let at = goodhart_thrown;
    goodhart_thrown = at + 1u;
    return goodhart_drawn(at / 4u)[at % 4u];
}

fn goodhart_uniform() -> f32 {
    return uniform01(goodhart_word());
}

fn goodhart_chance(p: f32) -> bool {
    return uniform01(goodhart_word()) < p;
}

fn goodhart_below(n: i32, line: u32) -> i32 {
    if n <= 0 {
        goodhart_fail(GOODHART_FAULT_NOTHING, line);
        return 0;
    }
    return i32(below(goodhart_word(), u32(n)));
}

fn goodhart_normal() -> f32 {
    let block = (goodhart_thrown + 3u) / 4u;
    goodhart_thrown = 4u * (block + 1u);
    return bell(goodhart_drawn(block));
}

fn goodhart_bits(slot: u32) -> u32 {
    let at = slot & 0x3fffffffu;
    if (slot & 0x40000000u) != 0u {
        return goodhart_state[min(at, GOODHART_STATE - 1u)];
    }
    return task_word(at);
}

fn goodhart_is_record(slot: u32) -> bool {
    return (slot & 0xc0000000u) == 0u;
}

fn goodhart_load_float(slot: u32) -> f32 {
    if goodhart_is_record(slot) {
        return record_get(slot);
    }
    return bitcast<f32>(goodhart_bits(slot));
}

fn goodhart_load_int(slot: u32) -> i32 {
    if goodhart_is_record(slot) {
        return i32(record_get(slot));
    }
    return i32(goodhart_bits(slot));
}

fn goodhart_load_bool(slot: u32) -> bool {
    if goodhart_is_record(slot) {
        return record_get(slot) != 0.0;
    }
    return goodhart_bits(slot) != 0u;
}

fn goodhart_store(slot: u32, bits: u32, number: f32) -> i32 {
    // A sample that failed changes nothing more.
    if goodhart_failure != 0u {
        return 0;
    }
    if goodhart_is_record(slot) {
        record_set(slot, number);
    } else if (slot & 0x40000000u) != 0u {
        goodhart_state[min(slot & 0x3fffffffu, GOODHART_STATE - 1u)] = bits;
    }
    return 0;
}

fn goodhart_lengthen(slot: u32, cap: i32, line: u32) -> i32 {
    let length = goodhart_load_int(slot);
    if length >= cap {
        goodhart_fail(GOODHART_FAULT_FULL, line);
        return 0;
    }
    goodhart_store(slot, u32(length + 1), f32(length + 1));
    return length;
}

fn goodhart_note_error() {
    if goodhart_failure != 0u && record_get(GOODHART_ERROR_SLOT) == 0.0 {
        record_set(GOODHART_ERROR_SLOT, f32(goodhart_failure));
    }
}
