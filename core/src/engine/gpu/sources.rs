//! The text of every stage: a generated prelude of constants, the shared files it needs, then the stage's own file.

use super::device::GpuError;
use super::network::{Layout, Network};
use super::reward_models;
use super::setup::RUN_WORDS;
use super::shape::Shape;
use super::stages::Phase;
use crate::algorithm;
use crate::algorithm::inference::Answer;
use crate::algorithm::shader::LaneStats;
use crate::episode_fields::confidence::Confidence;
use crate::episode_fields::exploration::Exploration;
use crate::layout::place_constants;
use crate::math::rng;
use crate::metrics::columns;
use crate::plan::RUN_FIELDS;
use crate::reward::{Program, wgsl_prelude};
use crate::reward_models::RewardModels;

/// A stage's name and its complete text.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: &'static str,
    pub text: String,
    /// Buffers that stand in for the ones that the text names: (name in the text, buffer).
    pub aliases: &'static [(&'static str, &'static str)],
    /// The entry of `jobs` that the text reads as `job`.
    pub job: u32,
}

macro_rules! shader {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders/", $path))
    };
}

pub(super) use shader;

const AT: &str = shader!("common/at.wgsl");
const MATHS: &str = shader!("common/maths.wgsl");
const VOTE: &str = shader!("common/vote.wgsl");
const CONFIDENCE: &str = shader!("common/confidence.wgsl");
const RECORD: &str = shader!("common/record.wgsl");
const TRANSFORMER: &str = shader!("policy/transformer.wgsl");
const DLOGIT: &str = shader!("common/dlogit.wgsl");

/// Places in a metric row and among the numbers that reward programs see.
fn metric_constants() -> String {
    columns::wgsl() + &run_constants()
}

/// Places of the numbers that reward programs see as `run.<name>`, and how many a lane has.
fn run_constants() -> String {
    place_constants("run", RUN_FIELDS) + &format!("const N_RUN: u32 = {RUN_WORDS}u;\n")
}

/// What the stages of an engine are made of.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub shape: &'a Shape,
    pub layout: &'a Layout,
    /// The task's shader twin.
    pub task: &'a str,
    /// The reward models that the experiment learns.
    pub models: Option<&'a RewardModels>,
    pub exploration: Option<&'a Exploration>,
    pub confidence: Confidence,
    pub answer: Answer,
}

impl Parts<'_> {
    pub(super) fn source(&self, name: &'static str, parts: &[&str]) -> Source {
        let mut text = self.shape.wgsl() + &self.layout.wgsl() + AT + MATHS;
        for part in parts {
            text.push_str(part);
            text.push('\n');
        }
        Source { name, text, aliases: &[], job: 0 }
    }

    /// A stage that knows nothing of the policy.
    pub(super) fn plain(&self, name: &'static str, parts: &[&str]) -> Source {
        Source { name, text: self.shape.wgsl() + AT + &parts.concat(), aliases: &[], job: 0 }
    }

    /// The stages of the reward programs: `score` and `combine`.
    pub(super) fn programs(&self, programs: &[&Program]) -> [Source; 2] {
        let mut text = run_constants() + wgsl_prelude() + shader!("common/programs.wgsl");
        let (mut components, mut combine) = (String::new(), String::new());
        for (arm, program) in programs.iter().enumerate() {
            let prefix = format!("arm{arm}_");
            text += &program.wgsl(&prefix);
            components += &format!("        case {arm}u: {{\n            {prefix}components(sample);\n        }}\n");
            combine += &format!(
                "        case {arm}u: {{\n            {prefix}combine(sample, group, in_group, batch, in_batch);\n        }}\n"
            );
        }
        let switch = |cases: &str| format!("    switch arm {{\n{cases}        default: {{}}\n    }}\n}}\n\n");
        text += "fn program_components(arm: u32, sample: u32) {\n";
        text += &switch(&components);
        text += "fn program_combine(arm: u32, sample: u32, group: u32, in_group: u32, batch: u32, in_batch: u32) {\n";
        text += &switch(&combine);
        let combine = [&text, &LaneStats::wgsl(), shader!("combine.wgsl")];
        [self.plain("score", &[&text, shader!("score.wgsl")]), self.plain("combine", &combine)]
    }

    /// A stage of `core/src/algorithm/shader.rs`.
    pub(super) fn algorithm(&self, name: &'static str) -> Result<Source, GpuError> {
        let text =
            algorithm::shader::stage(name).ok_or_else(|| GpuError::Unsupported(format!("a stage \"{name}\"")))?;
        Ok(self.plain(name, &[&rng::wgsl(), &text]))
    }

    /// The loss of an update's first optimiser step: the policy is still the one that sampled.
    pub(super) fn first_loss(&self) -> Result<Source, GpuError> {
        Ok(Source { aliases: &[("policy_new", "policy_old")], ..self.algorithm("loss")? })
    }

    /// The stage that makes metric rows.
    pub(super) fn measure(&self) -> Source {
        let constants = metric_constants() + &algorithm::shader::prelude();
        let inference = match self.shape.infers() {
            true => [shader!("common/inference_before.wgsl"), ""],
            false => [shader!("common/inference.wgsl"), shader!("common/inference_here.wgsl")],
        };
        let parts = [&constants, shader!("common/reduce.wgsl"), inference[0], inference[1], shader!("measure.wgsl")];
        self.plain("measure", &parts)
    }

    /// The stage that looks at large groups before `measure`.
    fn infer(&self) -> Source {
        let prelude = algorithm::shader::prelude();
        let parts = [&prelude, shader!("common/reduce.wgsl"), shader!("common/inference.wgsl"), shader!("infer.wgsl")];
        self.plain("infer", &parts)
    }

    /// The stage that scores with learned reward models, and the one that measures them.
    fn appraisal(&self, models: &RewardModels) -> [Source; 2] {
        let own = reward_models::constants(models);
        let constants = metric_constants() + &algorithm::shader::prelude() + &own;
        let parts = [&constants, shader!("common/reduce.wgsl"), shader!("calibrate.wgsl")];
        [self.plain("appraise", &[&own, shader!("appraise.wgsl")]), self.plain("calibrate", &parts)]
    }

    /// All stages of an update in their order, with their phases.
    pub(super) fn stages(&self, programs: &[&Program]) -> Result<Vec<(Phase, Source)>, GpuError> {
        let [score, combine] = self.programs(programs);
        let mut list = vec![(Phase::Sample, self.rollout())];
        list.extend(self.memory().into_iter().map(|s| (Phase::Sample, s)));
        let appraisal = self.models.map(|models| self.appraisal(models));
        list.extend(appraisal.iter().map(|[appraise, _]| (Phase::Sample, appraise.clone())));
        list.extend([
            (Phase::Reference, self.forward(true)),
            (Phase::Judge, score),
            (Phase::Judge, combine),
            (Phase::Judge, self.algorithm("advantage")?),
            (Phase::First, self.first_loss()?),
            (Phase::Again, self.forward(false)),
            (Phase::Again, self.algorithm("loss")?),
        ]);
        list.extend(self.backward().into_iter().map(|s| (Phase::Backward, s)));
        list.push((Phase::Learn, self.algorithm("optimize")?));
        list.extend(self.shape.infers().then(|| (Phase::Measure, self.infer())));
        list.push((Phase::Measure, self.measure()));
        list.extend(appraisal.map(|[_, calibrate]| (Phase::Measure, calibrate)));
        Ok(list)
    }

    fn layers(&self) -> &'static str {
        match self.layout.network {
            Network::Transformer { .. } => shader!("policy/transformer_layers.wgsl"),
            _ => "",
        }
    }

    /// The stage that plays the samples.
    pub(super) fn rollout(&self) -> Source {
        let (policy, stage) = match self.layout.network {
            Network::Table => (shader!("policy/table.wgsl"), shader!("rollout_table.wgsl")),
            Network::Mlp { .. } => (shader!("policy/mlp.wgsl"), shader!("rollout_mlp.wgsl")),
            Network::Transformer { .. } => (TRANSFORMER, shader!("rollout_transformer.wgsl")),
        };
        let (note, slots) = (self.note(), self.confidence.wgsl() + &self.answer.wgsl());
        let rng = rng::wgsl();
        self.source(
            "rollout",
            &[&rng, &slots, RECORD, VOTE, CONFIDENCE, self.task, &note, policy, self.layers(), stage],
        )
    }

    /// What the rollout of a step task notes for the exploration memory: nothing without one.
    fn note(&self) -> String {
        match (self.exploration, &self.layout.network) {
            (_, Network::Transformer { .. }) => String::new(),
            (None, _) => "fn explore_note(s: ptr<function, TaskState>, t: u32) {}\n".into(),
            (Some(memory), _) => {
                let own = self.task.contains("fn task_key(");
                let key = "fn task_key(s: ptr<function, TaskState>) -> u32 { return task_state_index(s); }\n";
                memory.wgsl() + if own { "" } else { key } + shader!("common/explore_note.wgsl")
            }
        }
    }

    /// The stages of the exploration memory, if there is one.
    fn memory(&self) -> Vec<Source> {
        self.exploration.map_or_else(Vec::new, |memory| {
            let constants = memory.wgsl();
            vec![
                self.plain("explore", &[&constants, shader!("explore.wgsl")]),
                self.plain("remember", &[&constants, shader!("remember.wgsl")]),
            ]
        })
    }

    /// The stage that looks again at the sampled actions: with the policy as it is now, or with the reference.
    pub(super) fn forward(&self, reference: bool) -> Source {
        let (policy, stage) = match self.layout.network {
            Network::Table => (shader!("policy/table.wgsl"), shader!("forward_table.wgsl")),
            Network::Mlp { .. } => (shader!("policy/mlp.wgsl"), shader!("forward_mlp.wgsl")),
            Network::Transformer { .. } => (TRANSFORMER, shader!("forward_transformer.wgsl")),
        };
        let mut source = self.source(if reference { "reference" } else { "forward" }, &[policy, self.layers(), stage]);
        if reference {
            source.aliases = &[("params", "base_params"), ("policy_new", "policy_old"), ("acts_qkv", "scratch")];
        }
        source
    }

    /// The stages that turn coefficients into gradients, in order.
    pub(super) fn backward(&self) -> Vec<Source> {
        let bag = self.source("backward_bag", &[shader!("backward_bag.wgsl")]);
        match self.layout.network {
            Network::Table => {
                let parts = [DLOGIT, shader!("policy/table.wgsl"), shader!("backward_table.wgsl")];
                vec![self.source("backward_table", &parts), bag]
            }
            Network::Transformer { layers, .. } => self.backward_transformer(layers),
            Network::Mlp { .. } => {
                let parts = [DLOGIT, shader!("policy/mlp.wgsl"), shader!("backward_mlp.wgsl")];
                let dense = self.weights("backward_dense", shader!("backward_dense.wgsl"), 0);
                let mut list = vec![self.source("backward_mlp", &parts), dense];
                list.extend(self.sum());
                list.push(bag);
                list
            }
        }
    }
}

impl Parts<'_> {
    /// A stage of weight gradients; with one split it writes the gradient itself.
    fn weights(&self, name: &'static str, text: &str, job: u32) -> Source {
        let aliases: &[_] = if self.layout.splits == 1 { &[("partials", "grads")] } else { &[] };
        Source { job, aliases, ..self.source(name, &[text]) }
    }

    /// The stage that adds up the splits, if there are several.
    fn sum(&self) -> Option<Source> {
        (self.layout.splits > 1).then(|| self.source("backward_sum", &[shader!("backward_sum.wgsl")]))
    }

    /// The heads, then each layer from the last to the first, then the embeddings. Entry 0 of `jobs` is the heads';
    /// layer l has entries 1 + 3 l (its number), 2 + 3 l and 3 + 3 l (its tiles).
    fn backward_transformer(&self, layers: usize) -> Vec<Source> {
        let rows = [TRANSFORMER, shader!("common/norm_backward.wgsl")];
        let head = self.source("backward_head", &[rows[0], rows[1], DLOGIT, shader!("backward_head.wgsl")]);
        let stage = |name: &'static str, text: &str, job: u32| Source {
            job,
            ..self.source(name, &[rows[0], rows[1], shader!("common/layer_block.wgsl"), text])
        };
        let weights = |job: u32| self.weights("backward_weights", shader!("backward_weights.wgsl"), job);
        let mut list = vec![head, weights(0)];
        for l in (0..layers as u32).rev() {
            let job = 1 + 3 * l;
            list.push(stage("backward_feed", shader!("backward_feed.wgsl"), job));
            list.push(weights(job + 1));
            list.push(stage("backward_heads", shader!("backward_heads.wgsl"), job));
            list.push(Source { job, ..self.source("backward_attention", &[shader!("backward_attention.wgsl")]) });
            list.push(stage("backward_queries", shader!("backward_queries.wgsl"), job));
            list.push(weights(job + 2));
        }
        list.extend(self.sum());
        list.push(self.source("backward_embed", &[shader!("backward_embed.wgsl")]));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::network;
    use crate::policy::Tensor;

    fn tensors(shapes: &[(usize, usize)]) -> Vec<Tensor> {
        let mut offset = 0;
        let mut list = Vec::new();
        for (rows, cols) in shapes {
            list.push(Tensor { name: String::new(), offset, rows: *rows, cols: *cols });
            offset += rows * cols;
        }
        list
    }

    fn parts<'a>(shape: &'a Shape, layout: &'a Layout, task: &crate::tasks::Task, confidence: Confidence) -> Parts<'a> {
        let answer = Answer::of(&task.schema);
        Parts { shape, layout, task: task.wgsl, models: None, exploration: None, confidence, answer }
    }

    /// The first line that mixes && and || without parentheses: browsers refuse it, naga takes it.
    fn mixed_logic(text: &str) -> Option<&str> {
        text.lines().find(|line| {
            let code = line.split("//").next().unwrap_or_default();
            let mut open = vec![(false, false)];
            for pair in code.as_bytes().windows(2) {
                match pair {
                    b"&&" => open.last_mut().unwrap().0 = true,
                    b"||" => open.last_mut().unwrap().1 = true,
                    [b'(' | b'[', _] => open.push((false, false)),
                    [b')' | b']', _] if open.len() > 1 => drop(open.pop()),
                    [b',' | b';', _] => *open.last_mut().unwrap() = (false, false),
                    _ => {}
                }
                if open.last() == Some(&(true, true)) {
                    return true;
                }
            }
            false
        })
    }

    fn check(source: &Source) {
        assert_eq!(mixed_logic(&source.text), None, "{}", source.name);
        let module = naga::front::wgsl::parse_str(&source.text)
            .unwrap_or_else(|e| panic!("{}: {}", source.name, e.emit_to_string(&source.text)));
        let mut validator =
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::default());
        validator.validate(&module).unwrap_or_else(|e| panic!("{}: {}", source.name, e.emit_to_string(&source.text)));
        let storage = crate::engine::gpu::pipelines::bindings(&source.text).iter().filter(|b| !b.uniform).count();
        assert!(storage <= 8, "{} binds {storage} storage buffers", source.name);
        let bound = module.global_variables.iter().filter(|(_, v)| v.binding.is_some()).count();
        let found = crate::engine::gpu::pipelines::bindings(&source.text).len();
        assert_eq!(bound, found, "{}: every binding must be found by its line", source.name);
    }

    #[test]
    fn mixed_logic_is_found() {
        assert!(mixed_logic("let a = b && c || d;").is_some());
        assert!(mixed_logic("let a = (b && c) || f(d, e && g);").is_none());
    }

    #[test]
    fn every_stage_of_the_gallery_validates() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../experiments");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            let experiment = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let plan = crate::plan::plan(&experiment).unwrap_or_else(|e| panic!("{}", crate::plan::join(&e)));
            for (name, text) in crate::engine::gpu::stage_texts(&plan, 6).unwrap() {
                check(&Source { name, text, aliases: &[], job: 0 });
                seen += 1;
            }
        }
        assert!(seen > 30);
    }

    #[test]
    fn every_stage_of_step_tasks_validates() {
        for kind in crate::tasks::TASKS {
            let mut task = (kind.build)(&Default::default()).unwrap();
            let confidence = Confidence::attach(&mut task);
            let crate::tasks::Play::Steps(play) = &task.play else { continue };
            let seen = play.observation();
            let a = task.n_actions;
            let prior = if play.has_prior() { a } else { 0 };
            for critic in [false, true] {
                let mut table = tensors(&[(seen.states, a), (seen.states, 1)]);
                let mut mlp = vec![(seen.features, 24), (1, 24), (24, 40), (1, 40), (40, a), (1, a)];
                if critic {
                    mlp.extend([(40, 1), (1, 1)]);
                } else {
                    table.pop();
                }
                let layouts = [
                    (1, network::table(&table, critic, prior).unwrap()),
                    (seen.active, network::mlp(&tensors(&mlp), false, critic, prior).unwrap()),
                    (seen.active, network::mlp(&tensors(&mlp), true, critic, prior).unwrap()),
                ];
                for (active, layout) in &layouts {
                    let shape = Shape {
                        arms: 2,
                        lanes: 4,
                        groups: 3,
                        group: 5,
                        steps: task.horizon,
                        actions: a,
                        params: 1000,
                        record: task.schema.stride,
                        active: *active,
                        critic,
                        columns: columns::ROW,
                        ..Shape::default()
                    };
                    let parts = parts(&shape, layout, &task, confidence);
                    check(&parts.rollout());
                    check(&parts.forward(false));
                    parts.backward().iter().for_each(check);
                }
            }
        }
    }

    #[test]
    fn every_stage_of_the_transformer_validates() {
        for kind in crate::tasks::TASKS {
            let mut task = (kind.build)(&Default::default()).unwrap();
            let confidence = Confidence::attach(&mut task);
            let crate::tasks::Play::Tokens(play) = &task.play else { continue };
            for (d, layers, heads) in [(16, 1, 2), (32, 2, 1), (128, 4, 16)] {
                for critic in [false, true] {
                    let context = play.prompt_len() + task.horizon;
                    let v = task.n_actions;
                    let mut names = vec![
                        ("token_embedding".to_owned(), v, d),
                        ("position_embedding".to_owned(), context, d),
                        ("out".to_owned(), d, v),
                        ("value".to_owned(), d, 1),
                        ("value_bias".to_owned(), 1, 1),
                    ];
                    for l in 0..layers {
                        for (name, rows, cols) in [("qkv", d, 3 * d), ("o", d, d), ("up", d, 4 * d), ("down", 4 * d, d)]
                        {
                            names.push((format!("layers.{l}.{name}"), rows, cols));
                        }
                    }
                    let shapes: Vec<(usize, usize)> = names.iter().map(|(_, r, c)| (*r, *c)).collect();
                    let mut list = tensors(&shapes);
                    list.iter_mut().zip(names).for_each(|(t, (name, ..))| t.name = name);
                    let sizes = network::TransformerSizes { d, layers, heads, context };
                    let layout = network::transformer(&list, sizes, critic).unwrap();
                    let shape = Shape {
                        arms: 2,
                        lanes: 4,
                        groups: 3,
                        group: 5,
                        steps: task.horizon,
                        actions: v,
                        prompt_len: play.prompt_len(),
                        end_token: play.end_token() as usize,
                        params: 1000,
                        record: task.schema.stride,
                        active: 1,
                        critic,
                        columns: columns::ROW,
                        ..Shape::default()
                    };
                    let parts = parts(&shape, &layout, &task, confidence);
                    check(&parts.rollout());
                    check(&parts.forward(false));
                    parts.backward().iter().for_each(check);
                }
            }
        }
    }
}
