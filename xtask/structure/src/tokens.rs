//! What macros hold is tokens, not syntax: the paths in them, and the items that they declare.

use proc_macro2::{TokenStream, TokenTree};

/// Every path in the tokens, groups included: `a::b` as ["a", "b"], a name alone as one word. `called` says that a `!`
/// follows. Fields and methods (after a dot) and a macro's own variables (after `$`) are no paths; `$crate` is `crate`.
pub fn paths(tokens: TokenStream, found: &mut dyn FnMut(Vec<String>, bool)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mark = |i: usize, mark: char| matches!(tokens.get(i), Some(TokenTree::Punct(p)) if p.as_char() == mark);
    let mut i = 0;
    while i < tokens.len() {
        match &tokens[i] {
            TokenTree::Group(group) => paths(group.stream(), found),
            TokenTree::Ident(first) => {
                // `..name` is a range, `.name` a field.
                let field = i > 0 && mark(i - 1, '.') && !(i > 1 && mark(i - 2, '.'));
                let variable = i > 0 && mark(i - 1, '$') && first != "crate";
                let mut path = vec![first.to_string()];
                while mark(i + 1, ':') && mark(i + 2, ':') {
                    let Some(TokenTree::Ident(next)) = tokens.get(i + 3) else { break };
                    path.push(next.to_string());
                    i += 3;
                }
                if !field && !variable {
                    found(path, mark(i + 1, '!') && !mark(i + 2, '='));
                }
            }
            TokenTree::Literal(literal) => {
                // serde names functions in strings: `#[serde(default = "crate::file::seeds")]`.
                let text = literal.to_string();
                if let Some(path) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
                    && path.contains("::")
                    && path.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
                {
                    found(path.split("::").map(String::from).collect(), false);
                }
            }
            TokenTree::Punct(_) => {}
        }
        i += 1;
    }
}

/// Names behind `struct`, `enum`, `fn`, `const`, `static`, `type` and `trait` at the top of the tokens.
pub fn declared(tokens: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let TokenTree::Ident(word) = token else { continue };
        let declares =
            ["struct", "enum", "fn", "const", "static", "type", "trait"].iter().any(|keyword| word == keyword);
        if let (true, Some(TokenTree::Ident(name))) = (declares, tokens.peek()) {
            names.push(name.to_string());
        }
    }
    names
}
