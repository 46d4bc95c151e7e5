//! Reading a gridworld's map, and the exact distances on it.

use crate::params::ParamError;
use crate::tasks::task::refuse;
use std::collections::VecDeque;

/// Most rows, and most columns.
pub const MAX_SIDE: usize = 16;
/// Most coins: their timers share one word of the state.
pub const MAX_COINS: usize = 4;
/// Up, down, left, right: what they add to (row, column).
pub const MOVES: [(isize, isize); 4] = [(-1, 0), (1, 0), (0, -1), (0, 1)];

/// A map, row by row from the top.
#[derive(Clone, Debug, PartialEq)]
pub struct GridMap {
    pub rows: usize,
    pub cols: usize,
    /// `#` wall, `.` floor, `S` start, `G` goal, `L` lava, `C` coin, `K` key, `D` door.
    pub cells: Vec<char>,
}

impl GridMap {
    /// Reads rows joined by "/". Refuses, with a sentence each: a map that is too large or ragged, unknown characters,
    /// no start, no goal, too many coins, a goal that some start cannot reach.
    pub fn parse(text: &str) -> Result<Self, Vec<ParamError>> {
        let rows: Vec<Vec<char>> = text.trim().split('/').map(|row| row.trim().chars().collect()).collect();
        let cols = rows[0].len();
        let mut errors = Vec::new();
        let mut fail = |message: String| errors.push(refuse("map", message));
        if rows.len() > MAX_SIDE || cols > MAX_SIDE {
            fail(format!("map can be at most {MAX_SIDE} x {MAX_SIDE} cells, not {} x {cols}", rows.len()));
        }
        if let Some(i) = rows.iter().position(|row| row.len() != cols) {
            let n = rows[i].len();
            fail(format!("every row of map must be as long as the first ({cols} cells); row {} has {n}", i + 1));
        }
        if let Some(c) = rows.iter().flatten().find(|c| !"#.SGLCKD".contains(**c)) {
            fail(format!(
                "map cannot hold \"{c}\"; use # wall, . floor, S start, G goal, L lava, C coin, K key, D door"
            ));
        }
        let count = |kind| rows.iter().flatten().filter(|c| **c == kind).count();
        if count('S') == 0 {
            fail("map needs a start: put an S on it".into());
        }
        if count('G') == 0 {
            fail("map needs a goal: put a G on it".into());
        }
        if count('C') > MAX_COINS {
            fail(format!("map can hold at most {MAX_COINS} coins, not {}", count('C')));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let map = Self { rows: rows.len(), cols, cells: rows.into_iter().flatten().collect() };
        let distance = map.distances();
        match map.starts().into_iter().find(|start| distance[*start].is_none()) {
            Some(s) => Err(vec![refuse(
                "map",
                format!("the goal cannot be reached from the start in row {}, column {}", s / cols + 1, s % cols + 1),
            )]),
            None => Ok(map),
        }
    }

    /// The cells of that kind, in order.
    pub fn all(&self, kind: char) -> Vec<usize> {
        (0..self.cells.len()).filter(|c| self.cells[*c] == kind).collect()
    }

    /// The start cells.
    pub fn starts(&self) -> Vec<usize> {
        self.all('S')
    }

    /// Where a move (index into `MOVES`) leads from a cell: the cell itself where a wall, a door without the key or
    /// the edge stops it.
    pub fn next(&self, cell: usize, key: bool, action: usize) -> usize {
        let (dr, dc) = MOVES[action];
        let row = (cell / self.cols).checked_add_signed(dr).filter(|r| *r < self.rows);
        let col = (cell % self.cols).checked_add_signed(dc).filter(|c| *c < self.cols);
        match (row, col) {
            (Some(row), Some(col)) => {
                let to = row * self.cols + col;
                let blocked = self.cells[to] == '#' || (self.cells[to] == 'D' && !key);
                if blocked { cell } else { to }
            }
            _ => cell,
        }
    }

    /// Fewest steps to a goal, [2 x cells]: without the key, then with it; None where there is no way. Lava is no way;
    /// a cell with a key is one with it. Breadth-first search backwards from the goals over (key, cell).
    pub fn distances(&self) -> Vec<Option<u32>> {
        let n = self.cells.len();
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); 2 * n];
        for state in 0..2 * n {
            let cell = state % n;
            let key = state >= n || self.cells[cell] == 'K';
            if matches!(self.cells[cell], '#' | 'L' | 'G') {
                continue;
            }
            for action in 0..MOVES.len() {
                let to = self.next(cell, key, action);
                let has_key = key || self.cells[to] == 'K';
                before[to + if has_key { n } else { 0 }].push(state);
            }
        }
        let mut distance = vec![None; 2 * n];
        let mut queue: VecDeque<(usize, u32)> = VecDeque::new();
        for goal in self.all('G') {
            for state in [goal, goal + n] {
                distance[state] = Some(0);
                queue.push_back((state, 0));
            }
        }
        while let Some((state, d)) = queue.pop_front() {
            for from in &before[state] {
                if distance[*from].is_none() {
                    distance[*from] = Some(d + 1);
                    queue.push_back((*from, d + 1));
                }
            }
        }
        distance
    }
}
