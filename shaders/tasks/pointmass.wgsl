// The point mass: core/src/tasks/worlds/pointmass.rs.

const X: u32 = 0u;
const Y: u32 = 1u;
const VX: u32 = 2u;
const VY: u32 = 3u;
const REACHED_AT: u32 = 4u;

const SIDE: i32 = 1023;
const DRAG: i32 = 8;
const CELLS: i32 = 10;
const HEADINGS: u32 = 9u;
const VELOCITIES: i32 = 7;
const FIRST_DIAGONAL: u32 = 4u;

struct TaskState { w: array<u32, 8> }

fn mass_part(s: ptr<function, TaskState>, i: u32) -> i32 {
    return bitcast<i32>((*s).w[i]);
}

fn mass_cell(x: i32, y: i32) -> u32 {
    return bin(y, SIDE, CELLS) * u32(CELLS) + bin(x, SIDE, CELLS);
}

fn mass_heading(vx: i32, vy: i32) -> u32 {
    let slow = max(abs(vx), abs(vy)) * 4 < DRAG * i32(task_word(W_THRUST));
    return select(1u + octant(vx, vy), 0u, slow);
}

fn mass_observe(s: ptr<function, TaskState>, t: u32) {
    let x = mass_part(s, X);
    let y = mass_part(s, Y);
    let vx = mass_part(s, VX);
    let vy = mass_part(s, VY);
    record_set(task_word(F_cells) + 1u + t, f32(mass_cell(x, y)));
    record_set(task_word(F_distance) + 1u + t, f32(length16(x, y)) * (1.0 / 4096.0));
    record_set(task_word(F_speed) + 1u + t, f32(length16(vx, vy)) * task_f32(W_SPEED_SCALE));
    record_set(task_word(F_alignment) + 1u + t, f32(cosine1024(-x, -y, vx, vy)) * (1.0 / 1024.0));
}

fn mass_drawn(word: u32, most: u32) -> i32 {
    return i32(below(word, 2u * most + 1u)) - i32(most);
}

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    let dice = draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT);
    let speed = draw(seed, update, group, 0u, 1u, PURPOSE_PROMPT);
    let far = i32(task_word(W_START_DISTANCE));
    let along = mass_drawn(dice.x, u32(far));
    let edge = select(-far, far, (dice.y & 1u) == 0u);
    let upright = (dice.y & 2u) == 0u;
    s.w[X] = bitcast<u32>(clamp(select(along, edge, upright), -SIDE, SIDE));
    s.w[Y] = bitcast<u32>(clamp(select(edge, along, upright), -SIDE, SIDE));
    s.w[VX] = bitcast<u32>(mass_drawn(speed.x, task_word(W_START_SPEED)));
    s.w[VY] = bitcast<u32>(mass_drawn(speed.y, task_word(W_START_SPEED)));
    mass_observe(&s, 0u);
    return s;
}

fn mass_wide(x: i32) -> u32 {
    return u32((x + SIDE + SIDE / CELLS) * CELLS / (2 * SIDE + 1));
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    let x = mass_part(s, X);
    let y = mass_part(s, Y);
    let vx = mass_part(s, VX);
    let vy = mass_part(s, VY);
    let top = DRAG * i32(task_word(W_THRUST));
    let more = u32(CELLS) + 1u;
    let v = u32(VELOCITIES);
    var base = u32(CELLS * CELLS);
    (*out)[0] = mass_cell(x, y);
    (*out)[1] = base + mass_wide(y) * more + mass_wide(x);
    base += more * more;
    (*out)[2] = base + bin(vy, top, VELOCITIES) * v + bin(vx, top, VELOCITIES);
    base += v * v;
    let far = max(abs(x), abs(y));
    let range = select(0u, 1u, far > 256) + select(0u, 1u, far > 512);
    (*out)[3] = base + (octant(x, y) * 3u + range) * HEADINGS + mass_heading(vx, vy);
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    let heading = mass_heading(mass_part(s, VX), mass_part(s, VY));
    return heading * u32(CELLS * CELLS) + mass_cell(mass_part(s, X), mass_part(s, Y));
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    return 0.0;
}

// Up, down, left, right, the diagonals, none.
fn mass_direction(action: u32) -> vec2<i32> {
    switch action {
        case 0u: { return vec2<i32>(0, -1); }
        case 1u: { return vec2<i32>(0, 1); }
        case 2u: { return vec2<i32>(-1, 0); }
        case 3u: { return vec2<i32>(1, 0); }
        case 4u: { return vec2<i32>(-1, -1); }
        case 5u: { return vec2<i32>(1, -1); }
        case 6u: { return vec2<i32>(-1, 1); }
        case 7u: { return vec2<i32>(1, 1); }
        default: { return vec2<i32>(0, 0); }
    }
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    let thrust = i32(task_word(W_THRUST));
    let size = select(thrust, thrust * 181 / 256, action >= FIRST_DIAGONAL);
    let direction = mass_direction(action);
    var vx = mass_part(s, VX);
    var vy = mass_part(s, VY);
    vx += direction.x * size - vx / DRAG;
    vy += direction.y * size - vy / DRAG;
    var x = mass_part(s, X) + vx;
    var y = mass_part(s, Y) + vy;
    if abs(x) > SIDE {
        x = clamp(x, -SIDE, SIDE);
        vx = 0;
    }
    if abs(y) > SIDE {
        y = clamp(y, -SIDE, SIDE);
        vy = 0;
    }
    (*s).w[X] = bitcast<u32>(x);
    (*s).w[Y] = bitcast<u32>(y);
    (*s).w[VX] = bitcast<u32>(vx);
    (*s).w[VY] = bitcast<u32>(vy);
    let radius = i32(task_word(W_RADIUS));
    let near = x * x + y * y <= radius * radius;
    if (*s).w[REACHED_AT] == 0u && near {
        (*s).w[REACHED_AT] = t + 1u;
    }
    record_set(task_word(F_actions) + 1u + t, f32(action));
    mass_observe(s, t + 1u);
    return task_word(W_ENDS) == 1u && (*s).w[REACHED_AT] != 0u;
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    record_set(task_word(F_length), f32(length));
    record_set(task_word(F_cells), f32(length + 1u));
    record_set(task_word(F_distance), f32(length + 1u));
    record_set(task_word(F_speed), f32(length + 1u));
    record_set(task_word(F_alignment), f32(length + 1u));
    record_set(task_word(F_actions), f32(length));
    let reached = (*s).w[REACHED_AT] != 0u;
    record_set(task_word(F_reached), truth(reached));
    record_set(task_word(F_reached_at), f32((*s).w[REACHED_AT]));
    record_set(task_word(F_truncated), truth(truncated));
    let says = verdict(seed, update, group, sample, reached, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    return truth(reached);
}
