//! Calls: the library, reducers over generators and lists, and functions of the program.

use super::super::ast::{BinOp, Expr, ExprKind, Ident};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, FINITE_LIMIT, INF, Konst, Op, Reg};
use super::super::library::{Elementary, Entry, LIBRARY, Meaning, Reducer, Whole, find};
use super::builder::Lower;
use super::types::{Object, Type, Value};

impl<'c, 'p> Lower<'c, 'p> {
    /// `name` is a library function here, not something of the program's own.
    pub fn is_library(&self, name: &str) -> bool {
        self.library_function(name).is_some()
    }

    /// The library function that `name` is here.
    fn library_function(&self, name: &str) -> Option<&'static Entry> {
        let is_own = self.is_local(name)
            || self.own_function(name).is_some()
            || self.cx.module.constants.iter().any(|(ident, _)| ident.name == name);
        find(name).filter(|_| !is_own)
    }

    pub fn call(&mut self, span: Span, func: &Expr, args: &[Expr], keywords: &[(Ident, Expr)]) -> Value {
        if let ExprKind::Name(name) = &func.kind {
            if self.is_local(name) {
                return self.fail(Finding::error(func.span, format!("`{name}` is a variable, not a function")));
            }
            if let Some(index) = self.own_function(name) {
                return self.user_call(span, index, args, keywords);
            }
        }
        if self.cx.task.is_some() {
            match &func.kind {
                ExprKind::Name(name) if name == "one_hot" => return self.one_hot(span, args),
                ExprKind::Name(name) if name == "int" && args.len() == 1 => {
                    let value = self.expr(&args[0]);
                    if value.ty == Type::Token {
                        return Value { ty: Type::Int, ..value };
                    }
                }
                ExprKind::Attr(base, name) if matches!(name.name.as_str(), "index" | "find" | "count") => {
                    if let Some(value) = self.text_method(span, base, name, args) {
                        return value;
                    }
                }
                ExprKind::Attr(base, name) if matches!(&base.kind, ExprKind::Name(_)) => {
                    if let Type::Object(Object::Dice, _) = self.expr(base).ty {
                        return self.throw(span, name, args);
                    }
                }
                _ => {}
            }
        }
        if let Some(path) = self.module_path(func) {
            return self.module_call(span, func.span, &path, args, keywords);
        }
        match &func.kind {
            ExprKind::Name(name) if self.is_library(name) => match self.library_function(name) {
                Some(entry) => self.library_call(span, entry, args, keywords),
                None => Value::bad(),
            },
            ExprKind::Name(name) => match (name.as_str(), args) {
                // No list can be changed, so a copy is the list itself.
                ("list" | "tuple", [list]) if !matches!(list.kind, ExprKind::Comp { .. } | ExprKind::Call { .. }) => {
                    self.expr(list)
                }
                _ => self.unknown_function(func.span, name),
            },
            ExprKind::Attr(base, method) => self.method(span, base, method, args),
            _ => self.fail(Finding::error(func.span, "only functions can be called")),
        }
    }

    fn method(&mut self, span: Span, base: &Expr, method: &Ident, args: &[Expr]) -> Value {
        if method.name == "count" && args.len() == 1 {
            return self.count_equal(span, base, &args[0]);
        }
        if matches!(base.kind, ExprKind::Str(_) | ExprKind::Text(_)) {
            return self.text(base.span, base);
        }
        let value = self.expr(base);
        if value.is_bad() {
            return value;
        }
        match (method.name.as_str(), &value.ty, args) {
            ("get", Type::Dict(_), [key]) => {
                let none = Value { ty: Type::None, regs: Vec::new() };
                return self.lookup(span, &value, key, Some(none));
            }
            ("get", Type::Sample | Type::Moment | Type::Results | Type::Run, [key]) => {
                return self.lookup(span, &value, key, None);
            }
            ("get", Type::Sample | Type::Moment | Type::Results | Type::Run | Type::Dict(_), [key, default]) => {
                let default = self.expr(default);
                return if default.is_bad() { default } else { self.lookup(span, &value, key, Some(default)) };
            }
            (name @ ("keys" | "values" | "items"), Type::Dict(_), []) => return self.dict_list(span, &value, name),
            ("copy", Type::List(_) | Type::Array(..) | Type::Tuple(_) | Type::Dict(_), []) => return value,
            ("item", ty, []) if ty.is_number() => return value,
            _ => {}
        }
        let message = format!("{} has no method `{}`", value.ty.a(), method.name);
        let finding = Finding::error(method.span, message);
        let finding = match method.name.as_str() {
            "append" | "extend" | "pop" | "insert" | "sort" | "remove" | "update" => {
                finding.suggest("lists cannot be changed; keep a running value in a variable")
            }
            "mean" | "sum" | "min" | "max" | "std" | "abs" | "exp" | "log" | "sqrt" => {
                finding.suggest(format!("write `{}(..)` around it", method.name))
            }
            "lower" | "upper" | "strip" | "split" | "startswith" | "endswith" | "replace" | "find" | "join"
            | "splitlines" | "lstrip" | "rstrip" | "isdigit" | "format" => finding.suggest(
                "a program sees tokens and numbers, never text: compare a token with `==`, or read a field that says it",
            ),
            _ => finding,
        };
        self.fail(finding)
    }

    fn unknown_function(&mut self, span: Span, name: &str) -> Value {
        let instead = match name {
            "print" => "print on a line of its own, or return the value from a component with weight 0.0 to see it",
            "map" | "filter" | "set" | "list" | "tuple" | "dict" => {
                "use a generator inside sum, min, max, mean, any or all"
            }
            "median" => "use `mean`",
            "clamp" => "did you mean `clip`?",
            "average" | "avg" => "did you mean `mean`?",
            "str" | "format" | "repr" => "strings are only names of tokens",
            "isinstance" | "type" | "hasattr" | "getattr" | "callable" => {
                "types and fields are known before the program runs; use `is None`"
            }
            "globals" | "locals" | "setattr" | "open" | "input" | "eval" | "exec" => {
                "a program reads nothing but the episode and keeps nothing between calls"
            }
            "abs_" => "did you mean `abs`?",
            _ => "",
        };
        let finding = Finding::error(span, format!("no function `{name}`"));
        let finding = if instead.is_empty() {
            let own = self.cx.module.functions.iter().map(|f| f.name.name.as_str());
            finding.did_you_mean(name, LIBRARY.iter().map(|entry| entry.name).chain(own))
        } else {
            finding.suggest(instead)
        };
        self.fail(finding)
    }

    pub(super) fn library_call(
        &mut self,
        span: Span,
        entry: &'static Entry,
        args: &[Expr],
        keywords: &[(Ident, Expr)],
    ) -> Value {
        let name = entry.name;
        let is_extreme = matches!(entry.meaning, Meaning::Reduced(Reducer::Min | Reducer::Max));
        let is_known = |keyword: &str| is_extreme && args.len() == 1 && matches!(keyword, "default" | "key");
        if let Some((keyword, _)) = keywords.iter().find(|(keyword, _)| !is_known(&keyword.name)) {
            let message = format!("`{name}` has no argument `{}` here", keyword.name);
            return self.fail(Finding::error(keyword.span, message));
        }
        match entry.meaning {
            Meaning::Looped => {
                let message = format!("`{name}` stands only where something is looped over");
                return self.fail(Finding::error(span, message).suggest("write `for .. in` before it"));
            }
            Meaning::Sorted => {
                let message = "`sorted` stands only where something is looped over, or before an index";
                let finding = Finding::error(span, message);
                return self
                    .fail(finding.suggest("a program keeps no list: write `for x in sorted(..)` or `sorted(..)[0]`"));
            }
            _ => {}
        }
        let (least, most) = entry.arguments;
        if !(least..=most).contains(&args.len()) {
            let message = format!("`{name}` does not take {} argument{}", args.len(), super::loops::plural(args.len()));
            return self.fail(Finding::error(span, message).suggest(format!("write `{}`", entry.usage)));
        }
        let keyword = |wanted: &str| keywords.iter().find(|(name, _)| name.name == wanted).map(|(_, value)| value);
        match (&entry.meaning, args) {
            (Meaning::Reduced(reducer), [_, _, ..]) if is_extreme => self.least(span, *reducer == Reducer::Min, args),
            (Meaning::Reduced(reducer), _) => self.memoised(span, *reducer, args, keyword("default"), keyword("key")),
            (Meaning::Truth, [condition, ..]) => self.condition(condition),
            (Meaning::Distance, [p, q, ..]) => self.distance(span, p, q),
            (Meaning::Float, [Expr { kind: ExprKind::Str(text), .. }]) => self.float_of_text(span, text),
            _ => self.scalar_call(span, entry, args),
        }
    }

    /// `float("inf")`
    fn float_of_text(&mut self, span: Span, text: &str) -> Value {
        let text = text.trim().to_ascii_lowercase();
        match text.as_str() {
            "inf" | "+inf" | "infinity" | "+infinity" => self.infinity(),
            "-inf" | "-infinity" => self.float(-INF),
            "nan" | "+nan" | "-nan" => self.no_nan(span),
            _ => self.fail(Finding::error(span, "a string is not a number here").suggest("write the number itself")),
        }
    }

    /// `dist(p, q)`: the square root of the sum of the squared differences.
    fn distance(&mut self, span: Span, p: &Expr, q: &Expr) -> Value {
        let mut sides = Vec::new();
        for expr in [p, q] {
            let value = self.expr(expr);
            if value.is_bad() {
                return value;
            }
            if value.ty.parts().is_none() {
                let message = format!("`dist` needs two points, and this is {}", value.ty.a());
                let finding = Finding::error(expr.span, message);
                return self.fail(finding.suggest("write each as `(x, y)`"));
            }
            sides.push(self.split(expr.span, &value));
        }
        let (p_values, q_values) = (sides.remove(0), sides.remove(0));
        if p_values.len() != q_values.len() {
            let message = format!("one point has {} coordinates, the other {}", p_values.len(), q_values.len());
            return self.fail(Finding::error(span, message));
        }
        let mut lengths = Vec::new();
        for (a, b) in p_values.into_iter().zip(q_values) {
            let side = self.binary(span, BinOp::Sub, (p.span, a), (q.span, b));
            if side.is_bad() {
                return side;
            }
            lengths.push(self.coerce(span, side, &Type::Float).reg());
        }
        self.hypot(span, &lengths)
    }

    fn hypot(&mut self, span: Span, sides: &[Reg]) -> Value {
        let mut total = self.float(0.0).reg();
        for side in sides {
            total = self.op(span, Op::Hypot, Bank::Float, &[total, *side], 0);
        }
        Value::new(Type::Float, total)
    }

    fn least(&mut self, span: Span, is_min: bool, args: &[Expr]) -> Value {
        let name = if is_min { "`min`" } else { "`max`" };
        // Python looks at the arguments once all of them are there.
        let values: Vec<Value> = args.iter().map(|arg| self.expr(arg)).collect();
        let values: Vec<Value> = values
            .into_iter()
            .zip(args)
            .map(|(value, arg)| {
                let at = if value.ty == Type::Optional { span } else { arg.span };
                self.number(at, value, name)
            })
            .collect();
        if values.iter().any(Value::is_bad) {
            return Value::bad();
        }
        let is_int = values.iter().all(|value| value.ty == Type::Int);
        let ty = if is_int { Type::Int } else { Type::Float };
        let op = match (is_int, is_min) {
            (true, true) => Op::MinI,
            (true, false) => Op::MaxI,
            (false, true) => Op::MinF,
            (false, false) => Op::MaxF,
        };
        let bank = if is_int { Bank::Int } else { Bank::Float };
        let mut result = Value::bad();
        for value in values {
            let value = self.coerce(span, value, &ty);
            result = match result.is_bad() {
                true => value,
                false => Value::new(ty.clone(), self.op(span, op, bank, &[result.reg(), value.reg()], 0)),
            };
        }
        result
    }

    /// A function of numbers.
    fn scalar_call(&mut self, span: Span, entry: &'static Entry, args: &[Expr]) -> Value {
        let values: Vec<Value> = args.iter().map(|arg| self.expr(arg)).collect();
        if values.iter().any(Value::is_bad) {
            return Value::bad();
        }
        let purpose = format!("`{}`", entry.name);
        let mut numbers = Vec::new();
        for (value, arg) in values.into_iter().zip(args) {
            let at = if value.ty == Type::Optional { span } else { arg.span };
            numbers.push(self.number(at, value, &purpose));
        }
        if numbers.iter().any(Value::is_bad) {
            return Value::bad();
        }
        let x = numbers[0].clone();
        let is_int = x.ty == Type::Int;
        match &entry.meaning {
            Meaning::Whole(_) if is_int => x,
            Meaning::Whole(side) => {
                let op = match side {
                    Whole::Floor => Op::Floor,
                    Whole::Ceil => Op::Ceil,
                    Whole::Trunc => Op::Trunc,
                };
                let x = self.coerce(span, x, &Type::Float).reg();
                Value::new(Type::Int, self.op(span, op, Bank::Int, &[x], 0))
            }
            Meaning::Round => match numbers.get(1) {
                Some(digits) => self.round_to(span, &x, digits, args[1].span),
                None if is_int => x,
                None => Value::new(Type::Int, self.op(span, Op::Round, Bank::Int, &[x.reg()], 0)),
            },
            Meaning::Absolute if is_int => Value::new(Type::Int, self.op(span, Op::AbsI, Bank::Int, &[x.reg()], 0)),
            Meaning::Absolute | Meaning::AbsoluteFloat => {
                let x = self.coerce(span, x, &Type::Float).reg();
                self.of_floats(span, Op::AbsF, &[x])
            }
            Meaning::Float => self.coerce(span, x, &Type::Float),
            Meaning::Power => {
                let y = numbers[1].clone();
                self.binary(span, BinOp::Pow, (args[0].span, x), (args[1].span, y))
            }
            Meaning::Clip => self.clip(span, &numbers),
            Meaning::Operation(operation) => {
                let op = Op::Function(Elementary::named(entry.name));
                let results: Vec<Reg> = self
                    .floats(span, &numbers, operation.is_finite_only)
                    .into_iter()
                    .map(|x| self.op(span, op, Bank::Float, &[x], 0))
                    .collect();
                match results[..] {
                    [of_x, of_base] => self.of_floats(span, Op::DivF, &[of_x, of_base]),
                    _ => Value::new(Type::Float, results[0]),
                }
            }
            Meaning::Scaled(factor) => {
                let x = self.floats(span, &numbers, true)[0];
                let factor = self.float(*factor as f32).reg();
                self.of_floats(span, Op::MulF, &[x, factor])
            }
            Meaning::Angle => {
                let floats = self.floats(span, &numbers, true);
                let x = floats.get(1).copied().unwrap_or_else(|| self.float(1.0).reg());
                self.of_floats(span, Op::Atan2, &[floats[0], x])
            }
            Meaning::Hypot => {
                let sides = self.floats(span, &numbers, true);
                self.hypot(span, &sides)
            }
            Meaning::IsFinite => {
                let x = self.coerce(span, x, &Type::Float).reg();
                let size = self.op(span, Op::AbsF, Bank::Float, &[x], 0);
                let limit = self.konst(Konst::Float(FINITE_LIMIT));
                Value::new(Type::Bool, self.op(span, Op::LtF, Bank::Bool, &[size, limit], 0))
            }
            Meaning::IsNan => self.bool(false),
            // `library_call` has rules for these.
            Meaning::Reduced(_) | Meaning::Looped | Meaning::Sorted | Meaning::Truth | Meaning::Distance => {
                Value::bad()
            }
        }
    }

    fn of_floats(&mut self, span: Span, op: Op, args: &[Reg]) -> Value {
        Value::new(Type::Float, self.op(span, op, Bank::Float, args, 0))
    }

    /// Numbers as floats; where `inf` has no meaning, it is an error of the sample.
    fn floats(&mut self, span: Span, numbers: &[Value], is_finite_only: bool) -> Vec<Reg> {
        let floats: Vec<Value> = numbers.iter().map(|x| self.coerce(span, x.clone(), &Type::Float)).collect();
        let check = |x: Value| if is_finite_only { self.not_inf(span, x).reg() } else { x.reg() };
        floats.into_iter().map(check).collect()
    }

    fn clip(&mut self, span: Span, numbers: &[Value]) -> Value {
        let is_int = numbers.iter().all(|x| x.ty == Type::Int);
        let (ty, low, high) = if is_int { (Type::Int, Op::MaxI, Op::MinI) } else { (Type::Float, Op::MaxF, Op::MinF) };
        let regs: Vec<Reg> = numbers.iter().map(|x| self.coerce(span, x.clone(), &ty).reg()).collect();
        let bank = if is_int { Bank::Int } else { Bank::Float };
        let above = self.op(span, low, bank, &[regs[0], regs[1]], 0);
        Value::new(ty, self.op(span, high, bank, &[above, regs[2]], 0))
    }

    fn round_to(&mut self, span: Span, x: &Value, digits: &Value, at: Span) -> Value {
        let digits = self.const_int(digits);
        match digits {
            Some(0..=6) if x.ty == Type::Int => x.clone(),
            Some(digits @ 0..=6) => {
                Value::new(Type::Float, self.op(span, Op::RoundTo, Bank::Float, &[x.reg()], digits as u32))
            }
            _ => self.fail(Finding::error(at, "`round` takes 0 to 6 digits, written as a number")),
        }
    }
}
