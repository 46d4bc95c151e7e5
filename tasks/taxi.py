"""Fetch a passenger and bring them where they want to go: Gymnasium's Taxi-v4."""


class Params:
    horizon: int = 200   # 10..1000 steps: most steps of an episode


horizon = Params.horizon
actions = ["south", "north", "east", "west", "pickup", "dropoff"]
view = "map: rows, cols"
# Where passengers wait and want to go: rows and columns.
ROW = [0, 0, 4, 4]
COL = [0, 4, 0, 3]
# Walls to the right of a cell, row by row.
WALL = [0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0]
IN_TAXI = 4


class State:
    row: int = 0
    col: int = 0
    passenger: int = 0   # where they wait, or 4 in the taxi
    wants: int = 0
    done: bool = False


class Episode:
    rows: list[int]      # 0..4: row of the taxi: before every step, and after the last
    cols: list[int]      # 0..4: its column: before every step, and after the last
    aboard: list[bool]   # whether the passenger is in the taxi: before every step, and after the last
    wrong: list[bool]    # for each step, whether it picked up or dropped off where it must not
    delivered: bool      # the passenger is where they wanted to go


def note(s, ep):
    ep.rows.append(s.row)
    ep.cols.append(s.col)
    ep.aboard.append(s.passenger == IN_TAXI)


def start(s, ep, dice):
    s.row = dice.below(5)
    s.col = dice.below(5)
    s.passenger = dice.below(4)
    # Somewhere else than where they wait.
    s.wants = (s.passenger + 1 + dice.below(3)) % 4
    note(s, ep)


def here(s, place):
    return s.row == ROW[place] and s.col == COL[place]


def step(s, ep, action):
    wrong = False
    if action == "south":
        s.row = min(s.row + 1, 4)
    elif action == "north":
        s.row = max(s.row - 1, 0)
    elif action == "east":
        if s.col < 4 and WALL[5 * s.row + s.col] == 0:
            s.col += 1
    elif action == "west":
        if s.col > 0 and WALL[5 * s.row + s.col - 1] == 0:
            s.col -= 1
    elif action == "pickup":
        if s.passenger < IN_TAXI and here(s, min(s.passenger, 3)):
            s.passenger = IN_TAXI
        else:
            wrong = True
    else:
        if s.passenger == IN_TAXI and here(s, s.wants):
            s.passenger = s.wants
            s.done = True
        else:
            wrong = True
            if s.passenger == IN_TAXI:
                for place in range(4):
                    if here(s, place):
                        # At another stop the passenger may wait again.
                        s.passenger = place
                        wrong = False
    ep.wrong.append(wrong)
    note(s, ep)
    return s.done


def see(s):
    return one_hot(s.row, 5), one_hot(s.col, 5), one_hot(s.passenger, 5), one_hot(s.wants, 4)


def score(s, ep):
    ep.delivered = s.done
    return 1.0 if s.done else 0.0
