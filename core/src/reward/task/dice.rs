//! The dice of a task program: drawn from the keyed generator, or thrown one face after the other for the oracle.

use super::limits::BLOCK;
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

/// From so many places on, drawing for all of a block is no slower than drawing for each.
const WORTH_A_LOOP: u32 = 8;

/// The dice of one call, for every place of a block.
pub struct Dice<'a> {
    source: Source<'a>,
    groups: [u32; BLOCK],
    samples: [u32; BLOCK],
    /// Words that each place has used.
    counters: [u32; BLOCK],
    /// The four words that each place draws from at the moment.
    words: [[u32; BLOCK]; 4],
}

impl<'a> Dice<'a> {
    pub fn drawn(keys: Keys<'a>) -> Self {
        let mut dice = Self::of(Source::Drawn(keys));
        for (l, (group, sample)) in keys.who.iter().enumerate().take(BLOCK) {
            (dice.groups[l], dice.samples[l]) = (*group, *sample);
        }
        dice
    }

    /// Dice for one sample that fall like these, as far as they go.
    pub fn told(fallen: Vec<Face>) -> Self {
        Self::of(Source::Told { fallen: Some(fallen), at: 0 })
    }

    fn of(source: Source<'a>) -> Self {
        let none = [0; BLOCK];
        Self { source, groups: none, samples: none, counters: none, words: [none; 4] }
    }

    /// How all dice that were thrown fell; None where one of them had no faces to count.
    pub fn fallen(self) -> Option<Vec<Face>> {
        match self.source {
            Source::Told { fallen, .. } => fallen,
            Source::Drawn(_) => None,
        }
    }

    /// Numbers in [0, 1) for the places of a mask, as bits.
    pub fn uniform(&mut self, mask: u32, out: &mut [u32; BLOCK]) {
        match &mut self.source {
            Source::Drawn(keys) => {
                let keys = *keys;
                self.next(&keys, mask, out);
                out.iter_mut().for_each(|word| *word = uniform(*word).to_bits());
            }
            Source::Told { fallen, .. } => {
                *fallen = None;
                out.fill(0.5f32.to_bits());
            }
        }
    }

    /// True with the probabilities `p` (bits), for the places of a mask.
    pub fn chance(&mut self, mask: u32, p: &[u32; BLOCK], out: &mut [u32; BLOCK]) {
        match self.source {
            Source::Drawn(keys) => {
                self.next(&keys, mask, out);
                out.iter_mut().zip(p).for_each(|(word, p)| *word = u32::from(uniform(*word) < f32::from_bits(*p)));
            }
            Source::Told { .. } => out[0] = self.face(2, Some(f32::from_bits(p[0]))),
        }
    }

    /// In 0..n for an n above 0, for the places of a mask.
    pub fn below(&mut self, mask: u32, n: &[u32; BLOCK], out: &mut [u32; BLOCK]) {
        match self.source {
            Source::Drawn(keys) => {
                self.next(&keys, mask, out);
                out.iter_mut().zip(n).for_each(|(word, n)| *word = below(*word, *n));
            }
            Source::Told { .. } => out[0] = self.face(n[0], None),
        }
    }

    /// Of mean 0 and deviation 1, as bits.
    pub fn normal(&mut self, l: usize) -> u32 {
        match &mut self.source {
            Source::Drawn(keys) => {
                let keys = *keys;
                let at = self.counters[l].div_ceil(4);
                self.counters[l] = 4 * (at + 1);
                bell(self.draw(&keys, l, at)).to_bits()
            }
            Source::Told { fallen, .. } => {
                *fallen = None;
                0
            }
        }
    }

    /// The next word of the places of a mask; of others, whatever.
    fn next(&mut self, keys: &Keys, mask: u32, out: &mut [u32; BLOCK]) {
        let at = self.counters[mask.trailing_zeros() as usize % BLOCK];
        let is_in = |l: usize| mask >> l & 1 == 1;
        if mask.count_ones() >= WORTH_A_LOOP && (0..BLOCK).all(|l| !is_in(l) || self.counters[l] == at) {
            // All have thrown as often: one loop without a branch.
            if at.is_multiple_of(4) {
                for l in 0..BLOCK {
                    let drawn = self.draw(keys, l, at / 4);
                    for (words, word) in self.words.iter_mut().zip(drawn) {
                        words[l] = if is_in(l) { word } else { words[l] };
                    }
                }
            }
            *out = self.words[at as usize % 4];
            (0..BLOCK).for_each(|l| self.counters[l] += u32::from(is_in(l)));
            return;
        }
        for l in (0..BLOCK).filter(|l| is_in(*l)) {
            let at = self.counters[l];
            self.counters[l] += 1;
            if at.is_multiple_of(4) {
                let drawn = self.draw(keys, l, at / 4);
                self.words.iter_mut().zip(drawn).for_each(|(words, word)| words[l] = word);
            }
            out[l] = self.words[at as usize % 4][l];
        }
    }

    fn draw(&self, keys: &Keys, l: usize, block: u32) -> [u32; 4] {
        draw(keys.seed, keys.update, self.groups[l], self.samples[l], keys.step | block << 16, keys.purpose)
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
