# The functions that reward programs and task programs have without an import, as plain Python.
import builtins
import math


def mean(xs):
    xs = list(xs)
    return sum(xs) / len(xs) if xs else 0.0


def std(xs):
    xs = list(xs)
    if not xs:
        return 0.0
    m = sum(xs) / len(xs)
    return math.sqrt(sum((x - m) ** 2 for x in xs) / len(xs))


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def clip(x, low, high):
    return min(max(x, low), high)


def norm(xs):
    return math.sqrt(sum(x * x for x in xs))


OWN = dict(mean=mean, std=std, sigmoid=sigmoid, clip=clip, norm=norm, pi=math.pi, inf=math.inf)


def library(names):
    """The functions of these names: those above, else Python's own, else those of `math`."""
    return OWN | {name: getattr(math, name) for name in names if name not in OWN and not hasattr(builtins, name)}
