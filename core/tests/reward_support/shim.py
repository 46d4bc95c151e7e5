# Runs reward programs under CPython: the reference of the reward language. Reads {"library": [names], "cases":
# [{"program", "components", "groups", "run"}]}, where the components are pairs of a name and whether it is asked for every step, from stdin and writes, for every case, the components, steps and rewards; an error is
# {"error": type, "text": message, "line": line of the program}.
import io
import json
import math
import sys
import traceback

from library import library


class Record(dict):
    """An episode: its fields by subscript and by attribute."""

    __getattr__ = dict.__getitem__
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def attempt(f, *args):
    try:
        value = f(*args)
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "program"]
        return {"error": type(error).__name__, "text": str(error), "line": lines[-1] if lines else 0}
    if not (value is None or isinstance(value, (int, float, complex))):
        return {"error": "a reward that is no number", "text": "", "line": 0}
    if isinstance(value, complex) or (value is not None and not math.isfinite(value)):
        return {"error": "NotFinite", "text": "", "line": 0}
    return value if value is None else float(value)


def failed(value):
    return isinstance(value, dict)


def score(case, functions):
    space = dict(functions)
    try:
        exec(compile(case["program"], "program", "exec"), space)
    except SyntaxError:
        return None
    weights = space.get("weights", {})
    run = Record(**case["run"])
    groups = [[Record(**episode) for episode in group] for group in case["groups"]]
    rows = []
    for ep in (ep for group in groups for ep in group):
        components, steps = {}, {}
        for name, is_step in case["components"]:
            f = space[name]
            if not is_step:
                components[name] = attempt(f, ep)
                continue
            values = [attempt(f, ep, t) for t in range(ep.length)]
            steps[name] = values
            errors = [value for value in values if failed(value)]
            there = [value for value in values if value is not None]
            components[name] = errors[0] if errors else sum(there) if there or not values else None
        rows.append({"ep": ep, "components": components, "steps": steps})
    valid = {id(row["ep"]) for row in rows if not any(map(failed, row["components"].values()))}
    batch = [row["ep"] for row in rows if id(row["ep"]) in valid]
    result = []
    at = 0
    for group in groups:
        members = [ep for ep in group if id(ep) in valid]
        for ep in group:
            row = rows[at]
            at += 1
            errors = [value for value in row["components"].values() if failed(value)]
            if errors:
                reward = errors[0]
            elif "combine" in space:
                reward = attempt(space["combine"], Record(**row["components"]), ep, members, batch, run)
            else:
                shares = [weights.get(name, 1.0) * value for name, value in row["components"].items() if value is not None]
                reward = sum(shares) if shares else None
            result.append({"components": row["components"], "steps": row["steps"], "reward": reward})
    return result


# What programs print is not part of the answer.
answer, sys.stdout = sys.stdout, io.StringIO()
given = json.load(sys.stdin)
functions = library(given["library"])
json.dump([score(case, functions) for case in given["cases"]], answer)
