//! What the dice of a step decide, for the oracle: every face of every die in turn, with its probability.

use crate::reward::task::{Dice, Face, MAX_STATE, Machine, Memory, TaskProgram, World};
use crate::tasks::State;

/// Most ways in which the dice of a step can fall.
const MAX_WAYS: usize = 4096;

/// All ways in which a step can go: probability, state after it, whether the episode is over. None where a die has no faces
/// that could be counted, or they are too many.
pub fn of(
    program: &TaskProgram,
    world: &[u32],
    machine: &mut Machine,
    action: u32,
    state: &State,
) -> Option<Vec<(f64, State, bool)>> {
    let mut ways = Vec::new();
    let mut fallen: Vec<Face> = Vec::new();
    let step = &program.entries.step;
    let mut record = vec![0.0; program.schema.stride];
    loop {
        let mut after = *state;
        record.fill(0.0);
        record[..program.blank_record.len()].copy_from_slice(&program.blank_record);
        let mut dice = Dice::told(fallen);
        let states = std::slice::from_mut::<[u32; MAX_STATE]>(&mut after);
        let memory = Memory::alone(states, &mut record, World::Made(world));
        machine.call(program, step, memory, &mut dice, &[action], 0);
        let ends = !step.results.is_empty() && machine.result(program, step, 0)[0] != 0;
        fallen = dice.fallen()?;
        ways.push((fallen.iter().map(Face::probability).product(), after, ends || machine.errors[0] != 0));
        if ways.len() > MAX_WAYS || !Face::next(&mut fallen) {
            break;
        }
    }
    ways.retain(|way: &(f64, State, bool)| way.0 > 0.0);
    (ways.len() <= MAX_WAYS).then_some(ways)
}
