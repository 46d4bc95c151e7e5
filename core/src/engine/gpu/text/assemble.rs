//! The text of a stage: sizes as constants, then the pieces that its row names, then the stage's own file.

use super::network::{Layout, Network};
use super::past_samples::Ring;
use super::pieces::Piece;
use super::programs::{program_text, run_constants};
use super::reward_models;
use super::sizes::Sizes;
use super::stages::{Aliases, Needs, StageRow, rows_of, shader};
use crate::algorithm;
use crate::algorithm::inference::Answer;
use crate::algorithm::shader::LaneStats;
use crate::engine::gpu::device::GpuError;
use crate::episode_fields::confidence::Confidence;
use crate::episode_fields::exploration::Exploration;
use crate::layout::At;
use crate::math::rng;
use crate::metrics::columns;
use crate::reward::Program;
use crate::reward_models::RewardModels;

/// A stage with its complete text.
#[derive(Clone, Debug)]
pub struct Source {
    pub row: &'static StageRow,
    pub text: String,
    /// Buffers that stand in for the ones that the text names: (name in the text, buffer).
    pub aliases: &'static [(&'static str, &'static str)],
    /// The entry of `jobs` that the text reads as `job`.
    pub job: u32,
}

/// What the texts of a run are made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub sizes: &'a Sizes,
    pub layout: &'a Layout,
    /// The task's shader twin.
    pub task: &'a str,
    /// The reward models that the experiment learns.
    pub models: Option<&'a RewardModels>,
    pub exploration: Option<&'a Exploration>,
    pub confidence: Confidence,
    pub answer: Answer,
    /// The ring of past samples, if an arm has asked for one.
    pub ring: Option<Ring>,
}

/// Places in a metric row and among the numbers that reward programs see.
fn metric_constants() -> String {
    columns::wgsl() + &run_constants()
}

impl Parts<'_> {
    /// Whether this run has what a stage needs, but for the slow loop and past samples, which edits may ask for.
    fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Exploration => self.exploration.is_some(),
            Needs::RewardModels => self.models.is_some(),
            Needs::LargeGroups => self.sizes.infers(),
            Needs::Splits => self.layout.splits > 1,
            Needs::SlowLoop | Needs::PastSamples => false,
        }
    }

    /// The stages of an update in their order, but for those of the slow loop and of past samples.
    pub fn stages(&self, programs: &[&Program]) -> Result<Vec<Source>, GpuError> {
        self.assemble(|needs| self.has(needs), programs)
    }

    /// The stages that only this need brings.
    pub fn stages_for(&self, needs: Needs) -> Result<Vec<Source>, GpuError> {
        self.assemble(|own| own == needs, &[])
    }

    /// The stages of the reward programs: `score` and `combine`.
    pub fn judges(&self, programs: &[&Program]) -> Result<Vec<Source>, GpuError> {
        let all = rows_of(&self.layout.network, |needs| needs == Needs::Nothing);
        let own = all.into_iter().filter(|(row, _)| row.pieces.contains(&Piece::Programs));
        let text = program_text(programs);
        own.map(|(row, job)| self.source(row, job, &text)).collect()
    }

    fn assemble(&self, has: impl Fn(Needs) -> bool, programs: &[&Program]) -> Result<Vec<Source>, GpuError> {
        let text = program_text(programs);
        rows_of(&self.layout.network, has).into_iter().map(|(row, job)| self.source(row, job, &text)).collect()
    }

    /// The complete text of a row; `programs` is that of the reward programs.
    ///
    /// Errors: a row whose pieces this run has not.
    fn source(&self, row: &'static StageRow, job: u32, programs: &str) -> Result<Source, GpuError> {
        let mut text = self.sizes.wgsl();
        if row.pieces.contains(&Piece::Net) {
            text += &self.layout.wgsl();
        }
        text += &At::wgsl();
        for piece in row.pieces {
            text += &self.piece(*piece, row, programs)?;
            text.push('\n');
        }
        // The formulas of `algorithm/` end in the stage's own file.
        if !row.pieces.contains(&Piece::Algorithm) {
            text += row.text;
        }
        let aliases: &[_] = match row.aliases {
            Aliases::None => &[],
            Aliases::Of(aliases) => aliases,
            Aliases::PartialsAreGrads if self.layout.splits == 1 => &[("partials", "grads")],
            Aliases::PartialsAreGrads => &[],
        };
        Ok(Source { row, text, aliases, job })
    }

    fn piece(&self, piece: Piece, row: &StageRow, programs: &str) -> Result<String, GpuError> {
        let lacks = |what: &str| GpuError::Unsupported(format!("the stage {} without {what}", row.name));
        let transformer = matches!(self.layout.network, Network::Transformer { .. });
        Ok(match piece {
            Piece::Net => shader!("common/maths.wgsl").into(),
            Piece::Policy => match self.layout.network {
                Network::Table => shader!("policy/table.wgsl"),
                Network::Mlp { .. } => shader!("policy/mlp.wgsl"),
                Network::Transformer { .. } => shader!("policy/transformer.wgsl"),
            }
            .into(),
            Piece::Layers => shader!("policy/transformer_layers.wgsl").into(),
            Piece::Dlogit => shader!("common/dlogit.wgsl").into(),
            Piece::NormBackward => shader!("common/norm_backward.wgsl").into(),
            Piece::LayerBlock => shader!("common/layer_block.wgsl").into(),
            Piece::Rng => rng::wgsl(),
            Piece::Task => self.task.into(),
            Piece::Slots => {
                let own = self.confidence.wgsl() + &self.answer.wgsl();
                let shared =
                    [shader!("common/record.wgsl"), shader!("common/vote.wgsl"), shader!("common/confidence.wgsl")];
                own + &shared.join("\n")
            }
            Piece::Note => self.note(),
            Piece::Memory => self.exploration.ok_or_else(|| lacks("an exploration memory"))?.wgsl(),
            Piece::Programs => programs.into(),
            Piece::Algorithm => {
                algorithm::shader::stage(row.name).ok_or_else(|| lacks("a formula in core/src/algorithm"))?
            }
            Piece::Settings => algorithm::shader::prelude(),
            Piece::Statistics => LaneStats::wgsl(),
            Piece::Models => reward_models::constants(self.models.ok_or_else(|| lacks("reward models"))?),
            Piece::Columns => metric_constants(),
            Piece::Reduce => shader!("common/reduce.wgsl").into(),
            Piece::Inference => shader!("common/inference.wgsl").into(),
            Piece::InferenceOfMeasure if self.sizes.infers() => shader!("common/inference_before.wgsl").into(),
            Piece::InferenceOfMeasure => {
                [shader!("common/inference.wgsl"), shader!("common/inference_here.wgsl")].concat()
            }
            Piece::Past => self.ring.ok_or_else(|| lacks("a ring of past samples"))?.wgsl(),
            Piece::PastInputs => {
                let inputs =
                    if transformer { shader!("common/past_tokens.wgsl") } else { shader!("common/past_steps.wgsl") };
                [shader!("common/past.wgsl"), inputs].concat()
            }
        })
    }

    /// What the rollout of a step task notes for the exploration memory: nothing without one.
    fn note(&self) -> String {
        let Some(memory) = self.exploration else {
            return "fn explore_note(s: ptr<function, TaskState>, t: u32) {}\n".into();
        };
        let own = self.task.contains("fn task_key(");
        let key = "fn task_key(s: ptr<function, TaskState>) -> u32 { return task_state_index(s); }\n";
        memory.wgsl() + if own { "" } else { key } + shader!("common/explore_note.wgsl")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::run::bindings;
    use crate::engine::gpu::text::stages::When;
    use crate::engine::gpu::text::{network, stage_texts};
    use crate::policy::Tensor;
    use crate::tasks::Play;

    fn tensors(shapes: &[(usize, usize)]) -> Vec<Tensor> {
        let mut offset = 0;
        let mut list = Vec::new();
        for (rows, cols) in shapes {
            list.push(Tensor { name: String::new(), offset, rows: *rows, cols: *cols });
            offset += rows * cols;
        }
        list
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

    fn check(name: &str, text: &str) {
        assert_eq!(mixed_logic(text), None, "{name}");
        let module =
            naga::front::wgsl::parse_str(text).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(text)));
        let mut validator =
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::default());
        validator.validate(&module).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(text)));
        let found = bindings(text);
        let storage = found.iter().filter(|b| !b.uniform).count();
        assert!(storage <= 8, "{name} binds {storage} storage buffers");
        let bound = module.global_variables.iter().filter(|(_, v)| v.binding.is_some()).count();
        assert_eq!(bound, found.len(), "{name}: every binding must be found by its line");
    }

    /// The stages of a policy's passes over a task.
    fn check_passes(sizes: &Sizes, layout: &Layout, task: &crate::tasks::Task, confidence: Confidence) {
        let answer = Answer::of(&task.schema);
        let (models, exploration, ring) = (None, None, None);
        let parts = Parts { sizes, layout, task: task.twin.wgsl(), models, exploration, confidence, answer, ring };
        let rows = rows_of(&layout.network, |needs| parts.has(needs));
        let passes = rows.into_iter().filter(|(row, _)| {
            [When::Sample, When::Backward].contains(&row.when) || (row.when == When::Again && row.name == "forward")
        });
        for (row, job) in passes {
            check(row.name, &parts.source(row, job, "").unwrap().text);
        }
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
            for (name, text) in stage_texts(&plan, 6).unwrap() {
                check(name, &text);
                seen += 1;
            }
        }
        assert!(seen > 30);
    }

    /// The passes of every task, with the parameters that it has by default.
    #[test]
    fn every_stage_of_every_task_validates() {
        for (kind, critic) in crate::tasks::TASKS.iter().flat_map(|kind| [(kind.name, false), (kind.name, true)]) {
            let mut task = crate::tasks::build(kind, &Default::default()).unwrap();
            let confidence = Confidence::attach(&mut task);
            let mut sizes = Sizes {
                arms: 2,
                lanes: 4,
                groups: 3,
                group: 5,
                steps: task.horizon,
                actions: task.n_actions,
                params: 1000,
                record: task.schema.stride,
                active: 1,
                dense: false,
                critic,
                columns: columns::ROW,
                ..Sizes::default()
            };
            match &task.play {
                Play::Steps(play) => {
                    let mut seen = play.observation();
                    sizes.dense = play.numbers() > 0;
                    if sizes.dense {
                        (seen.features, seen.active) = (play.numbers(), play.numbers());
                    }
                    let a = task.n_actions;
                    let prior = if play.has_prior() { a } else { 0 };
                    let mut table = tensors(&[(seen.states, a), (seen.states, 1)]);
                    let mut mlp = vec![(seen.features, 24), (1, 24), (24, 40), (1, 40), (40, a), (1, a)];
                    if critic {
                        mlp.extend([(40, 1), (1, 1)]);
                    } else {
                        table.pop();
                    }
                    let mut layouts = vec![
                        (1, network::table(&table, critic, prior).unwrap()),
                        (seen.active, network::mlp(&tensors(&mlp), false, critic, prior).unwrap()),
                        (seen.active, network::mlp(&tensors(&mlp), true, critic, prior).unwrap()),
                    ];
                    if sizes.dense {
                        // No table has rows for numbers.
                        layouts.remove(0);
                    }
                    for (active, layout) in &layouts {
                        sizes.active = *active;
                        check_passes(&sizes, layout, &task, confidence);
                    }
                }
                Play::Tokens(play) => {
                    (sizes.prompt_len, sizes.end_token) = (play.prompt_len(), play.end_token() as usize);
                    for (d, layers, heads) in [(16, 1, 2), (32, 2, 1), (128, 4, 16)] {
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
                            for (name, rows, cols) in
                                [("qkv", d, 3 * d), ("o", d, d), ("up", d, 4 * d), ("down", 4 * d, d)]
                            {
                                names.push((format!("layers.{l}.{name}"), rows, cols));
                            }
                        }
                        let shapes: Vec<(usize, usize)> = names.iter().map(|(_, r, c)| (*r, *c)).collect();
                        let mut list = tensors(&shapes);
                        list.iter_mut().zip(names).for_each(|(t, (name, ..))| t.name = name);
                        let network = network::TransformerSizes { d, layers, heads, context };
                        let layout = network::transformer(&list, network, critic).unwrap();
                        check_passes(&sizes, &layout, &task, confidence);
                    }
                }
            }
        }
    }
}
