//! The functions that every program can call, declared once: the row of a function says how it is written and what it
//! means, and lowering, both engines, the editor and the tests go by the row.
//!
//! A new function of one float is a row with `Operation` here, its formula in `number.rs` where it can fail, its twin
//! `goodhart_{name}` in `prelude.wgsl`, and its name in the list of `docs/reward-language.md`.

use std::f64::consts::PI;

use super::number;
use Meaning::*;

/// One function of the library.
pub struct Entry {
    pub name: &'static str,
    /// How a call is written.
    pub usage: &'static str,
    pub help: &'static str,
    /// A call that succeeds for every finite float `x` between -1e9 and 1e9.
    pub example: &'static str,
    /// The least and the most arguments.
    pub arguments: (usize, usize),
    /// Its other names in Python's modules, such as `np.arctan2`.
    pub also: &'static [&'static str],
    pub(super) meaning: Meaning,
}

/// What a call computes. Lowering has a rule for each, in `lower/calls.rs`.
pub(super) enum Meaning {
    /// A float of a float that both engines compute as one operation. A second argument is a base: the quotient of both.
    Operation(Operation),
    /// One value of many.
    Reduced(Reducer),
    /// What `for` can loop over.
    Looped,
    /// The elements in order: to loop over, or to index.
    Sorted,
    /// The absolute value: an int of an int, a float of a float.
    Absolute,
    /// The absolute value as a float.
    AbsoluteFloat,
    /// An int near a float.
    Whole(Whole),
    /// The nearest int, or the nearest number of so many decimals.
    Round,
    Float,
    Truth,
    /// The angle of a point, whose second coordinate is 1 where it is not given.
    Angle,
    /// Times this number.
    Scaled(f64),
    Hypot,
    Distance,
    IsFinite,
    IsNan,
    Clip,
    Power,
}

/// A float of a float, on both engines and in 64 bits; on WebGPU it is `goodhart_{name}` of the prelude.
pub(super) struct Operation {
    /// In 32 bits, or the code of the error.
    pub narrow: fn(f32) -> Result<f32, u32>,
    /// In 64 bits; None where it fails.
    pub wide: fn(f64) -> Option<f64>,
    /// Between which numbers its results lie, both included.
    pub bounds: (f64, f64),
    /// The argument `inf` is an error of the sample.
    pub is_finite_only: bool,
}

/// On which side of a float its int is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Floor,
    Ceil,
    Trunc,
}

/// One value of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reducer {
    Min,
    Max,
    Sum,
    Any,
    All,
    Len,
    Norm,
    Mean,
    Std,
}

/// A function of the library that is an `Operation`, by its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elementary(u8);

impl Elementary {
    pub const EXP: Self = Self::named("exp");
    pub const SQRT: Self = Self::named("sqrt");
    pub const SIGMOID: Self = Self::named("sigmoid");

    /// The operation of this name. A name without one is a mistake of the caller: in a constant it does not compile.
    pub const fn named(name: &str) -> Self {
        let mut row = 0;
        while row < LIBRARY.len() {
            if is_same(LIBRARY[row].name.as_bytes(), name.as_bytes()) && matches!(LIBRARY[row].meaning, Operation(_)) {
                return Self(row as u8);
            }
            row += 1;
        }
        panic!("no operation of this name")
    }

    pub fn name(self) -> &'static str {
        LIBRARY[usize::from(self.0)].name
    }

    #[inline(always)]
    pub(super) fn operation(self) -> &'static Operation {
        match &LIBRARY[usize::from(self.0)].meaning {
            Operation(operation) => operation,
            _ => unreachable!("`named` gives operations only"),
        }
    }
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Entry> {
    LIBRARY.iter().find(|entry| entry.name == name)
}

/// The function that a module of Python calls so.
pub(super) fn find_in_module(member: &str) -> Option<&'static Entry> {
    let is_alias = |entry: &&Entry| entry.also.contains(&member);
    LIBRARY.iter().find(is_alias).or_else(|| find(member))
}

const fn entry(
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    example: &'static str,
    meaning: Meaning,
) -> Entry {
    Entry { name, usage, help, example, arguments: (1, 1), also: &[], meaning }
}

impl Entry {
    const fn takes(self, least: usize, most: usize) -> Self {
        Self { arguments: (least, most), ..self }
    }

    /// It takes or gives lists, which Python's `math` does not.
    pub(super) fn is_of_lists(&self) -> bool {
        matches!(self.meaning, Looped | Sorted | Reduced(Reducer::Len))
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }
}

const fn operation(narrow: fn(f32) -> Result<f32, u32>, wide: fn(f64) -> Option<f64>, bounds: (f64, f64)) -> Operation {
    Operation { narrow, wide, bounds, is_finite_only: false }
}

impl Operation {
    const fn finite_only(self) -> Self {
        Self { is_finite_only: true, ..self }
    }
}

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const AT_LEAST_ZERO: (f64, f64) = (0.0, f64::INFINITY);
const SIGNED_UNIT: (f64, f64) = (-1.0, 1.0);
const UNIT: (f64, f64) = (0.0, 1.0);

/// All functions, as the editor offers them.
pub static LIBRARY: [Entry; 45] = [
    entry("abs", "abs(x)", "absolute value", "abs(x)", Absolute).also(&["absolute"]),
    entry("min", "min(a, b, ..) or min(list)", "smallest value", "min(x, 2)", Reduced(Reducer::Min))
        .takes(1, 64)
        .also(&["minimum", "amin"]),
    entry("max", "max(a, b, ..) or max(list)", "largest value", "max([x, 2])", Reduced(Reducer::Max))
        .takes(1, 64)
        .also(&["maximum", "amax"]),
    entry("sum", "sum(list)", "sum; 0 of nothing", "sum([x, 1])", Reduced(Reducer::Sum)).takes(1, 2),
    entry("any", "any(list)", "whether one is true", "any([x > 1, x < -1])", Reduced(Reducer::Any)),
    entry("all", "all(list)", "whether every one is true", "all([x > 1, x < 2])", Reduced(Reducer::All)),
    entry("len", "len(list)", "number of elements", "len([x, x])", Reduced(Reducer::Len)),
    entry(
        "range",
        "range(stop) or range(start, stop, step)",
        "ints to loop over",
        "sum(x * i for i in range(3))",
        Looped,
    )
    .takes(1, 3),
    entry(
        "enumerate",
        "enumerate(list)",
        "pairs of index and element to loop over",
        "sum(i * y for i, y in enumerate([x, 2]))",
        Looped,
    )
    .takes(1, 2),
    entry("zip", "zip(a, b)", "pairs of elements to loop over", "sum(a * b for a, b in zip([x, 2], [3, x]))", Looped)
        .takes(1, 64),
    entry("reversed", "reversed(list)", "elements from last to first", "sum(y for y in reversed([x, 2]))", Looped),
    entry("round", "round(x) or round(x, digits)", "nearest int, halves to even", "round(x)", Round)
        .takes(1, 2)
        .also(&["around"]),
    entry("floor", "floor(x)", "greatest int not above x", "floor(x)", Whole(Whole::Floor)),
    entry("ceil", "ceil(x)", "least int not below x", "ceil(x)", Whole(Whole::Ceil)),
    entry("int", "int(x)", "int towards zero", "int(x)", Whole(Whole::Trunc)).also(&["int32", "int64", "trunc"]),
    entry("float", "float(x)", "float", "float(x)", Float).also(&["float32", "float64"]),
    entry("bool", "bool(x)", "truth", "bool(x)", Truth),
    entry(
        "exp",
        "exp(x)",
        "e to the power x",
        "exp(min(x, 3))",
        Operation(operation(number::exp, |x| Some(libm::exp(x)).filter(|x| x.is_finite()), AT_LEAST_ZERO)),
    ),
    entry(
        "log",
        "log(x)",
        "natural logarithm",
        "log(abs(x) + 0.001)",
        Operation(operation(number::log, |x| Some(libm::log(x)).filter(|_| x > 0.0), ANY).finite_only()),
    )
    .takes(1, 2),
    entry(
        "log1p",
        "log1p(x)",
        "log(1 + x), precise near 0",
        "log1p(abs(x))",
        Operation(operation(number::log1p, |x| Some(libm::log1p(x)).filter(|_| x > -1.0), ANY).finite_only()),
    ),
    entry(
        "sqrt",
        "sqrt(x)",
        "square root",
        "sqrt(abs(x))",
        Operation(operation(number::sqrt, |x| Some(x.sqrt()).filter(|_| x >= 0.0), AT_LEAST_ZERO).finite_only()),
    ),
    entry("sin", "sin(x)", "sine", "sin(x)", Operation(operation(number::sin, |x| Some(libm::sin(x)), SIGNED_UNIT))),
    entry("cos", "cos(x)", "cosine", "cos(x)", Operation(operation(number::cos, |x| Some(libm::cos(x)), SIGNED_UNIT))),
    entry(
        "tan",
        "tan(x)",
        "tangent",
        "tan(clip(x, -1.4, 1.4))",
        Operation(operation(number::tan, |x| Some(libm::tan(x)), ANY)),
    ),
    entry(
        "asin",
        "asin(x)",
        "angle of a sine, in radians",
        "asin(clip(x / 4, -1, 1))",
        Operation(operation(number::asin, |x| Some(libm::asin(x)).filter(|_| x.abs() <= 1.0), ANY)),
    )
    .also(&["arcsin"]),
    entry(
        "acos",
        "acos(x)",
        "angle of a cosine, in radians",
        "acos(clip(x / 4, -1, 1))",
        Operation(operation(number::acos, |x| Some(libm::acos(x)).filter(|_| x.abs() <= 1.0), ANY)),
    )
    .also(&["arccos"]),
    entry("atan", "atan(x)", "angle of a tangent, in radians", "atan(x)", Angle).also(&["arctan"]),
    entry("atan2", "atan2(y, x)", "angle of the point (x, y), in radians", "atan2(x, 0.7)", Angle)
        .takes(2, 2)
        .also(&["arctan2"]),
    entry("degrees", "degrees(x)", "radians to degrees", "degrees(x)", Scaled(180.0 / PI)).also(&["rad2deg"]),
    entry("radians", "radians(x)", "degrees to radians", "radians(x)", Scaled(PI / 180.0)).also(&["deg2rad"]),
    entry("hypot", "hypot(x, y, ..)", "length of a vector", "hypot(x, 3)", Hypot).takes(1, 64),
    entry("dist", "dist(p, q)", "distance of two points", "dist((x, 1), (2, 3))", Distance).takes(2, 2),
    entry("norm", "norm(list)", "length of a vector", "norm([x, 2])", Reduced(Reducer::Norm)).also(&["linalg.norm"]),
    entry(
        "log2",
        "log2(x)",
        "logarithm to base 2",
        "log2(abs(x) + 0.01)",
        Operation(operation(number::log2, |x| Some(libm::log2(x)).filter(|_| x > 0.0), ANY).finite_only()),
    ),
    entry(
        "log10",
        "log10(x)",
        "logarithm to base 10",
        "log10(abs(x) + 0.01)",
        Operation(operation(number::log10, |x| Some(libm::log10(x)).filter(|_| x > 0.0), ANY).finite_only()),
    ),
    entry("fabs", "fabs(x)", "absolute value, as a float", "fabs(x)", AbsoluteFloat),
    entry("isfinite", "isfinite(x)", "whether it is not infinite", "isfinite(x)", IsFinite),
    entry("isnan", "isnan(x)", "never: what would be NaN is an error of the sample", "isnan(x)", IsNan),
    entry(
        "sorted",
        "sorted(list) or sorted(list, reverse=True)",
        "elements in order, to loop over",
        "sorted([x, 1])[0]",
        Sorted,
    )
    .takes(1, 1),
    entry(
        "tanh",
        "tanh(x)",
        "hyperbolic tangent",
        "tanh(x)",
        Operation(operation(|x| Ok(libm::tanhf(x)), |x| Some(libm::tanh(x)), SIGNED_UNIT)),
    ),
    entry(
        "sigmoid",
        "sigmoid(x)",
        "1 / (1 + exp(-x))",
        "sigmoid(x)",
        Operation(operation(|x| Ok(number::sigmoid(x)), |x| Some(1.0 / (1.0 + libm::exp(-x))), UNIT)),
    ),
    entry("clip", "clip(x, low, high)", "x kept between low and high", "clip(x, -1, 2)", Clip)
        .takes(3, 3)
        .also(&["clamp"]),
    entry("mean", "mean(list)", "mean; 0.0 of nothing", "mean([x, 1])", Reduced(Reducer::Mean))
        .also(&["average", "fmean"]),
    entry(
        "std",
        "std(list)",
        "population standard deviation; 0.0 of nothing",
        "std([x, 1, -2])",
        Reduced(Reducer::Std),
    )
    .also(&["pstdev"]),
    entry("pow", "pow(x, y)", "x ** y", "pow(abs(x) + 1, 1.5)", Power).takes(2, 2).also(&["power"]),
];

#[cfg(test)]
mod tests {
    use super::super::{
        EpisodeSchema, Program, RunSchema, Scores, Scratch, Severity, Ty, compile, completions, wgsl_prelude,
    };
    use super::*;

    const SAMPLES: [f32; 9] = [-3.75, -1.0, -0.3, 0.0, 0.002, 0.5, 1.0, 2.4, 3.9];

    fn schema() -> EpisodeSchema {
        EpisodeSchema::new(Vec::new(), 1).field("length", Ty::Int, 1, "").field("x", Ty::Float, 1, "")
    }

    fn program(expression: &str) -> Program {
        let source = format!("def c(ep):\n    x = ep.x\n    return {expression}\n");
        let compiled = compile(&source, &schema(), &RunSchema::default());
        let is_clean = compiled.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
        assert!(is_clean, "{expression}: {:?}", compiled.diagnostics);
        compiled.program.unwrap_or_else(|| panic!("{expression}"))
    }

    /// What the expression is for every number of `SAMPLES`, on the CPU and in 64 bits.
    fn evaluated(expression: &str) -> (Vec<f32>, Vec<f64>) {
        let program = program(expression);
        let records: Vec<f32> = SAMPLES.iter().flat_map(|x| [1.0, *x]).collect();
        let mut out = Scores::default();
        program.score(&records, SAMPLES.len(), SAMPLES.len(), &[], &mut out, &mut Scratch::default());
        assert!(out.errors.iter().all(|error| *error == 0), "{expression}: {:?}", out.errors);
        let wide = program.in_64_bits(&records, SAMPLES.len(), SAMPLES.len(), &[], &|_| true);
        (out.components, wide.iter().map(|wide| wide.value).collect())
    }

    #[test]
    fn every_function_is_computed_in_32_bits_as_in_64() {
        for entry in &LIBRARY {
            let (narrow, wide) = evaluated(entry.example);
            for ((x, narrow), wide) in SAMPLES.iter().zip(narrow).zip(wide) {
                let is_near = (f64::from(narrow) - wide).abs() <= 1e-5 + 1e-5 * wide.abs();
                assert!(is_near, "{} of {x}: {narrow} and {wide}", entry.example);
                if let Operation(operation) = &entry.meaning {
                    let (low, high) = operation.bounds;
                    assert!((low..=high).contains(&f64::from(narrow)), "{} of {x}: {narrow}", entry.example);
                }
            }
        }
    }

    #[test]
    fn every_operation_has_a_twin_in_the_shader() {
        for entry in LIBRARY.iter().filter(|entry| matches!(entry.meaning, Operation(_))) {
            let name = format!("goodhart_{}(", entry.name);
            assert!(program(entry.example).wgsl("p_").contains(&name), "{}", entry.name);
            let declared = format!("fn {name}x: f32, line: u32) -> f32 {{");
            assert!(wgsl_prelude().contains(&declared), "the prelude has no `{declared}`");
            assert_eq!(Elementary::named(entry.name).name(), entry.name);
        }
    }

    #[test]
    fn every_function_is_offered_and_explained() {
        let source = "def c(ep):\n    return \n";
        let offers = completions(source, source.len() - 1, &schema(), &RunSchema::default());
        for entry in &LIBRARY {
            let offer =
                offers.iter().find(|offer| offer.label == entry.name).unwrap_or_else(|| panic!("{}", entry.name));
            assert_eq!(offer.detail, format!("{}: {}", entry.usage, entry.help));
            assert!(entry.usage.starts_with(&format!("{}(", entry.name)), "{}", entry.usage);
        }
    }

    #[test]
    fn every_name_in_a_module_means_its_function() {
        for entry in &LIBRARY {
            for name in entry.also.iter().copied().chain([entry.name]) {
                assert_eq!(find_in_module(name).map(|found| found.name), Some(entry.name), "{name}");
            }
            let is_called_so = |name: &str| entry.example.starts_with(&format!("{name}("));
            if is_called_so(entry.name) && !entry.is_of_lists() {
                let plain = evaluated(entry.example).0;
                for name in entry.also {
                    let example = entry.example.replacen(entry.name, &format!("np.{name}"), 1);
                    assert_eq!(evaluated(&example).0, plain, "{example}");
                }
            }
        }
    }

    #[test]
    fn a_wrong_number_of_arguments_is_an_error_that_shows_the_usage() {
        for entry in LIBRARY.iter().filter(|entry| !matches!(entry.meaning, Looped | Sorted)) {
            for count in [entry.arguments.0 - 1, entry.arguments.1 + 1] {
                let call = format!("{}({})", entry.name, vec!["1.0"; count].join(", "));
                let source = format!("def c(ep):\n    return {call}\n");
                let compiled = compile(&source, &schema(), &RunSchema::default());
                let is_said = compiled
                    .diagnostics
                    .iter()
                    .any(|d| d.suggestion.as_ref().is_some_and(|text| text.contains(entry.usage)));
                assert!(is_said, "{call}: {:?}", compiled.diagnostics);
            }
        }
    }

    #[test]
    fn the_document_lists_every_function() {
        let document = include_str!("../../../docs/reward-language.md");
        let names: Vec<&str> = LIBRARY.iter().map(|entry| entry.name).collect();
        let line = format!("Library: `{} pi inf`;", names.join(" "));
        assert!(document.contains(&line), "docs/reward-language.md lacks this text: {line}");
    }
}
