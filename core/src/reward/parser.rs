//! Statements: tokens to a tree. Parsing never fails; it returns a tree and what was wrong with the text.

use super::ast::{BinOp, Class, ExprKind, Function, Ident, Module, Stmt, StmtKind, Target};
use super::diagnostics::{Finding, Span};
use super::lexer::{Token, TokenKind, lex};
use crate::spelling::closest;

/// Brackets and blocks may nest this deep.
pub const MAX_NESTING: usize = 32;
const MAX_FINDINGS: usize = 30;
const KEYWORDS: [&str; 34] = [
    "def", "return", "if", "elif", "else", "for", "in", "and", "or", "not", "is", "None", "True", "False", "break",
    "continue", "pass", "while", "lambda", "import", "from", "raise", "assert", "class", "try", "except", "finally",
    "with", "global", "nonlocal", "del", "yield", "async", "await",
];

pub fn parse(source: &str) -> (Module, Vec<Finding>) {
    parse_as(source, false)
}

/// As `parse`, for a task program: it may have classes, and assigns to fields and elements.
pub fn parse_task(source: &str) -> (Module, Vec<Finding>) {
    parse_as(source, true)
}

fn parse_as(source: &str, is_task: bool) -> (Module, Vec<Finding>) {
    let (tokens, findings) = lex(source);
    let mut parser = Parser {
        tokens,
        at: 0,
        findings,
        nesting: 0,
        gave_up: false,
        functions: Vec::new(),
        inside: None,
        imports: Vec::new(),
        print: None,
        is_task,
        classes: Vec::new(),
    };
    let mut module = parser.module();
    module.mentions_inf = parser.tokens.iter().any(is_inf);
    module.functions = std::mem::take(&mut parser.functions);
    module.imports = std::mem::take(&mut parser.imports);
    module.print = parser.print;
    module.classes = std::mem::take(&mut parser.classes);
    parser.findings.truncate(MAX_FINDINGS);
    (module, parser.findings)
}

/// The different strings of a source, in their order.
pub fn strings(source: &str) -> Vec<String> {
    let mut strings = Vec::new();
    for token in lex(source).0.into_iter().filter(|token| token.kind == TokenKind::Str) {
        if !strings.contains(&token.text) {
            strings.push(token.text);
        }
    }
    strings
}

/// `inf`, or the string that `float` makes it of.
fn is_inf(token: &Token) -> bool {
    match token.kind {
        TokenKind::Name => token.text == "inf",
        TokenKind::Str => {
            let text = token.text.trim().to_ascii_lowercase();
            matches!(text.trim_start_matches(['+', '-']), "inf" | "infinity")
        }
        _ => false,
    }
}

pub(super) struct Parser {
    tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) findings: Vec<Finding>,
    pub(super) nesting: usize,
    /// Nesting went too deep; reported once.
    pub(super) gave_up: bool,
    pub(super) functions: Vec<Function>,
    /// The function whose body is being read.
    pub(super) inside: Option<usize>,
    pub(super) imports: Vec<(Ident, String)>,
    pub(super) print: Option<Span>,
    pub(super) is_task: bool,
    pub(super) classes: Vec<Class>,
}

/// Python that the language leaves out, by the word a statement starts with: what to say and what to do instead.
fn unsupported(word: &str) -> Option<(&'static str, &'static str)> {
    Some(match word {
        "while" => ("`while` is not supported: every program must end", "use `for` over a range or a list"),
        "try" | "except" | "finally" => {
            ("exceptions cannot be caught", "remove `try`; a sample whose program fails is left out and counted")
        }
        "class" => (
            "classes are not supported: nothing is kept from one call to the next",
            "write functions at top level; what an object kept of earlier steps is read from the episode, as `ep.x[t - 1]`",
        ),
        "with" => ("`with` is not supported: a program reads nothing but the episode", "remove it"),
        "global" | "nonlocal" => (
            "a function cannot change variables outside itself: nothing is kept from one call to the next",
            "return the value instead; what earlier steps did is read from the episode, as `ep.x[t - 1]`",
        ),
        "del" => ("`del` is not supported", "remove it"),
        "async" | "await" | "yield" => ("generators and coroutines are not supported", "return one value"),
        "match" => ("`match` is not supported", "use `if` and `elif`"),
        _ => return None,
    })
}

impl Parser {
    pub(super) fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn look(&self, ahead: usize) -> &Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    pub(super) fn bump(&mut self) -> Token {
        let token = self.token().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    pub(super) fn kind(&self) -> TokenKind {
        self.token().kind
    }

    /// The current token is this operator or keyword.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind(), TokenKind::Op | TokenKind::Name) && self.token().text == text
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.is(text);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    pub(super) fn error(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Reports what holds for every place of its kind at the first of them.
    pub(super) fn say_once(&mut self, finding: Finding) {
        if self.findings.iter().all(|other| other.message != finding.message) {
            self.findings.push(finding);
        }
    }

    /// How the current token is named in a message.
    pub(super) fn found(&self) -> String {
        let token = self.token();
        match token.kind {
            TokenKind::Newline => "the end of the line".to_string(),
            TokenKind::Indent => "an indented line".to_string(),
            TokenKind::Dedent | TokenKind::End => "the end of the block".to_string(),
            TokenKind::Str | TokenKind::Bad => "a string".to_string(),
            _ => format!("`{}`", token.text),
        }
    }

    /// The sign that was just read twice, as in `i++`.
    pub(super) fn doubled(&self) -> Option<&str> {
        let [.., a, b] = &self.tokens[..self.at] else { return None };
        (a.text == b.text && a.span.end == b.span.start && a.kind == TokenKind::Op).then_some(b.text.as_str())
    }

    pub(super) fn expect(&mut self, text: &str, context: &str) -> bool {
        if self.eat(text) {
            return true;
        }
        // The lexer has said so already.
        let is_close = matches!(text, ")" | "]" | "}") && matches!(self.kind(), TokenKind::Newline | TokenKind::End);
        if is_close && self.findings.iter().any(|finding| finding.message.ends_with("is never closed")) {
            return false;
        }
        let message = format!("expected `{text}` {context}, found {}", self.found());
        self.error(Finding::error(self.token().span, message));
        false
    }

    pub(super) fn ident(&mut self, what: &str) -> Option<Ident> {
        let token = self.token().clone();
        if token.kind == TokenKind::Name && !KEYWORDS.contains(&token.text.as_str()) {
            self.bump();
            return Some(Ident { name: token.text, span: token.span });
        }
        let message = format!("expected {what}, found {}", self.found());
        self.error(Finding::error(token.span, message));
        None
    }

    /// Skips to the start of the next statement, past a block that belongs to the broken one.
    pub(super) fn skip_statement(&mut self) {
        while !matches!(self.kind(), TokenKind::Newline | TokenKind::End | TokenKind::Indent | TokenKind::Dedent) {
            self.bump();
        }
        if self.kind() == TokenKind::Newline {
            self.bump();
        }
        if self.kind() == TokenKind::Indent {
            self.skip_block();
        }
    }

    pub(super) fn skip_block(&mut self) {
        let mut depth = 0;
        loop {
            match self.kind() {
                TokenKind::Indent => depth += 1,
                TokenKind::Dedent => depth -= 1,
                TokenKind::End => return,
                _ => {}
            }
            self.bump();
            if depth <= 0 {
                return;
            }
        }
    }

    pub(super) fn end_of_statement(&mut self) {
        if self.eat(";") {
            if self.kind() == TokenKind::Newline {
                self.bump();
            }
            return;
        }
        match self.kind() {
            TokenKind::Newline => {
                self.bump();
            }
            TokenKind::End | TokenKind::Dedent => {}
            _ => {
                let mut finding =
                    Finding::error(self.token().span, format!("expected the end of the line, found {}", self.found()));
                if self.is("=") {
                    finding = finding.suggest("to compare, write `==`");
                }
                self.error(finding);
                self.skip_statement();
            }
        }
    }

    /// Skips an annotation: it says nothing that the types do not.
    pub(super) fn annotation(&mut self) {
        let mut depth = 0usize;
        if self.kind() != TokenKind::Name && self.kind() != TokenKind::Str && !self.is("[") && !self.is("(") {
            let message = format!("expected a type after `:` or `->`, found {}", self.found());
            self.error(Finding::error(self.token().span, message));
        }
        while !matches!(self.kind(), TokenKind::Newline | TokenKind::End | TokenKind::Indent | TokenKind::Dedent) {
            if self.kind() == TokenKind::Op {
                match self.token().text.as_str() {
                    "(" | "[" | "{" => depth += 1,
                    "," | ")" | "=" | ":" if depth == 0 => return,
                    ")" | "]" | "}" => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            self.bump();
        }
    }

    /// `: statement` on one line, or an indented block.
    pub(super) fn block(&mut self, context: &str) -> Vec<Stmt> {
        if !self.expect(":", context) {
            while !matches!(self.kind(), TokenKind::Newline | TokenKind::End | TokenKind::Indent | TokenKind::Dedent) {
                self.bump();
            }
        }
        if self.kind() != TokenKind::Newline {
            return self.statement();
        }
        self.bump();
        if self.kind() != TokenKind::Indent {
            self.error(Finding::error(self.last_span(), "expected an indented block").suggest("indent the next line"));
            return Vec::new();
        }
        if !self.deeper() {
            self.skip_block();
            return Vec::new();
        }
        self.bump();
        let mut body = Vec::new();
        while !matches!(self.kind(), TokenKind::Dedent | TokenKind::End) {
            match self.kind() {
                TokenKind::Newline => {
                    self.bump();
                }
                TokenKind::Indent => {
                    self.error(Finding::error(self.token().span, "this line is indented too far"));
                    self.skip_block();
                }
                _ => body.extend(self.statement()),
            }
        }
        self.bump();
        self.nesting -= 1;
        body
    }

    /// Enters one more level of nesting; false (and one finding) when that is too deep.
    pub(super) fn deeper(&mut self) -> bool {
        if self.nesting >= MAX_NESTING {
            if !self.gave_up {
                self.gave_up = true;
                let message = format!("nested too deep: more than {MAX_NESTING} levels");
                self.error(Finding::error(self.token().span, message).suggest("use a helper function or a variable"));
            }
            return false;
        }
        self.nesting += 1;
        true
    }

    pub(super) fn statement(&mut self) -> Vec<Stmt> {
        let start = self.token().span;
        let before = self.at;
        let kind = self.statement_kind();
        if self.at == before {
            self.bump();
        }
        let span = start.to(self.last_span());
        kind.map(|kind| Stmt { span, kind }).into_iter().collect()
    }

    fn statement_kind(&mut self) -> Option<StmtKind> {
        let start = self.token().clone();
        if start.kind == TokenKind::Name {
            match start.text.as_str() {
                "if" => return Some(self.if_statement()),
                "for" => return self.for_statement(),
                "return" => {
                    self.bump();
                    let value = (!matches!(self.kind(), TokenKind::Newline | TokenKind::End) && !self.is(";"))
                        .then(|| self.expression_list());
                    self.end_of_statement();
                    return Some(StmtKind::Return(value));
                }
                "break" | "continue" | "pass" => {
                    self.bump();
                    self.end_of_statement();
                    return Some(match start.text.as_str() {
                        "break" => StmtKind::Break,
                        "continue" => StmtKind::Continue,
                        _ => StmtKind::Pass,
                    });
                }
                "def" => return self.function().map(StmtKind::Def),
                "import" => return self.import(),
                "from" => return self.import_from(),
                "raise" => return Some(self.raise()),
                "assert" => return Some(self.assert()),
                _ if self.prints() => {
                    self.print.get_or_insert(start.span);
                    self.skip_line();
                    self.end_of_statement();
                    return Some(StmtKind::Pass);
                }
                "elif" | "else" => {
                    self.error(Finding::error(start.span, format!("`{}` follows no `if`", start.text)));
                    self.skip_statement();
                    return None;
                }
                word => {
                    let next = self.look(1);
                    let is_value =
                        next.kind == TokenKind::Op && !matches!(next.text.as_str(), "(" | "[" | "{" | "-" | ":");
                    let is_keyword_only = matches!(word, "match") && next.kind == TokenKind::Op;
                    if let Some((message, suggestion)) = unsupported(word).filter(|_| !is_value && !is_keyword_only) {
                        self.say_once(Finding::error(start.span, message).suggest(suggestion));
                        self.skip_statement();
                        return None;
                    }
                    if next.kind == TokenKind::Name
                        && let Some(near) =
                            closest(word, ["return", "if", "for", "elif", "else", "def"]).filter(|near| *near != word)
                        && !matches!(next.text.as_str(), "if" | "in" | "is" | "and" | "or" | "not" | "for")
                    {
                        self.error(
                            Finding::error(start.span, format!("`{word}` starts no statement"))
                                .suggest(format!("did you mean `{near}`?")),
                        );
                        self.skip_statement();
                        return None;
                    }
                }
            }
        }
        if self.is("...") {
            self.bump();
            self.end_of_statement();
            return Some(StmtKind::Pass);
        }
        let target = self.expression_list();
        let is_annotated = matches!(target.kind, ExprKind::Name(_) | ExprKind::Attr(..) | ExprKind::Index(..));
        if is_annotated && self.eat(":") {
            self.annotation();
            if !self.is("=") {
                self.end_of_statement();
                return Some(StmtKind::Pass);
            }
        }
        let kind = if self.is("=") {
            self.assignment(target)
        } else if let Some(op) = self.augmented() {
            self.bump();
            let value = self.expression_list();
            match self.target(&target) {
                Some(Target::Name(name)) => Some(StmtKind::AugAssign(name, op, value)),
                Some(Target::Place(place)) => Some(StmtKind::AugPlace(place, op, value)),
                Some(Target::Tuple(_, span)) => {
                    self.error(Finding::error(span, format!("`{}=` changes one variable", op.text())));
                    None
                }
                None => None,
            }
        } else {
            Some(StmtKind::Expr(target))
        };
        self.end_of_statement();
        kind
    }

    fn augmented(&self) -> Option<BinOp> {
        if self.kind() != TokenKind::Op {
            return None;
        }
        Some(match self.token().text.as_str() {
            "+=" => BinOp::Add,
            "-=" => BinOp::Sub,
            "*=" => BinOp::Mul,
            "/=" => BinOp::Div,
            "//=" => BinOp::FloorDiv,
            "%=" => BinOp::Mod,
            "**=" => BinOp::Pow,
            _ => return None,
        })
    }

    fn if_statement(&mut self) -> StmtKind {
        let mut arms = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let word = self.bump().text;
            let test = self.expression();
            if self.is("=") {
                self.error(Finding::error(self.token().span, "`=` assigns; it does not compare").suggest("write `==`"));
                self.bump();
                self.expression();
            }
            let body =
                self.block(if word == "if" { "after the condition of `if`" } else { "after the condition of `elif`" });
            arms.push((test, body));
            if !self.is("elif") {
                break;
            }
        }
        if self.is("else") {
            self.bump();
            if self.is("if") {
                self.error(Finding::error(self.token().span, "`else if` is not Python").suggest("write `elif`"));
                self.bump();
                self.expression();
            }
            otherwise = self.block("after `else`");
        }
        StmtKind::If(arms, otherwise)
    }

    fn for_statement(&mut self) -> Option<StmtKind> {
        self.bump();
        let target = self.loop_target();
        if !self.expect("in", "after the variable of `for`") {
            self.skip_statement();
            return None;
        }
        let iter = self.expression_list();
        let body = self.block("after the head of `for`");
        if self.is("else") {
            self.error(
                Finding::error(self.token().span, "`else` after a loop is not supported").suggest("use a variable"),
            );
            self.bump();
            self.block("after `else`");
        }
        Some(StmtKind::For { target, iter, body })
    }
}
