//! All completions of a token task, as far as some programs can tell them apart: of every kind of prompt, every class of
//! completions with the same record in all that is read, how many there are, and one of them.
//!
//! Where the task can say what a completion has come to token by token (`TokenTask::reading`), the walk is a dynamic
//! program over that; else it goes over all sequences, as long as there are few enough.

use super::model::SEED_SPACE;
use crate::reward::Reads;
use crate::tasks::{DrawKey, Reading, STATE_WORDS, State, Task, TokenTask};
use std::collections::BTreeMap;

/// Most completions that are written out.
pub const MOST: usize = 60_000;
/// Most states of a reading, over all lengths and kinds of prompts.
const STATES: usize = 60_000;
/// Groups whose prompts are drawn, and kinds of prompts that are walked, at most.
const DRAWS: u32 = 512;
const KINDS: usize = 24;

/// A kind of prompt.
#[derive(Clone, Debug)]
pub struct PromptKind {
    /// One of them.
    pub prompt: Vec<u32>,
    /// How likely the kind is.
    pub share: f64,
}

/// Completions that are one to whoever reads so much of them.
#[derive(Clone, Debug)]
pub struct Class {
    pub kind: usize,
    /// One of them.
    pub tokens: Vec<u32>,
    /// The horizon ended it.
    pub truncated: bool,
    /// How many there are.
    pub count: f64,
    pub true_score: f32,
}

/// Every class.
#[derive(Clone, Debug)]
pub struct Completions {
    pub reads: Reads,
    pub kinds: Vec<PromptKind>,
    /// In the order of their kinds.
    pub classes: Vec<Class>,
    /// Records and what they are of: the class, and how likely its verdict is that one, [rows]. Records are
    /// [rows][stride].
    pub rows: Vec<(usize, f64)>,
    pub records: Vec<f32>,
    /// Completions of one prompt.
    pub total: f64,
    /// Kinds of prompts that were drawn, where more than were walked.
    pub drawn: usize,
    /// How likely the kinds are was estimated from draws.
    pub estimated: bool,
}

/// How many completions of up to `limit` tokens out of `vocabulary` there are: those that end before, and all of the
/// limit's length.
pub fn how_many(vocabulary: usize, limit: usize) -> f64 {
    let on = vocabulary as f64 - 1.0;
    let mut open = 1.0;
    let mut all = 0.0;
    for _ in 1..limit {
        all += open;
        open *= on;
    }
    all + open * vocabulary as f64
}

/// Why there are too many completions to try them all, and what would do.
fn too_many(task: &Task, reads: &Reads, total: f64) -> String {
    let (v, t) = (task.n_actions, task.horizon);
    let short = (1..t).take_while(|limit| how_many(v, *limit) <= MOST as f64).count();
    let is_program = crate::tasks::TASKS.iter().any(|kind| kind.name == task.kind && kind.source.is_some());
    let name = if is_program { "horizon" } else { "max_completion_length" };
    let table = crate::tasks::table(task.kind, &BTreeMap::new());
    let least = table.iter().find(|p| p.name == name).map_or(1.0, |p| p.min);
    let tokens: Vec<&str> = reads.names().iter().map(String::as_str).filter(|n| *n == "tokens").collect();
    let because = if tokens.is_empty() { "" } else { "it reads ep.tokens, and " };
    let hint = if short as f64 >= least {
        format!("{name} = {short} is short enough")
    } else {
        format!(
            "a vocabulary of {v} would need a limit of {short} tokens; without ep.tokens they fall into few classes"
        )
    };
    format!(
        "{because}{} completions of up to {t} tokens out of {v} are too many to try them all: {hint}",
        rounded(total)
    )
}

/// A count as people read it: 43,200 or 1.3e33.
pub fn rounded(count: f64) -> String {
    if count >= 1e7 {
        return format!("{count:.1e}");
    }
    let digits = format!("{count:.0}");
    let parts: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    parts.iter().map(|p| String::from_utf8_lossy(p)).collect::<Vec<_>>().join(",")
}

impl Completions {
    /// Walks the completions of a task; the sentence says why that cannot be.
    pub fn explore(task: &Task, play: &dyn TokenTask, reads: &Reads) -> Result<Self, String> {
        let reading = play.reading(reads);
        let total = how_many(task.n_actions, task.horizon);
        if reading.is_none() && total > MOST as f64 {
            return Err(too_many(task, reads, total));
        }
        let (kinds, drawn, estimated) = kinds(play, reading.as_deref(), total);
        let mut all = Self {
            reads: reads.clone(),
            kinds,
            classes: Vec::new(),
            rows: Vec::new(),
            records: Vec::new(),
            total,
            drawn,
            estimated,
        };
        let mut room = STATES;
        for kind in 0..all.kinds.len() {
            all.walk(task, play, reading.as_deref(), kind, &mut room)?;
        }
        Ok(all)
    }

    /// The classes of one kind of prompt.
    fn walk(
        &mut self,
        task: &Task,
        play: &dyn TokenTask,
        reading: Option<&dyn Reading>,
        kind: usize,
        room: &mut usize,
    ) -> Result<(), String> {
        let (prompt, end) = (self.kinds[kind].prompt.clone(), play.end_token());
        let mut tree = Tree::default();
        let mut sorted = Sorted::new(task, play, &self.reads, reading.is_some());
        let mut layer = vec![Open { state: [0; STATE_WORDS], count: 1.0, at: NOTHING }];
        for t in 1..=task.horizon {
            let (mut next, mut ended) = (Layer::default(), Layer::default());
            let is_last = t == task.horizon;
            for open in &layer {
                for token in 0..task.n_actions as u32 {
                    let mut state = open.state;
                    if let Some(reading) = reading {
                        reading.read(&prompt, token, &mut state);
                    }
                    // The last token of a truncated completion and an end token make different records.
                    let over = is_last || token == end;
                    let layer = if over { &mut ended } else { &mut next };
                    let key = (state, token == end);
                    let known = reading.is_some().then(|| layer.index.get(&key)).flatten();
                    if let Some(i) = known {
                        layer.open[*i].count += open.count;
                        continue;
                    }
                    *room = room.saturating_sub(1);
                    if *room == 0 && reading.is_some() {
                        return Err(format!(
                            "what it reads ({}) tells more than {STATES} kinds of completions apart: read fewer fields",
                            self.reads.names().join(", ")
                        ));
                    }
                    if reading.is_some() {
                        layer.index.insert(key, layer.open.len());
                    }
                    layer.open.push(Open { state, count: open.count, at: tree.grow(open.at, token) });
                }
            }
            for open in &ended.open {
                let tokens = tree.tokens(open.at);
                sorted.add(self, kind, &prompt, tokens, open.count);
            }
            layer = next.open;
        }
        Ok(())
    }
}

/// Kinds of prompts with how likely they are (alike where the draws do not speak against it), how many were drawn, and
/// whether that is an estimate.
fn kinds(play: &dyn TokenTask, reading: Option<&dyn Reading>, total: f64) -> (Vec<PromptKind>, usize, bool) {
    let mut counts = BTreeMap::<Vec<u32>, (u32, Vec<u32>)>::new();
    for group in 0..DRAWS {
        let mut prompt = vec![0; play.prompt_len()];
        play.prompt(DrawKey { seed: SEED_SPACE, update: 0, group, sample: 0 }, &mut prompt);
        let name = reading.map_or_else(|| prompt.clone(), |r| r.name(&prompt));
        counts.entry(name).or_insert((0, prompt)).0 += 1;
    }
    let drawn = counts.len();
    let alike = f64::from(DRAWS) / drawn as f64;
    let is_alike = counts.values().all(|(n, _)| (f64::from(*n) - alike).abs() <= 4.0 * alike.sqrt());
    let most = if reading.is_some() { KINDS } else { ((MOST as f64 / total) as usize).clamp(1, KINDS) };
    let estimated = !is_alike || drawn > most;
    let share = |n: u32| if is_alike { alike } else { f64::from(n) };
    let mut kinds: Vec<PromptKind> =
        counts.into_values().take(most).map(|(n, prompt)| PromptKind { prompt, share: share(n) }).collect();
    let all: f64 = kinds.iter().map(|k| k.share).sum();
    kinds.iter_mut().for_each(|k| k.share /= all);
    (kinds, drawn, estimated)
}

/// No token yet.
const NOTHING: u32 = u32::MAX;

/// Completions that are not over, all in one state.
struct Open {
    state: State,
    count: f64,
    at: u32,
}

#[derive(Default)]
struct Layer {
    open: Vec<Open>,
    index: BTreeMap<(State, bool), usize>,
}

/// Sequences as (what comes before, token).
#[derive(Default)]
struct Tree(Vec<(u32, u32)>);

impl Tree {
    fn grow(&mut self, before: u32, token: u32) -> u32 {
        self.0.push((before, token));
        self.0.len() as u32 - 1
    }

    fn tokens(&self, mut at: u32) -> Vec<u32> {
        let mut tokens = Vec::new();
        while let Some((before, token)) = self.0.get(at as usize) {
            tokens.push(*token);
            at = *before;
        }
        tokens.reverse();
        tokens
    }
}

/// Sorts completions of a prompt into classes.
struct Sorted<'a> {
    task: &'a Task,
    play: &'a dyn TokenTask,
    /// Slots that are read but for the verdict, and the verdict's.
    slots: Vec<usize>,
    verdict: Option<usize>,
    record: Vec<f32>,
    key: Vec<u32>,
    known: BTreeMap<Vec<u32>, usize>,
    end: u32,
    /// Completions that differ only in what is not read are one; else every sequence is a class.
    merges: bool,
}

impl<'a> Sorted<'a> {
    fn new(task: &'a Task, play: &'a dyn TokenTask, reads: &Reads, merges: bool) -> Self {
        let verdict = task.schema.get("correct").map(|f| f.offset).filter(|_| reads.has("correct"));
        let slots = reads.slots(&task.schema).into_iter().filter(|slot| Some(*slot) != verdict).collect();
        let record = vec![0.0; task.schema.stride];
        let (key, known, end) = (Vec::new(), BTreeMap::new(), play.end_token());
        Self { task, play, slots, verdict, record, key, known, end, merges }
    }

    fn add(&mut self, all: &mut Completions, kind: usize, prompt: &[u32], tokens: Vec<u32>, count: f64) {
        let truncated = tokens.last() != Some(&self.end);
        let key = DrawKey { seed: SEED_SPACE, update: 0, group: 0, sample: 0 };
        let true_score = self.play.finish(key, prompt, &tokens, truncated, &mut self.record);
        let class = all.classes.len();
        if self.merges {
            self.key.clear();
            self.key.extend([true_score.to_bits(), tokens.len() as u32]);
            self.key.extend(self.slots.iter().map(|slot| self.record[*slot].to_bits()));
            if let Some(known) = self.known.get(&self.key) {
                all.classes[*known].count += count;
                return;
            }
            self.known.insert(self.key.clone(), class);
        }
        all.classes.push(Class { kind, tokens, truncated, count, true_score });
        let [false_positive, false_negative] = self.play.verifier().map(f64::from);
        let right = if true_score >= 0.5 { 1.0 - false_negative } else { false_positive };
        let verdicts = match self.verdict {
            Some(_) => vec![(1.0, right), (0.0, 1.0 - right)],
            None => vec![(0.0, 1.0)],
        };
        for (says, chance) in verdicts.into_iter().filter(|v| v.1 > 0.0) {
            if let Some(slot) = self.verdict {
                self.record[slot] = says;
            }
            all.rows.push((class, chance));
            all.records.extend_from_slice(&self.record);
        }
        debug_assert_eq!(all.records.len(), all.rows.len() * self.task.schema.stride);
    }
}
