//! Where the fields of a task program lie: the state, the world, and the record of the episode.

use super::super::ast::{BinOp, Class, Expr, ExprKind};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Konst, STATE, WORLD};
use super::super::lower::{Compiler, Constant, ParamConstant, Type};
use super::super::schema::{EpisodeSchema, Field, Ty};
use super::declared::{comment, described};
use super::drawing::{Drawing, drawing_of};
use super::limits::{MAX_ACTIONS, MAX_HORIZON, MAX_STATE, MAX_WORLD};
use std::ops::Range;

/// Most slots of a record.
const MAX_RECORD: usize = 4096;

/// What the classes and constants of a program say.
pub struct Laid {
    /// Fields of all objects, each with its slot and, in the highest bits of that, its memory.
    pub all: EpisodeSchema,
    pub state: Range<usize>,
    pub world: Range<usize>,
    pub episode: Range<usize>,
    /// Those of the episode that the program fills.
    pub own_fields: Range<usize>,
    /// What reward programs read.
    pub record: EpisodeSchema,
    pub slots: Slots,
    pub blank_state: Vec<u32>,
    pub blank_world: Vec<u32>,
    pub blank_record: Vec<f32>,
    pub horizon_ends: bool,
    pub map: Option<Map>,
    pub drawing: Option<Drawing>,
}

/// How a task is drawn whose first feature is a cell: its constants `rows` and `cols`, and the letters of its text `map`,
/// rows joined by "/".
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    pub rows: usize,
    pub cols: usize,
    /// `#` wall, `.` floor, `S` start, `G` goal, `L` what is to be kept out of, `C` coin, `K` key, `D` door.
    pub cells: Vec<char>,
}

/// The map that constants and parameters tell of.
fn map_of(compiler: &mut Compiler) -> Option<Map> {
    let module = compiler.module;
    let constant = |name: &str| module.constants.iter().find(|(ident, _)| ident.name == name).map(|(_, expr)| expr);
    let mut size = |name: &str| match compiler.evaluate(constant(name)?) {
        Constant::Known(Type::Int, konsts) => match konsts[..] {
            [Konst::Int(n)] if (1..=64).contains(&n) => Some(n as usize),
            _ => None,
        },
        _ => None,
    };
    let (rows, cols) = (size("rows")?, size("cols")?);
    let text = match (compiler.task.and_then(|task| task.params.get("map")), constant("map").map(|expr| &expr.kind)) {
        (Some(ParamConstant::Text(text)), _) | (None, Some(ExprKind::Str(text))) => text.as_str(),
        _ => "",
    };
    let letters: Vec<Vec<char>> = text.split('/').map(|row| row.chars().collect()).collect();
    let letter = |row: usize, col: usize| match letters.get(row).and_then(|row: &Vec<char>| row.get(col)) {
        Some('H') => 'L',
        Some(c) if "#SGLCKD".contains(*c) => *c,
        _ => '.',
    };
    let cells = (0..rows * cols).map(|cell| letter(cell / cols, cell % cols)).collect();
    Some(Map { rows, cols, cells })
}

/// Slots of the record that are filled without the program's doing; None where the program has a field of that name.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    pub length: Option<usize>,
    pub actions: Option<usize>,
    pub truncated: Option<usize>,
    /// The verifier's verdict; of a program that fills it itself it is that verdict, by the same chances.
    pub correct: usize,
    pub own_correct: bool,
    /// The error of the program.
    pub error: usize,
}

/// A field before it has a place.
struct Declared {
    name: String,
    ty: Ty,
    cap: usize,
    help: String,
    bounds: (Option<i32>, Option<i32>),
    /// The values of a scalar or of the elements, and how many elements there are at first.
    blank: Vec<Konst>,
    is_list: bool,
}

pub fn lay_out(compiler: &mut Compiler, findings: &mut Vec<Finding>) -> Option<Laid> {
    compiler.compute_constants();
    let module = compiler.module;
    let mut error = |span: Span, message: String, suggestion: &str| {
        findings.push(Finding::error(span, message).suggest(suggestion));
    };
    for class in &module.classes {
        if !["Params", "State", "World", "Episode"].contains(&class.name.name.as_str()) {
            let message = format!("a task has no class `{}`", class.name.name);
            error(class.name.span, message, "its classes are Params, State, World and Episode");
        }
    }
    let constant = |name: &str| module.constants.iter().find(|(ident, _)| ident.name == name);
    let actions = match constant("actions") {
        Some((_, expr)) => match texts(compiler, expr) {
            Some(actions) if (2..=MAX_ACTIONS).contains(&actions.len()) => actions,
            Some(actions) => {
                let message = format!("a task has 2 to {MAX_ACTIONS} actions, not {}", actions.len());
                error(expr.span, message, "name each action once");
                return None;
            }
            None => {
                error(expr.span, "`actions` is a list of names".into(), "write `actions = [\"left\", \"right\"]`");
                return None;
            }
        },
        None => {
            let message = "the task has no actions".to_string();
            error(Span::default(), message, "write `actions = [\"left\", \"right\"]` at top level");
            return None;
        }
    };
    let horizon = match constant("horizon") {
        Some((_, expr)) => match compiler.evaluate(expr) {
            Constant::Known(Type::Int, konsts) => match konsts[..] {
                [Konst::Int(n)] if (1..=MAX_HORIZON as i32).contains(&n) => n as usize,
                _ => {
                    let message = format!("an episode has 1 to {MAX_HORIZON} steps");
                    error(expr.span, message, "write `horizon = 64`");
                    return None;
                }
            },
            _ => {
                error(expr.span, "`horizon` is an int that is known".into(), "write `horizon = 64`");
                return None;
            }
        },
        None => {
            let message = "the task has no horizon, the most steps of an episode".to_string();
            error(Span::default(), message, "write `horizon = 64` at top level");
            return None;
        }
    };
    let horizon_ends = match constant("horizon_ends").map(|(_, expr)| compiler.evaluate(expr)) {
        Some(Constant::Known(Type::Bool, konsts)) => konsts == [Konst::Bool(true)],
        _ => false,
    };
    let class = |name: &str| module.classes.iter().find(|class| class.name.name == name);
    let state = class("State").map_or(Vec::new(), |class| fields(compiler, class, None, findings));
    let world = class("World").map_or(Vec::new(), |class| fields(compiler, class, None, findings));
    let episode = class("Episode").map_or(Vec::new(), |class| fields(compiler, class, Some(horizon + 1), findings));

    let mut record = EpisodeSchema::new(Vec::new(), horizon);
    let has = |name: &str| episode.iter().any(|field| field.name == name);
    let mut blank_record = Vec::new();
    if !has("length") {
        record = record.field("length", Ty::Int, 1, "Number of steps.").at_least(0);
        blank_record.push(0.0);
    }
    let first = record.fields.len();
    for field in &episode {
        record = record.field(&field.name, field.ty, field.cap, &field.help);
        if let Some(last) = record.fields.last_mut() {
            last.bounds = field.bounds;
        }
        blank_record.extend(field.words().into_iter().map(|(_, number)| number));
    }
    let own = record.fields.len() - first;
    if !has("actions") {
        let names: Vec<String> = actions.iter().enumerate().map(|(i, name)| format!("{i} {name}")).collect();
        let help = format!("Actions: {}.", names.join(", "));
        record = record.field("actions", Ty::Ints, horizon, &help).at_least(0).at_most(actions.len() as i32 - 1);
    }
    if !has("truncated") {
        record = record.field("truncated", Ty::Bool, 1, "The horizon ended the episode.");
    }
    if !has("correct") {
        record = record.field("correct", Ty::Bool, 1, "The verifier's verdict: the true score is at least one half.");
    }
    blank_record.resize(record.stride + 1, 0.0);
    if record.stride > MAX_RECORD {
        let message = format!("an episode has at most {MAX_RECORD} numbers, this one {}", record.stride);
        findings.push(Finding::error(Span::default(), message).suggest("record less, or shorten the horizon"));
        return None;
    }
    let slot = |name: &str| record.get(name).map(|field| field.offset);
    let filled = |name: &str| slot(name).filter(|_| !has(name));
    let slots = Slots {
        length: filled("length"),
        actions: filled("actions"),
        truncated: filled("truncated"),
        correct: slot("correct").unwrap_or(0),
        own_correct: has("correct"),
        error: record.stride,
    };
    let (state, blank_state) = placed(&state, STATE);
    let (world, blank_world) = placed(&world, WORLD);
    for (words, most, what) in [(&blank_state, MAX_STATE, "State"), (&blank_world, MAX_WORLD, "World")] {
        if words.len() > most {
            let message = format!("`{what}` takes {} words; the limit is {most}", words.len());
            let span = class(what).map_or(Span::default(), |class| class.name.span);
            findings.push(Finding::error(span, message).suggest("a list takes one word more than it has elements"));
        }
    }
    let mut all = EpisodeSchema::new(actions, horizon);
    let (n_state, n_world) = (state.len(), world.len());
    let drawing = drawing_of(compiler, &record, &world, findings);
    all.fields = state;
    all.fields.extend(world);
    all.fields.extend(record.fields.iter().cloned());
    let own_fields = n_state + n_world + first..n_state + n_world + first + own;
    // The record's error stands behind its fields, where no program can name it.
    record.fault_slot = Some(record.stride);
    record.stride += 1;
    Some(Laid {
        state: 0..n_state,
        world: n_state..n_state + n_world,
        episode: n_state + n_world..all.fields.len(),
        own_fields,
        all,
        record,
        slots,
        blank_state,
        blank_world,
        blank_record,
        horizon_ends,
        map: map_of(compiler),
        drawing,
    })
}

/// The first line of the text that a program starts with.
pub fn help_of(source: &str) -> String {
    let text = source.trim_start();
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| text.starts_with(quotes));
    let inside = quotes.and_then(|quotes| text[quotes.len()..].split(quotes).next());
    inside.map_or(String::new(), |text| text.trim().lines().next().unwrap_or_default().trim().to_string())
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

/// The fields of a class. `cap` is the room of a list that starts empty; without it a list has its default's length.
fn fields(compiler: &mut Compiler, class: &Class, cap: Option<usize>, findings: &mut Vec<Finding>) -> Vec<Declared> {
    let mut declared = Vec::new();
    for field in &class.fields {
        let (is_list, word) = match &field.annotation.kind {
            ExprKind::Index(list, element) => match (&list.kind, &element.kind) {
                (ExprKind::Name(list), ExprKind::Name(element)) if list == "list" => (true, element.as_str()),
                _ => (true, ""),
            },
            ExprKind::Name(word) => (false, word.as_str()),
            _ => (false, ""),
        };
        let (ty, element) = match (word, is_list) {
            ("int", false) => (Ty::Int, Type::Int),
            ("float", false) => (Ty::Float, Type::Float),
            ("bool", false) => (Ty::Bool, Type::Bool),
            ("int", true) => (Ty::Ints, Type::Int),
            ("float", true) => (Ty::Floats, Type::Float),
            ("bool", true) => (Ty::Bools, Type::Bool),
            _ => {
                let finding =
                    Finding::error(field.annotation.span, "a field is an int, a float, a bool or a list of them");
                findings
                    .push(finding.suggest("write `int`, `float`, `bool`, `list[int]`, `list[float]` or `list[bool]`"));
                continue;
            }
        };
        let zero = match element {
            Type::Int => Konst::Int(0),
            Type::Bool => Konst::Bool(false),
            _ => Konst::Float(0.0),
        };
        let blank = match &field.default {
            None => {
                if is_list {
                    Some(Vec::new())
                } else {
                    Some(vec![zero])
                }
            }
            Some(expr) => values(compiler, expr, is_list).and_then(|values| {
                values.into_iter().map(|konst| converted(konst, zero)).collect::<Option<Vec<Konst>>>()
            }),
        };
        let Some(blank) = blank else {
            let at = field.default.as_ref().map_or(field.span, |default| default.span);
            let finding = Finding::error(at, format!("the default of `{}` is not of its type", field.name.name));
            findings.push(finding.suggest(if is_list { "write `[0] * 9`, or `[1, 2, 3]`" } else { "write a number" }));
            continue;
        };
        let cap = match (is_list, cap) {
            (false, _) => 1,
            (true, Some(cap)) if blank.is_empty() => cap,
            (true, _) => blank.len(),
        };
        if cap == 0 {
            let finding = Finding::error(field.span, format!("the list `{}` has no room", field.name.name));
            findings.push(finding.suggest("give it a default of its length, as `[0] * 9`"));
            continue;
        }
        let text = comment(compiler.source, field.span);
        let (range, _, help) = described(&text);
        let bound = |x: f64| (x.abs() < 1e9 && x.fract() == 0.0).then_some(x as i32);
        declared.push(Declared {
            name: field.name.name.clone(),
            ty,
            cap,
            help: if help.is_empty() { field.name.name.replace('_', " ") } else { help.to_string() },
            bounds: range.map_or((None, None), |(low, high)| (bound(low), bound(high))),
            blank,
            is_list,
        });
    }
    declared
}

/// A constant as one of another type, where Python would take it for one.
fn converted(konst: Konst, like: Konst) -> Option<Konst> {
    match (konst, like) {
        (Konst::Float(_), Konst::Float(_)) | (Konst::Int(_), Konst::Int(_)) | (Konst::Bool(_), Konst::Bool(_)) => {
            Some(konst)
        }
        (Konst::Int(x), Konst::Float(_)) => Some(Konst::Float(x as f32)),
        _ => None,
    }
}

/// The values of a default: a number, a list that is written out, or such a list some times over.
fn values(compiler: &mut Compiler, expr: &Expr, is_list: bool) -> Option<Vec<Konst>> {
    if let ExprKind::Binary(BinOp::Mul, list, times) = &expr.kind
        && is_list
    {
        let list = values(compiler, list, true)?;
        let Constant::Known(Type::Int, konsts) = compiler.evaluate(times) else { return None };
        let [Konst::Int(times)] = konsts[..] else { return None };
        let times = usize::try_from(times).ok()?;
        return (times * list.len() <= MAX_WORLD).then(|| list.repeat(times));
    }
    if let ExprKind::List { elements, .. } = &expr.kind
        && is_list
        && elements.is_empty()
    {
        return Some(Vec::new());
    }
    match compiler.evaluate(expr) {
        Constant::Known(Type::Array(..), konsts) if is_list => Some(konsts),
        Constant::Known(Type::Int | Type::Float | Type::Bool, konsts) if !is_list => Some(konsts),
        _ => None,
    }
}

impl Declared {
    /// Its words at the start, as bits and as the numbers of a record.
    fn words(&self) -> Vec<(u32, f32)> {
        let word = |konst: &Konst| (konst.bits(), konst.number() as f32);
        if !self.is_list {
            return self.blank.iter().map(word).collect();
        }
        let length = self.blank.len();
        let mut words = vec![(length as u32, length as f32)];
        words.extend(self.blank.iter().map(word));
        words.resize(1 + self.cap, (0, 0.0));
        words
    }
}

/// Fields with their slots in a memory of their own, and its words at the start.
fn placed(declared: &[Declared], memory: u32) -> (Vec<Field>, Vec<u32>) {
    let (mut fields, mut words) = (Vec::new(), Vec::new());
    for field in declared {
        fields.push(Field {
            name: field.name.clone(),
            ty: field.ty,
            cap: field.cap,
            width: 1,
            offset: words.len() | memory as usize,
            help: field.help.clone(),
            bounds: (None, None),
        });
        words.extend(field.words().into_iter().map(|(bits, _)| bits));
    }
    (fields, words)
}
