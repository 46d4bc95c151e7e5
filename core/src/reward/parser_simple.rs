//! Statements that are read for their words alone: imports, what is printed, what is raised.

use super::ast::{Expr, ExprKind, Ident, StmtKind};
use super::diagnostics::Finding;
use super::lexer::TokenKind;
use super::parser::Parser;

impl Parser {
    /// The statement only prints or logs.
    pub(super) fn prints(&self) -> bool {
        let word = self.token().text.as_str();
        let is_call = |ahead: usize| self.look(ahead).kind == TokenKind::Op && self.look(ahead).text == "(";
        word == "print" && is_call(1)
            || matches!(word, "logging" | "logger" | "log" | "warnings")
                && self.look(1).text == "."
                && self.look(2).kind == TokenKind::Name
                && is_call(3)
    }

    /// Skips to the end of the line, whatever stands there.
    pub(super) fn skip_line(&mut self) {
        while !matches!(self.kind(), TokenKind::Newline | TokenKind::End | TokenKind::Indent | TokenKind::Dedent) {
            self.bump();
        }
    }

    /// A name with dots, as imports have.
    fn dotted(&mut self) -> Option<Ident> {
        while self.eat(".") || self.eat("...") {}
        let mut name = self.ident("the name of a module")?;
        while self.eat(".") {
            let part = self.ident("the name of a module")?;
            name.name = format!("{}.{}", name.name, part.name);
            name.span = name.span.to(part.span);
        }
        Some(name)
    }

    /// `import math`, `import numpy as np`
    pub(super) fn import(&mut self) -> Option<StmtKind> {
        self.bump();
        while let Some(module) = self.dotted() {
            if self.eat("as") {
                let name = self.ident("a name for the module")?;
                self.imports.push((name, module.name));
            } else {
                let first = module.name.split('.').next().unwrap_or_default().to_string();
                self.imports.push((Ident { name: first.clone(), span: module.span }, first));
            }
            if !self.eat(",") {
                break;
            }
        }
        self.end_of_statement();
        Some(StmtKind::Pass)
    }

    /// `from math import sqrt, pi as circle`
    pub(super) fn import_from(&mut self) -> Option<StmtKind> {
        self.bump();
        let module = if self.is("import") { String::new() } else { self.dotted()?.name };
        if !self.expect("import", "after the name of the module") {
            self.skip_statement();
            return None;
        }
        let bracket = self.eat("(");
        while !self.eat("*") {
            let name = self.ident("a name to import")?;
            let own = if self.eat("as") { self.ident("another name for it")? } else { name.clone() };
            self.imports.push((own, format!("{module}.{}", name.name)));
            if !self.eat(",") || self.is(")") {
                break;
            }
        }
        if bracket {
            self.expect(")", "after the names");
        }
        self.end_of_statement();
        Some(StmtKind::Pass)
    }

    pub(super) fn raise(&mut self) -> StmtKind {
        self.bump();
        let text = match self.kind() {
            TokenKind::Newline | TokenKind::End => "RuntimeError: No active exception to reraise".to_string(),
            _ => {
                let error = self.expression();
                if self.eat("from") {
                    self.expression();
                }
                raised(&error)
            }
        };
        self.end_of_statement();
        StmtKind::Raise(text)
    }

    pub(super) fn assert(&mut self) -> StmtKind {
        let start = self.bump().span;
        let test = self.expression();
        if matches!(test.kind, ExprKind::List { is_tuple: true, .. }) {
            let finding = Finding::warning(start.to(test.span), "a tuple is always true, so this never fails");
            self.error(finding.suggest("write `assert condition, \"message\"`, without brackets"));
        }
        let message = self.eat(",").then(|| self.expression()).and_then(|message| words(&message));
        self.end_of_statement();
        StmtKind::Assert(test, message.map_or("AssertionError".to_string(), |text| format!("AssertionError: {text}")))
    }
}

/// How CPython prints an exception: its class, and its message where there is one.
fn raised(error: &Expr) -> String {
    match &error.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::Attr(_, name) => name.name.clone(),
        ExprKind::Call { func, args, .. } => {
            let class = raised(func);
            match args.first().and_then(words).filter(|text| !text.is_empty()) {
                Some(text) => format!("{class}: {text}"),
                None => class,
            }
        }
        _ => "TypeError: exceptions must derive from BaseException".to_string(),
    }
}

/// The first words of a message: what is computed into it stays as it is written.
fn words(message: &Expr) -> Option<String> {
    match &message.kind {
        ExprKind::Str(text) | ExprKind::Text(text) => Some(text.clone()),
        ExprKind::Binary(_, left, right) => words(left).or_else(|| words(right)),
        ExprKind::Call { func, .. } => words(func),
        ExprKind::Attr(base, _) => words(base),
        _ => None,
    }
}
