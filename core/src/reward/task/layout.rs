//! Where the fields of a task program lie: the state, the world, and the record of the episode.

use super::super::ast::{BinOp, Class, Expr, ExprKind};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Konst, STATE, WORLD};
use super::super::lower::{Compiler, Constant, ParamConstant, Type};
use super::super::schema::{EpisodeSchema, Field, Ty};
use super::declared::{comment, described};
use super::drawing::{Drawing, drawing_of};
use super::limits::{MAX_STATE, MAX_WORLD};
use super::names::{Names, constant};
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
    /// The completion, of a task whose policy writes.
    pub tokens: Option<usize>,
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
    let mut size = |name: &str| match compiler.evaluate(constant(module, name)?) {
        Constant::Known(Type::Int, konsts) => match konsts[..] {
            [Konst::Int(n)] if (1..=64).contains(&n) => Some(n as usize),
            _ => None,
        },
        _ => None,
    };
    let (rows, cols) = (size("rows")?, size("cols")?);
    let text =
        match (compiler.task.and_then(|task| task.params.get("map")), constant(module, "map").map(|expr| &expr.kind)) {
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
    /// The lists of the completion and the prompt, of a task whose policy writes.
    pub written: Option<[usize; 2]>,
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
    /// The numbers of an element.
    width: usize,
    help: String,
    bounds: (Option<i32>, Option<i32>),
    /// The values of a scalar or of the elements, and how many elements there are at first.
    blank: Vec<Konst>,
    is_list: bool,
}

/// Gives every field its place. `prompt`: tokens of a prompt, of a task whose policy writes.
pub fn lay_out(compiler: &mut Compiler, names: &Names, prompt: usize, findings: &mut Vec<Finding>) -> Option<Laid> {
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
    let horizon = names.horizon;
    let horizon_ends = match constant(module, "horizon_ends").map(|expr| compiler.evaluate(expr)) {
        Some(Constant::Known(Type::Bool, konsts)) => konsts == [Konst::Bool(true)],
        _ => false,
    };
    let class = |name: &str| module.classes.iter().find(|class| class.name.name == name);
    let state = class("State").map_or(Vec::new(), |class| fields(compiler, class, None, findings));
    let world = class("World").map_or(Vec::new(), |class| fields(compiler, class, None, findings));
    let episode = class("Episode").map_or(Vec::new(), |class| fields(compiler, class, Some(horizon + 1), findings));

    let has = |name: &str| episode.iter().any(|field| field.name == name);
    let mut record = EpisodeSchema::new(if names.end.is_some() { names.names.clone() } else { Vec::new() }, horizon);
    let mut blank_record = Vec::new();
    if names.end.is_some() {
        if let Some(name) = ["tokens", "prompt", "length", "truncated", "correct"].into_iter().find(|name| has(name)) {
            let span = class("Episode").map_or(Span::default(), |class| class.name.span);
            let finding = Finding::error(span, format!("`{name}` of the episode is filled by itself"));
            findings.push(finding.suggest("remove the field, or give it another name"));
            return None;
        }
        record = record
            .field(
                "tokens",
                Ty::Tokens,
                horizon,
                "The completion, the token that ends it included where it was written.",
            )
            .field("prompt", Ty::Tokens, prompt.max(1), "The prompt.");
        blank_record.resize(record.stride, 0.0);
    }
    let what = if names.end.is_some() { "Number of tokens of the completion." } else { "Number of steps." };
    if !has("length") {
        record = record.field("length", Ty::Int, 1, what).at_least(0);
        blank_record.push(0.0);
    }
    let first = record.fields.len();
    for field in &episode {
        record = record.rows(&field.name, field.ty, field.cap, field.width, &field.help);
        if let Some(last) = record.fields.last_mut() {
            last.bounds = field.bounds;
            last.per_step = field.is_list && field.blank.is_empty();
        }
        blank_record.extend(field.words().into_iter().map(|(_, number)| number));
    }
    let own = record.fields.len() - first;
    if names.end.is_none() && !has("actions") {
        let listed: Vec<String> = names.names.iter().enumerate().map(|(i, name)| format!("{i} {name}")).collect();
        let help = format!("Actions: {}.", listed.join(", "));
        record = record.field("actions", Ty::Ints, horizon, &help).per_step();
        record = record.at_least(0).at_most(listed.len() as i32 - 1);
    }
    if !has("truncated") {
        let what = match names.end {
            Some(_) => "The completion ran out of tokens before the one that ends it.",
            None => "The horizon ended the episode.",
        };
        record = record.field("truncated", Ty::Bool, 1, what);
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
        written: names.end.and_then(|_| Some([slot("tokens")?, slot("prompt")?])),
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
    let mut all = EpisodeSchema::new(names.names.clone(), horizon);
    let (n_state, n_world) = (state.len(), world.len());
    let drawing = drawing_of(compiler, &record, &world, findings);
    all.fields = state;
    all.fields.extend(world);
    all.fields.extend(record.fields.iter().cloned());
    let own_fields = n_state + n_world + first..n_state + n_world + first + own;
    let tokens = names.end.map(|_| n_state + n_world);
    // The record's error stands behind its fields, where no program can name it.
    record.fault_slot = Some(record.stride);
    record.stride += 1;
    Some(Laid {
        state: 0..n_state,
        world: n_state..n_state + n_world,
        episode: n_state + n_world..all.fields.len(),
        own_fields,
        tokens,
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

/// The fields of a class. `cap` is the room of a list that starts empty; without it a list has its default's length.
fn fields(compiler: &mut Compiler, class: &Class, cap: Option<usize>, findings: &mut Vec<Finding>) -> Vec<Declared> {
    let mut declared = Vec::new();
    for field in &class.fields {
        let (is_list, word, width) = match &field.annotation.kind {
            ExprKind::Index(list, element) => match (&list.kind, &element.kind) {
                (ExprKind::Name(list), ExprKind::Name(element)) if list == "list" => (true, element.as_str(), 1),
                (ExprKind::Name(list), ExprKind::Index(..)) if list == "list" => {
                    let (word, width) = together(element);
                    (true, word, width)
                }
                _ => (true, "", 1),
            },
            ExprKind::Name(word) => (false, word.as_str(), 1),
            _ => (false, "", 1),
        };
        let (ty, element) = match (word, is_list) {
            ("int", false) => (Ty::Int, Type::Int),
            ("float", false) => (Ty::Float, Type::Float),
            ("bool", false) => (Ty::Bool, Type::Bool),
            ("int", true) => (Ty::Ints, Type::Int),
            ("float", true) => (Ty::Floats, Type::Float),
            ("bool", true) => (Ty::Bools, Type::Bool),
            ("str", false) => (Ty::Token, Type::Token),
            ("str", true) => (Ty::Tokens, Type::Token),
            _ => {
                let message = "a field is an int, a float, a bool, a str (a token or an action), or a list of them";
                findings.push(Finding::error(field.annotation.span, message).suggest(
                    "write `int`, `float`, `bool`, `str`, `list[int]`, `list[float]`, `list[bool]`, `list[str]` or \
                     `list[tuple[float, float]]`",
                ));
                continue;
            }
        };
        if (element == Type::Token) && !is_list && field.default.is_none() {
            let message = format!("`{}` needs to begin as one of the names", field.name.name);
            let finding = Finding::error(field.span, message);
            let first = compiler.schema.tokens.first().map_or("", String::as_str);
            findings.push(finding.suggest(format!("write `{}: str = \"{first}\"`", field.name.name)));
            continue;
        }
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
            Some(expr) => values(compiler, expr, is_list.then_some(width), &element).and_then(|values| {
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
            (true, _) => blank.len() / width,
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
            width,
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

/// The type and the numbers of an element that is written `tuple[float, float]`: all of one type.
fn together(element: &Expr) -> (&str, usize) {
    let ExprKind::Index(tuple, inside) = &element.kind else { return ("", 1) };
    let (ExprKind::Name(tuple), ExprKind::List { elements, .. }) = (&tuple.kind, &inside.kind) else { return ("", 1) };
    let mut words = elements.iter().map(|element| match &element.kind {
        ExprKind::Name(word) if tuple == "tuple" => word.as_str(),
        _ => "",
    });
    let first = words.next().unwrap_or("");
    if words.all(|word| word == first) { (first, elements.len()) } else { ("", 1) }
}

/// The values of a default: a number, a list that is written out, or such a list some times over. `width` is how many
/// numbers an element of a list has, and None says that it is no list.
fn values(compiler: &mut Compiler, expr: &Expr, width: Option<usize>, element: &Type) -> Option<Vec<Konst>> {
    let is_list = width.is_some();
    if let ExprKind::Binary(BinOp::Mul, list, times) = &expr.kind
        && is_list
    {
        let list = values(compiler, list, width, element)?;
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
        Constant::Known(Type::Array(of, len), konsts) if (*of == Type::Token) == (*element == Type::Token) => {
            let numbers = of.banks().len();
            // The constants stand column by column, a record element by element.
            let at = |i: usize| konsts[i % numbers * len + i / numbers];
            (width == Some(numbers)).then(|| (0..numbers * len).map(at).collect())
        }
        Constant::Known(Type::Token, konsts) if !is_list && *element == Type::Token => Some(konsts),
        Constant::Known(Type::Int | Type::Float | Type::Bool, konsts) if !is_list && *element != Type::Token => {
            Some(konsts)
        }
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
        let length = self.blank.len() / self.width;
        let mut words = vec![(length as u32, length as f32)];
        words.extend(self.blank.iter().map(word));
        words.resize(1 + self.cap * self.width, (0, 0.0));
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
            width: field.width,
            offset: words.len() | memory as usize,
            help: field.help.clone(),
            bounds: (None, None),
            per_step: false,
        });
        words.extend(field.words().into_iter().map(|(bits, _)| bits));
    }
    (fields, words)
}
