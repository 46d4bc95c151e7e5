//! Values that a program computes and never uses: the last line that reads a variable is before them, or another value
//! takes their place first.

use std::collections::BTreeSet;

use super::ast::{Expr, Function, Ident, Module, Stmt, StmtKind, Target, each_expr};
use super::diagnostics::{Finding, Span};

type Names<'f> = BTreeSet<&'f str>;

/// What is live where a loop is left, and where its next step begins.
#[derive(Clone, Default)]
struct Exits<'f> {
    after_loop: Names<'f>,
    next_step: Names<'f>,
}

/// Warnings about the assignments of a function whose values nothing reads.
pub fn unused_values(module: &Module, function: &Function) -> Vec<Finding> {
    let mut unused = Vec::new();
    block(&function.body, Names::new(), &Exits::default(), Some(&mut unused));
    // What a function inside another reads is read whenever it is called.
    let mut inner = Names::new();
    for function in module.functions.iter().filter(|function| function.parent.is_some()) {
        each_expr(&function.body, &mut |expr| read(&mut inner, expr));
    }
    unused.retain(|(_, name)| !inner.contains(name));
    let mut reads = Names::new();
    each_expr(&function.body, &mut |expr| read(&mut reads, expr));
    let warning = |(span, name): (Span, &str)| match reads.contains(name) {
        true => Finding::warning(
            span,
            format!("this value of `{name}` is never used: no line reads it before the next one"),
        )
        .suggest("remove this line, or use its value"),
        false => Finding::warning(span, format!("`{name}` is never used")).suggest("use it, or remove this line"),
    };
    unused.into_iter().map(warning).collect()
}

type Unused<'u, 'f> = Option<&'u mut Vec<(Span, &'f str)>>;

/// Walks a block from its end: `live` are the names that are read after it; gives those that are read from its start on.
fn block<'f>(body: &'f [Stmt], mut live: Names<'f>, exits: &Exits<'f>, mut unused: Unused<'_, 'f>) -> Names<'f> {
    // What stands behind a line that leaves never runs, which is said elsewhere.
    let leaves =
        |s: &Stmt| matches!(s.kind, StmtKind::Return(_) | StmtKind::Raise(_) | StmtKind::Break | StmtKind::Continue);
    let end = body.iter().position(leaves).map_or(body.len(), |at| at + 1);
    for statement in body[..end].iter().rev() {
        live = before(statement, live, exits, unused.as_deref_mut());
    }
    live
}

fn read<'f>(live: &mut Names<'f>, expr: &'f Expr) {
    expr.each_free_name(&mut Vec::new(), &mut |name| {
        live.insert(name);
    });
}

fn before<'f>(statement: &'f Stmt, mut live: Names<'f>, exits: &Exits<'f>, mut unused: Unused<'_, 'f>) -> Names<'f> {
    match &statement.kind {
        StmtKind::Assign(targets, value) => {
            let mut names = Vec::new();
            targets.iter().for_each(|target| target.each_name(&mut |name| names.push(name)));
            if !names.is_empty() {
                write(statement.span, &names, &mut live, unused);
            }
            targets.iter().for_each(|target| target.each_place(&mut |place| read(&mut live, place)));
            read(&mut live, value);
        }
        StmtKind::AugAssign(target, _, value) => {
            write(statement.span, &[target], &mut live, unused);
            live.insert(&target.name);
            read(&mut live, value);
        }
        StmtKind::AugPlace(place, _, value) => {
            read(&mut live, place);
            read(&mut live, value);
        }
        StmtKind::Return(value) => {
            live.clear();
            value.iter().for_each(|value| read(&mut live, value));
        }
        StmtKind::If(arms, otherwise) => {
            let mut joined = block(otherwise, live.clone(), exits, unused.as_deref_mut());
            for (test, body) in arms.iter().rev() {
                joined.extend(block(body, live.clone(), exits, unused.as_deref_mut()));
                read(&mut joined, test);
            }
            live = joined;
        }
        StmtKind::Raise(_) => live.clear(),
        StmtKind::Assert(test, _) => read(&mut live, test),
        StmtKind::For { target, iter, body } => {
            // What a step reads may come from the step before: the names grow until they stand still.
            let mut head = live.clone();
            loop {
                let inner = Exits { after_loop: live.clone(), next_step: head.clone() };
                let mut start = block(body, head.clone(), &inner, None);
                forget(&mut start, target);
                let size = head.len();
                head.extend(start);
                if head.len() == size {
                    block(body, head.clone(), &inner, unused);
                    break;
                }
            }
            live = head;
            read(&mut live, iter);
        }
        StmtKind::Break => live.clone_from(&exits.after_loop),
        StmtKind::Continue => live.clone_from(&exits.next_step),
        StmtKind::Pass | StmtKind::Def(_) => {}
        StmtKind::Expr(expr) => read(&mut live, expr),
    }
    live
}

fn forget(live: &mut Names<'_>, target: &Target) {
    target.each_name(&mut |name| {
        live.remove(name.name.as_str());
    });
}

/// An assignment: names of which one is read later are all of use, as a tuple is taken apart as a whole.
fn write<'f>(span: Span, targets: &[&'f Ident], live: &mut Names<'f>, unused: Unused<'_, 'f>) {
    let is_used = targets.iter().any(|target| live.contains(target.name.as_str()) || target.name.starts_with('_'));
    if let (false, Some(unused), Some(first)) = (is_used, unused, targets.first()) {
        unused.push((span, &first.name));
    }
    targets.iter().for_each(|target| {
        live.remove(target.name.as_str());
    });
}
