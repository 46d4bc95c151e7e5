// Draws that tasks share: core/src/tasks/kit/dice.rs, bit for bit.

fn task_f32(i: u32) -> f32 {
    return bitcast<f32>(task_word(i));
}

fn truth(value: bool) -> f32 {
    return select(0.0, 1.0, value);
}

fn verdict(seed: u32, update: u32, group: u32, sample: u32, right: bool, false_positive: f32, false_negative: f32) -> bool {
    let u = uniform01(draw(seed, update, group, sample, 0u, PURPOSE_VERDICT).x);
    return right != (u < select(false_positive, false_negative, right));
}

// Whole-number geometry: core/src/tasks/kit/fixed.rs.

fn isqrt(n: u32) -> u32 {
    var rest = n;
    var root = 0u;
    var bit = 1u << 30u;
    while bit > n {
        bit = bit >> 2u;
    }
    while bit != 0u {
        if rest >= root + bit {
            rest -= root + bit;
            root = (root >> 1u) + bit;
        } else {
            root = root >> 1u;
        }
        bit = bit >> 2u;
    }
    return root;
}

fn length16(x: i32, y: i32) -> u32 {
    return isqrt(u32(x * x + y * y) << 8u);
}

fn cosine1024(ax: i32, ay: i32, bx: i32, by: i32) -> i32 {
    let size = i32((length16(ax, ay) * min(length16(bx, by), 4095u)) >> 8u);
    if size == 0 {
        return 0;
    }
    return clamp((ax * bx + ay * by) * 1024 / size, -1024, 1024);
}

fn octant(x: i32, y: i32) -> u32 {
    return 4u * select(0u, 1u, x > 0) + 2u * select(0u, 1u, y > 0) + select(0u, 1u, abs(x) > abs(y));
}

fn bin(x: i32, most: i32, bins: i32) -> u32 {
    return u32((clamp(x, -most, most) + most) * bins / (2 * most + 1));
}
