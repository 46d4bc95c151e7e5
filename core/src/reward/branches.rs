//! Branches that can never be taken, since one before them takes every case: `if x >= 0: .. elif x >= 2: ..`.
//!
//! What is compared is known by its text: `ep.distance[t + 1]` stays what it is until one of its names is assigned to.

use super::ast::{CmpOp, Expr, ExprKind, Function, Ident, Stmt, StmtKind, Target, assigned_names};
use super::diagnostics::{Finding, Span};

/// Something compared with a number, or any other condition (`op` is None), known to be true or known to be false.
#[derive(Clone)]
struct Fact<'f> {
    expr: &'f Expr,
    text: String,
    op: Option<(CmpOp, f64)>,
    is_true: bool,
}

/// Warnings about the conditions of a function that cannot be true where they stand.
pub fn never_taken(function: &Function, source: &str) -> Vec<Finding> {
    let mut walk = Walk { source, facts: Vec::new(), findings: Vec::new() };
    walk.block(&function.body);
    walk.findings
}

struct Walk<'f> {
    source: &'f str,
    facts: Vec<Fact<'f>>,
    findings: Vec<Finding>,
}

/// Whether a name is read in an expression.
fn mentions(expr: &Expr, name: &str) -> bool {
    let mut found = false;
    expr.each_free_name(&mut Vec::new(), &mut |other| found |= other == name);
    found
}

/// Whether a block always leaves by `return`, `raise`, `break` or `continue`.
fn leaves(body: &[Stmt]) -> bool {
    body.iter().any(|statement| match &statement.kind {
        StmtKind::Return(_) | StmtKind::Raise(_) | StmtKind::Break | StmtKind::Continue => true,
        StmtKind::If(arms, otherwise) => arms.iter().all(|(_, body)| leaves(body)) && leaves(otherwise),
        _ => false,
    })
}

fn number(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Int(value) => Some(*value as f64),
        ExprKind::Float(value) => Some(*value),
        ExprKind::Neg(operand) => number(operand).map(|value| -value),
        _ => None,
    }
}

/// The comparison the other way round: `2 < x` is `x > 2`.
fn turned(op: CmpOp) -> CmpOp {
    match op {
        CmpOp::Lt => CmpOp::Gt,
        CmpOp::Le => CmpOp::Ge,
        CmpOp::Gt => CmpOp::Lt,
        CmpOp::Ge => CmpOp::Le,
        other => other,
    }
}

/// Whether `x op number` leaves no number for `x` beside what `fact` says of it.
fn excludes(fact: &Fact, op: CmpOp, number: f64) -> bool {
    let Some((known, bound)) = fact.op else { return false };
    let known = match (known, fact.is_true) {
        (known, true) => known,
        (CmpOp::Lt, false) => CmpOp::Ge,
        (CmpOp::Le, false) => CmpOp::Gt,
        (CmpOp::Gt, false) => CmpOp::Le,
        (CmpOp::Ge, false) => CmpOp::Lt,
        (CmpOp::Eq, false) => CmpOp::Ne,
        (CmpOp::Ne, false) => CmpOp::Eq,
        _ => return false,
    };
    let is_below = |op: CmpOp| matches!(op, CmpOp::Lt | CmpOp::Le | CmpOp::Eq);
    let is_above = |op: CmpOp| matches!(op, CmpOp::Gt | CmpOp::Ge | CmpOp::Eq);
    let touches = |op: CmpOp| matches!(op, CmpOp::Le | CmpOp::Ge | CmpOp::Eq);
    let apart = |low: f64, high: f64| low < high || low == high && !(touches(known) && touches(op));
    match (known, op) {
        (CmpOp::Ne, CmpOp::Eq) | (CmpOp::Eq, CmpOp::Ne) => bound == number,
        (CmpOp::Ne, _) | (_, CmpOp::Ne) => false,
        _ => {
            is_below(known) && is_above(op) && apart(bound, number)
                || is_above(known) && is_below(op) && apart(number, bound)
        }
    }
}

impl<'f> Walk<'f> {
    /// The text of an expression without its spaces, except between words.
    fn text(&self, span: Span) -> String {
        let text = self.source.get(span.start as usize..span.end as usize).unwrap_or("");
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let words = text.split_whitespace();
        words.fold(String::new(), |text, word| {
            let space = if is_word(text.chars().last()) && is_word(word.chars().next()) { " " } else { "" };
            text + space + word
        })
    }

    /// A condition as a fact; `not c` is `c` turned round.
    fn fact(&self, expr: &'f Expr, is_true: bool) -> Fact<'f> {
        if let ExprKind::Not(inner) = &expr.kind {
            return self.fact(inner, !is_true);
        }
        if let ExprKind::Compare(left, rest) = &expr.kind
            && let [(op, right)] = &rest[..]
            && !matches!(op, CmpOp::In | CmpOp::NotIn | CmpOp::Is | CmpOp::IsNot)
        {
            if let Some(number) = number(right) {
                return Fact { expr: left, text: self.text(left.span), op: Some((*op, number)), is_true };
            }
            if let Some(number) = number(left) {
                return Fact { expr: right, text: self.text(right.span), op: Some((turned(*op), number)), is_true };
            }
        }
        Fact { expr, text: self.text(expr.span), op: None, is_true }
    }

    /// What a condition says where it is true, or where it is false.
    fn learn(&mut self, test: &'f Expr, is_true: bool) {
        match (&test.kind, is_true) {
            (ExprKind::And(parts), true) | (ExprKind::Or(parts), false) => {
                parts.iter().for_each(|part| self.learn(part, is_true));
            }
            (ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Bool(_), _) => {}
            _ => {
                let fact = self.fact(test, is_true);
                self.facts.push(fact);
            }
        }
    }

    /// The fact because of which a condition cannot be true.
    fn against(&self, test: &'f Expr) -> Option<Fact<'f>> {
        match &test.kind {
            ExprKind::And(parts) => parts.iter().find_map(|part| self.against(part)),
            ExprKind::Or(parts) => {
                let each: Option<Vec<Fact>> = parts.iter().map(|part| self.against(part)).collect();
                each.and_then(|facts| facts.into_iter().next())
            }
            _ => {
                let own = self.fact(test, true);
                let is_against = |fact: &&Fact<'f>| {
                    fact.text == own.text
                        && match (own.op, own.is_true) {
                            (Some((op, number)), true) => excludes(fact, op, number),
                            (None, is_true) => fact.op.is_none() && fact.is_true != is_true,
                            _ => false,
                        }
                };
                self.facts.iter().find(is_against).cloned()
            }
        }
    }

    fn check(&mut self, test: &'f Expr) {
        let Some(fact) = self.against(test) else { return };
        let line = 1 + self.source.get(..fact.expr.span.start as usize).unwrap_or("").matches('\n').count();
        let message = format!("this is never true here: line {line} has taken every such case");
        self.findings.push(Finding::warning(test.span, message).suggest("put the narrower condition first"));
    }

    fn block(&mut self, body: &'f [Stmt]) {
        for statement in body {
            match &statement.kind {
                StmtKind::Assign(targets, _) => targets.iter().for_each(|target| self.forget_target(target)),
                StmtKind::AugAssign(target, ..) => self.forget(target),
                StmtKind::If(arms, otherwise) => self.choice(arms, otherwise),
                StmtKind::For { target, body, .. } => {
                    self.forget_target(target);
                    self.forget_assigned(body);
                    let outside = self.facts.clone();
                    self.block(body);
                    self.facts = outside;
                }
                StmtKind::Assert(test, _) => self.learn(test, true),
                StmtKind::Return(_) | StmtKind::Raise(_) | StmtKind::Break | StmtKind::Continue => {}
                StmtKind::AugPlace(..) | StmtKind::Pass | StmtKind::Expr(_) | StmtKind::Def(_) => {}
            }
        }
    }

    fn choice(&mut self, arms: &'f [(Expr, Vec<Stmt>)], otherwise: &'f [Stmt]) {
        let outside = self.facts.clone();
        for (test, body) in arms {
            self.check(test);
            let before = self.facts.clone();
            self.learn(test, true);
            self.block(body);
            self.facts = before;
            self.learn(test, false);
        }
        let rest = self.facts.clone();
        self.block(otherwise);
        // Behind it only the cases go on whose branch does not leave.
        let only_rest_goes_on = arms.iter().all(|(_, body)| leaves(body)) && !leaves(otherwise);
        self.facts = if only_rest_goes_on { rest } else { outside };
        arms.iter().for_each(|(_, body)| self.forget_assigned(body));
        self.forget_assigned(otherwise);
    }

    fn forget(&mut self, name: &Ident) {
        self.facts.retain(|fact| !mentions(fact.expr, &name.name));
    }

    fn forget_target(&mut self, target: &Target) {
        target.each_name(&mut |name| self.forget(name));
    }

    fn forget_assigned(&mut self, body: &'f [Stmt]) {
        let mut names = Vec::new();
        assigned_names(body, &mut names);
        self.facts.retain(|fact| names.iter().all(|name| !mentions(fact.expr, name)));
    }
}
