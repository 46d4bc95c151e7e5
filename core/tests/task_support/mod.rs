//! Random task programs for the tests of the language.
//!
//! Programs are well typed, and *principled* about precision, as those of `reward_support`: what decides anything is
//! computed from ints and from small dyadic numbers, which f32 and f64 both hold exactly; everything else is only compared
//! with a tolerance. What lives on from step to step is brought back to a few values before it is kept.
#![allow(dead_code, reason = "each test binary uses a part of this module")]

mod expressions;
pub mod mutation;
#[path = "../reward_support/rng.rs"]
mod rng;

pub use rng::Rng;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    /// A small int.
    Int,
    /// A dyadic float, exact in f32.
    Exact,
    /// Any float.
    Real,
    Bool,
}

/// What the function that is being written has.
#[derive(Clone, Copy, Default)]
struct Given {
    state: bool,
    changes_state: bool,
    episode: bool,
    world: bool,
    changes_world: bool,
    dice: bool,
    params: bool,
    action: bool,
}

/// Writes one program.
pub struct Generator {
    pub rng: Rng,
    /// Nothing in it can fail.
    is_safe: bool,
    given: Given,
    in_helper: bool,
    /// Variables in scope.
    vars: Vec<(String, Kind)>,
    names: usize,
    loops: usize,
    lines: Vec<String>,
}

pub const PARAMS: &str = "class Params:
    k: int = 3                # 0..9 things: a number
    rate: float = 0.25        # 0..1 probability: how often
    gain: float = 1.5         # -4..4: a factor
    on: bool = True
    word: str = \"ab/c.b\"      # letters
";

const STATE: &str = "class State:
    i: int = 2
    j: int = -1
    x: float = 0.5
    r: float = 0.1
    f: bool = True
    il: list[int] = [3, 1, 4, 1]
    xl: list[float] = [0.25, -1.0, 1.5]
    rl: list[float] = [0.0] * 2
    fl: list[bool] = [True, False, False]
    zl: list[float] = [0.5, 0.25, 2.0]
";

const WORLD: &str = "class World:
    n: int = 1
    table: list[int] = [0] * 5
    slope: list[float] = [0.5, 0.25]
    pull: float = 0.3
";

const EPISODE: &str = "class Episode:
    es: list[int]             # 0..64: what was
    xs: list[float]
    rs: list[float]
    fs: list[bool]
    tally: list[int] = [0] * 3
    last: list[int] = [0] * 3
    count: int
    best: float = -1.0
    sum: float
    flag: bool
";

impl Generator {
    pub fn new(seed: u64) -> Self {
        let is_safe = !seed.is_multiple_of(3);
        let rng = Rng::new(seed);
        let given = Given::default();
        Self { rng, is_safe, given, in_helper: false, vars: Vec::new(), names: 0, loops: 0, lines: Vec::new() }
    }

    pub fn program(mut self) -> String {
        let horizon = self.rng.pick(&["6", "4 + 3", "Params.k + 3", "len(TABLE) + 5"]);
        self.lines.push(PARAMS.to_string());
        self.lines.push("TABLE = [2, 0, 3]".into());
        self.lines.push("SLOPES = [0.5, -0.25, 1.0, 0.75]".into());
        self.lines.push("PAIRS = [(0.5, 2), (1.0, -1)]".into());
        self.lines.push("HALF = 0.5 if Params.on else Params.k * 0.25".into());
        self.lines.push(format!("horizon = {horizon}"));
        self.lines.push("actions = [\"left\", \"right\"] + ([\"wait\", \"jump\"] if Params.k > 2 else [])".into());
        self.lines.push(STATE.into());
        self.lines.push(WORLD.into());
        self.lines.push(EPISODE.into());
        let params = true;
        let all = Given {
            state: true,
            changes_state: true,
            episode: true,
            world: true,
            dice: true,
            params,
            ..Given::default()
        };
        self.in_helper = true;
        self.function(
            "def look(s, n, x=0.5):",
            Given { state: true, ..Given::default() },
            &[("n", Kind::Int), ("x", Kind::Exact)],
        );
        self.function(
            "def bump(s, n):",
            Given { state: true, changes_state: true, ..Given::default() },
            &[("n", Kind::Int)],
        );
        self.function(
            "def log(s, ep, x):",
            Given { world: false, dice: false, params: false, ..all },
            &[("x", Kind::Exact)],
        );
        self.function(
            "def pair(s, dice, n, by=2):",
            Given { state: true, dice: true, ..Given::default() },
            &[("n", Kind::Int), ("by", Kind::Int)],
        );
        self.in_helper = false;
        self.function(
            "def setup(w, p, dice):",
            Given { world: true, changes_world: true, dice: true, params, ..Given::default() },
            &[],
        );
        self.function("def start(s, ep, w, p, dice):", all, &[]);
        self.function("def step(s, ep, w, p, action, t, dice):", Given { action: true, ..all }, &[("t", Kind::Int)]);
        let look = Given { state: true, world: true, params, ..Given::default() };
        self.function("def see(s, w, p):", look, &[]);
        if self.rng.one_in(2) {
            self.function("def prior(s, w, p):", look, &[]);
        }
        self.function("def score(s, ep, w, p, dice):", Given { changes_state: false, ..all }, &[]);
        self.lines.join("\n") + "\n"
    }

    fn function(&mut self, head: &str, given: Given, params: &[(&str, Kind)]) {
        self.lines.push(format!("\n{head}"));
        self.given = given;
        self.vars = params.iter().map(|(name, kind)| (name.to_string(), *kind)).collect();
        let count = 2 + self.rng.below(5);
        self.block(1, count, 3);
        self.result(1, true);
    }

    /// A `return` of what the function returns. `last`: it is the last line.
    fn result(&mut self, indent: usize, last: bool) {
        let name =
            self.lines.iter().rev().find_map(|line| line.trim_start_matches('\n').strip_prefix("def ")).unwrap_or("");
        let name = name.split('(').next().unwrap_or("").to_string();
        let text = match name.as_str() {
            "setup" | "start" | "log" => if last { "pass" } else { "return" }.to_string(),
            "look" => format!("return {}", self.exact(2)),
            "bump" => format!("return ({}) % 7", self.int(2)),
            "pair" => format!("return {}, ({}) % 5, {}", self.exact(1), self.int(1), self.boolean(1)),
            "step" => format!("return {}", self.boolean(2)),
            "see" => {
                let mut parts = [
                    format!("one_hot(({}) % 5, 5)", self.int(2)),
                    format!("one_hot(1 if {} else 0, 2)", self.boolean(1)),
                    "[one_hot(s.il[i] % 4, 4) for i in range(len(TABLE) - 1)]".to_string(),
                ];
                if !self.is_safe {
                    parts[0] = format!("one_hot({}, 5)", self.int(1));
                }
                format!("return {}", parts.join(", "))
            }
            // The number of actions depends on a parameter.
            "prior" => {
                let logits: Vec<String> = (0..4).map(|_| self.real(1)).map(|x| format!("0.0 + {x}")).collect();
                if !last {
                    return self.line(indent, "pass".into());
                }
                self.line(indent, "if p.k > 2:".into());
                self.line(indent + 1, format!("return [{}]", logits.join(", ")));
                format!("return [{}]", logits[..2].join(", "))
            }
            _ => format!("return {}", self.real(2)),
        };
        self.line(indent, text);
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn line(&mut self, indent: usize, text: String) {
        self.lines.push("    ".repeat(indent) + &text);
    }

    fn block(&mut self, indent: usize, statements: usize, depth: usize) {
        let outer = self.vars.len();
        for _ in 0..statements {
            self.statement(indent, depth);
        }
        if indent > 1 {
            self.vars.truncate(outer);
        }
    }

    fn statement(&mut self, indent: usize, depth: usize) {
        match self.rng.below(if depth == 0 { 12 } else { 19 }) {
            0..=2 => {
                let kind = [Kind::Int, Kind::Exact, Kind::Real, Kind::Bool][self.rng.below(4)];
                let value = self.of(kind, 2);
                let name = self.fresh("v");
                self.line(indent, format!("{name} = {value}"));
                self.vars.push((name, kind));
            }
            3 => {
                let (a, b) = (self.fresh("v"), self.fresh("v"));
                let (x, y) = (self.exact(1), self.exact(1));
                self.line(indent, format!("{a}, {b} = 0.0 + {x}, 0.0 + {y}"));
                self.line(indent, format!("{a}, {b} = {b}, {a}"));
                self.vars.extend([(a, Kind::Exact), (b, Kind::Exact)]);
            }
            4..=8 => self.change(indent),
            9 => self.lengthen(indent),
            10 if self.given.dice && self.given.state && !self.in_helper => {
                let names: Vec<String> = (0..3).map(|_| self.fresh("v")).collect();
                let call = match self.rng.below(3) {
                    0 => format!("pair(s, dice, {})", self.int(1)),
                    1 => format!("pair(s, n={}, dice=dice, by=3)", self.int(0)),
                    _ => format!("pair(s, dice, {}, {})", self.int(0), self.int(0)),
                };
                self.line(indent, format!("{} = {call}", names.join(", ")));
                self.vars.extend(names.into_iter().zip([Kind::Exact, Kind::Int, Kind::Bool]));
            }
            11 if self.given.episode && self.given.changes_state && !self.in_helper => {
                let x = self.exact(1);
                self.line(indent, format!("log(s, ep, {x})"));
            }
            12 | 13 => self.branch(indent, depth),
            14 | 15 => self.repeat(indent, depth),
            16 if !self.is_safe && self.rng.one_in(3) => {
                let test = self.boolean(2);
                match self.rng.below(2) {
                    0 => self.line(indent, format!("assert {test}, \"a message\"")),
                    _ => {
                        self.line(indent, format!("if not ({test}):"));
                        self.line(indent + 1, "raise ValueError(\"another message\")".into());
                    }
                }
            }
            17 => {
                let test = self.boolean(2);
                self.line(indent, format!("if {test}:"));
                self.result(indent + 1, false);
            }
            _ => self.change(indent),
        }
    }

    fn branch(&mut self, indent: usize, depth: usize) {
        let test = self.boolean(2);
        self.line(indent, format!("if {test}:"));
        let count = 1 + self.rng.below(2);
        self.block(indent + 1, count, depth - 1);
        if self.rng.one_in(2) {
            let test = self.boolean(1);
            self.line(indent, format!("elif {test}:"));
            self.block(indent + 1, 1, depth - 1);
        }
        if self.rng.one_in(2) {
            self.line(indent, "else:".into());
            self.block(indent + 1, 1, depth - 1);
        }
    }

    fn repeat(&mut self, indent: usize, depth: usize) {
        let total = self.fresh("v");
        self.line(indent, format!("{total} = 0"));
        let outer = self.vars.len();
        let (target, iter, bound) = self.iterable();
        self.line(indent, format!("for {target} in {iter}:"));
        self.vars.extend(bound);
        self.loops += 1;
        if self.rng.one_in(2) {
            let (test, word) = (self.boolean(1), self.rng.pick(&["break", "continue"]));
            self.line(indent + 1, format!("if {test}:"));
            self.line(indent + 2, word.into());
        }
        self.block(indent + 1, 1, depth - 1);
        let value = self.int(1);
        self.line(indent + 1, format!("{total} = ({total} + {value}) % 11"));
        self.loops -= 1;
        self.vars.truncate(outer);
        self.vars.push((total, Kind::Int));
    }

    /// A field or an element takes a new value.
    fn change(&mut self, indent: usize) {
        let given = self.given;
        let mut options: Vec<u8> = Vec::new();
        if given.changes_state {
            options.extend(0..12);
        }
        if given.changes_world {
            options.extend(20..24);
        }
        if given.episode {
            options.extend(30..36);
        }
        if options.is_empty() {
            return self.line(indent, "pass".into());
        }
        let (index, n) = (self.index(4), self.rng.below(3));
        let text = match options[self.rng.below(options.len())] {
            0 => format!("s.i = ({}) % 9 - 2", self.int(2)),
            1 => format!("s.{} {} {}", self.rng.pick(&["i", "j"]), self.rng.pick(&["+=", "-="]), self.rng.below(3)),
            2 => format!("s.x = {}", self.kept(2)),
            3 => format!("s.r = clip({}, -9.0, 9.0)", self.real(2)),
            4 => format!("s.f = {}", self.boolean(2)),
            5 => format!("s.il[{index}] = ({}) % 6", self.int(2)),
            6 => format!("s.xl[{}] = {}", n, self.kept(1)),
            7 => format!("s.il[{index}] {} {}", self.rng.pick(&["+=", "-="]), self.rng.below(3)),
            8 => format!("s.xl[{n}], s.x = s.x, s.xl[{}]", self.rng.below(3)),
            9 => format!("s.fl[{n}] = not s.fl[{}]", self.rng.below(3)),
            // No loop goes over a list that is replaced: Python's goes on over the list that was there.
            10 => format!("s.zl = [{}, s.zl[{n}], s.x]", self.kept(1)),
            11 => format!("s.il[{n}], s.i, s.rl[1] = s.i % 5, s.il[{index}], s.rl[0]"),
            20 => format!("w.n = ({}) % 6", self.int(2)),
            21 => format!("w.table[{}] = ({}) % 5", self.index(5), self.int(2)),
            22 if self.given.dice => "dice.shuffle(w.table)".into(),
            22 | 23 => format!("w.slope[{}] = {}", self.rng.below(2), self.kept(1)),
            30 => format!("ep.count += {}", self.rng.below(3)),
            31 => format!("ep.best = max(ep.best, {})", self.real(1)),
            32 => format!("ep.tally[{n}] += {}", self.rng.below(4)),
            33 => format!("ep.sum = 0.5 * ep.sum + {}", self.kept(1)),
            34 => format!("ep.flag = {}", self.boolean(2)),
            _ if given.dice && given.changes_state => "dice.shuffle(s.il)".into(),
            _ => format!("ep.last = [ep.last[{n}], {}, ep.count % 5]", self.rng.below(7)),
        };
        self.line(indent, text);
    }

    /// A list of the episode gets one element more.
    fn lengthen(&mut self, indent: usize) {
        if !self.given.episode {
            return self.change(indent);
        }
        let (list, value) = match self.rng.below(4) {
            0 => ("es", self.int(2)),
            1 => ("xs", self.exact(2)),
            2 => ("rs", self.real(2)),
            _ => ("fs", self.boolean(2)),
        };
        let bounded = if list == "es" { format!("({value}) % 97") } else { value };
        if self.is_safe {
            self.line(indent, format!("if len(ep.{list}) < 5:"));
            return self.line(indent + 1, format!("ep.{list}.append({bounded})"));
        }
        self.line(indent, format!("ep.{list}.append({bounded})"));
    }

    /// The number of an element of a list that has `n`.
    fn index(&mut self, n: usize) -> String {
        match self.rng.below(3) {
            0 => self.rng.below(n).to_string(),
            1 if !self.is_safe => self.int(0),
            1 => format!("-{}", 1 + self.rng.below(n)),
            _ => format!("({}) % {n}", self.int(1)),
        }
    }

    /// A number that may be kept from step to step: quarters from -8 to 8.
    fn kept(&mut self, depth: usize) -> String {
        format!("clip(round(({}) * 4) / 4, -8.0, 8.0)", self.exact(depth))
    }
}
