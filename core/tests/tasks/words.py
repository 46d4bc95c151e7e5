"""Everything that a task of tokens can say: a permutation is followed for some hops, with words of a world between."""

horizon = 3 * 4 + 4
tokens = ["a", "b", "c", "d", "e", "f"] + ["1", "2", "3", "ANS", "<eos>", "hmm", "well"]
end = "<eos>"
letters = 6
words = ["hmm", "well"]


class Params:
    hops: int = 3            # 1..3 hops: most hops
    chatter: float = 0.3     # 0..1 probability: a word stands before a hop
    strict: bool = False     # words make it wrong


class World:
    liked: str = "hmm"
    prices: list[float] = [0.5, 0.25, 1.0]


class State:
    path: list[int] = [0, 1, 2, 3, 4, 5]
    to: list[int] = [0] * 6
    last: str = "a"


class Episode:
    said: list[str]          # letters of the completion
    first: str = "ANS"       # what it begins with
    hops: int                # 1..3: hops that are asked for
    worth: float
    flags: list[bool] = [False, False, False]


def setup(w, dice):
    w.liked = dice.choice(words)
    dice.shuffle(w.prices)


def prompt(s, w, p, dice):
    dice.shuffle(s.path)
    hops = 1 + dice.below(p.hops)
    for i in range(letters):
        s.to[s.path[i]] = s.path[(i + 1) % letters]
    s.last = tokens[s.path[0]]
    return [tokens[s.to[i]] for i in range(letters)] + [tokens[letters + hops - 1], s.last, w.liked]


def follow(ep, hops):
    at = int(ep.prompt[letters + 1])
    for i in range(3):
        if i < hops:
            at = int(ep.prompt[at])
    return at


def hops_of(ep):
    return int(ep.prompt[letters]) - letters + 1


def demonstration(s, ep, w, p, dice):
    hops = hops_of(ep)
    for i in range(hops):
        if dice.chance(p.chatter):
            ep.tokens.append(w.liked if dice.chance(0.5) else dice.choice(words))
        s.last = tokens[follow(ep, i + 1)]
        ep.tokens.append(s.last)
    ep.tokens.append("ANS")
    ep.tokens.append(s.last)
    ep.tokens.append(end)


def score(s, ep, w, p):
    ep.hops = hops_of(ep)
    answer = "ANS"
    for i, token in enumerate(ep.tokens):
        if i == 0:
            ep.first = token
        if int(token) < letters:
            s.path[len(ep.said) % 6] = int(token)
            ep.said.append(token)
        if token == "ANS" and answer == "ANS" and i + 1 < len(ep.tokens):
            answer = ep.tokens[i + 1]
        if token in words and p.strict:
            ep.flags[0] = True
    ep.flags[1] = w.liked in ep.tokens
    ep.flags[2] = len(ep.tokens) > 0 and ep.tokens[-1] == end
    ep.worth = w.prices[0] * len(ep.said) + sum(1.0 for token in ep.tokens if token == w.liked)
    if ep.worth > 5.5:
        raise ValueError("too much")
    right = answer == tokens[follow(ep, ep.hops)] and not ep.flags[0]
    return 1.0 if right else 0.25 if ep.flags[2] else 0.0
