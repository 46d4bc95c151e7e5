//! A number that tells whether two lists of numbers have the same bits.

/// A 64-bit digest of numbers, bit for bit: equal digests mean equal runs (FNV-1a over the words, NaN made one).
pub fn digest(values: &[f32]) -> u64 {
    values.iter().fold(0xcbf2_9ce4_8422_2325, |hash, x| {
        let bits = if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() };
        bits.to_le_bytes().iter().fold(hash, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3))
    })
}
