"""Keep a pole upright on a cart that is pushed left or right: Gymnasium's CartPole-v1."""
from math import cos, sin, pi


class Params:
    gravity: float = 9.8        # 0..20 m/s^2: gravity
    cart_mass: float = 1.0      # 0.1..10 kg: mass of the cart
    pole_mass: float = 0.1      # 0.01..1 kg: mass of the pole
    half_length: float = 0.5    # 0.1..2 m: half of the pole's length
    force: float = 10.0         # 1..30 N: how strongly the cart is pushed
    horizon: int = 500          # 10..1000 steps: most steps of an episode; all of them are the task's success


horizon = Params.horizon
actions = ["left", "right"]
view = "pole: positions, angles"
SECONDS = 0.02
LIMIT = 12.0 * 2.0 * pi / 360.0
TOTAL = Params.cart_mass + Params.pole_mass
MOMENT = Params.pole_mass * Params.half_length


class State:
    x: float = 0.0
    velocity: float = 0.0
    angle: float = 0.0
    turning: float = 0.0


class Episode:
    positions: list[float]    # meters from the middle: before every step, and after the last
    angles: list[float]       # radians from upright: before every step, and after the last
    speeds: list[float]       # meters a second: before every step, and after the last
    fell: bool                # the pole fell, or the cart left the track


def note(s, ep):
    ep.positions.append(s.x)
    ep.angles.append(s.angle)
    ep.speeds.append(s.velocity)


def start(s, ep, dice):
    s.x = dice.uniform(-0.05, 0.05)
    s.velocity = dice.uniform(-0.05, 0.05)
    s.angle = dice.uniform(-0.05, 0.05)
    s.turning = dice.uniform(-0.05, 0.05)
    note(s, ep)


def step(s, ep, p, action):
    force = p.force if action == "right" else -p.force
    c = cos(s.angle)
    sn = sin(s.angle)
    push = (force + MOMENT * s.turning * s.turning * sn) / TOTAL
    turn = (p.gravity * sn - c * push) / (p.half_length * (4.0 / 3.0 - p.pole_mass * c * c / TOTAL))
    pull = push - MOMENT * turn * c / TOTAL
    s.x += SECONDS * s.velocity
    s.velocity += SECONDS * pull
    s.angle += SECONDS * s.turning
    s.turning += SECONDS * turn
    note(s, ep)
    return abs(s.x) > 2.4 or abs(s.angle) > LIMIT


def see(s):
    return [s.x, s.velocity, s.angle, s.turning]


def score(s, ep):
    ep.fell = abs(s.x) > 2.4 or abs(s.angle) > LIMIT
    return ep.length / horizon
