"""Walk down a corridor to the goal at its end; nothing on the way says that it is there."""

horizon = 64
actions = ["up", "down"]


class Params:
    cells: int = 16     # 2..64 cells: length of the corridor; the goal is its last cell
    slip: float = 0.0   # 0..1 probability: a step goes the other way


class State:
    cell: int = 0


class Episode:
    cells: list[int]    # 0..63: the cell before every step, and after the last
    goal: bool          # the goal was reached


def start(s, ep):
    ep.cells.append(s.cell)


def step(s, ep, p, action, dice):
    up = (action == "up") != dice.chance(p.slip)
    s.cell = max(s.cell - 1, 0) if up else min(s.cell + 1, p.cells - 1)
    ep.cells.append(s.cell)
    return s.cell == p.cells - 1


def see(s, p):
    return one_hot(s.cell, p.cells)


def score(s, ep, p):
    ep.goal = s.cell == p.cells - 1
    return 1.0 if ep.goal else 0.0
