//! What stands at top level: functions, constants and `weights`.

use super::ast::{Expr, ExprKind, Function, Ident, Module, StmtKind};
use super::diagnostics::Finding;
use super::lexer::Kind;
use super::parser::Parser;

impl Parser {
    pub(super) fn module(&mut self) -> Module {
        let mut module = Module::default();
        while self.kind() != Kind::End {
            if matches!(self.kind(), Kind::Newline | Kind::Dedent) {
                self.bump();
                continue;
            }
            if self.kind() == Kind::Indent {
                self.error(Finding::error(self.token().span, "this line is indented but belongs to no block"));
                self.skip_block();
                continue;
            }
            if self.is("@") {
                self.error(
                    Finding::error(self.token().span, "decorators are not supported").suggest("remove this line"),
                );
                self.skip_statement();
                continue;
            }
            if self.is("def") {
                module.functions.extend(self.function());
                continue;
            }
            let sets = self.look(1).text == "=" && self.look(2).text == "{";
            if self.is("weights") && (sets || self.look(1).text == ":") {
                self.weights(&mut module);
                continue;
            }
            let start = self.token().span;
            for stmt in self.statement() {
                match stmt.kind {
                    StmtKind::Assign(mut targets, value) if targets.len() == 1 => {
                        module.constants.extend(targets.pop().map(|target| (target, value)));
                    }
                    StmtKind::Pass => {}
                    StmtKind::Expr(Expr { kind: ExprKind::Str(_) | ExprKind::Error, .. }) => {}
                    _ => self.error(
                        Finding::error(
                            start.to(stmt.span),
                            "only functions, constants and `weights` stand at top level",
                        )
                        .suggest("move this into a function"),
                    ),
                }
            }
        }
        module
    }

    fn weights(&mut self, module: &mut Module) {
        let start = self.bump().span;
        if self.eat(":") {
            self.annotation();
        }
        if !self.expect("=", "after `weights`") || !self.expect("{", "after `weights =`") {
            self.skip_statement();
            return;
        }
        let mut entries = Vec::new();
        while !self.is("}") && !matches!(self.kind(), Kind::Newline | Kind::End) {
            if self.kind() != Kind::Str {
                let message = format!("expected the name of a component as a string, found {}", self.found());
                self.error(Finding::error(self.token().span, message));
                self.skip_statement();
                return;
            }
            let key = self.bump();
            self.expect(":", "after the name of a component");
            let value = self.expression();
            entries.push((Ident { name: key.text, span: key.span }, value));
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}", "at the end of `weights`");
        let span = start.to(self.last_span());
        if module.weights.is_some() {
            self.error(Finding::error(span, "`weights` is set twice"));
        }
        module.weights = Some((span, entries));
        self.end_of_statement();
    }

    fn function(&mut self) -> Option<Function> {
        self.bump();
        let Some(name) = self.ident("the name of a function") else {
            self.skip_statement();
            return None;
        };
        let mut params: Vec<Ident> = Vec::new();
        if self.expect("(", "after the name of a function") {
            while !self.is(")") && !matches!(self.kind(), Kind::Newline | Kind::End) {
                if self.is("*") || self.is("**") || self.is("/") {
                    self.error(Finding::error(self.token().span, "only plain parameters are supported"));
                    self.bump();
                    continue;
                }
                let Some(param) = self.ident("the name of a parameter") else {
                    break;
                };
                if params.iter().any(|other| other.name == param.name) {
                    self.error(Finding::error(param.span, format!("the parameter `{}` is named twice", param.name)));
                }
                params.push(param);
                if self.eat(":") {
                    self.annotation();
                }
                if self.is("=") {
                    self.error(Finding::error(self.token().span, "default values of parameters are not supported"));
                    self.bump();
                    self.expression();
                }
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")", "after the parameters");
        }
        if self.eat("->") {
            self.annotation();
        }
        let body = self.block("after the head of the function");
        Some(Function { name, params, body })
    }
}
