"""Everything that a task program can say, so that both engines are compared on it."""
from math import sqrt, sin


class Params:
    goal: float = 2.5      # 0..10 meters: where the walk should end
    noise: float = 0.3     # 0..1 meters: deviation of a step
    map: str = "S.#/..G/L.."   # rows joined by /


horizon = 12
actions = ["left", "right", "hop", "rest"]
width = Params.map.index("/")
PULL = [0.5, -0.25, 0.125]
BONUS = 0.5 if Params.goal > 2.0 else 0.0


class World:
    wind: list[float] = [0.0] * 6
    order: list[int] = [0, 1, 2, 3, 4, 5]
    walls: int = 0


class State:
    x: float = 0.0
    cell: int = 0
    rested: bool = False
    seen: list[int] = [0] * 4
    last: list[float] = [0.0, 0.0]


class Episode:
    xs: list[float]
    hops: int
    wind: list[float]
    rested: list[bool]
    walls: int
    near: float


def setup(w, p, dice):
    for i in range(6):
        w.wind[i] = dice.uniform(-0.5, 0.5)
    dice.shuffle(w.order)
    for c in p.map:
        if c == "#":
            w.walls += 1
        elif c in "GL":
            w.walls += 10


def clamp(x, low=-4.0, high=4.0):
    return min(max(x, low), high)


def start(s, ep, w, p, dice):
    s.x = dice.normal(0.0, 0.5)
    s.cell = dice.choice([0, 1, 3])
    ep.walls = w.walls
    ep.xs.append(s.x)


def step(s, ep, w, p, action, t, dice):
    gust = w.wind[w.order[t % 6]]
    ep.wind.append(gust)
    s.seen[int(action)] += 1
    if action == "rest":
        s.rested = not s.rested
        ep.rested.append(s.rested)
        return False
    direction = -1.0 if action == "left" else 1.0
    if action == "hop":
        ep.hops += 1
        direction = 2.0
        if dice.chance(0.25):
            s.cell = dice.below(9)
    s.last[0], s.last[1] = s.last[1], s.x
    pull = PULL[s.cell % 3]
    s.x = clamp(s.x + 0.5 * direction + gust * p.noise + p.noise * dice.normal() - 0.1 * pull * sin(s.x))
    ep.xs.append(s.x)
    for i, n in enumerate(s.seen):
        if n > 6:
            break
        if i == 3:
            continue
        s.cell = (s.cell + n) % 9
    return abs(s.x - p.goal) < 0.2


def see(s, p):
    bucket = int(clamp(s.x) + 4.0)
    return one_hot(min(bucket, 7), 8), one_hot(s.cell, 9), one_hot(1 if s.rested else 0, 2)


def prior(s, p):
    return [0.0, BONUS, sqrt(abs(s.x)), -0.5]


def score(s, ep, p, dice):
    ep.near = 1.0 / (1.0 + abs(s.x - p.goal))
    lucky = dice.chance(0.1)
    return 1.0 if ep.near > 0.8 or lucky else ep.near
