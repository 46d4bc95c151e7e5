//! Functions that take many values at once: over generators, comprehensions, lists, ranges, groups.

use super::super::ast::{Expr, ExprKind};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Konst, Op, Reg, Stmt, code};
use super::super::library::{Elementary, Reducer};
use super::super::range::Range;
use super::builder::Lower;
use super::types::{Type, Value};

impl<'c, 'p> Lower<'c, 'p> {
    /// A reducer; when it depends on nothing but the group (or the batch), it is marked to be computed once for it.
    pub(super) fn memoised(
        &mut self,
        span: Span,
        reducer: Reducer,
        args: &[Expr],
        default: Option<&Expr>,
        key: Option<&Expr>,
    ) -> Value {
        let scope = match (default, key) {
            (None, None) if !self.in_memo && args.len() == 1 => self.group_scope(&args[0]),
            _ => None,
        };
        let Some(of_batch) = scope else {
            return self.reducer(span, reducer, args, default, key);
        };
        self.in_memo = true;
        self.open();
        let value = self.reducer(span, reducer, args, default, key);
        let body = self.close();
        self.in_memo = false;
        if value.regs.len() != 1 || self.konst_of(&value).is_some() {
            body.into_iter().for_each(|stmt| self.push(stmt));
            return value;
        }
        let slot = self.cx.memo_slots;
        self.cx.memo_slots += 1;
        self.push(Stmt::Memo { slot, of_batch, dst: value.reg(), body });
        value
    }

    /// Whether an expression depends on the group or the batch alone: `Some(true)` for the batch alone.
    fn group_scope(&self, expr: &Expr) -> Option<bool> {
        let mut group = false;
        let mut batch = false;
        let mut bound = Vec::new();
        let closed = self.is_closed(expr, &mut bound, &mut group, &mut batch);
        (closed && (group || batch)).then_some(batch && !group)
    }

    fn is_closed(&self, expr: &Expr, bound: &mut Vec<String>, group: &mut bool, batch: &mut bool) -> bool {
        let mut all = |exprs: &[&Expr]| exprs.iter().all(|e| self.is_closed(e, bound, group, batch));
        match &expr.kind {
            ExprKind::Name(name) => {
                if bound.contains(name) {
                    return true;
                }
                if self.scopes.iter().any(|(other, _)| other == name) {
                    return false;
                }
                match self.types.get(name).map(|var| &var.ty) {
                    Some(Type::Group) => *group = true,
                    Some(Type::Batch) => *batch = true,
                    Some(Type::Run) | None => {}
                    Some(_) => return false,
                }
                true
            }
            ExprKind::Attr(a, _) | ExprKind::Neg(a) | ExprKind::Pos(a) | ExprKind::Not(a) => all(&[a]),
            ExprKind::Index(a, b) | ExprKind::Binary(_, a, b) => all(&[a, b]),
            ExprKind::Slice(a, b, c) => {
                all(&[a]) && b.as_deref().is_none_or(|b| all(&[b])) && c.as_deref().is_none_or(|c| all(&[c]))
            }
            ExprKind::Call { func, args, keywords } => {
                let of_value = match &func.kind {
                    // A function inside another reads the variables around it.
                    ExprKind::Name(name) => {
                        self.own_function(name).is_none_or(|index| self.cx.roles.captures[index].is_empty())
                    }
                    ExprKind::Attr(base, _) => all(&[base]),
                    _ => false,
                };
                of_value && args.iter().all(|arg| all(&[arg])) && keywords.iter().all(|(_, value)| all(&[value]))
            }
            ExprKind::Compare(a, rest) => all(&[a]) && rest.iter().all(|(_, e)| all(&[e])),
            ExprKind::And(operands) | ExprKind::Or(operands) | ExprKind::Set(operands) => {
                operands.iter().all(|operand| all(&[operand]))
            }
            ExprKind::List { elements, .. } => elements.iter().all(|element| all(&[element])),
            ExprKind::Dict(entries) => entries.iter().all(|(key, value)| all(&[key, value])),
            ExprKind::Lambda(params, body) => {
                let depth = bound.len();
                bound.extend(params.iter().map(|param| param.name.clone()));
                let closed = self.is_closed(body, bound, group, batch);
                bound.truncate(depth);
                closed
            }
            ExprKind::Cond { test, then, els } => all(&[test, then, els]),
            ExprKind::Comp { element, clauses, .. } => {
                let depth = bound.len();
                let mut closed = true;
                for clause in clauses {
                    closed &= self.is_closed(&clause.iter, bound, group, batch);
                    clause.target.each_name(&mut |name| bound.push(name.name.clone()));
                    closed &= clause.conditions.iter().all(|test| self.is_closed(test, bound, group, batch));
                }
                closed &= self.is_closed(element, bound, group, batch);
                bound.truncate(depth);
                closed
            }
            ExprKind::Error => false,
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Str(_) | ExprKind::Bool(_) | ExprKind::None => true,
            ExprKind::Text(_) => true,
        }
    }

    fn reducer(
        &mut self,
        span: Span,
        reducer: Reducer,
        args: &[Expr],
        default: Option<&Expr>,
        key: Option<&Expr>,
    ) -> Value {
        let arg = &args[0];
        match reducer {
            Reducer::Len => self.len(span, arg),
            Reducer::Any | Reducer::All => self.any_all(span, reducer == Reducer::Any, arg),
            Reducer::Sum => self.sum(span, arg, args.get(1)),
            Reducer::Mean => self.mean(span, arg),
            Reducer::Std => self.std(span, arg),
            Reducer::Norm => self.norm(span, arg),
            Reducer::Min | Reducer::Max => match key {
                Some(key) => self.extreme_by(span, reducer == Reducer::Min, arg, default, key),
                None => self.extreme(span, reducer == Reducer::Min, arg, default),
            },
        }
    }

    pub(super) fn set_int(&mut self, span: Span, value: i32) -> Reg {
        let dst = self.new_reg(Bank::Int);
        let konst = self.int(value);
        self.copy(span, dst, konst);
        dst
    }

    pub(super) fn add_one(&mut self, span: Span, dst: Reg) {
        let one = self.int(1);
        self.op_to(span, Op::AddI, dst, [dst, one, 0], 0);
    }

    fn len(&mut self, span: Span, arg: &Expr) -> Value {
        if let ExprKind::Comp { brackets, .. } = &arg.kind {
            if !brackets {
                self.report(
                    Finding::warning(arg.span, "Python's `len` takes a list, not a generator")
                        .suggest("write `len([..])`, with brackets"),
                );
            }
            let count = self.set_int(span, 0);
            let (outer, mut most) = (self.weight, 0.0);
            let done = self.each(arg, None, &mut |lower, at, _| {
                most = lower.weight / outer;
                lower.add_one(at, count);
            });
            self.set_range(count, Range::new(0.0, most));
            return if done { Value::new(Type::Int, count) } else { Value::bad() };
        }
        if self.is_sorted(arg)
            && let ExprKind::Call { args, .. } = &arg.kind
            && let Some(list) = args.first()
        {
            return self.len(span, list);
        }
        let value = self.expr(arg);
        match &value.ty {
            Type::Bad => Value::bad(),
            Type::Tuple(parts) => {
                let len = self.int(parts.len() as i32);
                Value::new(Type::Int, len)
            }
            Type::Dict(entries) => {
                let len = self.int(entries.len() as i32);
                Value::new(Type::Int, len)
            }
            Type::List(_) => {
                let len = self.list_len(span, value.regs[1], value.regs[2]);
                Value::new(Type::Int, len)
            }
            Type::Array(_, len) => {
                let len = self.int(*len as i32);
                Value::new(Type::Int, len)
            }
            Type::Group | Type::Batch => {
                self.reads_episode = true;
                let op = if value.ty == Type::Group { Op::GroupValid } else { Op::BatchValid };
                Value::new(Type::Int, self.op(span, op, Bank::Int, &[], 0))
            }
            other => {
                let message = format!("{} has no length", other.a());
                let finding = Finding::error(arg.span, message);
                let is_episode = value.ty == Type::Sample && self.cx.schema.get("length").is_some();
                self.fail(if is_episode { finding.suggest("did you mean `ep.length`?") } else { finding })
            }
        }
    }

    /// Python stops at the first element that decides, unless the elements were put into a list first.
    fn any_all(&mut self, span: Span, is_any: bool, arg: &Expr) -> Value {
        let is_lazy = !matches!(arg.kind, ExprKind::Comp { brackets: true, .. });
        let decided = self.new_reg(Bank::Bool);
        let unset = self.konst(Konst::Bool(false));
        self.copy(span, decided, unset);
        let mut is_bad = false;
        let done = self.each(arg, is_lazy.then_some(decided), &mut |lower, at, value| {
            let truth = lower.truth(at, &value);
            is_bad |= truth.is_bad();
            let set = lower.konst(Konst::Bool(true));
            lower.open();
            lower.copy(at, decided, set);
            let block = lower.close();
            match is_any {
                true => lower.push_if(truth.reg(), block, Vec::new()),
                false => lower.push_if(truth.reg(), Vec::new(), block),
            }
        });
        if !done || is_bad {
            return Value::bad();
        }
        if is_any {
            return Value::new(Type::Bool, decided);
        }
        Value::new(Type::Bool, self.op(span, Op::Not, Bank::Bool, &[decided], 0))
    }

    /// Runs `f` for every element as a number. A register whose type only the elements tell is set up before the loop.
    fn each_number(
        &mut self,
        arg: &Expr,
        purpose: &str,
        f: &mut dyn FnMut(&mut Lower<'c, 'p>, Span, Value),
    ) -> Option<Type> {
        self.each_comparable(arg, purpose, &mut |lower, at, value| {
            let number = lower.number(at, value, purpose);
            f(lower, at, number);
        })
    }

    /// The same for every element as a number or None.
    fn each_comparable(
        &mut self,
        arg: &Expr,
        purpose: &str,
        f: &mut dyn FnMut(&mut Lower<'c, 'p>, Span, Value),
    ) -> Option<Type> {
        let mut ty = Some(Type::Bad);
        let done = self.each(arg, None, &mut |lower, at, value| {
            let number = match value.ty {
                Type::Optional => value,
                _ => lower.number(at, value, purpose),
            };
            if number.is_bad() {
                ty = None;
                return;
            }
            ty = ty.take().and_then(|ty| ty.join(&number.ty));
            f(lower, at, number);
        });
        ty.filter(|ty| done && *ty != Type::Bad)
    }

    /// Emits `emit`'s statements in front of what the current block got since `mark`.
    fn before(&mut self, mark: usize, emit: impl FnOnce(&mut Self)) {
        let Some(block) = self.blocks.last_mut() else { return };
        let later = block.split_off(mark.min(block.len()));
        emit(self);
        later.into_iter().for_each(|stmt| self.push(stmt));
    }

    fn mark(&self) -> usize {
        self.blocks.last().map_or(0, Vec::len)
    }

    fn sum(&mut self, span: Span, arg: &Expr, start: Option<&Expr>) -> Value {
        let start = start.map(|expr| {
            let value = self.expr(expr);
            self.number(expr.span, value, "`sum`")
        });
        if start.as_ref().is_some_and(Value::is_bad) {
            return Value::bad();
        }
        let starts_float = start.as_ref().is_some_and(|start| start.ty == Type::Float);
        let mark = self.mark();
        let (outer, mut range) = (self.weight, Range::at(0.0));
        let mut total: Option<Value> = None;
        let found = self.each_number(arg, "`sum`", &mut |lower, _, value| {
            let ty = if starts_float { Type::Float } else { value.ty.clone() };
            let value = lower.coerce(span, value, &ty);
            let dst = lower.new_value(&ty);
            let op = if ty == Type::Int { Op::AddI } else { Op::AddF };
            lower.op_to(span, op, dst.reg(), [dst.reg(), value.reg(), 0], 0);
            range = lower.range_of(value.reg()).times(lower.weight / outer, ty == Type::Int);
            total = Some(dst);
        });
        let (Some(_), Some(total)) = (found, total) else { return Value::bad() };
        let first = start.as_ref().map_or(Range::at(0.0), |start| self.range_of(start.reg()));
        self.set_range(total.reg(), Range::new(first.low + range.low, first.high + range.high));
        self.before(mark, |lower| {
            let start = start.unwrap_or_else(|| Value::new(Type::Int, lower.int(0)));
            let start = lower.coerce(span, start, &total.ty);
            lower.copy(span, total.reg(), start.reg());
        });
        total
    }

    /// The mean, as the first number plus the mean of the distances from it: that of equal numbers is that number.
    fn mean(&mut self, span: Span, arg: &Expr) -> Value {
        let count = self.set_int(span, 0);
        let (first, total) = (self.new_reg(Bank::Float), self.new_reg(Bank::Float));
        let zero = self.float(0.0);
        self.copy(span, first, zero.reg());
        self.copy(span, total, zero.reg());
        let found = self.each_number(arg, "`mean`", &mut |lower, at, value| {
            let distance = lower.beyond_first(span, at, value, (count, first));
            lower.op_to(span, Op::AddF, total, [total, distance, 0], 0);
            lower.add_one(span, count);
        });
        if found.is_none() {
            return Value::bad();
        }
        self.divide_if_any(span, total, count);
        Value::new(Type::Float, self.op(span, Op::AddF, Bank::Float, &[first, total], 0))
    }

    /// How far a number is from the first one, which is kept in `first` while `count` is still 0.
    fn beyond_first(&mut self, span: Span, at: Span, value: Value, (count, first): (Reg, Reg)) -> Reg {
        let x = self.coerce(at, value, &Type::Float).reg();
        let zero = self.int(0);
        let is_first = self.op(span, Op::EqI, Bank::Bool, &[count, zero], 0);
        self.open();
        self.copy(span, first, x);
        let keep = self.close();
        self.push_if(is_first, keep, Vec::new());
        self.op(span, Op::SubF, Bank::Float, &[x, first], 0)
    }

    /// `total = total / count`, and 0 when there was nothing.
    fn divide_if_any(&mut self, span: Span, total: Reg, count: Reg) {
        let one = self.int(1);
        let count = self.op(span, Op::MaxI, Bank::Int, &[count, one], 0);
        let count = self.int_to_float(span, count);
        self.op_to(span, Op::DivF, total, [total, count, 0], 0);
    }

    /// Population standard deviation by Welford's running update (Technometrics 4, 1962), which loses no digits to a
    /// large mean, of the distances from the first number: that of equal numbers is 0.
    fn std(&mut self, span: Span, arg: &Expr) -> Value {
        let count = self.set_int(span, 0);
        let [first, mean, squares] = [0; 3].map(|_| self.new_reg(Bank::Float));
        let zero = self.float(0.0);
        for reg in [first, mean, squares] {
            self.copy(span, reg, zero.reg());
        }
        let found = self.each_number(arg, "`std`", &mut |lower, at, value| {
            let x = lower.beyond_first(span, at, value, (count, first));
            lower.add_one(span, count);
            let n = lower.int_to_float(span, count);
            let delta = lower.op(span, Op::SubF, Bank::Float, &[x, mean], 0);
            let step = lower.op(span, Op::DivF, Bank::Float, &[delta, n], 0);
            lower.op_to(span, Op::AddF, mean, [mean, step, 0], 0);
            let after = lower.op(span, Op::SubF, Bank::Float, &[x, mean], 0);
            let square = lower.op(span, Op::MulF, Bank::Float, &[delta, after], 0);
            lower.op_to(span, Op::AddF, squares, [squares, square, 0], 0);
        });
        if found.is_none() {
            return Value::bad();
        }
        self.divide_if_any(span, squares, count);
        // Rounding may leave a sum of squares just below zero.
        let floor = self.op(span, Op::MaxF, Bank::Float, &[squares, zero.reg()], 0);
        Value::new(Type::Float, self.op(span, Op::Function(Elementary::SQRT), Bank::Float, &[floor], 0))
    }

    fn extreme(&mut self, span: Span, is_min: bool, arg: &Expr, default: Option<&Expr>) -> Value {
        let name = if is_min { "`min`" } else { "`max`" };
        let default = default.map(|expr| {
            let value = self.expr(expr);
            match value.ty {
                Type::None | Type::Optional => value,
                _ => self.number(expr.span, value, name),
            }
        });
        if default.as_ref().is_some_and(Value::is_bad) {
            return Value::bad();
        }
        let any = self.new_reg(Bank::Bool);
        let unset = self.konst(Konst::Bool(false));
        self.copy(span, any, unset);
        let (mut best, mut range): (Option<Value>, _) = (None, Range::ALL);
        let found = self.each_comparable(arg, name, &mut |lower, _, value| {
            let dst = lower.new_value(&value.ty);
            range = lower.range_of(value.reg());
            if value.ty == Type::Optional {
                // A single element is not compared with anything, so it may be None.
                lower.open();
                for compared in [&dst, &value] {
                    lower.coerce(span, compared.clone(), &Type::Float);
                }
                let checks = lower.close();
                lower.push_if(any, checks, Vec::new());
            }
            let (op, least) = match (value.ty == Type::Int, is_min) {
                (true, true) => (Op::LtI, [value.reg(), dst.reg()]),
                (true, false) => (Op::LtI, [dst.reg(), value.reg()]),
                (false, true) => (Op::LtF, [value.reg(), dst.reg()]),
                (false, false) => (Op::LtF, [dst.reg(), value.reg()]),
            };
            let first = lower.op(span, Op::Not, Bank::Bool, &[any], 0);
            let better = lower.op(span, op, Bank::Bool, &least, 0);
            lower.open();
            lower.copy(span, dst.reg(), value.reg());
            let take = lower.close();
            lower.push_if(better, take.clone(), Vec::new());
            lower.push_if(first, take, Vec::new());
            let set = lower.konst(Konst::Bool(true));
            lower.copy(span, any, set);
            best = Some(dst);
        });
        let (Some(_), Some(best)) = (found, best) else { return Value::bad() };
        if best.ty != Type::Optional {
            self.set_range(best.reg(), range);
        }
        let Some(default) = default else {
            let empty = self.op(span, Op::Not, Bank::Bool, &[any], 0);
            self.fail_if(span, empty, code::EMPTY);
            return best;
        };
        let ty = best.ty.join(&default.ty).unwrap_or(Type::Float);
        let result = self.new_value(&ty);
        self.open();
        let some = self.coerce(span, best, &ty);
        self.copy(span, result.reg(), some.reg());
        let then = self.close();
        self.open();
        let none = self.coerce(span, default, &ty);
        self.copy(span, result.reg(), none.reg());
        let els = self.close();
        self.push_if(any, then, els);
        result
    }

    /// The length of a vector: the square root of the sum of squares.
    fn norm(&mut self, span: Span, arg: &Expr) -> Value {
        let total = self.new_reg(Bank::Float);
        let zero = self.float(0.0);
        self.copy(span, total, zero.reg());
        let found = self.each_number(arg, "`norm`", &mut |lower, at, value| {
            let x = lower.coerce(at, value, &Type::Float).reg();
            lower.op_to(span, Op::Hypot, total, [total, x, 0], 0);
        });
        if found.is_some() { Value::new(Type::Float, total) } else { Value::bad() }
    }

    /// `list.count(value)`
    pub(super) fn count_equal(&mut self, span: Span, list: &Expr, value: &Expr) -> Value {
        let needle = self.expr(value);
        if needle.is_bad() {
            self.expr(list);
            return Value::bad();
        }
        let count = self.set_int(span, 0);
        let mut is_bad = false;
        let done = self.each(list, None, &mut |lower, at, element| {
            let equal = lower.equal(at, &element, &needle);
            is_bad |= equal.is_bad();
            lower.open();
            lower.add_one(at, count);
            let then = lower.close();
            lower.push_if(equal.reg(), then, Vec::new());
        });
        if done && !is_bad { Value::new(Type::Int, count) } else { Value::bad() }
    }
}
