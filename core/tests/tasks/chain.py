"""The native task chain as a program."""


class Params:
    cells: int = 32       # 2..64 cells: length of the chain
    distractor: int = 0   # 0..32 steps: steps from the start up to the distractor
    channels: int = 0     # 0..64 channels: channels of a noisy television
    slip: float = 0.0     # 0..1 probability: a step goes the other way
    horizon: int = 64     # 1..64 steps: most steps of an episode


horizon = Params.horizon
actions = ["up", "down"] + (["television"] if Params.channels > 0 else [])


class State:
    cell: int = 0
    channel: int = 0


class Episode:
    cells: list[int]
    tv: list[int]
    goal: bool
    distractor: bool
    chain: int


def start(s, ep, p):
    s.cell = p.distractor
    ep.chain = p.cells
    ep.cells.append(s.cell)


def _at_distractor(s, p):
    return p.distractor > 0 and s.cell == 0


def step(s, ep, p, action, dice):
    slipped = dice.chance(p.slip)
    s.channel = 0
    if int(action) == 2:
        s.channel = 1 + dice.below(max(p.channels, 1))
    elif (int(action) == 0) != slipped:
        s.cell = max(s.cell - 1, 0)
    else:
        s.cell = min(s.cell + 1, p.cells - 1)
    ep.tv.append(s.channel)
    ep.cells.append(s.cell)
    return s.cell + 1 == p.cells or _at_distractor(s, p)


def see(s, p):
    if p.channels > 0:
        return one_hot(s.cell, p.cells), one_hot(s.channel, p.channels + 1)
    return one_hot(s.cell, p.cells)


def score(s, ep, p):
    ep.goal = s.cell + 1 == p.cells
    ep.distractor = _at_distractor(s, p)
    return 1.0 if ep.goal else 0.0
