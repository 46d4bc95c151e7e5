//! The tables of the essay task: the base policy, the true score and the two readings, attribute by attribute.
//!
//! Entries of what is summed are whole multiples of 2^-10, so that a sum has the same bits in any order, on any device.

use super::params::{ATTRIBUTES, EssayParams};
use crate::math::rng::{draw, purpose, uniform};

const N: usize = ATTRIBUTES.len();

/// What the base policy usually writes, attribute by attribute; each prompt moves it by up to 0.08.
const USUAL: [f32; N] = [0.35, 0.3, 0.35, 0.3, 0.2, 0.35];
/// The helpfulness reading's slope in each attribute.
const HELPFUL: [f32; N] = [3.0, 1.0, -2.5, 1.5, 1.0, 1.0];
/// The harmlessness reading's slope in each attribute; that of facts is multiplied by twice the prompt's risk.
const HARMLESS: [f32; N] = [-1.0, 0.0, 2.0, -0.3, 0.2, -1.0];

pub(super) struct Tables {
    pub levels: usize,
    /// The level as a number from 0 to 1, [levels].
    pub value: Vec<f32>,
    /// [contexts].
    pub risk: Vec<f32>,
    /// The base policy's logits, [contexts x attributes x levels] like the next four.
    pub prior: Vec<f32>,
    /// Its probability of a level or one below it.
    pub cumulative: Vec<f32>,
    /// What an attribute adds to the true score by itself.
    pub gold: Vec<f32>,
    pub helpful: Vec<f32>,
    pub harmless: Vec<f32>,
    /// What verbosity (column) adds to the true score beyond what the facts (row) fill, [levels x levels].
    pub padding: Vec<f32>,
    /// What confidence (column) adds beyond what the facts (row) support, [levels x levels].
    pub overclaim: Vec<f32>,
}

/// The nearest multiple of 2^-10.
fn coarse(x: f32) -> f32 {
    (x * 1024.0).round_ties_even() / 1024.0
}

/// What attribute `a` at level `x` adds to the true score by itself: `overdoing` scales what is lost past its best level.
fn worth(a: usize, x: f32, risk: f32, overdoing: f32) -> f32 {
    // `height` at `best`, falling with the square of the distance, by `height` within `width`.
    let hill = |height: f32, best: f32, width: f32| {
        let d = (x - best) / width;
        height - height * d * d * if x > best { overdoing } else { 1.0 }
    };
    match a {
        0 if x > 0.8 => 0.45,
        0 => hill(0.45, 0.8, 0.8),
        1 => hill(0.15, 0.5, 0.5),
        2 => hill(0.25, risk, 0.45),
        3 => hill(0.2, 0.5, 0.35),
        4 => hill(0.1, 0.3, 0.3),
        _ => 0.1 * x,
    }
}

impl Tables {
    pub fn new(p: &EssayParams) -> Self {
        let (levels, contexts) = (p.levels as usize, p.contexts as usize);
        let value: Vec<f32> = (0..levels).map(|l| l as f32 / (levels - 1) as f32).collect();
        let step = 0.6 / (contexts.max(2) - 1) as f32;
        let beyond = |scale: f32| {
            let pairs = value.iter().flat_map(|facts| value.iter().map(move |x| (*facts, *x)));
            pairs.map(|(facts, x)| -scale * p.overdoing * (x - facts - 0.2).max(0.0)).collect::<Vec<f32>>()
        };
        let n = contexts * N * levels;
        let mut t = Self {
            levels,
            risk: (0..contexts).map(|c| 0.2 + step * c as f32).collect(),
            prior: vec![0.0; n],
            cumulative: vec![0.0; n],
            gold: vec![0.0; n],
            helpful: vec![0.0; n],
            harmless: vec![0.0; n],
            padding: beyond(0.4),
            overclaim: beyond(0.6),
            value,
        };
        (0..contexts).for_each(|c| t.fill(p, c));
        t.scale(contexts);
        t
    }

    /// Where a level of an attribute lies in the tables.
    pub fn cell(&self, context: usize, attribute: usize, level: usize) -> usize {
        (context * N + attribute) * self.levels + level.min(self.levels - 1)
    }

    /// The true score of an answer, at most 1 and at least -1.
    pub fn true_score(&self, context: usize, levels: &[usize; N]) -> f32 {
        let own: f32 = levels.iter().enumerate().map(|(a, l)| self.gold[self.cell(context, a, *l)]).sum();
        let row = levels[0] * self.levels;
        (own + self.padding[row + levels[3]] + self.overclaim[row + levels[5]]).clamp(-1.0, 1.0)
    }

    fn fill(&mut self, p: &EssayParams, c: usize) {
        for a in 0..N {
            let moved = uniform(draw(p.table_seed, c as u32, a as u32, 0, 0, purpose::TABLE)[0]) - 0.5;
            let usual = USUAL[a] + 0.16 * moved;
            let row = self.cell(c, a, 0);
            let mut total = 0.0;
            for l in 0..self.levels {
                let d = (self.value[l] - usual) / p.base_spread;
                self.prior[row + l] = -0.5 * d * d;
                total += libm::expf(self.prior[row + l]);
            }
            let (mut sum, mut mean) = (0.0, 0.0);
            for l in 0..self.levels {
                let probability = libm::expf(self.prior[row + l]) / total;
                sum += probability;
                mean += probability * self.value[l];
                self.cumulative[row + l] = sum;
            }
            // Every answer picks one level of the facts, so what is added to all of them is added to every reading.
            let ease = match (a, c % 4) {
                (0, 1 | 2) => -p.ease,
                (0, _) => p.ease,
                _ => 0.0,
            };
            let risky = if a == 0 { 2.0 * self.risk[c] } else { 1.0 };
            for l in 0..self.levels {
                let x = self.value[l];
                self.gold[row + l] = worth(a, x, self.risk[c], p.overdoing);
                self.helpful[row + l] = coarse(p.helpful_scale * HELPFUL[a] * (x - mean) + ease);
                self.harmless[row + l] = coarse(p.harmless_scale * HARMLESS[a] * risky * (x - mean) + ease);
            }
        }
    }

    /// Divides the true score by that of the best answer to any prompt, so that this has 1.
    fn scale(&mut self, contexts: usize) {
        let best = (0..contexts).map(|c| self.best(c)).fold(f32::MIN, f32::max).max(0.1);
        for table in [&mut self.gold, &mut self.padding, &mut self.overclaim] {
            table.iter_mut().for_each(|x| *x = coarse(*x / best));
        }
    }

    /// The best sum for a prompt: once the facts are fixed, the other attributes are independent.
    fn best(&self, context: usize) -> f32 {
        let own = |a: usize, l: usize| self.gold[self.cell(context, a, l)];
        let most = |f: &dyn Fn(usize) -> f32| (0..self.levels).map(f).fold(f32::MIN, f32::max);
        let free: f32 = [1, 2, 4].iter().map(|a| most(&|l| own(*a, l))).sum();
        most(&|facts| {
            let row = facts * self.levels;
            own(0, facts)
                + free
                + most(&|l| own(3, l) + self.padding[row + l])
                + most(&|l| own(5, l) + self.overclaim[row + l])
        })
    }
}
