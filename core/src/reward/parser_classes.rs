//! Classes of task programs: fields with their types and defaults, and nothing else.

use super::ast::{Class, ClassField, Expr, ExprKind};
use super::diagnostics::Finding;
use super::lexer::TokenKind;
use super::parser::Parser;

impl Parser {
    /// `class Name:` and a field a line.
    pub(super) fn class(&mut self) {
        self.bump();
        let Some(name) = self.ident("the name of a class") else { return self.skip_statement() };
        if self.eat("(") && !self.eat(")") {
            self.error(Finding::error(self.token().span, "a class of a task stands on no other class"));
            self.skip_statement();
            return;
        }
        if !self.expect(":", "after the name of a class") {
            return self.skip_statement();
        }
        let mut fields = Vec::new();
        if self.kind() != TokenKind::Newline {
            self.class_line(&mut fields);
        } else {
            self.bump();
            if self.kind() != TokenKind::Indent {
                let finding = Finding::error(self.last_span(), "expected an indented block");
                self.error(finding.suggest("write a field a line, as `cell: int = 0`"));
                return;
            }
            self.bump();
            while !matches!(self.kind(), TokenKind::Dedent | TokenKind::End) {
                match self.kind() {
                    TokenKind::Newline => drop(self.bump()),
                    TokenKind::Indent => self.skip_block(),
                    _ => self.class_line(&mut fields),
                }
            }
            self.bump();
        }
        self.classes.push(Class { name, fields });
    }

    /// A field, `pass`, or a text that describes the class.
    fn class_line(&mut self, fields: &mut Vec<ClassField>) {
        let before = self.at;
        if self.eat("pass") || self.eat("...") || self.kind() == TokenKind::Str {
            if self.kind() == TokenKind::Str {
                self.bump();
            }
            return self.end_of_statement();
        }
        if self.is("def") || self.is("@") {
            let finding = Finding::error(self.token().span, "a class of a task has fields alone");
            self.error(finding.suggest("write the function at top level, and hand it the object"));
            return self.skip_statement();
        }
        let Some(name) = self.ident("the name of a field") else { return self.skip_statement() };
        if !self.is(":") {
            let message = format!("the field `{}` has no type", name.name);
            let suggestion = format!("write `{}: int = 0`, with `int`, `float`, `bool` or `list[int]`", name.name);
            self.error(Finding::error(name.span, message).suggest(suggestion));
            return self.skip_statement();
        }
        self.bump();
        let annotation = self.expression();
        let default = self.eat("=").then(|| self.expression());
        let span = name.span.to(self.last_span());
        if fields.iter().any(|field| field.name.name == name.name) {
            self.error(Finding::error(name.span, format!("the field `{}` stands here twice", name.name)));
        }
        if !matches!(annotation, Expr { kind: ExprKind::Error, .. }) {
            fields.push(ClassField { name, annotation, default, span });
        }
        self.end_of_statement();
        if self.at == before {
            self.bump();
        }
    }
}
