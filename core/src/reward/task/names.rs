//! What a policy does in a task program: the constants `actions` or `tokens`, `end` and `horizon`.

use super::super::ast::{BinOp, Expr, ExprKind, Module};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::Konst;
use super::super::lower::{Compiler, Constant, Type};
use super::limits::{MAX_ACTIONS, MAX_COMPLETION, MAX_HISTORY, MAX_HORIZON, MAX_VOCABULARY};

/// What a policy does, and for how long: the names of its actions or tokens, and the most of them in an episode.
pub struct Names {
    /// Those of the program, and names for what is missing to a multiple of eight where they are tokens.
    pub names: Vec<String>,
    /// How many are the program's.
    pub own: usize,
    pub horizon: usize,
    /// Of how many steps a policy sees what there was to see.
    pub history: usize,
    /// Of a task whose policy writes: the token that ends a completion.
    pub end: Option<u32>,
}

/// The constant of that name, as it is written.
pub fn constant<'m>(module: &'m Module, name: &str) -> Option<&'m Expr> {
    module.constants.iter().find(|(ident, _)| ident.name == name).map(|(_, expr)| expr)
}

/// Reads `actions` or `tokens`, and `horizon`.
pub fn names(compiler: &mut Compiler, findings: &mut Vec<Finding>) -> Option<Names> {
    compiler.compute_constants();
    let module = compiler.module;
    let (actions, tokens) = (constant(module, "actions"), constant(module, "tokens"));
    let mut error = |span: Span, message: String, suggestion: &str| {
        findings.push(Finding::error(span, message).suggest(suggestion));
    };
    let (expr, what, most) = match (actions, tokens) {
        (Some(actions), None) => (actions, "actions", MAX_ACTIONS),
        (None, Some(tokens)) => (tokens, "tokens", MAX_VOCABULARY),
        (Some(_), Some(tokens)) => {
            let message = "a policy takes actions or writes tokens, not both".to_string();
            error(tokens.span, message, "remove `actions` or `tokens`");
            return None;
        }
        (None, None) => {
            let message = "the task has no actions".to_string();
            let suggestion = "write `actions = [\"left\", \"right\"]` at top level, or `tokens = [..]` for a task whose policy writes";
            error(Span::default(), message, suggestion);
            return None;
        }
    };
    let example = if what == "actions" {
        "write `actions = [\"left\", \"right\"]`"
    } else {
        "write `tokens = [\"a\", \"b\", \"<eos>\"]`"
    };
    let Some(mut names) = texts(compiler, expr) else {
        error(expr.span, format!("`{what}` is a list of names"), example);
        return None;
    };
    if !(2..=most).contains(&names.len()) {
        error(expr.span, format!("a task has 2 to {most} {what}, not {}", names.len()), "name each once");
        return None;
    }
    if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)).map(|(_, name)| name) {
        error(expr.span, format!("\"{twice}\" stands twice among the {what}"), "name each once");
        return None;
    }
    let own = names.len();
    let mut end = None;
    if tokens.is_some() {
        let written = constant(module, "end");
        let Some(ExprKind::Str(name)) = written.map(|expr| &expr.kind) else {
            let at = written.map_or(expr.span, |expr| expr.span);
            error(at, "a task has a token that ends a completion".into(), "write `end = \"<eos>\"` at top level");
            return None;
        };
        end = names.iter().position(|token| token == name).map(|at| at as u32);
        if end.is_none() {
            let at = written.map_or(expr.span, |expr| expr.span);
            error(at, format!("no token \"{name}\""), "let `end` be one of `tokens`");
            return None;
        }
        // Products of matrices go by eights.
        let unused = (0..).map(|i| format!("_{i}")).filter(|name| !names.contains(name));
        let missing = names.len().next_multiple_of(8) - names.len();
        let unused: Vec<String> = unused.take(missing).collect();
        names.extend(unused);
    }
    let most = if tokens.is_some() { MAX_COMPLETION } else { MAX_HORIZON };
    let (one, suggestion) = match tokens {
        Some(_) => ("a completion has 1 to {} tokens", "write `horizon = 24`"),
        None => ("an episode has 1 to {} steps", "write `horizon = 64`"),
    };
    let Some(expr) = constant(module, "horizon") else {
        let message = format!("the task has no horizon: {}", one.replace("{}", &most.to_string()));
        error(Span::default(), message, &format!("{suggestion} at top level"));
        return None;
    };
    let horizon = match compiler.evaluate(expr) {
        Constant::Known(Type::Int, konsts) => match konsts[..] {
            [Konst::Int(n)] if (1..=most as i32).contains(&n) => n as usize,
            _ => {
                error(expr.span, one.replace("{}", &most.to_string()), suggestion);
                return None;
            }
        },
        _ => {
            error(expr.span, "`horizon` is an int that is known".into(), suggestion);
            return None;
        }
    };
    let history = match constant(module, "history") {
        None => 1,
        Some(expr) => match (compiler.evaluate(expr), tokens) {
            (Constant::Known(Type::Int, konsts), None) => match konsts[..] {
                [Konst::Int(n)] if (1..=MAX_HISTORY as i32).contains(&n) => n as usize,
                _ => {
                    error(expr.span, format!("a policy sees the last 1 to {MAX_HISTORY} steps"), "write `history = 4`");
                    return None;
                }
            },
            (_, None) => {
                error(expr.span, "`history` is an int that is known".into(), "write `history = 4`");
                return None;
            }
            (_, Some(_)) => {
                error(expr.span, "a policy that writes sees all that it wrote".into(), "remove `history`");
                return None;
            }
        },
    };
    Some(Names { names, own, horizon, history, end })
}

/// Names in a list that is written out; lists are added up and chosen by conditions that are known.
fn texts(compiler: &mut Compiler, expr: &Expr) -> Option<Vec<String>> {
    match &expr.kind {
        ExprKind::List { elements, .. } => {
            let text = |element: &Expr| match &element.kind {
                ExprKind::Str(text) => Some(text.clone()),
                _ => None,
            };
            elements.iter().map(text).collect()
        }
        ExprKind::Binary(BinOp::Add, left, right) => {
            let mut all = texts(compiler, left)?;
            all.extend(texts(compiler, right)?);
            Some(all)
        }
        ExprKind::Cond { test, then, els } => match compiler.evaluate(test) {
            Constant::Known(Type::Bool, konsts) if konsts == [Konst::Bool(true)] => texts(compiler, then),
            Constant::Known(Type::Bool, _) => texts(compiler, els),
            _ => None,
        },
        _ => None,
    }
}
