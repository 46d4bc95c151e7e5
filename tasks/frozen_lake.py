"""Cross a frozen lake without falling into a hole; on ice a step often goes sideways: Gymnasium's FrozenLake-v1."""


class Params:
    map: str = "SFFF/FHFH/FFFH/HFFG"   # rows joined by /: S start, F ice, H hole, G goal
    slippery: bool = True              # a step goes where it should one time in three, and to each side as often
    horizon: int = 100                 # 1..1000 steps: most steps of an episode


horizon = Params.horizon
actions = ["left", "down", "right", "up"]
cols = Params.map.find("/") if Params.map.find("/") > 0 else len(Params.map)
rows = Params.map.count("/") + 1
DOWN = [0, 1, 0, -1]
RIGHT = [-1, 0, 1, 0]


class State:
    cell: int = 0


class Episode:
    cells: list[int]    # row * columns + column: before every step, and after the last
    goal: bool          # the goal was reached
    hole: bool          # the walker fell into a hole
    cols: int           # columns of the map


def at(p, cell):
    return p.map[cell // cols * (cols + 1) + cell % cols]


def start(s, ep, p):
    s.cell = p.map.index("S") - p.map.index("S") // (cols + 1)
    ep.cols = cols
    ep.cells.append(s.cell)


def step(s, ep, p, action, dice):
    direction = int(action)
    if p.slippery:
        direction = (direction + dice.below(3) - 1) % 4
    row = min(max(s.cell // cols + DOWN[direction], 0), rows - 1)
    col = min(max(s.cell % cols + RIGHT[direction], 0), cols - 1)
    s.cell = row * cols + col
    ep.cells.append(s.cell)
    return at(p, s.cell) in "HG"


def see(s):
    return one_hot(s.cell, rows * cols)


def score(s, ep, p):
    ep.goal = at(p, s.cell) == "G"
    ep.hole = at(p, s.cell) == "H"
    return 1.0 if ep.goal else 0.0
