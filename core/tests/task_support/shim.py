# Runs task programs under CPython: what they mean. Reads {"library": [names], "cases": [{"program", "values", "seed",
# "episodes": [{"key": {seed, update, group, sample}, "actions"}]}]} from stdin and writes, for every case, what a
# player of the episodes sees: {"refused": error} where the task cannot be made, else {"n_actions", "horizon",
# "episodes": [..]}. An error is {"error": type, "text": message, "line": line of the program}.
import ast
import inspect
import io
import json
import os
import sys
import traceback
from types import SimpleNamespace

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reward_support"))
from dice import AT_THE_END, Dice, draw, uniform, narrow, PURPOSES  # noqa: E402
from library import library  # noqa: E402


class Full(Exception):
    """Python's lists have room for everything, those of a task do not."""


class Room(list):
    """A list of so many places."""

    def __init__(self, values, room, names=None):
        self.names = names
        super().__init__(values if names is None else [names[value] for value in values])
        self.room = room

    def append(self, value):
        if len(self) >= self.room:
            raise Full("the list is full")
        super().append(value if self.names is None else self.names[value])


class Fields:
    """An object with the fields of a class: a copy of its defaults, and no others."""

    def __init__(self, cls, room=0, more=None):
        fields = {}
        for name, ty in getattr(cls, "__annotations__", {}).items():
            default = getattr(cls, name, None)
            if getattr(ty, "__origin__", None) is list:
                default = default or []
                fields[name] = Room(default, len(default) or room)
            else:
                fields[name] = ty() if default is None else default
        for name, value in (more or {}).items():
            fields.setdefault(name, value)
        self.__dict__.update(fields)

    def __setattr__(self, name, value):
        before = self.__dict__[name]
        if isinstance(value, list):
            value = Room(value, before.room)
        # A field keeps a float of 32 bits: rounding that adds up over hundreds of steps is part of a task.
        self.__dict__[name] = narrow(value) if isinstance(value, float) else value


class Action(str):
    """The name of an action or a token, which `int` makes a number of."""

    def __new__(cls, name, number):
        action = super().__new__(cls, name)
        action.number = number
        return action

    def __int__(self):
        return self.number


class OneHot:
    """Which of `n` features is on."""

    def __init__(self, i, n):
        self.at, self.n = range(n)[i], n


def parts(seen):
    """What a policy sees, one part after the other: [which, of how many], or [number]."""
    if isinstance(seen, (list, tuple)):
        return [part for one in seen for part in parts(one)]
    return [[seen.at, seen.n]] if isinstance(seen, OneHot) else [[float(seen)]]


def numbers(values):
    """Floats, one after the other; an element of a list may be several together."""
    together = [x for value in values for x in (value if isinstance(value, tuple) else [value])]
    return [float(int(x) if isinstance(x, Action) else x) for x in together]


def described(error):
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == "program"]
    return {"error": type(error).__name__, "text": str(error), "line": lines[-1] if lines else 0}


class Task:
    def __init__(self, case, functions):
        self.space = space = dict(functions, one_hot=OneHot)
        tree = ast.parse(case["program"], "program")
        is_params = lambda node: isinstance(node, ast.ClassDef) and node.name == "Params"
        rest = [node for node in tree.body if not is_params(node)]
        first = [node for node in tree.body if is_params(node)]
        self.execute(first)
        self.p = SimpleNamespace(false_positive=0.0, false_negative=0.0, table_seed=0)
        params = space.get("Params")
        types = getattr(params, "__annotations__", {})
        for name in types:
            setattr(self.p, name, getattr(params, name))
        for name, value in case["values"].items():
            # All numbers come as floats.
            value = types.get(name, type(value))(value)
            setattr(self.p, name, value)
            if name in types:
                setattr(params, name, value)
        self.execute(rest)
        self.writes = "tokens" in space
        names = space["tokens" if self.writes else "actions"]
        self.names = {name: Action(name, i) for i, name in enumerate(names)}
        space["tokens" if self.writes else "actions"] = list(self.names.values())
        self.actions = list(self.names.values())
        while self.writes and len(self.actions) % 8:
            name = f"_{len(self.actions) - len(names)}"
            self.names[name] = Action(name, len(self.actions))
            self.actions.append(self.names[name])
        self.horizon = space["horizon"]
        self.history = space.get("history", 1)
        self.w = self.fields("World")
        if "setup" in space:
            seed = int(self.p.table_seed)
            self.call("setup", w=self.w, dice=Dice(seed, 0, 0, 0, 0, "TABLE"))
        first = dict(seed=0, update=0, group=0, sample=0)
        if self.writes:
            self.key = first
            self.prompt()
            self.demonstrate(self.asked)
        else:
            self.begin(first)

    def execute(self, nodes):
        exec(compile(ast.Module(nodes, []), "program", "exec"), self.space)

    def fields(self, name, **more):
        return Fields(self.space.get(name), **more)

    def call(self, name, **given):
        function = self.space[name]
        given["p"] = self.p
        return function(*[given[parameter] for parameter in inspect.signature(function).parameters])

    def begin(self, key):
        own = dict(length=0, actions=Room([], self.horizon), truncated=False, correct=False)
        self.key, self.past = key, []
        self.s, self.ep = self.fields("State"), self.fields("Episode", room=self.horizon + 1, more=own)
        self.fills = set(own) - set(getattr(self.space.get("Episode"), "__annotations__", {}))
        if "start" in self.space:
            dice = Dice(key["seed"], key["update"], key["group"], 0, 0, "PROMPT")
            self.call("start", s=self.s, ep=self.ep, w=self.w, dice=dice)

    def fill(self, name, value):
        if name in self.fills:
            self.ep.__dict__[name] = value

    def look(self, name, read):
        """What a function that only looks gives; None where it fails."""
        try:
            return read(self.call(name, s=self.s, w=self.w))
        except Exception:
            return None

    def dice(self, step):
        return Dice(*(self.key[word] for word in ("seed", "update", "group", "sample")), step, "TASK")

    def see(self):
        """What there is to see now and was at the steps before; where there was none, a feature more, or 0."""
        now = self.look("see", parts)
        if now is None or self.history == 1:
            return now
        before = self.past[: self.history - 1]
        nothing = [[part[1], part[1] + 1] if len(part) > 1 else [0.0] for part in now]
        before += [nothing] * (self.history - 1 - len(before))
        for step in before:
            now = now + [[was[0], one[1] + 1] if len(one) > 1 else was for was, one in zip(step, now)]
        return now

    def step(self, t, number):
        if self.history > 1:
            self.past.insert(0, self.look("see", parts))
        self.fill("length", t + 1)
        if "actions" in self.fills:
            self.ep.actions.append(number)
        given = dict(s=self.s, ep=self.ep, w=self.w, action=self.actions[number], t=t, dice=self.dice(t))
        return bool(self.call("step", **given))

    def finish(self, length, truncated):
        self.fill("length", length)
        self.fill("truncated", truncated)
        score = self.call("score", s=self.s, ep=self.ep, w=self.w, dice=self.dice(AT_THE_END))
        right = score >= 0.5 if "correct" in self.fills else self.ep.correct
        word = draw(*(self.key[word] for word in ("seed", "update", "group", "sample")), 0, PURPOSES["VERDICT"])[0]
        wrong = uniform(word) < narrow(self.p.false_negative if right else self.p.false_positive)
        self.ep.__dict__["correct"] = right != wrong
        return float(score)

    def play(self, episode):
        steps, over, error, score = [], False, None, 0.0
        try:
            self.begin(episode["key"])
        except Exception as raised:
            error = described(raised)
        for t, number in enumerate(episode["actions"][: self.horizon]):
            prior = self.look("prior", numbers) if "prior" in self.space else None
            step = dict(seen=self.see(), prior=prior)
            if error is None:
                try:
                    over = self.step(t, number)
                except Exception as raised:
                    error = described(raised)
            else:
                # The player of a sample that failed notes the step and ends it.
                self.fill("length", t + 1)
                if "actions" in self.fills:
                    self.ep.actions.append(number)
            over = over or error is not None
            steps.append(dict(step, over=over))
            if over:
                break
        if error is None:
            try:
                score = self.finish(len(steps), not over)
            except Exception as raised:
                error = described(raised)
        if error is not None:
            self.fill("length", len(steps))
            self.fill("truncated", not over)
            self.ep.__dict__["correct"], score = False, 0.0
        is_list = lambda value: isinstance(value, list)
        # The default of a field that names a token is plain text.
        known = lambda value: self.names[value] if isinstance(value, str) else value
        fields = {name: known(value) for name, value in vars(self.ep).items()}
        record = {name: numbers(value) if is_list(value) else numbers([value])[0] for name, value in fields.items()}
        return dict(steps=steps, record=record, score=score, error=error)


    # A task whose policy writes.

    def dice_of(self, purpose, sample):
        return Dice(self.key["seed"], self.key["update"], self.key["group"], sample, 0, purpose)

    def prompt(self):
        given = self.call("prompt", s=self.fields("State"), w=self.w, dice=self.dice_of("PROMPT", 0))
        self.asked = [self.names[token] for token in given]

    def written(self, tokens, room):
        """A record before it is judged."""
        prompt = Room(self.asked, len(self.asked), self.names)
        own = dict(tokens=Room(tokens, room, self.names), prompt=prompt, length=0, truncated=False, correct=False)
        return self.fields("Episode", room=self.horizon + 1, more=own)

    def demonstrate(self, prompt):
        if "demonstration" not in self.space:
            return []
        ep = self.written([], self.horizon)
        dice = self.dice_of("DEMONSTRATION", self.key["sample"])
        self.call("demonstration", s=self.fields("State"), ep=ep, w=self.w, dice=dice)
        return list(ep.tokens)

    def write(self, episode):
        self.key = episode["key"]
        error, score, demonstration = None, 0.0, []
        try:
            self.prompt()
            demonstration = self.demonstrate(self.asked)
        except Exception as raised:
            error = described(raised)
        tokens = list(demonstration) if self.key["sample"] % 3 < 2 else []
        if self.key["sample"] % 3 == 2:
            tokens = [self.actions[number % len(self.actions)] for number in episode["actions"][: self.horizon]]
        if self.key["sample"] % 3 == 1:
            numbers_of = zip(tokens, episode["actions"])
            tokens = [self.actions[n % len(self.actions)] if n % 4 == 0 else token for token, n in numbers_of]
        end = self.space["end"]
        tokens = tokens[: tokens.index(end) + 1] if end in tokens else tokens
        self.ep = self.written(tokens, self.horizon)
        self.fills = {"length", "truncated", "correct"}
        self.fill("length", len(tokens))
        self.fill("truncated", end not in tokens)
        if error is None:
            try:
                score = self.judge()
            except Exception as raised:
                error = described(raised)
        if error is not None:
            self.ep.__dict__["correct"], score = False, 0.0
        is_list = lambda value: isinstance(value, list)
        # The default of a field that names a token is plain text.
        known = lambda value: self.names[value] if isinstance(value, str) else value
        fields = {name: known(value) for name, value in vars(self.ep).items()}
        record = {name: numbers(value) if is_list(value) else numbers([value])[0] for name, value in fields.items()}
        written = dict(prompt=[int(t) for t in self.asked], demonstration=[int(t) for t in demonstration])
        return dict(written, tokens=[int(t) for t in tokens], record=record, score=score, error=error)

    def judge(self):
        score = self.call("score", s=self.fields("State"), ep=self.ep, w=self.w)
        right = score >= 0.5
        word = draw(*(self.key[word] for word in ("seed", "update", "group", "sample")), 0, PURPOSES["VERDICT"])[0]
        wrong = uniform(word) < narrow(self.p.false_negative if right else self.p.false_positive)
        self.ep.__dict__["correct"] = right != wrong
        return float(score)


def run(case, functions):
    try:
        task = Task(case, functions)
    except Exception as error:
        return {"refused": described(error)}
    return dict(n_actions=len(task.actions), horizon=task.horizon, episodes=[task.write(e) if task.writes else task.play(e) for e in case["episodes"]])


# What programs print is not part of the answer.
answer, sys.stdout = sys.stdout, io.StringIO()
given = json.load(sys.stdin)
functions = library(given["library"])
json.dump([run(case, functions) for case in given["cases"]], answer)
