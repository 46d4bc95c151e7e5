"""Add numbers: work the sum out between <think> and </think>, then answer between <answer> and </answer>."""

# A prompt is the numbers to be added, as `4 + 7 + 2 =`.
# One token can say one number, so a chain of additions can only be known by saying what it has come to on the way.
# A demonstration does so: `<think> 4 11 13 </think> <answer> 13 </answer> <eos>`.

tokens = (
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19"]
    + ["+", "=", ".", "<think>", "</think>", "<answer>", "</answer>", "<eos>"]
    + ["so", "wait", "check", "hmm"]
)
end = "<eos>"
horizon = 24


class Params:
    terms_min: int = 2       # 2..6 numbers: fewest numbers of a sum
    terms: int = 4           # 2..6 numbers: most numbers of a sum
    modulus: int = 10        # 5..20: sums wrap around here, as the hours of a clock do
    filler: float = 0.15     # 0..0.9 probability: demonstrations: a word that does no work stands before a number
    slip: float = 0.05       # 0..1 probability: demonstrations: a step of the work is wrong, and the work goes on from there
    skip: float = 0.15       # 0..1 probability: demonstrations: the work is left out, and the answer is guessed
    untagged: float = 0.1    # 0..1 probability: demonstrations: the answer stands without its tags


class State:
    terms: list[int] = [0] * 6


class Episode:
    answer: str = "."        # the number behind the first <answer>, a dot where there is none
    target: str = "."        # the right answer
    terms: int               # 2..6: numbers of the prompt
    thought: bool            # <think> comes first, and </think> after it, once each
    answered: bool           # <answer> number </answer> stands once, behind the thoughts
    formatted: bool          # nothing but thoughts, an answer in its tags and the end
    work: int                # 0..6: right steps of the work, from the first on
    fillers: int             # 0..24: words that do no work


def prompt(s, p, dice):
    n = p.terms_min + dice.below(p.terms - p.terms_min + 1) if p.terms > p.terms_min else p.terms
    for i in range(6):
        s.terms[i] = dice.below(p.modulus)
    # Sums are of one length: what is not there is a dot.
    return [part(s, n, i) for i in range(2 * p.terms)]


def part(s, n, i):
    if i % 2 == 0:
        return tokens[s.terms[i // 2]] if i // 2 < n else "."
    return "=" if i // 2 == n - 1 else "+" if i // 2 < n - 1 else "."


def sum_of(ep, p, n):
    total = 0
    for i in range(p.terms):
        if i < n:
            total += int(ep.prompt[2 * i])
    return total % p.modulus


def terms_of(ep, p):
    n = 0
    for i in range(p.terms):
        if ep.prompt[2 * i] != ".":
            n += 1
    return n


def demonstration(ep, p, dice):
    n = terms_of(ep, p)
    skips = dice.chance(p.skip)
    total = 0
    ep.tokens.append("<think>")
    if not skips:
        for i in range(p.terms):
            if i < n:
                if dice.chance(p.filler) and len(ep.tokens) < horizon - 12:
                    ep.tokens.append(dice.choice(["so", "wait", "check", "hmm"]))
                total = (total + int(ep.prompt[2 * i])) % p.modulus
                if dice.chance(p.slip):
                    total = dice.below(p.modulus)
                ep.tokens.append(tokens[total])
    ep.tokens.append("</think>")
    if skips:
        total = dice.below(p.modulus)
    tagged = not dice.chance(p.untagged)
    if tagged:
        ep.tokens.append("<answer>")
    ep.tokens.append(tokens[total])
    if tagged:
        ep.tokens.append("</answer>")
    ep.tokens.append(end)


def score(ep, p):
    n = terms_of(ep, p)
    ep.terms = n
    ep.target = tokens[sum_of(ep, p, n)]
    opened = closed = tagged = ended = 0
    at_close = -1
    at_answer = -1
    working = True
    for i, token in enumerate(ep.tokens):
        is_number = int(token) < 20
        if token == "<think>":
            opened += 1
        elif token == "</think>":
            closed += 1
            at_close = i
        elif token == "<answer>":
            tagged += 1
            if tagged == 1:
                at_answer = i
        elif token == "</answer>":
            ended += 1
        elif token in ("so", "wait", "check", "hmm"):
            ep.fillers += 1
        elif is_number and opened == 1 and closed == 0 and working and ep.work < n:
            working = int(token) == sum_of(ep, p, ep.work + 1)
            if working:
                ep.work += 1
    length = len(ep.tokens)
    ep.thought = opened == 1 and closed == 1 and ep.tokens[0] == "<think>"
    if at_answer >= 0 and at_answer + 1 < length and int(ep.tokens[at_answer + 1]) < 20:
        ep.answer = ep.tokens[at_answer + 1]
        is_closed = at_answer + 2 < length and ep.tokens[at_answer + 2] == "</answer>"
        ep.answered = is_closed and tagged == 1 and ended == 1 and at_answer > at_close
    ep.formatted = ep.thought and ep.answered and at_answer == at_close + 1 and length == at_answer + 4
    return 1.0 if ep.answer == ep.target else 0.0
