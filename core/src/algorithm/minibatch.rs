//! Which minibatch of a pass a sample is in. The order is a keyed permutation (a four-round Feistel network with cycle
//! walking), so every sample finds its place by itself, the same in `shaders/common/minibatch.wgsl`.

use crate::math::rng::{draw, pcg4d, purpose};

/// The place of a sample in the order of one pass: a permutation of 0..n. Depends on the seed, never on the arm.
pub fn minibatch_place(seed: u32, update: u32, epoch: u32, n: u32, sample: u32) -> u32 {
    permute(draw(seed, update, epoch, 0, 0, purpose::SHUFFLE), n, sample)
}

/// The minibatch of a sample in one pass: minibatch k has the places n k / m .. n (k + 1) / m, rounded down. One
/// minibatch has all.
pub fn minibatch_of(seed: u32, update: u32, epoch: u32, n: u32, minibatches: u32, sample: u32) -> u32 {
    if minibatches <= 1 {
        return 0;
    }
    ((minibatch_place(seed, update, epoch, n, sample) + 1) * minibatches - 1) / n
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
                for i in 0..n {
                    let (place, b) = (minibatch_place(3, 5, 1, n, i), minibatch_of(3, 5, 1, n, m, i));
                    assert!(n * b / m <= place && place < n * (b + 1) / m || m == 1);
                }
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
