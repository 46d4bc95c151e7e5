//! What a program pays for the completions of a tree, by all that it reads of their records.

use super::tree::{Ground, Tree};
use crate::engine::WatchedBatch;
use crate::oracle::paid::{differ, pay, rewards, run_values};
use crate::oracle::{discount, needs_a_run};
use crate::plan::{Plan, PlannedArm};
use crate::reward::Reads;
use crate::tasks::{DrawKey, TokenTask};
use std::collections::BTreeMap;

/// Kinds of records whose payments are remembered.
const REMEMBERED: usize = 50_000;

/// The completions of a tree as they are written.
pub(super) struct Written {
    /// [leaves][stride]
    records: Vec<f32>,
    lengths: Vec<u32>,
    pub true_scores: Vec<f32>,
}

impl Written {
    pub fn new(plan: &Plan, task: &dyn TokenTask, tree: &Tree, ground: &Ground) -> Self {
        let (stride, width) = (plan.task.schema.stride, plan.interface.prompt_len);
        let mut records = vec![0.0; tree.leaves.len() * stride];
        let (mut lengths, mut true_scores, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        // Of what is drawn with it, only the verdict, every record has both.
        let key = DrawKey { seed: 0, update: 0, group: 0, sample: 0 };
        for (leaf, record) in tree.leaves.iter().zip(records.chunks_exact_mut(stride)) {
            tree.tokens(leaf, &mut tokens);
            let prompt = &ground.prompts[tree.prefixes[leaf.prefix as usize].prompt as usize * width..][..width];
            true_scores.push(task.finish(key, prompt, &tokens, leaf.token != ground.end, record));
            lengths.push(tokens.len() as u32);
        }
        Self { records, lengths, true_scores }
    }
}

/// What an arm's program pays.
pub(super) struct Payer {
    arm: usize,
    source: String,
    gamma: f64,
    /// Words of a record that it reads, and the verdict's if that is among them.
    slots: Vec<usize>,
    verdict: Option<usize>,
    /// Kinds of records that it was asked about, and the reward and discounted reward of each.
    known: BTreeMap<Vec<u32>, usize>,
    worth: Vec<[f64; 2]>,
    /// Why it is not known, once and for all.
    never: Option<String>,
}

impl Payer {
    pub fn new(index: usize, arm: &PlannedArm, plan: &Plan) -> Self {
        let (program, schema) = (&arm.program, &plan.task.schema);
        let reads = Reads::of(program, schema);
        Self {
            arm: index,
            source: program.source().into(),
            gamma: discount(&arm.settings),
            slots: reads.slots(schema),
            verdict: schema.get("correct").map(|f| f.offset).filter(|_| reads.has("correct")),
            known: BTreeMap::new(),
            worth: Vec::new(),
            never: needs_a_run(plan, program).map(String::from),
        }
    }

    /// Whether it knows this arm.
    pub fn is_of(&self, index: usize, arm: &PlannedArm) -> bool {
        self.arm == index && self.source == arm.program.source() && self.gamma == discount(&arm.settings)
    }

    /// Reward and discounted reward of every completion, expected over the verifier's mistakes; or why they are not known.
    pub fn pay(
        &mut self,
        plan: &Plan,
        task: &dyn TokenTask,
        arm: &PlannedArm,
        kept: &WatchedBatch,
        written: &Written,
    ) -> Result<Vec<[f64; 2]>, String> {
        if self.never.is_none() {
            self.never = looks_beyond(plan, arm, kept).map(String::from);
        }
        if let Some(why) = &self.never {
            return Err(why.clone());
        }
        if self.known.len() > REMEMBERED {
            self.known.clear();
            self.worth.clear();
        }
        let [false_positive, false_negative] = task.verifier().map(f64::from);
        let stride = plan.task.schema.stride;
        let (mut rows, mut records, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        let (mut record, mut key) = (vec![0.0; stride], Vec::new());
        for (i, source) in written.records.chunks_exact(stride).enumerate() {
            let right = if written.true_scores[i] >= 0.5 { 1.0 - false_negative } else { false_positive };
            let verdicts =
                if self.verdict.is_some() { [(1.0, right), (0.0, 1.0 - right)] } else { [(0.0, 1.0), (0.0, 0.0)] };
            for (says, chance) in verdicts.into_iter().filter(|v| v.1 > 0.0) {
                record.copy_from_slice(source);
                if let Some(slot) = self.verdict {
                    record[slot] = says;
                }
                key.clear();
                key.extend(self.slots.iter().map(|slot| record[*slot].to_bits()));
                let at = self.known.get(&key).copied().unwrap_or_else(|| {
                    let next = self.worth.len() + lengths.len();
                    self.known.insert(key.clone(), next);
                    records.extend_from_slice(&record);
                    lengths.push(written.lengths[i]);
                    next
                });
                rows.push((i, chance, at));
            }
        }
        let paid = pay(plan, &arm.program, &records, &lengths, &run_values(plan, 0), None);
        if paid.failed + paid.without > 0 {
            let why = "the program fails on some completions or gives them no reward";
            self.never = Some(why.into());
            return Err(why.into());
        }
        let gamma = self.gamma;
        self.worth.extend(
            paid.total
                .chunks_exact(plan.task.horizon)
                .map(|steps| [steps.iter().sum(), steps.iter().rev().fold(0.0, |later, now| now + gamma * later)]),
        );
        let mut out = vec![[0.0; 2]; written.lengths.len()];
        for (i, chance, at) in rows {
            out[i].iter_mut().zip(self.worth[at]).for_each(|(x, worth)| *x += chance * worth);
        }
        Ok(out)
    }
}

/// Why what a program paid for an update's samples is not what it pays for their completions alone, at any time.
fn looks_beyond(plan: &Plan, arm: &PlannedArm, kept: &WatchedBatch) -> Option<&'static str> {
    let sums = |update: u32| -> Vec<f64> {
        let paid = pay(plan, &arm.program, &kept.records, &kept.lengths, &run_values(plan, update), None);
        paid.total.chunks_exact(plan.task.horizon).map(|steps| steps.iter().sum()).collect()
    };
    let alone = sums(0);
    if arm.program.has_combine() && plan.group() > 1 {
        let (together, _) = rewards(plan, &arm.program, &kept.records, &run_values(plan, 0), plan.group());
        let together: Vec<f64> = together.iter().map(|x| if x.is_nan() { 0.0 } else { f64::from(*x) }).collect();
        if differ(&alone, &together) {
            return Some("what it pays for a completion depends on the others of its group");
        }
    }
    differ(&alone, &sums(plan.run.updates.saturating_sub(1))).then_some("what the program pays changes during the run")
}
