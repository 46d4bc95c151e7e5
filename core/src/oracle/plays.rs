//! Real episodes of a task along chosen transitions, so that a reward program can be asked what each of them is paid.

use super::model::{Model, SEED_SPACE};
use crate::math::rng::{draw, purpose, uniform};
use crate::tasks::{DrawKey, STATE_WORDS, State, StepTask, Task};
use std::cell::OnceCell;

/// Draws tried until a start state, or an outcome of a step, is the wanted one.
const TRIES: u32 = 4096;

/// Episodes at random beside those that cover a world.
const WANDERS: u32 = 48;

/// Some episodes.
#[derive(Clone, Debug, Default)]
pub struct Plays {
    /// Transitions of every episode, [n][length].
    pub edges: Vec<Vec<u32>>,
    /// Start node of every episode.
    pub starts: Vec<u32>,
    /// Records, [n][stride].
    pub records: Vec<f32>,
    pub true_scores: Vec<f32>,
}

impl Plays {
    /// Episodes.
    pub fn len(&self) -> usize {
        self.edges.len()
    }

    /// Lengths of episodes, in steps.
    pub fn lengths(&self) -> Vec<u32> {
        self.edges.iter().map(|edges| edges.len() as u32).collect()
    }

    /// No episode.
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }
}

/// Plays episodes of a modelled task. A *world* is one set of noise: in one world, the same transitions give the same
/// record.
pub struct Player<'a> {
    pub task: &'a Task,
    pub steps: &'a dyn StepTask,
    pub model: &'a Model,
}

impl Player<'_> {
    /// A key whose group begins in that start state.
    fn begins(&self, world: u32, start: u32) -> DrawKey {
        let wanted = &self.model.states[start as usize];
        let mut record = vec![0.0; self.task.schema.stride];
        let keys = (0..TRIES).map(|group| DrawKey { seed: SEED_SPACE, update: world, group, sample: 0 });
        let mut begins = keys.filter(|key| {
            let mut state = [0; STATE_WORDS];
            self.steps.begin(*key, &mut state, &mut record);
            self.steps.essence(&state) == *wanted
        });
        begins.next().unwrap_or(DrawKey { seed: SEED_SPACE, update: world, group: 0, sample: 0 })
    }

    /// Keys of every start state in a world.
    pub fn keys(&self, world: u32) -> Vec<(u32, DrawKey)> {
        self.model.starts.iter().map(|(start, _)| (*start, self.begins(world, *start))).collect()
    }

    /// Plays one episode along transitions that `choose` picks from (t, node) and adds it to `plays`. The sentence says
    /// that the task did not do what its model says.
    pub fn along(
        &self,
        key: DrawKey,
        start: u32,
        choose: &mut dyn FnMut(usize, u32) -> usize,
        plays: &mut Plays,
        mut prefixes: Option<&mut Plays>,
    ) -> Result<(), String> {
        let (model, stride) = (self.model, self.task.schema.stride);
        let mut record = vec![0.0; stride];
        let mut state: State = [0; STATE_WORDS];
        self.steps.begin(key, &mut state, &mut record);
        let (mut node, mut edges, mut over) = (start, Vec::new(), false);
        while !over && edges.len() < self.task.horizon {
            let t = edges.len();
            let edge = choose(t, node);
            let leaving = model.leaving(node);
            let action = (0..model.actions).find(|a| model.choices(node, *a).contains(&edge)).unwrap_or(0);
            debug_assert!(leaving.contains(&edge));
            over = self.take(key, t as u32, action as u32, edge, &mut state, &mut record)?;
            edges.push(edge as u32);
            node = model.edges[edge].to;
            if let Some(prefixes) = prefixes.as_deref_mut() {
                let mut so_far = record.clone();
                let score = self.steps.finish(key, &state, edges.len() as u32, !over, &mut so_far);
                prefixes.records.extend_from_slice(&so_far);
                prefixes.true_scores.push(score);
                prefixes.starts.push(start);
                prefixes.edges.push(edges.clone());
            }
        }
        let score = self.steps.finish(key, &state, edges.len() as u32, !over, &mut record);
        plays.records.extend_from_slice(&record);
        plays.true_scores.push(score);
        plays.starts.push(start);
        plays.edges.push(edges);
        Ok(())
    }

    /// One step that ends where the edge says: with the key's own dice, or with the first that do.
    fn take(
        &self,
        key: DrawKey,
        t: u32,
        action: u32,
        edge: usize,
        state: &mut State,
        record: &mut [f32],
    ) -> Result<bool, String> {
        let (wanted, ends) = (&self.model.after[edge], self.model.edges[edge].over);
        let is_certain = self.model.edges[edge].p >= 1.0;
        let before = (*state, if is_certain { Vec::new() } else { record.to_vec() });
        for sample in 0..TRIES {
            let over = self.steps.step(DrawKey { sample: key.sample + sample, ..key }, t, action, state, record);
            if self.steps.essence(state) == *wanted && over == ends {
                return Ok(over);
            }
            if is_certain {
                break;
            }
            *state = before.0;
            record.copy_from_slice(&before.1);
        }
        Err(format!("the {} does not step from its states alone, so it cannot be walked", self.task.kind))
    }

    /// Plays `n` episodes of a policy [observations][actions] with the task's own dice, in groups of `group` that
    /// start alike, and adds them. `space` keeps several such sets apart.
    pub fn sample(&self, policy: &[f64], n: usize, group: usize, space: u32) -> Result<Plays, String> {
        let (model, stride) = (self.model, self.task.schema.stride);
        let mut plays = Plays { records: vec![0.0; n * stride], ..Plays::default() };
        for (i, record) in plays.records.chunks_exact_mut(stride).enumerate() {
            let seed = SEED_SPACE + 1;
            let key = DrawKey { seed, update: space, group: (i / group) as u32, sample: (i % group) as u32 };
            let mut state: State = [0; STATE_WORDS];
            self.steps.begin(key, &mut state, record);
            let stray = || {
                format!("the task {} begins in, or comes to, more states than were found by playing it", self.task.kind)
            };
            let begun = model.starts.iter().find(|(s, _)| model.states[*s as usize] == self.steps.essence(&state));
            let start = begun.ok_or_else(stray)?.0;
            let (mut node, mut edges, mut over) = (start, Vec::new(), false);
            while !over && edges.len() < self.task.horizon {
                let t = edges.len() as u32;
                let u = f64::from(uniform(draw(seed, space, key.group, key.sample, t, purpose::ACTION)[0]));
                let row = &policy[model.seen[node as usize] as usize * model.actions..][..model.actions];
                let action = pick(row, u);
                over = self.steps.step(key, t, action as u32, &mut state, record);
                let after = self.steps.essence(&state);
                let is_it = |e: &usize| model.after[*e] == after && model.edges[*e].over == over;
                let edge = model.choices(node, action).find(is_it).ok_or_else(stray)?;
                edges.push(edge as u32);
                node = model.edges[edge].to;
            }
            plays.true_scores.push(self.steps.finish(key, &state, edges.len() as u32, !over, record));
            plays.starts.push(start);
            plays.edges.push(edges);
        }
        Ok(plays)
    }

    /// Episodes of one world that together take every transition: at every step that can be reached where `timed`, else
    /// once on the way and once on the last step.
    pub fn cover(&self, world: u32, timed: bool, mut prefixes: Option<&mut Plays>) -> Result<Plays, String> {
        let model = self.model;
        let (edges, horizon) = (model.edges.len(), model.horizon);
        let slot = |t: usize, e: usize| if timed { t * edges + e } else { usize::from(t + 1 == horizon) * edges + e };
        let mut covered = vec![false; if timed { horizon } else { 2 } * edges];
        let back = parents(model);
        let keys = self.keys(world);
        let mut plays = Plays::default();
        for t in 0..horizon {
            for &node in &model.layers[t] {
                for wanted in model.leaving(node) {
                    if covered[slot(t, wanted)] {
                        continue;
                    }
                    let (start, path) = path(model, &back, t, node);
                    let key = keys.iter().find(|k| k.0 == start).map_or(keys[0].1, |k| k.1);
                    let mut turn = wanted;
                    let mut choose = |at: usize, node: u32| {
                        let edge = match at.cmp(&t) {
                            std::cmp::Ordering::Less => path[at] as usize,
                            std::cmp::Ordering::Equal => wanted,
                            std::cmp::Ordering::Greater => {
                                let on = |e: &usize| !model.edges[*e].over;
                                let all = model.leaving(node);
                                let new = all.clone().filter(on).find(|e| !covered[slot(at, *e)]);
                                turn += 1;
                                let others = all.len().max(1);
                                let other = || all.clone().cycle().skip(turn % others).take(others).find(on);
                                new.or_else(other).unwrap_or(all.start)
                            }
                        };
                        covered[slot(at, edge)] = true;
                        edge
                    };
                    self.along(key, start, &mut choose, &mut plays, prefixes.as_deref_mut())?;
                }
            }
        }
        Ok(plays)
    }

    /// Episodes of one world that together take every transition (`cover`), and some at random.
    pub fn episodes(&self, world: u32, timed: bool, mut prefixes: Option<&mut Plays>) -> Result<Plays, String> {
        let mut plays = self.cover(world, timed, prefixes.as_deref_mut())?;
        if self.model.horizon > 1 {
            self.wander(world, &self.model.uniform(), WANDERS, 1, &mut plays, prefixes)?;
        }
        Ok(plays)
    }

    /// Adds `n` episodes of a policy in one world; `space` keeps several such sets apart.
    pub fn wander(
        &self,
        world: u32,
        policy: &[f64],
        n: u32,
        space: u32,
        plays: &mut Plays,
        mut prefixes: Option<&mut Plays>,
    ) -> Result<(), String> {
        let (model, keys) = (self.model, self.keys(world));
        for i in 0..n {
            let (start, key) = keys[i as usize % keys.len()];
            let mut choose = |t: usize, node: u32| {
                let words = draw(SEED_SPACE, space, i, 0, t as u32, purpose::ACTION);
                let row = &policy[model.seen[node as usize] as usize * model.actions..][..model.actions];
                let all = model.choices(node, pick(row, f64::from(uniform(words[0]))));
                let chances: Vec<f64> = model.edges[all.clone()].iter().map(|e| e.p).collect();
                all.start + pick(&chances, f64::from(uniform(words[1])))
            };
            self.along(key, start, &mut choose, plays, prefixes.as_deref_mut())?;
        }
        Ok(())
    }

    /// Whether two worlds differ in what records or true scores say of the same transitions.
    pub fn is_noisy(&self) -> Result<bool, String> {
        let (one, other) = (self.keys(0), self.keys(1));
        for i in 0..64u32 {
            let which = i as usize % one.len();
            let mut walks = Vec::new();
            for key in [one[which].1, other[which].1] {
                let mut choose = |t: usize, node: u32| {
                    let all = self.model.leaving(node);
                    let word = draw(SEED_SPACE, i, 0, 0, t as u32, purpose::ACTION)[0];
                    all.start + (word as usize % all.len().max(1))
                };
                let mut plays = Plays::default();
                let key = DrawKey { sample: i, ..key };
                self.along(key, one[which].0, &mut choose, &mut plays, None)?;
                walks.push(plays);
            }
            if walks[0].records != walks[1].records || walks[0].true_scores != walks[1].true_scores {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The action that a uniform number picks.
pub fn pick(row: &[f64], u: f64) -> usize {
    let mut sum = 0.0;
    let found = row.iter().position(|p| {
        sum += p;
        u < sum
    });
    found.unwrap_or_else(|| row.iter().rposition(|p| *p > 0.0).unwrap_or(0))
}

/// For every (t, node) that can be reached, an edge and a node before it, by layer: [(node, before, edge)], ascending.
fn parents(model: &Model) -> Vec<Vec<(u32, u32, u32)>> {
    let mut all = vec![Vec::new()];
    for layer in &model.layers[..model.horizon.saturating_sub(1)] {
        let mut next: Vec<(u32, u32, u32)> = Vec::new();
        for &node in layer {
            let on = model.leaving(node).filter(|e| !model.edges[*e].over);
            next.extend(on.map(|e| (model.edges[e].to, node, e as u32)));
        }
        next.sort_unstable();
        next.dedup_by_key(|p| p.0);
        all.push(next);
    }
    all
}

/// A way to a node at step t: the start, and the edges.
fn path(model: &Model, back: &[Vec<(u32, u32, u32)>], t: usize, node: u32) -> (u32, Vec<u32>) {
    let (mut at, mut edges) = (node, vec![0; t]);
    for step in (1..=t).rev() {
        if let Ok(i) = back[step].binary_search_by_key(&at, |p| p.0) {
            edges[step - 1] = back[step][i].2;
            at = back[step][i].1;
        }
    }
    debug_assert!(t > 0 || model.starts.iter().any(|s| s.0 == node));
    (at, edges)
}

/// The first worlds with episodes that take every transition at every step.
pub fn at_every_step<'a>(cells: &'a [OnceCell<Plays>], player: &Player<'_>) -> Result<Vec<&'a Plays>, String> {
    cells.iter().zip(0..).map(|(cell, world)| known(cell, || player.episodes(world, true, None))).collect()
}

/// What a cell holds, made where it holds nothing yet.
pub fn known<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T, String>) -> Result<&T, String> {
    if let Some(known) = cell.get() {
        return Ok(known);
    }
    let made = make()?;
    Ok(cell.get_or_init(|| made))
}
