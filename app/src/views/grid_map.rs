//! The gridworld's map as a drawing: cells, the policy's arrows, visits, a path.

use leptos::prelude::*;

/// The side of a cell in the drawing's own units.
const CELL: f32 = 20.0;

/// The map with arrows as long as an action is likely, over cells as dark as they are visited.
pub fn policy(
    rows: usize,
    cols: usize,
    cells: &[char],
    probabilities: &[f32],
    visits: &[f32],
) -> impl IntoView + use<> {
    let most = visits.iter().copied().fold(0.0, f32::max).max(1e-6);
    let n = rows * cols;
    let shades: Vec<_> = (0..n).map(|i| visit(i, cols, visits.get(i).copied().unwrap_or(0.0) / most)).collect();
    let arrows: Vec<_> = (0..n)
        .filter(|i| !matches!(cells.get(*i), None | Some('#' | 'G' | 'L')))
        .flat_map(|i| (0..4).map(move |a| (i, a)))
        .filter_map(|(i, a)| Some(arrow(i, cols, a, *probabilities.get(4 * i + a)?)))
        .collect();
    frame(
        rows,
        cols,
        cells,
        view! { {shades} }.into_any(),
        view! { {arrows} }.into_any(),
        "The map with the policy's arrows and visits",
    )
}

/// The map with the way of one sample.
pub fn path(rows: usize, cols: usize, cells: &[char], path: &[usize]) -> impl IntoView + use<> {
    // Drifts across the cells with time, so that a way back and forth can be told from a line.
    let point = |(t, cell): (usize, &usize)| {
        let shift = 0.6 * CELL * (t as f32 / path.len() as f32 - 0.5);
        (x(*cell, cols) + shift, y(*cell, cols) + shift)
    };
    let points: Vec<_> = path.iter().enumerate().map(point).collect();
    let end = points.last().map(|&(x, y)| view! { <circle class="path-end" cx=x cy=y r="2" /> });
    let points = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
    let line = view! { <polyline class="path" points=points />{end} }.into_any();
    frame(rows, cols, cells, ().into_any(), line, "The way of this sample")
}

fn frame(
    rows: usize,
    cols: usize,
    cells: &[char],
    under: AnyView,
    over: AnyView,
    label: &'static str,
) -> impl IntoView + use<> {
    let floor: Vec<_> = cells.iter().enumerate().map(|(i, kind)| tile(i, cols, *kind)).collect();
    view! {
        <svg class="map-drawing" role="img" aria-label=label viewBox=format!("0 0 {} {}", cols as f32 * CELL, rows as f32 * CELL)>
            {floor}{under}{over}
        </svg>
    }
}

fn x(cell: usize, cols: usize) -> f32 {
    ((cell % cols) as f32 + 0.5) * CELL
}

fn y(cell: usize, cols: usize) -> f32 {
    ((cell / cols) as f32 + 0.5) * CELL
}

fn tile(i: usize, cols: usize, kind: char) -> impl IntoView + use<> {
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
    let (cx, cy) = (x(i, cols), y(i, cols));
    view! {
        <rect class=format!("tile {class}") x=cx - CELL / 2.0 y=cy - CELL / 2.0 width=CELL height=CELL />
        <text class="tile-text" x=cx y=cy + 4.0>{letter}</text>
    }
}

fn visit(i: usize, cols: usize, share: f32) -> impl IntoView + use<> {
    view! {
        <rect class="visit" style=format!("opacity: {:.2}", 0.7 * share.sqrt()) x=x(i, cols) - CELL / 2.0 y=y(i, cols) - CELL / 2.0
            width=CELL height=CELL />
    }
}

/// Actions: up, down, left, right.
fn arrow(i: usize, cols: usize, action: usize, p: f32) -> impl IntoView + use<> {
    let (dx, dy) = [(0.0, -1.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 0.0)][action.min(3)];
    let length = 0.48 * CELL * p.clamp(0.0, 1.0);
    let (cx, cy) = (x(i, cols), y(i, cols));
    let (tx, ty) = (cx + dx * length, cy + dy * length);
    let side = 1.6;
    let points = format!(
        "{:.1},{:.1} {tx:.1},{ty:.1} {:.1},{:.1}",
        cx - dy * side,
        cy - dx * side,
        cx + dy * side,
        cy + dx * side
    );
    view! { <polygon class="arrow" style=format!("opacity: {:.2}", 0.25 + 0.75 * p.clamp(0.0, 1.0)) points=points /> }
}
