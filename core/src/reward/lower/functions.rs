//! Calls of the program's own functions: how arguments meet parameters.

use super::super::ast::{Expr, Ident};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Reg, Stmt};
use super::builder::Lower;
use super::loops::plural;
use super::roles::visible;
use super::types::{Type, Value};

/// Registers of all arguments of one call, and of its result: a function of a shader takes at most 255, and a structure
/// has at most 1023.
pub const MAX_ARGUMENTS: usize = 200;

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
