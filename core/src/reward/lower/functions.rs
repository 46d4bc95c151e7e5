//! What the functions of a program are to each other: which are components, which are called by others, what those inside
//! others take from around them, and how arguments meet parameters.

use super::super::ast::{Expr, ExprKind, Function, Ident, Module, assigned_names, each_expr};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Reg, Stmt};
use super::builder::Lower;
use super::loops::plural;
use super::types::{Type, Value};

/// Registers of all arguments of one call, and of its result: a function of a shader takes at most 255, and a structure
/// has at most 1023.
pub const MAX_ARGUMENTS: usize = 200;

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
    pub fn new(module: &Module) -> Self {
        let locals: Vec<Vec<String>> = module.functions.iter().map(locals).collect();
        let reads: Vec<Vec<&str>> = module.functions.iter().map(names_read).collect();
        Self { is_paid: paid(module, &locals, &reads), captures: captures(module, &locals, &reads) }
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
/// `weights` nor `combine` names it.
fn paid(module: &Module, locals: &[Vec<String>], reads: &[Vec<&str>]) -> Vec<bool> {
    let mut called = vec![false; module.functions.len()];
    for (index, names) in reads.iter().enumerate() {
        for name in names.iter().filter(|name| !locals[index].iter().any(|local| local == *name)) {
            if let Some(callee) = visible(module, Some(index), name).filter(|callee| *callee != index) {
                called[callee] = true;
            }
        }
    }
    let named = named_as_component(module);
    let is_paid = |(index, function): (usize, &Function)| {
        let name = function.name.name.as_str();
        let is_own = name == "combine" || !called[index] || named.contains(&name);
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

/// How many parameters the engine gives to a component: the sample, and the step; None where it cannot be asked.
pub fn asked(function: &Function) -> Option<usize> {
    let cannot = function.params.iter().any(|param| param.by_name && param.default.is_none());
    match function.required() {
        _ if cannot || function.params.is_empty() => None,
        required @ 0..=2 => Some(required.max(1)),
        _ => None,
    }
}

impl<'c, 'p> Lower<'c, 'p> {
    /// The function of the program that a name means here.
    pub fn own_function(&self, name: &str) -> Option<usize> {
        visible(self.cx.module, self.function, name)
    }

    /// A variable, a parameter or a name that a generator binds.
    pub fn is_local(&self, name: &str) -> bool {
        let rest = self.function.map(|index| &self.cx.module.functions[index].rest);
        self.types.contains_key(name)
            || self.scopes.iter().any(|(bound, _)| bound == name)
            || rest.is_some_and(|rest| rest.iter().any(|other| other.name == name))
    }

    /// The arguments by parameter; reports what does not fit.
    fn arguments<'e>(
        &mut self,
        span: Span,
        index: usize,
        args: &'e [Expr],
        keywords: &'e [(Ident, Expr)],
    ) -> Option<Vec<Option<&'e Expr>>> {
        let module = self.cx.module;
        let function = &module.functions[index];
        let name = &function.name.name;
        let by_place = function.params.iter().filter(|param| !param.by_name).count();
        let mut given: Vec<Option<&Expr>> = vec![None; function.params.len()];
        if args.len() > by_place {
            let message = format!("`{name}` takes {by_place} argument{}, not {}", plural(by_place), args.len());
            self.report(Finding::error(span, message));
            return None;
        }
        for (place, arg) in given.iter_mut().zip(args) {
            *place = Some(arg);
        }
        for (keyword, value) in keywords {
            let Some(at) = function.params.iter().position(|param| param.name.name == keyword.name) else {
                let names = function.params.iter().map(|param| param.name.name.as_str());
                let message = format!("`{name}` has no parameter `{}`", keyword.name);
                self.report(Finding::error(keyword.span, message).did_you_mean(&keyword.name, names));
                return None;
            };
            if given[at].replace(value).is_some() {
                self.report(Finding::error(keyword.span, format!("`{}` is given twice", keyword.name)));
                return None;
            }
        }
        let missing =
            function.params.iter().zip(&given).filter(|(param, arg)| arg.is_none() && param.default.is_none());
        let missing: Vec<String> = missing.map(|(param, _)| format!("`{}`", param.name.name)).collect();
        if !missing.is_empty() {
            let expected = function.required();
            let count = args.len() + keywords.len();
            let message = format!("`{name}` takes {expected} argument{}, not {count}", plural(expected));
            self.report(Finding::error(span, message).suggest(format!("it also needs {}", missing.join(", "))));
            return None;
        }
        Some(given)
    }

    pub(super) fn user_call(&mut self, span: Span, index: usize, args: &[Expr], keywords: &[(Ident, Expr)]) -> Value {
        let module = self.cx.module;
        let function = &module.functions[index];
        let name = function.name.name.clone();
        // A function inside this one is there once its `def` has run.
        if function.parent.is_some() && function.parent == self.function && !self.assigned.contains(&name) {
            let message = format!("`{name}` may not be defined yet here");
            return self.fail(Finding::error(span, message).suggest("move its `def` up, out of any `if` or loop"));
        }
        let Some(given) = self.arguments(span, index, args, keywords) else { return Value::bad() };
        let mut values: Vec<Value> = vec![Value { ty: Type::Omitted, regs: Vec::new() }; given.len()];
        // Python evaluates arguments as they are written.
        for arg in args.iter().chain(keywords.iter().map(|(_, value)| value)) {
            if let Some(at) = given.iter().position(|other| other.is_some_and(|other| std::ptr::eq(other, arg))) {
                values[at] = self.raw(arg);
            }
        }
        for captured in self.cx.roles.captures[index].clone() {
            values.push(self.variable(span, &captured).unwrap_or_else(Value::bad));
        }
        if values.iter().any(Value::is_bad) {
            return Value::bad();
        }
        let types: Vec<Type> = values.iter().map(|value| value.ty.clone()).collect();
        let regs: Vec<Reg> = values.into_iter().flat_map(|value| value.regs).collect();
        if regs.len() > MAX_ARGUMENTS {
            let message = format!("`{name}` gets {} numbers in one call; the limit is {MAX_ARGUMENTS}", regs.len());
            let finding = Finding::error(span, message);
            return self.fail(finding.suggest("put long lists at top level, where every function reads them"));
        }
        let instance = match self.cx.instantiate(index, &types) {
            Ok(instance) => instance,
            Err(message) => {
                let finding =
                    Finding::error(span, message).suggest("every program ends, so a function cannot call itself");
                return self.fail(finding);
            }
        };
        self.calls.push(instance);
        self.cost += self.weight * self.cx.instances[instance].function.cost;
        self.reads_episode |= self.cx.instances[instance].function.reads_episode;
        let ret = self.cx.instances[instance].ret.clone();
        let result = self.new_value(&ret);
        self.ops += 1;
        self.push(Stmt::Call { function: instance, args: regs, dst: result.regs.clone() });
        result
    }
}
