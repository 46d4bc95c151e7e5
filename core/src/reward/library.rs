//! The functions that every program can call: their names, how they are written and what they give.

/// One function of the library.
pub struct Entry {
    pub name: &'static str,
    pub usage: &'static str,
    pub help: &'static str,
}

const fn entry(name: &'static str, usage: &'static str, help: &'static str) -> Entry {
    Entry { name, usage, help }
}

pub const LIBRARY: [Entry; 29] = [
    entry("abs", "abs(x)", "absolute value"),
    entry("min", "min(a, b, ..) or min(list)", "smallest value"),
    entry("max", "max(a, b, ..) or max(list)", "largest value"),
    entry("sum", "sum(list)", "sum; 0 of nothing"),
    entry("any", "any(list)", "whether one is true"),
    entry("all", "all(list)", "whether every one is true"),
    entry("len", "len(list)", "number of elements"),
    entry("range", "range(stop) or range(start, stop, step)", "ints to loop over"),
    entry("enumerate", "enumerate(list)", "pairs of index and element to loop over"),
    entry("zip", "zip(a, b)", "pairs of elements to loop over"),
    entry("reversed", "reversed(list)", "elements from last to first"),
    entry("round", "round(x) or round(x, digits)", "nearest int, halves to even"),
    entry("floor", "floor(x)", "greatest int not above x"),
    entry("ceil", "ceil(x)", "least int not below x"),
    entry("int", "int(x)", "int towards zero"),
    entry("float", "float(x)", "float"),
    entry("bool", "bool(x)", "truth"),
    entry("exp", "exp(x)", "e to the power x"),
    entry("log", "log(x)", "natural logarithm"),
    entry("log1p", "log1p(x)", "log(1 + x), precise near 0"),
    entry("sqrt", "sqrt(x)", "square root"),
    entry("sin", "sin(x)", "sine"),
    entry("cos", "cos(x)", "cosine"),
    entry("tanh", "tanh(x)", "hyperbolic tangent"),
    entry("sigmoid", "sigmoid(x)", "1 / (1 + exp(-x))"),
    entry("clip", "clip(x, low, high)", "x kept between low and high"),
    entry("mean", "mean(list)", "mean; 0.0 of nothing"),
    entry("std", "std(list)", "population standard deviation; 0.0 of nothing"),
    entry("pow", "pow(x, y)", "x ** y"),
];
