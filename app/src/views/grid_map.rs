//! The gridworld's map as a drawing (SVG text): cells, a policy's arrows, visits, a path, a loop.

use std::fmt::Write;

/// The side of a cell in the drawing's own units.
const CELL: f32 = 20.0;

/// A map, row by row from the top.
#[derive(Clone, Copy)]
pub struct Map<'a> {
    pub rows: usize,
    pub cols: usize,
    pub cells: &'a [char],
    /// Names of the actions: where an arrow points.
    pub actions: &'a [String],
}

impl Map<'_> {
    /// The map with arrows as long as an action is likely, over cells as dark as they are visited; and, over all, the loop
    /// of some cells.
    pub fn policy(self, probabilities: &[f32], visits: &[f32], round: &[u32], label: &str) -> String {
        let most = visits.iter().copied().fold(0.0, f32::max).max(1e-6);
        let mut out = self.begin(label);
        for i in 0..self.rows * self.cols {
            let share = visits.get(i).copied().unwrap_or(0.0) / most;
            if share > 0.0 {
                self.square(&mut out, i, "visit", &format!(" style=\"opacity:{:.2}\"", 0.7 * share.sqrt()));
            }
        }
        for i in 0..self.rows * self.cols {
            if matches!(self.cells.get(i), None | Some('#' | 'G' | 'L')) {
                continue;
            }
            for (action, name) in self.actions.iter().enumerate() {
                if let Some(p) = probabilities.get(self.actions.len() * i + action) {
                    self.arrow(&mut out, i, name, p.clamp(0.0, 1.0));
                }
            }
        }
        if !round.is_empty() {
            let points: Vec<_> = round.iter().map(|cell| self.middle(*cell as usize)).collect();
            let _ = write!(out, "<polygon class=\"loop\" points=\"{}\"/>", written(&points));
        }
        out + "</svg>"
    }

    /// The map with the way of one sample, in the colour of its strategy.
    pub fn path(self, path: &[usize], color: usize) -> String {
        // Drifts across the cells with time, so that a way back and forth can be told from a line.
        let point = |(t, cell): (usize, &usize)| {
            let shift = 0.6 * CELL * (t as f32 / path.len() as f32 - 0.5);
            let (x, y) = self.middle(*cell);
            (x + shift, y + shift)
        };
        let points: Vec<_> = path.iter().enumerate().map(point).collect();
        let mut out = self.begin("The way of this sample");
        let _ = write!(out, "<polyline class=\"path arm-ink-{color}\" points=\"{}\"/>", written(&points));
        if let Some((x, y)) = points.last() {
            let _ = write!(out, "<circle class=\"path-end arm-ink-{color}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\"/>");
        }
        out + "</svg>"
    }

    fn begin(self, label: &str) -> String {
        let (width, height) = (self.cols as f32 * CELL, self.rows as f32 * CELL);
        let (width, height) = if self.lies() { (height, width) } else { (width, height) };
        let mut out =
            format!("<svg class=\"map-drawing\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {width} {height}\">");
        for (i, kind) in self.cells.iter().enumerate() {
            let (class, letter) = match kind {
                '#' => ("wall", ""),
                'S' => ("floor", "S"),
                'G' => ("goal", "G"),
                'L' => ("lava", "L"),
                'C' => ("floor", "$"),
                'K' => ("floor", "K"),
                'D' => ("door", "D"),
                _ => ("floor", ""),
            };
            self.square(&mut out, i, &format!("tile {class}"), "");
            if !letter.is_empty() {
                let (x, y) = self.middle(i);
                // Writing to a String cannot fail.
                let _ = write!(out, "<text class=\"tile-text\" x=\"{x}\" y=\"{}\">{letter}</text>", y + 4.0);
            }
        }
        out
    }

    /// A column of cells is drawn from left to right.
    fn lies(self) -> bool {
        self.cols == 1
    }

    fn middle(self, cell: usize) -> (f32, f32) {
        let cols = self.cols.max(1);
        let (x, y) = (((cell % cols) as f32 + 0.5) * CELL, ((cell / cols) as f32 + 0.5) * CELL);
        if self.lies() { (y, x) } else { (x, y) }
    }

    fn square(self, out: &mut String, cell: usize, class: &str, more: &str) {
        let (x, y) = self.middle(cell);
        let (x, y) = (x - CELL / 2.0, y - CELL / 2.0);
        let _ = write!(out, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\"{more}/>");
    }

    /// An arrow where the action moves; a dot for one that moves nowhere on the map.
    fn arrow(self, out: &mut String, cell: usize, action: &str, p: f32) {
        let sign = |back: &str, forth: &str| match (
            action.split('-').any(|w| w == back),
            action.split('-').any(|w| w == forth),
        ) {
            (true, false) => -1.0_f32,
            (false, true) => 1.0,
            _ => 0.0,
        };
        let (dx, dy) = (sign("left", "right"), sign("up", "down"));
        let scale = if dx != 0.0 && dy != 0.0 { std::f32::consts::FRAC_1_SQRT_2 } else { 1.0 };
        let (dx, dy) = if self.lies() { (dy * scale, dx * scale) } else { (dx * scale, dy * scale) };
        let length = 0.48 * CELL * p;
        if length < 0.2 {
            return;
        }
        let opacity = 0.25 + 0.75 * p;
        if dx == 0.0 && dy == 0.0 {
            let (x, y) = self.middle(cell);
            let radius = 0.2 * CELL * p;
            let _ = write!(
                out,
                "<circle class=\"arrow\" style=\"opacity:{opacity:.2}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius:.1}\"/>"
            );
            return;
        }
        let (x, y) = self.middle(cell);
        let side = 1.6;
        let points =
            [(x - dy * side, y - dx * side), (x + dx * length, y + dy * length), (x + dy * side, y + dx * side)];
        let opacity = 0.25 + 0.75 * p;
        let _ =
            write!(out, "<polygon class=\"arrow\" style=\"opacity:{opacity:.2}\" points=\"{}\"/>", written(&points));
    }
}

fn written(points: &[(f32, f32)]) -> String {
    points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::Map;

    #[test]
    fn an_arrow_points_where_its_action_moves() {
        let actions = ["up", "down-right", "television"].map(String::from);
        let map = Map { rows: 1, cols: 2, cells: &['.'; 2], actions: &actions };
        let drawn = |policy: &[f32]| map.policy(policy, &[], &[], "a map");
        assert!(drawn(&[1.0, 0.0, 0.0]).contains(" 10.0,0.4 "), "{}", drawn(&[1.0, 0.0, 0.0]));
        assert!(drawn(&[0.0, 1.0, 0.0]).contains(" 16.8,16.8 "));
        assert!(drawn(&[0.0, 0.0, 1.0]).contains("<circle"));
        assert!(!drawn(&[0.0; 3]).contains("class=\"arrow\""));
        let chain = Map { rows: 2, cols: 1, cells: &['.'; 2], actions: &actions };
        assert!(chain.policy(&[1.0, 0.0, 0.0], &[], &[], "a chain").contains(" 0.4,10.0 "), "a chain lies: up is left");
    }

    #[test]
    fn a_trail_has_the_colour_of_its_strategy() {
        let actions = ["up", "right", "down", "left"].map(String::from);
        let map = Map { rows: 1, cols: 3, cells: &['S', '.', 'G'], actions: &actions };
        let html = map.path(&[0, 1, 2], 5);
        assert!(html.contains("class=\"path arm-ink-5\"") && html.contains("class=\"path-end arm-ink-5\""), "{html}");
    }
}
