"""Walk along a cliff to the goal; a step over the edge leads back to the start: Gymnasium's CliffWalking-v1."""


class Params:
    slippery: bool = False   # a step goes where it should one time in three, and to each side as often
    horizon: int = 100       # 13..1000 steps: most steps of an episode


horizon = Params.horizon
actions = ["up", "right", "down", "left"]
rows = 4
map = "............/............/............/SLLLLLLLLLLG"
cols = 12
START = 36
GOAL = 47
DOWN = [-1, 0, 1, 0]
RIGHT = [0, 1, 0, -1]


class State:
    cell: int = 36


class Episode:
    cells: list[int]    # 0..47: row * 12 + column: before every step, and after the last
    fell: list[bool]    # for each step, whether it led over the cliff
    falls: int          # how often the cliff was stepped over
    goal: bool          # the goal was reached
    cols: int           # columns of the map


def start(s, ep):
    ep.cols = cols
    ep.cells.append(s.cell)


def step(s, ep, p, action, dice):
    direction = int(action)
    if p.slippery:
        direction = (direction + dice.below(3) - 1) % 4
    row = min(max(s.cell // cols + DOWN[direction], 0), rows - 1)
    col = min(max(s.cell % cols + RIGHT[direction], 0), cols - 1)
    s.cell = row * cols + col
    fell = s.cell > START and s.cell < GOAL
    if fell:
        s.cell = START
        ep.falls += 1
    ep.fell.append(fell)
    ep.cells.append(s.cell)
    return s.cell == GOAL


def see(s):
    return one_hot(s.cell, rows * cols)


def score(s, ep):
    ep.goal = s.cell == GOAL
    return 1.0 if ep.goal else 0.0
