//! The routing task: a question of some topic, experts that know it more or less and have their price. The policy may
//! call a few of them and then answers: with what most of them said, or by itself when it called nobody.

use crate::math::rng::{below, purpose, uniform};
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::dice::verdict;
use crate::tasks::kit::fields::Fields;
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::{
    DrawKey, MAX_ACTIVE, Observation, Play, STATE_WORDS, State, StepTask, Table, Task, TaskKind, TaskView, Twin,
};

params! {
    /// Parameters of the routing task.
    pub struct RouteParams {
        topics: u32 = 4, 1 ..= 12, "topics", "Topics; each group draws one.";
        experts: u32 = 4, 1 ..= 8, "experts", "Experts to call; each costs price_ratio times the one before it and knows more.";
        max_calls: u32 = 3, 1 ..= 6, "calls", "Most calls of an episode; one that has not answered after them is cut off.";
        price_ratio: f32 = 2.0, 1.0 ..= 10.0, "", "Price of an expert over that of the one before it; the first has price 1.";
        cheapest: f32 = 0.4, 0.0 ..= 1.0, "probability", "Chance that the cheapest expert is right off its topic.";
        dearest: f32 = 0.85, 0.0 ..= 1.0, "probability", "Chance that the dearest expert is right off its topic; the others lie evenly between.";
        specialism: f32 = 0.3, 0.0 ..= 1.0, "probability", "What this chance gains on an expert's own topics (topic number modulo experts); at most 0.95 in all.";
        own: f32 = 0.3, 0.0 ..= 1.0, "probability", "Chance that the policy's own answer is right.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a wrong answer right.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a right answer wrong.";
    }
}

/// The routing task's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "route",
    help: "Call priced experts, or nobody, then answer; who knows what depends on the topic.",
    table: Table::Fixed(RouteParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "route.wgsl";
    words {
        TOPICS = 0, EXPERTS = 1, MAX_CALLS = 2, OWN = 3, FALSE_POSITIVE = 4, FALSE_NEGATIVE = 5,
        // Where the tables start: [topics x experts], [experts].
        ACCURACY = 6, PRICE = 7,
    }
    fields {
        topic = 8, length = 9, calls = 10, cost = 11, violations = 12, answered = 13, correct = 14, truncated = 15,
    }
}

/// State words. Costs are counted in 1/256, so that sums have the same bits everywhere.
const TOPIC: usize = 0;
const STEP: usize = 1;
const CALLS: usize = 2;
const RIGHT: usize = 3;
const LAST: usize = 4;
const COST: usize = 5;
const VIOLATIONS: usize = 6;
const ANSWERED: usize = 7;

struct Route {
    params: RouteParams,
    slots: Slots,
    /// Chance that an expert is right, [topics x experts].
    accuracy: Vec<f32>,
    /// [experts], in 1/256.
    price: Vec<u32>,
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = RouteParams::resolve(&[overrides])?;
    let (max_calls, experts) = (params.max_calls as usize, params.experts as usize);
    let horizon = max_calls + 1;
    let schema = EpisodeSchema::new(Vec::new(), horizon)
        .count("topic", "The question's topic, from 0.")
        .count("length", "Number of steps: calls and the answer.")
        .counts("calls", horizon, "The experts that were called, in order.")
        .field("cost", Ty::Float, 1, "What the calls cost: an expert's price times the length of what it says.")
        .at_least(0)
        .count("violations", "Calls of an expert that does not exist, and one more where no answer was given.")
        .field("answered", Ty::Bool, 1, "An answer was given.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the answer is right.")
        .field("truncated", Ty::Bool, 1, "No answer came before the last step.");
    let names = (0..experts).map(|e| format!("call {e}")).chain(["call nobody", "answer"].map(String::from)).collect();
    let step = (params.dearest - params.cheapest) / (experts.max(2) - 1) as f32;
    let (topics, mut price) = (params.topics as usize, 1.0);
    let mut prices = Vec::new();
    for _ in 0..experts {
        prices.push((256.0 * f32::min(price, 10_000.0)).round_ties_even() as u32);
        price *= params.price_ratio;
    }
    let knows = |t: usize, e: usize| {
        let own = if t % experts == e { params.specialism } else { 0.0 };
        (params.cheapest + step * e as f32 + own).clamp(0.0, 0.95)
    };
    let accuracy = (0..topics).flat_map(|t| (0..experts).map(move |e| (t, e))).map(|(t, e)| knows(t, e)).collect();
    let states = (0..topics).flat_map(|t| (0..horizon).map(move |n| format!("topic {t} after {n} steps"))).collect();
    Ok(Task {
        kind: KIND.name,
        n_actions: experts + 2,
        horizon,
        action_names: names,
        view: TaskView::Choices { states },
        twin: Twin::Written(WGSL),
        play: Play::Steps(Box::new(Route { slots: Slots::of(&schema), params, accuracy, price: prices })),
        schema,
    })
}

impl Route {
    fn horizon(&self) -> u32 {
        self.params.max_calls + 1
    }
}

impl StepTask for Route {
    fn observation(&self) -> Observation {
        let (topics, horizon) = (self.params.topics as usize, self.horizon() as usize);
        Observation { features: topics + horizon, active: 2, states: topics * horizon }
    }

    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        state[TOPIC] = below(key.shared(0)[0], self.params.topics);
        record[self.slots.topic] = state[TOPIC] as f32;
    }

    /// The topic and the number of steps so far.
    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        out[0] = state[TOPIC];
        out[1] = self.params.topics + state[STEP].min(self.params.max_calls);
    }

    fn state_index(&self, state: &State) -> u32 {
        state[TOPIC] * self.horizon() + state[STEP].min(self.params.max_calls)
    }

    fn shown_states(&self) -> usize {
        (self.params.topics * self.horizon()) as usize
    }

    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        state[TOPIC] = i as u32 / self.horizon();
        state[STEP] = i as u32 % self.horizon();
        state
    }

    fn step(&self, key: DrawKey, t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        state[STEP] += 1;
        if action < self.params.experts {
            let dice = key.own(t, purpose::TASK);
            let knows = self.accuracy[(state[TOPIC] * self.params.experts + action) as usize];
            // An expert's text has half to one and a half times the usual length.
            let price = self.price[action as usize];
            state[COST] += price / 2 + (price >> 8) * (dice[1] >> 24) + (((price & 0xff) * (dice[1] >> 24)) >> 8);
            state[LAST] = u32::from(uniform(dice[0]) < knows);
            state[RIGHT] += state[LAST];
            record[self.slots.calls + 1 + state[CALLS] as usize] = action as f32;
            state[CALLS] += 1;
            return false;
        }
        let answers = action > self.params.experts;
        state[ANSWERED] = u32::from(answers);
        state[VIOLATIONS] += u32::from(!answers);
        answers
    }

    /// What most of the experts said, the last one's word where they are split; its own answer when it called nobody.
    fn finish(&self, key: DrawKey, state: &State, length: u32, truncated: bool, record: &mut [f32]) -> f32 {
        let (s, p) = (&self.slots, &self.params);
        let own = uniform(key.own(length, purpose::TASK)[2]) < p.own;
        let most = 2 * state[RIGHT] > state[CALLS] || (2 * state[RIGHT] == state[CALLS] && state[LAST] == 1);
        let right = state[ANSWERED] == 1 && if state[CALLS] == 0 { own } else { most };
        record[s.length] = length as f32;
        record[s.calls] = state[CALLS] as f32;
        record[s.cost] = state[COST] as f32 / 256.0;
        record[s.violations] = (state[VIOLATIONS] + 1 - state[ANSWERED]) as f32;
        record[s.answered] = state[ANSWERED] as f32;
        record[s.correct] = truth(verdict(key, right, p.false_positive, p.false_negative));
        record[s.truncated] = truth(truncated);
        truth(right)
    }

    /// A question is to be answered before the last step, which the policy sees coming.
    fn can_go_on(&self) -> bool {
        false
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::TOPICS] = p.topics;
        words[word::EXPERTS] = p.experts;
        words[word::MAX_CALLS] = p.max_calls;
        words[word::OWN] = p.own.to_bits();
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        words[word::ACCURACY] = words.len() as u32;
        words.extend(self.accuracy.iter().map(|x| x.to_bits()));
        words[word::PRICE] = words.len() as u32;
        words.extend(&self.price);
        words
    }
}
