//! The expressions of random task programs.

use super::{Generator, Kind};

impl Generator {
    fn var(&mut self, kind: Kind) -> Option<String> {
        let names: Vec<String> = self.vars.iter().filter(|(_, k)| *k == kind).map(|(name, _)| name.clone()).collect();
        if names.is_empty() { None } else { Some(names[self.rng.below(names.len())].clone()) }
    }

    pub(super) fn of(&mut self, kind: Kind, depth: usize) -> String {
        match kind {
            Kind::Int => self.int(depth),
            Kind::Exact => self.exact(depth),
            Kind::Real => self.real(depth),
            Kind::Bool => self.boolean(depth),
        }
    }

    /// A loop: its target, what it loops over, and the variables it binds.
    pub(super) fn iterable(&mut self) -> (String, String, Vec<(String, Kind)>) {
        let (x, y) = (self.fresh("x"), self.fresh("x"));
        let one = |kind| vec![(x.clone(), kind)];
        let g = self.given;
        match self.rng.below(13) {
            0 => (x.clone(), format!("range(({}) % 5)", self.int(1)), one(Kind::Int)),
            1 => (x.clone(), format!("range({}, {})", self.rng.below(3), 2 + self.rng.below(4)), one(Kind::Int)),
            2 => (x.clone(), "range(4, -2, -2)".into(), one(Kind::Int)),
            3 if g.state => (x.clone(), "s.il".into(), one(Kind::Int)),
            4 if g.state => (x.clone(), "s.xl".into(), one(Kind::Exact)),
            5 if g.state => {
                let vars = vec![(x.clone(), Kind::Int), (y.clone(), Kind::Int)];
                (format!("{x}, {y}"), "enumerate(s.il)".into(), vars)
            }
            6 if g.state => {
                let vars = vec![(x.clone(), Kind::Exact), (y.clone(), Kind::Bool)];
                (format!("{x}, {y}"), "zip(s.xl, s.fl)".into(), vars)
            }
            7 if g.state => (x.clone(), "reversed(s.il)".into(), one(Kind::Int)),
            // A slice is no copy of a list: only what nothing changes is looped over in part.
            8 => (x.clone(), format!("SLOPES[{}]", self.rng.pick(&["1:", ":2", "-2:", ":"])), one(Kind::Exact)),
            9 if g.world => (x.clone(), "w.table".into(), one(Kind::Int)),
            10 => {
                let vars = vec![(x.clone(), Kind::Exact), (y.clone(), Kind::Int)];
                (format!("{x}, {y}"), "PAIRS".into(), vars)
            }
            11 if g.episode => (x.clone(), "ep.tally".into(), one(Kind::Int)),
            _ => (x.clone(), "TABLE".into(), one(Kind::Int)),
        }
    }

    /// `element for .. in .. if ..`
    fn generator(&mut self, kind: Kind) -> String {
        let outer = self.vars.len();
        let (target, iter, bound) = self.iterable();
        self.vars.extend(bound);
        let element = self.of(kind, 1);
        let test = if self.rng.one_in(2) { format!(" if {}", self.boolean(1)) } else { String::new() };
        self.vars.truncate(outer);
        format!("{element} for {target} in {iter}{test}")
    }

    /// A divisor: any number, or one that is not zero.
    fn divisor(&mut self, number: String) -> String {
        if self.is_safe { format!("(abs({number}) + 1)") } else { number }
    }

    pub(super) fn boolean(&mut self, depth: usize) -> String {
        let g = self.given;
        if depth == 0 {
            return match self.rng.below(5) {
                0 if g.state => "s.f".into(),
                1 if g.state => format!("s.fl[{}]", self.rng.pick(&["0", "-1", "1"])),
                2 if g.params => "p.on".into(),
                3 if g.episode => "ep.flag".into(),
                _ => self.var(Kind::Bool).unwrap_or_else(|| "True".into()),
            };
        }
        let d = depth - 1;
        match self.rng.below(14) {
            0 => format!("{} {} {}", self.exact(d), self.rng.pick(&["<", "<=", ">", ">=", "==", "!="]), self.exact(d)),
            1 | 2 => format!("{} {} {}", self.int(d), self.rng.pick(&["<", "<=", "==", "!="]), self.int(d)),
            3 => format!("{} < {} <= {}", self.int(d), self.exact(d), self.int(d)),
            4 => format!("({} {} {})", self.boolean(d), self.rng.pick(&["and", "or"]), self.boolean(d)),
            5 => format!("not {}", self.boolean(d)),
            6 if g.action => {
                self.rng.pick(&["action == \"left\"", "action != \"right\"", "action in (\"left\", \"right\")"]).into()
            }
            7 if g.dice => format!("dice.chance({})", self.rng.pick(&["0.5", "0.25", "0.0", "1"])),
            8 if g.dice && g.params => "dice.chance(p.rate)".into(),
            9 if g.state => format!("{} in s.il", self.int(d)),
            10 => format!("{}({})", self.rng.pick(&["any", "all"]), self.generator(Kind::Bool)),
            11 if g.params => self
                .rng
                .pick(&["p.word[s_i] == \"b\"", "p.word[1] in \"b/\"", "p.k > 2"])
                .replace("s_i", &self.letter()),
            12 if g.episode => format!("len(ep.{}) > {}", self.rng.pick(&["es", "xs", "actions"]), self.rng.below(4)),
            _ => self.boolean(0),
        }
    }

    /// The number of a letter of the parameter `word`.
    fn letter(&mut self) -> String {
        if self.is_safe { format!("({}) % len(p.word)", self.int(0)) } else { self.int(0) }
    }

    pub(super) fn int(&mut self, depth: usize) -> String {
        let g = self.given;
        if depth == 0 {
            return match self.rng.below(9) {
                0 => format!("{}", self.rng.below(5)),
                1 if g.state => "s.i % 8".into(),
                2 if g.state => "s.j % 5".into(),
                3 if g.params => "p.k".into(),
                4 if g.world => "w.n".into(),
                5 if g.action => "int(action)".into(),
                6 if g.episode => self.rng.pick(&["ep.length", "ep.tally[1] % 9", "ep.count % 7"]).into(),
                _ => self.var(Kind::Int).map_or("2".into(), |name| format!("({name} % 13)")),
            };
        }
        let d = depth - 1;
        match self.rng.below(22) {
            0 | 1 => format!("({} + {})", self.int(d), self.int(d)),
            2 => format!("({} - {})", self.int(d), self.int(d)),
            3 => format!("{} * {}", self.int(0), self.int(0)),
            op @ (4 | 5) => {
                let (a, b) = (self.int(d), self.int(d));
                format!("({a} {} {})", if op == 4 { "//" } else { "%" }, self.divisor(b))
            }
            6 => format!("-{}", self.int(0)),
            7 => format!("{}({}, {})", self.rng.pick(&["min", "max"]), self.int(d), self.int(d)),
            8 if g.state => format!("s.il[{}] % 10", self.index(4)),
            9 if g.state => self.rng.pick(&["len(s.xl)", "s.il.count(1)", "sum(s.il) % 20", "max(s.il) % 10"]).into(),
            10 => format!("sum({}) % 30", self.generator(Kind::Int)),
            11 => format!("{}({})", self.rng.pick(&["round", "floor", "ceil", "int"]), self.exact(d)),
            12 => format!("({} if {} else {})", self.int(d), self.boolean(d), self.int(d)),
            13 if g.world => format!("w.table[{}]", self.index(5)),
            14 if g.dice => match self.is_safe {
                true => format!("dice.below({})", 1 + self.rng.below(6)),
                false => format!("dice.below({})", self.int(0)),
            },
            15 if g.dice => self.rng.pick(&["dice.choice(TABLE)", "dice.choice([4, 0, 7])"]).into(),
            16 if g.dice && g.state => "dice.choice(s.il) % 9".into(),
            17 if g.changes_state && !self.in_helper => format!("bump(s, {})", self.int(0)),
            18 if g.episode => match self.is_safe {
                true => format!("len(ep.{})", self.rng.pick(&["es", "xs", "fs", "actions"])),
                false => format!("ep.es[{}]", self.rng.pick(&["0", "-1", "2"])),
            },
            19 => format!("TABLE[{}]", self.index(3)),
            20 if g.params => self.rng.pick(&["p.word.count(\"b\")", "p.word.index(\"/\")", "len(p.word)"]).into(),
            _ => self.int(0),
        }
    }

    pub(super) fn exact(&mut self, depth: usize) -> String {
        let g = self.given;
        if depth == 0 {
            return match self.rng.below(8) {
                0 => format!("{:?}", self.rng.below(9) as f32 / 4.0),
                1 if g.state => "s.x".into(),
                2 if g.params => "p.gain".into(),
                3 => "HALF".into(),
                4 => self.int(0),
                _ => self.var(Kind::Exact).map_or("0.5".into(), |name| format!("clip({name}, -16, 16)")),
            };
        }
        let d = depth - 1;
        match self.rng.below(15) {
            0 | 1 => format!("({} + {})", self.exact(d), self.exact(d)),
            2 => format!("({} - {})", self.exact(d), self.exact(d)),
            3 => format!("{} * 0.5", self.exact(0)),
            op @ (4 | 5) => {
                let (a, b) = (self.int(0), self.rng.pick(&["0.5", "2", "1.5", "-0.75"]));
                format!("({a} {} {b})", if op == 4 { "//" } else { "%" })
            }
            6 => format!("abs({})", self.exact(d)),
            7 => format!("{}({}, {})", self.rng.pick(&["min", "max"]), self.exact(d), self.exact(d)),
            8 => format!("({} if {} else {})", self.exact(d), self.boolean(d), self.exact(d)),
            9 if g.state => format!("s.xl[{}]", self.index(3)),
            10 if g.world => format!("w.slope[{}]", self.index(2)),
            11 => format!("SLOPES[{}]", self.index(4)),
            12 if g.dice => "dice.choice(SLOPES)".into(),
            13 if g.state && !self.in_helper => match self.rng.below(2) {
                0 => format!("look(s, {})", self.int(0)),
                _ => format!("look(s, x={}, n={})", self.exact(0), self.int(0)),
            },
            _ => self.exact(0),
        }
    }

    pub(super) fn real(&mut self, depth: usize) -> String {
        let g = self.given;
        if depth == 0 {
            return match self.rng.below(4) {
                0 if g.state => "s.r".into(),
                1 if g.world => "w.pull".into(),
                2 => self.var(Kind::Real).map_or("0.3".into(), |name| format!("clip({name}, -50, 50)")),
                _ => self.exact(0),
            };
        }
        let d = depth - 1;
        match self.rng.below(15) {
            0 => format!("({} + {})", self.real(d), self.real(d)),
            1 => format!("({} - {})", self.real(d), self.real(d)),
            2 => format!("{} * {}", self.exact(0), self.real(d)),
            3 => {
                let (a, b) = (self.real(d), self.int(0));
                format!("({a}) / {}", self.divisor(b))
            }
            4 => format!("exp(min({}, 2))", self.real(d)),
            5 => match self.is_safe {
                true => format!("sqrt(abs({}))", self.exact(d)),
                false => format!("sqrt({})", self.exact(d)),
            },
            6 => format!("{}({})", self.rng.pick(&["sin", "cos", "tanh", "sigmoid"]), self.real(d)),
            7 if g.dice => "dice.normal()".into(),
            8 if g.dice => format!("dice.normal({}, 0.5)", self.exact(0)),
            9 if g.dice => self.rng.pick(&["dice.uniform()", "dice.random()", "dice.uniform(-1, 2.5)"]).into(),
            10 if g.state => {
                let list = self.rng.pick(&["s.xl", "s.zl", "s.zl[1:]", "s.xl[:2]"]);
                format!("{}({list})", self.rng.pick(&["mean", "sum", "std", "max"]))
            }
            11 => format!("mean({})", self.generator(Kind::Exact)),
            12 if g.state => "s.rl[0]".into(),
            13 => format!("({} if {} else {})", self.real(d), self.boolean(d), self.real(d)),
            _ => self.exact(depth),
        }
    }
}
