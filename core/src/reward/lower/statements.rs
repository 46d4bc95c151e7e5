//! Statements.

use super::super::ast::{Expr, ExprKind, Ident, Stmt as Ast, StmtKind};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Op, Reg, Stmt};
use super::builder::Lower;
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
            StmtKind::Return(value) => self.return_(statement.span, value.as_ref()),
            StmtKind::If(arms, otherwise) => {
                if arms.len() > MAX_ARMS {
                    let message = format!("more than {MAX_ARMS} branches in one `if`");
                    self.report(Finding::error(statement.span, message).suggest("use a list at top level"));
                    return;
                }
                self.if_(arms, otherwise);
            }
            StmtKind::For { targets, iter, body } => self.for_(targets, iter, body),
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
            ExprKind::Call { func, .. } if matches!(&func.kind, ExprKind::Name(name) if name == "print") => {
                self.report(
                    Finding::error(expr.span, "`print` is not supported")
                        .suggest("return the value from a component with weight 0.0 to see it"),
                );
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

    fn assignment(&mut self, span: Span, targets: &[Ident], value: &Expr) {
        if let [target] = targets {
            let value = self.expr(value);
            self.assign_value(span, target, value);
            return;
        }
        let values: Vec<Value> = match &value.kind {
            ExprKind::List(elements) if elements.len() == targets.len() => {
                elements.iter().map(|element| self.expr(element)).collect()
            }
            ExprKind::List(elements) => {
                let message = format!("{} values for {} names", elements.len(), targets.len());
                self.report(Finding::error(span, message));
                return;
            }
            _ => {
                self.report(Finding::error(
                    value.span,
                    "only values with commas between can be assigned to several names",
                ));
                return;
            }
        };
        // The right side is complete before the first name changes: `a, b = b, a`.
        let held: Vec<Value> = values
            .into_iter()
            .map(|value| {
                let copy = self.new_value(&value.ty);
                for (dst, src) in copy.regs.iter().zip(&value.regs) {
                    self.copy(span, *dst, *src);
                }
                copy
            })
            .collect();
        for (target, value) in targets.iter().zip(held) {
            self.assign_value(span, target, value);
        }
    }

    fn assign_value(&mut self, span: Span, target: &Ident, value: Value) {
        match value.ty {
            Type::Group | Type::Batch | Type::Run | Type::Results => {
                let message = format!("the {} cannot be kept in a variable", value.ty.label());
                self.report(Finding::error(span, message).suggest("use the parameter itself"));
                self.assign(span, &target.name, Value::bad());
            }
            _ => self.assign(span, &target.name, value),
        }
    }

    fn return_(&mut self, span: Span, value: Option<&Expr>) {
        let (span, mut value) = match value {
            Some(expr) => (expr.span, self.expr(expr)),
            None => (span, Value { ty: Type::None, regs: Vec::new() }),
        };
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
                    value = self.fail(Finding::error(span, message));
                }
            }
        }
        if !matches!(
            value.ty,
            Type::Bad | Type::None | Type::Bool | Type::Int | Type::Float | Type::Optional | Type::Token | Type::Sample
        ) {
            let message = format!("a function cannot return {}", value.ty.a());
            value = self.fail(Finding::error(span, message).suggest("return one number, bool or token"));
        }
        self.join_return(span, &value);
        let ty = self.ret.clone();
        let reg = match ty {
            Type::None | Type::Bad => None,
            _ => Some(self.coerce(span, value, &ty).reg()),
        };
        self.push(Stmt::Return(reg));
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
        let value = self.expr(test);
        let cond = self.truth(test.span, &value);
        let before = self.assigned.clone();
        self.open();
        self.statements(body);
        let then_dead = std::mem::replace(&mut self.dead, false);
        let then = self.close();
        let then_assigned = std::mem::replace(&mut self.assigned, before);
        self.open();
        self.if_(rest, otherwise);
        let els = self.close();
        let els_dead = self.dead;
        self.assigned = match (then_dead, els_dead) {
            (true, _) => std::mem::take(&mut self.assigned),
            (false, true) => then_assigned,
            (false, false) => then_assigned.intersection(&self.assigned).cloned().collect(),
        };
        self.dead = false;
        self.push_if(cond.reg(), then, els);
        self.dead = then_dead && els_dead;
    }

    fn for_(&mut self, targets: &[Ident], iter: &Expr, body: &[Ast]) {
        let before = self.assigned.clone();
        let done = self.nested(iter, true, |lower| {
            lower.loop_over(iter, &mut |lower, values| {
                if lower.check_targets(iter.span, targets.len(), values.len()) {
                    for (target, value) in targets.iter().zip(values) {
                        lower.assign(target.span, &target.name, value);
                    }
                }
                lower.statements(body);
            })
        });
        if !done {
            // The body is still checked, with variables of unknown type.
            for target in targets {
                self.assign(target.span, &target.name, Value::bad());
            }
            self.loops += 1;
            self.open();
            self.statements(body);
            self.close();
            self.dead = false;
            self.loops -= 1;
        }
        self.assigned = before;
    }
}
