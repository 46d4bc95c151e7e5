"""Swing two hinged rods above a line, driving only the joint between them: Gymnasium's Acrobot-v1."""
from math import cos, sin, pi


class Params:
    torque: float = 1.0    # 0.1..5 N m: how strongly the joint is driven
    horizon: int = 500     # 10..1000 steps: most steps of an episode


horizon = Params.horizon
actions = ["left", "nothing", "right"]
view = "curve: heights"
SECONDS = 0.2
GRAVITY = 9.8
MASS = 1.0
LENGTH = 1.0
CENTER = 0.5
INERTIA = 1.0
FASTEST_1 = 4.0 * pi
FASTEST_2 = 9.0 * pi


class State:
    angle1: float = 0.0
    angle2: float = 0.0
    turning1: float = 0.0
    turning2: float = 0.0


class Episode:
    heights: list[float]   # -2..2 meters: of the tip above the hinge: before every step, and after the last
    turning: list[float]   # radians a second of the first rod: before every step, and after the last
    goal: bool             # the tip was above the line


def note(s, ep):
    ep.heights.append(-cos(s.angle1) - cos(s.angle2 + s.angle1))
    ep.turning.append(s.turning1)


def start(s, ep, dice):
    s.angle1 = dice.uniform(-0.1, 0.1)
    s.angle2 = dice.uniform(-0.1, 0.1)
    s.turning1 = dice.uniform(-0.1, 0.1)
    s.turning2 = dice.uniform(-0.1, 0.1)
    note(s, ep)


def slopes(a1, a2, v1, v2, torque):
    """How fast both speeds change."""
    d1 = MASS * CENTER * CENTER + MASS * (LENGTH * LENGTH + CENTER * CENTER + 2.0 * LENGTH * CENTER * cos(a2)) + 2.0 * INERTIA
    d2 = MASS * (CENTER * CENTER + LENGTH * CENTER * cos(a2)) + INERTIA
    phi2 = MASS * CENTER * GRAVITY * cos(a1 + a2 - pi / 2.0)
    phi1 = -MASS * LENGTH * CENTER * v2 * v2 * sin(a2) - 2.0 * MASS * LENGTH * CENTER * v2 * v1 * sin(a2) + (MASS * CENTER + MASS * LENGTH) * GRAVITY * cos(a1 - pi / 2.0) + phi2
    pull2 = (torque + d2 / d1 * phi1 - MASS * LENGTH * CENTER * v1 * v1 * sin(a2) - phi2) / (MASS * CENTER * CENTER + INERTIA - d2 * d2 / d1)
    pull1 = -(d2 * pull2 + phi1) / d1
    return pull1, pull2


def wrapped(x):
    # Into -pi..pi, as often as it takes; four turns a step are more than the speeds allow.
    for i in range(4):
        if x > pi:
            x -= 2.0 * pi
        if x < -pi:
            x += 2.0 * pi
    return x


def step(s, ep, p, action):
    torque = p.torque * (int(action) - 1)
    a1, a2, v1, v2 = s.angle1, s.angle2, s.turning1, s.turning2
    # Runge and Kutta, one step of fourth order.
    h = SECONDS
    b1, b2 = slopes(a1, a2, v1, v2, torque)
    c1, c2 = slopes(a1 + h / 2.0 * v1, a2 + h / 2.0 * v2, v1 + h / 2.0 * b1, v2 + h / 2.0 * b2, torque)
    vc1, vc2 = v1 + h / 2.0 * b1, v2 + h / 2.0 * b2
    d1, d2 = slopes(a1 + h / 2.0 * vc1, a2 + h / 2.0 * vc2, v1 + h / 2.0 * c1, v2 + h / 2.0 * c2, torque)
    vd1, vd2 = v1 + h / 2.0 * c1, v2 + h / 2.0 * c2
    e1, e2 = slopes(a1 + h * vd1, a2 + h * vd2, v1 + h * d1, v2 + h * d2, torque)
    ve1, ve2 = v1 + h * d1, v2 + h * d2
    s.angle1 = wrapped(a1 + h / 6.0 * (v1 + 2.0 * vc1 + 2.0 * vd1 + ve1))
    s.angle2 = wrapped(a2 + h / 6.0 * (v2 + 2.0 * vc2 + 2.0 * vd2 + ve2))
    s.turning1 = min(max(v1 + h / 6.0 * (b1 + 2.0 * c1 + 2.0 * d1 + e1), -FASTEST_1), FASTEST_1)
    s.turning2 = min(max(v2 + h / 6.0 * (b2 + 2.0 * c2 + 2.0 * d2 + e2), -FASTEST_2), FASTEST_2)
    note(s, ep)
    return -cos(s.angle1) - cos(s.angle2 + s.angle1) > 1.0


def see(s):
    return [cos(s.angle1), sin(s.angle1), cos(s.angle2), sin(s.angle2), s.turning1 / 4.0, s.turning2 / 9.0]


def score(s, ep):
    ep.goal = -cos(s.angle1) - cos(s.angle2 + s.angle1) > 1.0
    return 1.0 if ep.goal else 0.0
