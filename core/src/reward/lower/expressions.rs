//! Expressions: types, conversions and Python's order of evaluation.

use super::super::ast::{BinOp, Expr, ExprKind};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Konst, Op, Reg};
use super::builder::Lower;
use super::types::{Object, Type, Value};
use crate::spelling::closest;

impl<'c, 'p> Lower<'c, 'p> {
    pub fn expr(&mut self, expr: &Expr) -> Value {
        let value = self.raw(expr);
        self.unrolled(value)
    }

    /// As `expr`, for a place that only hands the value on: a long list of constants stays a table.
    pub(super) fn raw(&mut self, expr: &Expr) -> Value {
        let value = self.nested(expr, Value::bad(), |lower| lower.expr_kind(expr));
        if value.is_bad() && self.untyped.is_none() && self.findings.iter().all(|finding| !finding.is_error) {
            self.untyped = Some(expr.span);
        }
        self.rolled(value)
    }

    fn expr_kind(&mut self, expr: &Expr) -> Value {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Int(value) => {
                let reg = self.int(*value as i32);
                Value::new(Type::Int, reg)
            }
            ExprKind::Float(value) => {
                let value = *value as f32;
                if value.abs() >= super::super::ir::FINITE_LIMIT {
                    return self.fail(Finding::error(span, "this number is too large").suggest("write `inf`"));
                }
                self.float(value)
            }
            ExprKind::Bool(value) => self.bool(*value),
            ExprKind::None => Value { ty: Type::None, regs: Vec::new() },
            ExprKind::Str(text) => self.token(span, text),
            ExprKind::Text(_) => self.text(span, expr),
            ExprKind::Name(name) => self.name(span, name),
            ExprKind::Attr(base, field) => self.attribute(span, base, field),
            ExprKind::Index(list, index) => self.index(span, list, index),
            ExprKind::Slice(list, from, to) => self.slice(span, list, from.as_deref(), to.as_deref()),
            ExprKind::Call { func, args, keywords } => self.call(span, func, args, keywords),
            ExprKind::Neg(operand) => self.negate(span, operand),
            ExprKind::Pos(operand) => {
                let value = self.expr(operand);
                self.number(span, value, "`+`")
            }
            ExprKind::Not(operand) => {
                let truth = self.condition(operand);
                if truth.is_bad() {
                    return truth;
                }
                Value::new(Type::Bool, self.op(span, Op::Not, Bank::Bool, &[truth.reg()], 0))
            }
            ExprKind::Binary(BinOp::Div, left, right) if self.is_logistic(right) => self.logistic(span, left, right),
            ExprKind::Binary(op, left, right) => {
                let a = self.expr(left);
                let b = self.expr(right);
                if *op == BinOp::Add && self.cx.task.is_some() && a.is_written_out() && b.is_written_out() {
                    return self.joined(span, a, b);
                }
                self.binary(span, *op, (left.span, a), (right.span, b))
            }
            ExprKind::Compare(first, rest) => self.comparison(span, first, rest),
            ExprKind::And(operands) => self.logic(span, operands, true, false),
            ExprKind::Or(operands) => self.logic(span, operands, false, false),
            ExprKind::Cond { test, then, els } => self.conditional(span, test, then, els),
            ExprKind::List { elements, is_tuple } => self.list(span, elements, *is_tuple),
            ExprKind::Dict(entries) => self.dict(span, entries),
            ExprKind::Set(_) => self.fail(
                Finding::error(span, "a set stands only after `in`").suggest("write a list, with square brackets"),
            ),
            ExprKind::Lambda(..) => self.fail(
                Finding::error(span, "`lambda` stands only after `key=`, or where it is given a name")
                    .suggest("write a function with `def`"),
            ),
            ExprKind::Comp { element, clauses, brackets: true } if self.cx.task.is_some() => {
                self.written_out(span, element, clauses)
            }
            ExprKind::Comp { brackets, .. } => {
                let what = if *brackets { "a list comprehension" } else { "a generator" };
                let message = format!("{what} stands only inside sum, min, max, mean, std, any, all or len");
                let finding = Finding::error(span, message);
                self.fail(
                    finding.suggest("a program keeps no list that it makes: write for example `sum(x for x in ..)`"),
                )
            }
            ExprKind::Error => Value::bad(),
        }
    }

    /// Text that stands where a value is needed.
    pub(super) fn text(&mut self, span: Span, expr: &Expr) -> Value {
        match &expr.kind {
            ExprKind::Str(text) => self.token(span, text),
            _ => self.fail(
                Finding::error(
                    span,
                    "a program has no text: a formatted string is only for `print`, `raise` and `assert`",
                )
                .suggest("use numbers, or the names of tokens"),
            ),
        }
    }

    pub(super) fn token(&mut self, span: Span, text: &str) -> Value {
        let tokens = &self.cx.schema.tokens;
        match tokens.iter().position(|token| token == text) {
            Some(id) => {
                let reg = self.int(id as i32);
                Value::new(Type::Token, reg)
            }
            None if self.cx.task.is_some() && text.chars().count() == 1 => self.character(text),
            None if self.cx.task.is_some() => {
                let what = if self.cx.task.is_some_and(|task| task.tokens.is_some()) { "token" } else { "action" };
                let finding = Finding::error(span, format!("no {what} \"{text}\""))
                    .did_you_mean(text, tokens.iter().map(String::as_str));
                let actions = format!("the {what}s are {}", tokens.join(", "));
                self.fail(if finding.suggestion.is_none() { finding.suggest(actions) } else { finding })
            }
            None => {
                let finding = Finding::error(span, format!("no token \"{text}\" in this task"))
                    .did_you_mean(text, tokens.iter().map(String::as_str));
                let finding = match (&finding.suggestion, tokens.len()) {
                    (None, 1..=24) => finding.suggest(format!("the tokens are {}", tokens.join(" "))),
                    (None, 0) => finding.suggest("this task has no tokens, so strings have no meaning in it"),
                    _ => finding,
                };
                self.fail(finding)
            }
        }
    }

    /// A text of one character.
    pub(super) fn character(&mut self, text: &str) -> Value {
        let reg = self.int(text.chars().next().map_or(0, |c| c as i32));
        Value::new(Type::Char, reg)
    }

    fn name(&mut self, span: Span, name: &str) -> Value {
        if let Some((_, value)) = self.scopes.iter().rev().find(|(bound, _)| bound == name) {
            return value.clone();
        }
        if let Some(value) = self.variable(span, name) {
            return value;
        }
        if self.locals.iter().any(|local| local == name) {
            let finding = Finding::error(span, format!("`{name}` is read before anything gives it a value"));
            return self.fail(finding.suggest(format!("write `{name} = 0.0` above, or another value to start from")));
        }
        if let Some(value) = self.constant(span, name) {
            return value;
        }
        if name == "Params" && self.cx.task.is_some() {
            return Value { ty: Type::Object(Object::Params, false), regs: Vec::new() };
        }
        if let Some(path) = self.cx.module.import(name).filter(|_| self.own_function(name).is_none()) {
            let path = path.to_string();
            return self.module_value(span, &path);
        }
        let rest = self.function.map(|index| &self.cx.module.functions[index].rest);
        if rest.is_some_and(|rest| rest.iter().any(|other| other.name == name)) {
            let finding = Finding::error(span, format!("nothing is ever passed in `{name}`"));
            return self.fail(finding.suggest("read what you need as fields of the episode, `ep.name`"));
        }
        match name {
            "pi" => return self.float(std::f32::consts::PI),
            "inf" => return self.infinity(),
            "e" if self.cx.module.constants.iter().all(|(ident, _)| ident.name != "e") => {
                return self.fail(
                    Finding::error(span, "no name `e`").suggest("write `exp(1)`, or add a loop `for e in group`"),
                );
            }
            "nan" => return self.no_nan(span),
            _ => {}
        }
        let is_function = self.is_library(name) || self.own_function(name).is_some();
        if is_function {
            let message = format!("`{name}` is a function and is not called");
            return self.fail(Finding::error(span, message).suggest(format!("write `{name}(..)`")));
        }
        let mut finding = Finding::error(span, format!("no name `{name}`"));
        if matches!(name, "group" | "batch" | "run" | "r") {
            finding =
                finding.suggest("only `combine(r, ep, group, batch, run)` sees it; a helper gets it as an argument");
        } else if self.cx.schema.get(name).is_some() {
            finding = finding.suggest(format!("did you mean `ep.{name}`?"));
        } else if name == "__name__" {
            finding = finding.suggest("a program is never run as a file; remove this line");
        } else {
            let names: Vec<String> = self.visible_names();
            finding = finding.did_you_mean(name, names.iter().map(String::as_str));
            let fields = self.cx.schema.fields.iter().map(|field| field.name.as_str());
            if finding.suggestion.is_none()
                && let Some(field) = closest(name, fields)
            {
                finding = finding.suggest(format!("did you mean `ep.{field}`?"));
            }
        }
        self.fail(finding)
    }

    pub(super) fn visible_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.scopes.iter().map(|(name, _)| name.clone()).collect();
        names.extend(self.types.keys().cloned());
        names.extend(self.cx.module.constants.iter().map(|(ident, _)| ident.name.clone()));
        names.extend(["pi", "inf", "True", "False", "None"].map(String::from));
        names
    }

    /// Element `index` (already checked) of an array whose first register is `first`.
    pub fn element(&mut self, span: Span, ty: &Type, first: Reg, index: Reg, len: usize) -> Value {
        let columns = ty.banks().into_iter().enumerate();
        let known = self.regs[index as usize].konst;
        let pick = |(column, bank): (usize, Bank)| {
            let first = first + (column * len) as Reg;
            match known {
                Some(Konst::Int(at)) => first + at.clamp(0, len.max(1) as i32 - 1) as Reg,
                _ => self.op(span, Op::Element, bank, &[first, index], len as u32),
            }
        };
        let regs = columns.map(pick).collect();
        self.settle(span, Value { ty: ty.clone(), regs })
    }

    /// An int register out of a value, for an index or a range.
    pub fn an_int(&mut self, span: Span, value: Value, purpose: &str) -> Option<Value> {
        match value.ty {
            Type::Int => Some(value),
            Type::Bool => Some(self.coerce(span, value, &Type::Int)),
            Type::Bad => None,
            other => {
                let finding = Finding::error(span, format!("{purpose} needs an int, not {}", other.a()));
                let is_float = matches!(other, Type::Float | Type::Optional);
                self.report(if is_float {
                    finding.suggest("write `int(..)`, or `//` instead of `/`")
                } else {
                    finding
                });
                None
            }
        }
    }

    fn index(&mut self, span: Span, list: &Expr, index: &Expr) -> Value {
        if self.is_sorted(list) {
            return self.sorted_index(span, list, index);
        }
        let base = self.expr(list);
        match &base.ty {
            Type::Bad => return base,
            Type::List(_) | Type::Array(..) | Type::Tuple(_) => {}
            Type::Sample | Type::Moment | Type::Results | Type::Run | Type::Dict(_) => {
                return self.lookup(span, &base, index, None);
            }
            Type::Group | Type::Batch => {
                let finding = Finding::error(span, "the samples of a group have no numbers");
                return self.fail(finding.suggest("loop over them with `for e in group`"));
            }
            other => {
                let message = format!("{} has no elements", other.a());
                return self.fail(Finding::error(span, message));
            }
        }
        let value = self.expr(index);
        let Some(value) = self.an_int(index.span, value, "an index") else { return Value::bad() };
        let base = match (&base.ty, self.const_int(&value)) {
            (Type::Tuple(types), Some(at)) => {
                let len = types.len();
                let at = if at < 0 { at + len as i32 } else { at };
                let part = usize::try_from(at).ok().and_then(|at| self.split(span, &base).into_iter().nth(at));
                return part.unwrap_or_else(|| {
                    let message = format!("this tuple has {len} element{}", super::loops::plural(len));
                    self.fail(Finding::error(index.span, message))
                });
            }
            (Type::Tuple(_), None) => self.listed(span, base),
            _ => base,
        };
        match base.ty.clone() {
            Type::Tuple(_) => self.fail(
                Finding::error(index.span, "the elements of this tuple are of different kinds")
                    .suggest("index it with a number that is written out"),
            ),
            Type::List(field) => {
                let [sample, start, end] = [base.regs[0], base.regs[1], base.regs[2]];
                let at = self.op(span, Op::Index, Bank::Int, &[value.reg(), start, end], 0);
                self.load_element(span, field, sample, at)
            }
            Type::Array(element, len) => {
                let start = self.int(0);
                let end = self.int(len as i32);
                if let Some(at) = self.const_int(&value) {
                    let at = if at < 0 { at + len as i32 } else { at };
                    if (0..len as i32).contains(&at) {
                        let at = self.int(at);
                        return self.element(span, &element, base.reg(), at, len);
                    }
                    let message = format!("this list has {len} element{}", super::loops::plural(len));
                    self.report(Finding::warning(index.span, message));
                }
                let at = self.op(span, Op::Index, Bank::Int, &[value.reg(), start, end], 0);
                self.element(span, &element, base.reg(), at, len)
            }
            _ => Value::bad(),
        }
    }

    fn slice(&mut self, span: Span, list: &Expr, from: Option<&Expr>, to: Option<&Expr>) -> Value {
        let base = self.expr(list);
        match base.ty {
            Type::List(_) => {}
            Type::Bad => return base,
            Type::Array(..) | Type::Tuple(_) => return self.constant_slice(span, &base, from, to),
            _ => return self.fail(Finding::error(span, format!("{} cannot be sliced", base.ty.a()))),
        }
        let [sample, start, end] = [base.regs[0], base.regs[1], base.regs[2]];
        let mut bounds = [start, end];
        for (bound, expr) in bounds.iter_mut().zip([from, to]) {
            let Some(expr) = expr else { continue };
            let value = self.expr(expr);
            let Some(value) = self.an_int(expr.span, value, "a slice") else { return Value::bad() };
            *bound = self.op(span, Op::SliceBound, Bank::Int, &[value.reg(), start, end], 0);
        }
        let end = self.op(span, Op::MaxI, Bank::Int, &[bounds[0], bounds[1]], 0);
        Value { ty: base.ty, regs: vec![sample, bounds[0], end] }
    }

    fn negate(&mut self, span: Span, operand: &Expr) -> Value {
        let value = self.expr(operand);
        let value = self.number(span, value, "`-`");
        match (self.konst_of(&value), &value.ty) {
            (Some(Konst::Int(int)), _) => {
                let reg = self.int(-int);
                Value::new(Type::Int, reg)
            }
            (Some(Konst::Float(float)), _) => self.float(-float),
            (_, Type::Int) => Value::new(Type::Int, self.op(span, Op::NegI, Bank::Int, &[value.reg()], 0)),
            (_, Type::Float) => Value::new(Type::Float, self.op(span, Op::NegF, Bank::Float, &[value.reg()], 0)),
            _ => Value::bad(),
        }
    }

    pub fn binary(&mut self, span: Span, op: BinOp, left: (Span, Value), right: (Span, Value)) -> Value {
        let purpose = format!("`{}`", op.text());
        if left.1.ty == Type::Token && right.1.ty == Type::Token {
            return self.fail(Finding::error(span, format!("{purpose} needs numbers, not tokens")));
        }
        // Which operand is None is known at the operator, as in Python.
        let at = |value: &Value, place: Span| if value.ty == Type::Optional { span } else { place };
        let (left_at, right_at) = (at(&left.1, left.0), at(&right.1, right.0));
        let a = self.number(left_at, left.1, &purpose);
        let b = self.number(right_at, right.1, &purpose);
        if a.is_bad() || b.is_bad() {
            return Value::bad();
        }
        if op == BinOp::Pow {
            return self.power(span, a, b);
        }
        let is_int = a.ty == Type::Int && b.ty == Type::Int && op != BinOp::Div;
        if is_int {
            let operation = match op {
                BinOp::Add => Op::AddI,
                BinOp::Sub => Op::SubI,
                BinOp::Mul => Op::MulI,
                BinOp::FloorDiv => Op::FloorDivI,
                _ => Op::ModI,
            };
            return Value::new(Type::Int, self.op(span, operation, Bank::Int, &[a.reg(), b.reg()], 0));
        }
        let mut a = self.coerce(span, a, &Type::Float);
        let mut b = self.coerce(span, b, &Type::Float);
        a = self.not_inf(span, a);
        if op != BinOp::Div {
            b = self.not_inf(span, b);
        }
        let operation = match op {
            BinOp::Add => Op::AddF,
            BinOp::Sub => Op::SubF,
            BinOp::Mul => Op::MulF,
            BinOp::Div => Op::DivF,
            BinOp::FloorDiv => Op::FloorDivF,
            _ => Op::ModF,
        };
        Value::new(Type::Float, self.op(span, operation, Bank::Float, &[a.reg(), b.reg()], 0))
    }

    fn power(&mut self, span: Span, base: Value, exponent: Value) -> Value {
        if let Some(times) = self.const_int(&exponent)
            && (0..=64).contains(&times)
            && (base.ty == Type::Int || times <= 8)
        {
            let base = self.not_inf(span, base);
            return self.repeated_product(span, base, times as u32);
        }
        let a = self.coerce(span, base, &Type::Float);
        let b = self.coerce(span, exponent, &Type::Float);
        let (a, b) = (self.not_inf(span, a), self.not_inf(span, b));
        Value::new(Type::Float, self.op(span, Op::PowF, Bank::Float, &[a.reg(), b.reg()], 0))
    }

    /// `base ** times` by squaring.
    fn repeated_product(&mut self, span: Span, base: Value, times: u32) -> Value {
        let (op, bank) = if base.ty == Type::Int { (Op::MulI, Bank::Int) } else { (Op::MulF, Bank::Float) };
        let mut result: Option<Reg> = None;
        let mut square = base.reg();
        let mut left = times;
        while left > 0 {
            if left % 2 == 1 {
                result = Some(match result {
                    Some(product) => self.op(span, op, bank, &[product, square], 0),
                    None => square,
                });
            }
            left /= 2;
            if left > 0 {
                square = self.op(span, op, bank, &[square, square], 0);
            }
        }
        match result {
            Some(reg) => Value::new(base.ty, reg),
            None => {
                let one = self.int(1);
                let one = Value::new(Type::Int, one);
                self.coerce(span, one, &base.ty)
            }
        }
    }
}
