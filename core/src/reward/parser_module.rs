//! What stands at top level: functions, constants and `weights`.

use super::ast::{Expr, ExprKind, Function, Ident, Module, Param, StmtKind, Target};
use super::diagnostics::Finding;
use super::lexer::TokenKind;
use super::parser::Parser;

impl Parser {
    pub(super) fn module(&mut self) -> Module {
        let mut module = Module::default();
        while self.kind() != TokenKind::End {
            if matches!(self.kind(), TokenKind::Newline | TokenKind::Dedent) {
                self.bump();
                continue;
            }
            if self.kind() == TokenKind::Indent {
                self.error(Finding::error(self.token().span, "this line is indented but belongs to no block"));
                self.skip_block();
                continue;
            }
            if self.is("@") {
                self.decorator();
                continue;
            }
            if self.is("def") {
                self.function();
                continue;
            }
            if self.is_task && self.is("class") {
                self.class();
                continue;
            }
            let words = ["if", "__name__", "==", "__main__", ":"];
            if words.iter().zip(0..).all(|(word, ahead)| self.look(ahead).text == *word) {
                self.skip_line();
                self.skip_statement();
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
                    StmtKind::Assign(targets, value) => self.constants(&mut module, targets, value),
                    StmtKind::Pass | StmtKind::Def(_) => {}
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
        while !self.is("}") && !matches!(self.kind(), TokenKind::Newline | TokenKind::End) {
            if self.kind() != TokenKind::Str {
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

    /// `A = value`, or `A, B = value, value`.
    fn constants(&mut self, module: &mut Module, targets: Vec<Target>, value: Expr) {
        for target in targets {
            match (target, &value.kind) {
                (Target::Name(name), _) => module.constants.push((name, value.clone())),
                (Target::Place(place), _) => {
                    self.error(Finding::error(place.span, "only names are given a value at top level"));
                }
                (Target::Tuple(targets, _), ExprKind::List { elements, .. }) if targets.len() == elements.len() => {
                    for (target, element) in targets.into_iter().zip(elements) {
                        self.constants(module, vec![target], element.clone());
                    }
                }
                (Target::Tuple(_, span), _) => self.error(
                    Finding::error(span, "several constants need as many values").suggest("write one line for each"),
                ),
            }
        }
    }

    /// A function and its place; what stands inside it comes after it.
    pub(super) fn function(&mut self) -> Option<usize> {
        self.bump();
        let Some(name) = self.ident("the name of a function") else {
            self.skip_statement();
            return None;
        };
        let place = self.functions.len();
        let parent = self.inside;
        self.functions.push(Function { name, params: Vec::new(), rest: Vec::new(), body: Vec::new(), parent });
        if self.expect("(", "after the name of a function") {
            self.params(place);
            self.expect(")", "after the parameters");
        }
        if self.eat("->") {
            self.annotation();
        }
        self.inside = Some(place);
        self.functions[place].body = self.block("after the head of the function");
        self.inside = parent;
        Some(place)
    }

    /// Those that change nothing but speed are ignored.
    fn decorator(&mut self) {
        let start = self.bump().span;
        let mut name = String::new();
        while self.kind() == TokenKind::Name || self.is(".") {
            name.push_str(&self.bump().text);
        }
        let last = name.rsplit('.').next().unwrap_or("");
        if !matches!(last, "jit" | "njit" | "script" | "compile" | "cache" | "lru_cache" | "staticmethod") {
            let finding =
                Finding::error(start.to(self.last_span()), format!("the decorator `@{name}` is not supported"));
            self.error(finding.suggest("remove this line, and write in the function what it does"));
        }
        self.skip_line();
        self.end_of_statement();
    }

    fn params(&mut self, place: usize) {
        let mut by_name = false;
        while !self.is(")") && !matches!(self.kind(), TokenKind::Newline | TokenKind::End) {
            let is_rest = self.is("*") || self.is("**");
            if self.is("*") && by_name || self.is("/") && self.functions[place].params.is_empty() {
                let message = format!("`{}` cannot stand here", self.token().text);
                self.error(Finding::error(self.token().span, message));
            }
            by_name |= self.is("*");
            if (self.eat("*") || self.eat("/")) && (self.is(",") || self.is(")")) {
                self.eat(",");
                continue;
            }
            self.eat("**");
            let Some(param) = self.ident("the name of a parameter") else { return };
            let function = &self.functions[place];
            let names = function.params.iter().map(|param| &param.name).chain(&function.rest);
            if names.into_iter().any(|other| other.name == param.name) {
                self.error(Finding::error(param.span, format!("the parameter `{}` is named twice", param.name)));
            }
            if self.eat(":") {
                self.annotation();
            }
            let default = self.eat("=").then(|| self.expression());
            let function = &mut self.functions[place];
            match is_rest {
                true => function.rest.push(param),
                false => function.params.push(Param { name: param, default, by_name }),
            }
            if !self.eat(",") {
                return;
            }
        }
    }
}
