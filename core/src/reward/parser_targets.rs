//! What is given a value: the left side of assignments, and the variables of loops.

use super::ast::{Expr, ExprKind, Function, Ident, Param, Stmt, StmtKind, Target};
use super::diagnostics::Finding;
use super::parser::Parser;

impl Parser {
    /// `= value`, or `= b = value`, after a first target.
    pub(super) fn assignment(&mut self, first: Expr) -> Option<StmtKind> {
        let mut sides = vec![first];
        while self.eat("=") {
            sides.push(self.expression_list());
        }
        let value = sides.pop()?;
        let targets: Option<Vec<Target>> = sides.iter().map(|side| self.target(side)).collect();
        let targets = targets?;
        match (value.kind, &targets[..]) {
            // A function by another spelling.
            (ExprKind::Lambda(params, body), [Target::Name(name)]) => {
                let params = params.into_iter().map(|name| Param { name, default: None, by_name: false }).collect();
                let body = vec![Stmt { span: body.span, kind: StmtKind::Return(Some(*body)) }];
                self.functions.push(Function {
                    name: name.clone(),
                    params,
                    rest: Vec::new(),
                    body,
                    parent: self.inside,
                });
                Some(StmtKind::Def(self.functions.len() - 1))
            }
            (kind, _) => Some(StmtKind::Assign(targets, Expr { kind, ..value })),
        }
    }

    /// What an assignment sets; anything but variables is an error.
    pub(super) fn target(&mut self, target: &Expr) -> Option<Target> {
        let finding = match &target.kind {
            ExprKind::Name(text) => return Some(Target::Name(Ident { name: text.clone(), span: target.span })),
            ExprKind::List { elements, .. } => {
                let targets: Option<Vec<Target>> = elements.iter().map(|element| self.target(element)).collect();
                return targets.map(|targets| Target::Tuple(targets, target.span));
            }
            ExprKind::Error => return None,
            ExprKind::Attr(..) | ExprKind::Index(..) if self.is_task => return Some(Target::Place(target.clone())),
            ExprKind::Attr(..) => Finding::error(target.span, "the fields of an episode cannot be changed")
                .suggest("assign to a variable of your own"),
            ExprKind::Index(_, key) if matches!(key.kind, ExprKind::Str(_)) => {
                Finding::error(target.span, "dictionaries cannot be changed: a program keeps no tables")
                    .suggest("use a variable for each key")
            }
            ExprKind::Index(..) | ExprKind::Slice(..) => {
                Finding::error(target.span, "lists cannot be changed").suggest("keep the result in a variable")
            }
            _ => Finding::error(target.span, "only a variable can be assigned to"),
        };
        self.say_once(finding);
        None
    }

    /// `x` or `i, x` or `i, (x, y)`, of a loop or a generator.
    pub(super) fn loop_target(&mut self) -> Target {
        let start = self.token().span;
        let mut targets = Vec::new();
        let mut is_tuple = false;
        loop {
            let open = self.token().span;
            let close = if self.is("(") { ")" } else { "]" };
            if (self.is("(") || self.is("[")) && self.deeper() {
                self.bump();
                let inner = self.loop_target();
                self.expect(close, "after the variables");
                self.nesting -= 1;
                let span = open.to(self.last_span());
                targets.push(match inner {
                    Target::Tuple(inner, _) => Target::Tuple(inner, span),
                    one => one,
                });
            } else if let Some(name) = self.ident("a variable") {
                targets.push(Target::Name(name));
            } else {
                break;
            }
            if !self.eat(",") {
                break;
            }
            is_tuple = true;
            if self.is("in") {
                break;
            }
        }
        match targets.pop() {
            Some(target) if targets.is_empty() && !is_tuple => target,
            last => {
                targets.extend(last);
                Target::Tuple(targets, start.to(self.last_span()))
            }
        }
    }
}
