//! From the tree to the typed program: names, types, one copy of a function for each choice of the types of its
//! arguments, constants computed, components and `combine` found.

mod aggregates;
mod builder;
mod calls;
mod comparisons;
mod compiler;
mod constants;
mod expressions;
mod fields;
mod functions;
mod logistic;
mod loop_plan;
mod loops;
mod modules;
mod objects;
mod places;
mod ranges;
mod reducers;
mod roles;
mod settled;
mod sorted;
mod statements;
mod types;

use std::collections::{BTreeMap, HashMap};

use super::ast::{self, Module, assigned_names};
use super::diagnostics::{Finding, Lines, Span};
use super::ir::{self, Konst, NONE, Unit};
use super::program::ComponentInfo;
use super::range::Range;
use super::schema::{EpisodeSchema, RunSchema};
use crate::metrics::columns::MAX_COMPONENTS;
use builder::Lower;
use compiler::{COST_LIMIT, Instance, MAX_FUNCTIONS, MAX_OPS, has_error, too_costly, without_type};
use roles::{Roles, asked, foreign, not_a_step};
use types::Value;

pub use compiler::{Compiler, Constant, NO_MEANING, ParamConstant, TaskContext};
pub use objects::MAX_SEEN;
pub use types::{Object, Type};

pub const NO_COMPONENT: &str = "the program has no component";
/// Passes until the types of the variables of a function must stand still.
const MAX_PASSES: usize = 64;

pub struct Lowered {
    pub unit: Unit,
    pub components: Vec<ComponentInfo>,
    pub findings: Vec<Finding>,
    pub raised: BTreeMap<u32, String>,
}

pub fn lower(source: &str, module: &Module, lines: &Lines, schema: &EpisodeSchema, run: &RunSchema) -> Lowered {
    Compiler::new(source, module, lines, schema, run, None).program()
}

impl<'p> Compiler<'p> {
    pub fn new(
        source: &'p str,
        module: &'p Module,
        lines: &'p Lines,
        schema: &'p EpisodeSchema,
        run: &'p RunSchema,
        task: Option<&'p TaskContext>,
    ) -> Self {
        Compiler {
            source,
            lines,
            module,
            schema,
            run,
            instances: Vec::new(),
            by_types: HashMap::new(),
            stack: Vec::new(),
            depth: 0,
            ops: 0,
            constants: HashMap::new(),
            tables: Vec::new(),
            roles: Roles::new(module, schema.tells_steps()),
            raised: BTreeMap::new(),
            results: Vec::new(),
            read_results: Vec::new(),
            memo_slots: 0,
            findings: Vec::new(),
            task,
        }
    }

    /// What was said of the constants so far.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Lowers a function of a task program for parameters of these types; None where it cannot be.
    pub fn entry(&mut self, index: usize, types: &[Type]) -> Option<usize> {
        match self.instantiate(index, types) {
            Ok(instance) => Some(instance),
            Err(message) => {
                self.findings.push(Finding::error(self.module.functions[index].name.span, message));
                None
            }
        }
    }

    /// The unit of these instances and of all that they call, their new places, and what is wrong with them.
    pub fn gather(self, instances: &[usize]) -> (Unit, Vec<usize>, BTreeMap<u32, String>, Vec<Finding>) {
        let entries = instances.iter().map(|instance| (*instance, Type::Bad)).collect();
        let Lowered { unit, findings, raised, .. } = self.collect(Vec::new(), entries, None);
        let places = unit.components.clone();
        (unit, places, raised, findings)
    }

    fn program(mut self) -> Lowered {
        self.check_names();
        self.compute_constants();
        let mut components = Vec::new();
        let mut entries = Vec::new();
        let mut combine = None;
        for (index, function) in self.module.functions.iter().enumerate() {
            let name = &function.name;
            if !self.roles.is_paid[index] {
                continue;
            }
            if name.name == "combine" {
                combine = Some(index);
            } else {
                entries.extend(self.component(index, function));
                components.push(ComponentInfo {
                    name: name.name.clone(),
                    is_step: asked(function, self.schema).is_some_and(|given| given != [Type::Sample]),
                    weight: 1.0,
                    line: self.lines.line(name.span.start),
                });
            }
        }
        if components.len() > MAX_COMPONENTS {
            let message =
                format!("a program has at most {MAX_COMPONENTS} components, this one has {}", components.len());
            let finding = Finding::error(Span::default(), message);
            self.findings.push(finding.suggest("add some of them up in one component"));
        }
        self.read_weights(&mut components);
        let combine = combine.and_then(|index| self.combine(index));
        if components.is_empty() && combine.is_none() && self.findings.iter().all(|finding| !finding.is_error) {
            let helper = self.module.functions.iter().find(|function| function.parent.is_none());
            let suggestion = match helper.map(|function| &function.name.name) {
                Some(name) if name.starts_with('_') => {
                    format!("a name with an underscore is a helper's: call it `{}`", name.trim_start_matches('_'))
                }
                _ => "write a function such as `def accuracy(ep): return 1.0 if ep.correct else 0.0`".to_string(),
            };
            self.findings.push(Finding::error(Span::default(), NO_COMPONENT).suggest(suggestion));
        }
        let broken = has_error(&self.findings) || self.instances.iter().any(|instance| has_error(&instance.findings));
        if let Some(span) = self.module.print {
            let finding = Finding::warning(span, "what is printed or logged here is shown nowhere");
            self.findings.push(finding.suggest("return a value from a component with weight 0.0 to see it"));
        }
        for function in self.module.functions.iter().filter(|function| function.parent.is_none()) {
            if !broken && function.name.name.starts_with('_') && !self.by_name_used(&function.name.name) {
                let message = format!("`{}` is never called", function.name.name);
                self.findings.push(Finding::warning(function.name.span, message));
            }
        }
        self.collect(components, entries, combine)
    }

    fn by_name_used(&self, name: &str) -> bool {
        self.instances.iter().any(|instance| instance.function.name == name)
    }

    fn check_names(&mut self) {
        let mut seen: Vec<&str> = Vec::new();
        let top = self.module.functions.iter().filter(|function| function.parent.is_none());
        let functions = top.map(|function| &function.name);
        for ident in functions.chain(self.module.constants.iter().map(|(ident, _)| ident)) {
            let name = ident.name.as_str();
            if seen.contains(&name) {
                self.findings.push(Finding::error(ident.span, format!("`{name}` is defined twice")));
            } else if name == "weights" {
                let message = "`weights` is a dictionary of numbers";
                self.findings.push(Finding::error(ident.span, message).suggest("write `weights = {\"name\": 1.0}`"));
            }
            seen.push(name);
        }
    }

    fn component(&mut self, index: usize, function: &ast::Function) -> Option<(usize, Type)> {
        let name = &function.name.name;
        let Some(mut params) = asked(function, self.schema) else {
            let message = format!("the component `{name}` takes {} parameters", function.params.len());
            let finding = Finding::error(function.name.span, message).suggest(format!(
                "write `def {name}(ep)` for one value an episode, `def {name}(ep, t)` for one value a step, or \
                 `def _{name}(..)` for a helper; what else it needs is read as fields of the episode"
            ));
            self.findings.push(foreign(function).unwrap_or(finding));
            self.results.push((name.clone(), Type::Bad));
            self.read_results.push(false);
            return None;
        };
        let is_step = params != [Type::Sample];
        self.findings.extend(not_a_step(function).filter(|_| params.len() == 2));
        params.resize(function.params.len(), Type::Omitted);
        let instance = self.instantiate(index, &params).ok();
        let ty = instance.map_or(Type::Bad, |instance| match self.instances[instance].ret {
            Type::Float => Type::Float,
            Type::None | Type::Optional => Type::Optional,
            _ => Type::Bad,
        });
        // A step component that never applies to a sample reads as None, so only a float that is always there is plain.
        self.results.push((name.clone(), ty.clone()));
        self.read_results.push(false);
        let instance = instance?;
        if let Some(finding) = foreign(function).filter(|_| has_error(&self.instances[instance].findings)) {
            // What is wrong with each line follows from it.
            self.instances[instance].findings = vec![finding];
        }
        let broken = has_error(&self.instances[instance].findings);
        if !broken {
            let message = match self.instances[instance].ret {
                Type::None => Some(format!("`{name}` always returns None, so it never applies")),
                _ if !is_step && !self.instances[instance].function.reads_episode => {
                    Some(format!("`{name}` is the same for every episode"))
                }
                _ => None,
            };
            self.findings.extend(message.map(|message| Finding::warning(function.name.span, message)));
        }
        if is_step && self.schema.length_slot().is_none() {
            let message = format!(
                "`{name}` is asked for every step, but episodes have no int field `{}`",
                self.schema.length_field
            );
            self.findings.push(Finding::error(function.name.span, message));
        }
        let steps = if is_step { self.schema.horizon.max(1) } else { 1 };
        self.check_cost(function, instance, steps);
        Some((instance, ty))
    }

    fn combine(&mut self, index: usize) -> Option<usize> {
        let function = &self.module.functions[index];
        if function.params.len() != 5 {
            let message = format!("`combine` takes 5 parameters, not {}", function.params.len());
            let finding = Finding::error(function.name.span, message);
            self.findings.push(finding.suggest("write `def combine(r, ep, group, batch, run)`"));
            return None;
        }
        if let Some((span, _)) = &self.module.weights {
            self.findings.push(
                Finding::warning(*span, "`combine` computes the reward, so `weights` is not used")
                    .suggest("remove one of the two"),
            );
        }
        let params = [Type::Results, Type::Sample, Type::Group, Type::Batch, Type::Run];
        let instance = self.instantiate(index, &params).ok()?;
        self.check_cost(function, instance, 1);
        if !has_error(&self.instances[instance].findings) {
            for (read, (name, _)) in self.read_results.clone().into_iter().zip(self.results.clone()) {
                let function = self.module.function(&name).map(|index| &self.module.functions[index]);
                if let Some(function) = function.filter(|_| !read) {
                    let message = format!("`combine` does not read the component `{name}`");
                    self.findings.push(Finding::warning(function.name.span, message));
                }
            }
        }
        Some(instance)
    }

    /// Reports a function that takes too much for one sample, unless a loop of it was reported.
    fn check_cost(&mut self, function: &ast::Function, instance: usize, steps: usize) {
        let cost = self.instances[instance].function.cost * steps as f64;
        let is_broken = |instance: &usize| has_error(&self.instances[*instance].findings);
        if cost > COST_LIMIT && !self.reached(vec![instance]).iter().any(is_broken) {
            self.findings.push(too_costly(function.name.span, &format!("`{}`", function.name.name), cost));
        }
    }

    fn read_weights(&mut self, components: &mut [ComponentInfo]) {
        let Some((_, entries)) = &self.module.weights else { return };
        let mut seen: Vec<&str> = Vec::new();
        for (ident, expr) in entries {
            if seen.contains(&ident.name.as_str()) {
                self.findings.push(Finding::error(ident.span, format!("the weight of `{}` is set twice", ident.name)));
            }
            seen.push(&ident.name);
            let weight = match self.evaluate(expr) {
                Constant::Known(Type::Float | Type::Int, konsts) => match konsts[..] {
                    [Konst::Float(weight)] => weight,
                    [Konst::Int(weight)] => weight as f32,
                    _ => continue,
                },
                Constant::Bad => continue,
                _ => {
                    self.findings.push(Finding::error(expr.span, "a weight is a number"));
                    continue;
                }
            };
            match components.iter_mut().find(|component| component.name == ident.name) {
                Some(component) => component.weight = weight,
                None => {
                    let names = components.iter().map(|component| component.name.as_str());
                    let finding = Finding::error(ident.span, format!("no component `{}`", ident.name));
                    self.findings.push(finding.did_you_mean(&ident.name, names));
                }
            }
        }
    }

    // Functions.

    /// The instance of a function for these types of arguments; an error when it calls itself or there are too many.
    pub fn instantiate(&mut self, index: usize, types: &[Type]) -> Result<usize, String> {
        let key = (index, types.to_vec());
        if let Some(instance) = self.by_types.get(&key) {
            return Ok(*instance);
        }
        let name = self.module.functions[index].name.name.clone();
        if self.stack.contains(&index) {
            return Err(format!("`{name}` calls itself"));
        }
        if self.instances.len() >= MAX_FUNCTIONS {
            return Err(format!("`{name}` is needed for too many different types"));
        }
        self.stack.push(index);
        let instance = self.lower_function(index, types);
        self.stack.pop();
        self.ops += instance.function.body.len();
        self.instances.push(instance);
        self.by_types.insert(key, self.instances.len() - 1);
        Ok(self.instances.len() - 1)
    }

    fn lower_function(&mut self, index: usize, types: &[Type]) -> Instance {
        let module = self.module;
        let function = &module.functions[index];
        let is_component = self.task.is_none() && self.roles.is_paid[index];
        let captures = self.roles.captures[index].clone();
        let omitted = function.params.iter().zip(types).map(|(param, ty)| match (&param.default, ty) {
            (Some(default), Type::Omitted) => Some(self.evaluate(default)),
            _ => None,
        });
        let omitted: Vec<Option<Constant>> = omitted.collect();
        let mut assigned = Vec::new();
        assigned_names(&function.body, &mut assigned);
        let mut variables = BTreeMap::new();
        let mut ret = Type::Bad;
        let horizon = self.schema.horizon as i64;
        let mut pass = 0;
        loop {
            pass += 1;
            let mut lower = Lower::new(self, variables, ret, is_component);
            lower.function = Some(index);
            lower.sees = lower.cx.task.is_some() && function.parent.is_none() && function.name.name == "see";
            lower.locals.clone_from(&assigned);
            let mut params = Vec::new();
            for (position, (param, ty)) in function.params.iter().zip(types).enumerate() {
                let name = &param.name;
                let value = match omitted[position].clone() {
                    Some(constant) => lower.constant_value(constant),
                    None => lower.new_value(ty),
                };
                if omitted[position].is_none() {
                    params.extend(&value.regs);
                }
                if is_component && position == 1 && *ty == Type::Int {
                    lower.set_range(value.reg(), Range::new(0.0, (horizon - 1).max(0) as f64));
                }
                if assigned.contains(&name.name) {
                    lower.assign(name.span, &name.name, value);
                } else {
                    lower.bind(&name.name, &value);
                }
            }
            for (name, ty) in captures.iter().zip(&types[function.params.len().min(types.len())..]) {
                let value = lower.new_value(ty);
                params.extend(&value.regs);
                lower.bind(name, &value);
            }
            lower.statements(&function.body);
            if !lower.dead {
                lower.fall_off_the_end(function);
            }
            if lower.ops > MAX_OPS {
                let message = format!("`{}` is too large", function.name.name);
                lower.report(Finding::error(function.name.span, message).suggest("write less code"));
            }
            if lower.changed && pass < MAX_PASSES {
                variables = std::mem::take(&mut lower.types);
                // A variable without a type yet is asked for anew: what was said of it has mended, or is said again.
                variables.retain(|name, var| assigned.contains(name) && var.ty != Type::Bad);
                ret = lower.ret.clone();
                continue;
            }
            if lower.changed {
                let message = format!("the types of the variables of `{}` do not settle", function.name.name);
                lower.report(Finding::error(function.name.span, message).suggest("use more variables"));
            }
            let body = lower.close();
            let Lower { regs, findings, calls, cost, reads_episode, ret, ops, untyped, .. } = lower;
            self.ops += ops;
            let function = ir::Function {
                name: function.name.name.clone(),
                params,
                regs,
                ret: ret.banks(),
                body,
                cost: cost + 1.0,
                reads_episode,
            };
            return Instance { function, ret, findings, calls, untyped };
        }
    }

    /// Keeps what is reachable, renumbers it and gathers its findings.
    fn collect(
        mut self,
        components: Vec<ComponentInfo>,
        entries: Vec<(usize, Type)>,
        combine: Option<usize>,
    ) -> Lowered {
        let order = self.reached(entries.iter().map(|(instance, _)| *instance).chain(combine).collect());
        for instance in &order {
            let findings = std::mem::take(&mut self.instances[*instance].findings);
            self.add(findings);
        }
        let untyped = order.iter().find_map(|instance| self.instances[*instance].untyped);
        if !has_error(&self.findings) {
            self.findings.extend(untyped.map(without_type));
        }
        let total: usize =
            order.iter().map(|instance| count_statements(&self.instances[*instance].function.body)).sum();
        if total > MAX_OPS {
            self.findings.push(Finding::error(Span::default(), "the program is too large").suggest("write less code"));
        }
        let place = |instance: usize| order.iter().position(|other| *other == instance).unwrap_or(0);
        let mut functions: Vec<ir::Function> = Vec::new();
        for instance in &order {
            let mut function = self.instances[*instance].function.clone();
            renumber_calls(&mut function.body, &place);
            functions.push(function);
        }
        let unit = Unit {
            functions,
            components: entries.iter().map(|(instance, _)| place(*instance)).collect(),
            combine: combine.map(place),
            memo_slots: self.memo_slots,
        };
        Lowered { unit, components, findings: self.findings, raised: self.raised }
    }
}

impl Lower<'_, '_> {
    /// A function that ends without `return` returns None.
    fn fall_off_the_end(&mut self, function: &ast::Function) {
        let returns_number = self.ret.is_number();
        if returns_number && self.is_component {
            let message =
                format!("`{}` may end without a value, which means that it does not apply", function.name.name);
            let finding = Finding::warning(function.name.span, message);
            self.report(finding.suggest("end it with `return None` or another value"));
        }
        let none = Value { ty: Type::None, regs: Vec::new() };
        self.join_return(function.name.span, &none);
        let reg = (self.ret == Type::Optional).then(|| self.konst(Konst::Float(NONE)));
        self.push(ir::Stmt::Return(reg.into_iter().collect()));
    }
}

fn renumber_calls(body: &mut [ir::Stmt], place: &dyn Fn(usize) -> usize) {
    for statement in body {
        match statement {
            ir::Stmt::Call { function, .. } => *function = place(*function),
            ir::Stmt::If { then, els, .. } => {
                renumber_calls(then, place);
                renumber_calls(els, place);
            }
            ir::Stmt::For { body, .. } | ir::Stmt::Memo { body, .. } => renumber_calls(body, place),
            _ => {}
        }
    }
}

fn count_statements(body: &[ir::Stmt]) -> usize {
    body.iter()
        .map(|statement| match statement {
            ir::Stmt::If { then, els, .. } => 1 + count_statements(then) + count_statements(els),
            ir::Stmt::For { body, .. } | ir::Stmt::Memo { body, .. } => 1 + count_statements(body),
            _ => 1,
        })
        .sum()
}
