"""Race a small car round a track, with the fields that public racing rewards read in `params`."""
# The car is a bicycle: its front wheel steers, its back wheel follows. Its tyres hold only so much: steered harder than
# they hold, the car goes wide. The fields are those of AWS DeepRacer, each as it is after a step.
from math import atan2, cos, degrees, pi, radians, sin, sqrt, tan


class Params:
    track: int = 0            # 0..2: which track: 0 an oval, 1 a kidney, 2 a chicane
    track_width: float = 0.8  # 0.4..2 m: from border to border
    slow: float = 0.8         # 0..2 m/s: the lowest of three speeds
    fast: float = 3.2         # 0.5..4 m/s: the highest; the third is halfway
    grip: float = 4.0         # 0.5..20 m/s^2: the most sideways acceleration that the tyres hold
    noise: float = 1.0        # 0..10 degrees: deviation of every steering
    boxes: int = 0            # 0..6 boxes: how many stand on the track, left and right in turn
    horizon: int = 128        # 20..200 steps: most steps of an episode; each is an eighth of a second


horizon = Params.horizon
view = "track: x, y; line: WAYPOINTS"
actions = [
    "left 30 slow", "left 30 half", "left 30 fast", "left 15 slow", "left 15 half", "left 15 fast",
    "straight slow", "straight half", "straight fast",
    "right 15 slow", "right 15 half", "right 15 fast", "right 30 slow", "right 30 half", "right 30 fast",
]
SECONDS = 0.125
WHEELBASE = 0.3    # meters from axle to axle
HALF_CAR = 0.1     # meters from the middle to the wheels of one side
BOX = 0.25         # meters from the middle of a box at which the car hits it

OVAL = [
    (-2.5, -1.5), (-2.1, -1.5), (-1.69, -1.5), (-1.29, -1.5), (-0.88, -1.5), (-0.48, -1.5), (-0.07, -1.5), (0.33, -1.5),
    (0.74, -1.5), (1.14, -1.5), (1.55, -1.5), (1.95, -1.5), (2.36, -1.5), (2.76, -1.48), (3.14, -1.35), (3.48, -1.13),
    (3.75, -0.83), (3.92, -0.47), (4.0, -0.07), (3.96, 0.33), (3.82, 0.71), (3.59, 1.03), (3.27, 1.29), (2.9, 1.45),
    (2.5, 1.5), (2.1, 1.5), (1.69, 1.5), (1.29, 1.5), (0.88, 1.5), (0.48, 1.5), (0.07, 1.5), (-0.33, 1.5),
    (-0.74, 1.5), (-1.14, 1.5), (-1.55, 1.5), (-1.95, 1.5), (-2.36, 1.5), (-2.76, 1.48), (-3.14, 1.35), (-3.48, 1.13),
    (-3.75, 0.83), (-3.92, 0.47), (-4.0, 0.07), (-3.96, -0.33), (-3.82, -0.71), (-3.59, -1.03), (-3.27, -1.29), (-2.9, -1.45),
]
KIDNEY = [
    (-2.6, -1.4), (-2.23, -1.37), (-1.87, -1.24), (-1.53, -1.08), (-1.19, -0.92), (-0.84, -0.76), (-0.48, -0.63), (-0.11, -0.56),
    (0.26, -0.58), (0.63, -0.68), (0.98, -0.82), (1.32, -0.98), (1.66, -1.15), (2.01, -1.3), (2.37, -1.4), (2.74, -1.35),
    (3.04, -1.12), (3.25, -0.81), (3.4, -0.46), (3.49, -0.09), (3.49, 0.29), (3.38, 0.65), (3.19, 0.98), (2.96, 1.27),
    (2.68, 1.52), (2.35, 1.72), (2.0, 1.85), (1.63, 1.92), (1.25, 1.97), (0.87, 1.99), (0.49, 2.0), (0.11, 2.0),
    (-0.26, 2.0), (-0.64, 2.0), (-1.02, 1.98), (-1.4, 1.95), (-1.77, 1.9), (-2.14, 1.81), (-2.49, 1.65), (-2.79, 1.43),
    (-3.06, 1.16), (-3.27, 0.85), (-3.43, 0.51), (-3.5, 0.14), (-3.46, -0.24), (-3.35, -0.6), (-3.17, -0.94), (-2.93, -1.23),
]
CHICANE = [
    (-3.2, -1.6), (-2.81, -1.77), (-2.4, -1.87), (-1.98, -1.92), (-1.56, -1.95), (-1.13, -1.94), (-0.71, -1.88), (-0.32, -1.73),
    (0.04, -1.51), (0.39, -1.27), (0.75, -1.05), (1.15, -0.91), (1.57, -0.94), (1.96, -1.11), (2.33, -1.32), (2.71, -1.49),
    (3.12, -1.44), (3.41, -1.14), (3.62, -0.77), (3.76, -0.37), (3.8, 0.05), (3.71, 0.46), (3.54, 0.85), (3.31, 1.2),
    (2.98, 1.47), (2.57, 1.49), (2.17, 1.34), (1.79, 1.15), (1.4, 0.98), (0.99, 0.9), (0.58, 0.99), (0.22, 1.22),
    (-0.11, 1.47), (-0.46, 1.72), (-0.85, 1.89), (-1.27, 1.94), (-1.69, 1.94), (-2.11, 1.9), (-2.52, 1.81), (-2.92, 1.65),
    (-3.25, 1.39), (-3.52, 1.06), (-3.72, 0.69), (-3.85, 0.29), (-3.9, -0.13), (-3.86, -0.55), (-3.73, -0.95), (-3.51, -1.32),
]
WAYPOINTS = OVAL if Params.track == 0 else (KIDNEY if Params.track == 1 else CHICANE)
POINTS = 48        # waypoints of every track
LENGTH = 19.4 if Params.track == 0 else (18.2 if Params.track == 1 else 20.3)
APART = LENGTH / POINTS
# The fewest steps that a lap on the centre line takes.
PAR = LENGTH / (Params.fast * SECONDS)


class State:
    x: float = 0.0
    y: float = 0.0
    heading: float = 0.0     # radians
    speed: float = 0.0
    near: int = 0            # the waypoint behind the car
    ahead: float = 0.0       # how far the car is from that waypoint to the next, 0 to 1
    aside: float = 0.0       # meters from the centre line, to the left
    along: float = 0.0       # radians between the car and the direction of the track
    travelled: float = 0.0   # meters along the track since the start


class Episode:
    waypoints: list[tuple[float, float]] = WAYPOINTS   # meters: the centre line of the track
    track_width: float = Params.track_width            # meters
    track_length: float = LENGTH                       # meters
    closest_waypoints: list[tuple[int, int]]           # 0..47: numbers of the waypoints behind and before the car, after every step
    all_wheels_on_track: list[bool]   # no wheel is beyond the border, after every step
    x: list[float]                    # meters, after every step
    y: list[float]                    # meters, after every step
    distance_from_center: list[float] # 0..3 meters from the centre line, after every step
    is_left_of_center: list[bool]     # after every step
    speed: list[float]                # 0..4 meters a second, after every step
    steering_angle: list[float]       # -90..90 degrees, to the left: how the wheels stood in every step
    heading: list[float]              # -180..180 degrees from the x axis, after every step
    progress: list[float]             # -100..100 percent of the lap since the start, after every step
    steps: list[int]                  # 1..200: the number of every step, from 1
    is_offtrack: list[bool]           # all wheels are beyond the border, after every step
    is_reversed: list[bool]           # the car points against the direction of the track, after every step
    is_crashed: list[bool]            # the car has hit a box, after every step
    lap: bool                         # the lap was completed


def wrapped(angle):
    if angle > pi:
        return angle - 2.0 * pi
    return angle + 2.0 * pi if angle < -pi else angle


def place(s):
    """Where the car is on the track: the nearest place of the pieces of the centre line that it can have reached."""
    best = 1000.0
    near = s.near
    s.ahead = 0.0
    for k in range(5):
        i = (near + k + POINTS - 1) % POINTS
        ax, ay = WAYPOINTS[i]
        bx, by = WAYPOINTS[(i + 1) % POINTS]
        dx, dy = bx - ax, by - ay
        share = ((s.x - ax) * dx + (s.y - ay) * dy) / (dx * dx + dy * dy)
        share = min(max(share, 0.0), 1.0)
        px, py = s.x - ax - share * dx, s.y - ay - share * dy
        far = px * px + py * py
        # On the outside of a bend two pieces are as near as their common waypoint: the first of them is taken.
        if far < best - 0.00001:
            best = far
            s.near = i
            s.ahead = share
            # What is left of the direction of the track counts as positive.
            s.aside = sqrt(far) if dx * py - dy * px > 0.0 else -sqrt(far)
            s.along = wrapped(s.heading - atan2(dy, dx))


def start(s, dice):
    s.near = dice.below(POINTS)
    ax, ay = WAYPOINTS[s.near]
    bx, by = WAYPOINTS[(s.near + 1) % POINTS]
    along = atan2(by - ay, bx - ax)
    aside = dice.uniform(-0.15, 0.15)
    s.x = 0.5 * (ax + bx) - aside * sin(along)
    s.y = 0.5 * (ay + by) + aside * cos(along)
    s.heading = wrapped(along + dice.uniform(-0.2, 0.2))
    place(s)


def box(k, boxes):
    """Where a box stands."""
    i = POINTS * (k + 1) // (boxes + 1) % POINTS
    ax, ay = WAYPOINTS[i]
    bx, by = WAYPOINTS[(i + 1) % POINTS]
    aside = 0.2 if k % 2 == 0 else -0.2
    apart = sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay))
    return ax - aside * (by - ay) / apart, ay + aside * (bx - ax) / apart


def crashes(s, p):
    for k in range(p.boxes):
        bx, by = box(k, p.boxes)
        if (s.x - bx) * (s.x - bx) + (s.y - by) * (s.y - by) < BOX * BOX:
            return True
    return False


def step(s, ep, p, action, dice, t):
    steering = 30.0 - 15.0 * (int(action) // 3) + p.noise * dice.normal()
    wanted = p.slow + 0.5 * (p.fast - p.slow) * (int(action) % 3)
    s.speed += 0.5 * (wanted - s.speed)
    turning = s.speed * tan(radians(steering)) / WHEELBASE
    # What the tyres do not hold goes wide.
    most = p.grip / max(s.speed, 0.1)
    turning = min(max(turning, -most), most) * SECONDS
    s.x += s.speed * SECONDS * cos(s.heading + 0.5 * turning)
    s.y += s.speed * SECONDS * sin(s.heading + 0.5 * turning)
    s.heading = wrapped(s.heading + turning)
    before = s.near + s.ahead
    place(s)
    moved = s.near + s.ahead - before
    if moved < -0.5 * POINTS:
        moved += POINTS
    if moved > 0.5 * POINTS:
        moved -= POINTS
    s.travelled += moved * APART
    distance = abs(s.aside)
    off = distance > 0.5 * p.track_width + HALF_CAR
    crashed = crashes(s, p)
    lap = s.travelled >= LENGTH
    ep.closest_waypoints.append((s.near, (s.near + 1) % POINTS))
    ep.all_wheels_on_track.append(distance <= 0.5 * p.track_width - HALF_CAR)
    ep.x.append(s.x)
    ep.y.append(s.y)
    ep.distance_from_center.append(distance)
    ep.is_left_of_center.append(s.aside > 0.0)
    ep.speed.append(s.speed)
    ep.steering_angle.append(steering)
    ep.heading.append(degrees(s.heading))
    ep.progress.append(min(max(100.0 * s.travelled / LENGTH, -100.0), 100.0))
    ep.steps.append(t + 1)
    ep.is_offtrack.append(off)
    ep.is_reversed.append(abs(s.along) > 0.5 * pi)
    ep.is_crashed.append(crashed)
    ep.lap = lap and not off and not crashed
    return off or crashed or lap


def ahead_of(s, x, y):
    """A place as the car sees it: meters before it, and to its left."""
    c, n = cos(s.heading), sin(s.heading)
    dx, dy = x - s.x, y - s.y
    return dx * c + dy * n, dy * c - dx * n


def see(s, p):
    near_x, near_y = ahead_of(s, WAYPOINTS[(s.near + 2) % POINTS][0], WAYPOINTS[(s.near + 2) % POINTS][1])
    mid_x, mid_y = ahead_of(s, WAYPOINTS[(s.near + 4) % POINTS][0], WAYPOINTS[(s.near + 4) % POINTS][1])
    far_x, far_y = ahead_of(s, WAYPOINTS[(s.near + 7) % POINTS][0], WAYPOINTS[(s.near + 7) % POINTS][1])
    box_x, box_y, nearest = 0.0, 0.0, 2.0
    for k in range(p.boxes):
        bx, by = box(k, p.boxes)
        x, y = ahead_of(s, bx, by)
        if x > -0.3 and x + abs(y) < nearest:
            nearest = x + abs(y)
            box_x, box_y = 2.0 - x, y
    return [s.speed, 2.0 * s.aside, 2.0 * sin(s.along), 2.0 * cos(s.along), near_x, 2.0 * near_y, mid_x, mid_y, far_x, far_y, box_x, box_y]


# The true objective is the lap time of clean laps: 0 without a lap that stayed on the track, else how many steps a lap
# takes at full speed on the centre line over how many it took, at most 1.
def score(ep):
    return min(PAR / ep.length, 1.0) if ep.lap else 0.0
