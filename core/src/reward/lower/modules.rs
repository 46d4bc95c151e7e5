//! Names of Python's modules: what `math.`, `np.` and others have here, and what to write instead of what they have not.

use super::super::ast::{Expr, ExprKind, Ident};
use super::super::diagnostics::{Finding, Span};
use super::super::library::{LIBRARY, find_in_module};
use super::builder::Lower;
use super::types::Value;

/// Modules whose functions of one number are those of the library.
const MODULES: [&str; 6] = ["math", "np", "numpy", "torch", "jnp", "statistics"];

/// Whether `path`, such as `np.exp`, is this function of the library.
pub(super) fn is_module_function(path: &str, name: &str) -> bool {
    let (module, member) = path.split_once('.').unwrap_or((path, ""));
    MODULES.contains(&module) && find_in_module(member).is_some_and(|entry| entry.name == name)
}

/// Why a module is not there, and what to write instead.
fn absent(module: &str) -> (&'static str, &'static str) {
    match module {
        "re" | "string" | "json" | "ast" | "difflib" | "textwrap" => (
            "a program sees tokens and numbers, never text",
            "let the task or the file of episodes say what you look for as a field, such as `ep.correct`",
        ),
        "random" | "secrets" => (
            "a reward follows from the episode alone, so nothing in it is random",
            "noise on rewards is a setting of the experiment",
        ),
        "time" | "datetime" => ("a program has no clock", "count steps: `ep.length`"),
        "os" | "sys" | "subprocess" | "requests" | "pathlib" | "io" => {
            ("a program reads nothing but the episode", "let a field of the episode say it")
        }
        "torch" | "tensorflow" | "jax" | "np" | "numpy" | "jnp" => {
            ("a program works on numbers, one episode at a time, not on tensors", "write it for one number, or loop")
        }
        _ => ("only `math` and what `np.` has for single numbers are there", "write what you need as a function"),
    }
}

impl<'c, 'p> Lower<'c, 'p> {
    /// The module, or the name in it, that an expression stands for: `numpy.linalg` for `np.linalg`.
    pub(super) fn module_path(&self, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Name(name) if self.is_local(name) || self.own_function(name).is_some() => None,
            ExprKind::Name(name) if self.cx.module.constants.iter().any(|(ident, _)| ident.name == *name) => None,
            ExprKind::Name(name) => {
                let known = MODULES.contains(&name.as_str()).then(|| name.clone());
                self.cx.module.import(name).map(|path| path.replace("jax.numpy", "jnp")).or(known)
            }
            ExprKind::Attr(base, field) => Some(format!("{}.{}", self.module_path(base)?, field.name)),
            _ => None,
        }
    }

    /// A call of `path`, such as `math.sqrt`.
    pub(super) fn module_call(
        &mut self,
        span: Span,
        at: Span,
        path: &str,
        args: &[Expr],
        keywords: &[(Ident, Expr)],
    ) -> Value {
        let (module, member) = path.split_once('.').unwrap_or((path, ""));
        // Torch divides by one less than the number of elements.
        if MODULES.contains(&module) && path != "torch.std" {
            if let Some(entry) = find_in_module(member) {
                return self.library_call(span, entry, args, keywords);
            }
            if let ("array" | "asarray", [list]) = (member, args) {
                return self.expr(list);
            }
        }
        self.no_member(at, path, true)
    }

    /// The value of `path`, such as `math.pi`.
    pub(super) fn module_value(&mut self, span: Span, path: &str) -> Value {
        let (module, member) = path.split_once('.').unwrap_or((path, ""));
        let is_module = MODULES.contains(&module);
        match member {
            "pi" if is_module => self.float(std::f32::consts::PI),
            "tau" if is_module => self.float(std::f32::consts::TAU),
            "e" if is_module => self.float(std::f32::consts::E),
            "inf" if is_module => self.infinity(),
            "nan" if is_module => self.no_nan(span),
            "" => self.fail(
                Finding::error(span, format!("`{module}` is a module, not a value"))
                    .suggest(format!("name something in it, as in `{module}.sqrt(x)`")),
            ),
            _ if is_module && find_in_module(member).is_some() => self.fail(
                Finding::error(span, format!("`{path}` is a function and is not called"))
                    .suggest(format!("write `{path}(..)`")),
            ),
            _ => self.no_member(span, path, false),
        }
    }

    pub(super) fn no_nan(&mut self, span: Span) -> Value {
        self.fail(Finding::error(span, "`nan` is not supported").suggest("return None instead"))
    }

    fn no_member(&mut self, span: Span, path: &str, is_call: bool) -> Value {
        let (module, member) = path.split_once('.').unwrap_or((path, ""));
        let member = member.rsplit('.').next().unwrap_or(member);
        let (why, instead) = absent(module);
        if MODULES.contains(&module) && !path.contains(".random.") {
            let what = if is_call { "no function" } else { "no" };
            let finding = Finding::error(span, format!("{what} `{path}` here"));
            let finding = finding.did_you_mean(member, LIBRARY.iter().map(|entry| entry.name));
            return self.fail(if finding.suggestion.is_some() { finding } else { finding.suggest(instead) });
        }
        let (why, instead) = if path.contains(".random.") { absent("random") } else { (why, instead) };
        self.fail(Finding::error(span, format!("no `{path}` here: {why}")).suggest(instead))
    }
}
