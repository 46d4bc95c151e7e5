//! Which minibatch of a pass a sample is in. The order is a keyed permutation (a four-round Feistel network with cycle
//! walking), so every sample finds its place by itself, the same in `shaders/common/minibatch.wgsl`.

use crate::math::rng::{draw, pcg4d, purpose};

/// The minibatch, in 0..minibatches, of a sample in 0..n in one pass. Depends on the seed, never on the arm. Sizes
/// differ by at most one.
pub fn minibatch_of(seed: u32, update: u32, epoch: u32, n: u32, minibatches: u32, sample: u32) -> u32 {
    if minibatches <= 1 {
        return 0;
    }
    let key = draw(seed, update, epoch, 0, 0, purpose::SHUFFLE);
    permute(key, n, sample) * minibatches / n
}

/// The samples of a minibatch in ascending order, into `out`.
pub fn minibatch_samples(
    seed: u32,
    update: u32,
    epoch: u32,
    n: u32,
    minibatches: u32,
    minibatch: u32,
    out: &mut Vec<u32>,
) {
    out.clear();
    out.extend((0..n).filter(|i| minibatch_of(seed, update, epoch, n, minibatches, *i) == minibatch));
}

/// The place of i in a permutation of 0..n.
fn permute(key: [u32; 4], n: u32, i: u32) -> u32 {
    let half = (32 - n.saturating_sub(1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1u32 << half) - 1;
    let mut x = i;
    loop {
        let (mut left, mut right) = (x >> half, x & mask);
        for round in 0..4 {
            let [mix, ..] = pcg4d([key[0] ^ right, key[1].wrapping_add(round), key[2], key[3]]);
            // The high bits: a linear congruential step leaves the low ones weak.
            (left, right) = (right, left ^ ((mix >> 16) & mask));
        }
        x = (left << half) | right;
        if x < n {
            return x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_is_a_permutation_into_even_minibatches() {
        for n in [1u32, 2, 3, 7, 64, 100, 1000] {
            for m in [1u32, 2, 4, 7] {
                let mut seen = vec![0; n as usize];
                let mut out = Vec::new();
                for b in 0..m {
                    minibatch_samples(3, 5, 1, n, m, b, &mut out);
                    assert!(out.len() as u32 >= n / m && out.len() as u32 <= n.div_ceil(m), "{n} {m}");
                    out.iter().for_each(|i| seen[*i as usize] += 1);
                }
                assert!(seen.iter().all(|c| *c == 1));
            }
        }
    }

    #[test]
    fn passes_differ_and_every_sample_gets_everywhere() {
        let first = |update: u32| (0..64).filter(|i| minibatch_of(1, update, 0, 64, 4, *i) == 0).collect::<Vec<_>>();
        assert_ne!(first(0), first(1));
        for i in 0..64u32 {
            let hits = (0..400).filter(|u| minibatch_of(1, *u, 0, 64, 4, i) == 0).count();
            assert!((60..=140).contains(&hits), "{i}: {hits}");
        }
    }
}
