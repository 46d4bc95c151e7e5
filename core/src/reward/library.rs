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

pub const LIBRARY: [Entry; 45] = [
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
    entry("tan", "tan(x)", "tangent"),
    entry("asin", "asin(x)", "angle of a sine, in radians"),
    entry("acos", "acos(x)", "angle of a cosine, in radians"),
    entry("atan", "atan(x)", "angle of a tangent, in radians"),
    entry("atan2", "atan2(y, x)", "angle of the point (x, y), in radians"),
    entry("degrees", "degrees(x)", "radians to degrees"),
    entry("radians", "radians(x)", "degrees to radians"),
    entry("hypot", "hypot(x, y, ..)", "length of a vector"),
    entry("dist", "dist(p, q)", "distance of two points"),
    entry("norm", "norm(list)", "length of a vector"),
    entry("log2", "log2(x)", "logarithm to base 2"),
    entry("log10", "log10(x)", "logarithm to base 10"),
    entry("fabs", "fabs(x)", "absolute value, as a float"),
    entry("isfinite", "isfinite(x)", "whether it is not infinite"),
    entry("isnan", "isnan(x)", "never: what would be NaN is an error of the sample"),
    entry("sorted", "sorted(list) or sorted(list, reverse=True)", "elements in order, to loop over"),
    entry("tanh", "tanh(x)", "hyperbolic tangent"),
    entry("sigmoid", "sigmoid(x)", "1 / (1 + exp(-x))"),
    entry("clip", "clip(x, low, high)", "x kept between low and high"),
    entry("mean", "mean(list)", "mean; 0.0 of nothing"),
    entry("std", "std(list)", "population standard deviation; 0.0 of nothing"),
    entry("pow", "pow(x, y)", "x ** y"),
];
