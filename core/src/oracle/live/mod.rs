//! The oracle during training: what a policy is really worth, beside what its samples say.
//!
//! `steps` follows a policy through every state of a walked task, `tokens` through its likeliest completions, which
//! `tree` finds. Gradients are compared in the policy's own parameters. `cosines` does so for claims, without a page.

mod cosines;
mod followed;
mod payer;
mod steps;
mod tokens;
mod tree;

pub use cosines::cosines;
pub use followed::Followed;
pub use steps::{gradient, spread};

use crate::engine::anatomy::Exact;
use crate::plan::Plan;
use crate::tasks::Play;
use std::sync::Arc;
use steps::Steps;
use tokens::Tokens;

/// A task that is followed with the watched lane.
pub struct Live(ByPlay);

enum ByPlay {
    Steps(Box<Steps>),
    Tokens(Box<Tokens>),
}

impl Live {
    /// The sentence says why nothing is known exactly: the task cannot be walked, or is too large to be followed.
    pub fn new(plan: &Arc<Plan>) -> Result<Self, String> {
        let made = match &plan.task.play {
            Play::Steps(_) => Steps::new(plan).map(|steps| ByPlay::Steps(Box::new(steps))),
            Play::Tokens(_) => Tokens::new(plan).map(|tokens| ByPlay::Tokens(Box::new(tokens))),
        };
        made.map(Self).map_err(|why| format!("Nothing is known exactly during training: {why}."))
    }

    /// What the policy that a lane's last samples came from is worth, and how far the gradient that they gave points the
    /// way of the exact one. Beside it the sentence that says why it, or a part of it, is missing, or what it is over;
    /// empty where there is nothing to say.
    pub fn exact(&mut self, followed: &Followed<'_>) -> (Option<Exact>, String) {
        match &mut self.0 {
            ByPlay::Steps(steps) => steps.exact(followed),
            ByPlay::Tokens(tokens) => tokens.exact(followed),
        }
    }

    /// The exact gradient of the expected (discounted) reward of an episode and the one that the update's samples gave, in
    /// the policy's parameters; None where one is not known or nothing.
    pub fn gradients(&mut self, followed: &Followed<'_>) -> Option<[Vec<f32>; 2]> {
        match &mut self.0 {
            ByPlay::Steps(steps) => steps.gradients(followed),
            ByPlay::Tokens(tokens) => tokens.gradients(followed),
        }
    }
}
