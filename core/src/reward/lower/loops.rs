//! What can be looped over, and the loops of statements, generators and reducers.

use super::super::ast::{Clause, Expr, ExprKind, Target};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{ASSUMED_BATCH, ASSUMED_GROUP, Bank, Op, Reg, Stmt};
use super::super::range::Range;
use super::builder::Lower;
use super::compiler::COST_LIMIT;
use super::loop_plan::{Iter, LoopPlan};
use super::types::{Type, Value};

/// The most steps of a range whose length is not known before the program runs.
pub const RANGE_LIMIT: i64 = 1024;

pub type Body<'f, 'c, 'p> = &'f mut dyn FnMut(&mut Lower<'c, 'p>, Vec<Value>);

impl<'c, 'p> Lower<'c, 'p> {
    /// How to loop over an expression; reports and gives None when it cannot be looped over.
    pub(super) fn plan(&mut self, expr: &Expr) -> Option<LoopPlan> {
        if let ExprKind::Call { func, args, keywords } = &expr.kind
            && let ExprKind::Name(name) = &func.kind
            && self.is_library(name)
        {
            if matches!(name.as_str(), "range" | "zip" | "reversed")
                && let Some((keyword, _)) = keywords.first()
            {
                self.report(Finding::error(keyword.span, format!("`{name}` has no argument `{}`", keyword.name)));
                return None;
            }
            match name.as_str() {
                "range" => return self.plan_range(expr.span, args),
                "enumerate" => return self.plan_enumerate(expr.span, args, keywords.first().map(|(_, value)| value)),
                "zip" => return self.plan_zip(expr.span, args),
                "reversed" if args.len() == 1 => {
                    let inner = self.plan(&args[0])?;
                    if inner.has_members() {
                        self.report(Finding::error(
                            expr.span,
                            "the order of a group means nothing; loop over it directly",
                        ));
                        return None;
                    }
                    let one = self.int(1);
                    let last = self.op(expr.span, Op::SubI, Bank::Int, &[inner.count, one], 0);
                    let iter = Iter::Reversed { inner: Box::new(inner.iter), last };
                    return Some(LoopPlan { iter, count: inner.count, bound: inner.bound });
                }
                "sorted" => return self.plan_sorted(expr.span, args, keywords),
                _ => {}
            }
        }
        if let ExprKind::Slice(list, from, to) = &expr.kind
            && self.is_sorted(list)
        {
            return self.plan_sorted_slice(expr.span, list, from.as_deref(), to.as_deref());
        }
        if matches!(expr.kind, ExprKind::Comp { .. }) {
            self.report(
                Finding::error(
                    expr.span,
                    "a comprehension stands only inside sum, min, max, mean, std, any, all or len",
                )
                .suggest("loop with `for` instead"),
            );
            return None;
        }
        let value = self.expr(expr);
        let span = expr.span;
        let value = self.listed(span, value);
        match value.ty.clone() {
            Type::Dict(_) => {
                let keys = self.dict_list(span, &value, "keys");
                let Type::Array(element, len) = keys.ty.clone() else { return None };
                let count = self.int(len as i32);
                Some(LoopPlan {
                    iter: Iter::Array { element: *element, first: keys.reg(), len },
                    count,
                    bound: len as i64,
                })
            }
            Type::List(field) => {
                let [sample, start, end] = [0, 1, 2].map(|at| self.held(span, value.regs[at]));
                let bound = self.cx.schema.fields[field].cap as i64;
                let count = self.list_len(span, start, end);
                Some(LoopPlan { iter: Iter::List { field, sample, start }, count, bound })
            }
            Type::Array(element, len) => {
                let count = self.int(len as i32);
                let is_rebound = value.regs.iter().any(|reg| self.is_rebound(*reg));
                let value = if is_rebound { self.copied(span, &value) } else { value };
                let iter = Iter::Array { element: *element, first: value.reg(), len };
                Some(LoopPlan { iter, count, bound: len as i64 })
            }
            ty @ (Type::Group | Type::Batch) => {
                let (start, count, bound) = match ty {
                    Type::Group => (Op::GroupStart, Op::GroupCount, ASSUMED_GROUP),
                    _ => (Op::BatchStart, Op::BatchCount, ASSUMED_BATCH),
                };
                self.reads_episode = true;
                let start = self.op(span, start, Bank::Int, &[], 0);
                let count = self.op(span, count, Bank::Int, &[], 0);
                Some(LoopPlan { iter: Iter::Members { start }, count, bound })
            }
            Type::Bad => None,
            Type::Sample | Type::Moment => {
                self.report(
                    Finding::error(span, "an episode cannot be looped over: a program is asked for one at a time")
                        .suggest("loop over one of its lists, as in `for x in ep.name`"),
                );
                None
            }
            Type::Int => {
                self.report(
                    Finding::error(span, "an int cannot be looped over").suggest("write `range(..)` around it"),
                );
                None
            }
            other => {
                let message = format!("{} cannot be looped over", other.a());
                self.report(
                    Finding::error(span, message)
                        .suggest("loop over a range, a list of the episode, `group` or `batch`"),
                );
                None
            }
        }
    }

    pub fn list_len(&mut self, span: Span, start: Reg, end: Reg) -> Reg {
        if matches!(self.regs[start as usize].konst, Some(super::super::ir::Konst::Int(0))) {
            return end;
        }
        let most = self.range_of(end).high;
        let len = self.op(span, Op::SubI, Bank::Int, &[end, start], 0);
        self.set_range(len, Range::new(0.0, most));
        len
    }

    fn plan_range(&mut self, span: Span, args: &[Expr]) -> Option<LoopPlan> {
        if args.is_empty() || args.len() > 3 {
            self.report(Finding::error(span, "`range` takes one to three ints"));
            return None;
        }
        let mut regs = Vec::new();
        for arg in args {
            let value = self.expr(arg);
            let reg = self.an_int(arg.span, value, "`range`")?.reg();
            regs.push(self.held(arg.span, reg));
        }
        let (start, stop, step) = match regs[..] {
            [stop] => (self.int(0), stop, self.int(1)),
            [start, stop] => (start, stop, self.int(1)),
            [start, stop, step, ..] => (start, stop, step),
            [] => return None,
        };
        let [from, to, by] = [start, stop, step].map(|reg| self.range_of(reg));
        let steps = match () {
            () if by.low > 0.0 => ((to.high - from.low) / by.low).ceil(),
            () if by.high < 0.0 => ((from.high - to.low) / -by.high).ceil(),
            () => (to.high - from.low).max(from.high - to.low),
        };
        let bound = match steps.is_finite() {
            true => steps as i64,
            false => RANGE_LIMIT.max(self.max_of(stop).unwrap_or(0)),
        };
        let bound = bound.clamp(0, i64::from(i32::MAX));
        let count = self.op(span, Op::RangeCount, Bank::Int, &[start, stop, step], bound as u32);
        Some(LoopPlan { iter: Iter::Range { start, step }, count, bound })
    }

    fn plan_enumerate(&mut self, span: Span, args: &[Expr], start: Option<&Expr>) -> Option<LoopPlan> {
        let Some(list) = args.first() else {
            self.report(Finding::error(span, "`enumerate` takes a list"));
            return None;
        };
        let inner = self.plan(list)?;
        let first = match args.get(1).or(start) {
            Some(start) => {
                let value = self.expr(start);
                let reg = self.an_int(start.span, value, "`enumerate`")?.reg();
                self.held(start.span, reg)
            }
            None => self.int(0),
        };
        let counter = self.new_reg(Bank::Int);
        let iter = Iter::Enumerate { inner: Box::new(inner.iter), first, counter };
        Some(LoopPlan { iter, count: inner.count, bound: inner.bound })
    }

    fn plan_zip(&mut self, span: Span, args: &[Expr]) -> Option<LoopPlan> {
        let mut plans = Vec::new();
        for arg in args {
            plans.push(self.plan(arg)?);
        }
        if plans.is_empty() || plans.iter().any(LoopPlan::has_members) {
            self.report(Finding::error(span, "`zip` takes lists or ranges"));
            return None;
        }
        let mut count = plans[0].count;
        let mut bound = plans[0].bound;
        for plan in &plans[1..] {
            count = self.op(span, Op::MinI, Bank::Int, &[count, plan.count], 0);
            bound = bound.min(plan.bound);
        }
        let iters = plans.into_iter().map(|plan| plan.iter).collect();
        Some(LoopPlan { iter: Iter::Zip(iters), count, bound })
    }

    /// The value of step `k`: a tuple where there are several.
    fn item(&mut self, span: Span, iter: &Iter, k: Reg) -> Value {
        let mut values = self.items(span, iter, k);
        match values.len() {
            1 => values.remove(0),
            _ => self.tuple(span, values),
        }
    }

    /// The values of step `k`.
    fn items(&mut self, span: Span, iter: &Iter, k: Reg) -> Vec<Value> {
        match iter {
            Iter::Range { start, step } => {
                let one_by_one = matches!(self.regs[*step as usize].konst, Some(super::super::ir::Konst::Int(1)));
                let from_zero = matches!(self.regs[*start as usize].konst, Some(super::super::ir::Konst::Int(0)));
                if one_by_one && from_zero {
                    return vec![Value::new(Type::Int, k)];
                }
                let offset = if one_by_one { k } else { self.op(span, Op::MulI, Bank::Int, &[k, *step], 0) };
                vec![Value::new(Type::Int, self.op(span, Op::AddI, Bank::Int, &[*start, offset], 0))]
            }
            Iter::List { field, sample, start } => {
                let from_zero = matches!(self.regs[*start as usize].konst, Some(super::super::ir::Konst::Int(0)));
                let index = if from_zero { k } else { self.op(span, Op::AddI, Bank::Int, &[*start, k], 0) };
                vec![self.load_element(span, *field, *sample, index)]
            }
            Iter::Array { element, first, len } => vec![self.element(span, element, *first, k, *len)],
            Iter::Members { start } => {
                vec![Value::new(Type::Sample, self.op(span, Op::AddI, Bank::Int, &[*start, k], 0))]
            }
            Iter::Enumerate { inner, first, counter } => {
                let from_zero = matches!(self.regs[*first as usize].konst, Some(super::super::ir::Konst::Int(0)));
                let step = if matches!(**inner, Iter::Members { .. }) { *counter } else { k };
                let index = if from_zero { step } else { self.op(span, Op::AddI, Bank::Int, &[*first, step], 0) };
                let index = Value::new(Type::Int, index);
                vec![index, self.item(span, inner, k)]
            }
            Iter::Zip(iters) => iters.iter().map(|iter| self.item(span, iter, k)).collect(),
            Iter::Sorted(sorted) => vec![self.next_sorted(span, sorted)],
            Iter::From { inner, .. } => self.items(span, inner, k),
            Iter::Reversed { inner, last } => {
                let index = self.op(span, Op::SubI, Bank::Int, &[*last, k], 0);
                self.items(span, inner, index)
            }
        }
    }

    /// Emits a loop over `iter`; `body` gets the values of a step. False when it cannot be looped over.
    pub fn loop_over(&mut self, expr: &Expr, body: Body<'_, 'c, 'p>) -> bool {
        let plan = self.plan(expr);
        self.rebound.clear();
        let Some(plan) = plan else { return false };
        self.run_plan(expr.span, &plan, body);
        true
    }

    pub(super) fn run_plan(&mut self, span: Span, plan: &LoopPlan, body: Body<'_, 'c, 'p>) {
        let counter = self.new_reg(Bank::Int);
        self.set_range(counter, Range::new(0.0, (plan.bound - 1).max(0) as f64));
        let outer_weight = self.weight;
        let outer_cost = self.cost;
        self.weight *= plan.bound.max(1) as f64;
        self.cost += self.weight;
        let member_counter = match &plan.iter {
            Iter::Enumerate { inner, counter, .. } if matches!(**inner, Iter::Members { .. }) => Some(*counter),
            _ => None,
        };
        if let Some(counter) = member_counter {
            let before_first = self.int(-1);
            self.copy(span, counter, before_first);
        }
        self.loops += 1;
        self.open();
        if plan.has_members() {
            let start = match &plan.iter {
                Iter::Members { start } => *start,
                Iter::Enumerate { inner, .. } => match **inner {
                    Iter::Members { start } => start,
                    _ => 0,
                },
                _ => 0,
            };
            let member = self.op(span, Op::AddI, Bank::Int, &[start, counter], 0);
            let valid = self.op(span, Op::IsValid, Bank::Bool, &[member], 0);
            self.open();
            if let Some(counter) = member_counter {
                let one = self.int(1);
                self.op_to(span, Op::AddI, counter, [counter, one, 0], 0);
            }
            let values = self.items(span, &plan.iter, counter);
            body(self, values);
            let then = self.close();
            self.dead = false;
            self.push_if(valid, then, Vec::new());
        } else if let Iter::From { first, .. } = plan.iter {
            let values = self.items(span, &plan.iter, counter);
            let is_there = self.op(span, Op::LeI, Bank::Bool, &[first, counter], 0);
            self.open();
            body(self, values);
            let then = self.close();
            self.dead = false;
            self.push_if(is_there, then, Vec::new());
        } else {
            let values = self.items(span, &plan.iter, counter);
            body(self, values);
            self.dead = false;
        }
        let statements = self.close();
        self.loops -= 1;
        self.weight = outer_weight;
        self.push(Stmt::For { counter, count: plan.count, body: statements });
        if self.cost > COST_LIMIT && outer_cost <= COST_LIMIT && !self.is_costly {
            self.is_costly = true;
            let message =
                format!("this loop may take {:.0} operations for one sample; the limit is {COST_LIMIT:.0}", self.cost);
            self.report(Finding::error(span, message).suggest(
                "loop over less at once, or keep what is the same for every step in a variable before the loop",
            ));
        }
    }

    /// Calls `body` with every element of a generator, comprehension, list or range. With `stop`, a bool register, the
    /// loops end once it is true. False when the expression has no elements to give.
    pub fn each(
        &mut self,
        expr: &Expr,
        stop: Option<Reg>,
        body: &mut dyn FnMut(&mut Lower<'c, 'p>, Span, Value),
    ) -> bool {
        match &expr.kind {
            ExprKind::Comp { element, clauses, .. } => self.clauses(element, clauses, stop, body),
            _ => {
                let span = expr.span;
                self.loop_over(expr, &mut |lower, mut values| {
                    let value = if values.len() == 1 { values.remove(0) } else { lower.tuple(span, values) };
                    body(lower, span, value);
                    lower.break_if(stop);
                })
            }
        }
    }

    fn break_if(&mut self, stop: Option<Reg>) {
        if let Some(stop) = stop {
            self.push_if(stop, vec![Stmt::Break], Vec::new());
        }
    }

    fn clauses(
        &mut self,
        element: &Expr,
        clauses: &[Clause],
        stop: Option<Reg>,
        body: &mut dyn FnMut(&mut Lower<'c, 'p>, Span, Value),
    ) -> bool {
        let Some((clause, inner)) = clauses.split_first() else {
            let value = self.expr(element);
            body(self, element.span, value);
            return true;
        };
        let mut complete = true;
        let found = self.nested(&clause.iter, false, |lower| {
            lower.loop_over(&clause.iter, &mut |lower, values| {
                let depth = lower.scopes.len();
                let named = lower.spread_step(clause.iter.span, &clause.target, values);
                lower.scopes.extend(named.into_iter().filter_map(|(target, value)| match target {
                    Target::Name(ident) => Some((ident.name, value)),
                    _ => None,
                }));
                let mut tests = Vec::new();
                for condition in &clause.conditions {
                    let truth = lower.condition(condition);
                    complete &= !truth.is_bad();
                    tests.push(truth.reg());
                    lower.open();
                }
                complete &= lower.clauses(element, inner, stop, body);
                lower.break_if(stop);
                for test in tests.into_iter().rev() {
                    let then = lower.close();
                    lower.push_if(test, then, Vec::new());
                }
                lower.scopes.truncate(depth);
            })
        });
        found && complete
    }
}

pub fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
