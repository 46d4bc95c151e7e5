//! Calls: the library, reducers over generators and lists, and functions of the program.

use super::super::ast::{BinOp, Expr, ExprKind, Ident};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Op, Reg, Stmt};
use super::super::library::LIBRARY;
use super::builder::Lower;
use super::expressions::MODULES;
use super::types::{Type, Value};

impl<'c, 'p> Lower<'c, 'p> {
    /// `name` is a library function here, not something of the program's own.
    pub fn is_library(&self, name: &str) -> bool {
        LIBRARY.iter().any(|entry| entry.name == name)
            && !self.types.contains_key(name)
            && !self.scopes.iter().any(|(bound, _)| bound == name)
    }

    pub fn call(&mut self, span: Span, func: &Expr, args: &[Expr], keywords: &[(Ident, Expr)]) -> Value {
        match &func.kind {
            ExprKind::Name(name) => {
                if self.types.contains_key(name) || self.scopes.iter().any(|(bound, _)| bound == name) {
                    return self.fail(Finding::error(func.span, format!("`{name}` is a variable, not a function")));
                }
                if let Some(index) = self.cx.module.functions.iter().position(|f| f.name.name == *name) {
                    return self.user_call(span, index, args, keywords);
                }
                if self.is_library(name) {
                    return self.library_call(span, name, args, keywords);
                }
                self.unknown_function(func.span, name)
            }
            ExprKind::Attr(base, method) => {
                if let ExprKind::Name(module) = &base.kind
                    && MODULES.contains(&module.as_str())
                    && !self.types.contains_key(module)
                {
                    let name = match method.name.as_str() {
                        "clamp" => "clip",
                        "maximum" => "max",
                        "minimum" => "min",
                        "pstdev" => "std",
                        "fmod" | "dist" => "",
                        name => name,
                    };
                    if self.is_library(name) && !name.is_empty() {
                        return self.library_call(span, name, args, keywords);
                    }
                    let finding = Finding::error(func.span, format!("no function `{module}.{}` here", method.name))
                        .did_you_mean(&method.name, LIBRARY.iter().map(|entry| entry.name));
                    return self.fail(finding);
                }
                if method.name == "count" && args.len() == 1 {
                    return self.count_equal(span, base, &args[0]);
                }
                let value = self.expr(base);
                if value.is_bad() {
                    return value;
                }
                let message = format!("{} has no method `{}`", value.ty.a(), method.name);
                let finding = Finding::error(method.span, message);
                let finding = match method.name.as_str() {
                    "append" | "extend" | "pop" | "insert" | "sort" => {
                        finding.suggest("lists cannot be changed; keep a running value in a variable")
                    }
                    "mean" | "sum" | "min" | "max" | "std" | "abs" | "exp" | "log" | "sqrt" => {
                        finding.suggest(format!("write `{}(..)` around it", method.name))
                    }
                    _ => finding,
                };
                self.fail(finding)
            }
            _ => self.fail(Finding::error(func.span, "only functions can be called")),
        }
    }

    fn unknown_function(&mut self, span: Span, name: &str) -> Value {
        let instead = match name {
            "print" => "return the value from a component with weight 0.0 to see it",
            "sorted" | "map" | "filter" | "set" | "list" | "tuple" | "dict" => {
                "use a generator inside sum, min, max, mean, any or all"
            }
            "median" => "use `mean`",
            "clamp" => "did you mean `clip`?",
            "average" | "avg" => "did you mean `mean`?",
            "str" | "format" | "repr" => "strings are only names of tokens",
            "isinstance" | "type" => "types are known before the program runs; use `is None`",
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

    fn user_call(&mut self, span: Span, index: usize, args: &[Expr], keywords: &[(Ident, Expr)]) -> Value {
        let function = &self.cx.module.functions[index];
        let name = function.name.name.clone();
        if let Some((keyword, _)) = keywords.first() {
            let message = format!("arguments of `{name}` are given by place, not by name");
            return self.fail(Finding::error(keyword.span, message));
        }
        if args.len() != function.params.len() {
            let expected = function.params.len();
            let message =
                format!("`{name}` takes {expected} argument{}, not {}", super::loops::plural(expected), args.len());
            return self.fail(Finding::error(span, message));
        }
        let values: Vec<Value> = args.iter().map(|arg| self.expr(arg)).collect();
        if values.iter().any(Value::is_bad) {
            return Value::bad();
        }
        let types: Vec<Type> = values.iter().map(|value| value.ty.clone()).collect();
        let instance = match self.cx.instantiate(index, &types) {
            Ok(instance) => instance,
            Err(message) => {
                let finding =
                    Finding::error(span, message).suggest("every program ends, so a function cannot call itself");
                return self.fail(finding);
            }
        };
        self.calls.push(instance);
        self.cost += self.weight * self.cx.instances[instance].function.cost;
        self.reads_episode |= self.cx.instances[instance].function.reads_episode;
        let ret = self.cx.instances[instance].ret.clone();
        let result = self.new_value(&ret);
        let args = values.into_iter().flat_map(|value| value.regs).collect();
        self.ops += 1;
        self.push(Stmt::Call { function: instance, args, dst: result.regs.first().copied() });
        result
    }

    fn library_call(&mut self, span: Span, name: &str, args: &[Expr], keywords: &[(Ident, Expr)]) -> Value {
        let takes_default = matches!(name, "min" | "max") && args.len() == 1;
        if let Some((keyword, _)) = keywords.iter().find(|(keyword, _)| !(takes_default && keyword.name == "default")) {
            let message = format!("`{name}` has no argument `{}` here", keyword.name);
            return self.fail(Finding::error(keyword.span, message));
        }
        let arity = match name {
            "min" | "max" => 1..=64,
            "sum" | "round" | "log" => 1..=2,
            "clip" => 3..=3,
            "pow" => 2..=2,
            "bool" | "float" | "int" => 1..=1,
            "range" | "zip" | "enumerate" | "reversed" => {
                let message = format!("`{name}` stands only where something is looped over");
                return self.fail(Finding::error(span, message).suggest("write `for .. in` before it"));
            }
            _ => 1..=1,
        };
        if !arity.contains(&args.len()) {
            let usage = LIBRARY.iter().find(|entry| entry.name == name).map_or("", |entry| entry.usage);
            let message = format!("`{name}` does not take {} argument{}", args.len(), super::loops::plural(args.len()));
            return self.fail(Finding::error(span, message).suggest(format!("write `{usage}`")));
        }
        match name {
            "sum" | "mean" | "std" | "any" | "all" | "len" => self.memoised(span, name, args, None),
            "min" | "max" if args.len() == 1 => {
                self.memoised(span, name, args, keywords.first().map(|(_, value)| value))
            }
            "min" | "max" => self.least(span, name == "min", args),
            _ => self.scalar_call(span, name, args),
        }
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
        let bounds: Vec<Option<i64>> = values.iter().map(|value| self.max_of(value.reg())).collect();
        let bank = if is_int { Bank::Int } else { Bank::Float };
        let mut result = Value::bad();
        for value in values {
            let value = self.coerce(span, value, &ty);
            result = match result.is_bad() {
                true => value,
                false => Value::new(ty.clone(), self.op(span, op, bank, &[result.reg(), value.reg()], 0)),
            };
        }
        if is_int && bounds.len() > 1 {
            let known = bounds.iter().flatten().copied();
            self.regs[result.reg() as usize].max =
                if is_min { known.min() } else { known.max().filter(|_| bounds.iter().all(Option::is_some)) };
        }
        result
    }

    fn scalar_call(&mut self, span: Span, name: &str, args: &[Expr]) -> Value {
        let values: Vec<Value> = args.iter().map(|arg| self.expr(arg)).collect();
        if values.iter().any(Value::is_bad) {
            return Value::bad();
        }
        if name == "bool" {
            return self.truth(span, &values[0]);
        }
        let purpose = format!("`{name}`");
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
        if is_int && numbers.len() == 1 && matches!(name, "int" | "floor" | "ceil" | "round") {
            return x;
        }
        if is_int && name == "abs" {
            return Value::new(Type::Int, self.op(span, Op::AbsI, Bank::Int, &[x.reg()], 0));
        }
        if name == "pow" {
            let y = numbers[1].clone();
            return self.binary(span, BinOp::Pow, (args[0].span, x), (args[1].span, y));
        }
        if name == "clip" {
            return self.clip(span, &numbers);
        }
        let floats: Vec<Reg> = numbers.iter().map(|x| self.coerce(span, x.clone(), &Type::Float).reg()).collect();
        let floats: Vec<Reg> = match name {
            "log" | "log1p" | "sqrt" => {
                floats.into_iter().map(|reg| self.not_inf(span, Value::new(Type::Float, reg)).reg()).collect()
            }
            _ => floats,
        };
        let to_int = |lower: &mut Self, op| Value::new(Type::Int, lower.op(span, op, Bank::Int, &[floats[0]], 0));
        let op = match name {
            "floor" => return to_int(self, Op::Floor),
            "ceil" => return to_int(self, Op::Ceil),
            "int" => return to_int(self, Op::Trunc),
            "round" if floats.len() == 1 => return to_int(self, Op::Round),
            "round" => return self.round_to(span, &x, floats[0], &numbers[1], args[1].span),
            "float" => return Value::new(Type::Float, floats[0]),
            "log" if floats.len() == 2 => {
                let top = self.op(span, Op::Log, Bank::Float, &[floats[0]], 0);
                let base = self.op(span, Op::Log, Bank::Float, &[floats[1]], 0);
                return Value::new(Type::Float, self.op(span, Op::DivF, Bank::Float, &[top, base], 0));
            }
            "abs" => Op::AbsF,
            "exp" => Op::Exp,
            "log" => Op::Log,
            "log1p" => Op::Log1p,
            "sqrt" => Op::Sqrt,
            "sin" => Op::Sin,
            "cos" => Op::Cos,
            "tanh" => Op::Tanh,
            _ => Op::Sigmoid,
        };
        Value::new(Type::Float, self.op(span, op, Bank::Float, &[floats[0]], 0))
    }

    fn clip(&mut self, span: Span, numbers: &[Value]) -> Value {
        let is_int = numbers.iter().all(|x| x.ty == Type::Int);
        let (ty, low, high) = if is_int { (Type::Int, Op::MaxI, Op::MinI) } else { (Type::Float, Op::MaxF, Op::MinF) };
        let regs: Vec<Reg> = numbers.iter().map(|x| self.coerce(span, x.clone(), &ty).reg()).collect();
        let bank = if is_int { Bank::Int } else { Bank::Float };
        let above = self.op(span, low, bank, &[regs[0], regs[1]], 0);
        Value::new(ty, self.op(span, high, bank, &[above, regs[2]], 0))
    }

    fn round_to(&mut self, span: Span, x: &Value, reg: Reg, digits: &Value, at: Span) -> Value {
        let digits = self.const_int(digits);
        match digits {
            Some(0..=6) if x.ty == Type::Int => x.clone(),
            Some(digits @ 0..=6) => {
                Value::new(Type::Float, self.op(span, Op::RoundTo, Bank::Float, &[reg], digits as u32))
            }
            _ => self.fail(Finding::error(at, "`round` takes 0 to 6 digits, written as a number")),
        }
    }
}
