"""A walk whose policy sees numbers: both engines compute them from whole numbers, so that they agree bit for bit."""

horizon = 12
actions = ["left", "stay", "right"]


class State:
    place: int = 0
    speed: int = 0


class Episode:
    places: list[int]


def start(s, ep, dice):
    s.place = dice.below(5) - 2
    ep.places.append(s.place)


def step(s, ep, action, dice):
    s.speed = min(max(s.speed + int(action) - 1, -2), 2)
    if dice.chance(0.2):
        s.speed = 0
    s.place += s.speed
    ep.places.append(s.place)
    return abs(s.place) >= 6


def see(s):
    return [s.place / 4, s.speed / 2, 1.0 if s.place > 0 else 0.0]


def score(s):
    return 1.0 if s.place >= 6 else 0.0
