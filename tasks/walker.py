"""Walk along a line at a commanded speed: a body on two legs that falls unless it sets its feet."""
# The body keeps its height, so that its motion is that of a linear inverted pendulum: it speeds up by how far it is ahead
# of the point where the foot presses, from heel to toe. The other leg swings until it is set down; then it bears the body.
# An action says both where the standing foot presses (its ankle's torque) and what the other leg does.


class Params:
    slowest: float = 0.4    # 0..2 m/s: the lowest speed that is commanded
    fastest: float = 1.0    # 0..2 m/s: the highest speed that is commanded
    height: float = 0.9     # 0.3..2 m: of the body above the ground
    foot: float = 0.15      # 0..0.3 m: from the ankle to heel and to toe
    swing: float = 2.0      # 0.5..6 m/s: how fast the free leg moves
    loss: float = 0.1       # 0..0.5: share of the speed that setting a foot down costs
    gusts: float = 0.02     # 0..0.5 m/s: deviation of what pushes the body at every step
    horizon: int = 160      # 20..400 steps: most steps of an episode; each is a twentieth of a second


horizon = Params.horizon
actions = [
    "heel, leg back", "heel, leg ahead", "heel, set down",
    "flat, leg back", "flat, leg ahead", "flat, set down",
    "toe, leg back", "toe, leg ahead", "toe, set down",
]
SECONDS = 0.05
PULL = 9.8 / Params.height
REACH = 0.5        # meters: the body falls where it is further from its foot
STRIDE = 0.4       # meters: how far the free leg reaches


class State:
    command: float = 0.0   # meters a second
    place: float = 0.0     # meters of the body along the line
    speed: float = 0.0     # meters a second
    ahead: float = 0.0     # meters of the body before the foot that bears it
    free: float = 0.0      # meters of the other foot before the body
    fell: bool = False


class Episode:
    command: float           # meters a second: the speed that is asked for
    places: list[float]      # meters along the line: before every step, and after the last
    speeds: list[float]      # meters a second: before every step, and after the last
    ahead: list[float]       # meters of the body before the foot that bears it: before every step, and after the last
    torque: list[float]      # -1..1: at the ankle in every step, towards the heel or the toe
    contact: list[bool]      # a foot was set down in this step
    fell: bool               # the body fell


def note(s, ep):
    ep.places.append(s.place)
    ep.speeds.append(s.speed)
    ep.ahead.append(s.ahead)


def start(s, ep, p, dice):
    s.command = dice.uniform(p.slowest, p.fastest)
    s.speed = dice.uniform(-0.1, 0.1)
    s.ahead = dice.uniform(-0.03, 0.03)
    ep.command = s.command
    note(s, ep)


def step(s, ep, p, action, dice):
    ankle = int(action) // 3 - 1
    leg = int(action) % 3
    sets = leg == 2
    if sets:
        # The free foot bears the body now, and the other one is free.
        before = s.ahead
        s.ahead = -s.free
        s.free = -before
        s.speed *= 1.0 - p.loss
    else:
        s.free = min(max(s.free + SECONDS * p.swing * (2 * leg - 1), -STRIDE), STRIDE)
    s.speed += SECONDS * PULL * (s.ahead - p.foot * ankle) + p.gusts * dice.normal()
    s.speed = min(max(s.speed, -3.0), 3.0)
    moved = SECONDS * s.speed
    s.place += moved
    s.ahead += moved
    s.fell = abs(s.ahead) > REACH
    ep.torque.append(float(ankle))
    ep.contact.append(sets)
    note(s, ep)
    return s.fell


def see(s):
    return [s.command, s.speed, s.speed - s.command, 5.0 * s.ahead, 5.0 * s.free]


# The true objective is to be where the commanded speed leads: 1 less the distance from there, as a share of the way. A
# body that fell has 0.
def score(s, ep):
    ep.fell = s.fell
    way = s.command * SECONDS * ep.length
    return 0.0 if s.fell else max(1.0 - abs(s.place - way) / max(way, 0.1), 0.0)
