"""Drive a car with a weak engine out of a valley by swinging back and forth: Gymnasium's MountainCar-v0."""
from math import cos


class Params:
    force: float = 0.001      # 0.0001..0.01: how strongly the engine pushes
    gravity: float = 0.0025   # 0.0001..0.01: how strongly the valley pulls
    goal: float = 0.5         # -1..0.6: the place of the flag
    horizon: int = 200        # 10..1000 steps: most steps of an episode


horizon = Params.horizon
actions = ["left", "coast", "right"]
view = "plane: places, heights; line: VALLEY, VALLEY_HEIGHTS"
# The valley where it is drawn: sin(3 x).
VALLEY = [-1.2, -1.1, -1.0, -0.9, -0.8, -0.7, -0.6, -0.5, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
VALLEY_HEIGHTS = [0.443, 0.158, -0.141, -0.427, -0.675, -0.863, -0.974, -0.997, -0.932, -0.783, -0.565, -0.296, 0.0, 0.296, 0.565, 0.783, 0.932, 0.997, 0.974]


class State:
    place: float = 0.0
    speed: float = 0.0


class Episode:
    places: list[float]   # -2..1: along the valley: before every step, and after the last
    heights: list[float]  # -1..1: height in the valley: before every step, and after the last
    speeds: list[float]   # -1..1: before every step, and after the last
    energy: list[float]   # height and motion together: before every step, and after the last
    goal: bool            # the flag was reached


def note(s, ep, p):
    ep.places.append(s.place)
    ep.heights.append(sin_of(3.0 * s.place))
    ep.speeds.append(s.speed)
    # What the engine adds to is speed squared over two, and what the valley holds is the integral of its pull.
    ep.energy.append(0.5 * s.speed * s.speed + p.gravity / 3.0 * (1.0 + sin_of(3.0 * s.place)))


def sin_of(x):
    return cos(x - 1.5707963)


def start(s, ep, p, dice):
    s.place = dice.uniform(-0.6, -0.4)
    note(s, ep, p)


def step(s, ep, p, action):
    s.speed = min(max(s.speed + (int(action) - 1) * p.force - p.gravity * cos(3.0 * s.place), -0.07), 0.07)
    s.place = min(max(s.place + s.speed, -1.2), 0.6)
    if s.place == -1.2 and s.speed < 0.0:
        s.speed = 0.0
    note(s, ep, p)
    return s.place >= p.goal and s.speed >= 0.0


def see(s):
    return [s.place / 0.6 + 0.5, s.speed / 0.04]


def score(s, ep, p):
    ep.goal = s.place >= p.goal and s.speed >= 0.0
    return 1.0 if ep.goal else 0.0
