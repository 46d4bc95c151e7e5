//! The essay task: an answer to a prompt, made by picking a level for one attribute after another. The true score is a
//! known function of the attributes: some saturate, some turn bad when overdone, two are only worth what the facts
//! support. Two readings score parts of it without those limits, and the base policy rarely goes to the extremes where
//! the limits show, so whatever is learned from its answers is wrong there.

use crate::tasks::kit::dice::{bell, verdict};
use crate::tasks::kit::fields::Fields;
mod params;
mod tables;

use crate::math::rng::{below, draw, purpose, uniform};
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::{
    DrawKey, MAX_ACTIVE, Observation, Play, STATE_WORDS, State, StepTask, Table, Task, TaskKind, TaskView, Twin,
};
pub use params::{ATTRIBUTES, EssayParams};
use tables::Tables;

/// The essay task's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "essay",
    help: "An answer made of six attributes, from facts to flattery; readings of it like what the true score does not.",
    table: Table::Fixed(EssayParams::TABLE),
    build,
    source: None,
};

/// Numbers that describe a prompt and its answer: the attributes and the prompt's risk.
pub const FEATURES: usize = ATTRIBUTES.len() + 1;

twin! {
    shader "essay.wgsl";
    words {
        CONTEXTS = 0, LEVELS = 1, REFERENCES = 2, NOISE = 3, GOOD_SCORE = 4, FALSE_POSITIVE = 5, FALSE_NEGATIVE = 6,
        // Where the tables start: [contexts x attributes x levels], then two [levels x levels], [levels], [contexts].
        PRIOR = 7, CUMULATIVE = 8, GOLD = 9, HELPFUL = 10, HARMLESS = 11, PADDING = 12, OVERCLAIM = 13, VALUE = 14,
        RISK = 15,
    }
    fields {
        context = 16, risk = 17, length = 18, features = 19, helpful = 20, harmless = 21, ref_helpful = 22,
        ref_harmless = 23, correct = 24,
    }
}

/// State words: the context, the number of attributes picked, then each attribute's level plus one, 0 before it is picked.
const CONTEXT: usize = 0;
const STEP: usize = 1;
const PICKED: usize = 2;

/// Draws of the references' noise come after those of their levels.
const REFERENCE_NOISE: u32 = 64;

struct Essay {
    params: EssayParams,
    slots: Slots,
    tables: Tables,
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = EssayParams::resolve(&[overrides])?;
    let (levels, references) = (params.levels as usize, params.references as usize);
    let features = format!(
        "The answer's {}, then the prompt's risk; each from 0 to 1. They fix the true score.",
        ATTRIBUTES.join(", ")
    );
    let schema = EpisodeSchema::new(Vec::new(), ATTRIBUTES.len())
        .count("context", "The prompt that the group drew, from 0.")
        .field("risk", Ty::Float, 1, "How risky the prompt is, and so how much caution its answer needs.")
        .count("length", "Number of steps: one an attribute.")
        .field("features", Ty::Floats, FEATURES, &features)
        .field("helpful", Ty::Float, 1, "A helpfulness model's reading; 0 for the base policy's average answer.")
        .field("harmless", Ty::Float, 1, "A harmlessness model's reading; 0 for the base policy's average answer.")
        .field("ref_helpful", Ty::Floats, references, "Helpfulness readings of base-policy answers to this prompt.")
        .field("ref_harmless", Ty::Floats, references, "Harmlessness readings of the same answers.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the answer is good.");
    let states = (0..params.contexts).flat_map(|c| ATTRIBUTES.map(|a| format!("prompt {c}: {a}"))).collect();
    Ok(Task {
        kind: KIND.name,
        n_actions: levels,
        horizon: ATTRIBUTES.len(),
        action_names: (0..levels).map(|l| format!("level {l}")).collect(),
        view: TaskView::Choices { states },
        twin: Twin::Written(WGSL),
        play: Play::Steps(Box::new(Essay { slots: Slots::of(&schema), tables: Tables::new(&params), params })),
        schema,
    })
}

impl Essay {
    /// The reading of a table for an answer's levels: the sum over the attributes.
    fn reading(&self, table: &[f32], context: usize, levels: &[usize; ATTRIBUTES.len()]) -> f32 {
        levels.iter().enumerate().map(|(a, level)| table[self.tables.cell(context, a, *level)]).sum()
    }

    /// The level that a uniform number picks from the base policy.
    fn base_level(&self, context: usize, attribute: usize, u: f32) -> usize {
        let row = self.tables.cell(context, attribute, 0);
        let cumulative = &self.tables.cumulative[row..row + self.tables.levels];
        cumulative.iter().take(self.tables.levels - 1).take_while(|c| **c <= u).count()
    }
}

impl StepTask for Essay {
    fn observation(&self) -> Observation {
        let (contexts, levels, n) = (self.params.contexts as usize, self.tables.levels, ATTRIBUTES.len());
        Observation { features: contexts + n + n * (levels + 1), active: 2 + n, states: contexts * n }
    }

    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        let p = &self.params;
        state[CONTEXT] = below(key.shared(0)[0], p.contexts);
        let (s, context) = (&self.slots, state[CONTEXT] as usize);
        record[s.context] = context as f32;
        record[s.risk] = self.tables.risk[context];
        record[s.length] = ATTRIBUTES.len() as f32;
        record[s.features] = FEATURES as f32;
        record[s.features + FEATURES] = self.tables.risk[context];
        record[s.ref_helpful] = p.references as f32;
        record[s.ref_harmless] = p.references as f32;
        let dice = |step| draw(key.seed, key.update, key.group, 0, step, purpose::REFERENCE);
        for m in 0..p.references {
            let (first, second) = (dice(2 * m), dice(2 * m + 1));
            let u = |a: usize| uniform(if a < 4 { first[a] } else { second[a - 4] });
            let levels = std::array::from_fn(|a| self.base_level(context, a, u(a)));
            let at = 1 + m as usize;
            record[s.ref_helpful + at] =
                self.reading(&self.tables.helpful, context, &levels) + p.noise * bell(dice(REFERENCE_NOISE + 2 * m));
            record[s.ref_harmless + at] = self.reading(&self.tables.harmless, context, &levels)
                + p.noise * bell(dice(REFERENCE_NOISE + 2 * m + 1));
        }
    }

    /// The prompt, the attribute to pick, and each attribute's level so far.
    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        let n = ATTRIBUTES.len() as u32;
        out[0] = state[CONTEXT];
        out[1] = self.params.contexts + state[STEP].min(n - 1);
        for (a, to) in out[2..].iter_mut().enumerate() {
            *to = self.params.contexts + n + a as u32 * (self.params.levels + 1) + state[PICKED + a];
        }
    }

    fn state_index(&self, state: &State) -> u32 {
        let n = ATTRIBUTES.len() as u32;
        state[CONTEXT] * n + state[STEP].min(n - 1)
    }

    fn has_prior(&self) -> bool {
        true
    }

    fn prior(&self, state: &State, out: &mut [f32]) {
        let attribute = (state[STEP] as usize).min(ATTRIBUTES.len() - 1);
        let row = self.tables.cell(state[CONTEXT] as usize, attribute, 0);
        out.copy_from_slice(&self.tables.prior[row..row + self.tables.levels]);
    }

    fn shown_states(&self) -> usize {
        self.params.contexts as usize * ATTRIBUTES.len()
    }

    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        state[CONTEXT] = (i / ATTRIBUTES.len()) as u32;
        state[STEP] = (i % ATTRIBUTES.len()) as u32;
        state
    }

    fn step(&self, _key: DrawKey, _t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        let (attribute, level) = ((state[STEP] as usize).min(ATTRIBUTES.len() - 1), action.min(self.params.levels - 1));
        state[PICKED + attribute] = level + 1;
        state[STEP] += 1;
        record[self.slots.features + 1 + attribute] = self.tables.value[level as usize];
        state[STEP] as usize == ATTRIBUTES.len()
    }

    fn finish(&self, key: DrawKey, state: &State, _length: u32, _truncated: bool, record: &mut [f32]) -> f32 {
        let (s, p, t) = (&self.slots, &self.params, &self.tables);
        let context = state[CONTEXT] as usize;
        let levels = std::array::from_fn(|a| state[PICKED + a].saturating_sub(1) as usize);
        let dice = |step| key.own(step, purpose::TASK);
        record[s.helpful] = self.reading(&t.helpful, context, &levels) + p.noise * bell(dice(0));
        record[s.harmless] = self.reading(&t.harmless, context, &levels) + p.noise * bell(dice(1));
        let score = t.true_score(context, &levels);
        let good = score >= p.good_score;
        record[s.correct] = truth(verdict(key, good, p.false_positive, p.false_negative));
        score
    }

    fn shader_words(&self) -> Vec<u32> {
        let (p, t) = (&self.params, &self.tables);
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::CONTEXTS] = p.contexts;
        words[word::LEVELS] = p.levels;
        words[word::REFERENCES] = p.references;
        words[word::NOISE] = p.noise.to_bits();
        words[word::GOOD_SCORE] = p.good_score.to_bits();
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        let tables = [
            (word::PRIOR, &t.prior),
            (word::CUMULATIVE, &t.cumulative),
            (word::GOLD, &t.gold),
            (word::HELPFUL, &t.helpful),
            (word::HARMLESS, &t.harmless),
            (word::PADDING, &t.padding),
            (word::OVERCLAIM, &t.overclaim),
            (word::VALUE, &t.value),
            (word::RISK, &t.risk),
        ];
        for (at, table) in tables {
            words[at] = words.len() as u32;
            words.extend(table.iter().map(|x| x.to_bits()));
        }
        words
    }
}
