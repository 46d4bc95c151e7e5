//! The one table of an algorithm's settings. Names and defaults are TRL's where TRL has them (GRPOConfig of TRL 1.16),
//! else verl's or CleanRL's, as each row's source says.

use crate::{choice, params};

choice! {
    /// Which pairs of the current policy's answers a model is trained on while the policy learns.
    pub enum FreshPairs {
        /// Two answers of a group, ordered as the labels of the first training say.
        Labels = "labels",
        /// An answer that the verifier accepts over another that it rejects.
        Verified = "verified",
        /// An answer that the verifier accepts over itself with one action changed, which it rejects (Cooper).
        Corrupted = "corrupted",
    }
}

choice! {
    /// How rewards become advantages.
    pub enum Estimator {
        /// R - mean of the batch.
        Reinforce = "reinforce",
        /// Leave-one-out baseline.
        Rloo = "rloo",
        /// Group mean, optionally divided by a deviation (see scale_rewards).
        Grpo = "grpo",
        /// Group mean, never divided.
        DrGrpo = "dr_grpo",
        /// Normalise every component in its group, then sum, then whiten over the batch.
        Gdpo = "gdpo",
        /// Token returns whitened over the batch.
        ReinforcePlusPlus = "reinforce_plus_plus",
        /// Group mean removed, then whitened over the batch.
        ReinforcePlusPlusBaseline = "reinforce_plus_plus_baseline",
        /// Beta-normalised (BNPO), not TRL's loss of the same name.
        Bnpo = "bnpo",
        /// Generalised advantage estimation with a value head.
        Gae = "gae",
        /// Length-weighted baseline: R - sum(len R) / sum(len) in the group.
        Opo = "opo",
        /// Only the best of a group: its lead over the second best.
        GrpoPassk = "grpo_passk",
        /// Group mean removed, scaled by samples / samples with a reward that is not 0.
        Gpg = "gpg",
    }
}

choice! {
    /// What the centred reward of a group is divided by (TRL's scale_rewards).
    pub enum ScaleRewards { Group = "group", Batch = "batch", None = "none" }
}

choice! {
    /// Whose deviation and epsilon: TRL (n-1, 1e-4), verl (n-1, 1e-6), OpenRLHF (n-1, 1e-9).
    pub enum Framework { Trl = "trl", Verl = "verl", OpenRlhf = "openrlhf" }
}

choice! {
    /// TRL's multi_objective_aggregation.
    pub enum Aggregation { SumThenNormalize = "sum_then_normalize", NormalizeThenSum = "normalize_then_sum" }
}

choice! {
    /// TRL's loss_type, and CISPO in verl's meaning (clamped on both sides).
    pub enum LossType {
        Grpo = "grpo", Bnpo = "bnpo", DrGrpo = "dr_grpo", Dapo = "dapo", Luspo = "luspo", Cispo = "cispo",
        CispoVerl = "cispo_verl", Sapo = "sapo", Vespo = "vespo",
    }
}

choice! {
    /// One ratio a token, or the geometric mean of a sequence (GSPO).
    pub enum ImportanceLevel { Token = "token", Sequence = "sequence" }
}

choice! {
    /// Estimators of KL(policy, reference) from samples of the policy (Schulman, "Approximating KL divergence").
    pub enum KlEstimator { K1 = "k1", K2 = "k2", K3 = "k3" }
}

choice! {
    /// How the learning rate goes from learning_rate over a run (names of transformers' SchedulerType).
    pub enum LrSchedule { Constant = "constant", Linear = "linear", Cosine = "cosine" }
}

choice! {
    /// What goes wrong with rewards between the reward program and the update.
    pub enum RewardNoise {
        /// Nothing.
        None = "none",
        /// r becomes 1 - r for all samples of a group at once: one coin a group.
        FlipGroup = "flip_group",
        /// r becomes 1 - r: one coin a sample.
        FlipSample = "flip_sample",
        /// r + reward_noise_size times noise of deviation 1 (a sum of eight uniforms), every sample its own.
        Gaussian = "gaussian",
        /// A sample that is hit is paid reward_noise_size, whatever it did.
        Outlier = "outlier",
    }
}

choice! {
    /// Which samples of a group the policy learns from, by the rank of their rewards (PF-PPO).
    pub enum SampleFilter {
        /// All alike.
        All = "all",
        /// The best alone.
        Best = "best",
        /// The best and one of the others, drawn.
        BestRandom = "best_random",
        /// The best and the worst.
        BestWorst = "best_worst",
        /// All, in proportion to a power of the size of their reward.
        Power = "power",
    }
}

choice! {
    /// What becomes of samples whose advantage is 0.
    pub enum DynamicSampling {
        /// They stay: they move nothing, but count in the averages of the loss.
        Off = "off",
        /// They are left out of the loss and of its averages.
        Drop = "drop",
        /// Past samples from the lane's buffer take their places; those left over are dropped.
        Refill = "refill",
    }
}

choice! {
    /// The optimiser.
    pub enum Optim { Sgd = "sgd", Adam = "adam", AdamW = "adamw" }
}

params! {
    /// Settings of one arm's algorithm.
    pub struct Settings {
        estimator: Estimator = Estimator::Grpo, 0 ..= 0, "", "How rewards become advantages.", also "adv_estimator, advantage_estimator, advantage estimator, algorithm";
        scale_rewards: ScaleRewards = ScaleRewards::Group, 0 ..= 0, "", "What a centred reward is divided by.", formula "A = (R - mean_group) / (std + eps)", source "TRL GRPOConfig.scale_rewards", also "norm_adv_by_std_in_grpo, std normalization, advantage normalization";
        framework: Framework = Framework::Trl, 0 ..= 0, "", "Whose epsilon is added to the deviation: trl 1e-4, verl 1e-6, openrlhf 1e-9; also whose rule for groups of one.", source "TRL, verl, OpenRLHF";
        multi_objective_aggregation: Aggregation = Aggregation::SumThenNormalize, 0 ..= 0, "", "Sum the components and normalise, or normalise each and sum (GDPO).", source "TRL GRPOConfig", also "GDPO";
        gamma: f32 = 1.0, 0 ..= 1, "", "Discount of later rewards (gae, reinforce_plus_plus).", source "verl algorithm.gamma", also "discount, discount factor";
        gae_lambda: f32 = 0.95, 0 ..= 1, "", "Bias against variance of the advantage (gae).", formula "A_t = d_t + gamma lambda A_{t+1}", source "Schulman et al. 2015, TRL PPOConfig.lam", also "lam, lambd, lambda";
        bootstrap_truncated: bool = true, 0 ..= 1, "", "Count the value of the state behind the last step of an episode that the horizon cut off (gae): it could have gone on. In tasks whose horizon is part of what is to be done, and in completions, the last step is the end.", formula "d_T = r_T + gamma V(s_{T+1}) - V(s_T)", source "Gymnasium (terminated, truncated); Pardo et al. 2018", also "timeout bootstrap, time limit, truncation";
        whiten_advantages: bool = true, 0 ..= 1, "", "Whiten advantages over the batch's valid steps (gae).", formula "(A - mean) / sqrt(var + 1e-8)", source "verl masked_whiten", also "whiten_rewards, norm_adv, advantage normalization, masked_whiten";
        bnpo_reward_min: f32 = 0.0, -1000000 ..= 1000000, "", "Reward that counts as probability 0 (bnpo).", formula "p = (R - min) / (max - min)", source "BNPO";
        bnpo_reward_max: f32 = 1.0, -1000000 ..= 1000000, "", "Reward that counts as probability 1 (bnpo).", source "BNPO";
        bnpo_alpha: Option<f32> = None, 1 ..= 10000, "", "First shape of the Beta that normalises (bnpo); none = estimated from the groups' means.", formula "alpha = max(1, 1 + a/3), a = (m(1-m)/v - 1) m", source "BNPO";
        bnpo_beta: Option<f32> = None, 1 ..= 10000, "", "Second shape of the Beta that normalises (bnpo); none = estimated.", formula "beta = max(1, 1 + b/3), b = (m(1-m)/v - 1)(1-m)", source "BNPO";
        loss_type: LossType = LossType::Dapo, 0 ..= 0, "", "The policy loss and how it is averaged.", source "TRL GRPOConfig.loss_type", also "loss_agg_mode, policy_loss, loss_mode";
        epsilon: f32 = 0.2, 0 ..= 10, "", "Lower clip of the ratio: 1 - epsilon.", source "TRL GRPOConfig.epsilon", also "clip_ratio_low, clip_ratio, eps_clip, clip_coef, cliprange, clip range, clip epsilon";
        epsilon_high: Option<f32> = None, 0 ..= 1000, "", "Upper clip of the ratio: 1 + epsilon_high; none = epsilon. For cispo the cap itself.", source "TRL GRPOConfig.epsilon_high, DAPO", also "clip_ratio_high, eps_clip_high, eps_clip_low_high, clip higher";
        delta: Option<f32> = None, 0 ..= 1000, "", "Two-sided clip: the ratio never counts for more than delta.", source "INTELLECT-2, TRL GRPOConfig.delta", also "two-sided clip";
        dual_clip: Option<f32> = None, 1 ..= 1000, "", "For negative advantages the loss is at most dual_clip |A| (verl's clip_ratio_c, 3 there).", formula "min(loss, -c A) for A < 0", source "Ye et al. 2020, verl", also "clip_ratio_c";
        log_ratio_clip: Option<f32> = None, 0 ..= 20, "nats", "Pre-clip: the log-ratio is held within this before it is exponentiated, and moves nothing beyond it; none = only a tangent beyond 20. Not for vespo, which has its own.", formula "rho = exp(clip(logp - logp_old, -x, x))", source "Stable-Reinforce (R1-Reward; log 1e3 = 6.908 there)", also "pre-clip";
        importance_sampling_level: ImportanceLevel = ImportanceLevel::Token, 0 ..= 0, "", "A ratio per token or per sequence.", source "GSPO, TRL GRPOConfig", also "GSPO, sequence ratio";
        num_iterations: u32 = 1, 1 ..= 16, "passes", "Passes over each batch (mu of GRPO, PPO's epochs).", source "TRL GRPOConfig.num_iterations", also "mu, ppo_epochs, num_ppo_epochs, update_epochs, max_epochs, epochs";
        num_minibatches: u32 = 1, 1 ..= 64, "", "Minibatches a pass, by whole samples.", source "CleanRL num_minibatches", also "num_mini_batches, ppo_mini_batch_size, mini_batch_size, minibatch size";
        beta: f32 = 0.0, 0 ..= 10, "", "Weight of the KL to the reference policy in the loss.", formula "loss += beta KL", source "TRL GRPOConfig.beta", also "kl_loss_coef, kl_coef, init_kl_coef, use_kl_loss, KL coefficient, KL penalty";
        kl_estimator: KlEstimator = KlEstimator::K3, 0 ..= 0, "", "Estimator of that KL.", formula "k1 = x, k2 = x^2/2, k3 = exp(-x) + x - 1, x = logp - logp_ref", source "Schulman; TRL uses k3", also "kl_loss_type";
        use_bias_correction_kl: bool = true, 0 ..= 1, "", "Multiply the KL term by the ratio.", source "DeepSeek-V3.2, TRL GRPOConfig";
        kl_in_reward: f32 = 0.0, 0 ..= 10, "", "Weight of the KL taken out of the reward of every step.", formula "r_t -= coef KL_t", source "verl use_kl_in_reward, TRL RLOO", also "use_kl_in_reward, kl_ctrl.kl_coef, kl_coef, KL penalty";
        kl_reward_estimator: KlEstimator = KlEstimator::K1, 0 ..= 0, "", "Estimator of the KL in the reward.", source "verl algorithm.kl_penalty", also "kl_penalty";
        vf_coef: f32 = 0.5, 0 ..= 10, "", "Weight of the value loss (gae).", formula "0.5 max((V-R)^2, (V_clip-R)^2)", source "CleanRL vf_coef", also "value_loss_coef, critic coefficient";
        cliprange_value: Option<f32> = Some(0.2), 0 ..= 1000, "", "Clip of the value's change within a batch; none = no clip.", source "TRL PPOConfig.cliprange_value", also "value_clip, clip_vloss";
        entropy_coef: f32 = 0.0, 0 ..= 10, "", "Weight of the entropy bonus.", formula "loss -= coef mean token entropy", source "TRL GRPOConfig.entropy_coef", also "ent_coef, entropy_coeff, entropy_loss_coef, entropy bonus";
        use_adaptive_entropy: bool = false, 0 ..= 1, "", "Move entropy_coef so that entropy stays near entropy_target.", source "Skywork-OR1, TRL GRPOConfig";
        entropy_coef_min: f32 = 0.0, 0 ..= 10, "", "Least adaptive coefficient.", source "TRL GRPOConfig";
        entropy_coef_max: f32 = 1.0, 0 ..= 10, "", "Greatest adaptive coefficient.", source "TRL GRPOConfig";
        entropy_coef_delta: f32 = 0.005, 0 ..= 1, "", "Change of the adaptive coefficient an optimiser step.", source "TRL GRPOConfig";
        entropy_target: f32 = 0.2, 0 ..= 10, "nats", "Entropy to keep.", source "TRL GRPOConfig";
        top_entropy_quantile: f32 = 1.0, 0 ..= 1, "", "Share of steps with the highest entropy that are trained on.", source "Beyond the 80/20 rule, TRL GRPOConfig";
        mask_truncated_completions: bool = false, 0 ..= 1, "", "Leave truncated samples out of the loss.", source "DAPO, TRL GRPOConfig", also "overlong_filter, overlong filtering";
        off_policy_mask_threshold: Option<f32> = None, 0 ..= 100, "nats", "Drop samples of negative advantage whose mean log-ratio drifted further than this.", source "DeepSeek-V3.2 Eq. 9, TRL GRPOConfig";
        sapo_temperature_pos: f32 = 1.0, 0.01 ..= 100, "", "SAPO's temperature for positive advantages.", source "SAPO, TRL GRPOConfig";
        sapo_temperature_neg: f32 = 1.05, 0.01 ..= 100, "", "SAPO's temperature for negative advantages.", source "SAPO, TRL GRPOConfig";
        vespo_k_pos: f32 = 2.0, 0 ..= 100, "", "VESPO's power for positive advantages.", source "VESPO, TRL GRPOConfig";
        vespo_lambda_pos: f32 = 3.0, 0 ..= 100, "", "VESPO's rate for positive advantages.", source "VESPO, TRL GRPOConfig";
        vespo_k_neg: f32 = 3.0, 0 ..= 100, "", "VESPO's power for negative advantages.", source "VESPO, TRL GRPOConfig";
        vespo_lambda_neg: f32 = 2.0, 0 ..= 100, "", "VESPO's rate for negative advantages.", source "VESPO, TRL GRPOConfig";
        sample_filter: SampleFilter = SampleFilter::All, 0 ..= 0, "", "Which samples of a group the policy learns from: advantages are estimated and whitened with all samples, then multiplied by weights whose mean in a group is 1. The value head learns from all.", formula "best: G, 0, ..; best_random, best_worst: G/2, G/2, 0, ..; power: G |r|^p / sum |r|^p", source "PF-PPO, verl use_pf_ppo", also "use_pf_ppo, best of n";
        sample_filter_power: f32 = 2.0, 0 ..= 10, "", "The power of the size of a reward (power).", source "verl pf_ppo.weight_pow";
        advantage_filter: Option<f32> = None, 0 ..= 100, "deviations", "Samples whose mean advantage lies further than this from the batch's mean, in deviations of the batch (n), get the advantage 0, before sample_filter; none = all stay. The loss is averaged as if they were there.", formula "|A - mean| > x sigma: A = 0", source "Stable-Reinforce (R1-Reward; 3 there)";
        inference_n: u32 = 4, 0 ..= 1024, "samples", "N of the metrics inference/best_of_n and inference/worst_of_n; at most the size of a group counts. 0 = the inference metrics are not measured.";
        dynamic_sampling: DynamicSampling = DynamicSampling::Off, 0 ..= 0, "", "What becomes of samples whose advantage is 0 (dead groups). The batch keeps its size: drop leaves them out of the loss and its averages; refill puts past samples of the lane in their places, drawn in proportion to |A| with their prompt, and the log-probabilities and the advantage of their time.", formula "P(past sample i) = |A_i| / sum |A|", source "DAPO; Skywork R1V2 (selective sample buffer)", also "filter_groups, dynamic_filtering";
        ssb_size: u32 = 512, 1 ..= 65536, "samples", "Past samples with an advantage that a lane keeps, the newest (refill).", source "Skywork R1V2", also "replay buffer, buffer size";
        ssb_share: f32 = 1.0, 0 ..= 1, "of the batch", "Most samples of a batch that past ones take the place of (refill).", source "Skywork R1V2";
        outer_every: u32 = 0, 0 ..= 10000, "updates", "Updates between two steps of the slow loop, which moves the weights of the components along the gradient of the first one's return; 0 = weights stay. For rewards without combine.", formula "phi_i += outer_lr cos(g_i, g_primary), g from two halves of the batch", source "BARFI (one-step unrolled; 10 there)";
        outer_lr: f32 = 0.05, 0 ..= 10, "", "Step size of the weights.", source "BARFI";
        outer_max: f32 = 1.0, 0 ..= 1000, "", "Greatest weight; the least is 0.", source "BARFI";
        reward_noise: RewardNoise = RewardNoise::None, 0 ..= 0, "", "What goes wrong with the rewards that the update uses, after proxy_reward is measured and before the KL is taken out. Components stay as they are. The draws are the same in all arms of a seed.", source "Noisy Rewards (flip_group)";
        reward_noise_rate: f32 = 0.1, 0 ..= 1, "probability", "Chance that a group (flip_group) or a sample (flip_sample, outlier) is hit.", formula "flip: r -> 1 - r";
        reward_noise_size: f32 = 1.0, -1000000 ..= 1000000, "", "Deviation of the noise (gaussian), or what an outlier is paid.", formula "gaussian: r + size * z; outlier: size";
        optim: Optim = Optim::AdamW, 0 ..= 0, "", "The optimiser.", source "transformers TrainingArguments.optim", also "optimizer, optimiser";
        learning_rate: f32 = 0.001, 0 ..= 10, "", "Step size. Small policies need larger ones than TRL's 1e-6.", source "TRL GRPOConfig.learning_rate", also "lr, learning rate, actor_learning_rate, optim.lr, step size";
        lr_scheduler_type: LrSchedule = LrSchedule::Constant, 0 ..= 0, "", "How the step size changes over the run.", source "transformers", also "lr_scheduler, lr_warmup_style, anneal_lr, schedule";
        warmup_steps: u32 = 0, 0 ..= 100000, "updates", "Updates over which the step size rises from 0.", source "transformers", also "lr_warmup_steps, lr_warmup_ratio, warmup_ratio";
        adam_beta1: f32 = 0.9, 0 ..= 0.9999, "", "Adam's decay of the mean.", source "Kingma and Ba 2015", also "adam_betas, betas";
        adam_beta2: f32 = 0.999, 0 ..= 0.99999, "", "Adam's decay of the square.", source "Kingma and Ba 2015", also "adam_betas, betas";
        adam_epsilon: f32 = 1e-8, 0 ..= 1, "", "Adam's epsilon.", source "Kingma and Ba 2015", also "adam_eps";
        weight_decay: f32 = 0.0, 0 ..= 1, "", "Decoupled weight decay (adamw).", source "Loshchilov and Hutter 2019", also "l2, wd";
        max_grad_norm: f32 = 1.0, 0 ..= 1000000, "", "Gradients longer than this are shortened to it; 0 = never.", source "transformers TrainingArguments.max_grad_norm", also "grad_clip, max_norm, gradient clipping";
        rm_every: u32 = 0, 0 ..= 100000, "updates", "Train the learned reward models every so many updates, on answers of the current policy; 0 = only once, before the run.";
        rm_fresh_pairs: FreshPairs = FreshPairs::Labels, 0 ..= 0, "", "Which pairs of the current policy's answers they are trained on: ordered by the labels, accepted by the verifier over rejected by it, or accepted over itself with one action changed and now rejected.", source "Cooper (corrupted)";
        rm_pairs: u32 = 64, 1 ..= 16384, "pairs", "Pairs of such a training.";
        rm_steps: u32 = 10, 0 ..= 10000, "steps", "Optimiser steps of such a training.";
    }
}
