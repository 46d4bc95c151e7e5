# The dice of task programs in plain Python: the generator of `math::rng` and the order of its words in
# `reward::task::dice`.
import struct

WORD = 0xFFFFFFFF
PURPOSES = dict(PROMPT=1, TASK=3, VERDICT=4, DEMONSTRATION=7, TABLE=8)
# One over the deviation of the sum of eight 16-bit uniforms.
BELL_SCALE = 1.8688124e-5
AT_THE_END = 0xFFFF


def narrow(x):
    """A number as a float of 32 bits."""
    return struct.unpack("f", struct.pack("f", x))[0]


def pcg4d(v):
    x, y, z, w = ((k * 1664525 + 1013904223) & WORD for k in v)
    for last in (False, True):
        x = (x + y * w) & WORD
        y = (y + z * x) & WORD
        z = (z + x * y) & WORD
        w = (w + y * z) & WORD
        if not last:
            x, y, z, w = (k ^ k >> 16 for k in (x, y, z, w))
    return x, y, z, w


def draw(seed, update, group, sample, step, purpose):
    a, b, c, d = pcg4d((seed, update, group, sample))
    return pcg4d((a ^ step, b ^ purpose, c, d))


def uniform(word):
    return (word >> 8) / 16777216.0


class Dice:
    def __init__(self, seed, update, group, sample, step, purpose):
        self._key = seed, update, group, sample
        self._step, self._purpose = step, PURPOSES[purpose]
        self._thrown, self._words = 0, ()

    def _draw(self, block):
        return draw(*self._key, self._step | block << 16, self._purpose)

    def _word(self):
        at = self._thrown
        self._thrown += 1
        if at % 4 == 0:
            self._words = self._draw(at // 4)
        return self._words[at % 4]

    def uniform(self, low=None, high=None):
        u = uniform(self._word())
        return u if low is None else low + (high - low) * u

    random = uniform

    def chance(self, p):
        return uniform(self._word()) < narrow(p)

    def below(self, n):
        if n < 1:
            raise ValueError("dice with no sides")
        return self._word() * n >> 32

    def normal(self, mean=0.0, deviation=1.0):
        block = -(-self._thrown // 4)
        self._thrown = 4 * (block + 1)
        halves = sum((word & 0xFFFF) + (word >> 16) for word in self._draw(block))
        return mean + deviation * ((halves - 262140) * BELL_SCALE)

    def choice(self, values):
        return values[self.below(len(values))]

    def shuffle(self, values):
        for i in range(len(values) - 1):
            j = i + self.below(len(values) - i)
            values[i], values[j] = values[j], values[i]
