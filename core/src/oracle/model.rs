//! A step task as an explicit Markov decision process with a horizon: every state that an episode can be in, and where
//! each action leads, with what probability. Found by walking the task itself, so that a task needs no second description.

use crate::tasks::{DrawKey, Play, STATE_WORDS, State, StepTask, Task};
use std::collections::BTreeMap;

/// Most states of a task that is solved.
const MAX_NODES: usize = 20_000;
/// Most (step, transition) pairs: what tables of rewards hold.
const MAX_CELLS: usize = 1_500_000;
/// Groups whose start states are drawn: at least so many, and so many for each state that was found, up to a most.
const START_DRAWS: u32 = 256;
const DRAWS_OF_A_START: u32 = 16;
const MOST_START_DRAWS: u32 = 4096;
/// Draws by which dice are looked for where a task does not state its chances.
const DICE_DRAWS: u32 = 32;
/// Keeps the oracle's draws apart from those of any run (whose seeds are small).
pub const SEED_SPACE: u32 = 0x0e5a_c1e0;

/// One thing that an action can lead to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Probability given the state and the action.
    pub p: f64,
    /// The node it leads to; meaningless where the episode is over.
    pub to: u32,
    pub over: bool,
}

/// The process. `E` edges, `H` the horizon; a table of rewards is [H][E].
#[derive(Clone, Debug)]
pub struct Model {
    pub actions: usize,
    pub horizon: usize,
    /// First edge of every (node, action), [nodes x actions + 1].
    pub first: Vec<u32>,
    pub edges: Vec<Edge>,
    /// Nodes that episodes start in, with their probabilities.
    pub starts: Vec<(u32, f64)>,
    /// What a policy sees in a node: an index into `rows`.
    pub seen: Vec<u32>,
    /// The table's row (`StepTask::state_index`) of every observation.
    pub rows: Vec<u32>,
    /// Nodes that an episode can be in before step t, [H][..], ascending.
    pub layers: Vec<Vec<u32>>,
    /// The states themselves (`StepTask::essence`); empty for a model made by hand.
    pub states: Vec<State>,
    /// State after every edge.
    pub after: Vec<State>,
    /// Some probabilities were estimated from draws.
    pub estimated: bool,
}

impl Model {
    /// A model from its parts; a policy sees every node apart. `first` is [nodes x actions + 1].
    pub fn new(actions: usize, horizon: usize, first: Vec<u32>, edges: Vec<Edge>, starts: Vec<(u32, f64)>) -> Self {
        let nodes = (first.len() - 1) / actions;
        let seen: Vec<u32> = (0..nodes as u32).collect();
        let mut model = Self {
            actions,
            horizon,
            first,
            edges,
            starts,
            rows: seen.clone(),
            seen,
            layers: Vec::new(),
            states: Vec::new(),
            after: Vec::new(),
            estimated: false,
        };
        model.fill_layers();
        model
    }

    /// Nodes.
    pub fn nodes(&self) -> usize {
        self.seen.len()
    }

    /// The edges of an action in a node.
    #[inline(always)]
    pub fn choices(&self, node: u32, action: usize) -> std::ops::Range<usize> {
        let i = node as usize * self.actions + action;
        self.first[i] as usize..self.first[i + 1] as usize
    }

    /// Every edge that leaves a node.
    pub fn leaving(&self, node: u32) -> std::ops::Range<usize> {
        let i = node as usize * self.actions;
        self.first[i] as usize..self.first[i + self.actions] as usize
    }

    /// The same chance for every action in every observation, [observations][actions].
    pub fn uniform(&self) -> Vec<f64> {
        vec![1.0 / self.actions as f64; self.rows.len() * self.actions]
    }

    fn fill_layers(&mut self) {
        let mut now: Vec<u32> = self.starts.iter().map(|s| s.0).collect();
        let mut stamp = vec![usize::MAX; self.nodes()];
        self.layers.clear();
        for t in 0..self.horizon {
            now.sort_unstable();
            now.dedup();
            let mut next = Vec::new();
            for &node in &now {
                for edge in &self.edges[self.leaving(node)] {
                    if !edge.over && stamp[edge.to as usize] != t {
                        stamp[edge.to as usize] = t;
                        next.push(edge.to);
                    }
                }
            }
            self.layers.push(std::mem::replace(&mut now, next));
        }
    }

    /// Walks a task from its start states. The sentence says why it cannot be solved.
    pub fn explore(task: &Task) -> Result<Self, String> {
        let Play::Steps(play) = &task.play else {
            let (v, t) = (task.n_actions, task.horizon);
            return Err(format!("completions of up to {t} tokens out of {v} are too many to try them all"));
        };
        if !play.is_markov() {
            let kind = task.kind;
            return Err(format!(
                "a step of the task {kind} reads the episode or the number of the step: its states do not tell all that decides"
            ));
        }
        let mut walk = Walk::new(play.as_ref(), task);
        let starts = walk.starts();
        walk.expand(task.kind)?;
        let Walk { nodes, first, edges, after, estimated, .. } = walk;
        let mut model = Self::new(task.n_actions, task.horizon, first, edges, starts);
        let mut rows = BTreeMap::new();
        model.rows.clear();
        for (node, state) in nodes.iter().enumerate() {
            let row = play.state_index(state);
            let next = rows.len() as u32;
            let seen = *rows.entry(row).or_insert(next);
            if seen == next {
                model.rows.push(row);
            }
            model.seen[node] = seen;
        }
        model.states = nodes;
        model.after = after;
        model.estimated = estimated;
        Ok(model)
    }
}

/// A task being explored.
struct Walk<'a> {
    task: &'a dyn StepTask,
    actions: usize,
    horizon: usize,
    record: Vec<f32>,
    nodes: Vec<State>,
    index: BTreeMap<State, u32>,
    /// How many of them are start states: the first ones.
    starts: u32,
    first: Vec<u32>,
    edges: Vec<Edge>,
    after: Vec<State>,
    estimated: bool,
}

impl<'a> Walk<'a> {
    fn new(play: &'a dyn StepTask, task: &Task) -> Self {
        Self {
            task: play,
            actions: task.n_actions,
            horizon: task.horizon,
            record: vec![0.0; task.schema.stride],
            nodes: Vec::new(),
            index: BTreeMap::new(),
            starts: 0,
            first: vec![0],
            edges: Vec::new(),
            after: Vec::new(),
            estimated: false,
        }
    }

    fn node(&mut self, state: &State) -> u32 {
        let next = self.nodes.len() as u32;
        let at = *self.index.entry(*state).or_insert(next);
        if at == next {
            self.nodes.push(*state);
        }
        at
    }

    /// Start states and how likely they are: alike where the draws do not speak against it.
    fn starts(&mut self) -> Vec<(u32, f64)> {
        let mut counts = BTreeMap::<u32, u32>::new();
        let mut draws = 0;
        while draws < (DRAWS_OF_A_START * counts.len() as u32).clamp(START_DRAWS, MOST_START_DRAWS) {
            let mut state = [0; STATE_WORDS];
            let key = DrawKey { seed: SEED_SPACE, update: 0, group: draws, sample: 0 };
            self.task.begin(key, &mut state, &mut self.record);
            let node = self.node(&self.task.essence(&state));
            *counts.entry(node).or_default() += 1;
            draws += 1;
        }
        self.starts = counts.len() as u32;
        let alike = f64::from(draws) / counts.len() as f64;
        let is_alike = counts.values().all(|n| (f64::from(*n) - alike).abs() <= 4.0 * alike.sqrt());
        // Hardly two draws alike: there are more start states than were drawn.
        self.estimated |= !is_alike || counts.len() > draws as usize / 4;
        let share = |n: u32| if is_alike { alike } else { f64::from(n) } / f64::from(draws);
        counts.into_iter().map(|(node, n)| (node, share(n))).collect()
    }

    fn step(&mut self, state: &State, action: u32, sample: u32) -> (State, bool) {
        let mut after = *state;
        let key = DrawKey { seed: SEED_SPACE, update: 1, group: 0, sample };
        // What only the first step does, it does from a start state.
        let t = u32::from(self.index.get(state).is_none_or(|node| *node >= self.starts));
        let over = self.task.step(key, t, action, &mut after, &mut self.record);
        (self.task.essence(&after), over)
    }

    fn expand(&mut self, kind: &str) -> Result<(), String> {
        let mut at = 0;
        while at < self.nodes.len() {
            let state = self.nodes[at];
            for action in 0..self.actions as u32 {
                for (p, after, over) in self.outcomes(&state, action) {
                    let to = if over { 0 } else { self.node(&after) };
                    self.edges.push(Edge { p, to, over });
                    self.after.push(after);
                }
                self.first.push(self.edges.len() as u32);
            }
            if self.nodes.len() > MAX_NODES || self.edges.len() * self.horizon > MAX_CELLS {
                let n = self.nodes.len();
                return Err(format!(
                    "the task {kind} has too many states to walk them all (over {n} within its horizon)"
                ));
            }
            at += 1;
        }
        Ok(())
    }

    /// What an action leads to: as the task states it, else as draws show it.
    fn outcomes(&mut self, state: &State, action: u32) -> Vec<(f64, State, bool)> {
        let mut found: Vec<(f64, State, bool)> = Vec::new();
        if let Some(chances) = self.task.chances(action, state) {
            for (p, after, over) in chances {
                let after = self.task.essence(&after);
                match found.iter_mut().find(|f| f.1 == after && f.2 == over) {
                    Some(same) => same.0 += p,
                    None => found.push((p, after, over)),
                }
            }
            return found;
        }
        for sample in 0..DICE_DRAWS {
            let (after, over) = self.step(state, action, sample);
            match found.iter_mut().find(|f| f.1 == after && f.2 == over) {
                Some(same) => same.0 += 1.0,
                None => found.push((1.0, after, over)),
            }
        }
        self.estimated |= found.len() > 1;
        found.iter_mut().for_each(|f| f.0 /= f64::from(DICE_DRAWS));
        found
    }
}
