//! The dice of a task program: drawn from the keyed generator, or thrown one face after the other for the oracle.

use super::machine::BLOCK;
use crate::math::rng::{bell, below, draw, uniform};

/// Where the dice of a call come from: see `math::rng`. Word `i` of a sample's dice is word `i % 4` of the draw for the
/// step `step + (i / 4) << 16`; a normal number takes the four words of a draw of its own.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    pub seed: u32,
    pub update: u32,
    pub step: u32,
    pub purpose: u32,
    /// Group and sample of each place of the block; the sample is 0 where the group shares the dice.
    pub who: &'a [(u32, u32)],
}

/// A die that has fallen: which of its faces lies on top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    at: u32,
    faces: u32,
    /// Of a chance: how likely its face 1 is. None: all faces are alike.
    chance: Option<f32>,
}

impl Face {
    pub fn probability(&self) -> f64 {
        match self.chance {
            Some(p) if self.at == 1 => f64::from(p.clamp(0.0, 1.0)),
            Some(p) => 1.0 - f64::from(p.clamp(0.0, 1.0)),
            None => 1.0 / f64::from(self.faces.max(1)),
        }
    }

    /// The next way in which some dice can fall; false where that was the last one.
    pub fn next(fallen: &mut Vec<Face>) -> bool {
        while let Some(mut last) = fallen.pop() {
            last.at += 1;
            if last.at < last.faces {
                fallen.push(last);
                return true;
            }
        }
        false
    }
}

enum Source<'a> {
    Drawn(Keys<'a>),
    /// Dice that fall as they are told, and then on their first face; None once one had no faces to count.
    Told {
        fallen: Option<Vec<Face>>,
        at: usize,
    },
}

/// The dice of one call.
pub struct Dice<'a> {
    source: Source<'a>,
    counters: [u32; BLOCK],
    words: [[u32; 4]; BLOCK],
}

impl<'a> Dice<'a> {
    pub fn drawn(keys: Keys<'a>) -> Self {
        Self { source: Source::Drawn(keys), counters: [0; BLOCK], words: [[0; 4]; BLOCK] }
    }

    /// Dice for one sample that fall like these, as far as they go.
    pub fn told(fallen: Vec<Face>) -> Self {
        let source = Source::Told { fallen: Some(fallen), at: 0 };
        Self { source, counters: [0; BLOCK], words: [[0; 4]; BLOCK] }
    }

    /// How all dice that were thrown fell; None where one of them had no faces to count.
    pub fn fallen(self) -> Option<Vec<Face>> {
        match self.source {
            Source::Told { fallen, .. } => fallen,
            Source::Drawn(_) => None,
        }
    }

    /// In [0, 1).
    pub fn uniform(&mut self, l: usize) -> f32 {
        match self.source {
            Source::Drawn(keys) => uniform(self.word(&keys, l)),
            Source::Told { ref mut fallen, .. } => {
                *fallen = None;
                0.5
            }
        }
    }

    pub fn chance(&mut self, l: usize, p: f32) -> bool {
        match self.source {
            Source::Drawn(keys) => uniform(self.word(&keys, l)) < p,
            Source::Told { .. } => self.face(2, Some(p)) == 1,
        }
    }

    /// In 0..n, for an n above 0.
    pub fn below(&mut self, l: usize, n: u32) -> u32 {
        match self.source {
            Source::Drawn(keys) => below(self.word(&keys, l), n),
            Source::Told { .. } => self.face(n, None),
        }
    }

    /// Of mean 0 and deviation 1.
    pub fn normal(&mut self, l: usize) -> f32 {
        match self.source {
            Source::Drawn(keys) => {
                let at = self.counters[l].div_ceil(4);
                self.counters[l] = 4 * (at + 1);
                bell(drawn(&keys, l, at))
            }
            Source::Told { ref mut fallen, .. } => {
                *fallen = None;
                0.0
            }
        }
    }

    fn word(&mut self, keys: &Keys, l: usize) -> u32 {
        let at = self.counters[l];
        self.counters[l] += 1;
        if at % 4 == 0 {
            self.words[l] = drawn(keys, l, at / 4);
        }
        self.words[l][at as usize % 4]
    }

    fn face(&mut self, faces: u32, chance: Option<f32>) -> u32 {
        let Source::Told { fallen: Some(fallen), at } = &mut self.source else { return 0 };
        if *at == fallen.len() {
            fallen.push(Face { at: 0, faces, chance });
        }
        *at += 1;
        fallen[*at - 1].at
    }
}

fn drawn(keys: &Keys, l: usize, block: u32) -> [u32; 4] {
    let (group, sample) = keys.who.get(l).copied().unwrap_or((0, 0));
    draw(keys.seed, keys.update, group, sample, keys.step | block << 16, keys.purpose)
}
