//! What the dice of a step decide, for the oracle: every face of every die in turn, with its probability.

use super::play::Program;
use crate::reward::task::{Dice, Face, MAX_STATE, Memory, World};
use crate::tasks::State;

/// Most ways in which the dice of a step can fall.
const MAX_WAYS: usize = 4096;

/// All ways in which a step can go. None where its dice are none, or have no faces that could be counted.
pub fn of(task: &Program, action: u32, state: &State) -> Option<Vec<(f64, State, bool)>> {
    let mut ways = Vec::new();
    let mut fallen: Vec<Face> = Vec::new();
    let mut record = vec![0.0; task.program.schema.stride];
    loop {
        let mut after = *state;
        record.fill(0.0);
        record[..task.program.blank_record.len()].copy_from_slice(&task.program.blank_record);
        let mut dice = Dice::told(fallen);
        let over = task.with_machine(|machine| {
            let (stride, samples) = (record.len(), [0]);
            let states = std::slice::from_mut::<[u32; MAX_STATE]>(&mut after);
            let world = World::Made(task.world());
            let memory = Memory { records: &mut record, stride, states, world, samples: &samples };
            machine.call(&task.program, &task.program.entries.step, memory, &mut dice, &[action], 0);
            let entry = &task.program.entries.step;
            let ends = !entry.results.is_empty() && machine.result(&task.program, entry, 0)[0] != 0;
            ends || machine.errors[0] != 0
        });
        fallen = dice.fallen()?;
        ways.push((fallen.iter().map(Face::probability).product(), after, over));
        if ways.len() > MAX_WAYS || !Face::next(&mut fallen) {
            break;
        }
    }
    ways.retain(|way: &(f64, State, bool)| way.0 > 0.0);
    (ways.len() <= MAX_WAYS).then_some(ways)
}
