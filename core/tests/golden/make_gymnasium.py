"""Writes gymnasium.json: transitions of Gymnasium's own environments, to hold the task programs of the same names against.

    pip install gymnasium==1.4.0
    python core/tests/golden/make_gymnasium.py > core/tests/golden/gymnasium.json

Of environments with dice every outcome of a step is written with its probability; the others are played.
"""
import json
import random

import gymnasium


def played(name, key, episodes, steps, pump=None, **options):
    """Transitions: state, action, state after it, whether that is terminal. Of every second episode the actions are
    those of `pump` where there is one, else they are random."""
    env = gymnasium.make(name, **options).unwrapped
    rng = random.Random(7)
    rows = []
    for episode in range(episodes):
        env.reset(seed=episode)
        held = rng.randrange(env.action_space.n)
        for _ in range(steps):
            # Actions are held for a while, so that every part of the state space is seen.
            if rng.random() < 0.2:
                held = rng.randrange(env.action_space.n)
            before = [float(x) for x in key(env)]
            if pump and episode % 2 == 1:
                held = pump(before)
            _, _, terminated, _, _ = env.step(held)
            rows.append([before, held, [float(x) for x in key(env)], bool(terminated)])
            if terminated:
                break
    return rows


def tabled(name, **options):
    """Every state and action with all outcomes: probability, state, whether it is terminal."""
    env = gymnasium.make(name, **options).unwrapped
    rows = []
    for state in range(env.observation_space.n):
        for action in range(env.action_space.n):
            outcomes = [[float(p), int(to), bool(over)] for p, to, _, over in env.P[state][action]]
            rows.append([state, action, outcomes])
    return rows


json.dump(
    {
        "version": gymnasium.__version__,
        "cartpole": played("CartPole-v1", lambda env: env.state, 40, 60),
        "mountain_car": played("MountainCar-v0", lambda env: env.state, 4, 150, lambda s: 2 if s[1] >= 0 else 0),
        "acrobot": played("Acrobot-v1", lambda env: env.state, 4, 150, lambda s: 2 if s[3] >= 0 else 0),
        "frozen_lake": tabled("FrozenLake-v1", is_slippery=True),
        "frozen_lake_dry": tabled("FrozenLake-v1", is_slippery=False),
        "cliff_walking": tabled("CliffWalking-v1"),
        "taxi": tabled("Taxi-v4"),
    },
    __import__("sys").stdout,
    separators=(",", ":"),
)
print()
