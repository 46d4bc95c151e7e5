//! What the shaders of the stages `advantage`, `loss` and `optimize` share with this module: the settings of an arm and
//! the statistics of a lane as structs, and the text of the stages.

use super::settings::{
    Aggregation, DynamicSampling, Estimator, Framework, ImportanceLevel, KlEstimator, LossType, LrSchedule, Optim,
    RewardNoise, SampleFilter, ScaleRewards,
};
use super::{NO_ADVANTAGE, Settings};
use crate::layout::{NO_REWARD, choice_constants};
use crate::shader_struct;

/// Most components whose weights an arm's settings hold.
pub const MAX_COMPONENTS: usize = crate::metrics::columns::MAX_COMPONENTS;

shader_struct! {
    /// One arm's settings in the buffer `settings` [arm]. Choices are places in their list of names; an optional bound
    /// that is not set is NO_REWARD, which no number reaches.
    pub struct ArmSettings {
        estimator: u32,
        scale_rewards: u32,
        framework: u32,
        aggregation: u32,
        loss_type: u32,
        sequence_level: u32,
        kl_estimator: u32,
        kl_reward_estimator: u32,
        optim: u32,
        lr_schedule: u32,
        num_iterations: u32,
        num_minibatches: u32,
        warmup_steps: u32,
        /// Components that the program has, and their weights.
        n_components: u32,
        weights: [f32; MAX_COMPONENTS],
        gamma: f32,
        gae_lambda: f32,
        bootstrap_truncated: u32,
        whiten_advantages: u32,
        bnpo_reward_min: f32,
        bnpo_reward_max: f32,
        bnpo_alpha: f32,
        bnpo_beta: f32,
        epsilon: f32,
        epsilon_high: f32,
        delta: f32,
        dual_clip: f32,
        beta: f32,
        use_bias_correction_kl: u32,
        kl_in_reward: f32,
        vf_coef: f32,
        cliprange_value: f32,
        entropy_coef: f32,
        use_adaptive_entropy: u32,
        entropy_coef_min: f32,
        entropy_coef_max: f32,
        entropy_coef_delta: f32,
        entropy_target: f32,
        top_entropy_quantile: f32,
        mask_truncated: u32,
        off_policy_mask_threshold: f32,
        sapo_temperature_pos: f32,
        sapo_temperature_neg: f32,
        vespo_k_pos: f32,
        vespo_lambda_pos: f32,
        vespo_k_neg: f32,
        vespo_lambda_neg: f32,
        learning_rate: f32,
        adam_beta1: f32,
        adam_beta2: f32,
        /// log of the decays, so that 1 - beta^step keeps its digits; 0 stands for a decay of 0.
        log_beta1: f32,
        log_beta2: f32,
        adam_epsilon: f32,
        weight_decay: f32,
        max_grad_norm: f32,
        log_ratio_clip: f32,
        advantage_filter: f32,
        sample_filter: u32,
        sample_filter_power: f32,
        inference_n: u32,
        drop_samples: u32,
        reward_noise: u32,
        reward_noise_rate: f32,
        reward_noise_size: f32,
        outer_every: u32,
        outer_lr: f32,
        outer_max: f32,
        refills: u32,
        ssb_size: u32,
        ssb_share: f32,
    }
}

shader_struct! {
    /// One lane's statistics in the buffer `loss_sums` [lane]. The engine zeroes the buffer once; the stages reset what
    /// they sum.
    pub struct LaneStats {
        /// Written by `advantage`: as in `GroupStats`.
        reward: f32,
        reward_std: f32,
        frac_reward_zero_std: f32,
        dead_groups: f32,
        scored: f32,
        bnpo_alpha: f32,
        bnpo_beta: f32,
        /// Mean KL estimate a step that left the reward.
        kl_in_reward: f32,
        /// Optimiser steps summed below: divide by it. Reset by `loss` where at.first is 1.
        passes: f32,
        /// Summed by `loss`: as in `LossStats`.
        loss: f32,
        policy_loss: f32,
        value_loss: f32,
        kl: f32,
        entropy: f32,
        clip_low_mean: f32,
        clip_low_min: f32,
        clip_high_mean: f32,
        clip_high_max: f32,
        clip_region_mean: f32,
        cispo_clip_ratio: f32,
        dual_clip_ratio: f32,
        vespo_phi_mean: f32,
        ratio_mean: f32,
        ratio_max: f32,
        ppo_kl: f32,
        steps: f32,
        /// Coefficients of a row that are not finite, summed; `optimize` adds 1 for a gradient that is not.
        nonfinite: f32,
        /// Summed by `optimize` over the steps it took: length of the gradient before clipping, and their number. Reset
        /// by `loss` where at.first is 1.
        grad_norm: f32,
        taken: f32,
        /// Of the last pass: mean entropy of the steps that the bonus acts on.
        bonus_entropy: f32,
        /// 1 while the adaptive entropy bonus counts; kept between updates.
        bonus_on: f32,
        /// Loss of the last pass, its policy and value parts, and the coefficient of the entropy bonus it used.
        last_loss: f32,
        last_policy_loss: f32,
        last_value_loss: f32,
        entropy_coef: f32,
        /// Written by `advantage`: the arm's setting, for `measure`.
        inference_n: u32,
        /// Written by `advantage`, and by `refill_draw` where past samples stand in: share of samples with an advantage.
        effective: f32,
        /// Written by `advantage`: the column filter/r2.
        filter_r2: f32,
        /// 1 where the slow loop moves the weights of the components, and those weights, moved by `outer_step`; else the
        /// program's own count.
        moves: u32,
        weights: [f32; MAX_COMPONENTS],
    }
}

impl ArmSettings {
    /// The words of some settings for a program with these component weights (the first MAX_COMPONENTS).
    pub fn of(settings: &Settings, weights: &[f32]) -> Self {
        let s = settings;
        let none = |x: Option<f32>| x.unwrap_or(NO_REWARD);
        let log = |x: f32| if x > 0.0 { libm::logf(x) } else { 0.0 };
        let mut slots = [0.0; MAX_COMPONENTS];
        slots.iter_mut().zip(weights).for_each(|(slot, w)| *slot = *w);
        Self {
            estimator: s.estimator as u32,
            scale_rewards: s.scale_rewards as u32,
            framework: s.framework as u32,
            aggregation: s.multi_objective_aggregation as u32,
            loss_type: s.loss_type as u32,
            sequence_level: u32::from(s.importance_sampling_level == ImportanceLevel::Sequence),
            kl_estimator: s.kl_estimator as u32,
            kl_reward_estimator: s.kl_reward_estimator as u32,
            optim: s.optim as u32,
            lr_schedule: s.lr_scheduler_type as u32,
            num_iterations: s.num_iterations,
            num_minibatches: s.num_minibatches,
            warmup_steps: s.warmup_steps,
            n_components: weights.len().min(MAX_COMPONENTS) as u32,
            weights: slots,
            gamma: s.gamma,
            gae_lambda: s.gae_lambda,
            bootstrap_truncated: u32::from(s.bootstrap_truncated),
            whiten_advantages: u32::from(s.whiten_advantages),
            bnpo_reward_min: s.bnpo_reward_min,
            bnpo_reward_max: s.bnpo_reward_max,
            bnpo_alpha: none(s.bnpo_alpha),
            bnpo_beta: none(s.bnpo_beta),
            epsilon: s.epsilon,
            epsilon_high: s.epsilon_high.unwrap_or(s.epsilon),
            delta: none(s.delta),
            dual_clip: none(s.dual_clip),
            beta: s.beta,
            use_bias_correction_kl: u32::from(s.use_bias_correction_kl),
            kl_in_reward: s.kl_in_reward,
            vf_coef: s.vf_coef,
            cliprange_value: none(s.cliprange_value),
            entropy_coef: s.entropy_coef,
            use_adaptive_entropy: u32::from(s.use_adaptive_entropy),
            entropy_coef_min: s.entropy_coef_min,
            entropy_coef_max: s.entropy_coef_max,
            entropy_coef_delta: s.entropy_coef_delta,
            entropy_target: s.entropy_target,
            top_entropy_quantile: s.top_entropy_quantile,
            mask_truncated: u32::from(s.mask_truncated_completions),
            off_policy_mask_threshold: none(s.off_policy_mask_threshold),
            sapo_temperature_pos: s.sapo_temperature_pos,
            sapo_temperature_neg: s.sapo_temperature_neg,
            vespo_k_pos: s.vespo_k_pos,
            vespo_lambda_pos: s.vespo_lambda_pos,
            vespo_k_neg: s.vespo_k_neg,
            vespo_lambda_neg: s.vespo_lambda_neg,
            learning_rate: s.learning_rate,
            adam_beta1: s.adam_beta1,
            adam_beta2: s.adam_beta2,
            log_beta1: log(s.adam_beta1),
            log_beta2: log(s.adam_beta2),
            adam_epsilon: s.adam_epsilon,
            weight_decay: s.weight_decay,
            max_grad_norm: s.max_grad_norm,
            log_ratio_clip: none(s.log_ratio_clip),
            advantage_filter: none(s.advantage_filter),
            sample_filter: s.sample_filter as u32,
            sample_filter_power: s.sample_filter_power,
            inference_n: s.inference_n,
            drop_samples: u32::from(s.dynamic_sampling != DynamicSampling::Off),
            reward_noise: s.reward_noise as u32,
            reward_noise_rate: s.reward_noise_rate,
            reward_noise_size: s.reward_noise_size,
            outer_every: s.outer_every,
            outer_lr: s.outer_lr,
            outer_max: s.outer_max,
            refills: u32::from(s.dynamic_sampling == DynamicSampling::Refill),
            ssb_size: s.ssb_size,
            ssb_share: s.ssb_share,
        }
    }
}

macro_rules! shader {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders/", $path))
    };
}

/// The structs and constants that the three stages need behind the prelude of sizes.
pub fn prelude() -> String {
    let mut text = format!("const NO_REWARD: f32 = {NO_REWARD:e}f;\nconst NO_ADVANTAGE: f32 = {NO_ADVANTAGE:e}f;\n");
    text += &ArmSettings::wgsl();
    text += &LaneStats::wgsl();
    for (prefix, names) in [
        ("ESTIMATOR", Estimator::NAMES),
        ("SCALE", ScaleRewards::NAMES),
        ("FRAMEWORK", Framework::NAMES),
        ("AGGREGATION", Aggregation::NAMES),
        ("LOSS", LossType::NAMES),
        ("KL", KlEstimator::NAMES),
        ("OPTIM", Optim::NAMES),
        ("REWARD_NOISE", RewardNoise::NAMES),
        ("SAMPLE_FILTER", SampleFilter::NAMES),
        ("SCHEDULE", LrSchedule::NAMES),
    ] {
        text += &choice_constants(prefix, names);
    }
    text
}

/// A stage of this module: its name, and its text to go behind the sizes, `common/at.wgsl` and `common/rng.wgsl`. One
/// workgroup serves one lane: dispatch (N_LANES, 1, 1).
pub fn stage(name: &str) -> Option<String> {
    let parts: &[&str] = match name {
        "advantage" => &[
            shader!("common/reduce.wgsl"),
            shader!("common/kl.wgsl"),
            shader!("common/noise.wgsl"),
            shader!("common/beta.wgsl"),
            shader!("common/estimators.wgsl"),
            shader!("common/batch_estimators.wgsl"),
            shader!("common/filters.wgsl"),
            shader!("advantage.wgsl"),
        ],
        "loss" => &[
            shader!("common/reduce.wgsl"),
            shader!("common/kl.wgsl"),
            shader!("common/turn.wgsl"),
            shader!("common/minibatch.wgsl"),
            shader!("common/quantile.wgsl"),
            shader!("common/policy_loss.wgsl"),
            shader!("common/sample_loss.wgsl"),
            shader!("common/loss_stats.wgsl"),
            shader!("loss.wgsl"),
        ],
        "optimize" => &[shader!("common/reduce.wgsl"), shader!("common/turn.wgsl"), shader!("optimize.wgsl")],
        "outer_half" => &[shader!("common/reduce.wgsl"), shader!("common/outer.wgsl"), shader!("outer_half.wgsl")],
        "outer_step" => &[shader!("common/reduce.wgsl"), shader!("common/outer.wgsl"), shader!("outer_step.wgsl")],
        "refill_draw" => &[shader!("common/reduce.wgsl"), shader!("refill_draw.wgsl")],
        _ => return None,
    };
    Some(prelude() + &parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: &[(&str, u32)] = &[
        ("N_ARMS", 2),
        ("N_LANES", 6),
        ("GROUPS", 3),
        ("GROUP", 5),
        ("SAMPLES", 15),
        ("STEPS", 7),
        ("PARAMS", 1000),
        ("COMPONENTS", 3),
        ("BOOTSTRAP", 1),
        ("END_ROWS", 6 * 15 * 7),
        ("PAST_SLOTS", 9),
    ];

    fn module(name: &str) -> naga::Module {
        let mut text: String = SIZES.iter().map(|(k, v)| format!("const {k}: u32 = {v}u;\n")).collect();
        text += shader!("common/at.wgsl");
        text += shader!("common/rng.wgsl");
        text += &stage(name).unwrap();
        naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&text)))
    }

    #[test]
    fn the_stages_validate_within_the_limits_of_webgpu() {
        for name in ["advantage", "loss", "optimize", "outer_half", "outer_step", "refill_draw"] {
            let module = module(name);
            let all = naga::valid::ValidationFlags::all();
            let mut validator = naga::valid::Validator::new(all, naga::valid::Capabilities::empty());
            validator.validate(&module).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            let storage = |v: &naga::GlobalVariable| matches!(v.space, naga::AddressSpace::Storage { .. });
            let used = module.global_variables.iter().filter(|(_, v)| storage(v)).count();
            assert!(used <= 8, "{name} uses {used} storage buffers");
        }
    }

    #[test]
    fn the_structs_lie_alike_in_rust_and_wgsl() {
        let module = module("loss");
        for (name, fields, size) in [
            ("ArmSettings", ArmSettings::FIELDS, ArmSettings::WORDS * 4),
            ("LaneStats", LaneStats::FIELDS, LaneStats::WORDS * 4),
        ] {
            let found = module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name)).unwrap().1;
            let naga::TypeInner::Struct { members, span } = &found.inner else { panic!("{name} is no struct") };
            assert_eq!(*span as usize, size);
            let offsets: Vec<(&str, usize)> =
                members.iter().map(|m| (m.name.as_deref().unwrap(), m.offset as usize)).collect();
            assert_eq!(offsets, fields);
        }
    }

    #[test]
    fn words_read_back() {
        let settings = ArmSettings::of(&Settings::default(), &[1.0, -2.5]);
        let mut words = Vec::new();
        settings.write(&mut words);
        assert_eq!(words.len(), ArmSettings::WORDS);
        assert_eq!(ArmSettings::read(&words), settings);
    }
}
