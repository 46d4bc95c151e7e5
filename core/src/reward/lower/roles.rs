//! What the functions of a program are to each other: which are components, which are called by others, and what those
//! inside others take from around them.

use super::super::ast::{Expr, ExprKind, Function, Module, assigned_names, each_expr};
use super::super::diagnostics::Finding;
use super::super::schema::EpisodeSchema;
use super::types::Type;

/// What is known of every function before any is lowered, by its place in the module.
pub struct Roles {
    /// A component, or `combine`.
    pub is_paid: Vec<bool>,
    /// The variables around a function inside another that it reads: they are handed to it in every call.
    pub captures: Vec<Vec<String>>,
}

/// The function that a name means where `from` is lowered.
pub fn visible(module: &Module, from: Option<usize>, name: &str) -> Option<usize> {
    let mut around = from;
    loop {
        let here = |function: &Function| function.parent == around && function.name.name == name;
        if let Some(found) = module.functions.iter().rposition(here) {
            return Some(found);
        }
        around = module.functions[around?].parent;
    }
}

impl Roles {
    pub fn new(module: &Module, tells_steps: bool) -> Self {
        let locals: Vec<Vec<String>> = module.functions.iter().map(locals).collect();
        let reads: Vec<Vec<&str>> = module.functions.iter().map(names_read).collect();
        Self { is_paid: paid(module, &locals, &reads, tells_steps), captures: captures(module, &locals, &reads) }
    }
}

fn locals(function: &Function) -> Vec<String> {
    let params = function.params.iter().map(|param| &param.name).chain(&function.rest);
    let mut names: Vec<String> = params.map(|name| name.name.clone()).collect();
    assigned_names(&function.body, &mut names);
    names
}

fn names_read(function: &Function) -> Vec<&str> {
    let mut names = Vec::new();
    each_expr(&function.body, &mut |expr| expr.each_free_name(&mut Vec::new(), &mut |name| names.push(name)));
    names
}

/// A function at top level is a component unless its name starts with an underscore, or another one calls it and neither
/// `weights` nor `combine` names it. Beside a `reward_function` that is asked after every step, the others are helpers.
fn paid(module: &Module, locals: &[Vec<String>], reads: &[Vec<&str>], tells_steps: bool) -> Vec<bool> {
    let mut called = vec![false; module.functions.len()];
    for (index, names) in reads.iter().enumerate() {
        for name in names.iter().filter(|name| !locals[index].iter().any(|local| local == *name)) {
            if let Some(callee) = visible(module, Some(index), name).filter(|callee| *callee != index) {
                called[callee] = true;
            }
        }
    }
    let named = named_as_component(module);
    let entry = module.function(ENTRY).filter(|entry| tells_steps && is_asked_after(&module.functions[*entry]));
    let is_paid = |(index, function): (usize, &Function)| {
        let name = function.name.name.as_str();
        let is_first = entry.is_none_or(|entry| entry == index) && !called[index];
        let is_own = name == "combine" || is_first || named.contains(&name);
        function.parent.is_none() && !name.starts_with('_') && is_own
    };
    module.functions.iter().enumerate().map(is_paid).collect()
}

fn named_as_component(module: &Module) -> Vec<&str> {
    let weights = module.weights.iter().flat_map(|(_, entries)| entries);
    let mut names: Vec<&str> = weights.map(|(ident, _)| ident.name.as_str()).collect();
    let combine = module.function("combine").map(|index| &module.functions[index]);
    if let Some((combine, results)) = combine.and_then(|combine| Some((combine, combine.params.first()?))) {
        let is_results = |base: &Expr| matches!(&base.kind, ExprKind::Name(name) if *name == results.name.name);
        each_expr(&combine.body, &mut |expr| {
            expr.each(&mut |expr| match &expr.kind {
                ExprKind::Attr(base, field) if is_results(base) => names.push(&field.name),
                ExprKind::Index(base, key) if is_results(base) => {
                    if let ExprKind::Str(name) = &key.kind {
                        names.push(name);
                    }
                }
                _ => {}
            });
        });
    }
    names
}

fn captures(module: &Module, locals: &[Vec<String>], reads: &[Vec<&str>]) -> Vec<Vec<String>> {
    let mut captures: Vec<Vec<String>> = vec![Vec::new(); module.functions.len()];
    let around = |index: usize, name: &str| {
        let mut parent = module.functions[index].parent;
        while let Some(at) = parent {
            if locals[at].iter().any(|local| local == name) {
                return true;
            }
            parent = module.functions[at].parent;
        }
        false
    };
    // What a callee takes from around, its caller has to have: until nothing is added.
    loop {
        let mut grew = false;
        for index in (0..module.functions.len()).filter(|index| module.functions[*index].parent.is_some()) {
            let callees = reads[index].iter().filter_map(|name| visible(module, Some(index), name));
            let handed = callees.flat_map(|callee| captures[callee].clone());
            let wanted: Vec<String> = reads[index].iter().map(|name| name.to_string()).chain(handed).collect();
            for name in wanted {
                let is_own = locals[index].contains(&name) || captures[index].contains(&name);
                if !is_own && around(index, &name) {
                    captures[index].push(name);
                    grew = true;
                }
            }
        }
        if !grew {
            return captures;
        }
    }
}

/// Why a function that was written for something else cannot be a component as it is, by its first parameter.
pub fn foreign(function: &Function) -> Option<Finding> {
    let (name, first) = (&function.name, &function.params.first()?.name);
    let (why, instead) = match first.name.as_str() {
        "self" | "cls" => (
            "is a method: it keeps what it knows in an object, and a program keeps nothing between calls",
            "and constants for what the object held; what earlier steps did is read from the episode, as `ep.x[t - 1]`",
        ),
        "completions" | "completion" | "prompts" | "prompt" | "responses" | "response" | "solution_str"
        | "solution" | "data_source" | "predictions" | "prediction" | "outputs" | "output" | "texts" | "text" => (
            "reads text, of a whole batch or of one answer: a program sees tokens and numbers, one episode at a time",
            "and return one number; what it looks for in the text is a field of the episode, such as `ep.correct`, or \
             tokens, as in `\"ANS\" in ep.tokens`",
        ),
        _ => return None,
    };
    let finding = Finding::error(name.span, format!("`{}` {why}", name.name));
    Some(finding.suggest(format!("write `def {}(ep)` {instead}", name.name)))
}

/// A second parameter whose name says that it is no step's number.
pub fn not_a_step(function: &Function) -> Option<Finding> {
    let (name, second) = (&function.name.name, &function.params.get(1)?.name);
    let is_other = matches!(
        second.name.as_str(),
        "action" | "actions" | "next_state" | "next_obs" | "obs" | "observation" | "info" | "done" | "reward" | "env"
    );
    let message = format!("the second parameter of a component is the number of a step, not `{}`", second.name);
    let instead = format!("write `def {name}(ep, t)`, and read it from the episode, as in `ep.actions[t]`");
    is_other.then(|| Finding::error(second.span, message).suggest(instead))
}

/// What the engine gives to a component: the sample, the sample and a step, or the sample as it is after a step; None
/// where it cannot be asked.
pub fn asked(function: &Function, schema: &EpisodeSchema) -> Option<Vec<Type>> {
    let cannot = function.params.iter().any(|param| param.by_name && param.default.is_none());
    match function.required() {
        _ if cannot || function.params.is_empty() => None,
        0 | 1 if schema.tells_steps() && is_asked_after(function) => Some(vec![Type::Moment]),
        0 | 1 => Some(vec![Type::Sample]),
        2 => Some(vec![Type::Sample, Type::Int]),
        _ => None,
    }
}

/// The function that public racers write.
const ENTRY: &str = "reward_function";

/// Whether a function of one parameter is written to be asked after every step, by its name or by its parameter's.
fn is_asked_after(function: &Function) -> bool {
    let first = function.params.first().map(|param| param.name.name.as_str());
    function.required() <= 1 && (first == Some("params") || first.is_some() && function.name.name == ENTRY)
}
