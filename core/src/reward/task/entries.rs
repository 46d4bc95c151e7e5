//! The functions of a task program that the engine calls.

use super::super::ast::{Function, Module};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Unit};
use super::super::lower::{Compiler, Object, Type};
use super::limits::MAX_PROMPT;
use super::names::Names;
use std::collections::BTreeMap;

/// What a parameter of an entry stands for: it is known by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// One of the objects, which take no register.
    Object,
    Action,
    Step,
}

/// A function of the program and its arguments.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the unit.
    pub function: usize,
    pub arguments: Vec<Argument>,
    /// Registers of its result.
    pub results: Vec<Bank>,
}

impl Entry {
    /// What stands for one that is not there, of a task that is played in another way.
    fn none() -> Self {
        Entry { function: 0, arguments: Vec::new(), results: Vec::new() }
    }
}

/// All of them; `setup`, `start`, `prior` and `demonstration` are there where the program has them, `step` and `see` where
/// its policy takes steps, `prompt` where it writes.
#[derive(Clone, Debug)]
pub struct Entries {
    pub setup: Option<Entry>,
    pub start: Option<Entry>,
    pub step: Entry,
    pub see: Entry,
    pub score: Entry,
    pub prior: Option<Entry>,
    pub prompt: Entry,
    pub demonstration: Option<Entry>,
}

/// What an entry may be given; true: it may change it.
struct Shape {
    name: &'static str,
    given: &'static [(&'static str, Option<bool>)],
    usage: &'static str,
    is_needed: bool,
}

/// Of a task whose policy takes steps.
const STEPS: [Shape; 6] = [
    SETUP,
    Shape {
        name: "start",
        given: &[("s", Some(true)), ("ep", Some(true)), ("w", Some(false)), ("p", None), ("dice", None)],
        usage: "def start(s, ep, p, dice): ...",
        is_needed: false,
    },
    Shape {
        name: "step",
        given: &[
            ("s", Some(true)),
            ("ep", Some(true)),
            ("w", Some(false)),
            ("p", None),
            ("action", None),
            ("t", None),
            ("dice", None),
        ],
        usage: "def step(s, ep, p, action, dice): ...",
        is_needed: true,
    },
    Shape {
        name: "see",
        given: &[("s", Some(false)), ("w", Some(false)), ("p", None)],
        usage: "def see(s, p): return one_hot(s.cell, p.cells)",
        is_needed: true,
    },
    Shape {
        name: "score",
        given: &[("s", Some(false)), ("ep", Some(true)), ("w", Some(false)), ("p", None), ("dice", None)],
        usage: "def score(s, ep, p): return 1.0 if s.cell == 0 else 0.0",
        is_needed: true,
    },
    Shape {
        name: "prior",
        given: &[("s", Some(false)), ("w", Some(false)), ("p", None)],
        usage: "def prior(s, p): return [0.0, 1.0]",
        is_needed: false,
    },
];

/// Of a task whose policy writes.
const TOKENS: [Shape; 4] = [
    SETUP,
    Shape {
        name: "prompt",
        given: &[("s", Some(true)), ("w", Some(false)), ("p", None), ("dice", None)],
        usage: "def prompt(p, dice): return [tokens[dice.below(10)], \"+\", tokens[dice.below(10)]]",
        is_needed: true,
    },
    Shape {
        name: "score",
        given: &[("s", Some(true)), ("ep", Some(true)), ("w", Some(false)), ("p", None)],
        usage: "def score(ep): return 1.0 if ep.tokens[0] == ep.prompt[0] else 0.0",
        is_needed: true,
    },
    Shape {
        name: "demonstration",
        given: &[("s", Some(true)), ("ep", Some(true)), ("w", Some(false)), ("p", None), ("dice", None)],
        usage: "def demonstration(ep): ep.tokens.append(ep.prompt[0])",
        is_needed: false,
    },
];

const SETUP: Shape = Shape {
    name: "setup",
    given: &[("w", Some(true)), ("p", None), ("dice", None)],
    usage: "def setup(w, p, dice): ...",
    is_needed: false,
};

/// The functions that the engine calls, each with an example.
pub fn shapes() -> impl Iterator<Item = (&'static str, &'static str)> {
    STEPS.iter().chain(&TOKENS[1..]).map(|shape| (shape.name, shape.usage))
}

/// What becomes of a program's functions.
pub struct Made {
    pub entries: Entries,
    /// What each part of `see` has.
    pub seen: Vec<u32>,
    pub unit: Unit,
    pub raised: BTreeMap<u32, String>,
    pub findings: Vec<Finding>,
}

/// How many tokens the prompts have that `prompt` returns; 0 where that is not known, and `findings` says why.
pub fn prompt_len(mut compiler: Compiler, findings: &mut Vec<Finding>) -> usize {
    compiler.compute_constants();
    let module = compiler.module;
    let shape = &TOKENS[1];
    let Some(index) = module.function(shape.name) else {
        let finding = Finding::error(Span::default(), format!("the task has no function `{}`", shape.name));
        findings.push(finding.suggest(format!("write `{}`", shape.usage)));
        return 0;
    };
    let made = entry(&mut compiler, shape, index, findings);
    findings.extend(compiler.take_findings());
    let Some((instance, _, ret)) = made else { return 0 };
    let len = match &ret {
        Type::Array(element, len) | Type::Table { element, len, .. } if **element == Type::Token => *len,
        _ => 0,
    };
    findings.extend(compiler.instances[instance].findings.clone());
    if !(1..=MAX_PROMPT).contains(&len) && findings.iter().all(|finding| !finding.is_error) {
        let message = format!("`prompt` returns a list of 1 to {MAX_PROMPT} tokens, every time as many");
        let finding = Finding::error(module.functions[index].name.span, message);
        findings.push(finding.suggest(format!("write `{}`", shape.usage)));
    }
    if findings.iter().any(|finding| finding.is_error) { 0 } else { len }
}

/// Lowers all entries.
pub fn lower(mut compiler: Compiler, names: &Names) -> Made {
    compiler.compute_constants();
    let mut findings = compiler.take_findings();
    let module = compiler.module;
    let mut found: Vec<Option<(usize, Vec<Argument>, Type)>> = Vec::new();
    let shapes: &[Shape] = if names.end.is_some() { &TOKENS } else { &STEPS };
    for shape in shapes {
        let Some(index) = module.function(shape.name) else {
            if shape.is_needed {
                let finding = Finding::error(Span::default(), format!("the task has no function `{}`", shape.name));
                findings.push(finding.suggest(format!("write `{}`", shape.usage)));
            }
            found.push(None);
            continue;
        };
        found.push(entry(&mut compiler, shape, index, &mut findings));
    }
    for function in module.functions.iter().filter(|function| function.parent.is_none()) {
        let name = &function.name;
        let of_the_other = ["step", "see", "start", "prior", "prompt", "demonstration"]
            .into_iter()
            .find(|other| name.name == *other && shapes.iter().all(|shape| shape.name != *other));
        if of_the_other.is_some()
            || matches!(name.name.as_str(), "reset" | "observe" | "observation" | "reward" | "init")
        {
            let instead = match name.name.as_str() {
                _ if names.end.is_some() && of_the_other.is_some() => {
                    "a policy that writes `tokens` is given a `prompt`; one that takes `actions` steps"
                }
                _ if of_the_other.is_some() => "only a policy that writes `tokens` is given a prompt",
                "reward" => "a reward is a program of its own, beside the task; the true objective is `score`",
                "observe" | "observation" => "what the policy sees is `see`",
                _ => "an episode begins with `start`",
            };
            let finding = Finding::warning(name.span, format!("the engine never calls `{}`", name.name));
            findings.push(finding.suggest(instead));
        }
    }
    let instances: Vec<usize> = found.iter().flatten().map(|(instance, ..)| *instance).collect();
    let rets: Vec<Option<Type>> = found.iter().map(|entry| entry.as_ref().map(|(.., ret)| ret.clone())).collect();
    let n_actions = compiler.schema.tokens.len();
    let writes = names.end.is_some();
    let (unit, places, raised, said) = compiler.gather(&instances);
    findings.extend(said);
    let mut places = places.into_iter();
    let mut entries: Vec<Option<Entry>> = Vec::new();
    for entry in found {
        entries.push(entry.map(|(_, arguments, ret)| Entry {
            function: places.next().unwrap_or(0),
            arguments,
            results: ret.banks(),
        }));
    }
    if findings.iter().all(|finding| !finding.is_error) {
        check_results(module, shapes, n_actions, &rets, &mut findings);
    }
    let seen = match rets.get(3) {
        Some(Some(Type::Seen(parts))) if !writes => parts.clone(),
        _ => Vec::new(),
    };
    let mut named: BTreeMap<&str, Entry> =
        shapes.iter().zip(entries).filter_map(|(shape, entry)| Some((shape.name, entry?))).collect();
    let entries = Entries {
        setup: named.remove("setup"),
        start: named.remove("start"),
        step: named.remove("step").unwrap_or_else(Entry::none),
        see: named.remove("see").unwrap_or_else(Entry::none),
        score: named.remove("score").unwrap_or_else(Entry::none),
        prior: named.remove("prior"),
        prompt: named.remove("prompt").unwrap_or_else(Entry::none),
        demonstration: named.remove("demonstration"),
    };
    Made { entries, seen, unit, raised, findings }
}

fn entry(
    compiler: &mut Compiler,
    shape: &Shape,
    index: usize,
    findings: &mut Vec<Finding>,
) -> Option<(usize, Vec<Argument>, Type)> {
    let function: &Function = &compiler.module.functions[index];
    let (mut types, mut arguments) = (Vec::new(), Vec::new());
    for param in &function.params {
        let given = shape.given.iter().find(|(name, _)| *name == param.name.name);
        let Some((name, writable)) = given else {
            let names = shape.given.iter().map(|(name, _)| *name);
            let listed = names.clone().collect::<Vec<_>>().join(", ");
            let message = format!("`{}` is given {listed}, and no `{}`", shape.name, param.name.name);
            let finding = Finding::error(param.name.span, message).did_you_mean(&param.name.name, names);
            findings.push(match finding.suggestion {
                None => finding.suggest(format!("write `{}`", shape.usage)),
                _ => finding,
            });
            return None;
        };
        let object = |object: Object| (Type::Object(object, writable.unwrap_or(true)), Argument::Object);
        let (ty, argument) = match *name {
            "s" => object(Object::State),
            "w" => object(Object::World),
            "ep" if shape.name == "demonstration" => object(Object::Demonstration),
            "ep" => object(Object::Episode),
            "p" => object(Object::Params),
            "dice" => object(Object::Dice),
            "action" => (Type::Token, Argument::Action),
            _ => (Type::Int, Argument::Step),
        };
        types.push(ty);
        arguments.push(argument);
    }
    let instance = compiler.entry(index, &types)?;
    let ret = compiler.instances[instance].ret.clone();
    Some((instance, arguments, ret))
}

/// What each entry has to return.
fn check_results(
    module: &Module,
    shapes: &[Shape],
    n_actions: usize,
    rets: &[Option<Type>],
    findings: &mut Vec<Finding>,
) {
    for (shape, ret) in shapes.iter().zip(rets) {
        let (Some(ret), Some(index)) = (ret, module.function(shape.name)) else { continue };
        let (fits, wanted) = match shape.name {
            // What always raises for these values of the parameters has no type.
            // How `prompt` ends was looked at before.
            "prompt" => (true, String::new()),
            "setup" | "start" | "demonstration" => {
                (matches!(ret, Type::None | Type::Bad), "returns nothing: it changes what it is given".to_string())
            }
            "step" => (
                matches!(ret, Type::Bool | Type::None | Type::Bad),
                "returns True where the episode is over, and False or nothing where it goes on".to_string(),
            ),
            "score" => (
                matches!(ret, Type::Float | Type::Int | Type::Bool),
                "returns the true score, a number, whatever happened".to_string(),
            ),
            "see" => (
                matches!(ret, Type::Seen(parts) if !parts.is_empty()),
                "returns what the policy sees: `one_hot(i, n)`, or a list of numbers".to_string(),
            ),
            _ => (
                matches!(ret, Type::Array(element, n) if **element == Type::Float && *n == n_actions),
                format!("returns a list of {n_actions} floats, one an action"),
            ),
        };
        if !fits {
            let span = module.functions[index].name.span;
            let finding = Finding::error(span, format!("`{}` {wanted}", shape.name));
            findings.push(finding.suggest(format!("write `{}`", shape.usage)));
        }
        if let Type::Seen(parts) = ret
            && parts.contains(&0)
            && parts.iter().any(|n| *n > 0)
        {
            let finding = Finding::error(module.functions[index].name.span, "features and numbers stand together here");
            findings.push(finding.suggest("return features alone, or numbers alone: `1.0 if .. else 0.0` is a number"));
        }
    }
}
