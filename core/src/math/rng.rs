//! The counter-based generator behind everything random, the same in `shaders/common/rng.wgsl`.
//!
//! A draw is a pure function of (seed, update, group, sample, step, purpose), never of the arm: all arms of a seed share
//! their random numbers, so differences between arms are paired. The mixing function is PCG4D (Jarzynski and Olano,
//! "Hash Functions for GPU Rendering", JCGT 2020), applied to two blocks of the key in turn.

macro_rules! purposes {
    ($($(#[doc = $doc:literal])+ $name:ident = $key:literal;)+) => {
        /// What a draw is for; the last word of its key. Shaders have the same numbers as `PURPOSE_<NAME>`.
        pub mod purpose {
            $($(#[doc = $doc])+ pub const $name: u32 = $key;)+
            /// All of them by name.
            pub const ALL: &[(&str, u32)] = &[$((stringify!($name), $key)),+];
        }
    };
}

purposes! {
    /// Prompts and start states (sample = 0: shared by the group).
    PROMPT = 1;
    /// Sampling of actions and tokens.
    ACTION = 2;
    /// The task's own dice while it steps (slips, noise of observed payoffs).
    TASK = 3;
    /// The noise of a verifier's verdict.
    VERDICT = 4;
    /// Initial parameters (update, group, sample = 0; step = index of the parameter).
    INIT = 5;
    /// The order of minibatches.
    SHUFFLE = 6;
    /// Demonstrations of the warm start.
    DEMONSTRATION = 7;
    /// A task's fixed tables (payoffs of arms and the like), the same for every seed.
    TABLE = 8;
    /// Reference responses drawn from the base policy.
    REFERENCE = 9;
    /// Noise and attacks on the reward (step 0, sample 0: one coin a group; step 1: a draw of each sample).
    REWARD_NOISE = 40;
    /// The samples that a filter keeps (sample = 0: one draw a group).
    SAMPLE_FILTER = 51;
    /// The past sample that stands in for one of the batch (group = 0; sample = its place in the batch).
    SAMPLE_BUFFER = 52;
    /// Initial weights of reward models.
    REWARD_MODEL_INIT = 60;
    /// Pairs and labels that reward models are trained on.
    PREFERENCE = 61;
    /// The batches of their training.
    REWARD_MODEL_BATCH = 62;
}

/// The generator in WGSL: the constants of `purpose`, then `shaders/common/rng.wgsl`.
pub fn wgsl() -> String {
    let purposes: String =
        purpose::ALL.iter().map(|(name, key)| format!("const PURPOSE_{name}: u32 = {key}u;\n")).collect();
    purposes + include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders/common/rng.wgsl"))
}

/// One round of PCG4D over four 32-bit words.
pub fn pcg4d(v: [u32; 4]) -> [u32; 4] {
    let [mut x, mut y, mut z, mut w] = v.map(|k| k.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    x = x.wrapping_add(y.wrapping_mul(w));
    y = y.wrapping_add(z.wrapping_mul(x));
    z = z.wrapping_add(x.wrapping_mul(y));
    w = w.wrapping_add(y.wrapping_mul(z));
    x ^= x >> 16;
    y ^= y >> 16;
    z ^= z >> 16;
    w ^= w >> 16;
    x = x.wrapping_add(y.wrapping_mul(w));
    y = y.wrapping_add(z.wrapping_mul(x));
    z = z.wrapping_add(x.wrapping_mul(y));
    w = w.wrapping_add(y.wrapping_mul(z));
    [x, y, z, w]
}

/// Four random words for a key.
pub fn draw(seed: u32, update: u32, group: u32, sample: u32, step: u32, purpose: u32) -> [u32; 4] {
    let [a, b, c, d] = pcg4d([seed, update, group, sample]);
    pcg4d([a ^ step, b ^ purpose, c, d])
}

/// A word as a number in [0, 1), with 24 bits.
pub fn uniform(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// A word as a whole number in 0..n, by the high half of a product (n up to 2^16 keeps the bias under 2^-16).
pub fn below(word: u32, n: u32) -> u32 {
    ((u64::from(word) * u64::from(n)) >> 32) as u32
}

/// 1 / sqrt(8 / 12) / 65536: one over the deviation of the sum of eight 16-bit uniforms.
const BELL_SCALE: f32 = 1.868_812_4e-5;

/// Noise of mean 0 and deviation 1 from four words: the sum of their eight halves (Irwin-Hall, n = 8), within +-4.9.
/// Integers up to the last product, so that shaders give the same bits; its excess kurtosis is -0.15.
pub fn bell(words: [u32; 4]) -> f32 {
    let sum: u32 = words.iter().map(|w| (w & 0xffff) + (w >> 16)).sum();
    (sum as f32 - 262_140.0) * BELL_SCALE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_every_word_of_its_key() {
        let base = [3, 1, 4, 1, 5, 9];
        let at = |k: [u32; 6]| draw(k[0], k[1], k[2], k[3], k[4], k[5]);
        for i in 0..6 {
            let mut other = base;
            other[i] += 1;
            assert_ne!(at(base), at(other), "word {i}");
        }
    }

    #[test]
    fn no_two_purposes_share_their_draws() {
        let keys: std::collections::BTreeSet<u32> = purpose::ALL.iter().map(|(_, key)| *key).collect();
        assert_eq!(keys.len(), purpose::ALL.len());
    }

    #[test]
    fn uniform_has_the_moments_of_a_uniform() {
        let n = 20_000;
        let xs: Vec<f64> = (0..n).map(|i| f64::from(uniform(draw(7, i, 0, 0, 0, 1)[0]))).collect();
        let mean = xs.iter().sum::<f64>() / f64::from(n);
        let var = xs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
        assert!((mean - 0.5).abs() < 0.01 && (var - 1.0 / 12.0).abs() < 0.003, "{mean} {var}");
    }
}
