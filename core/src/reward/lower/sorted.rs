//! `sorted`, and `key=` of `min` and `max`. No list is kept: every step looks for the next element in the source, so that a
//! sorted loop over `n` elements takes `n * n` looks.

use super::super::ast::{Expr, ExprKind, Ident, Stmt as Ast, Target, assigned_names};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Konst, Op, Reg, Stmt, code};
use super::builder::Lower;
use super::loop_plan::{Iter, LoopPlan, Sorted};
use super::types::{Type, Value};

/// A name that no program can write.
const ELEMENT: &str = "the element";

impl<'c, 'p> Lower<'c, 'p> {
    pub(super) fn is_sorted(&self, expr: &Expr) -> bool {
        let ExprKind::Call { func, .. } = &expr.kind else { return false };
        matches!(&func.kind, ExprKind::Name(name) if name == "sorted" && self.is_library(name))
    }

    /// What `key=` gives for an element, as a number.
    fn key_of(&mut self, key: Option<&Expr>, at: Span, value: Value) -> Value {
        let Some(key) = key else { return self.number(at, value, "an order") };
        let depth = self.scopes.len();
        let result = match &key.kind {
            ExprKind::Lambda(params, body) => match &params[..] {
                [param] => {
                    self.scopes.push((param.name.clone(), value));
                    self.expr(body)
                }
                _ => self.fail(Finding::error(key.span, "the function of `key=` takes one element")),
            },
            ExprKind::Name(_) | ExprKind::Attr(..) => {
                self.scopes.push((ELEMENT.to_string(), value));
                let element = Expr { span: at, kind: ExprKind::Name(ELEMENT.to_string()), height: 1 };
                self.call(key.span, key, &[element], &[])
            }
            ExprKind::None => value,
            _ => {
                self.fail(Finding::error(key.span, "`key=` needs a function").suggest("write `key=lambda e: e.length`"))
            }
        };
        self.scopes.truncate(depth);
        self.number(key.span, result, "an order")
    }

    pub(super) fn plan_sorted(&mut self, span: Span, args: &[Expr], keywords: &[(Ident, Expr)]) -> Option<LoopPlan> {
        let [source] = args else {
            self.report(Finding::error(span, "`sorted` takes one list"));
            return None;
        };
        if self.in_sorted {
            let finding = Finding::error(span, "`sorted` cannot stand in what another `sorted` looks through");
            self.report(finding.suggest("put the inner one into a function of its own"));
            return None;
        }
        let mut key = None;
        let mut is_reverse = false;
        for (name, value) in keywords {
            match (name.name.as_str(), &value.kind) {
                ("key", _) => key = Some(value.clone()),
                ("reverse", ExprKind::Bool(reverse)) => is_reverse = *reverse,
                ("reverse", _) => {
                    self.report(Finding::error(value.span, "`reverse=` is `True` or `False` here"));
                    return None;
                }
                _ => {
                    self.report(Finding::error(name.span, format!("`sorted` has no argument `{}`", name.name)));
                    return None;
                }
            }
        }
        // The first pass counts, and finds the type of the keys and how often its body may run.
        let count = self.set_int(span, 0);
        let mut ty = Some(Type::Bad);
        let weight = self.weight;
        let mut bound = 0.0;
        self.in_sorted = true;
        let done = self.each(source, None, &mut |lower, at, value| {
            let key = lower.key_of(key.as_ref(), at, value);
            ty = if key.is_bad() { None } else { ty.take().and_then(|ty| ty.join(&key.ty)) };
            bound = lower.weight / weight;
            lower.add_one(span, count);
        });
        self.in_sorted = false;
        let ty = ty.filter(|ty| done && ty.is_number())?;
        let last = self.new_value(&ty);
        let at = self.set_int(span, -1);
        let sorted = Sorted { source: source.clone(), key, is_reverse, last, at };
        Some(LoopPlan { iter: Iter::Sorted(Box::new(sorted)), count, bound: bound as i64 })
    }

    /// `sorted(..)[from:to]`
    pub(super) fn plan_sorted_slice(
        &mut self,
        span: Span,
        list: &Expr,
        from: Option<&Expr>,
        to: Option<&Expr>,
    ) -> Option<LoopPlan> {
        let plan = self.plan(list)?;
        let zero = self.int(0);
        let mut bounds = [zero, plan.count];
        for (bound, expr) in bounds.iter_mut().zip([from, to]) {
            let Some(expr) = expr else { continue };
            let value = self.expr(expr);
            let value = self.an_int(expr.span, value, "a slice")?;
            *bound = self.op(span, Op::SliceBound, Bank::Int, &[value.reg(), zero, plan.count], 0);
        }
        let iter = Iter::From { inner: Box::new(plan.iter), first: bounds[0] };
        Some(LoopPlan { iter, count: bounds[1], bound: plan.bound })
    }

    /// `sorted(..)[index]`
    pub(super) fn sorted_index(&mut self, span: Span, list: &Expr, index: &Expr) -> Value {
        let Some(plan) = self.plan(list) else { return Value::bad() };
        let value = self.expr(index);
        let Some(value) = self.an_int(index.span, value, "an index") else { return Value::bad() };
        let zero = self.int(0);
        let wanted = self.op(span, Op::Index, Bank::Int, &[value.reg(), zero, plan.count], 0);
        let step = self.set_int(span, -1);
        let mut result = Value::bad();
        self.run_plan(span, &plan, &mut |lower, mut values| {
            lower.add_one(span, step);
            let value = values.remove(0);
            result = lower.new_value(&value.ty);
            let here = lower.op(span, Op::EqI, Bank::Bool, &[step, wanted], 0);
            lower.open();
            lower.take(span, &result, value);
            lower.push(Stmt::Break);
            let then = lower.close();
            lower.push_if(here, then, Vec::new());
        });
        result
    }

    /// The element that comes after the one before: equal keys in the order of the source.
    pub(super) fn next_sorted(&mut self, span: Span, sorted: &Sorted) -> Value {
        let found = self.set_bool(span, false);
        let key = self.new_value(&sorted.last.ty);
        let place = self.set_int(span, -1);
        let best_place = self.set_int(span, -1);
        let mut best = Value::bad();
        self.in_sorted = true;
        self.each(&sorted.source, None, &mut |lower, at, value| {
            lower.add_one(span, place);
            let own = lower.key_of(sorted.key.as_ref(), at, value.clone());
            let own = lower.coerce(span, own, &key.ty);
            best = lower.new_value(&value.ty);
            // It comes after the last one: by its key, or by its place among equals; anything comes after nothing.
            let none = lower.int(-1);
            let is_first = lower.op(span, Op::EqI, Bank::Bool, &[sorted.at, none], 0);
            let is_next = lower.set_bool(span, false);
            let larger = lower.precedes(span, &sorted.last, &own, sorted.is_reverse);
            let later = lower.op(span, Op::LtI, Bank::Bool, &[sorted.at, place], 0);
            let equal = lower.equal(span, &own, &sorted.last);
            lower.when(span, &[is_first], is_next);
            lower.when(span, &[larger], is_next);
            lower.when(span, &[equal.reg(), later], is_next);
            let better = lower.precedes(span, &own, &key, sorted.is_reverse);
            let unset = lower.op(span, Op::Not, Bank::Bool, &[found], 0);
            let takes = lower.set_bool(span, false);
            lower.when(span, &[is_next, unset], takes);
            lower.when(span, &[is_next, better], takes);
            lower.open();
            let set = lower.konst(Konst::Bool(true));
            lower.copy(span, found, set);
            lower.take(span, &key, own);
            lower.copy(span, best_place, place);
            lower.take(span, &best, value);
            let then = lower.close();
            lower.push_if(takes, then, Vec::new());
        });
        self.in_sorted = false;
        self.copy(span, sorted.last.reg(), key.reg());
        self.copy(span, sorted.at, best_place);
        best
    }

    /// `a < b`, or `a > b` in reverse.
    fn precedes(&mut self, span: Span, a: &Value, b: &Value, is_reverse: bool) -> Reg {
        let op = if a.ty == Type::Int { Op::LtI } else { Op::LtF };
        let args = if is_reverse { [b.reg(), a.reg()] } else { [a.reg(), b.reg()] };
        self.op(span, op, Bank::Bool, &args, 0)
    }

    /// Sets `flag` where all of some bools are true.
    fn when(&mut self, span: Span, all: &[Reg], flag: Reg) {
        self.open();
        let set = self.konst(Konst::Bool(true));
        self.copy(span, flag, set);
        let mut block = self.close();
        for cond in all.iter().rev() {
            self.open();
            self.push_if(*cond, block, Vec::new());
            block = self.close();
        }
        block.into_iter().for_each(|stmt| self.push(stmt));
    }

    /// A sorted loop reads its source in every step, so nothing in it may change what the source reads.
    pub(super) fn may_loop_sorted(&mut self, target: &Target, iter: &Expr, body: &[Ast]) -> bool {
        let mut is_sorted = false;
        iter.each(&mut |expr| is_sorted |= self.is_sorted(expr));
        if !is_sorted {
            return true;
        }
        let mut assigned = Vec::new();
        assigned_names(body, &mut assigned);
        target.each_name(&mut |name| assigned.push(name.name.clone()));
        let mut read = Vec::new();
        iter.each_free_name(&mut Vec::new(), &mut |name| {
            read.push(name.to_string());
            // A function inside this one reads the variables around it.
            let function = self.own_function(name);
            read.extend(function.into_iter().flat_map(|index| self.cx.roles.captures[index].clone()));
        });
        let Some(name) = read.into_iter().find(|name| assigned.contains(name)) else { return true };
        let finding =
            Finding::error(iter.span, format!("the loop changes `{name}`, which `sorted` reads in every step"));
        self.report(finding.suggest("use another variable inside the loop"));
        false
    }

    /// `min` or `max` by what `key=` gives: the first element where several are equal.
    pub(super) fn extreme_by(
        &mut self,
        span: Span,
        is_min: bool,
        arg: &Expr,
        default: Option<&Expr>,
        key: &Expr,
    ) -> Value {
        let default = default.map(|expr| self.expr(expr));
        if default.as_ref().is_some_and(Value::is_bad) {
            return Value::bad();
        }
        let any = self.set_bool(span, false);
        let mut best = Value::bad();
        let mut is_bad = false;
        let done = self.each(arg, None, &mut |lower, at, value| {
            let own = lower.key_of(Some(key), at, value.clone());
            if own.is_bad() || value.is_bad() {
                is_bad = true;
                return;
            }
            let least = lower.new_value(&own.ty);
            best = lower.new_value(&value.ty);
            let better = lower.precedes(span, &own, &least, !is_min);
            let unset = lower.op(span, Op::Not, Bank::Bool, &[any], 0);
            let takes = lower.set_bool(span, false);
            lower.when(span, &[unset], takes);
            lower.when(span, &[better], takes);
            lower.open();
            lower.take(span, &least, own);
            lower.take(span, &best, value);
            let set = lower.konst(Konst::Bool(true));
            lower.copy(span, any, set);
            let then = lower.close();
            lower.push_if(takes, then, Vec::new());
        });
        if !done || is_bad || best.is_bad() {
            return Value::bad();
        }
        let Some(default) = default else {
            let empty = self.op(span, Op::Not, Bank::Bool, &[any], 0);
            self.fail_if(span, empty, code::EMPTY);
            return best;
        };
        let Some(ty) = best.ty.join(&default.ty) else {
            let message = format!("the elements are {}, and the default is {}", best.ty.a(), default.ty.a());
            return self.fail(Finding::error(span, message));
        };
        let result = self.new_value(&ty);
        self.open();
        self.take(span, &result, best);
        let then = self.close();
        self.open();
        self.take(span, &result, default);
        let els = self.close();
        self.push_if(any, then, els);
        result
    }
}
