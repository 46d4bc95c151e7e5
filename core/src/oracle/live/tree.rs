//! The likeliest completions of some prompts under a policy, as a tree of prefixes, level by level: at each, the likeliest
//! prefixes that there is room for are followed, which are all of them where there are few.

use crate::math;
use crate::policy::{Inputs, Policy};
use std::ops::Range;

/// Chances, times their prompt's share, that are too small to be followed.
const LEAST: f64 = 1e-9;

/// What is written to, and how far it may be followed.
pub(super) struct Ground {
    /// Prompts [prompts][prompt_len], each with its share.
    pub prompts: Vec<u32>,
    pub shares: Vec<f64>,
    pub vocabulary: usize,
    pub horizon: usize,
    pub end: u32,
    pub critic: bool,
    /// Prefixes that the policy may be asked about, and those of one length, of which each holds keys and values.
    pub room: usize,
    pub width: usize,
    /// Share of the completions that may be left out.
    pub most_left: f64,
}

/// A prefix that was followed.
#[derive(Clone, Copy)]
pub(super) struct Prefix {
    pub prompt: u32,
    /// The prefix without its last token, and that token; the first of each prompt has neither.
    pub before: u32,
    pub token: u32,
    /// How likely it is, times its prompt's share.
    pub chance: f64,
}

/// A completion: a prefix and the token that ends it.
#[derive(Clone, Copy)]
pub(super) struct Leaf {
    pub prefix: u32,
    pub token: u32,
    pub chance: f64,
}

/// What was followed.
#[derive(Default)]
pub(super) struct Tree {
    pub prefixes: Vec<Prefix>,
    /// Prefixes of each length, [lengths].
    pub levels: Vec<Range<usize>>,
    /// Log-probabilities of the next token, [prefixes][vocabulary].
    pub logp: Vec<f32>,
    pub leaves: Vec<Leaf>,
    /// How likely the completions are that were not followed.
    pub left: f64,
}

impl Tree {
    /// Follows a policy. None as soon as more would be left out than may be.
    pub fn grow(policy: &mut dyn Policy, params: &[f32], ground: &Ground) -> Option<Self> {
        let mut tree = Self::default();
        let mut next: Vec<Prefix> = (0u32..)
            .zip(&ground.shares)
            .map(|(prompt, share)| Prefix { prompt, before: 0, token: 0, chance: *share })
            .collect();
        begin(policy, params, ground);
        for t in 0..ground.horizon {
            let first = tree.prefixes.len();
            tree.prefixes.append(&mut next);
            tree.levels.push(first..tree.prefixes.len());
            let mut logp = std::mem::take(&mut tree.logp);
            tree.ask(policy, params, ground, t, &mut logp);
            tree.logp = logp;
            let more = ground.horizon - t - 1;
            let open = tree.branch(first, ground, more == 0);
            let room = ground.room.saturating_sub(tree.prefixes.len());
            next = tree.likeliest(open, (room / more.max(1)).clamp(1, ground.width));
            let written: f64 = tree.leaves.iter().map(|leaf| leaf.chance).sum();
            tree.left = (1.0 - written - next.iter().map(|prefix| prefix.chance).sum::<f64>()).max(0.0);
            if tree.left > ground.most_left {
                return None;
            }
            if next.is_empty() {
                break;
            }
        }
        Some(tree)
    }

    /// Log-probabilities of another policy at the same prefixes, [prefixes][vocabulary].
    pub fn along(&self, policy: &mut dyn Policy, params: &[f32], ground: &Ground) -> Vec<f32> {
        let mut logp = Vec::with_capacity(self.logp.len());
        begin(policy, params, ground);
        (0..self.levels.len()).for_each(|t| self.ask(policy, params, ground, t, &mut logp));
        logp
    }

    /// Asks about the prefixes of one length. Those of neighbouring lengths have different halves of the samples.
    fn ask(&self, policy: &mut dyn Policy, params: &[f32], ground: &Ground, t: usize, logp: &mut Vec<f32>) {
        let level = self.levels[t].clone();
        let half = |t: usize| if t.is_multiple_of(2) { 0 } else { ground.width };
        let samples: Vec<u32> = (0..level.len()).map(|i| (half(t) + i) as u32).collect();
        let prefixes = &self.prefixes[level.clone()];
        if t > 0 {
            let from = |p: &Prefix| (half(t - 1) + p.before as usize - self.levels[t - 1].start) as u32;
            let pairs: Vec<(u32, u32)> = prefixes.iter().map(from).zip(samples.iter().copied()).collect();
            policy.fork(&pairs);
        }
        let tokens: Vec<u32> = prefixes.iter().map(|p| p.token).collect();
        let mut logits = vec![0.0; level.len() * ground.vocabulary];
        let mut values = vec![0.0; if ground.critic { level.len() } else { 0 }];
        policy.step(params, &samples, Inputs::Tokens(&tokens), &mut logits, &mut values);
        let at = logp.len();
        logp.resize(at + logits.len(), 0.0);
        math::log_softmax_rows(&logits, &mut logp[at..], ground.vocabulary);
    }

    /// Every token that may follow the prefixes from `first` on: completions become leaves, the rest is given back.
    fn branch(&mut self, first: usize, ground: &Ground, is_last: bool) -> Vec<Prefix> {
        let mut open = Vec::new();
        let rows = self.logp.chunks_exact(ground.vocabulary).zip(&self.prefixes).enumerate().skip(first);
        for (i, (row, prefix)) in rows {
            for (token, logp) in (0u32..).zip(row) {
                let chance = prefix.chance * f64::from(math::exp(*logp));
                if chance < LEAST {
                    continue;
                }
                if is_last || token == ground.end {
                    self.leaves.push(Leaf { prefix: i as u32, token, chance });
                } else {
                    open.push(Prefix { prompt: prefix.prompt, before: i as u32, token, chance });
                }
            }
        }
        open
    }

    /// The likeliest, in their order.
    fn likeliest(&self, mut open: Vec<Prefix>, most: usize) -> Vec<Prefix> {
        if open.len() > most {
            let place = |p: &Prefix| (p.before, p.token);
            open.sort_unstable_by(|x, y| y.chance.total_cmp(&x.chance).then(place(x).cmp(&place(y))));
            open.truncate(most);
            open.sort_unstable_by_key(place);
        }
        open
    }

    /// The prefixes of a prefix, from the first of its prompt to itself.
    pub fn path(&self, prefix: usize) -> Vec<usize> {
        let mut path = vec![prefix];
        let mut at = prefix;
        while at >= self.levels[0].end {
            at = self.prefixes[at].before as usize;
            path.push(at);
        }
        path.reverse();
        path
    }

    /// The tokens of a completion.
    pub fn tokens(&self, leaf: &Leaf, out: &mut Vec<u32>) {
        out.clear();
        out.push(leaf.token);
        let mut at = leaf.prefix as usize;
        while at >= self.levels[0].end {
            out.push(self.prefixes[at].token);
            at = self.prefixes[at].before as usize;
        }
        out.reverse();
    }

    /// The mean of what completions are worth, [leaves], over those that were followed.
    pub fn mean(&self, worth: impl Iterator<Item = f64>) -> f64 {
        let sum: f64 = self.leaves.iter().zip(worth).map(|(leaf, worth)| leaf.chance * worth).sum();
        sum / (1.0 - self.left)
    }

    /// Mean entropy of a token and mean KL to another policy's `logp` at the same prefixes, in nats.
    pub fn spread(&self, reference: &[f32], vocabulary: usize) -> (f64, f64) {
        let (mut entropy, mut kl, mut steps) = (0.0, 0.0, 0.0);
        let rows = self.logp.chunks_exact(vocabulary).zip(reference.chunks_exact(vocabulary));
        for (prefix, (own, other)) in self.prefixes.iter().zip(rows) {
            for (logp, logq) in own.iter().zip(other) {
                let p = prefix.chance * f64::from(math::exp(*logp));
                if p > 0.0 {
                    entropy -= p * f64::from(*logp);
                    kl += p * f64::from(logp - logq);
                }
            }
            steps += prefix.chance;
        }
        (entropy / steps, kl / steps)
    }

    /// The gradient in the logits, [prefixes][vocabulary], of the sum of the leaves' chances times `worth` [leaves]: with
    /// S what lies behind a token, S(token) - p(token) S.
    pub fn gradient(&self, worth: &[f64], vocabulary: usize) -> Vec<f32> {
        let mut behind = vec![0.0; self.prefixes.len()];
        let mut out = vec![0.0; self.logp.len()];
        for (leaf, worth) in self.leaves.iter().zip(worth) {
            let (at, x) = (leaf.prefix as usize, leaf.chance * worth);
            behind[at] += x;
            out[at * vocabulary + leaf.token as usize] += x;
        }
        for (i, prefix) in self.prefixes.iter().enumerate().skip(self.levels[0].end).rev() {
            let before = prefix.before as usize;
            behind[before] += behind[i];
            out[before * vocabulary + prefix.token as usize] += behind[i];
        }
        let rows = out.chunks_exact_mut(vocabulary).zip(self.logp.chunks_exact(vocabulary));
        for ((row, logp), behind) in rows.zip(&behind) {
            row.iter_mut().zip(logp).for_each(|(x, logp)| *x -= f64::from(math::exp(*logp)) * behind);
        }
        out.into_iter().map(|x| x as f32).collect()
    }
}

/// Starts a pass: the first samples stand at the prompts.
fn begin(policy: &mut dyn Policy, params: &[f32], ground: &Ground) {
    let prompts = ground.shares.len() as u32;
    let group_of: Vec<u32> =
        (0..2 * ground.width as u32).map(|sample| if sample < prompts { sample } else { 0 }).collect();
    policy.keep_activations(false);
    policy.reset(params, &ground.prompts, &group_of);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Overrides;
    use crate::policy::{Interface, build};

    const VOCABULARY: usize = 5;
    const END: u32 = 3;

    fn ground(horizon: usize, room: usize, width: usize) -> Ground {
        Ground {
            prompts: vec![0, 1, 2, 4, 4, 0],
            shares: vec![0.25, 0.75],
            vocabulary: VOCABULARY,
            horizon,
            end: END,
            critic: false,
            room,
            width,
            most_left: 1.0,
        }
    }

    /// A transformer with weights large enough that its choices depend on what was written.
    fn policy(horizon: usize, seed: u32) -> (Box<dyn Policy>, Vec<f32>) {
        let interface = Interface {
            n_actions: VOCABULARY,
            features: 0,
            active: 0,
            dense: false,
            states: 0,
            prompt_len: 3,
            horizon,
            critic: false,
            n_samples: 8,
            n_groups: 2,
        };
        let policy = build("transformer", &Overrides::new(), &interface).expect("the defaults fit");
        let mut params = vec![0.0; policy.n_params()];
        policy.init(seed, &mut params);
        params.iter_mut().for_each(|x| *x *= 4.0);
        (policy, params)
    }

    /// Log-probability of a completion, from a pass over it alone.
    fn alone(policy: &mut dyn Policy, params: &[f32], prompt: &[u32], tokens: &[u32]) -> f64 {
        let mut logits = vec![0.0; tokens.len() * VOCABULARY];
        let inputs: Vec<u32> = [0].iter().chain(&tokens[..tokens.len() - 1]).copied().collect();
        policy.reset(params, prompt, &[0]);
        policy.replay(params, &[tokens.len() as u32], Inputs::Tokens(&inputs), &mut logits, &mut []);
        let mut logp = vec![0.0; logits.len()];
        math::log_softmax_rows(&logits, &mut logp, VOCABULARY);
        tokens.iter().zip(logp.chunks_exact(VOCABULARY)).map(|(t, row)| f64::from(row[*t as usize])).sum()
    }

    #[test]
    fn every_completion_is_found_once_with_its_own_probability() {
        for seed in 0..4 {
            let (mut policy, params) = policy(4, seed);
            let ground = ground(4, 10_000, 200);
            let tree = Tree::grow(policy.as_mut(), &params, &ground).unwrap();
            assert!(tree.left < 1e-5, "{}", tree.left);
            let mut seen = std::collections::BTreeSet::new();
            let mut tokens = Vec::new();
            for leaf in &tree.leaves {
                let prompt = tree.prefixes[leaf.prefix as usize].prompt as usize;
                tree.tokens(leaf, &mut tokens);
                assert!(tokens.len() == 4 || tokens.ends_with(&[END]));
                assert!(tokens[..tokens.len() - 1].iter().all(|t| *t != END));
                assert!(seen.insert((prompt, tokens.clone())), "twice: {tokens:?}");
                let own = alone(policy.as_mut(), &params, &ground.prompts[prompt * 3..prompt * 3 + 3], &tokens);
                let want = ground.shares[prompt] * libm::exp(own);
                assert!((leaf.chance - want).abs() < 1e-5 * want + 1e-9, "{tokens:?}: {} and {want}", leaf.chance);
            }
            // Of each prompt 1 + 4 + 16 that end early, and 64 prefixes with 5 last tokens.
            assert!(seen.len() <= 2 * (21 + 320) && seen.len() > 2 * 200, "{}", seen.len());
            let reference = tree.along(policy.as_mut(), &params, &ground);
            assert_eq!(reference, tree.logp, "the same policy says the same");
        }
    }

    #[test]
    fn where_there_is_little_room_the_likeliest_are_followed() {
        let (mut policy, params) = policy(6, 1);
        let all = Tree::grow(policy.as_mut(), &params, &ground(6, 100_000, 4096)).unwrap();
        let some = Tree::grow(policy.as_mut(), &params, &ground(6, 120, 64)).unwrap();
        assert!(some.prefixes.len() <= 120 && all.left < some.left && some.left < 1.0, "{} {}", all.left, some.left);
        let followed: f64 = some.leaves.iter().map(|leaf| leaf.chance).sum();
        assert!((followed + some.left - 1.0).abs() < 1e-9);
        let strict = Ground { most_left: 0.5 * some.left, ..ground(6, 120, 64) };
        assert!(Tree::grow(policy.as_mut(), &params, &strict).is_none());
    }

    /// Against central differences in the logits: a worth times the chances of what follows each.
    #[test]
    fn the_gradient_in_the_logits_is_that_of_the_mean_worth() {
        let (mut policy, params) = policy(3, 2);
        let tree = Tree::grow(policy.as_mut(), &params, &ground(3, 10_000, 200)).unwrap();
        let worth: Vec<f64> = (0..tree.leaves.len()).map(|i| ((7 * i) % 11) as f64 - 4.0).collect();
        let gradient = tree.gradient(&worth, VOCABULARY);
        // The mean worth where one logit of one prefix is moved by h.
        let moved = |at: usize, h: f64| {
            let (prefix, token) = (at / VOCABULARY, at % VOCABULARY);
            let p = |token: usize| libm::exp(f64::from(tree.logp[prefix * VOCABULARY + token]));
            let z = 1.0 + p(token) * (libm::exp(h) - 1.0);
            let factor = |next: usize| if next == token { libm::exp(h) / z } else { 1.0 / z };
            let through = |leaf: &Leaf| {
                let mut path = tree.path(leaf.prefix as usize);
                let place = path.iter().position(|p| *p == prefix)?;
                path.remove(0);
                Some(path.get(place).map_or(leaf.token, |next| tree.prefixes[*next].token) as usize)
            };
            let all = tree.leaves.iter().zip(&worth);
            all.map(|(leaf, worth)| leaf.chance * worth * through(leaf).map_or(1.0, factor)).sum::<f64>()
        };
        for at in 0..gradient.len() {
            let want = (moved(at, 1e-4) - moved(at, -1e-4)) / 2e-4;
            assert!((f64::from(gradient[at]) - want).abs() < 1e-5, "{at}: {} and {want}", gradient[at]);
        }
    }
}
