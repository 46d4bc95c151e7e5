//! What the oracle and the linter say of one arm, as plain data: what the page and the command line show, and what
//! crosses as JSON from the page's language module.

use crate::params::Overrides;
use crate::reward::Diagnostic;
use serde::{Deserialize, Serialize};

/// A replacement of bytes `start..end` of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    pub start: usize,
    pub end: usize,
    pub text: String,
}

/// How far a reward could be solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solved {
    /// The reward is a sum over transitions, checked on random episodes, and what policies are worth is exact. The optimum
    /// is known to be one where `Optimum::value` reaches its `bound`, and else the best that policy iteration found.
    Exactly,
    /// Solved for a mean of what a transition is paid, over histories or draws of noise; `ArmReport::notes` says why.
    Approximately,
    /// Not solved; `ArmReport::says` says why.
    Not,
}

/// The best policy for one objective, among policies that see what the run's policies see (no clock).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimum {
    /// Probability of every action in every shown state (`StepTask::shown_state`), [states][actions] flat: one row a
    /// cell of a map, one a context of a bandit. Rows of zeros: states that no episode reaches.
    pub policy: Vec<f32>,
    /// What the objective expects of an episode under it: discounted for a reward, the true score for the truth.
    pub value: f32,
    /// What a policy that also saw the clock could reach: never less.
    pub bound: f32,
    /// Expected true score under it, ties broken evenly.
    pub true_score: f32,
    /// Least and greatest expected true score of the policies that are equally good.
    pub true_low: f32,
    pub true_high: f32,
    /// Mean length of an episode under it, in steps.
    pub length: f32,
}

/// The optimum under the algorithm's own pull: expected reward plus alpha times entropy minus beta times the KL to the
/// base policy, by a policy that sees the clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tempered {
    /// entropy_coef, and beta + kl_in_reward.
    pub alpha: f32,
    pub beta: f32,
    /// Probability of every action in every shown state, [states][actions] flat, at the first step that a state can be
    /// reached.
    pub policy: Vec<f32>,
    pub true_score: f32,
    /// True score over the best possible one; None where the best is not positive.
    pub true_share: Option<f32>,
}

/// A completion that a reward makes best for a kind of prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// One of the kind, as tokens, and how likely the kind is.
    pub prompt: Vec<u32>,
    pub share: f32,
    pub tokens: Vec<u32>,
    /// The horizon ended it.
    pub truncated: bool,
    /// Expected reward, discounted.
    pub reward: f32,
    pub true_score: f32,
}

/// What is known of one component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentFacts {
    pub name: String,
    /// A difference of potentials under the algorithm's discount: it changes no optimal policy. None: not solved.
    pub potential_based: Option<bool>,
    /// Expected true score of the optimum without this component. None: not solved, or `combine` mixes them.
    pub true_without: Option<f32>,
    /// Share of the variance of the reward over the base policy's episodes, 0 to 1; within groups, where the estimator
    /// compares samples with their group only. None: it never differs, or `combine` mixes them.
    pub variance_share: Option<f32>,
    /// Correlation with the true score over the base policy's episodes, -1 to 1; within groups likewise. None: one of
    /// them never differs.
    pub correlation: Option<f32>,
}

/// The linter's checks of meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// A loop pays at every round, and more than finishing does.
    PositiveCycle,
    /// A component that is no difference of potentials makes another policy optimal, one with a lower true score.
    NotPotential,
    /// A component never applies.
    NeverApplies,
    /// A component is always the same.
    Constant,
    /// One component has over 90% of the variance.
    Dominates,
    /// A component falls where the true score rises.
    WrongSign,
    /// Rewards of a group differ by less than the epsilon that their deviation is divided by.
    BelowEpsilon,
    /// The empty or shortest answer is paid more than the mean.
    PaysForNothing,
    /// What a short search finds for the reward is paid more and worth less than what one finds for the true objective.
    PaysMoreForLess,
    /// Rounding to 32 bits changes what a program computes: a subtraction takes most of the digits away.
    Cancellation,
}

/// A change that ends a finding, brings no other and costs no true score: the linter has tried it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// What to do, as an instruction.
    pub says: String,
    /// Replacements in the arm's program, in bytes of the text that the report is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// Settings of the arm.
    #[serde(default, skip_serializing_if = "Overrides::is_empty")]
    pub set: Overrides,
}

/// One diagnostic of meaning: always a warning, with a reason (`diagnostic.message`) and the range of the component to
/// blame (an empty range at 0 where none is). `diagnostic.suggestion` says the first of its fixes, or a hint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub check: Check,
    pub diagnostic: Diagnostic,
    pub component: Option<String>,
    /// The loop, as shown states in the order of walking (`PositiveCycle` on a map: its cells); else empty.
    pub cells: Vec<u32>,
    /// The discount that a component is a difference of potentials for (`NotPotential`), where it is one.
    #[serde(skip)]
    pub discount: Option<f32>,
    #[serde(default)]
    pub fixes: Vec<Fix>,
}

/// Everything about one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmReport {
    pub arm: String,
    pub solved: Solved,
    /// One sentence to show first, of what is optimal: "The optimum of this reward earns 31% of what you want."
    pub says: String,
    /// What is optimal is not what training finds: a sentence to show beside it, with what is known of the way there.
    /// Empty where the reward is not solved, or its optimum is far from what is wanted.
    #[serde(default)]
    pub training: String,
    /// What the answer rests on: noise that was averaged, groups drawn from the base policy, why it is not exact.
    pub notes: Vec<String>,
    /// The optimum of this reward.
    pub optimum: Option<Optimum>,
    /// The optimum of this reward with the algorithm's entropy bonus and KL penalty. None where it has neither, or where
    /// it divides rewards by a deviation, so that their weight against the reward changes from group to group.
    pub tempered: Option<Tempered>,
    /// The optimum of the true objective.
    pub best: Option<Optimum>,
    /// True score of the optimum over the best possible one; None where the best is not positive.
    pub true_share: Option<f32>,
    /// (best - true score) / (best - worst), 0 to 1: what following this reward to its optimum costs.
    pub regret: Option<f32>,
    /// STARC distance to the true objective, 0 (the same order of policies) to 1 (the opposite order).
    pub starc: Option<f32>,
    /// Tokens: the best completion of this reward for every kind of prompt; where those that are equally good differ in
    /// their true score, one with the least and one with the greatest. Else empty.
    #[serde(default)]
    pub episodes: Vec<Episode>,
    pub components: Vec<ComponentFacts>,
    pub findings: Vec<Finding>,
}

/// STARC distances between all arms and the true objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distances {
    /// The arms' names, then "true objective".
    pub names: Vec<String>,
    /// [names][names] flat, symmetric, 0 to 1; None where one of the two was not solved.
    pub starc: Vec<Option<f32>>,
    /// Why distances are missing, in sentences; empty where none is.
    pub reasons: Vec<String>,
}
