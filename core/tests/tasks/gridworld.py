"""The native task gridworld as a program."""


class Params:
    map: str = "########/#S.C...#/#.##.#.#/#..#.#.#/#......#/#.##L#.#/#....LG#/########"   # rows joined by /
    coin_respawn: int = 2   # 0..64 steps: steps until a taken coin is back; 0: never
    slip: float = 0.0       # 0..1 probability: a step goes in one of the three other directions
    horizon: int = 32       # 1..64 steps: most steps of an episode


horizon = Params.horizon
actions = ["up", "down", "left", "right"]

cols = Params.map.find("/") if Params.map.find("/") > 0 else len(Params.map)
rows = Params.map.count("/") + 1
n = rows * cols
coins = Params.map.count("C")
has_key = Params.map.count("K") > 0

DOWN = [-1, 1, 0, 0]
RIGHT = [0, 0, -1, 1]
PLAIN = 0
GOAL = 1
LAVA = 2
KEY = 3
COIN = 4
NEVER = 255


class World:
    next: list[int] = [0] * (8 * n)
    kind: list[int] = [0] * n
    distance: list[float] = [0.0] * (2 * n)
    potential: list[float] = [0.0] * (2 * n)
    starts: list[int] = [0] * n
    n_starts: int = 0
    queue: list[int] = [0] * (2 * n)


class State:
    cell: int = 0
    key: int = 0
    ended: int = 0
    timers: list[int] = [0] * max(coins, 1)


class Episode:
    cells: list[int]
    potential: list[float]
    distance: list[float]
    coins: list[int]
    bumps: list[bool]
    key: bool
    goal: bool
    lava: bool
    start: int
    rows: int
    cols: int


def at(p, cell):
    return p.map[cell // cols * (cols + 1) + cell % cols]


def moved(p, cell, key, a):
    row = cell // cols + DOWN[a]
    col = cell % cols + RIGHT[a]
    if row < 0 or row >= rows or col < 0 or col >= cols:
        return cell
    to = row * cols + col
    c = at(p, to)
    if c == "#" or c == "D" and key == 0:
        return cell
    return to


def setup(w, p):
    taken = 0
    for cell in range(n):
        c = at(p, cell)
        if c == "S":
            w.starts[w.n_starts] = cell
            w.n_starts += 1
        if c == "G":
            w.kind[cell] = GOAL
        elif c == "L":
            w.kind[cell] = LAVA
        elif c == "K":
            w.kind[cell] = KEY
        elif c == "C":
            w.kind[cell] = COIN + taken
            taken += 1
        for key in range(2):
            for a in range(4):
                w.next[(key * n + cell) * 4 + a] = moved(p, cell, key, a)
    # Backwards from the goals, over pairs of a key and a cell.
    tail = 0
    for i in range(2 * n):
        w.distance[i] = -1.0
        if at(p, i % n) == "G":
            w.distance[i] = 0.0
            w.queue[tail] = i
            tail += 1
    largest = 1.0
    for head in range(2 * n):
        if head == tail:
            break
        state = w.queue[head]
        cell = state % n
        key = state // n
        for a in range(4):
            row = cell // cols - DOWN[a]
            col = cell % cols - RIGHT[a]
            if row < 0 or row >= rows or col < 0 or col >= cols:
                continue
            before = row * cols + col
            c = at(p, before)
            if c in "#LG":
                continue
            for own in range(2):
                has = own == 1 or c == "K"
                if moved(p, before, 1 if has else 0, a) != cell:
                    continue
                after = 1 if has or at(p, cell) == "K" else 0
                place = own * n + before
                if after == key and w.distance[place] < 0.0:
                    w.distance[place] = w.distance[state] + 1.0
                    largest = max(largest, w.distance[place])
                    w.queue[tail] = place
                    tail += 1
    for i in range(2 * n):
        if w.distance[i] < 0.0:
            w.distance[i] = largest
        w.potential[i] = 0.0 - w.distance[i] / largest


def observe(s, ep, w):
    i = s.key * n + s.cell
    ep.cells.append(s.cell)
    ep.potential.append(w.potential[i])
    ep.distance.append(w.distance[i])


def start(s, ep, w, dice):
    s.cell = w.starts[dice.below(w.n_starts)]
    ep.start = s.cell
    ep.rows = rows
    ep.cols = cols
    observe(s, ep, w)


def step(s, ep, w, p, action, dice):
    direction = int(action)
    if p.slip > 0.0:
        if dice.chance(p.slip):
            direction = (direction + 1 + dice.below(3)) % 4
    to = w.next[(s.key * n + s.cell) * 4 + direction]
    bumped = to == s.cell
    kind = PLAIN if bumped else w.kind[to]
    s.cell = to
    coin = 0
    if kind == GOAL or kind == LAVA:
        s.ended = kind
    elif kind == KEY:
        s.key = 1
    elif kind >= COIN:
        if s.timers[kind - COIN] == 0:
            s.timers[kind - COIN] = p.coin_respawn if p.coin_respawn > 0 else NEVER
            coin = 1
    for i in range(coins):
        if s.timers[i] > 0 and s.timers[i] != NEVER:
            s.timers[i] -= 1
    ep.coins.append(coin)
    ep.bumps.append(bumped)
    observe(s, ep, w)
    return s.ended != PLAIN


def see(s, p):
    there = [one_hot(1 if s.timers[i] == 0 else 0, 2) for i in range(coins)]
    if has_key:
        return one_hot(s.cell, n), one_hot(s.key, 2), there
    return one_hot(s.cell, n), there


def score(s, ep, p):
    ep.key = s.key == 1
    ep.goal = s.ended == GOAL
    ep.lava = s.ended == LAVA
    return 1.0 if ep.goal else 0.0
