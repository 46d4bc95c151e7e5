//! An experiment made ready to run: every name looked up, every value checked, every reward program compiled. Both
//! engines start from a `Plan`; what is wrong with an experiment is a list of problems, each with its place.

mod arm;
pub mod cost;
mod run_fields;

pub use arm::PlannedArm;
pub use run_fields::{RUN_FIELDS, RunField, run_schema};

use crate::algorithm::settings::Estimator;
use crate::algorithm::{Settings, conflict};
use crate::episode_fields::confidence::Confidence;
use crate::episode_fields::exploration::Exploration;
use crate::experiment::{Base, Experiment, MAX_ARMS, Part, RunParams};
use crate::params::{Overrides, ParamError, ParamSpec, Params, Value, check, shown};
use crate::policy::{self, Interface, PolicyKind};
use crate::reward::{self, Program, Severity};
use crate::reward_models::RewardModels;
use crate::tasks::{self, Play, Task};
use cost::{Cost, MOST_BYTES, Parts};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most samples of a lane's batch.
pub const MAX_SAMPLES: usize = 65_536;

/// Something wrong with an experiment: where (such as "arm \"LP\"" or "task"), and one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{place}: {message}")]
pub struct Problem {
    pub place: String,
    pub message: String,
}

impl Problem {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

fn problems(place: &str, errors: Vec<ParamError>) -> Vec<Problem> {
    errors.into_iter().map(|e| Problem::new(place, e.message)).collect()
}

/// A whole experiment, ready.
#[derive(Clone)]
pub struct Plan {
    /// The task of the run's first seed: what all of its instances share, such as the schema, is read here.
    pub task: Arc<Task>,
    /// The instances of the task, dealt among the seeds in turn.
    pub instances: Arc<[Arc<Task>]>,
    pub policy: &'static PolicyKind,
    pub policy_params: Overrides,
    pub interface: Interface,
    pub run: RunParams,
    pub base: Option<Base>,
    /// What the experiment learns reward models from, if it does.
    pub reward_models: Option<RewardModels>,
    /// The task of each instance as those have it who write the answers that reward models are first trained on; empty: as
    /// the run has it.
    writers: Arc<[Arc<Task>]>,
    pub exploration: Option<Exploration>,
    pub confidence: Confidence,
    pub arms: Arc<[PlannedArm]>,
    /// What an update and the run cost.
    pub cost: Cost,
    algorithm: Overrides,
}

impl Plan {
    /// Samples of a lane's batch: groups x num_generations.
    pub fn n_samples(&self) -> usize {
        self.interface.n_samples
    }

    /// Samples of a group.
    pub fn group(&self) -> usize {
        self.run.num_generations as usize
    }

    /// Most steps of a sample.
    pub fn steps(&self) -> usize {
        self.task.horizon
    }

    /// Whether the value head is asked about the states behind the last steps of episodes that the horizon cut off.
    pub fn bootstraps(&self) -> bool {
        self.interface.critic && matches!(&self.task.play, Play::Steps(task) if task.can_go_on())
    }

    /// The seed of the generator for the i-th seed of the run.
    pub fn seed(&self, index: usize) -> u32 {
        self.run.first_seed + index as u32
    }

    /// The number of the instance of the task that the i-th seed of the run has.
    pub fn instance(&self, index: usize) -> usize {
        index % self.instances.len()
    }

    /// The number of the base policy that the i-th seed of the run starts from.
    pub fn base_of(&self, index: usize) -> u32 {
        self.base.as_ref().map_or(0, |base| base.number_of(self.seed(index)))
    }

    /// The plan as the i-th seed of the run has it: with its own instance of the task.
    pub fn of_seed(self: &Arc<Self>, index: usize) -> Arc<Self> {
        let task = &self.instances[self.instance(index)];
        if Arc::ptr_eq(task, &self.task) {
            self.clone()
        } else {
            Arc::new(Self { task: task.clone(), ..(**self).clone() })
        }
    }

    /// The plan as the writer of the i-th seed's first training data has it.
    pub fn writer(self: &Arc<Self>, index: usize) -> Arc<Self> {
        match self.writers.get(self.instance(index)) {
            Some(task) => Arc::new(Self { task: task.clone(), ..(**self).clone() }),
            None => self.of_seed(index),
        }
    }

    /// Compiles a new program for an arm; the sentence says why it cannot be used.
    pub fn compile(&self, code: &str) -> Result<Program, String> {
        compile(code, &self.task)
    }

    /// Settings of an arm from a diff against the experiment's algorithm.
    pub fn settings(&self, diff: &Overrides) -> Result<Settings, String> {
        let settings = Settings::resolve(&[&self.algorithm, diff]).map_err(|e| join(&problems("settings", e)))?;
        if settings.estimator == Estimator::Gae && !self.interface.critic {
            return Err("the estimator gae needs a value head, which this run has not: start it anew".into());
        }
        if let Some(message) = conflict(&settings) {
            return Err(message);
        }
        Ok(settings)
    }
}

/// Most problems that one text says.
const MAX_SAID: usize = 8;

/// Several problems as one text; of very many, the first ones and how many more there are.
pub fn join(problems: &[impl ToString]) -> String {
    let mut said: Vec<_> = problems.iter().take(MAX_SAID).map(ToString::to_string).collect();
    if problems.len() > MAX_SAID {
        said.push(format!("and {} more", problems.len() - MAX_SAID));
    }
    said.join("; ")
}

fn compile(code: &str, task: &Task) -> Result<Program, String> {
    let compiled = reward::compile(code, &task.schema, &run_schema());
    let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    match (compiled.program, errors.first()) {
        (Some(program), None) => Ok(program),
        (_, Some(first)) => {
            let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
            let hint = first.suggestion.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
            Err(format!("line {}: {}{hint}{more}", first.line, first.message))
        }
        (None, None) => Err("the program does not compile".into()),
    }
}

/// A task as the reward programs of an experiment see it, and what adds fields to its episodes.
pub struct Built {
    pub task: Task,
    pub reward_models: Option<RewardModels>,
    pub exploration: Option<Exploration>,
    pub confidence: Confidence,
}

/// The task of an experiment, with the fields that its learned reward models, its exploration memory and the policy's
/// confidence add to an episode.
pub fn build_task(part: &Part, models: Option<&Overrides>, memory: Option<&Overrides>) -> Result<Built, Vec<Problem>> {
    let mut task = tasks::build(&part.kind, &part.params).map_err(|e| problems("task", e))?;
    let models = models.map(|section| RewardModels::attach(section, &mut task));
    let reward_models = models.transpose().map_err(|e| problems("reward_models", e))?;
    let memory = memory.map(|section| Exploration::attach(section, &mut task));
    let exploration = memory.transpose().map_err(|e| problems("exploration", e))?;
    let confidence = Confidence::attach(&mut task);
    Ok(Built { task, reward_models, exploration, confidence })
}

/// Looks everything up and checks it; reports all problems at once.
pub fn plan(experiment: &Experiment) -> Result<Plan, Vec<Problem>> {
    let mut plan = plan_of_first_seed(experiment)?;
    let instances = plan.run.instances_of(&experiment.task);
    let parts = (1..instances).map(|index| plan.run.instance_of(&experiment.task, index));
    let built = |part: Part| build_task(&part, experiment.reward_models.as_ref(), experiment.exploration.as_ref());
    let others = parts.map(|part| Ok(Arc::new(built(part)?.task))).collect::<Result<Vec<_>, Vec<Problem>>>()?;
    let writers =
        (0..instances).map(|index| writer(experiment, &plan, index)).collect::<Result<Option<Vec<_>>, _>>()?;
    plan.writers = writers.unwrap_or_default().into();
    plan.instances = std::iter::once(plan.task.clone()).chain(others).collect();
    Ok(plan)
}

/// The task of an instance with the settings of whoever writes the first training data of the reward models; None: as the
/// run has it.
fn writer(experiment: &Experiment, plan: &Plan, index: usize) -> Result<Option<Arc<Task>>, Vec<Problem>> {
    let settings = plan.reward_models.as_ref().map(|models| models.params.writer.trim()).unwrap_or_default();
    if settings.is_empty() {
        return Ok(None);
    }
    let refused = |message: String| vec![Problem::new("reward_models", message)];
    let mut part = plan.run.instance_of(&experiment.task, index);
    for setting in settings.split(',') {
        let parsed = setting.split_once('=').and_then(|(name, x)| Some((name.trim(), x.trim().parse::<f64>().ok()?)));
        let (name, x) = parsed
            .ok_or_else(|| refused(format!("writer has settings such as skill = 2, not \"{}\"", shown(setting))))?;
        part.params.insert(name.into(), Value::Number(x));
    }
    let built = build_task(&part, experiment.reward_models.as_ref(), experiment.exploration.as_ref());
    let built = built.map_err(|e| refused(format!("writer: {}", e[0].message)))?;
    let shape = |task: &Task| (task.n_actions, task.horizon, task.schema.stride);
    if shape(&built.task) != shape(&plan.task) {
        return Err(refused("writer may not change the sizes of the task".into()));
    }
    Ok(Some(Arc::new(built.task)))
}

/// The same with no instance of the task but that of the run's first seed, for those who ask whether an experiment can run
/// and what it costs: instances share their sizes.
pub fn plan_of_first_seed(experiment: &Experiment) -> Result<Plan, Vec<Problem>> {
    let mut wrong = Vec::new();
    let run = RunParams::resolve(&[&experiment.run]).map_err(|e| wrong.extend(problems("run", e))).ok();
    let part = run.as_ref().map_or_else(|| experiment.task.clone(), |run| run.instance_of(&experiment.task, 0));
    let built = build_task(&part, experiment.reward_models.as_ref(), experiment.exploration.as_ref());
    let built = built.map_err(|e| wrong.extend(e)).ok();
    if experiment.arms.is_empty() || experiment.arms.len() > MAX_ARMS {
        let count = experiment.arms.len();
        wrong.push(Problem::new("arms", format!("an experiment has 1 to {MAX_ARMS} arms, this one has {count}")));
    }
    let mut settings = Vec::new();
    for (i, arm) in experiment.arms.iter().enumerate() {
        let place = format!("arm \"{}\"", arm.name);
        if experiment.arms[..i].iter().any(|other| other.name == arm.name) {
            wrong.push(Problem::new(&place, "another arm has the same name"));
        }
        match Settings::resolve(&[&experiment.algorithm, &arm.algorithm]) {
            Ok(s) => {
                wrong.extend(conflict(&s).map(|message| Problem::new(&place, message)));
                settings.push(s);
            }
            Err(e) => wrong.extend(problems(&place, e)),
        }
    }
    let (Some(run), Some(built)) = (run, built) else { return Err(wrong) };
    let Built { task, reward_models, exploration, confidence } = built;

    let mut programs = Vec::new();
    for arm in &experiment.arms {
        match compile(&arm.code, &task) {
            Ok(program) => programs.push(program),
            Err(message) => wrong.push(Problem::new(format!("arm \"{}\"", arm.name), message)),
        }
    }
    if wrong.is_empty() {
        for ((arm, s), program) in experiment.arms.iter().zip(&settings).zip(&programs) {
            if s.outer_every > 0 && program.has_combine() {
                let message = "outer_every moves the weights of the components, and combine does not use them";
                wrong.push(Problem::new(format!("arm \"{}\"", arm.name), message));
            }
        }
    }
    let n_samples = run.groups as usize * run.num_generations as usize;
    if n_samples > MAX_SAMPLES {
        wrong.push(Problem::new("run", format!("groups x num_generations is {n_samples}, more than {MAX_SAMPLES}")));
    }
    if let Some(s) = settings.iter().find(|s| s.num_minibatches as usize > n_samples) {
        let wanted = s.num_minibatches;
        wrong.push(Problem::new("algorithm", format!("{wanted} minibatches of {n_samples} samples would be empty")));
    }
    let critic = settings.iter().any(|s| s.estimator == Estimator::Gae);
    let interface = interface(&task, &run, critic);
    let policy = policy::POLICIES.iter().find(|p| p.name == experiment.policy.kind);
    let mut size = None;
    match policy {
        None => {
            let names: Vec<_> = policy::POLICIES.iter().map(|p| p.name).collect();
            let message = format!("there is no policy \"{}\"; there are {}", experiment.policy.kind, names.join(", "));
            wrong.push(Problem::new("policy", message));
        }
        Some(kind) => {
            let writes = matches!(task.play, Play::Tokens(_));
            if writes != (kind.name == "transformer") {
                let (what, use_) =
                    if writes { ("writes tokens", "transformer") } else { ("takes steps", "table or mlp") };
                let message = format!("the task {} {what}: its policy is {use_}, not {}", task.kind, kind.name);
                wrong.push(Problem::new("policy", message));
            } else {
                match kind.size(&experiment.policy.params, &interface) {
                    Ok(found) => size = Some(found),
                    Err(e) => wrong.extend(problems("policy", e)),
                }
            }
        }
    }
    if experiment.base.as_ref().is_some_and(|b| b.steps > 0) {
        match &task.play {
            Play::Steps(_) => {
                wrong.push(Problem::new("base", "only a task that writes tokens has demonstrations to start from"));
            }
            Play::Tokens(play) if !play.has_demonstrations() => {
                let message = "the task has no function `demonstration` whose examples a base policy could learn from";
                wrong.push(Problem::new("base", message));
            }
            Play::Tokens(_) => {}
        }
    }
    if let Some(base) = &experiment.base {
        let refused = |spec: &ParamSpec| check(spec, &base.get(spec.name)?).err();
        wrong.extend(problems("base", Base::TABLE.iter().filter_map(refused).collect()));
    }
    let (Some(policy), Some(size), true) = (policy, size, wrong.is_empty()) else { return Err(wrong) };
    let arms: Vec<PlannedArm> = experiment
        .arms
        .iter()
        .zip(settings)
        .zip(programs)
        .map(|((arm, settings), program)| PlannedArm { name: arm.name.clone(), settings, program })
        .collect();
    let base = experiment.base.clone().filter(|b| b.steps > 0);
    let cost = Cost::new(&Parts {
        task: &task,
        run: &run,
        interface: &interface,
        size,
        arms: &arms,
        reward_models: reward_models.as_ref(),
        exploration: exploration.as_ref(),
        bases: base.as_ref().map_or(0, |base| base.numbers(&run).len()),
    });
    if cost.bytes_at_start() > MOST_BYTES {
        return Err(vec![Problem::new("run", cost.too_large(MOST_BYTES))]);
    }
    let task = Arc::new(task);
    let plan = Plan {
        instances: [task.clone()].into(),
        task,
        policy,
        policy_params: experiment.policy.params.clone(),
        interface,
        run,
        base,
        reward_models,
        writers: [].into(),
        exploration,
        confidence,
        arms: arms.into(),
        cost,
        algorithm: experiment.algorithm.clone(),
    };
    writer(experiment, &plan, 0)?;
    Ok(plan)
}

fn interface(task: &Task, run: &RunParams, critic: bool) -> Interface {
    let n_groups = run.groups as usize;
    let n_samples = n_groups * run.num_generations as usize;
    let (features, active, states, prompt_len) = match &task.play {
        Play::Steps(t) if t.numbers() > 0 => (t.numbers(), t.numbers(), 0, 0),
        Play::Steps(t) => {
            let o = t.observation();
            (o.features, o.active, o.states, 0)
        }
        Play::Tokens(t) => (0, 0, 0, t.prompt_len()),
    };
    let dense = matches!(&task.play, Play::Steps(t) if t.numbers() > 0);
    Interface {
        n_actions: task.n_actions,
        features,
        active,
        dense,
        states,
        prompt_len,
        horizon: task.horizon,
        critic,
        n_samples,
        n_groups,
    }
}
