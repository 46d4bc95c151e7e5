// Four rooms: core/src/tasks/worlds/rooms.rs.

const CELL: u32 = 0u;
const MAP: u32 = 1u;
const ENDS: u32 = 2u;
const LAST: u32 = 3u;
const CHANNEL: u32 = 4u;
const SHARED: u32 = 5u;

const TV: u32 = 4u;
const LOCAL: u32 = 80u;
const WAYS: u32 = 10u;

struct TaskState { w: array<u32, 8> }

fn rooms_part(map: u32, i: u32) -> u32 {
    return (map >> (4u * i)) & 15u;
}

fn rooms_wall(map: u32, row: u32, col: u32) -> bool {
    let upright = col == rooms_part(map, 1u) && row != rooms_part(map, 2u) && row != rooms_part(map, 3u);
    let level = row == rooms_part(map, 0u) && col != rooms_part(map, 4u) && col != rooms_part(map, 5u);
    return upright || level;
}

fn rooms_along(size: u32, far: bool, wall: u32, word: u32) -> u32 {
    return select(below(word, wall), wall + 1u + below(word, size - 1u - wall), far);
}

// A map, and its goal and start, from three draws.
fn rooms_drawn(seed: u32, update: u32, group: u32) -> vec2<u32> {
    let size = task_word(W_SIZE);
    let a = draw(seed, update, group, 0u, 1u, PURPOSE_PROMPT);
    let b = draw(seed, update, group, 0u, 2u, PURPOSE_PROMPT);
    let c = draw(seed, update, group, 0u, 3u, PURPOSE_PROMPT);
    let third = size / 3u;
    let row = third + below(a.x, size - 2u * third);
    let col = third + below(a.y, size - 2u * third);
    let up = below(a.z, row);
    let down = row + 1u + below(a.w, size - 1u - row);
    let left = below(b.x, col);
    let right = col + 1u + below(b.y, size - 1u - col);
    let map = row | (col << 4u) | (up << 8u) | (down << 12u) | (left << 16u) | (right << 20u);
    let from_room = below(b.z, 4u);
    let to_room = 3u - from_room;
    let start_row = rooms_along(size, from_room >= 2u, row, c.x);
    let start_col = rooms_along(size, from_room % 2u == 1u, col, c.y);
    let goal_row = rooms_along(size, to_room >= 2u, row, c.z);
    let goal_col = rooms_along(size, to_room % 2u == 1u, col, c.w);
    return vec2<u32>(map, (goal_row * size + goal_col) | ((start_row * size + start_col) << 8u));
}

fn rooms_room(map: u32, row: u32, col: u32) -> u32 {
    return 2u * select(0u, 1u, row > rooms_part(map, 0u)) + select(0u, 1u, col > rooms_part(map, 1u));
}

fn rooms_sign(start: u32, to: u32) -> u32 {
    return 1u + select(0u, 1u, to > start) - select(0u, 1u, to < start);
}

fn rooms_way(row: u32, col: u32, to_row: u32, to_col: u32) -> u32 {
    return 3u * rooms_sign(row, to_row) + rooms_sign(col, to_col);
}

fn rooms_next(map: u32, cell: u32, action: u32) -> u32 {
    let n = task_word(W_SIZE);
    var row = cell / n;
    var col = cell % n;
    // Beyond the edge a number wraps and is too large.
    switch action {
        case 0u: { row = row - 1u; }
        case 1u: { row = row + 1u; }
        case 2u: { col = col - 1u; }
        default: { col = col + 1u; }
    }
    if row >= n || col >= n {
        return cell;
    }
    return select(row * n + col, cell, rooms_wall(map, row, col));
}

fn rooms_observe(s: ptr<function, TaskState>, t: u32) {
    let n = task_word(W_SIZE);
    let cell = (*s).w[CELL];
    record_set(task_word(F_cells) + 1u + t, f32(cell));
    record_set(task_word(F_rooms) + 1u + t, f32(rooms_room((*s).w[MAP], cell / n, cell % n)));
}

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    let u = uniform01(draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT).x);
    let same = u < task_f32(W_SHARED_STRUCTURE);
    var map = vec2<u32>(task_word(W_SHARED_MAP), task_word(W_SHARED_ENDS));
    if !same {
        map = rooms_drawn(seed, update, group);
    }
    s.w[MAP] = map.x;
    s.w[ENDS] = map.y;
    s.w[CELL] = map.y >> 8u;
    s.w[SHARED] = select(0u, 1u, same);
    record_set(task_word(F_shared), truth(same));
    record_set(task_word(F_goal_cell), f32(map.y & 255u));
    record_set(task_word(F_size), f32(task_word(W_SIZE)));
    rooms_observe(&s, 0u);
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    let n = task_word(W_SIZE);
    let map = (*s).w[MAP];
    let cell = (*s).w[CELL];
    let row = cell / n;
    let col = cell % n;
    let here = rooms_room(map, row, col);
    let goal = (*s).w[ENDS] & 255u;
    let start = (*s).w[ENDS] >> 8u;
    var base = n * n;
    (*out)[0] = cell;
    var around = 0u;
    for (var a = 0u; a < 4u; a++) {
        around |= select(0u, 1u, rooms_next(map, cell, a) == cell) << a;
    }
    (*out)[1] = base + around * 5u + (*s).w[LAST];
    base += LOCAL;
    let seen = rooms_room(map, goal / n, goal % n) == here;
    (*out)[2] = base + select(WAYS - 1u, rooms_way(row, col, goal / n, goal % n), seen);
    base += WAYS;
    (*out)[3] = base + rooms_way(row, col, rooms_part(map, 2u + here / 2u), rooms_part(map, 1u));
    base += WAYS;
    (*out)[4] = base + rooms_way(row, col, rooms_part(map, 0u), rooms_part(map, 4u + here % 2u));
    base += WAYS;
    (*out)[5] = base + rooms_room(map, start / n, start % n) * 4u + here;
    base += 16u;
    if task_word(W_CHANNELS) > 0u {
        (*out)[6] = base + (*s).w[CHANNEL];
    }
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    return (*s).w[CHANNEL] * task_word(W_SIZE) * task_word(W_SIZE) + (*s).w[CELL];
}

// A map that is not shared is a context of its own: its cells are other states.
fn task_key(s: ptr<function, TaskState>) -> u32 {
    let row = task_state_index(s);
    let ends = (*s).w[ENDS];
    let context = ((*s).w[MAP] ^ ((ends << 16u) | (ends >> 16u))) * 2654435761u;
    return select(((context >> 4u) + row * 40503u) & 0xffffffu, row, (*s).w[SHARED] == 1u);
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    return 0.0;
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    let cell = (*s).w[CELL];
    var to = cell;
    var channel = 0u;
    if action == TV {
        let dice = draw(seed, update, group, sample, t, PURPOSE_TASK);
        channel = 1u + below(dice.x, max(task_word(W_CHANNELS), 1u));
    } else {
        to = rooms_next((*s).w[MAP], cell, action);
    }
    let moved = to != cell;
    (*s).w[CHANNEL] = channel;
    (*s).w[LAST] = select(0u, 1u + action, moved);
    (*s).w[CELL] = to;
    record_set(task_word(F_actions) + 1u + t, f32(action));
    record_set(task_word(F_bumps) + 1u + t, truth(!moved && action != TV));
    record_set(task_word(F_tv) + 1u + t, f32(channel));
    rooms_observe(s, t + 1u);
    return to == ((*s).w[ENDS] & 255u);
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    record_set(task_word(F_length), f32(length));
    record_set(task_word(F_cells), f32(length + 1u));
    record_set(task_word(F_rooms), f32(length + 1u));
    record_set(task_word(F_actions), f32(length));
    record_set(task_word(F_bumps), f32(length));
    record_set(task_word(F_tv), f32(length));
    let goal = (*s).w[CELL] == ((*s).w[ENDS] & 255u);
    record_set(task_word(F_goal), truth(goal));
    record_set(task_word(F_truncated), truth(truncated));
    let says = verdict(seed, update, group, sample, goal, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    return truth(goal);
}
