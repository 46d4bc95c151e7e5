//! The process that trains reward models, one for each thread that needs one. It is a program of its own because burn,
//! which does the training, takes minutes to build and nothing else here needs it.

use goodhart_core::protocol::wire;
use goodhart_core::protocol::{TrainedOn, TrainingCommand, TrainingEvent};
use goodhart_core::reward_models::Job;
use std::cell::RefCell;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Most bytes of one answer: far more than the weights of the largest models.
const MAX_ANSWER: u32 = 256 << 20;

/// Where the program is, if it is not where a build of the repository puts it.
const VARIABLE: &str = "GOODHART_REWARD_MODELS";

thread_local! {
    static TRAINER: RefCell<Option<Trainer>> = const { RefCell::new(None) };
}

/// What a training came to.
type Answer = Result<(Vec<f32>, Option<TrainedOn>), String>;

/// A running process and its pipes.
struct Trainer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Drop for Trainer {
    /// It ends when its input does.
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The weights that a training gives, and where it ran: on a GPU only where `gpu` allows it and where it is faster there.
/// `tell` hears of every step.
///
/// Errors: no such program, or one that stops or speaks otherwise; what the training itself says.
pub fn train(job: &Job, gpu: bool, tell: &mut dyn FnMut(u32)) -> Answer {
    if job.is_empty() {
        return Ok((job.weights(), None));
    }
    TRAINER.with_borrow_mut(|slot| {
        let mut trainer = match slot.take() {
            Some(trainer) => trainer,
            None => Trainer::start()?,
        };
        let trained = trainer.train(job, gpu, tell)?;
        *slot = Some(trainer);
        trained
    })
}

impl Trainer {
    fn start() -> Result<Self, String> {
        let program = find()?;
        let mut command = Command::new(&program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A terminal's Ctrl-C is for this program, which ends the other when it is done.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", program.display()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{} has no pipes", program.display()));
        };
        let mut trainer = Self { child, input: Some(input), output: BufReader::new(output) };
        match trainer.hear()? {
            TrainingEvent::Started => Ok(trainer),
            _ => Err(format!("{} is of another build than this program", program.display())),
        }
    }

    /// The outer error is the process's, the inner one the training's.
    fn train(&mut self, job: &Job, gpu: bool, tell: &mut dyn FnMut(u32)) -> Result<Answer, String> {
        let bytes = wire::encode(&TrainingCommand::Train { id: 0, gpu, job: Box::new(job.clone()) });
        let input = self.input.as_mut().ok_or("the process that trains reward models has ended")?;
        let length = (bytes.len() as u32).to_le_bytes();
        input.write_all(&length).and_then(|()| input.write_all(&bytes)).and_then(|()| input.flush()).map_err(ended)?;
        loop {
            match self.hear()? {
                TrainingEvent::Progress { step, .. } if step > 0 => tell(step),
                // Which device trains faster is being measured.
                TrainingEvent::Progress { .. } => {}
                TrainingEvent::Trained { weights, on, .. } => return Ok(Ok((weights, Some(on)))),
                TrainingEvent::Failed { message, .. } => return Ok(Err(message)),
                TrainingEvent::Started => {}
            }
        }
    }

    fn hear(&mut self) -> Result<TrainingEvent, String> {
        let mut length = [0; 4];
        self.output.read_exact(&mut length).map_err(ended)?;
        let length = u32::from_le_bytes(length);
        if length > MAX_ANSWER {
            return Err(format!("the process that trains reward models speaks of {length} bytes at once"));
        }
        let mut bytes = vec![0; length as usize];
        self.output.read_exact(&mut bytes).map_err(ended)?;
        wire::decode(&bytes).map_err(|e| e.to_string())
    }
}

fn ended(e: std::io::Error) -> String {
    format!("the process that trains reward models has ended ({e})")
}

/// The program: where the variable says, beside this one, or where `cargo xtask` builds it.
fn find() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return Ok(path.into());
    }
    let name = format!("goodhart-reward-models{}", std::env::consts::EXE_SUFFIX);
    let own = std::env::current_exe().map_err(|e| format!("this program does not know where it is: {e}"))?;
    let folder = own.parent().map(PathBuf::from).unwrap_or_default();
    let built = folder.join("../reward-models/release");
    let found = [folder, built].into_iter().map(|folder| folder.join(&name)).find(|path| path.is_file());
    found.ok_or_else(|| {
        "this experiment learns reward models, which takes a program of its own: build it with `cargo build --release \\
         --manifest-path reward-models/Cargo.toml --target-dir target/reward-models`"
            .into()
    })
}
