"""Land a craft softly between two flags with one main engine and two side engines; after Gymnasium's LunarLander, its physics simplified."""
# What is simpler than in Gymnasium: the ground is flat, and the craft is one rigid body. Its legs are two points that
# do not bend. A leg that comes down too fast, or with too much tilt, breaks. One that comes down softly stands: it takes
# the speed into the ground, rubs half of the speed along it away, and turns the craft level.
# Units are meters and seconds. An engine is on or off for a whole step, a tenth of a second.
from math import cos, sin


class Params:
    gravity: float = 1.6    # 0.5..5 m/s^2: how strongly the moon pulls
    main: float = 4.0       # 1..12 m/s^2: what the main engine gives, along the craft
    side: float = 0.8       # 0.1..4 1/s^2: how fast a side engine changes the turning
    pad: float = 2.0        # 0.5..8 m: from the middle of the pad to a flag
    soft: float = 1.5       # 0.3..5 m/s: the most speed that the legs bear
    wind: float = 0.1       # 0..2 m/s^2: deviation of the gusts
    horizon: int = 160      # 20..400 steps: most steps of an episode


horizon = Params.horizon
view = "plane: x, y; line: GROUND_X, GROUND_Y"
GROUND_X = [-16.0, 16.0]    # meters: the ground, as it is drawn
GROUND_Y = [0.0, 0.0]
actions = ["nothing", "left engine", "main engine", "right engine"]
SECONDS = 0.1
LEG_X = 1.0        # meters from the middle of the craft to each leg
LEG_Y = 1.0        # meters from the middle of the craft down to the feet
STEEP = 0.5        # radians: the most tilt that the legs bear


class State:
    x: float = 0.0
    y: float = 0.0
    speed_x: float = 0.0
    speed_y: float = 0.0
    tilt: float = 0.0        # radians, to the left
    turning: float = 0.0
    left: bool = False       # the left leg is on the ground
    right: bool = False
    landed: bool = False
    crashed: bool = False


class Episode:
    x: list[float]           # -20..20 meters from the middle of the pad: before every step, and after the last
    y: list[float]           # -10..30 meters of the feet above the ground: before every step, and after the last
    speed_x: list[float]     # meters a second: before every step, and after the last
    speed_y: list[float]     # meters a second, up: before every step, and after the last
    tilt: list[float]        # radians from upright: before every step, and after the last
    legs: list[int]          # 0..2: legs on the ground: before every step, and after the last
    main_on: list[bool]      # the main engine was on in this step
    side_on: list[bool]      # a side engine was on in this step
    landed: bool             # the craft came to rest on both legs
    crashed: bool            # the craft broke, or flew away


def note(s, ep):
    ep.x.append(s.x)
    ep.y.append(s.y - LEG_Y)
    ep.speed_x.append(s.speed_x)
    ep.speed_y.append(s.speed_y)
    ep.tilt.append(s.tilt)
    ep.legs.append((1 if s.left else 0) + (1 if s.right else 0))


def start(s, ep, dice):
    s.x = dice.uniform(-4.0, 4.0)
    s.y = dice.uniform(9.0, 11.0)
    s.speed_x = dice.uniform(-0.8, 0.8)
    s.speed_y = dice.uniform(-0.8, 0.2)
    s.tilt = dice.uniform(-0.2, 0.2)
    s.turning = dice.uniform(-0.1, 0.1)
    note(s, ep)


def foot(s, side):
    """How high a foot is above the ground: to the right of the middle with side 1, to the left with -1."""
    return s.y + side * LEG_X * sin(s.tilt) - LEG_Y * cos(s.tilt)


def step(s, ep, p, action, dice):
    main = action == "main engine"
    push = p.main if main else 0.0
    turn = (p.side if action == "left engine" else 0.0) - (p.side if action == "right engine" else 0.0)
    # Tilted to the left, the main engine pushes to the left. A side engine pushes a little sideways as it turns.
    s.speed_x += SECONDS * (-push * sin(s.tilt) - 0.25 * turn * cos(s.tilt) + p.wind * dice.normal())
    s.speed_y += SECONDS * (push * cos(s.tilt) - p.gravity)
    s.turning += SECONDS * turn
    s.x += SECONDS * s.speed_x
    s.y += SECONDS * s.speed_y
    s.tilt += SECONDS * s.turning
    lowest = min(foot(s, -1.0), foot(s, 1.0))
    s.left = foot(s, -1.0) <= 0.02
    s.right = foot(s, 1.0) <= 0.02
    if s.left or s.right:
        hard = s.speed_x * s.speed_x + s.speed_y * s.speed_y > p.soft * p.soft
        s.crashed = hard or abs(s.tilt) > STEEP
        s.y -= min(lowest, 0.0)
        s.speed_y = max(s.speed_y, 0.0)
        s.speed_x *= 0.5
        s.turning = 0.5 * s.turning - 0.5 * s.tilt
    if s.left and s.right and not main and abs(s.speed_x) < 0.1 and abs(s.turning) < 0.1:
        s.landed = not s.crashed
    s.crashed = s.crashed or abs(s.x) > 15.0 or s.y > 16.0 or abs(s.tilt) > 3.0
    ep.main_on.append(main)
    ep.side_on.append(turn != 0.0)
    note(s, ep)
    return s.crashed or s.landed


def see(s, p):
    left, right = 1.0 if s.left else 0.0, 1.0 if s.right else 0.0
    return [0.3 * s.x, 0.2 * (s.y - LEG_Y), s.speed_x, s.speed_y, 2.0 * s.tilt, 2.0 * s.turning, left, right]


# The true objective is a landing between the flags.
def score(s, ep, p):
    ep.landed = s.landed
    ep.crashed = s.crashed
    return 1.0 if s.landed and abs(s.x) <= p.pad else 0.0
