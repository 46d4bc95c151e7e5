//! The command line: what every command takes.

use clap::builder::{RangedU64ValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "goodhart", version, about = "Train on rewards, and see what they really pay for.")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Train every arm of an experiment over its seeds; print the verdict
    Run(Run),
    /// Run experiments and hold their claims against what was measured; exit 1 if one fails
    Check(Check),
    /// How often each alarm is right, measured on experiments; or the alarms that ring in a log of your own training
    Alarms(Alarms),
    /// How many seeds the differences between an experiment's arms need, from its first seeds
    Power(Power),
    /// Score episodes (JSON on standard input) with a reward program
    Score(Score),
    /// Show what is wrong with a reward program, or with every arm of an experiment; exit 1 on errors
    Lint(Lint),
    /// What the optimum of every arm's reward is worth, before any training
    Solve(Solve),
    /// Advantages of one case (JSON on standard input)
    Advantages,
    /// Loss and gradient of one case (JSON on standard input)
    Loss,
    /// The link of an experiment file
    Link { file: PathBuf },
    /// The experiment inside a link, as a file
    Show { link: String },
    /// Measure the engines
    Bench(Bench),
}

/// Which engine trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Whichever is faster here for this experiment, measured at start
    Auto,
    Cpu,
    Gpu,
}

/// Most threads of the CPU engine.
const MAX_THREADS: u64 = 256;

fn threads() -> impl TypedValueParser<Value = usize> {
    RangedU64ValueParser::<usize>::new().range(1..=MAX_THREADS)
}

#[derive(Args)]
pub struct Run {
    /// An experiment file (TOML or JSON) or a link
    #[arg(value_name = "FILE|LINK")]
    pub source: String,
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    pub engine: Engine,
    /// Length of the run, instead of the experiment's own
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub updates: Option<u32>,
    /// Repetitions of every arm, instead of the experiment's own
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seeds: Option<u32>,
    /// Folder for metrics.jsonl and summary.json
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Threads of the CPU engine; all cores by default. The numbers do not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = threads())]
    pub threads: Option<usize>,
}

#[derive(Args)]
pub struct Check {
    /// Experiment files, or folders of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub files: Vec<PathBuf>,
    /// The CPU engine is bit-exact and trains all experiments at once
    #[arg(long, value_enum, default_value_t = Engine::Cpu)]
    pub engine: Engine,
    /// Repetitions of every arm, instead of the experiment's own
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seeds: Option<u32>,
    /// The first seed, instead of the experiment's own. Thresholds are tuned on seeds from 0; seeds from 1000 are held
    /// out: what is measured on them is recorded beside the tuned numbers
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seeds_from: Option<u32>,
    /// Record the measured values and today's date in the files. Of a whole folder they are always recorded in its
    /// outcomes.json, and docs/results.md is written beside it
    #[arg(long)]
    pub write: bool,
}

#[derive(Args)]
pub struct Alarms {
    /// Experiment files, or folders of them; or one log of a training: CSV, JSON lines or trainer_state.json
    #[arg(required = true, value_name = "FILE|DIR|LOG")]
    pub files: Vec<PathBuf>,
    /// Repetitions of every arm of experiments; they are looked at in blocks of 4
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "column")]
    pub seeds: Option<u32>,
    /// Record what was measured beside the rules, and write docs/alarms.md; for one whole folder
    #[arg(long, conflicts_with = "column")]
    pub write: bool,
    /// A log's own name for a column, as TRL calls it: --column reward=my_reward. Can be given several times
    #[arg(long, value_name = "NAME=THEIRS")]
    pub column: Vec<String>,
}

#[derive(Args)]
pub struct Power {
    /// An experiment file (TOML or JSON) or a link
    #[arg(value_name = "FILE|LINK")]
    pub source: String,
    /// The metric whose end is compared, by its public name
    #[arg(long, value_name = "NAME", default_value = "true_score")]
    pub metric: String,
    /// The size of the difference that matters, in the metric's unit; the measured one by default
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    pub difference: Option<f64>,
    /// Seeds to plan from, instead of the experiment's first ones
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seeds: Option<u32>,
    /// Length of the run, instead of the experiment's own
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub updates: Option<u32>,
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    pub engine: Engine,
}

#[derive(Args)]
pub struct Score {
    /// The reward program
    #[arg(long, value_name = "P.py")]
    pub program: PathBuf,
    #[arg(long, value_enum, default_value_t = ScoreEngine::Cpu)]
    pub engine: ScoreEngine,
}

/// Which engine scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScoreEngine {
    Cpu,
    Gpu,
}

#[derive(Args)]
pub struct Lint {
    /// An experiment file (TOML or JSON) or a link: what its arms say, and what they pay for
    #[arg(value_name = "FILE|LINK", required_unless_present = "program", conflicts_with = "program")]
    pub source: Option<String>,
    /// A reward program alone: what it says
    #[arg(long, value_name = "P.py")]
    pub program: Option<PathBuf>,
    /// The task whose fields the program may use; without it, every task is tried
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
}

#[derive(Args)]
pub struct Solve {
    /// An experiment file (TOML or JSON) or a link
    #[arg(value_name = "FILE|LINK")]
    pub source: String,
    /// The whole reports and the distances, as JSON
    #[arg(long)]
    pub json: bool,
    /// Whose instance of the task is solved: the run's n-th seed, from 0
    #[arg(long, default_value_t = 0)]
    pub seed: u32,
}

#[derive(Args)]
pub struct Bench {
    /// One JSON array instead of tables
    #[arg(long)]
    pub json: bool,
    /// A moment for each bench and no sweep over lanes: a check that the bench works, not a measurement
    #[arg(long)]
    pub quick: bool,
    /// Only the engine named (auto: both)
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    pub engine: Engine,
    /// Only the benches whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// After how many steps and how long PPO solves CartPole, MountainCar, FrozenLake, CliffWalking and Taxi
    #[arg(long, conflicts_with = "engine")]
    pub solve: bool,
}
