//! The parameters of a task program: the fields of `class Params`, each with its default and, in the comment behind it,
//! its range, its unit and what it is: `slip: float = 0.0   # 0..1 probability: a step goes the other way`.

use super::super::ast::{Expr, ExprKind, Module};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::Konst;
use super::super::lower::ParamConstant;
use crate::params::{Default, Kind, ParamError, ParamSpec, Value, check, intern, unknown};
use std::collections::BTreeMap;

/// Most parameters of a program.
const MAX_PARAMS: usize = 40;
/// Most characters of a parameter that is text.
pub const MAX_TEXT: usize = 2_000;

/// A parameter of a task program.
pub type Declared = ParamSpec;

/// The seed of what `setup` draws; every seed of a run has its own, unless the experiment says otherwise.
pub const TABLE_SEED: &str = "table_seed";

/// Whether `setup` has dice.
pub fn draws_worlds(module: &Module) -> bool {
    let setup = module.function("setup").map(|at| &module.functions[at]);
    setup.is_some_and(|setup| setup.params.iter().any(|param| param.name.name == "dice"))
}

/// The parameters that every program has beside its own.
fn common(module: &Module) -> Vec<Declared> {
    let chance = |name, help| ParamSpec {
        name,
        kind: Kind::Float,
        min: 0.0,
        max: 1.0,
        unit: "probability",
        help,
        formula: "",
        source: "",
        also: "",
        default: Default::Number(0.0),
    };
    let mut params = vec![
        chance("false_positive", "Chance that the verifier calls a failure a success."),
        chance("false_negative", "Chance that the verifier calls a success a failure."),
    ];
    if draws_worlds(module) {
        params.push(ParamSpec {
            name: TABLE_SEED,
            kind: Kind::Int,
            max: 1e6,
            unit: "",
            help: "Seed of what is drawn once for all episodes.",
            ..params[0]
        });
    }
    params
}

/// What `class Params` declares, and what is wrong with it.
pub fn params(source: &str, module: &Module) -> (Vec<Declared>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut params: Vec<Declared> = Vec::new();
    let class = module.classes.iter().find(|class| class.name.name == "Params");
    for field in class.iter().flat_map(|class| &class.fields) {
        let name = &field.name;
        let Some(value) = field.default.as_ref().and_then(written) else {
            let at = field.default.as_ref().map_or(name.span, |default| default.span);
            let message = format!("the parameter `{}` needs a default that is written out", name.name);
            findings.push(Finding::error(at, message).suggest(format!("write `{}: float = 1.0`", name.name)));
            continue;
        };
        let kind = match (&field.annotation.kind, &value) {
            (ExprKind::Name(ty), Value::Number(x)) if ty == "int" && x.fract() == 0.0 => Kind::Int,
            (ExprKind::Name(ty), Value::Number(_)) if ty == "float" => Kind::Float,
            (ExprKind::Name(ty), Value::Bool(_)) if ty == "bool" => Kind::Bool,
            (ExprKind::Name(ty), Value::Text(_)) if ty == "str" => Kind::Text,
            (ExprKind::Name(ty), _) if matches!(ty.as_str(), "int" | "float" | "bool" | "str") => {
                let message = format!("the default of `{}` is not of its type, `{ty}`", name.name);
                findings.push(Finding::error(field.span, message));
                continue;
            }
            _ => {
                let finding = Finding::error(field.annotation.span, "a parameter is an int, a float, a bool or a str");
                findings.push(finding);
                continue;
            }
        };
        let comment = comment(source, field.span);
        let (range, unit, help) = described(&comment);
        let (min, max) = match (range, kind) {
            (Some(range), _) => range,
            (None, Kind::Int) => (0.0, 1e6),
            (None, _) => (-1e6, 1e6),
        };
        let spec = ParamSpec {
            name: intern(&name.name),
            kind,
            min,
            max,
            unit: intern(unit),
            help: intern(help),
            formula: "",
            source: "",
            also: "",
            default: match &value {
                Value::Number(x) => Default::Number(*x),
                Value::Bool(x) => Default::Bool(*x),
                Value::Text(x) => Default::Text(intern(x)),
                Value::List(_) => continue,
            },
        };
        if let Err(error) = check(&spec, &value) {
            findings.push(Finding::error(field.span, format!("the default of {}", error.message)));
        }
        params.push(spec);
    }
    if params.len() > MAX_PARAMS {
        let message = format!("a task has at most {MAX_PARAMS} parameters");
        findings.push(Finding::error(class.map_or(Span::default(), |class| class.name.span), message));
        params.truncate(MAX_PARAMS);
    }
    for own in common(module) {
        if params.iter().all(|param| param.name != own.name) {
            params.push(own);
        }
    }
    (params, findings)
}

/// A number, a truth value or a text that is written out.
fn written(expr: &Expr) -> Option<Value> {
    Some(match &expr.kind {
        ExprKind::Int(x) => Value::Number(*x as f64),
        ExprKind::Float(x) => Value::Number(*x),
        ExprKind::Bool(x) => Value::Bool(*x),
        ExprKind::Str(x) if x.chars().count() <= MAX_TEXT => Value::Text(x.clone()),
        ExprKind::Neg(inner) => match written(inner)? {
            Value::Number(x) => Value::Number(-x),
            _ => return None,
        },
        _ => return None,
    })
}

/// The comment behind a field, without its sign.
pub fn comment(source: &str, span: Span) -> String {
    let rest = source.get(span.end as usize..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default().trim();
    line.strip_prefix('#').map_or(String::new(), |text| text.trim().to_string())
}

/// `LOW..HIGH unit: help`, each part of which may be missing.
pub fn described(comment: &str) -> (Option<(f64, f64)>, &str, &str) {
    let (head, help) = comment.split_once(':').unwrap_or((comment, ""));
    let (first, unit) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
    let range = first.split_once("..").and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    match range {
        None => (None, "", comment),
        Some(_) if comment.contains(':') => (range, unit.trim(), help.trim()),
        Some(_) => (range, "", unit.trim()),
    }
}

/// The values of all parameters as constants of the program, and what they refuse.
pub fn values(
    params: &[Declared],
    given: &BTreeMap<String, Value>,
) -> (BTreeMap<String, ParamConstant>, Vec<ParamError>) {
    let mut refused = Vec::new();
    for name in given.keys().filter(|name| params.iter().all(|param| param.name != name.as_str())) {
        refused.push(unknown(params, name));
    }
    let mut constants = BTreeMap::new();
    for param in params {
        let value = given.get(param.name).cloned().unwrap_or_else(|| param.default.value());
        if let Err(error) = check(param, &value) {
            refused.push(error);
            continue;
        }
        if param.name == TABLE_SEED {
            // It tells instances apart, which share one program: only the dice of `setup` know it.
            continue;
        }
        let constant = match (param.kind, value) {
            (Kind::Int, Value::Number(x)) => ParamConstant::Number(Konst::Int(x.clamp(-2e9, 2e9) as i32)),
            (_, Value::Number(x)) => ParamConstant::Number(Konst::Float(x as f32)),
            (_, Value::Bool(x)) => ParamConstant::Number(Konst::Bool(x)),
            (_, Value::Text(x)) if x.chars().count() <= MAX_TEXT => ParamConstant::Text(x),
            _ => {
                let message = format!("{} has more than {MAX_TEXT} characters", param.name);
                refused.push(ParamError { name: param.name.into(), message });
                continue;
            }
        };
        constants.insert(param.name.to_string(), constant);
    }
    (constants, refused)
}
