//! Provers of the steps task: the exact probability that somebody who goes on from a prefix ends with a right answer
//! (P_mu(correct | prefix) of "Rewarding Progress: Scaling Automated Process Verifiers for LLM Reasoning").

/// What the base policy does in the steps task, and what its actions lead to.
pub(super) struct Rules {
    pub horizon: usize,
    pub depth: usize,
    pub operations: usize,
    /// Chances that an answer without support is right, and that a check undoes an error.
    pub guess: f32,
    pub repair: f32,
    /// Logits of the right operation, and of filler, check and answer; those of the other operations are 0.
    pub skill: f32,
    pub priors: [f32; 3],
}

/// A prover's values, [horizon + 1][depth + 1][2]: after t steps, with so many valid ones, without and with an error.
pub(super) struct Provers {
    pub values: Vec<f32>,
}

/// The base policy's probabilities in a state where `ways` operations are right (0 or 1): right and wrong operations
/// (each kind as a whole), filler, check, answer.
fn probabilities(rules: &Rules, ways: usize) -> [f32; 5] {
    let [filler, check, answer] = rules.priors.map(libm::expf);
    let right = if ways > 0 { libm::expf(rules.skill) } else { 0.0 };
    let wrong = (rules.operations - ways) as f32;
    let all = [right, wrong, filler, check, answer];
    let total: f32 = all.iter().sum();
    all.map(|x| x / total)
}

impl Provers {
    /// The base policy as a prover, from the last step backwards; no answer within the horizon is no right answer.
    pub fn base(rules: &Rules) -> Self {
        let row = (rules.depth + 1) * 2;
        let mut values = vec![0.0; (rules.horizon + 1) * row];
        for t in (0..rules.horizon).rev() {
            let (now, next) = values[t * row..].split_at_mut(row);
            for done in 0..=rules.depth {
                let [clean, derailed] = [next[2 * done], next[2 * done + 1]];
                let complete = done == rules.depth;
                let [right, wrong, filler, check, answer] = probabilities(rules, usize::from(!complete));
                let onward = if complete { 0.0 } else { next[2 * done + 2] };
                let says = if complete { 1.0 } else { rules.guess };
                now[2 * done] = right * onward + wrong * derailed + (filler + check) * clean + answer * says;
                let [_, wrong, filler, check, answer] = probabilities(rules, 0);
                let checked = rules.repair * clean + (1.0 - rules.repair) * derailed;
                now[2 * done + 1] = (wrong + filler) * derailed + check * checked + answer * rules.guess;
            }
        }
        Self { values }
    }

    /// The best of `k` independent attempts: 1 - (1 - V)^k.
    pub fn best_of(&self, k: u32) -> Self {
        let best = |v: &f32| 1.0 - (0..k).fold(1.0, |missed: f32, _| missed * (1.0 - v));
        Self { values: self.values.iter().map(best).collect() }
    }
}
