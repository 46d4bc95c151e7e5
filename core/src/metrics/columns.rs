//! The columns of a metric row: one list, in the order of the row, for both engines, the charts, the files and the docs.

use crate::layout::place_constants;

/// Most components of a reward program, and so of a row.
pub const MAX_COMPONENTS: usize = 32;

/// What a column holds.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSpec {
    pub name: &'static str,
    pub unit: &'static str,
    pub help: &'static str,
}

macro_rules! columns {
    ($($variant:ident $name:literal $unit:literal $help:literal;)+) => {
        /// A column by name; `Column::X as usize` is its place in a row.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Column { $($variant),+ }
        impl Column {
            /// All of them, in the order of a row.
            pub const ALL: [Self; COLUMNS.len()] = [$(Self::$variant),+];
        }
        /// The fixed columns. Behind them a row has a mean, a deviation and a weight for each of MAX_COMPONENTS components.
        pub const COLUMNS: &[ColumnSpec] = &[$(ColumnSpec { name: $name, unit: $unit, help: $help }),+];
    };
}

columns! {
    TrueScore "true_score" "" "Mean true score: the task's own objective, which no reward program can touch.";
    ProxyReward "proxy_reward" "" "Mean of what the reward program pays, over the samples that it scores, before any reward_noise.";
    Reward "reward" "" "Mean reward that the update used: proxy_reward with its noise and less the KL taken out of rewards.";
    RewardStd "reward_std" "" "Standard deviation of the reward over the whole batch (n - 1).";
    FracRewardZeroStd "frac_reward_zero_std" "" "Share of dead groups: no spread in the reward, so no gradient.";
    Entropy "entropy" "nats" "Mean entropy of the policy at the steps it took.";
    Kl "kl" "nats" "KL(policy, reference) at the steps taken (k3); not a number in updates where it is not computed.";
    Loss "loss" "" "The whole loss, as the optimiser sees it at the last minibatch.";
    PolicyLoss "policy_loss" "" "The policy part of the loss. Near 0 on fresh batches: the ratio is 1 and advantages sum to 0.";
    ValueLoss "value_loss" "" "The value head's loss (gae).";
    GradNorm "grad_norm" "" "Length of the gradient before it is clipped, mean over optimiser steps.";
    LearningRate "learning_rate" "" "Step size in use.";
    EntropyCoef "entropy_coef" "" "Coefficient of the entropy bonus in use.";
    ClipLowMean "clip_ratio/low_mean" "" "Share of steps whose ratio fell under 1 - epsilon with a negative advantage.";
    ClipHighMean "clip_ratio/high_mean" "" "Share of steps whose ratio rose over 1 + epsilon_high with a positive advantage.";
    ClipRegionMean "clip_ratio/region_mean" "" "Share of steps clipped either way.";
    MeanLength "completions/mean_length" "steps" "Mean length of a sample.";
    MinLength "completions/min_length" "steps" "Shortest sample.";
    MaxLength "completions/max_length" "steps" "Longest sample.";
    ClippedRatio "completions/clipped_ratio" "" "Share of samples cut off at the horizon.";
    MeanTerminatedLength "completions/mean_terminated_length" "steps" "Mean length of the samples that ended by themselves.";
    ErrorRate "error_rate" "" "Share of samples on which the reward program failed.";
    Effective "groups/effective" "" "Share of groups whose rewards differ.";
    TooEasy "groups/too_easy" "" "Share of groups without spread whose true score is above one half.";
    TooHard "groups/too_hard" "" "Share of groups without spread whose true score is at most one half.";
    NumTokens "num_tokens" "steps" "Steps taken by the lane so far.";
    EffectiveSamples "effective_samples" "" "Share of the update's samples that have an advantage, past ones that stand in (dynamic_sampling = refill) among them.";
    BestOfN "inference/best_of_n" "" "True score of best-of-N by the reward program: the sample of N with the highest reward, over all N of a group (N = inference_n).";
    WorstOfN "inference/worst_of_n" "" "True score of worst-of-N by the reward program: the sample of N with the lowest reward (an attacker who tries N times).";
    Majority "inference/majority" "" "True score of a group's most frequent answer: the field `answer` of the task's episodes, or the whole sequence of actions where there is none.";
    NotFinite "not_finite" "" "Count of values that were not finite in the update; such an update is not applied.";
    RmAccuracy "rm/accuracy" "" "Share of pairs of this update's answers (of one group, with different true scores) that the learned reward model orders as the true score does.";
    RmEce "rm/ece" "" "Expected calibration error of the learned reward model on this update's answers: how far the share that is right is from the confidence.";
    FilterR2 "filter/r2" "" "Squared correlation of the reward with the true score over the samples that are learned from: those with an advantage, after all filters. Not a number for fewer than three.";
}

/// The places of the columns for shaders: `COLUMN_<NAME>` by the public name, such as COLUMN_CLIP_RATIO_LOW_MEAN, and
/// FIXED_COLUMNS, their number.
pub fn wgsl() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    place_constants("column", &names) + &format!("const FIXED_COLUMNS: u32 = {}u;\n", COLUMNS.len())
}

/// Numbers in a metric row.
pub const ROW: usize = COLUMNS.len() + 3 * MAX_COMPONENTS;

/// Place of a component's mean in a row.
pub const fn component_mean(component: usize) -> usize {
    COLUMNS.len() + 3 * component
}

/// Place of a component's deviation (over the whole batch, n - 1) in a row.
pub const fn component_std(component: usize) -> usize {
    COLUMNS.len() + 3 * component + 1
}

/// Place of a component's weight in a row: a number only where the weights move (outer_every).
pub const fn component_weight(component: usize) -> usize {
    COLUMNS.len() + 3 * component + 2
}

/// What a metric is, by its public name.
pub fn help(metric: &str) -> String {
    match COLUMNS.iter().find(|c| c.name == metric) {
        Some(c) => c.help.to_string(),
        None => format!("Mean of the component {}.", metric.trim_start_matches("rewards/").trim_end_matches("/mean")),
    }
}

/// The place of a column by its public name; `components` are the arm's, for `rewards/{name}/mean`, `/std` and `/weight`.
pub fn find(name: &str, components: &[String]) -> Option<usize> {
    if let Some(i) = COLUMNS.iter().position(|c| c.name == name) {
        return Some(i);
    }
    let (component, what) = name.strip_prefix("rewards/")?.rsplit_once('/')?;
    let i = components.iter().take(MAX_COMPONENTS).position(|c| c == component)?;
    match what {
        "mean" => Some(component_mean(i)),
        "std" => Some(component_std(i)),
        "weight" => Some(component_weight(i)),
        _ => None,
    }
}

/// Public names of a row's columns for an arm with these components.
pub fn names(components: &[String]) -> Vec<String> {
    let own = components.iter().take(MAX_COMPONENTS);
    COLUMNS
        .iter()
        .map(|c| c.name.to_string())
        .chain(own.flat_map(|c| ["mean", "std", "weight"].map(|what| format!("rewards/{c}/{what}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::constant_name;
    use std::collections::BTreeSet;

    #[test]
    fn every_column_has_one_place_in_the_shaders() {
        let places = wgsl();
        let shaders = concat!(
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders/measure.wgsl")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders/calibrate.wgsl")),
        );
        for (i, column) in COLUMNS.iter().enumerate() {
            let name = format!("COLUMN_{}", constant_name(column.name));
            assert_eq!(places.matches(&format!("const {name}: u32 = {i}u;")).count(), 1, "{name}");
            assert!(shaders.contains(&format!("ring[row + {name}] = ")), "no shader writes {name}");
        }
    }

    #[test]
    fn a_column_is_found_by_the_words_of_its_name() {
        for column in Column::ALL {
            let (variant, name) = (format!("{column:?}"), COLUMNS[column as usize].name);
            let words: BTreeSet<String> = name.split(['/', '_']).map(str::to_owned).collect();
            let mut own = String::new();
            for c in variant.chars() {
                own.extend(c.is_uppercase().then_some(' ').into_iter().chain([c.to_ascii_lowercase()]));
            }
            let strange: Vec<&str> = own.split_whitespace().filter(|word| !words.contains(*word)).collect();
            assert!(strange.is_empty(), "{variant} is called {name}, without {strange:?}");
            assert!(!COLUMNS[column as usize].help.is_empty(), "{name} has no help");
        }
    }
}
