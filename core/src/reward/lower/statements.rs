//! Statements.

use super::super::ast::{Expr, ExprKind, Ident, Stmt as Ast, StmtKind, Target, assigned_names};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Konst, Op, Reg, Stmt, code};
use super::builder::Lower;
use super::functions::MAX_ARGUMENTS;
use super::types::{Type, Value};

/// `elif`s of one `if`.
const MAX_ARMS: usize = 40;

impl<'c, 'p> Lower<'c, 'p> {
    pub fn statements(&mut self, statements: &[Ast]) {
        for statement in statements {
            if self.dead {
                self.report(Finding::warning(statement.span, "this line never runs"));
                return;
            }
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Ast) {
        match &statement.kind {
            StmtKind::Assign(targets, value) => self.assignment(statement.span, targets, value),
            StmtKind::AugAssign(target, op, value) => {
                let left = Expr { span: target.span, kind: ExprKind::Name(target.name.clone()), height: 1 };
                let before = self.expr(&left);
                let after = self.expr(value);
                let result = self.binary(statement.span, *op, (left.span, before), (value.span, after));
                self.assign(statement.span, &target.name, result);
            }
            StmtKind::AugPlace(place, op, value) => self.augment(statement.span, place, *op, value),
            StmtKind::Return(value) => self.return_(statement.span, value.as_ref()),
            StmtKind::If(arms, otherwise) => {
                if arms.len() > MAX_ARMS {
                    let message = format!("more than {MAX_ARMS} branches in one `if`");
                    self.report(Finding::error(statement.span, message).suggest("use a list at top level"));
                    return;
                }
                self.if_(arms, otherwise);
            }
            StmtKind::For { target, iter, body } => self.for_(target, iter, body),
            StmtKind::Def(index) => {
                let name = self.cx.module.functions[*index].name.name.clone();
                self.assigned.insert(name);
            }
            StmtKind::Raise(text) => {
                let line = self.raises(statement.span, text);
                self.push(Stmt::Fail { code: code::RAISED, line });
                self.dead = true;
            }
            StmtKind::Assert(test, text) => {
                let truth = self.condition(test);
                let failed = self.not(test.span, truth);
                if !failed.is_bad() {
                    self.raises(statement.span, text);
                    self.fail_if(statement.span, failed.reg(), code::RAISED);
                }
            }
            StmtKind::Break | StmtKind::Continue => {
                let is_break = matches!(statement.kind, StmtKind::Break);
                if self.loops == 0 {
                    let word = if is_break { "break" } else { "continue" };
                    self.report(Finding::error(statement.span, format!("`{word}` outside a loop")));
                    return;
                }
                self.push(if is_break { Stmt::Break } else { Stmt::Continue });
                self.dead = true;
            }
            StmtKind::Pass => {}
            StmtKind::Expr(expr) => self.expression_statement(expr),
        }
    }

    fn expression_statement(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Str(_) | ExprKind::Error => {}
            ExprKind::Call { func, args, keywords } if self.cx.task.is_some() => {
                if !self.changes(expr.span, func, args) {
                    let value = self.call(expr.span, func, args, keywords);
                    if !matches!(value.ty, Type::None | Type::Bad) {
                        self.report(Finding::warning(expr.span, "this value is not used"));
                    }
                }
            }
            ExprKind::Compare(..) => {
                self.report(Finding::warning(expr.span, "this comparison is not used").suggest("to assign, write `=`"));
                self.expr(expr);
            }
            _ => {
                self.report(Finding::warning(expr.span, "this value is not used"));
                self.expr(expr);
            }
        }
    }

    /// Keeps what is said of an error; gives its line.
    fn raises(&mut self, span: Span, text: &str) -> u32 {
        let line = self.line(span);
        self.cx.raised.entry(line).or_insert_with(|| text.to_string());
        line
    }

    fn assignment(&mut self, span: Span, targets: &[Target], value: &Expr) {
        if let [Target::Name(target)] = targets {
            let value = self.raw(value);
            self.assign_value(span, target, value);
            return;
        }
        // The right side is complete before the first name changes: `a, b = b, a`.
        if let ([Target::Tuple(targets, _)], ExprKind::List { elements, .. }) = (targets, &value.kind) {
            if elements.len() != targets.len() {
                let message = format!("{} values for {} names", elements.len(), targets.len());
                self.report(Finding::error(span, message));
                return;
            }
            let values: Vec<Value> = elements.iter().map(|element| self.raw(element)).collect();
            let held: Vec<Value> = values.into_iter().map(|value| self.copied(span, &value)).collect();
            for (target, value) in targets.iter().zip(held) {
                self.give(span, target, value);
            }
            return;
        }
        let value = self.raw(value);
        let held = self.copied(span, &value);
        for target in targets {
            self.give(span, target, held.clone());
        }
    }

    fn give(&mut self, span: Span, target: &Target, value: Value) {
        for (target, value) in self.spread(span, target, value) {
            match target {
                Target::Place(place) => self.store(span, &place, value),
                Target::Name(name) => self.assign_value(span, &name, value),
                Target::Tuple(..) => {}
            }
        }
    }

    fn assign_value(&mut self, span: Span, target: &Ident, value: Value) {
        match value.ty {
            Type::Group | Type::Batch | Type::Run | Type::Results | Type::Object(..) => {
                let message = format!("the {} cannot be kept in a variable", value.ty.label());
                self.report(Finding::error(span, message).suggest("use the parameter itself"));
                self.assign(span, &target.name, Value::bad());
            }
            _ => self.assign(span, &target.name, value),
        }
    }

    fn return_(&mut self, span: Span, value: Option<&Expr>) {
        if let Some(Expr { kind: ExprKind::Comp { brackets: true, .. }, span, .. }) = value
            && self.is_component
        {
            let finding = Finding::error(*span, "a reward is one number for one episode, and this is a list of them");
            self.report(finding.suggest("write the function for one episode: it is called for each of a batch"));
            self.dead = true;
            return;
        }
        let (span, mut value) = match value {
            Some(expr) => (expr.span, self.expr(expr)),
            None => (span, Value { ty: Type::None, regs: Vec::new() }),
        };
        if self.sees && !value.is_bad() {
            value = self.seen(span, value);
        }
        if self.is_component && !value.is_bad() {
            match value.ty {
                Type::None => {}
                Type::Optional => self.finite(span, value.reg()),
                Type::Bool | Type::Int | Type::Float => {
                    value = self.coerce(span, value, &Type::Float);
                    self.finite(span, value.reg());
                }
                _ => {
                    let message = format!("a reward is a number or None, not {}", value.ty.a());
                    let finding = Finding::error(span, message);
                    value = self.fail(match value.ty {
                        Type::Tuple(_) | Type::Array(..) | Type::Dict(_) => {
                            finding.suggest("return one number; make each other value a component of its own")
                        }
                        _ => finding,
                    });
                }
            }
        }
        if matches!(value.ty, Type::Group | Type::Batch | Type::Run | Type::Results | Type::Object(..)) {
            let message = format!("a function cannot return the {}", value.ty.label());
            value = self.fail(Finding::error(span, message).suggest("return what is read from it"));
        }
        if value.regs.len() > MAX_ARGUMENTS {
            let message =
                format!("a function returns at most {MAX_ARGUMENTS} numbers, and these are {}", value.regs.len());
            value = self.fail(Finding::error(span, message).suggest("return the ones that are needed"));
        }
        self.join_return(span, &value);
        let ty = self.ret.clone();
        let regs = match ty {
            Type::None | Type::Bad => Vec::new(),
            _ => self.coerce(span, value, &ty).regs,
        };
        self.push(Stmt::Return(regs));
        self.dead = true;
    }

    fn finite(&mut self, span: Span, reg: Reg) {
        self.op(span, Op::Finite, Bank::Float, &[reg], 0);
    }

    /// Widens the type that the function returns.
    pub fn join_return(&mut self, span: Span, value: &Value) {
        match self.ret.join(&value.ty) {
            Some(ty) if ty != self.ret => {
                self.ret = ty;
                self.changed = true;
            }
            Some(_) => {}
            None => {
                let message = format!("returns {} here and {} elsewhere", value.ty.a(), self.ret.a());
                self.report(Finding::error(span, message));
            }
        }
    }

    fn if_(&mut self, arms: &[(Expr, Vec<Ast>)], otherwise: &[Ast]) {
        let Some(((test, body), rest)) = arms.split_first() else {
            self.statements(otherwise);
            return;
        };
        let cond = self.condition(test);
        if let (Some(Konst::Bool(known)), true) = (self.konst_of(&cond), self.cx.task.is_some()) {
            // The parameters decide: the other branch is not there.
            return if known { self.statements(body) } else { self.if_(rest, otherwise) };
        }
        let before = self.assigned.clone();
        let ranges = self.ranges();
        self.open();
        self.statements(body);
        let then_dead = std::mem::replace(&mut self.dead, false);
        let then = self.close();
        let then_assigned = std::mem::replace(&mut self.assigned, before);
        let then_ranges = self.ranges();
        self.set_ranges(&ranges);
        self.open();
        self.if_(rest, otherwise);
        let els = self.close();
        let els_dead = self.dead;
        self.assigned = match (then_dead, els_dead) {
            (true, _) => std::mem::take(&mut self.assigned),
            (false, true) => then_assigned,
            (false, false) => then_assigned.intersection(&self.assigned).cloned().collect(),
        };
        match (then_dead, els_dead) {
            (true, _) => {}
            (false, true) => self.set_ranges(&then_ranges),
            (false, false) => self.join_ranges(&then_ranges),
        }
        self.dead = false;
        self.push_if(cond.reg(), then, els);
        self.dead = then_dead && els_dead;
    }

    fn for_(&mut self, target: &Target, iter: &Expr, body: &[Ast]) {
        if !self.may_loop_sorted(target, iter, body) {
            return;
        }
        let before = self.assigned.clone();
        let mut rebound = Vec::new();
        target.each_name(&mut |name| rebound.push(name.name.clone()));
        assigned_names(body, &mut rebound);
        self.rebound.clone_from(&rebound);
        let done = self.nested(iter, true, |lower| {
            lower.loop_over(iter, &mut |lower, values| {
                lower.forget_ranges(&rebound);
                for (target, value) in lower.spread_step(iter.span, target, values) {
                    if let Target::Name(name) = target {
                        lower.assign(name.span, &name.name, value);
                    }
                }
                lower.statements(body);
            })
        });
        if !done {
            // The body is still checked, with variables of unknown type.
            target.each_name(&mut |name| self.assign(name.span, &name.name, Value::bad()));
            self.loops += 1;
            self.open();
            self.statements(body);
            self.close();
            self.dead = false;
            self.loops -= 1;
        }
        self.assigned = before;
        self.forget_ranges(&rebound);
    }
}
