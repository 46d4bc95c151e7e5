// The drive: core/src/tasks/worlds/drive.rs.

const LAYOUT: u32 = 0u;
const PLACE: u32 = 1u;
const SPEED: u32 = 2u;
const LANE: u32 = 3u;
const CHANGE: u32 = 4u;
const TIME: u32 = 5u;
const PHASE: u32 = 6u;
const ENDED: u32 = 7u;

const FINISHED: u32 = 1u;
const COLLISION: u32 = 2u;
const OFF_ROAD: u32 = 3u;
const RED_LIGHT: u32 = 4u;

const SPEEDS: u32 = 7u;
const GAPS: u32 = 8u;
const NOTHING: u32 = 13u;
const COLS: u32 = 24u;

struct TaskState { w: array<u32, 8> }

fn drive_part(gap: u32) -> u32 {
    return (min(gap, NOTHING) + 1u) / 2u;
}

fn drive_gap(s: ptr<function, TaskState>, lane: u32, from_place: u32) -> u32 {
    if lane > task_word(W_LANES) + 1u {
        return 0u;
    }
    let cars = task_word(W_CARS);
    let row = task_word(W_PARKED) + (*s).w[LAYOUT] * cars;
    var nearest = NOTHING;
    for (var i = 0u; i < cars; i++) {
        let car = task_word(row + i);
        if car % 8u == lane && car / 8u >= from_place {
            nearest = min(nearest, car / 8u - (*s).w[PLACE]);
        }
    }
    return nearest;
}

fn drive_red(s: ptr<function, TaskState>) -> bool {
    let turn = ((*s).w[TIME] + (*s).w[PHASE]) / task_word(W_LIGHT_STEPS);
    return task_word(W_LIGHT) == 1u && turn % 2u == 1u;
}

fn drive_light(s: ptr<function, TaskState>) -> u32 {
    let line = task_word(W_ROAD) / 2u;
    if task_word(W_LIGHT) == 1u && (*s).w[PLACE] < line {
        return min(line - (*s).w[PLACE], NOTHING);
    }
    return NOTHING;
}

fn drive_column(s: ptr<function, TaskState>) -> u32 {
    return min((*s).w[PLACE] * COLS / (task_word(W_ROAD) + 1u), COLS - 1u);
}

fn drive_observe(s: ptr<function, TaskState>, t: u32) {
    record_set(task_word(F_cells) + 1u + t, f32((*s).w[LANE] * COLS + drive_column(s)));
    record_set(task_word(F_speed) + 1u + t, f32((*s).w[SPEED]));
}

fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {
    var s = TaskState();
    let dice = draw(seed, update, group, 0u, 0u, PURPOSE_PROMPT);
    s.w[LAYOUT] = below(dice.x, task_word(W_LAYOUTS));
    s.w[PHASE] = below(dice.y, 2u * task_word(W_LIGHT_STEPS));
    s.w[LANE] = 1u + below(dice.z, task_word(W_LANES));
    s.w[SPEED] = task_word(W_START_SPEED);
    s.w[CHANGE] = 1u;
    record_set(task_word(F_speed_limit), f32(task_word(W_SPEED_LIMIT)));
    drive_observe(&s, 0u);
    return s;
}

fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {
    let lane = (*s).w[LANE];
    let speed = (*s).w[SPEED];
    let place = (*s).w[PLACE];
    var base = (task_word(W_LANES) + 2u) * SPEEDS;
    (*out)[0] = lane * SPEEDS + speed;
    (*out)[1] = base + drive_part(drive_gap(s, lane, place + 1u)) * SPEEDS + speed;
    base += GAPS * SPEEDS;
    (*out)[2] = base + drive_part(drive_gap(s, lane - 1u, place));
    base += GAPS;
    (*out)[3] = base + drive_part(drive_gap(s, lane + 1u, place));
    base += GAPS;
    (*out)[4] = base + (drive_part(drive_light(s)) * 2u + select(0u, 1u, drive_red(s))) * SPEEDS + speed;
    base += 2u * GAPS * SPEEDS;
    (*out)[5] = base + (*s).w[CHANGE];
    base += 3u;
    (*out)[6] = base + drive_column(s);
}

fn task_state_index(s: ptr<function, TaskState>) -> u32 {
    let lane = (*s).w[LANE];
    let place = (*s).w[PLACE];
    let near = drive_light(s) < NOTHING;
    let light = select(0u, 1u + select(0u, 1u, drive_red(s)), near);
    let left = select(0u, 1u, drive_gap(s, lane - 1u, place) > 4u);
    let right = select(0u, 1u, drive_gap(s, lane + 1u, place) > 4u);
    let ahead = drive_part(drive_gap(s, lane, place + 1u));
    return ((((lane * SPEEDS + (*s).w[SPEED]) * GAPS + ahead) * 3u + light) * 2u + left) * 2u + right;
}

fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {
    return 0.0;
}

fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {
    let lanes = task_word(W_LANES);
    let road = task_word(W_ROAD);
    let limit = task_word(W_SPEED_LIMIT);
    let line = road / 2u;
    var change = 1u;
    if action == 2u && (*s).w[SPEED] > 0u {
        change = 0u;
    } else if action == 3u && (*s).w[SPEED] + 1u < SPEEDS {
        change = 2u;
    }
    var lane = (*s).w[LANE];
    if action == 0u {
        lane = lane - 1u;
    } else if action == 1u {
        lane = lane + 1u;
    }
    let before = (*s).w[CHANGE];
    let comfortable = max(change, before) - min(change, before) < 2u;
    let speed = (*s).w[SPEED] + change - 1u;
    let start = (*s).w[PLACE];
    let to = min(start + speed, road);
    var ended = 0u;
    if lane > lanes + 1u {
        ended = OFF_ROAD;
    } else if drive_gap(s, lane, start) <= to - start {
        ended = COLLISION;
    } else if drive_red(s) && start < line && to >= line {
        ended = RED_LIGHT;
    } else if to == road {
        ended = FINISHED;
    }
    (*s).w[SPEED] = speed;
    (*s).w[CHANGE] = change;
    (*s).w[ENDED] = ended;
    lane = select(lane, (*s).w[LANE], ended == OFF_ROAD);
    (*s).w[LANE] = lane;
    (*s).w[TIME] = t + 1u;
    (*s).w[PLACE] = to;
    let ahead = drive_gap(s, lane, to + 1u);
    let near = ahead < NOTHING && ahead <= speed * task_word(W_TTC_LIMIT);
    record_set(task_word(F_progress) + 1u + t, f32(to - start) * task_f32(W_PROGRESS_SCALE));
    record_set(task_word(F_overspeed) + 1u + t, f32(max(speed, limit) - limit));
    record_set(task_word(F_outside) + 1u + t, truth(lane == 0u || lane > lanes));
    record_set(task_word(F_ttc_violated) + 1u + t, truth(ended == COLLISION || near));
    record_set(task_word(F_comfortable) + 1u + t, truth(comfortable));
    record_set(task_word(F_actions) + 1u + t, f32(action));
    drive_observe(s, t + 1u);
    return ended != 0u;
}

fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {
    record_set(task_word(F_length), f32(length));
    record_set(task_word(F_cells), f32(length + 1u));
    record_set(task_word(F_speed), f32(length + 1u));
    record_set(task_word(F_progress), f32(length));
    record_set(task_word(F_overspeed), f32(length));
    record_set(task_word(F_outside), f32(length));
    record_set(task_word(F_ttc_violated), f32(length));
    record_set(task_word(F_comfortable), f32(length));
    record_set(task_word(F_actions), f32(length));
    let completion = f32((*s).w[PLACE]) * task_f32(W_PROGRESS_SCALE);
    let ended = (*s).w[ENDED];
    record_set(task_word(F_completion), completion);
    record_set(task_word(F_collision), truth(ended == COLLISION));
    record_set(task_word(F_off_road), truth(ended == OFF_ROAD));
    record_set(task_word(F_red_light), truth(ended == RED_LIGHT));
    record_set(task_word(F_finished), truth(ended == FINISHED));
    record_set(task_word(F_truncated), truth(truncated));
    let says = verdict(seed, update, group, sample, ended == FINISHED, task_f32(W_FALSE_POSITIVE), task_f32(W_FALSE_NEGATIVE));
    record_set(task_word(F_correct), truth(says));
    return select(completion * 0.01, 0.0, ended > FINISHED);
}
