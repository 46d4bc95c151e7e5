//! What the shaders of the stages `advantage`, `loss` and `optimize` share with this module: the settings of an arm and
//! the statistics of a lane as structs, and the text of the stages.

use super::{NO_ADVANTAGE, Settings};
use crate::layout::NO_REWARD;
use crate::params::{self, Params};
use crate::shader_struct;

/// Most components whose weights an arm's settings hold.
pub const MAX_COMPONENTS: usize = crate::metrics::columns::MAX_COMPONENTS;

shader_struct! {
    /// What the host works out of an arm's settings and program for the shaders.
    pub struct Derived {
        /// log of the decays, so that 1 - beta^step keeps its digits; 0 stands for a decay of 0.
        log_beta1: f32,
        log_beta2: f32,
        /// Components that the program has, and their weights.
        n_components: u32,
        weights: [f32; MAX_COMPONENTS],
    }
}

/// One arm's settings in the buffer `settings` [arm]: the rows of the table under their own names, then `derived`.
pub struct ArmSettings;

impl ArmSettings {
    /// 32-bit words of one arm.
    pub const WORDS: usize = Self::SETTINGS + Derived::WORDS;

    const SETTINGS: usize = {
        let (mut count, mut row) = (0, 0);
        while row < Settings::TABLE.len() {
            count += Settings::TABLE[row].kind.wgsl().is_some() as usize;
            row += 1;
        }
        count
    };

    /// The struct in WGSL, and the constants of its choices.
    fn wgsl() -> String {
        let fields = params::wgsl_fields(Settings::TABLE);
        let choices = params::wgsl_choices(Settings::TABLE);
        format!("{choices}{}struct ArmSettings {{\n{fields}    derived: Derived,\n}}\n", Derived::wgsl())
    }

    /// The words of some settings for a program with these component weights (the first MAX_COMPONENTS).
    pub fn words(settings: &Settings, weights: &[f32]) -> Vec<u32> {
        let log = |x: f32| if x > 0.0 { libm::logf(x) } else { 0.0 };
        let mut derived = Derived {
            log_beta1: log(settings.adam_beta1),
            log_beta2: log(settings.adam_beta2),
            n_components: weights.len().min(MAX_COMPONENTS) as u32,
            ..Derived::default()
        };
        derived.weights.iter_mut().zip(weights).for_each(|(slot, w)| *slot = *w);
        let mut words = settings.words();
        derived.write(&mut words);
        words
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
    text
}

/// A stage of this module: its name, and its text to go behind the sizes, `common/at.wgsl` and `math::rng::wgsl`. One
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
    use crate::params::{Kind, ParamSpec, Value};

    const STAGES: [&str; 6] = ["advantage", "loss", "optimize", "outer_half", "outer_step", "refill_draw"];

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
        text += &crate::math::rng::wgsl();
        text += &stage(name).unwrap();
        naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&text)))
    }

    #[test]
    fn the_stages_validate_within_the_limits_of_webgpu() {
        for name in STAGES {
            let module = module(name);
            let all = naga::valid::ValidationFlags::all();
            let mut validator = naga::valid::Validator::new(all, naga::valid::Capabilities::empty());
            validator.validate(&module).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            let storage = |v: &naga::GlobalVariable| matches!(v.space, naga::AddressSpace::Storage { .. });
            let used = module.global_variables.iter().filter(|(_, v)| storage(v)).count();
            assert!(used <= 8, "{name} uses {used} storage buffers");
        }
    }

    fn offsets(module: &naga::Module, name: &str) -> (Vec<(String, usize)>, usize) {
        let found = module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name)).unwrap().1;
        let naga::TypeInner::Struct { members, span } = &found.inner else { panic!("{name} is no struct") };
        (members.iter().map(|m| (m.name.clone().unwrap(), m.offset as usize)).collect(), *span as usize)
    }

    fn owned(fields: &[(&str, usize)]) -> Vec<(String, usize)> {
        fields.iter().map(|(name, at)| ((*name).to_string(), *at)).collect()
    }

    #[test]
    fn the_structs_lie_alike_in_rust_and_wgsl() {
        let module = module("loss");
        assert_eq!(offsets(&module, "LaneStats"), (owned(LaneStats::FIELDS), LaneStats::WORDS * 4));
        assert_eq!(offsets(&module, "Derived"), (owned(Derived::FIELDS), Derived::WORDS * 4));
        assert_eq!(offsets(&module, "ArmSettings").1, ArmSettings::WORDS * 4);
    }

    /// A value of a row that is not its default.
    fn another(spec: &ParamSpec) -> Value {
        match (spec.default)() {
            Value::Bool(set) => Value::Bool(!set),
            Value::Number(x) if x == spec.max => Value::Number(spec.min),
            Value::Number(_) => Value::Number(spec.max),
            Value::Text(name) => match spec.kind {
                Kind::Choice(names) => Value::Text(names.iter().find(|n| **n != name).unwrap().to_string()),
                _ => Value::Number(spec.max),
            },
            Value::List(_) => panic!("{} is a list", spec.name),
        }
    }

    #[test]
    fn every_setting_is_its_own_word_where_wgsl_looks_for_it() {
        let (members, _) = offsets(&module("loss"), "ArmSettings");
        let words = |settings: &Settings| ArmSettings::words(settings, &[1.0, -2.5]);
        let before = words(&Settings::default());
        assert_eq!(before.len(), ArmSettings::WORDS);
        for spec in Settings::TABLE {
            let mut settings = Settings::default();
            settings.set(spec.name, &another(spec)).unwrap();
            let after = words(&settings);
            let changed: Vec<usize> = (0..ArmSettings::SETTINGS).filter(|i| before[*i] != after[*i]).collect();
            let at = members.iter().find(|(name, _)| name == spec.name).unwrap().1;
            assert_eq!(changed, [at / 4], "{}", spec.name);
        }
        let derived = Derived::read(&before[ArmSettings::SETTINGS..]);
        assert_eq!((derived.n_components, &derived.weights[..3]), (2, &[1.0, -2.5, 0.0][..]));
    }

    /// Settings that the host follows and no shader reads: when reward models are trained again, and on what.
    const HOST_ONLY: [&str; 4] = ["rm_every", "rm_fresh_pairs", "rm_pairs", "rm_steps"];

    #[test]
    fn every_setting_is_read_by_a_shader_or_by_the_host_alone() {
        let stages: String = STAGES.iter().map(|name| stage(name).unwrap()).collect();
        for spec in Settings::TABLE {
            let read = stages.contains(&format!("settings[arm].{}", spec.name));
            assert_eq!(read, !HOST_ONLY.contains(&spec.name), "{}: read by a shader: {read}", spec.name);
        }
    }
}
