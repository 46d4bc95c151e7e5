//! Expressions in brackets: tuples, lists, dictionaries, sets and comprehensions.

use super::ast::{Clause, Expr, ExprKind};
use super::diagnostics::Finding;
use super::lexer::TokenKind;
use super::parser::Parser;

impl Parser {
    pub(super) fn parenthesis(&mut self) -> Expr {
        let start = self.bump().span;
        if self.is(")") {
            let span = start.to(self.bump().span);
            return self.node(span, ExprKind::List { elements: Vec::new(), is_tuple: true });
        }
        let first = self.expression();
        let mut expr = if self.is("for") {
            self.comprehension(first, false)
        } else if self.is(",") {
            let elements = self.elements(first, ")");
            let span = start.to(self.last_span());
            self.node(span, ExprKind::List { elements, is_tuple: true })
        } else {
            first
        };
        self.expect(")", "to close the bracket");
        // Python places the error of an operator at its own start, not at the bracket around it.
        if matches!(expr.kind, ExprKind::List { is_tuple: true, .. }) {
            expr.span = start.to(self.last_span());
        }
        expr
    }

    pub(super) fn brackets(&mut self) -> Expr {
        let start = self.bump().span;
        if self.is("]") {
            let span = start.to(self.bump().span);
            return self.node(span, ExprKind::List { elements: Vec::new(), is_tuple: false });
        }
        let first = self.expression();
        let mut expr = if self.is("for") {
            self.comprehension(first, true)
        } else {
            let elements = self.elements(first, "]");
            self.node(start, ExprKind::List { elements, is_tuple: false })
        };
        self.expect("]", "to close the list");
        expr.span = start.to(self.last_span());
        expr
    }

    /// A dictionary or a set.
    pub(super) fn braces(&mut self) -> Expr {
        let start = self.bump().span;
        let mut entries = Vec::new();
        let mut elements = Vec::new();
        while !self.is("}") && !matches!(self.kind(), TokenKind::Newline | TokenKind::End) {
            if self.is("**") || self.is("*") {
                let span = self.bump().span;
                self.error(
                    Finding::error(span, "dictionaries are written out").suggest("write its entries one by one"),
                );
            }
            let key = self.expression();
            if self.eat(":") {
                let value = self.expression();
                entries.push((key, value));
            } else {
                elements.push(key);
            }
            if self.is("for") {
                let finding = Finding::error(self.token().span, "a comprehension cannot build a dictionary or a set");
                self.error(finding.suggest("write its entries one by one, or loop with `for` where they are used"));
                self.skip_expression();
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}", "at the end of the dictionary");
        let span = start.to(self.last_span());
        match (entries.is_empty(), elements.is_empty()) {
            (false, false) => {
                self.error(Finding::error(span, "a dictionary has a value for every key"));
                self.invalid(span)
            }
            (true, false) => self.node(span, ExprKind::Set(elements)),
            _ => self.node(span, ExprKind::Dict(entries)),
        }
    }

    fn elements(&mut self, first: Expr, close: &str) -> Vec<Expr> {
        let mut elements = vec![first];
        while self.eat(",") {
            if self.is(close) {
                break;
            }
            elements.push(self.expression());
        }
        elements
    }

    pub(super) fn comprehension(&mut self, element: Expr, brackets: bool) -> Expr {
        if !self.deeper() {
            return self.skip_expression();
        }
        let comprehension = self.clauses(element, brackets);
        self.nesting -= 1;
        comprehension
    }

    fn clauses(&mut self, element: Expr, brackets: bool) -> Expr {
        let mut clauses = Vec::new();
        while self.eat("for") {
            let target = self.loop_target();
            self.expect("in", "after the variable of `for`");
            let iter = self.or();
            let mut conditions = Vec::new();
            while self.eat("if") {
                conditions.push(self.or());
            }
            clauses.push(Clause { target, iter, conditions });
        }
        let span = element.span.to(self.last_span());
        self.node(span, ExprKind::Comp { element: Box::new(element), clauses, brackets })
    }
}
