//! What an editor can offer at a place of a task program.

use super::super::ast::{Class, ClassField, ExprKind, Module};
use super::super::completions::{Completion, Place, completion, library, place};
use super::super::parser;
use super::entries::shapes;
use super::{MAX_SOURCE, declared};

/// What every record has by itself, with and without tokens.
const FILLED: [(&str, &str); 6] = [
    ("length", "int: the number of steps or tokens"),
    ("actions", "list of int: the number of every action"),
    ("truncated", "bool: the horizon ended the episode"),
    ("correct", "bool: the verifier's verdict"),
    ("prompt", "list of tokens: the prompt"),
    ("tokens", "list of tokens: the completion"),
];

/// The calls of dice.
const DICE: [(&str, &str); 7] = [
    ("uniform", "uniform(low, high): a float"),
    ("random", "random(): a float from 0 up to 1"),
    ("chance", "chance(p): True with probability p"),
    ("below", "below(n): an int from 0 to n - 1"),
    ("normal", "normal(mean, deviation): a float"),
    ("choice", "choice(list): an element"),
    ("shuffle", "shuffle(list): a new order"),
];

/// The offers at byte `offset` of a task program, all that fit there; it need not compile.
pub fn completions(source: &str, offset: usize) -> Vec<Completion> {
    if source.len() > MAX_SOURCE {
        return Vec::new();
    }
    let (module, _) = parser::parse_task(source);
    match place(source, offset) {
        Place::Nothing => Vec::new(),
        Place::Text { .. } => names_of(&module).into_iter().map(|name| completion(name, "name", "token")).collect(),
        Place::Member(base) => members(source, &module, base),
        Place::Name => names(&module, offset),
    }
}

/// The names of actions and tokens that are written out.
fn names_of(module: &Module) -> Vec<&str> {
    let mut names = Vec::new();
    for (_, list) in module.constants.iter().filter(|(name, _)| matches!(name.name.as_str(), "actions" | "tokens")) {
        list.each(&mut |expr| {
            if let ExprKind::Str(text) = &expr.kind {
                names.push(text.as_str());
            }
        });
    }
    names
}

/// What follows the dot after `base`.
fn members(source: &str, module: &Module, base: &str) -> Vec<Completion> {
    let class = |name: &str| module.classes.iter().find(|class| class.name.name == name);
    let own = |name: &str| class(name).map_or(Vec::new(), |class| fields(source, class));
    match base {
        "s" => own("State"),
        "w" => own("World"),
        "ep" => {
            let mut offers = own("Episode");
            let writes = module.constants.iter().any(|(name, _)| name.name == "tokens");
            let fits = |name: &str| match name {
                "actions" => !writes,
                "prompt" | "tokens" => writes,
                _ => true,
            };
            let filled = FILLED.iter().filter(|(name, _)| fits(name) && offers.iter().all(|own| own.label != *name));
            let filled: Vec<Completion> = filled.map(|(name, what)| completion(name, *what, "field")).collect();
            offers.extend(filled);
            offers
        }
        "p" | "Params" => {
            let params = declared::params(source, module).0;
            params.iter().map(|param| completion(param.name, param.help, "field")).collect()
        }
        "dice" => DICE.iter().map(|(name, usage)| completion(name, *usage, "function")).collect(),
        _ if base.contains('.') => {
            vec![completion("append", "append(x): one element more", "function")]
        }
        _ => Vec::new(),
    }
}

fn fields(source: &str, class: &Class) -> Vec<Completion> {
    let field = |field: &ClassField| {
        let span = field.annotation.span;
        let ty = source.get(span.start as usize..span.end as usize).unwrap_or_default();
        let text = declared::comment(source, field.span);
        let help = declared::described(&text).2.to_string();
        let detail = if help.is_empty() { ty.to_string() } else { format!("{ty}: {help}") };
        completion(&field.name.name, detail, "field")
    };
    class.fields.iter().map(field).collect()
}

fn names(module: &Module, offset: usize) -> Vec<Completion> {
    let mut offers = Vec::new();
    let inside = module.functions.iter().rev().find(|function| (function.name.span.start as usize) <= offset);
    offers.extend(
        inside
            .iter()
            .flat_map(|function| &function.params)
            .map(|param| completion(&param.name.name, "parameter", "variable")),
    );
    offers.extend(module.constants.iter().map(|(ident, _)| completion(&ident.name, "constant", "constant")));
    let functions = module.functions.iter().filter(|function| function.parent.is_none());
    offers.extend(functions.map(|function| completion(&function.name.name, "function", "function")));
    let missing = shapes().filter(|(name, _)| module.function(name).is_none());
    offers.extend(missing.map(|(name, usage)| completion(name, usage, "function")));
    offers.push(completion("one_hot", "one_hot(i, n): which of n features is on", "function"));
    offers.extend(library());
    offers
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tasks/sums.py"));

    fn offered(typed: &str) -> Vec<String> {
        let source = format!("{TASK}\ndef added(s, ep, w, p, dice):\n    x = {typed}");
        completions(&source, source.len()).into_iter().map(|offer| offer.label).collect()
    }

    #[test]
    fn what_follows_a_dot_is_what_the_object_has() {
        assert_eq!(offered("s."), ["terms"]);
        assert_eq!(offered("w."), [""; 0]);
        let episode = offered("ep.");
        for name in ["answer", "formatted", "length", "truncated", "correct", "prompt", "tokens"] {
            assert!(episode.iter().any(|offer| offer == name), "{name}: {episode:?}");
        }
        assert!(!episode.iter().any(|offer| offer == "actions"), "{episode:?}");
        assert!(offered("p.sk").contains(&"skip".into()) && offered("Params.").contains(&"false_positive".into()));
        assert_eq!(offered("dice.").len(), DICE.len());
        assert_eq!(offered("ep.tokens."), ["append"]);
    }

    #[test]
    fn names_are_those_of_the_program_and_of_the_language() {
        let names = offered("so");
        for name in ["dice", "tokens", "part", "one_hot", "sum", "return", "setup"] {
            assert!(names.iter().any(|offer| offer == name), "{name}");
        }
        assert!(offered("ep.prompt[0] == \"<").contains(&"<think>".into()));
        assert_eq!(offered("1  # s."), [""; 0]);
    }

    /// The fields that every record has by itself are those that the compiler adds.
    #[test]
    fn the_fields_that_are_filled_by_themselves_are_all_there() {
        for source in [TASK, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tasks/corridor.py"))] {
            let program = super::super::compile(source, &Default::default()).program.unwrap();
            let offers = members(source, &parser::parse_task(source).0, "ep");
            let offers: Vec<&str> = offers.iter().map(|offer| offer.label.as_str()).collect();
            assert_eq!(offers.len(), program.schema.fields.len());
            assert!(program.schema.fields.iter().all(|field| offers.contains(&field.name.as_str())), "{offers:?}");
        }
    }
}
