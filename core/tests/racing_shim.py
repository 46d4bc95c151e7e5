# Runs racing rewards under CPython. Reads {"cases": [{"program", "steps": [params]}]} from stdin and writes what each
# program's `reward_function` gives for the `params` of every step.
import json
import sys


def rewards(case):
    space = {}
    exec(compile(case["program"], "program", "exec"), space)
    return [space["reward_function"](params) for params in case["steps"]]


json.dump([rewards(case) for case in json.load(sys.stdin)["cases"]], sys.stdout)
