//! Random programs and episodes for the tests of the reward language.
//!
//! Programs are well typed, and *principled* about precision: what decides anything (a comparison, a rounding, an index)
//! is computed from small dyadic numbers, which f32 and f64 both hold exactly; everything else is only compared with a
//! tolerance. So a difference from Python is a difference of meaning.
#![allow(dead_code, reason = "each test binary uses a part of this module")]

pub mod mutation;
mod rng;

pub use rng::Rng;

use goodhart_core::reward::schema::{EpisodeSchema, RunSchema, Ty};

pub const TOKENS: [&str; 3] = ["A", "B", "<eos>"];
pub const HORIZON: usize = 4;

pub fn schema() -> EpisodeSchema {
    EpisodeSchema::new(TOKENS.map(String::from).to_vec(), HORIZON)
        .field("length", Ty::Int, 1, "steps")
        .field("correct", Ty::Bool, 1, "the verdict")
        .field("score", Ty::Float, 1, "a number in eighths")
        .field("work", Ty::Int, 1, "an int")
        .field("target", Ty::Token, 1, "a token")
        .field("potential", Ty::Floats, HORIZON + 1, "one more than the length")
        .field("tokens", Ty::Tokens, HORIZON, "as many as the length")
        .field("counts", Ty::Ints, 3, "0 to 3 ints")
        .field("flags", Ty::Bools, HORIZON, "as many as the length")
}

pub fn run_schema() -> RunSchema {
    RunSchema { names: vec!["step".to_string(), "progress".to_string()] }
}

#[derive(Clone, Debug)]
pub struct Episode {
    pub correct: bool,
    pub score: f32,
    pub work: i32,
    pub target: usize,
    pub potential: Vec<f32>,
    pub tokens: Vec<usize>,
    pub counts: Vec<i32>,
    pub flags: Vec<bool>,
}

impl Episode {
    pub fn random(rng: &mut Rng) -> Self {
        let length = 1 + rng.below(HORIZON);
        let eighths = |rng: &mut Rng| (rng.below(33) as f32 - 16.0) / 8.0;
        Episode {
            correct: rng.below(2) == 1,
            score: eighths(rng),
            work: rng.below(7) as i32 - 2,
            target: rng.below(3),
            potential: (0..=length).map(|_| eighths(rng)).collect(),
            tokens: (0..length).map(|_| rng.below(3)).collect(),
            counts: (0..rng.below(4)).map(|_| rng.below(6) as i32 - 1).collect(),
            flags: (0..length).map(|_| rng.below(2) == 1).collect(),
        }
    }

    pub fn record(&self) -> Vec<f32> {
        fn list(record: &mut Vec<f32>, cap: usize, values: Vec<f32>) {
            record.push(values.len() as f32);
            record.extend((0..cap).map(|i| values.get(i).copied().unwrap_or(0.0)));
        }
        let bit = |x: bool| f32::from(u8::from(x));
        let mut record =
            vec![self.tokens.len() as f32, bit(self.correct), self.score, self.work as f32, self.target as f32];
        list(&mut record, HORIZON + 1, self.potential.clone());
        list(&mut record, HORIZON, self.tokens.iter().map(|x| *x as f32).collect());
        list(&mut record, 3, self.counts.iter().map(|x| *x as f32).collect());
        list(&mut record, HORIZON, self.flags.iter().map(|x| bit(*x)).collect());
        record
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "length": self.tokens.len(), "correct": self.correct, "score": self.score, "work": self.work,
            "target": TOKENS[self.target], "potential": self.potential,
            "tokens": self.tokens.iter().map(|t| TOKENS[*t]).collect::<Vec<_>>(),
            "counts": self.counts, "flags": self.flags,
        })
    }
}

/// Writes one program.
pub struct Generator {
    pub rng: Rng,
    /// Variables in scope: name and kind.
    vars: Vec<(String, Kind)>,
    names: usize,
    in_combine: bool,
    in_helper: bool,
    in_step: bool,
    /// It returns a tuple.
    in_pair: bool,
    /// Nothing in it can fail.
    is_safe: bool,
    loops: usize,
    lines: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    /// A small int.
    Int,
    /// A dyadic float, exact in f32.
    Exact,
    /// Any float.
    Real,
    Bool,
    Token,
    Sample,
    /// A function inside the function: an exact float of an exact float.
    Inner,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        let rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let is_safe = !seed.is_multiple_of(3);
        Self {
            rng,
            vars: Vec::new(),
            names: 0,
            in_combine: false,
            in_helper: false,
            in_step: false,
            in_pair: false,
            is_safe,
            loops: 0,
            lines: Vec::new(),
        }
    }

    fn var(&mut self, kind: Kind) -> Option<String> {
        let names: Vec<String> = self.vars.iter().filter(|(_, k)| *k == kind).map(|(name, _)| name.clone()).collect();
        if names.is_empty() { None } else { Some(names[self.rng.below(names.len())].clone()) }
    }

    /// A divisor: any number, or one that is not zero.
    fn divisor(&mut self, number: String) -> String {
        if self.is_safe { format!("(abs({number}) + 1)") } else { number }
    }

    /// An argument for a function that wants it positive.
    fn positive(&mut self, number: String) -> String {
        if self.is_safe { format!("abs({number}) + 0.5") } else { number }
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn sample(&mut self) -> String {
        self.var(Kind::Sample).unwrap_or_else(|| "ep".to_string())
    }

    pub fn program(mut self) -> String {
        self.lines.push("ALPHA = 0.5 * 3 - 2".to_string());
        self.lines.push("TABLE = [0.25, 1, -2, 1.5]".to_string());
        self.lines.push("WORD = \"B\"".to_string());
        self.lines.push("PAY = {0: 0.5, 1: -1, 2: 0.25, \"fixed\": 1.75}".to_string());
        self.lines.push("PAIRS = [(0.5, 2), (1, -1), (-0.25, 3)]".to_string());
        if self.rng.below(2) == 0 {
            self.lines.push("weights = {\"a\": 0.5, \"s\": -2}".to_string());
        }
        self.function("def _h(x, e):", &[("x", Kind::Exact), ("e", Kind::Sample)]);
        self.function("def _p(x, e, scale=0.5):", &[("x", Kind::Exact), ("e", Kind::Sample), ("scale", Kind::Exact)]);
        self.function("def _g(n, e):", &[("n", Kind::Int), ("e", Kind::Sample)]);
        self.function("def a(ep):", &[("ep", Kind::Sample)]);
        self.function("def b(ep):", &[("ep", Kind::Sample)]);
        self.in_step = true;
        self.function("def s(ep, t):", &[("ep", Kind::Sample), ("t", Kind::Int)]);
        self.in_step = false;
        if self.rng.below(3) > 0 {
            self.in_combine = true;
            self.function("def combine(r, ep, group, batch, run):", &[("ep", Kind::Sample)]);
        }
        self.lines.join("\n") + "\n"
    }

    fn function(&mut self, head: &str, params: &[(&str, Kind)]) {
        self.lines.push(String::new());
        self.lines.push(head.to_string());
        self.vars = params.iter().map(|(name, kind)| (name.to_string(), *kind)).collect();
        let is_helper = head.starts_with("def _");
        self.in_helper = is_helper;
        self.in_pair = head.contains("_p(");
        let count = 1 + self.rng.below(4);
        self.block(1, count, 2);
        let value = self.result(3);
        if !is_helper && self.rng.below(6) == 0 {
            let test = self.boolean(2);
            self.lines.push(format!("    return {value} if {test} else None"));
        } else {
            self.lines.push(format!("    return {value}"));
        }
    }

    /// What the function returns.
    fn result(&mut self, depth: usize) -> String {
        if !self.in_pair {
            return self.real(depth);
        }
        let (x, n, flag) = (self.exact(depth), self.int(1), self.boolean(1));
        format!("{x}, {n}, {flag}")
    }

    fn line(&mut self, indent: usize, text: String) {
        self.lines.push("    ".repeat(indent) + &text);
    }

    fn block(&mut self, indent: usize, statements: usize, depth: usize) {
        for _ in 0..statements {
            self.statement(indent, depth);
        }
    }

    fn statement(&mut self, indent: usize, depth: usize) {
        match self.rng.below(if depth == 0 { 4 } else { 11 }) {
            0..=2 => {
                let kind = [Kind::Int, Kind::Exact, Kind::Real, Kind::Bool, Kind::Token][self.rng.below(5)];
                let value = self.of(kind, 2);
                let name = self.fresh("v");
                self.line(indent, format!("{name} = {value}"));
                self.vars.push((name, kind));
            }
            3 if self.rng.below(4) == 0 => {
                let (a, b) = (self.fresh("v"), self.fresh("v"));
                let (x, y) = (self.exact(1), self.int(1));
                self.line(indent, format!("{a}, {b} = {x}, {y}"));
                self.line(indent, format!("{a}, {b} = {b}, {a}"));
                // After the swap both hold floats that are exact.
                self.vars.extend([(a, Kind::Exact), (b, Kind::Exact)]);
            }
            3 => {
                // Only floats that decide nothing grow in loops.
                if let Some(name) = self.var(Kind::Real) {
                    let value = self.real(2);
                    let op = self.rng.pick(&["+=", "-="]);
                    self.line(indent, format!("{name} {op} {value}"));
                } else {
                    self.line(indent, "pass".to_string());
                }
            }
            4 | 5 => {
                let test = self.boolean(2);
                let outer = self.vars.len();
                self.line(indent, format!("if {test}:"));
                self.block(indent + 1, 1, depth - 1);
                self.vars.truncate(outer);
                if self.rng.below(2) == 0 {
                    let test = self.boolean(1);
                    self.line(indent, format!("elif {test}:"));
                    self.block(indent + 1, 1, depth - 1);
                    self.vars.truncate(outer);
                }
                if self.rng.below(2) == 0 {
                    self.line(indent, "else:".to_string());
                    self.block(indent + 1, 1, depth - 1);
                    self.vars.truncate(outer);
                }
            }
            6 | 7 => {
                let total = self.fresh("v");
                self.line(indent, format!("{total} = 0.0"));
                self.vars.push((total.clone(), Kind::Real));
                let outer = self.vars.len();
                let (target, iter, kinds) = self.iterable();
                self.line(indent, format!("for {target} in {iter}:"));
                self.vars.extend(kinds);
                self.loops += 1;
                if self.rng.below(2) == 0 {
                    let test = self.boolean(1);
                    let word = self.rng.pick(&["break", "continue"]);
                    self.line(indent + 1, format!("if {test}:"));
                    self.line(indent + 2, word.to_string());
                }
                self.block(indent + 1, 1, depth - 1);
                let value = self.real(1);
                self.line(indent + 1, format!("{total} += {value}"));
                self.loops -= 1;
                self.vars.truncate(outer);
            }
            8 if !self.in_helper => {
                let names: Vec<String> = (0..3).map(|_| self.fresh("v")).collect();
                let (x, e) = (self.exact(1), self.sample());
                let call = match self.rng.below(3) {
                    0 => format!("_p({x}, {e})"),
                    1 => format!("_p(e={e}, x={x})"),
                    _ => format!("_p({x}, {e}, scale={})", self.exact(0)),
                };
                self.line(indent, format!("{} = {call}", names.join(", ")));
                self.vars.extend(names.into_iter().zip([Kind::Exact, Kind::Int, Kind::Bool]));
            }
            9 => {
                let (name, x) = (self.fresh("f"), self.fresh("x"));
                let outer = self.vars.len();
                self.vars.push((x.clone(), Kind::Exact));
                let value = self.exact(1);
                self.vars.truncate(outer);
                match self.rng.below(2) {
                    0 => self.line(indent, format!("{name} = lambda {x}: {value}")),
                    _ => {
                        self.line(indent, format!("def {name}({x}):"));
                        self.line(indent + 1, format!("return {value}"));
                    }
                }
                self.vars.push((name, Kind::Inner));
            }
            10 if !self.is_safe => {
                let test = self.boolean(2);
                self.line(indent, format!("assert {test}, \"a message\""));
            }
            _ => {
                let test = self.boolean(2);
                let value = self.result(2);
                self.line(indent, format!("if {test}:"));
                self.line(indent + 1, format!("return {value}"));
            }
        }
    }

    fn of(&mut self, kind: Kind, depth: usize) -> String {
        match kind {
            Kind::Int => self.int(depth),
            Kind::Exact => self.exact(depth),
            Kind::Real => self.real(depth),
            Kind::Bool => self.boolean(depth),
            _ => self.token(),
        }
    }

    /// A loop: its target, what it loops over, and the variables it binds.
    fn iterable(&mut self) -> (String, String, Vec<(String, Kind)>) {
        let x = self.fresh("x");
        let e = self.sample();
        let one = |kind| vec![(x.clone(), kind)];
        match self.rng.below(if self.in_combine { 14 } else { 12 }) {
            0 => (x.clone(), format!("range({e}.length)"), one(Kind::Int)),
            1 => (x.clone(), format!("range({}, {})", self.rng.below(3), self.rng.below(6)), one(Kind::Int)),
            2 => (x.clone(), format!("range({e}.length, -2, -{})", 1 + self.rng.below(2)), one(Kind::Int)),
            3 => (x.clone(), format!("{e}.potential"), one(Kind::Exact)),
            4 => match self.rng.below(3) {
                0 => (x.clone(), format!("reversed({e}.potential)"), one(Kind::Exact)),
                1 => (x.clone(), format!("{e}.potential[{}:{}]", self.int(0), self.int(0)), one(Kind::Exact)),
                _ => (x.clone(), format!("{e}.potential[{}:]", self.rng.pick(&["1", "-2", ""])), one(Kind::Exact)),
            },
            5 => (x.clone(), format!("{e}.tokens"), one(Kind::Token)),
            6 => (x.clone(), format!("{e}.counts"), one(Kind::Int)),
            7 => {
                let y = self.fresh("x");
                let vars = vec![(x.clone(), Kind::Int), (y.clone(), Kind::Exact)];
                (format!("{x}, {y}"), format!("enumerate({e}.potential)"), vars)
            }
            8 => {
                let y = self.fresh("x");
                let vars = vec![(x.clone(), Kind::Token), (y.clone(), Kind::Bool)];
                (format!("{x}, {y}"), format!("zip({e}.tokens, {e}.flags)"), vars)
            }
            9 => {
                let reverse = self.rng.pick(&["", ", reverse=True", ", key=abs"]);
                let list = self.rng.pick(&["potential", "potential[1:]", "potential[:-1]"]);
                (x.clone(), format!("sorted({e}.{list}{reverse})"), one(Kind::Exact))
            }
            10 => {
                let y = self.fresh("x");
                let vars = vec![(x.clone(), Kind::Exact), (y.clone(), Kind::Int)];
                (format!("{x}, {y}"), "PAIRS".to_string(), vars)
            }
            11 => {
                let (y, z) = (self.fresh("x"), self.fresh("x"));
                let vars = vec![(x.clone(), Kind::Int), (y.clone(), Kind::Exact), (z.clone(), Kind::Bool)];
                (format!("{x}, ({y}, {z})"), format!("enumerate(zip({e}.potential, {e}.flags))"), vars)
            }
            12 => (x.clone(), "batch".to_string(), one(Kind::Sample)),
            _ => (x.clone(), "group".to_string(), one(Kind::Sample)),
        }
    }

    /// `element for .. in .. if ..`
    fn generator(&mut self, kind: Kind, depth: usize) -> String {
        let outer = self.vars.len();
        let (target, iter, kinds) = self.iterable();
        self.vars.extend(kinds);
        let element = self.of(kind, depth.saturating_sub(1).min(1));
        let test = if self.rng.below(2) == 0 { format!(" if {}", self.boolean(1)) } else { String::new() };
        self.vars.truncate(outer);
        let text = format!("{element} for {target} in {iter}{test}");
        if self.rng.below(3) == 0 { format!("[{text}]") } else { text }
    }

    fn token(&mut self) -> String {
        let e = self.sample();
        match self.rng.below(4) {
            0 => format!("{e}.target"),
            1 => "WORD".to_string(),
            2 => format!("{e}.tokens[-1]"),
            _ => self.var(Kind::Token).unwrap_or_else(|| "\"A\"".to_string()),
        }
    }

    fn boolean(&mut self, depth: usize) -> String {
        let e = self.sample();
        if depth == 0 {
            return match self.var(Kind::Bool) {
                Some(name) if self.rng.below(2) == 0 => name,
                _ => format!("{e}.correct"),
            };
        }
        let d = depth - 1;
        match self.rng.below(13) {
            0 => format!("{} {} {}", self.exact(d), self.rng.pick(&["<", "<=", ">", ">=", "==", "!="]), self.exact(d)),
            1 => format!("{} {} {}", self.int(d), self.rng.pick(&["<", "<=", "==", "!="]), self.int(d)),
            2 => format!("{} < {} <= {}", self.int(d), self.exact(d), self.int(d)),
            3 => format!("({} {} {})", self.boolean(d), self.rng.pick(&["and", "or"]), self.boolean(d)),
            4 => format!("not {}", self.boolean(d)),
            5 => format!("{} == {}", self.token(), self.token()),
            6 => format!("{} {} {e}.tokens", self.token(), self.rng.pick(&["in", "not in"])),
            7 => format!("{} in ({}, \"A\")", self.token(), self.token()),
            8 => format!("{} in {e}.counts", self.int(d)),
            9 => format!("{}({})", self.rng.pick(&["any", "all"]), self.generator(Kind::Bool, depth)),
            10 => format!("({} or {})", self.int(d), self.boolean(d)),
            11 if self.in_combine => match self.rng.below(3) {
                0 => format!("{e} {} ep", self.rng.pick(&["is", "is not"])),
                _ => self.rng.pick(&["r.b is None", "r.a is not None"]).to_string(),
            },
            _ if self.is_safe => format!("{e}.flags[{}]", self.rng.pick(&["0", "-1"])),
            _ => format!("{e}.flags[{}]", self.rng.pick(&["0", "-1", "1"])),
        }
    }

    fn int(&mut self, depth: usize) -> String {
        let e = self.sample();
        if depth == 0 {
            return match self.rng.below(5) {
                0 => format!("{}", self.rng.below(5)),
                1 => format!("{e}.length"),
                2 => format!("{e}.work"),
                _ => self.var(Kind::Int).unwrap_or_else(|| "2".to_string()),
            };
        }
        let d = depth - 1;
        match self.rng.below(16) {
            0 => format!("({} + {})", self.int(d), self.int(d)),
            1 => format!("({} - {})", self.int(d), self.int(d)),
            2 => format!("{} * {}", self.int(0), self.int(0)),
            op @ (3 | 4) => {
                let (a, b) = (self.int(d), self.int(d));
                format!("({a} {} {})", if op == 3 { "//" } else { "%" }, self.divisor(b))
            }
            5 => format!("-{}", self.int(d)),
            6 => format!("abs({})", self.int(d)),
            7 => format!("{}({}, {})", self.rng.pick(&["min", "max"]), self.int(d), self.int(d)),
            8 => format!("len({e}.{})", self.rng.pick(&["potential", "tokens", "counts"])),
            9 => format!("sum({})", self.generator(Kind::Int, depth)),
            10 => format!("{}({})", self.rng.pick(&["round", "floor", "ceil", "int"]), self.exact(d)),
            11 => format!("({} if {} else {})", self.int(d), self.boolean(d), self.int(d)),
            12 if self.is_safe => {
                format!("{}(({}), default=1)", self.rng.pick(&["min", "max"]), self.generator(Kind::Int, depth))
            }
            12 => format!("{}({})", self.rng.pick(&["min", "max"]), self.generator(Kind::Int, depth)),
            13 if !self.is_safe => format!("{e}.counts[{}]", self.int(0)),
            14 => format!("{e}.tokens.count({})", self.token()),
            _ if self.in_combine && self.rng.below(2) == 0 => format!("len({})", self.rng.pick(&["group", "batch"])),
            _ if self.in_combine => format!("len([e for e in group if {}])", {
                self.vars.push(("e".to_string(), Kind::Sample));
                let test = self.boolean(1);
                self.vars.pop();
                test
            }),
            _ => format!("{} ** 2", self.int(0)),
        }
    }

    fn exact(&mut self, depth: usize) -> String {
        let e = self.sample();
        if depth == 0 {
            return match self.rng.below(8) {
                0 => format!("{}", self.rng.below(9) as f32 / 4.0),
                1 => format!("{e}.score"),
                6 => format!("{e}[\"score\"]"),
                7 => format!("{e}.get(\"{}\", 0.5)", self.rng.pick(&["score", "absent"])),
                2 => "ALPHA".to_string(),
                3 => self.int(0),
                _ => self.var(Kind::Exact).unwrap_or_else(|| "0.5".to_string()),
            };
        }
        let d = depth - 1;
        match self.rng.below(18) {
            13 => format!("PAY.get({}, 0.75)", self.int(d)),
            14 if !self.is_safe => format!("PAY[{}]", self.int(0)),
            14 => "PAY[\"fixed\"]".to_string(),
            15 => format!("sorted({e}.potential)[{}]", self.rng.pick(&["0", "-1", "1"])),
            16 => {
                let key = self.rng.pick(&["abs", "lambda x: x * x", "lambda x: -x"]);
                format!("{}({e}.potential, key={key})", self.rng.pick(&["min", "max"]))
            }
            17 => match self.var(Kind::Inner) {
                Some(name) => format!("{name}({})", self.exact(0)),
                None => format!("PAIRS[{}][{}]", self.rng.pick(&["0", "-1"]), self.rng.pick(&["0", "1"])),
            },
            0 => format!("({} + {})", self.exact(d), self.exact(d)),
            1 => format!("({} - {})", self.exact(d), self.exact(d)),
            2 => format!("{} * {}", self.exact(0), self.exact(0)),
            op @ (3 | 4) => {
                let (a, b) = (self.exact(0), self.exact(0));
                format!("({a} {} {})", if op == 3 { "//" } else { "%" }, self.divisor(b))
            }
            5 => format!("abs({})", self.exact(d)),
            6 => format!("{}({}, {})", self.rng.pick(&["min", "max"]), self.exact(d), self.exact(d)),
            7 => format!("clip({}, -1, {})", self.exact(d), self.exact(0)),
            8 => format!("({} if {} else {})", self.exact(d), self.boolean(d), self.exact(d)),
            9 if self.is_safe => format!("{e}.potential[{}]", self.rng.pick(&["0", "-1", "1", "-2"])),
            10 if self.is_safe => format!("TABLE[{} % 4]", self.int(d)),
            9 => format!("{e}.potential[{}]", self.int(d)),
            10 => format!("TABLE[{}]", self.int(d)),
            11 => {
                let names: &[&str] = if self.is_safe { &["sum"] } else { &["min", "max", "sum"] };
                format!("{}({})", self.rng.pick(names), self.generator(Kind::Exact, depth))
            }
            _ => format!("sum({e}.potential)"),
        }
    }

    fn real(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.var(Kind::Real) {
                Some(name) if self.rng.below(2) == 0 => name,
                _ => self.exact(0),
            };
        }
        let d = depth - 1;
        let e = self.sample();
        match self.rng.below(19) {
            0 => format!("({} + {})", self.real(d), self.real(d)),
            1 => format!("({} - {})", self.real(d), self.real(d)),
            2 => format!("{} * {}", self.exact(0), self.real(d)),
            3 => {
                let (a, b) = (self.real(d), self.exact(0));
                format!("({a}) / {}", self.divisor(b))
            }
            4 => format!("exp(min({}, 3))", self.real(d)),
            op @ 5..=7 => {
                let x = self.exact(d);
                format!("{}({})", ["log", "log1p", "sqrt"][op - 5], self.positive(x))
            }
            8 => format!("{}(clip({}, -9, 9))", self.rng.pick(&["sin", "cos"]), self.real(d)),
            9 => format!("{}({})", self.rng.pick(&["tanh", "sigmoid"]), self.real(d)),
            10 => format!("{}({})", self.rng.pick(&["mean", "std"]), self.generator(Kind::Exact, depth)),
            11 => format!("{}({e}.potential)", self.rng.pick(&["mean", "std", "sum", "max"])),
            12 => format!("(abs({}) + 0.5) ** {}", self.exact(0), self.rng.pick(&["2", "0.5", "3", "-1", "1.5"])),
            13 => format!("({} if {} else {})", self.real(d), self.boolean(d), self.real(d)),
            14 if self.in_combine => {
                let read = self.rng.pick(&["r.a", "r.s", "r.b", "run.step", "run.progress"]);
                match self.is_safe && read.starts_with("r.") {
                    true => format!("(0.5 if {read} is None else {read})"),
                    false => read.to_string(),
                }
            }
            14 if !self.in_helper => format!("_h({}, {e})", self.exact(0)),
            15 if !self.in_helper => format!("_g({}, {e})", self.int(0)),
            16 => format!("{}({}, {})", self.rng.pick(&["min", "max"]), self.real(d), self.real(d)),
            17 => format!("sum({})", self.generator(Kind::Real, depth)),
            _ => self.exact(depth),
        }
    }
}
