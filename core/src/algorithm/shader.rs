//! What the shaders of an algorithm share with this module: the settings of an arm and the statistics of a lane as
//! structs, and the text of the stages. All of it follows from the tables of settings, formulas and choices: a new setting
//! or formula needs no line here.

use super::advantage::{self, Formula, Scope};
use super::loss::{self, Average, Surrogate};
use super::{NO_ADVANTAGE, Settings};
use crate::layout::{NO_REWARD, constant_name, place_constants};
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
        /// The estimator's formula, and 1 where its advantages are whitened.
        formula: u32,
        whitens: u32,
        /// The loss type's formula and average.
        surrogate: u32,
        average: u32,
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
        let (surrogate, average) = loss::parts(settings.loss_type);
        let mut derived = Derived {
            formula: advantage::formula(settings) as u32,
            whitens: u32::from(advantage::whitens(settings)),
            surrogate: surrogate as u32,
            average: average as u32,
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

/// `fn sample_advantage`: the formula of an arm's estimator, of those that give a number to every sample by itself.
fn advantage_formulas() -> String {
    let by_sample = Formula::ALL.iter().filter(|formula| formula.scope() == Scope::Sample);
    let case = |formula: &Formula| {
        let (place, name) = (constant_name(formula.name()), formula.name());
        format!("        case FORMULA_{place}: {{\n            return advantage_{name}(s);\n        }}\n")
    };
    place_constants("formula", Formula::NAMES)
        + "fn sample_advantage(s: Scored) -> f32 {\n    switch settings[s.arm].derived.formula {\n"
        + &by_sample.map(case).collect::<String>()
        + "        default: {\n            return 0.0;\n        }\n    }\n}\n"
}

/// `fn policy_loss`: the formula of an arm's loss type.
fn loss_formulas() -> String {
    let case = |name: &&str| {
        let place = constant_name(name);
        format!("        case SURROGATE_{place}: {{\n            return loss_{name}(step);\n        }}\n")
    };
    place_constants("surrogate", Surrogate::NAMES)
        + &place_constants("average", Average::NAMES)
        + "fn policy_loss(step: LossStep) -> vec3<f32> {\n    switch settings[step.arm].derived.surrogate {\n"
        + &Surrogate::NAMES.iter().map(case).collect::<String>()
        + "        default: {\n            return vec3<f32>(0.0);\n        }\n    }\n}\n"
}

/// A stage of this module: its name, and its text to go behind the sizes, `layout::At` and `math::rng::wgsl`. One
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
    let formulas = match name {
        "advantage" => advantage_formulas(),
        "loss" => loss_formulas(),
        _ => String::new(),
    };
    Some(prelude() + &formulas + &parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Kind, ParamSpec, Value};
    use std::collections::BTreeSet;

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
        text += &crate::layout::At::wgsl();
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
        match spec.default.value() {
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

    /// Settings that no shader reads: the host trains reward models, and `Derived` has what the others come to.
    const HOST_ONLY: [&str; 6] =
        ["rm_every", "rm_fresh_pairs", "rm_pairs", "rm_steps", "loss_type", "whiten_advantages"];

    #[test]
    fn every_setting_is_read_by_a_shader_or_by_the_host_alone() {
        let stages: String = STAGES.iter().map(|name| stage(name).unwrap()).collect();
        let name_end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let read: BTreeSet<&str> =
            stages.split("arm].").skip(1).filter_map(|rest| rest.split(name_end).next()).collect();
        for spec in Settings::TABLE {
            let read = read.contains(spec.name);
            assert_eq!(read, !HOST_ONLY.contains(&spec.name), "{}: read by a shader: {read}", spec.name);
        }
    }
}
