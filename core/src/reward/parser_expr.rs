//! Expressions, by precedence, as in Python's grammar.

use super::ast::{BinOp, CmpOp, Expr, ExprKind, Ident};
use super::diagnostics::{Finding, Span};
use super::lexer::TokenKind;
use super::parser::Parser;

/// Operators may be chained this far; the tree of an expression is no higher.
const MAX_HEIGHT: u16 = 100;

impl Parser {
    pub(super) fn node(&mut self, span: Span, kind: ExprKind) -> Expr {
        let height = 1 + children_height(&kind);
        if height > MAX_HEIGHT {
            if !self.gave_up {
                self.gave_up = true;
                self.error(
                    Finding::error(
                        span,
                        format!("this expression is too long: more than {MAX_HEIGHT} operators in a row"),
                    )
                    .suggest("split it over several variables"),
                );
            }
            return Expr { span, kind: ExprKind::Error, height: 1 };
        }
        Expr { span, kind, height }
    }

    pub(super) fn invalid(&mut self, span: Span) -> Expr {
        self.node(span, ExprKind::Error)
    }

    /// An expression, or several with commas between: a tuple.
    pub(super) fn expression_list(&mut self) -> Expr {
        let first = self.expression();
        if !self.is(",") {
            return first;
        }
        let mut elements = vec![first];
        while self.eat(",") {
            if matches!(self.kind(), TokenKind::Newline | TokenKind::End)
                || self.is("=")
                || self.is(")")
                || self.is(":")
            {
                break;
            }
            elements.push(self.expression());
        }
        let span = elements[0].span.to(self.last_span());
        self.node(span, ExprKind::List { elements, is_tuple: true })
    }

    /// One expression: conditional, or anything that binds tighter.
    pub(super) fn expression(&mut self) -> Expr {
        if !self.deeper() {
            return self.skip_expression();
        }
        let expr = self.conditional();
        self.nesting -= 1;
        expr
    }

    pub(super) fn skip_expression(&mut self) -> Expr {
        let start = self.token().span;
        let mut depth = 0usize;
        while !matches!(self.kind(), TokenKind::Newline | TokenKind::End | TokenKind::Indent | TokenKind::Dedent) {
            if self.kind() == TokenKind::Op {
                match self.token().text.as_str() {
                    "(" | "[" | "{" => depth += 1,
                    ")" | "]" | "}" if depth == 0 => break,
                    ")" | "]" | "}" => depth -= 1,
                    _ => {}
                }
            }
            self.bump();
        }
        self.invalid(start)
    }

    fn conditional(&mut self) -> Expr {
        if self.is("lambda") {
            return self.lambda();
        }
        let then = self.or();
        if self.is(":=") {
            let span = self.token().span;
            self.error(Finding::error(span, "`:=` is not supported").suggest("assign on a line of its own"));
            self.bump();
            return self.expression();
        }
        if !self.is("if") {
            return then;
        }
        self.bump();
        let test = self.or();
        if !self.is("else") {
            let span = then.span.to(test.span);
            self.error(
                Finding::error(span, "a conditional expression needs an `else`")
                    .suggest("write `value if condition else other`"),
            );
            return self.invalid(span);
        }
        self.bump();
        let els = self.expression();
        let span = then.span.to(els.span);
        self.node(span, ExprKind::Cond { test: Box::new(test), then: Box::new(then), els: Box::new(els) })
    }

    fn lambda(&mut self) -> Expr {
        let start = self.bump().span;
        let mut params = Vec::new();
        while !self.is(":") {
            let Some(param) = self.ident("a parameter of `lambda`") else { return self.skip_expression() };
            params.push(param);
            if !self.eat(",") {
                break;
            }
        }
        if !self.expect(":", "after the parameters of `lambda`") {
            return self.skip_expression();
        }
        let body = self.expression();
        let span = start.to(body.span);
        self.node(span, ExprKind::Lambda(params, Box::new(body)))
    }

    pub(super) fn or(&mut self) -> Expr {
        let first = self.and();
        if !self.is("or") && !self.is("||") {
            return first;
        }
        let mut operands = vec![first];
        while self.is("or") || self.is("||") {
            self.python_word("||", "or");
            operands.push(self.and());
        }
        let span = operands[0].span.to(self.last_span());
        self.node(span, ExprKind::Or(operands))
    }

    fn and(&mut self) -> Expr {
        let first = self.not();
        if !self.is("and") && !self.is("&&") {
            return first;
        }
        let mut operands = vec![first];
        while self.is("and") || self.is("&&") {
            self.python_word("&&", "and");
            operands.push(self.not());
        }
        let span = operands[0].span.to(self.last_span());
        self.node(span, ExprKind::And(operands))
    }

    /// Passes an operator, reporting the spelling of another language.
    fn python_word(&mut self, foreign: &str, word: &str) {
        if self.is(foreign) {
            let span = self.token().span;
            self.error(Finding::error(span, format!("`{foreign}` is not Python")).suggest(format!("write `{word}`")));
        }
        self.bump();
    }

    fn not(&mut self) -> Expr {
        if !self.is("not") {
            return self.comparison();
        }
        let start = self.bump().span;
        if !self.deeper() {
            return self.skip_expression();
        }
        let operand = self.not();
        self.nesting -= 1;
        let span = start.to(operand.span);
        self.node(span, ExprKind::Not(Box::new(operand)))
    }

    fn comparison(&mut self) -> Expr {
        let first = self.sum();
        let mut rest = Vec::new();
        while let Some(op) = self.comparison_operator() {
            rest.push((op, self.sum()));
        }
        if rest.is_empty() {
            return first;
        }
        let span = first.span.to(self.last_span());
        self.node(span, ExprKind::Compare(Box::new(first), rest))
    }

    fn comparison_operator(&mut self) -> Option<CmpOp> {
        if !matches!(self.kind(), TokenKind::Op | TokenKind::Name) {
            return None;
        }
        let op = match self.token().text.as_str() {
            "<" => CmpOp::Lt,
            "<=" => CmpOp::Le,
            ">" => CmpOp::Gt,
            ">=" => CmpOp::Ge,
            "==" => CmpOp::Eq,
            "!=" => CmpOp::Ne,
            "in" => CmpOp::In,
            "not" if self.look(1).text == "in" => {
                self.bump();
                CmpOp::NotIn
            }
            "is" if self.look(1).text == "not" => {
                self.bump();
                CmpOp::IsNot
            }
            "is" => CmpOp::Is,
            _ => return None,
        };
        self.bump();
        Some(op)
    }

    fn sum(&mut self) -> Expr {
        let mut left = self.product();
        loop {
            let op = match self.token().text.as_str() {
                _ if self.kind() != TokenKind::Op => return left,
                "+" => BinOp::Add,
                "-" => BinOp::Sub,
                bits @ ("&" | "|" | "^" | "<<" | ">>") => {
                    let instead = match bits {
                        "&" => "write `and`",
                        "|" => "write `or`",
                        "^" => "a power is written `**`",
                        _ => "multiply or divide by a power of two",
                    };
                    let finding =
                        Finding::error(self.token().span, format!("the bit operator `{bits}` is not supported"));
                    self.error(finding.suggest(instead));
                    self.bump();
                    self.product();
                    left = self.invalid(left.span);
                    continue;
                }
                _ => return left,
            };
            self.bump();
            let right = self.product();
            let span = left.span.to(right.span);
            left = self.node(span, ExprKind::Binary(op, Box::new(left), Box::new(right)));
        }
    }

    fn product(&mut self) -> Expr {
        let mut left = self.unary();
        loop {
            let op = match self.token().text.as_str() {
                _ if self.kind() != TokenKind::Op => return left,
                "*" => BinOp::Mul,
                "/" => BinOp::Div,
                "//" => BinOp::FloorDiv,
                "%" => BinOp::Mod,
                _ => return left,
            };
            self.bump();
            let right = self.unary();
            let span = left.span.to(right.span);
            left = self.node(span, ExprKind::Binary(op, Box::new(left), Box::new(right)));
        }
    }

    fn unary(&mut self) -> Expr {
        let text = self.token().text.clone();
        if self.kind() != TokenKind::Op || !matches!(text.as_str(), "-" | "+" | "~") {
            return self.power();
        }
        let start = self.bump().span;
        if !self.deeper() {
            return self.skip_expression();
        }
        let operand = self.unary();
        self.nesting -= 1;
        let span = start.to(operand.span);
        match text.as_str() {
            "-" => self.node(span, ExprKind::Neg(Box::new(operand))),
            "+" => self.node(span, ExprKind::Pos(Box::new(operand))),
            _ => {
                self.error(Finding::error(span, "the bit operator `~` is not supported").suggest("write `not`"));
                self.invalid(span)
            }
        }
    }

    fn power(&mut self) -> Expr {
        let base = self.postfix();
        if !self.is("**") {
            return base;
        }
        self.bump();
        if !self.deeper() {
            return self.skip_expression();
        }
        let exponent = self.unary();
        self.nesting -= 1;
        let span = base.span.to(exponent.span);
        self.node(span, ExprKind::Binary(BinOp::Pow, Box::new(base), Box::new(exponent)))
    }

    fn postfix(&mut self) -> Expr {
        let mut expr = self.atom();
        loop {
            if self.kind() != TokenKind::Op {
                return expr;
            }
            match self.token().text.as_str() {
                "." => {
                    self.bump();
                    let Some(name) = self.ident("the name of a field after `.`") else {
                        return self.invalid(expr.span);
                    };
                    let span = expr.span.to(name.span);
                    expr = self.node(span, ExprKind::Attr(Box::new(expr), name));
                }
                "(" => expr = self.call(expr),
                "[" => expr = self.subscript(expr),
                _ => return expr,
            }
        }
    }

    fn call(&mut self, func: Expr) -> Expr {
        self.bump();
        let mut args = Vec::new();
        let mut keywords = Vec::new();
        while !self.is(")") && !matches!(self.kind(), TokenKind::Newline | TokenKind::End) {
            if self.kind() == TokenKind::Name && self.look(1).kind == TokenKind::Op && self.look(1).text == "=" {
                let token = self.bump();
                self.bump();
                let value = self.expression();
                keywords.push((Ident { name: token.text, span: token.span }, value));
            } else if self.is("*") || self.is("**") {
                let span = self.bump().span;
                self.error(
                    Finding::error(span, "arguments cannot be unpacked with `*`").suggest("pass them one by one"),
                );
                self.expression();
            } else {
                let element = self.expression();
                args.push(if self.is("for") { self.comprehension(element, false) } else { element });
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")", "after the arguments");
        let span = func.span.to(self.last_span());
        self.node(span, ExprKind::Call { func: Box::new(func), args, keywords })
    }

    /// `float, float` in the type `tuple[float, float]`.
    fn types_together(&mut self, first: Expr) -> Expr {
        let span = first.span;
        let mut elements = vec![first];
        while self.eat(",") {
            elements.push(self.expression());
        }
        let span = span.to(self.last_span());
        self.node(span, ExprKind::List { elements, is_tuple: true })
    }

    fn subscript(&mut self, list: Expr) -> Expr {
        self.bump();
        let mut first = (!self.is(":")).then(|| Box::new(self.expression()));
        if let Some(element) = first.take_if(|_| self.is_task && self.is(",")) {
            first = Some(Box::new(self.types_together(*element)));
        }
        if !self.is(":") {
            self.expect("]", "after the index");
            let span = list.span.to(self.last_span());
            return match first {
                Some(index) => self.node(span, ExprKind::Index(Box::new(list), index)),
                None => self.invalid(span),
            };
        }
        self.bump();
        let last = (!self.is("]") && !self.is(":")).then(|| Box::new(self.expression()));
        if self.is(":") {
            let span = self.bump().span;
            if !self.is("]") {
                self.expression();
            }
            self.error(Finding::error(span, "slices with a step are not supported").suggest("use `for` over a range"));
        }
        self.expect("]", "after the slice");
        let span = list.span.to(self.last_span());
        self.node(span, ExprKind::Slice(Box::new(list), first, last))
    }

    fn atom(&mut self) -> Expr {
        let token = self.token().clone();
        match token.kind {
            TokenKind::Int => {
                self.bump();
                match token.text.parse::<i64>().ok().filter(|value| *value <= i64::from(i32::MAX)) {
                    Some(value) => self.node(token.span, ExprKind::Int(value)),
                    None => {
                        self.error(
                            Finding::error(token.span, "an int has at most 32 bits here")
                                .suggest("write it as a float, with `.0`"),
                        );
                        self.invalid(token.span)
                    }
                }
            }
            TokenKind::Float => {
                self.bump();
                let value = token.text.parse::<f64>().unwrap_or(0.0);
                self.node(token.span, ExprKind::Float(value))
            }
            TokenKind::Str | TokenKind::Text => {
                let mut text = String::new();
                let mut span = token.span;
                let mut is_formatted = false;
                while matches!(self.kind(), TokenKind::Str | TokenKind::Text) {
                    let part = self.bump();
                    is_formatted |= part.kind == TokenKind::Text;
                    text.push_str(&part.text);
                    span = span.to(part.span);
                }
                self.node(span, if is_formatted { ExprKind::Text(text) } else { ExprKind::Str(text) })
            }
            TokenKind::Name => match token.text.as_str() {
                "True" | "False" => {
                    self.bump();
                    self.node(token.span, ExprKind::Bool(token.text == "True"))
                }
                "None" => {
                    self.bump();
                    self.node(token.span, ExprKind::None)
                }
                "true" | "false" | "null" | "nil" => {
                    self.bump();
                    let right = match token.text.as_str() {
                        "true" => "True",
                        "false" => "False",
                        _ => "None",
                    };
                    self.error(
                        Finding::error(token.span, format!("no name `{}`", token.text))
                            .suggest(format!("did you mean `{right}`?")),
                    );
                    self.invalid(token.span)
                }
                _ => match self.ident("a value") {
                    Some(name) => self.node(name.span, ExprKind::Name(name.name)),
                    None => {
                        if !matches!(token.text.as_str(), "else" | "for" | "in" | "if") {
                            self.bump();
                        }
                        self.invalid(token.span)
                    }
                },
            },
            TokenKind::Bad => {
                self.bump();
                self.invalid(token.span)
            }
            TokenKind::Op if token.text == "(" => self.parenthesis(),
            TokenKind::Op if token.text == "[" => self.brackets(),
            TokenKind::Op if token.text == "{" => self.braces(),
            _ => {
                let message = format!("expected a value, found {}", self.found());
                let mut finding = Finding::error(token.span, message);
                if let Some(sign @ ("+" | "-")) = self.doubled() {
                    finding = finding.suggest(format!("write `{sign}= 1`"));
                }
                self.error(finding);
                if token.kind == TokenKind::Op
                    && !matches!(token.text.as_str(), ")" | "]" | "}" | "," | ":" | "=" | ";")
                {
                    self.bump();
                }
                self.invalid(token.span)
            }
        }
    }
}

fn children_height(kind: &ExprKind) -> u16 {
    let many = |exprs: &[Expr]| exprs.iter().map(|expr| expr.height).max().unwrap_or(0);
    match kind {
        ExprKind::Attr(a, _) | ExprKind::Neg(a) | ExprKind::Pos(a) | ExprKind::Not(a) => a.height,
        ExprKind::Index(a, b) | ExprKind::Binary(_, a, b) => a.height.max(b.height),
        ExprKind::Slice(a, b, c) => {
            let bound = |e: &Option<Box<Expr>>| e.as_ref().map_or(0, |e| e.height);
            a.height.max(bound(b)).max(bound(c))
        }
        ExprKind::Call { func, args, keywords } => {
            let keyword = keywords.iter().map(|(_, value)| value.height).max().unwrap_or(0);
            func.height.max(many(args)).max(keyword)
        }
        ExprKind::Compare(a, rest) => rest.iter().map(|(_, e)| e.height).max().unwrap_or(0).max(a.height),
        ExprKind::And(operands) | ExprKind::Or(operands) | ExprKind::Set(operands) => many(operands),
        ExprKind::List { elements, .. } => many(elements),
        ExprKind::Dict(entries) => entries.iter().map(|(key, value)| key.height.max(value.height)).max().unwrap_or(0),
        ExprKind::Lambda(_, body) => body.height,
        ExprKind::Cond { test, then, els } => test.height.max(then.height).max(els.height),
        ExprKind::Comp { element, clauses, .. } => clauses
            .iter()
            .map(|clause| clause.iter.height.max(many(&clause.conditions)))
            .max()
            .unwrap_or(0)
            .max(element.height),
        _ => 0,
    }
}
