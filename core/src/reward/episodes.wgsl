// What reward programs read: the records of samples, and the group and the batch of the sample that is asked about.

var<private> goodhart_sample: u32;
// Start, count and number of samples without an error (-1: not counted yet).
var<private> goodhart_group: vec3<i32>;
var<private> goodhart_batch: vec3<i32>;

fn goodhart_load_float(sample: i32, slot: u32, line: u32) -> f32 {
    return goodhart_checked(goodhart_ep(u32(sample), slot), GOODHART_FAULT_NOT_FINITE, line);
}

fn goodhart_load_int(sample: i32, slot: u32, line: u32) -> i32 {
    return goodhart_to_int(goodhart_ep(u32(sample), slot), line);
}

fn goodhart_load_bool(sample: i32, slot: u32) -> bool {
    return goodhart_ep(u32(sample), slot) != 0.0;
}

fn goodhart_load_optional(sample: i32, slot: u32) -> f32 {
    return goodhart_ep(u32(sample), slot);
}

fn goodhart_load_len(sample: i32, slot: u32, cap: i32, line: u32) -> i32 {
    let len = i32(goodhart_ep(u32(sample), slot));
    if (len < 0) {
        goodhart_fail(GOODHART_FAULT_ABSENT, line);
    }
    return clamp(len, 0, cap);
}

fn goodhart_is_valid(sample: i32) -> bool {
    return goodhart_error(u32(sample)) == 0u;
}

fn goodhart_count_valid(start: i32, count: i32) -> i32 {
    var valid = 0;
    for (var i = 0; i < count; i = i + 1) {
        if (goodhart_is_valid(start + i)) {
            valid = valid + 1;
        }
    }
    return valid;
}

fn goodhart_group_valid() -> i32 {
    if (goodhart_group.z < 0) {
        goodhart_group.z = goodhart_count_valid(goodhart_group.x, goodhart_group.y);
    }
    return goodhart_group.z;
}

fn goodhart_batch_valid() -> i32 {
    if (goodhart_batch.z < 0) {
        goodhart_batch.z = goodhart_count_valid(goodhart_batch.x, goodhart_batch.y);
    }
    return goodhart_batch.z;
}

// What stands for the sticky failure where a value is stored.
fn goodhart_mark(value: f32) -> f32 {
    if (goodhart_failure != 0u) {
        return bitcast<f32>(GOODHART_ERROR_MARK | goodhart_failure);
    }
    return value;
}
