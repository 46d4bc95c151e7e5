//! How a page draws the episodes of a task: the constant `view` of its program, as in
//! `view = "plane: x, y, heading; line: track_x, track_y"`.

use super::super::ast::{Expr, ExprKind};
use super::super::diagnostics::Finding;
use super::super::ir::SLOT;
use super::super::lower::{Compiler, Constant, Type};
use super::super::schema::{EpisodeSchema, Field, Ty};
use crate::spelling::closest;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A kind of drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawingKind {
    /// Cells of a map, by row and column.
    Map,
    /// Points of a plane: x, y and, if it has one, a heading in radians.
    Plane,
    /// The same on a road along a closed line.
    Track,
    /// A cart at a position with a pole at an angle from upright.
    Pole,
    /// Small curves over the steps.
    Curve,
}

/// Where the numbers of a line come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    Known(Vec<f32>),
    /// A list of the world: its slots, the first of which holds its length, and whether they are floats.
    World(Range<usize>, bool),
}

/// What the constant `view` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    pub kind: DrawingKind,
    /// Lists of the record.
    pub fields: Vec<String>,
    /// A line that does not move, as its x and its y.
    pub line: Option<[Numbers; 2]>,
}

/// The word of each kind, and how many lists it reads.
const KINDS: [(&str, DrawingKind, usize, usize); 5] = [
    ("map", DrawingKind::Map, 2, 2),
    ("plane", DrawingKind::Plane, 2, 3),
    ("track", DrawingKind::Track, 2, 3),
    ("pole", DrawingKind::Pole, 2, 2),
    ("curve", DrawingKind::Curve, 0, 4),
];
const EXAMPLE: &str = "write `view = \"plane: x, y\"`, `\"track: x, y, heading; line: track_x, track_y\"`, `\"pole: position, angle\"` or `\"curve: height\"`";

/// The drawing that the constant asks for; without one, curves of the lists that have a number a step. `world` are the
/// fields of the world, in its own slots.
pub fn drawing_of(
    compiler: &mut Compiler,
    record: &EpisodeSchema,
    world: &[Field],
    findings: &mut Vec<Finding>,
) -> Option<Drawing> {
    let lists = || record.fields.iter().filter(|f| matches!(f.ty, Ty::Floats | Ty::Ints | Ty::Bools));
    let Some((_, expr)) = compiler.module.constants.iter().find(|(ident, _)| ident.name == "view") else {
        let told = lists().filter(|f| f.name != "actions").take(4).map(|f| f.name.clone());
        let fields: Vec<String> = told.collect();
        return (!fields.is_empty()).then_some(Drawing { kind: DrawingKind::Curve, fields, line: None });
    };
    let mut refuse = |expr: &Expr, message: String, hint: &str| {
        findings.push(Finding::error(expr.span, message).suggest(hint));
        None
    };
    let ExprKind::Str(text) = &expr.kind else {
        return refuse(expr, "`view` is a text".into(), EXAMPLE);
    };
    let (head, line) = match text.split_once(';') {
        Some((head, line)) => (head, Some(line.trim())),
        None => (text.as_str(), None),
    };
    let (word, fields) = head.split_once(':').unwrap_or((head, ""));
    let names = |text: &str| -> Vec<String> {
        text.split(',').map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect()
    };
    let (word, fields) = (word.trim(), names(fields));
    // The map is what `rows` and `cols` say.
    if word == "map" && fields.is_empty() {
        return None;
    }
    let Some((_, kind, least, most)) = KINDS.iter().find(|(name, ..)| *name == word) else {
        let meant = closest(word, KINDS.iter().map(|(name, ..)| *name))
            .map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
        return refuse(expr, format!("there is no view `{word}`{meant}"), EXAMPLE);
    };
    if !(*least..=*most).contains(&fields.len()) {
        let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let message = format!("the view `{word}` reads {wanted} lists of the episode, not {}", fields.len());
        return refuse(expr, message, EXAMPLE);
    }
    for name in &fields {
        if !lists().any(|f| f.name == *name) {
            let meant = closest(name, lists().map(|f| f.name.as_str()));
            let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
            let message = format!("`view` reads `{name}`, and the episode has no such list{meant}");
            return refuse(expr, message, "name lists of the class `Episode`");
        }
    }
    let line = match line {
        None => None,
        Some(text) => {
            let ends = text.strip_prefix("line:").map(names).unwrap_or_default();
            let pairs = match &ends[..] {
                [name] => pairs(compiler, name),
                _ => None,
            };
            if pairs.is_some() {
                return Some(Drawing { kind: *kind, fields, line: pairs });
            }
            let [x, y] = &ends[..] else {
                let hint = "write `line: track_x, track_y`, or name a constant that is a list of pairs";
                return refuse(expr, "a line of `view` has two lists".into(), hint);
            };
            let mut both = Vec::new();
            for name in [x, y] {
                match numbers(compiler, world, name) {
                    Some(numbers) => both.push(numbers),
                    None => {
                        let message = format!("the line of `view` reads `{name}`, which is no list of numbers");
                        return refuse(expr, message, "name a constant that is a list, or a list of the class `World`");
                    }
                }
            }
            both.try_into().ok()
        }
    };
    Some(Drawing { kind: *kind, fields, line })
}

/// A constant that is a list of pairs, as its first and its second numbers.
fn pairs(compiler: &mut Compiler, name: &str) -> Option<[Numbers; 2]> {
    let (_, expr) = compiler.module.constants.iter().find(|(ident, _)| ident.name == name)?;
    let Constant::Known(Type::Array(element, len) | Type::Table { element, len, .. }, konsts) = compiler.evaluate(expr)
    else {
        return None;
    };
    // The constants stand column by column.
    let is_pair = len > 1 && element.banks().len() == 2 && konsts.len() == 2 * len;
    let column = |from: usize| konsts[from..from + len].iter().map(|konst| konst.number() as f32).collect();
    is_pair.then(|| [0, len].map(|from| Numbers::Known(column(from))))
}

/// A constant that is a list, or a list of the world.
fn numbers(compiler: &mut Compiler, world: &[Field], name: &str) -> Option<Numbers> {
    if let Some(field) = world.iter().find(|f| f.name == name && f.ty.is_list()) {
        let at = (field.offset as u32 & SLOT) as usize;
        return Some(Numbers::World(at..at + 1 + field.cap, field.ty == Ty::Floats));
    }
    let (_, expr) = compiler.module.constants.iter().find(|(ident, _)| ident.name == name)?;
    match compiler.evaluate(expr) {
        Constant::Known(_, konsts) if konsts.len() > 1 => {
            Some(Numbers::Known(konsts.iter().map(|konst| konst.number() as f32).collect()))
        }
        _ => None,
    }
}

impl Numbers {
    /// The numbers, in a world that is made.
    pub fn of(&self, world: &[u32]) -> Vec<f32> {
        match self {
            Numbers::Known(numbers) => numbers.clone(),
            Numbers::World(slots, floats) => {
                let words = world.get(slots.clone()).unwrap_or_default();
                let count = words.first().map_or(0, |n| *n as usize);
                let number = |word: &u32| if *floats { f32::from_bits(*word) } else { *word as i32 as f32 };
                words.iter().skip(1).take(count).map(number).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Overrides;
    use crate::reward::task::{TaskProgram, compile};

    const REST: &str = "\nhorizon = 4\nactions = [\"a\", \"b\"]\nroad_x = [0.0, 1.0, 2.0]\nroad_y = [0.0, 1.0, 0.0]\n\nclass State:\n    x: float = 0.0\n\nclass World:\n    ways: list[int] = [3, 4]\n\nclass Episode:\n    xs: list[float]\n    ys: list[float]\n    ends: bool\n\ndef step(s, ep, action):\n    ep.xs.append(s.x)\n    ep.ys.append(s.x)\n    return False\n\ndef see(s):\n    return [s.x]\n\ndef score(s, ep):\n    return 1.0\n";

    fn compiled(view: &str) -> Result<TaskProgram, String> {
        let made = compile(&format!("{view}{REST}"), &Overrides::new());
        made.program.ok_or_else(|| made.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn a_view_names_its_drawing_its_lists_and_a_line() {
        let program = compiled("view = \"track: xs, ys; line: road_x, road_y\"").unwrap();
        let drawing = program.drawing.unwrap();
        assert_eq!((drawing.kind, drawing.fields), (DrawingKind::Track, vec!["xs".to_string(), "ys".into()]));
        assert_eq!(drawing.line.unwrap()[1], Numbers::Known(vec![0.0, 1.0, 0.0]));
        let program =
            compiled("road = [(0.0, 3.0), (1.0, 4.0), (2, 5)]\nview = \"track: xs, ys; line: road\"").unwrap();
        let line = program.drawing.unwrap().line.unwrap();
        assert_eq!(line.map(|numbers| numbers.of(&[])), [vec![0.0, 1.0, 2.0], vec![3.0, 4.0, 5.0]]);
        let program = compiled("view = \"plane: xs, ys; line: ways, road_y\"").unwrap();
        let [x, _] = program.drawing.unwrap().line.unwrap();
        assert_eq!(x.of(&program.blank_world), [3.0, 4.0]);
    }

    #[test]
    fn without_a_view_every_list_but_the_actions_is_a_curve() {
        let drawing = compiled("").unwrap().drawing.unwrap();
        assert_eq!((drawing.kind, drawing.fields), (DrawingKind::Curve, vec!["xs".to_string(), "ys".into()]));
    }

    #[test]
    fn what_no_view_has_is_an_error_that_says_what_was_meant() {
        let says = |view: &str, wanted: &str| {
            let message = compiled(view).unwrap_err();
            assert!(message.contains(wanted), "{view}: {message}");
        };
        says("view = \"plan: xs, ys\"", "there is no view `plan`; did you mean `plane`?");
        says("view = \"plane: xs\"", "reads 2 to 3 lists of the episode, not 1");
        says("view = \"pole: xs, yz\"", "`view` reads `yz`, and the episode has no such list; did you mean `ys`?");
        says("view = \"curve: ends\"", "`view` reads `ends`, and the episode has no such list");
        says("view = \"plane: xs, ys; line: road_x\"", "a line of `view` has two lists");
        says("view = \"plane: xs, ys; line: road_x, horizon\"", "reads `horizon`, which is no list of numbers");
        says("view = 3", "`view` is a text");
    }
}
