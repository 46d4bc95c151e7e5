//! What a task program works on: fields that are read and changed, lists that grow, parameters, dice, features.

use super::super::ast::{BinOp, Clause, Expr, ExprKind, Ident, Target};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Konst, Op, Reg, Stmt};
use super::super::schema::Ty;
use super::builder::Lower;
use super::compiler::ParamConstant;
use super::loops::plural;
use super::types::{Object, Type, Value};

/// Most parts of what a policy sees.
pub const MAX_SEEN: usize = 64;

/// A scalar field or an element of a list field, ready to be read and written.
struct Place {
    field: usize,
    /// The element's number, checked; None for a scalar.
    index: Option<Reg>,
}

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
    fn field_of(&mut self, object: Object, name: &Ident) -> Option<usize> {
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

    // Writing.

    /// The place that an expression names, if a function may change it.
    fn place(&mut self, expr: &Expr) -> Option<Place> {
        match &expr.kind {
            ExprKind::Attr(base, name) => {
                let (object, field) = self.changed_field(base, name)?;
                if self.cx.schema.fields[field].ty.is_list() {
                    let message = format!("`{}` of the {} is a list", name.name, Type::Object(object, true).label());
                    let finding = Finding::error(expr.span, message);
                    self.report(finding.suggest("change an element, as `s.x[i] = 1`, or write `.append(..)`"));
                    return None;
                }
                Some(Place { field, index: None })
            }
            ExprKind::Index(list, index) => {
                let ExprKind::Attr(base, name) = &list.kind else {
                    let finding =
                        Finding::error(list.span, "only lists of the state, the world and the episode change");
                    self.report(finding.suggest("declare the list in `class State`"));
                    return None;
                };
                let (_, field) = self.changed_field(base, name)?;
                let value = self.expr(list);
                let Type::List(_) = value.ty else {
                    if !value.is_bad() {
                        self.report(Finding::error(list.span, format!("`{}` is no list", name.name)));
                    }
                    return None;
                };
                let at = self.expr(index);
                let at = self.an_int(index.span, at, "an index")?;
                let at = self.op(expr.span, Op::Index, Bank::Int, &[at.reg(), value.regs[1], value.regs[2]], 0);
                Some(Place { field, index: Some(at) })
            }
            _ => {
                self.report(Finding::error(expr.span, "only a variable or a field can be assigned to"));
                None
            }
        }
    }

    /// The object and the field of `base.name`, where this function may change the object.
    fn changed_field(&mut self, base: &Expr, name: &Ident) -> Option<(Object, usize)> {
        let value = self.expr(base);
        match value.ty {
            Type::Object(object @ (Object::State | Object::World | Object::Episode | Object::Demonstration), true) => {
                let field = self.field_of(object, name)?;
                if object == Object::Demonstration && self.cx.task.is_some_and(|task| task.tokens != Some(field)) {
                    let message = format!("a demonstration writes `tokens`, and no `{}`", name.name);
                    let finding = Finding::error(name.span, message);
                    self.report(finding.suggest("what an episode comes to, `score` says"));
                    return None;
                }
                if object == Object::Episode && self.cx.task.is_some_and(|task| !task.own_fields.contains(&field)) {
                    let finding =
                        Finding::error(name.span, format!("`{}` of the episode is filled by itself", name.name));
                    self.report(finding.suggest("remove this line, or declare the field in `class Episode`"));
                    return None;
                }
                Some((object, field))
            }
            Type::Object(Object::Params, _) => {
                let finding = Finding::error(base.span, "parameters cannot be changed while the task is played");
                self.report(finding.suggest("keep what changes in the state"));
                None
            }
            Type::Object(object, _) => {
                let what = Type::Object(object, true).label();
                let finding = Finding::error(base.span, format!("this function cannot change the {what}"));
                self.report(finding.suggest(match object {
                    Object::World => "the world is made once, by `setup`",
                    _ => "`start` and `step` change the state and the episode, `score` completes the episode",
                }));
                None
            }
            Type::Bad => None,
            other => {
                let message = format!("{} has no fields that change", other.a());
                self.report(Finding::error(base.span, message));
                None
            }
        }
    }

    /// Writes a value to a place.
    fn write(&mut self, span: Span, place: &Place, value: Value) {
        let field = &self.cx.schema.fields[place.field];
        let (slot, element, name) = (field.offset as u32, field.ty.element(), field.name.clone());
        let ty = match element {
            Ty::Float => Type::Float,
            Ty::Bool => Type::Bool,
            Ty::Optional => Type::Optional,
            Ty::Token => Type::Token,
            _ => Type::Int,
        };
        if value.is_bad() {
            return;
        }
        let value = match (&value.ty, &ty) {
            // An index of the action is what its number is.
            (Type::Bool, Type::Int) | (Type::Int | Type::Bool, Type::Float) => self.coerce(span, value, &ty),
            (Type::Optional, Type::Float) => self.coerce(span, value, &ty),
            (from, to) if *to == Type::Optional && (from.is_number() || *from == Type::None) => {
                self.coerce(span, value, &ty)
            }
            (from, to) if from == to => value,
            (from, to) => {
                let message = format!("`{name}` holds {}, not {}", to.a(), from.a());
                let finding = Finding::error(span, message);
                self.report(match (from, to) {
                    (Type::Float, Type::Int) => finding.suggest("write `int(..)`, or declare the field as a float"),
                    (Type::Token, Type::Int) => finding.suggest("write `int(action)` for its number"),
                    _ => finding,
                });
                return;
            }
        };
        let (scalar, at) = match value.ty {
            Type::Float | Type::Optional => (Op::StoreFloat, Op::StoreFloatAt),
            Type::Bool => (Op::StoreBool, Op::StoreBoolAt),
            _ => (Op::StoreInt, Op::StoreIntAt),
        };
        let unused = self.new_reg(Bank::Int);
        match place.index {
            None => self.op_to(span, scalar, unused, [value.reg(), 0, 0], slot),
            Some(index) => self.op_to(span, at, unused, [value.reg(), index, 0], slot + 1),
        }
    }

    /// `place = value`
    pub(super) fn store(&mut self, span: Span, place: &Expr, value: Value) {
        if let ExprKind::Attr(base, name) = &place.kind
            && matches!(value.ty, Type::Array(..) | Type::Table { .. })
        {
            return self.store_list(span, base, name, value);
        }
        if let Some(place) = self.place(place) {
            self.write(span, &place, value);
        }
    }

    /// `object.list = [..]`: all of its elements at once.
    fn store_list(&mut self, span: Span, base: &Expr, name: &Ident, value: Value) {
        let Some((_, field)) = self.changed_field(base, name) else { return };
        let value = self.unrolled(value);
        let parts = self.split(span, &value);
        let (is_list, cap) = (self.cx.schema.fields[field].ty.is_list(), self.cx.schema.fields[field].cap);
        if !is_list || parts.len() > cap {
            let message = match is_list {
                true => format!("`{}` has room for {cap} element{}, not {}", name.name, plural(cap), parts.len()),
                false => format!("`{}` holds one value, not a list", name.name),
            };
            self.report(Finding::error(span, message));
            return;
        }
        let (slot, count) = (self.cx.schema.fields[field].offset as u32, parts.len() as i32);
        for (index, part) in parts.into_iter().enumerate() {
            let index = Some(self.int(index as i32));
            self.write(span, &Place { field, index }, part);
        }
        let (count, unused) = (self.int(count), self.new_reg(Bank::Int));
        self.op_to(span, Op::StoreLen, unused, [count, 0, 0], slot);
    }

    /// `place += value`
    pub(super) fn augment(&mut self, span: Span, place: &Expr, op: BinOp, value: &Expr) {
        let target = place;
        let Some(place) = self.place(target) else { return };
        let own = self.int(0);
        let before = match place.index {
            None => self.load_field(target.span, place.field, own),
            Some(index) => self.load_element(target.span, place.field, own, index),
        };
        let after = self.expr(value);
        let result = self.binary(span, op, (target.span, before), (value.span, after));
        self.write(span, &place, result);
    }

    /// Statements that change a list: `object.list.append(x)` and `dice.shuffle(object.list)`. False for another call.
    pub(super) fn changes(&mut self, span: Span, func: &Expr, args: &[Expr]) -> bool {
        let ExprKind::Attr(list, method) = &func.kind else { return false };
        if method.name == "shuffle" && args.len() == 1 {
            let dice = self.expr(list);
            if dice.ty == Type::Object(Object::Dice, true) {
                self.shuffle(span, &args[0]);
                return true;
            }
            return false;
        }
        let (ExprKind::Attr(base, name), "append", [arg]) = (&list.kind, method.name.as_str(), args) else {
            return false;
        };
        let Some((_, field)) = self.changed_field(base, name) else { return true };
        let (is_list, cap) = (self.cx.schema.fields[field].ty.is_list(), self.cx.schema.fields[field].cap);
        if !is_list {
            self.report(Finding::error(list.span, format!("`{}` is no list", name.name)));
            return true;
        }
        let value = self.expr(arg);
        let (slot, cap) = (self.cx.schema.fields[field].offset as u32, self.int(cap as i32));
        let at = self.op(span, Op::Lengthen, Bank::Int, &[cap], slot);
        self.write(span, &Place { field, index: Some(at) }, value);
        true
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
    fn shuffle(&mut self, span: Span, list: &Expr) {
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
