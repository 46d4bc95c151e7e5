//! Splits a program into tokens with Python's layout rules: indentation, implicit line joining inside brackets,
//! comments and backslash continuation. It never fails: what it cannot read becomes a finding and is skipped.

use super::diagnostics::{Finding, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Name,
    Int,
    Float,
    Str,
    /// A formatted string, as it is written between its quotes.
    Text,
    /// Already reported; it stands for a value.
    Bad,
    Op,
    Newline,
    Indent,
    Dedent,
    End,
}

/// A token; its text is `source[span]`, except for a string, whose value is in `text`.
#[derive(Clone, Debug)]
pub struct Token {
    pub kind: TokenKind,
    pub span: Span,
    /// The text of a name, number or operator, or what stands between the quotes of a string.
    pub text: String,
}

const OPERATORS: [&str; 45] = [
    "**=", "//=", ">>=", "<<=", "...", "**", "//", "<=", ">=", "==", "!=", "->", "+=", "-=", "*=", "/=", "%=", "&=",
    "|=", "^=", ":=", "<<", ">>", "&&", "||", "+", "-", "*", "/", "%", "<", ">", "=", "(", ")", "[", "]", "{", "}",
    ",", ":", ".", ";", "@", "&",
];
const RARE_OPERATORS: [&str; 3] = ["|", "^", "~"];

/// The tokens of `source` (at least `End`) and what could not be read.
pub fn lex(source: &str) -> (Vec<Token>, Vec<Finding>) {
    let mut lexer =
        Lexer { source, at: 0, tokens: Vec::new(), findings: Vec::new(), open: Vec::new(), indents: vec![0] };
    lexer.run();
    (lexer.tokens, lexer.findings)
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<Token>,
    findings: Vec<Finding>,
    /// Brackets that are open: their text and place.
    open: Vec<(char, Span)>,
    indents: Vec<usize>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        let mut line_start = true;
        loop {
            if line_start && self.open.is_empty() {
                self.indentation();
            }
            line_start = self.token();
            if line_start {
                self.recover_open_brackets();
            }
            if self.at >= self.source.len() {
                break;
            }
        }
        if let Some((bracket, span)) = self.open.first().copied() {
            self.findings.push(Finding::error(span, format!("`{bracket}` is never closed")));
        }
        let end = Span::new(self.source.len(), self.source.len());
        if self.tokens.last().is_some_and(|token| token.kind != TokenKind::Newline) {
            self.push(TokenKind::Newline, end, "");
        }
        for _ in 1..self.indents.len() {
            self.push(TokenKind::Dedent, end, "");
        }
        self.push(TokenKind::End, end, "");
    }

    fn push(&mut self, kind: TokenKind, span: Span, text: &str) {
        self.tokens.push(Token { kind, span, text: text.to_string() });
    }

    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Reads the white space at the start of a line and emits Indent and Dedent; blank lines and comments do not count.
    fn indentation(&mut self) {
        let start = self.at;
        let mut width = 0;
        while let Some(c) = self.peek() {
            match c {
                ' ' => width += 1,
                '\t' => width = (width / 8 + 1) * 8,
                '\u{c}' => width = 0,
                _ => break,
            }
            self.at += c.len_utf8();
        }
        if matches!(self.peek(), None | Some('\n' | '\r' | '#')) {
            return;
        }
        let span = Span::new(start, self.at);
        if width > self.indents.last().copied().unwrap_or(0) {
            self.indents.push(width);
            self.push(TokenKind::Indent, span, "");
            return;
        }
        while width < self.indents.last().copied().unwrap_or(0) {
            self.indents.pop();
            self.push(TokenKind::Dedent, span, "");
        }
        if width != self.indents.last().copied().unwrap_or(0) {
            self.findings.push(
                Finding::error(span, "this line's indentation matches no line above")
                    .suggest("indent it like the block it belongs to"),
            );
        }
    }

    /// A bracket left open would swallow the rest of the file: a line that can only start a statement closes it.
    fn recover_open_brackets(&mut self) {
        let line = self.rest().trim_start_matches([' ', '\t']);
        let word = line.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
        let starts_statement = matches!(word, "def" | "weights" | "return" | "elif" | "break" | "continue" | "pass");
        if self.open.is_empty() || !starts_statement {
            return;
        }
        if let Some((bracket, span)) = self.open.first().copied() {
            self.findings.push(Finding::error(span, format!("`{bracket}` is never closed")));
        }
        self.open.clear();
        let span = Span::new(self.at, self.at);
        self.push(TokenKind::Newline, span, "");
    }

    /// Reads one token or one piece of white space; true when a line ended.
    fn token(&mut self) -> bool {
        let start = self.at;
        let Some(c) = self.peek() else { return false };
        match c {
            '\n' => {
                self.at += 1;
                let ends_statement = self.tokens.last().is_some_and(|token| {
                    !matches!(token.kind, TokenKind::Newline | TokenKind::Indent | TokenKind::Dedent)
                });
                if self.open.is_empty() && ends_statement {
                    self.push(TokenKind::Newline, Span::new(start, self.at), "");
                }
                return true;
            }
            ' ' | '\t' | '\r' | '\u{c}' | '\u{feff}' => self.at += c.len_utf8(),
            '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
            '\\' => {
                let continued = self.rest()[1..].trim_start_matches([' ', '\t', '\r']).starts_with('\n');
                if continued {
                    self.at += self.rest().find('\n').map_or(1, |at| at + 1);
                } else {
                    self.at += 1;
                    self.findings.push(Finding::error(Span::new(start, self.at), "a stray `\\`"));
                }
            }
            '"' | '\'' => self.string(start, false),
            '0'..='9' => self.number(),
            '.' if self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number(),
            _ if c == '_' || c.is_alphabetic() => self.name(),
            _ => self.operator(c),
        }
        false
    }

    fn name(&mut self) {
        let start = self.at;
        while self.peek().is_some_and(|c| c == '_' || c.is_alphanumeric()) {
            self.at += self.peek().map_or(1, char::len_utf8);
        }
        let text = self.source[start..self.at].to_string();
        let is_prefix = text.len() <= 2 && text.chars().all(|c| "rRbBuUfF".contains(c));
        if is_prefix && matches!(self.peek(), Some('"' | '\'')) {
            let raw = text.contains(['r', 'R']);
            let is_bytes = text.contains(['b', 'B']);
            if is_bytes {
                self.findings.push(
                    Finding::error(Span::new(start, self.at + 1), "byte strings are not supported")
                        .suggest("a string here is the name of a token, written plainly"),
                );
            }
            if is_bytes || text.contains(['f', 'F']) {
                self.string(start, raw);
                if let Some(token) = self.tokens.last_mut() {
                    token.kind = if is_bytes { TokenKind::Bad } else { TokenKind::Text };
                }
                return;
            }
            return self.string(start, raw);
        }
        self.push(TokenKind::Name, Span::new(start, self.at), &text);
    }

    fn string(&mut self, start: usize, raw: bool) {
        let quote = self.peek().unwrap_or('"');
        let triple: String = [quote; 3].iter().collect();
        let is_triple = self.rest().starts_with(&triple);
        self.at += if is_triple { 3 } else { 1 };
        let mut value = String::new();
        while let Some(c) = self.peek() {
            if is_triple && self.rest().starts_with(&triple) {
                self.at += 3;
                return self.push(TokenKind::Str, Span::new(start, self.at), &value);
            }
            if !is_triple && c == quote {
                self.at += 1;
                return self.push(TokenKind::Str, Span::new(start, self.at), &value);
            }
            if !is_triple && c == '\n' {
                break;
            }
            self.at += c.len_utf8();
            if c != '\\' || raw {
                value.push(c);
                continue;
            }
            let Some(escaped) = self.peek() else { break };
            self.at += escaped.len_utf8();
            match escaped {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                '\n' => {}
                '\\' | '\'' | '"' => value.push(escaped),
                other => value.extend(['\\', other]),
            }
        }
        let span = Span::new(start, self.at);
        self.findings.push(Finding::error(span, "this string is never closed"));
        self.push(TokenKind::Str, span, &value);
    }

    fn number(&mut self) {
        let start = self.at;
        let bytes = self.source.as_bytes();
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(|b| b.is_ascii_digit() || *b == b'_') {
                at += 1;
            }
            at
        };
        let mut end = digits(start);
        let mut is_float = false;
        if bytes.get(end) == Some(&b'.') {
            is_float = true;
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
                is_float = true;
                end = digits(end + 1 + sign);
            }
        }
        self.at = end;
        while self.peek().is_some_and(|c| c == '_' || c.is_alphanumeric()) {
            self.at += self.peek().map_or(1, char::len_utf8);
        }
        let span = Span::new(start, self.at);
        if self.at > end {
            let text = self.source[start..self.at].to_string();
            self.findings.push(Finding::error(span, format!("`{text}` is not a number in the reward language")));
        }
        let text = self.source[start..end].replace('_', "");
        if !is_float && text.len() > 1 && text.starts_with('0') && text.bytes().any(|digit| digit != b'0') {
            let finding = Finding::error(span, "an int has no zeros in front");
            self.findings.push(finding.suggest(format!("write `{}`", text.trim_start_matches('0'))));
        }
        self.push(if is_float { TokenKind::Float } else { TokenKind::Int }, span, &text);
    }

    fn operator(&mut self, c: char) {
        let start = self.at;
        let known = OPERATORS.iter().chain(&RARE_OPERATORS).find(|operator| self.rest().starts_with(**operator));
        let Some(operator) = known else {
            self.at += c.len_utf8();
            let span = Span::new(start, self.at);
            let mut finding = Finding::error(span, format!("`{c}` has no meaning here"));
            finding.suggestion = match c {
                '!' => Some("write `not`".to_string()),
                '“' | '”' | '‘' | '’' => Some("use straight quotes".to_string()),
                '×' => Some("write `*`".to_string()),
                '−' | '–' => Some("write `-`".to_string()),
                '≤' => Some("write `<=`".to_string()),
                '≥' => Some("write `>=`".to_string()),
                '≠' => Some("write `!=`".to_string()),
                _ => None,
            };
            self.findings.push(finding);
            return;
        };
        self.at += operator.len();
        let span = Span::new(start, self.at);
        match *operator {
            "(" | "[" | "{" => self.open.push((c, span)),
            ")" | "]" | "}" => self.close(c, span),
            _ => {}
        }
        self.push(TokenKind::Op, span, operator);
    }

    fn close(&mut self, c: char, span: Span) {
        let opener = match c {
            ')' => '(',
            ']' => '[',
            _ => '{',
        };
        match self.open.last() {
            Some((open, _)) if *open == opener => {
                self.open.pop();
            }
            Some((open, _)) => {
                self.findings.push(Finding::error(span, format!("`{c}` closes nothing; `{open}` is still open")));
                if self.open.iter().any(|(open, _)| *open == opener) {
                    while self.open.pop().is_some_and(|(open, _)| open != opener) {}
                }
            }
            None => self.findings.push(Finding::error(span, format!("`{c}` closes nothing"))),
        }
    }
}
