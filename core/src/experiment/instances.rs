//! Instances of a task: which tables, which map, which knowledge of the base policy a seed of a run has.

use super::{Experiment, Part, RunParams};
use crate::params::ParamValue;
use crate::reward::task::TABLE_SEED;
use crate::tasks;

impl RunParams {
    /// The most instances that the seeds of the run can have of a task.
    pub fn instances_of(&self, part: &Part) -> usize {
        match (spread(part), self.instances) {
            (None, _) => 1,
            (Some(_), 0) => self.seeds as usize,
            (Some(_), n) => n.min(self.seeds) as usize,
        }
    }

    /// The task of the seed with that index: its instance is as many after the part's own as the seed's number, or the rest
    /// of that number by `instances`, so that other seeds are other instances too. A part that its table refuses stays.
    pub fn instance_of(&self, part: &Part, index: usize) -> Part {
        let mut own = part.clone();
        let first = part.params.get(TABLE_SEED).map_or(Some(0), u32::from_value);
        if let (Some(instances), Some(first)) = (spread(part), first) {
            if first >= instances {
                return own;
            }
            let seed = self.first_seed + index as u32;
            let after = if self.instances == 0 { seed } else { seed % self.instances };
            own.params.insert(TABLE_SEED.into(), ((first + after) % instances).to_value());
        }
        own
    }
}

/// How many instances there are of a task, if it has any.
fn spread(part: &Part) -> Option<u32> {
    let table = tasks::table(&part.kind, &part.params);
    let spec = table.iter().find(|spec| spec.name == TABLE_SEED)?;
    Some(spec.max as u32 + 1)
}

impl Experiment {
    /// The experiment with the seed of that index alone.
    pub fn of_seed(&self, index: u32) -> Self {
        let mut own = self.clone();
        let first = own.run.get("first_seed").and_then(u32::from_value).unwrap_or(0);
        own.run.insert("first_seed".into(), (first.saturating_add(index)).to_value());
        own.run.insert("seeds".into(), 1u32.to_value());
        own
    }
}
