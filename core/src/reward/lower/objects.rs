//! What a task program works on: fields that are read and changed, lists that grow, parameters, dice, features.

use super::super::ast::{BinOp, Clause, Expr, ExprKind, Ident, Target};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Konst, Op, Reg, Stmt};
use super::builder::Lower;
use super::compiler::ParamConstant;
use super::types::{Object, Type, Value};

/// Most parts of what a policy sees.
pub const MAX_SEEN: usize = 64;

impl<'c, 'p> Lower<'c, 'p> {
    /// The places of an object's fields in the schema.
    fn fields_of(&self, object: Object) -> std::ops::Range<usize> {
        match (self.cx.task, object) {
            (Some(task), Object::State) => task.state.clone(),
            (Some(task), Object::World) => task.world.clone(),
            (Some(task), Object::Episode | Object::Demonstration) => task.episode.clone(),
            _ => 0..0,
        }
    }

    /// A field by its name, or an error that names the fields there are.
    pub(super) fn field_of(&mut self, object: Object, name: &Ident) -> Option<usize> {
        let (range, schema) = (self.fields_of(object), self.cx.schema);
        let found = range.clone().find(|index| schema.fields[*index].name == name.name);
        if found.is_none() {
            let names: Vec<&str> = schema.fields[range].iter().map(|field| field.name.as_str()).collect();
            let (what, class) = match object {
                Object::World => ("world", "World"),
                Object::Episode | Object::Demonstration => ("episode", "Episode"),
                _ => ("state", "State"),
            };
            let finding = Finding::error(name.span, format!("the {what} has no field `{}`", name.name));
            let finding = finding.did_you_mean(&name.name, names.iter().copied());
            let finding = match finding.suggestion {
                None => finding.suggest(format!("add it to `class {class}`, as `{}: int = 0`", name.name)),
                _ => finding,
            };
            self.report(finding);
        }
        found
    }

    /// `object.name`, read.
    pub(super) fn object_member(&mut self, span: Span, object: Object, name: &Ident) -> Value {
        match object {
            Object::Params => self.parameter(name),
            Object::Dice => {
                let finding = Finding::error(span, format!("`{}` of the dice is not called", name.name));
                self.fail(finding.suggest(format!("write `dice.{}(..)`", name.name)))
            }
            _ => match self.field_of(object, name) {
                Some(index) => {
                    self.reads_episode = true;
                    let own = self.int(0);
                    self.load_field(span, index, own)
                }
                None => Value::bad(),
            },
        }
    }

    /// A parameter's value, which is known.
    pub(super) fn parameter(&mut self, name: &Ident) -> Value {
        let Some(task) = self.cx.task else { return Value::bad() };
        match task.params.get(&name.name) {
            Some(ParamConstant::Number(konst)) => {
                let ty = match konst {
                    Konst::Float(_) => Type::Float,
                    Konst::Int(_) => Type::Int,
                    Konst::Bool(_) => Type::Bool,
                };
                let reg = self.konst(*konst);
                Value::new(ty, reg)
            }
            Some(ParamConstant::Text(text)) => {
                let konsts: Vec<Konst> = text.chars().map(|c| Konst::Int(c as i32)).collect();
                let ty = Type::Array(Box::new(Type::Char), konsts.len());
                self.constant_value(super::compiler::Constant::Known(ty, konsts))
            }
            None => {
                let names = task.params.keys().map(String::as_str);
                let finding = Finding::error(name.span, format!("no parameter `{}`", name.name));
                let finding = finding.did_you_mean(&name.name, names);
                let finding = match finding.suggestion {
                    None => finding.suggest(format!("add it to `class Params`, as `{}: float = 1.0`", name.name)),
                    _ => finding,
                };
                self.fail(finding)
            }
        }
    }

    /// The characters of a text that is known.
    fn known_text(&self, value: &Value) -> Option<Vec<char>> {
        let konsts: Vec<Konst> = match &value.ty {
            Type::Table { id, element, .. } if **element == Type::Char => self.cx.tables.get(*id)?.1.clone(),
            Type::Array(element, _) if **element == Type::Char => {
                value.regs.iter().map(|reg| self.regs[*reg as usize].konst).collect::<Option<_>>()?
            }
            _ => return None,
        };
        konsts.into_iter().map(|konst| char::from_u32(konst.bits())).collect()
    }

    /// `text.index("x")`, `text.find("x")` and `text.count("x")` of a text that is known. None for anything else.
    pub(super) fn text_method(&mut self, span: Span, base: &Expr, method: &Ident, args: &[Expr]) -> Option<Value> {
        let [Expr { kind: ExprKind::Str(wanted), .. }] = args else { return None };
        let value = self.raw(base);
        let text = self.known_text(&value)?;
        let mut characters = wanted.chars();
        let (Some(wanted), None) = (characters.next(), characters.next()) else {
            return Some(self.fail(Finding::error(args[0].span, "only one character is looked for")));
        };
        let found = text.iter().position(|c| *c == wanted).map(|at| at as i32);
        let number = match (method.name.as_str(), found) {
            ("count", _) => text.iter().filter(|c| **c == wanted).count() as i32,
            (_, Some(at)) => at,
            ("find", None) => -1,
            _ => return Some(self.fail(Finding::error(span, format!("the text has no `{wanted}`")))),
        };
        let reg = self.int(number);
        Some(Value::new(Type::Int, reg))
    }

    // Dice.

    /// `dice.name(..)`
    pub(super) fn throw(&mut self, span: Span, name: &Ident, args: &[Expr]) -> Value {
        let values: Vec<Value> = args.iter().map(|arg| self.expr(arg)).collect();
        if values.iter().any(Value::is_bad) {
            return Value::bad();
        }
        let uniform = |lower: &mut Self| Value::new(Type::Float, lower.op(span, Op::Uniform, Bank::Float, &[], 0));
        match (name.name.as_str(), &values[..]) {
            ("uniform" | "random", []) => uniform(self),
            ("uniform", [low, high]) => {
                let low = self.number(args[0].span, low.clone(), "`uniform`");
                let high = self.number(args[1].span, high.clone(), "`uniform`");
                let [low, high] = [low, high].map(|value| self.coerce(span, value, &Type::Float));
                let range = self.binary(span, BinOp::Sub, (span, high), (span, low.clone()));
                let u = uniform(self);
                let part = self.binary(span, BinOp::Mul, (span, range), (span, u));
                self.binary(span, BinOp::Add, (span, low), (span, part))
            }
            ("chance", [p]) => {
                let p = self.number(args[0].span, p.clone(), "`chance`");
                let p = self.coerce(span, p, &Type::Float);
                match p.is_bad() {
                    true => p,
                    false => Value::new(Type::Bool, self.op(span, Op::Chance, Bank::Bool, &[p.reg()], 0)),
                }
            }
            ("below", [n]) => match self.an_int(args[0].span, n.clone(), "`below`") {
                Some(n) => Value::new(Type::Int, self.op(span, Op::Below, Bank::Int, &[n.reg()], 0)),
                None => Value::bad(),
            },
            ("normal", []) => Value::new(Type::Float, self.op(span, Op::Normal, Bank::Float, &[], 0)),
            ("normal", [mean, deviation]) => {
                let normal = Value::new(Type::Float, self.op(span, Op::Normal, Bank::Float, &[], 0));
                let noise = self.binary(span, BinOp::Mul, (args[1].span, deviation.clone()), (span, normal));
                self.binary(span, BinOp::Add, (args[0].span, mean.clone()), (span, noise))
            }
            ("choice", [list]) => self.choice(span, list.clone()),
            _ => {
                let known = ["uniform()", "uniform(low, high)", "chance(p)", "below(n)", "normal()", "choice(list)"];
                let finding = Finding::error(name.span, format!("the dice have no `{}` of these arguments", name.name));
                self.fail(finding.suggest(format!("they have {}, shuffle(list)", known.join(", "))))
            }
        }
    }

    fn choice(&mut self, span: Span, list: Value) -> Value {
        let list = self.listed(span, list);
        match list.ty.clone() {
            Type::List(field) => {
                let count = self.list_len(span, list.regs[1], list.regs[2]);
                let at = self.op(span, Op::Below, Bank::Int, &[count], 0);
                let at = self.op(span, Op::AddI, Bank::Int, &[list.regs[1], at], 0);
                self.load_element(span, field, list.regs[0], at)
            }
            Type::Array(element, len) if len > 0 => {
                let count = self.int(len as i32);
                let at = self.op(span, Op::Below, Bank::Int, &[count], 0);
                self.element(span, &element, list.reg(), at, len)
            }
            other => self.fail(Finding::error(span, format!("`choice` needs a list, not {}", other.a()))),
        }
    }

    /// Fisher and Yates: from the first place on, each changes with one at or behind it.
    pub(super) fn shuffle(&mut self, span: Span, list: &Expr) {
        let ExprKind::Attr(base, name) = &list.kind else {
            self.report(Finding::error(list.span, "only a list of the state or the world is shuffled"));
            return;
        };
        let Some((_, field)) = self.changed_field(base, name) else { return };
        let value = self.expr(list);
        let Type::List(_) = value.ty else {
            self.report(Finding::error(list.span, format!("`{}` is no list", name.name)));
            return;
        };
        if self.cx.schema.fields[field].width > 1 {
            self.report(Finding::error(list.span, "only a list of single numbers is shuffled"));
            return;
        }
        let (cap, slot) = (self.cx.schema.fields[field].cap, self.cx.schema.fields[field].offset as u32 + 1);
        let (own, end, one) = (value.regs[0], value.regs[2], self.int(1));
        let counter = self.new_reg(Bank::Int);
        self.set_range(counter, super::super::range::Range::new(0.0, cap as f64 - 1.0));
        let weight = self.weight;
        self.weight *= cap.max(1) as f64;
        self.open();
        let left = self.op(span, Op::SubI, Bank::Int, &[end, counter], 0);
        let step = self.op(span, Op::Below, Bank::Int, &[left], 0);
        let other = self.op(span, Op::AddI, Bank::Int, &[counter, step], 0);
        let (a, b) = (self.load_element(span, field, own, counter), self.load_element(span, field, own, other));
        let at = match a.ty {
            Type::Float => Op::StoreFloatAt,
            Type::Bool => Op::StoreBoolAt,
            _ => Op::StoreIntAt,
        };
        for (value, place) in [(b, counter), (a, other)] {
            let unused = self.new_reg(Bank::Int);
            self.op_to(span, at, unused, [value.reg(), place, 0], slot);
        }
        let body = self.close();
        self.weight = weight;
        let count = self.op(span, Op::SubI, Bank::Int, &[end, one], 0);
        self.push(Stmt::For { counter, count, body });
    }

    /// `[element for i in range(n)]` with an `n` that is known: a list that is written out.
    pub(super) fn written_out(&mut self, span: Span, element: &Expr, clauses: &[Clause]) -> Value {
        let one = match clauses {
            [Clause { target: Target::Name(name), iter, conditions }] if conditions.is_empty() => Some((name, iter)),
            _ => None,
        };
        let count = one.and_then(|(_, iter)| match &iter.kind {
            ExprKind::Call { func, args, .. } => match (&func.kind, &args[..]) {
                (ExprKind::Name(range), [count]) if range == "range" => Some(count),
                _ => None,
            },
            _ => None,
        });
        let known = count.and_then(|count| {
            let value = self.expr(count);
            self.known_int(&value)
        });
        let (Some((name, _)), Some(count)) = (one, known.filter(|count| (0..=MAX_SEEN as i32).contains(count))) else {
            let message =
                format!("a list is made of `.. for i in range(n)` with an n that is known, at most {MAX_SEEN}");
            return self
                .fail(Finding::error(span, message).suggest("loop with `for`, and keep the values in the state"));
        };
        let mut values = Vec::new();
        for i in 0..count {
            let reg = self.int(i);
            self.scopes.push((name.name.clone(), Value::new(Type::Int, reg)));
            values.push(self.expr(element));
            self.scopes.pop();
        }
        if values.iter().any(Value::is_bad) {
            return Value::bad();
        }
        match values.first().map(|value| value.ty.clone()) {
            Some(ty) if values.iter().all(|value| value.ty == ty) => self.array(span, ty, &values),
            Some(_) => self.fail(Finding::error(element.span, "the elements of a list are of one type")),
            None => Value { ty: Type::Array(Box::new(Type::Float), 0), regs: Vec::new() },
        }
    }

    /// `[..] + [..]` of lists that are written out.
    pub(super) fn joined(&mut self, span: Span, left: Value, right: Value) -> Value {
        let mut parts = Vec::new();
        for list in [left, right] {
            let list = self.unrolled(list);
            parts.extend(self.split(span, &list));
        }
        let ty = parts.iter().try_fold(Type::Bad, |ty, part| ty.join(&part.ty));
        match ty {
            Some(ty) => {
                let parts: Vec<Value> = parts.into_iter().map(|part| self.coerce(span, part, &ty)).collect();
                self.array(span, ty, &parts)
            }
            None => self.fail(Finding::error(span, "the elements of a list are of one type")),
        }
    }

    // What a policy sees.

    /// `one_hot(index, n)`: which of `n` features is on.
    pub(super) fn one_hot(&mut self, span: Span, args: &[Expr]) -> Value {
        let [index, n] = args else {
            return self.fail(Finding::error(span, "`one_hot` takes a number and how many there are"));
        };
        let value = self.expr(index);
        let Some(value) = self.an_int(index.span, value, "`one_hot`") else { return Value::bad() };
        let count = self.expr(n);
        let Some(most) = self.known_int(&count).filter(|n| *n > 0) else {
            let finding = Finding::error(n.span, "how many features there are is known before the task is played");
            return self.fail(finding.suggest("write a number, a parameter or a constant"));
        };
        let (start, end) = (self.int(0), self.int(most));
        let at = self.op(span, Op::Index, Bank::Int, &[value.reg(), start, end], 0);
        Value { ty: Type::Seen(vec![most as u32]), regs: vec![at] }
    }

    /// An int that is known, also where it is computed from ints that are.
    pub(super) fn known_int(&mut self, value: &Value) -> Option<i32> {
        let range = (value.ty == Type::Int).then(|| self.range_of(value.reg()))?;
        (range.low == range.high && range.low.abs() < 1e9).then_some(range.low as i32)
    }

    /// What `see` returns, out of features, numbers, and lists of them.
    pub(super) fn seen(&mut self, span: Span, value: Value) -> Value {
        let (mut parts, mut regs) = (Vec::new(), Vec::new());
        self.gather_seen(span, value, &mut parts, &mut regs);
        if parts.len() > MAX_SEEN {
            let message = format!("a policy sees at most {MAX_SEEN} parts, and these are {}", parts.len());
            return self.fail(Finding::error(span, message));
        }
        Value { ty: Type::Seen(parts), regs }
    }

    fn gather_seen(&mut self, span: Span, value: Value, parts: &mut Vec<u32>, regs: &mut Vec<Reg>) {
        match &value.ty {
            Type::Seen(own) => {
                parts.extend(own);
                regs.extend(&value.regs);
            }
            Type::Array(..) | Type::Tuple(_) | Type::Table { .. } => {
                let value = self.unrolled(value);
                for part in self.split(span, &value) {
                    self.gather_seen(span, part, parts, regs);
                }
            }
            Type::List(field) => {
                let field = *field;
                for at in 0..self.cx.schema.fields[field].cap {
                    let index = self.int(at as i32);
                    let element = self.load_element(span, field, value.regs[0], index);
                    self.gather_seen(span, element, parts, regs);
                }
            }
            Type::Bool | Type::Int | Type::Float => {
                let number = self.coerce(span, value, &Type::Float);
                parts.push(0);
                regs.push(number.reg());
            }
            Type::Bad => {}
            other => {
                let finding = Finding::error(span, format!("a policy sees numbers and features, not {}", other.a()));
                self.report(finding.suggest("return `one_hot(i, n)`, or a list of numbers"));
            }
        }
    }
}
