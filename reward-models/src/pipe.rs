//! The edge to a pipe: every message is its length in bytes, four of them, and then its bytes.

use goodhart_core::protocol::wire;
use goodhart_core::protocol::{TrainingCommand, TrainingEvent};
use goodhart_reward_models::{Devices, Progress};
use pollster::block_on;
use std::io::{Error, ErrorKind, Read, Result, Write};

/// Most bytes of a message that is taken for one.
const MOST: usize = 1 << 28;

/// Serves trainings until the input ends.
///
/// Errors: input that is no message, a pipe that is closed.
pub fn serve(input: &mut impl Read, output: &mut impl Write) -> Result<()> {
    say(output, &TrainingEvent::Started)?;
    let mut cpu = Devices::cpu();
    let mut both = None;
    while let Some(bytes) = message(input)? {
        let command = wire::decode(&bytes).map_err(|e| Error::new(ErrorKind::InvalidData, e.to_string()))?;
        let TrainingCommand::Train { id, gpu, job } = command;
        let devices = if gpu { both.get_or_insert_with(|| block_on(Devices::with_gpu(false))) } else { &mut cpu };
        let mut closed = Ok(());
        let tell = async |p: Progress| {
            if closed.is_ok() {
                closed = say(output, &TrainingEvent::Progress { id, step: p.step, of: p.of });
            }
        };
        let trained = block_on(devices.train(&job, tell));
        closed?;
        say(
            output,
            &match trained {
                Ok((weights, on)) => TrainingEvent::Trained { id, weights, on },
                Err(fault) => TrainingEvent::Failed { id, message: fault.to_string() },
            },
        )?;
    }
    Ok(())
}

fn say(output: &mut impl Write, event: &TrainingEvent) -> Result<()> {
    let bytes = wire::encode(event);
    output.write_all(&(bytes.len() as u32).to_le_bytes())?;
    output.write_all(&bytes)?;
    output.flush()
}

/// The next message; None at the end of the input.
fn message(input: &mut impl Read) -> Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MOST {
        return Err(Error::new(ErrorKind::InvalidData, "the input is no message"));
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}
