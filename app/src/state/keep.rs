//! Keeps the run in hand (`kept`), and goes on with the one of the last visit.

use super::hold::name;
use super::{App, Level, Loaded, Phase, run_params, store};
use crate::engine_client::Choice;
use crate::framed;
use crate::kept::{self, Change, Kept, Record};
use crate::plain::{parse, write};
use crate::time;
use goodhart_core::experiment::{Arm, Experiment};
use goodhart_core::plan::cost::size;
use goodhart_core::protocol::wire;
use goodhart_core::protocol::{EngineKind, RowIndex};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// Most bytes of metric rows and of checkpoints of a kept run; a larger one is not kept, and the page says so.
const MOST_ROWS: usize = 96_000_000;
const MOST_STATE: usize = 64_000_000;
/// Least milliseconds between two writings.
const WRITE_MS: u64 = 250;
/// The setting that says which draft each kept run is of: pairs of the run's name and the draft's. A page that is left does
/// not wait for a record to be written, and a reload soon after an edit would not find the run.
const DRAFTS: &str = "kept-runs";
const MOST_DRAFTS: usize = 4;

/// What is on its way to the browser's storage.
#[derive(Default)]
pub struct Keeper {
    /// The run's name; empty while none is kept.
    id: String,
    /// Rows that came since a worker's last checkpoint.
    since: BTreeMap<usize, (Vec<RowIndex>, Vec<f32>)>,
    /// Lanes and bytes of the newest checkpoint of every worker, by load.
    states: BTreeMap<u32, BTreeMap<usize, (usize, usize)>>,
    /// The newest load that there are checkpoints of all lanes of.
    whole: Option<u32>,
    /// The number of the next rows.
    next: u32,
    bytes: usize,
    change: Change,
    writing: bool,
    /// Whether the run that goes on was moving; it is again as soon as it is loaded.
    moved: bool,
}

impl App {
    /// Loads the draft when the page opens: from where it was left at the last visit, if that was kept.
    pub async fn load_at_start(self, then_run: bool) {
        let draft = self.draft.with_untracked(name);
        let own: Vec<String> = runs().into_iter().filter(|(_, of)| *of == draft).map(|(id, _)| id).collect();
        let past = kept::find(&draft, &own).await;
        // Something else may have been opened meanwhile.
        if self.draft.with_untracked(name) != draft || self.loaded.with_untracked(Option::is_some) {
            return;
        }
        let was_kept = past.is_some();
        let past = past.and_then(|kept| Some((self.known(parse(&kept.record.experiment)?)?, kept)));
        match past.filter(|(loaded, kept)| self.fits(&loaded.experiment, kept)) {
            Some((loaded, kept)) => {
                let runs = then_run && kept.record.moving;
                self.load_from(loaded, runs, Some(kept));
            }
            None => {
                self.load(then_run);
                if was_kept {
                    let why = "what was kept of it does not fit the strategies, seeds or engine that are wanted now";
                    self.notify(Level::Info, format!("The run begins anew, since {why}."), None);
                }
            }
        }
    }

    /// The strategies of a kept run under the identities that they have in the draft; None if one is not there.
    fn known(self, experiment: Experiment) -> Option<Loaded> {
        let names: Vec<String> = self.draft.with_untracked(|e| e.arms.iter().map(|arm| arm.name.clone()).collect());
        let ids = self.arms.get_untracked();
        let id = |arm: &Arm| ids.get(names.iter().position(|name| *name == arm.name)?).copied();
        let ids = experiment.arms.iter().map(id).collect::<Option<_>>()?;
        Some(Loaded { experiment, ids })
    }

    /// Whether the checkpoints of a kept run are of all lanes of its experiment, for the engine that is wanted here.
    fn fits(self, experiment: &Experiment, kept: &Kept) -> bool {
        let (seeds, arms) = (run_params(experiment).seeds as usize, experiment.arms.len());
        let workers = kept.checkpoints.len();
        let wanted = match self.choice.get_untracked() {
            Choice::Auto => true,
            Choice::Cpu => kept.record.kind == EngineKind::Cpu,
            Choice::Gpu => kept.record.kind == EngineKind::Gpu,
        };
        let of = |at: usize| arms * (0..seeds).filter(|seed| seed % workers == at).count();
        wanted
            && kept.record.arms.len() == arms
            && kept.checkpoints.iter().enumerate().all(|(at, c)| c.lanes.len() == of(at))
    }

    /// Shows what a kept run had come to; gives the update that all lanes have.
    pub(super) fn show_past(self, kept: &mut Kept) -> u32 {
        // Rows from after a worker's checkpoint come again.
        let update = self.with_data(|d| {
            d.put_past(&kept.record.arms, &kept.record.eras, &kept.record.settings, &mut kept.rows);
            // A pause calls lanes back from updates whose rows were kept.
            d.truncate(kept.checkpoints.iter().map(|c| c.update).max().unwrap_or(0) as usize);
            d.complete() as u32
        });
        let text = format!("The run goes on from update {update}, where you left it. Reset starts it anew.");
        self.notify(Level::Info, text, None);
        update
    }

    /// A new run begins: the one before it in this tab is not kept any longer.
    pub(super) fn keep_anew(self) {
        let old = self.keeper.try_update_value(std::mem::take).map(|k| k.id).unwrap_or_default();
        note_run(&old, None);
        let id = format!("{:016x}", (js_sys::Math::random() * 2f64.powi(53)) as u64);
        self.keeper.update_value(|k| k.id.clone_from(&id));
        wasm_bindgen_futures::spawn_local(async move {
            kept::forget(Some(&old)).await;
            kept::claim(&id).await;
        });
    }

    /// A run of the last visit goes on, under a name of its own; its rows have this visit's numbers of arms.
    pub(super) fn keep_on(self, run: &Kept, lanes: usize) {
        self.keep_anew();
        self.keeper.update_value(|k| {
            for (index, values) in &run.rows {
                k.since.insert(0, (index.clone(), values.clone()));
                k.take_rows(0);
            }
            for (worker, checkpoint) in run.checkpoints.iter().enumerate() {
                k.take_in(0, worker, (checkpoint.lanes.len(), lanes), wire::encode(checkpoint));
            }
            k.moved = run.record.moving;
            k.change.instead_of = Some(run.record.id.clone());
        });
        self.write_record();
    }

    /// Rows came from a worker; they are kept with its next checkpoint.
    pub(super) fn keep_rows(self, worker: usize, index: &[RowIndex], values: &[f32]) {
        self.keeper.update_value(|k| {
            if !k.id.is_empty() {
                let (indices, all) = k.since.entry(worker).or_default();
                indices.extend_from_slice(index);
                all.extend_from_slice(values);
            }
        });
    }

    /// A checkpoint of so many of the run's lanes came from a worker.
    pub(super) fn keep_state(self, load: u32, worker: usize, lanes: usize, state: Vec<u8>) {
        let of =
            self.loaded.with_untracked(|l| l.as_ref().map_or(0, |l| l.ids.len())) * self.loaded_run().seeds as usize;
        let kept = self.keeper.try_update_value(|k| k.take_in(load, worker, (lanes, of), state));
        match kept.flatten() {
            Some(Ok(())) => self.write_record(),
            Some(Err(why)) => self.keep_nothing(&why),
            None => {}
        }
    }

    /// The draft changed: the run is found by it at the next visit.
    pub(super) fn keep_run(self) {
        if self.keeper.with_value(|k| k.whole.is_some()) {
            self.write_record();
        }
    }

    /// This run is not kept any longer, and the person is told why: a reload would lose it.
    fn keep_nothing(self, why: &str) {
        let old = self.keeper.try_update_value(std::mem::take).map(|k| k.id).unwrap_or_default();
        note_run(&old, None);
        // Pages of other sites keep nothing, and say so where they ask for their click.
        if !framed::by_another() {
            self.notify(Level::Warning, format!("{why} A reload begins it anew."), None);
        }
        wasm_bindgen_futures::spawn_local(async move { kept::forget(Some(&old)).await });
    }

    fn write_record(self) {
        let Some((id, load, moved)) = self.keeper.with_value(|k| Some((k.id.clone(), k.whole?, k.moved))) else {
            return self.write();
        };
        let Some(loaded) = self.loaded.get_untracked() else { return };
        note_run(&id, Some(self.draft.with_untracked(name)));
        let kind = self.engine.with_untracked(|view| view.as_ref().map_or(EngineKind::Cpu, |view| view.kind));
        let (arms, eras, settings) = self.with_data(|d| (d.numbers(), d.eras(), d.settings()));
        let record = Record {
            draft: self.draft.with_untracked(name),
            experiment: write(&loaded.experiment),
            arms,
            eras,
            settings,
            kind,
            load,
            moving: self.phase.with_untracked(|phase| match phase {
                Phase::Paused | Phase::Finished | Phase::Stuck(_) => false,
                Phase::Running | Phase::Stepping => true,
                _ => moved,
            }),
            ..Record::new(&id)
        };
        self.keeper.update_value(|k| k.change.record = Some(record));
        self.write();
    }

    /// Writes what there is, one transaction at a time.
    fn write(self) {
        let begun = self.keeper.try_update_value(|k| {
            let change = (!k.writing && !k.id.is_empty()).then(|| std::mem::take(&mut k.change));
            k.writing |= change.is_some();
            Some((k.id.clone(), change?))
        });
        let Some((id, change)) = begun.flatten() else { return };
        wasm_bindgen_futures::spawn_local(async move {
            let written = kept::put(&id, change).await;
            if self.keeper.with_value(|k| k.id != id) {
                // Another run began meanwhile.
                return kept::forget(Some(&id)).await;
            }
            if !written {
                return self.keep_nothing("This run is not kept: the browser has no room for it, or blocks storage.");
            }
            self.keeper.update_value(|k| k.writing = false);
            time::after(WRITE_MS, move || {
                if self.keeper.with_value(|k| k.id == id && !k.change.is_empty()) {
                    self.write();
                }
            });
        });
    }
}

impl Keeper {
    /// The rows of a worker so far are to be kept.
    fn take_rows(&mut self, worker: usize) {
        let Some(rows) = self.since.remove(&worker) else { return };
        let bytes = wire::encode(&rows);
        self.bytes += bytes.len();
        self.change.rows.push((self.next, bytes));
        self.next += 1;
    }

    /// A checkpoint of some of the lanes that a run has: None where none is kept, an error where it is too large.
    fn take_in(
        &mut self,
        load: u32,
        worker: usize,
        (lanes, of): (usize, usize),
        state: Vec<u8>,
    ) -> Option<Result<(), String>> {
        if self.id.is_empty() {
            return None;
        }
        self.take_rows(worker);
        let states = self.states.entry(load).or_default();
        states.insert(worker, (lanes, state.len()));
        let state_bytes = states.values().map(|(_, bytes)| bytes).sum();
        for (what, bytes, most) in [("metrics", self.bytes, MOST_ROWS), ("checkpoints", state_bytes, MOST_STATE)] {
            if bytes > most {
                let (bytes, most) = (size(bytes as f64), size(most as f64));
                let why =
                    format!("This run is too large to be kept: its {what} take {bytes}, at most {most} are kept.");
                return Some(Err(why));
            }
        }
        // Until all workers of a new load have sent one, those of the load before are gone on from.
        if states.values().map(|(lanes, _)| lanes).sum::<usize>() >= of {
            self.whole = Some(load);
            let others = self.states.keys().copied().filter(|l| *l != load);
            self.change.outdated.extend(others);
            self.states.retain(|l, _| *l == load);
        }
        self.change.states.retain(|(l, w, _)| (*l, *w) != (load, worker));
        self.change.states.push((load, worker, state));
        Some(Ok(()))
    }
}

fn runs() -> Vec<(String, String)> {
    store::setting(DRAFTS).and_then(|text| parse(&text)).unwrap_or_default()
}

/// Says at once which draft a run is of; None: the run is not kept any longer.
fn note_run(id: &str, draft: Option<String>) {
    let before = runs();
    let after = noted(before.clone(), id, draft);
    if after != before {
        store::set_setting(DRAFTS, (!after.is_empty()).then(|| write(&after)).as_deref());
    }
}

fn noted(mut runs: Vec<(String, String)>, id: &str, draft: Option<String>) -> Vec<(String, String)> {
    match (runs.iter().position(|(own, _)| own == id), draft) {
        (Some(at), Some(draft)) => runs[at].1 = draft,
        (None, Some(draft)) => runs.insert(0, (id.into(), draft)),
        (_, None) => runs.retain(|(own, _)| own != id),
    }
    runs.truncate(MOST_DRAFTS);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_of_the_draft_that_was_noted_last() {
        let pair = |id: &str, draft: &str| (id.to_string(), draft.to_string());
        let runs = noted(vec![pair("b", "y")], "a", Some("x".into()));
        assert_eq!(runs, [pair("a", "x"), pair("b", "y")]);
        let runs = noted(runs, "b", Some("z".into()));
        assert_eq!(runs, [pair("a", "x"), pair("b", "z")]);
        assert_eq!(noted(runs, "a", None), [pair("b", "z")]);
        let many = (0..9).fold(Vec::new(), |runs, i| noted(runs, &i.to_string(), Some("x".into())));
        assert_eq!((many.len(), many[0].0.as_str()), (MOST_DRAFTS, "8"));
    }

    fn keeper() -> Keeper {
        Keeper { id: "a".into(), ..Keeper::default() }
    }

    #[test]
    fn rows_are_kept_with_the_checkpoint_behind_them() {
        let mut k = keeper();
        k.since.insert(1, (Vec::new(), vec![1.0]));
        assert_eq!(k.take_in(3, 0, (2, 4), vec![0]), Some(Ok(())));
        assert!(k.change.rows.is_empty() && k.whole.is_none(), "another worker's rows, and half of the lanes");
        assert_eq!(k.take_in(3, 1, (2, 4), vec![0]), Some(Ok(())));
        assert_eq!((k.change.rows.len(), k.whole), (1, Some(3)));
    }

    #[test]
    fn the_load_before_is_gone_on_from_until_all_of_the_next_is_there() {
        let mut k = keeper();
        k.take_in(3, 0, (4, 4), vec![0]);
        k.take_in(5, 0, (2, 4), vec![1]);
        assert_eq!((k.whole, k.change.outdated.len()), (Some(3), 0));
        k.take_in(5, 0, (2, 4), vec![2]);
        assert_eq!(k.whole, Some(3), "one worker twice");
        k.take_in(5, 1, (2, 4), vec![3]);
        assert_eq!((k.whole, &k.change.outdated[..]), (Some(5), &[3][..]));
        assert_eq!(k.change.states.len(), 3, "the newest of each worker");
    }

    #[test]
    fn what_is_too_large_is_not_kept_and_says_how_large_it_is() {
        let why = |what: &str| Some(Err(format!("This run is too large to be kept: its {what} are kept.")));
        let mut k = keeper();
        assert_eq!(k.take_in(1, 0, (1, 1), vec![0; MOST_STATE]), Some(Ok(())));
        assert_eq!(k.take_in(1, 1, (1, 2), vec![0; 2_000_000]), why("checkpoints take 66 MB, at most 64 MB"));
        let mut k = keeper();
        k.bytes = 120_000_000;
        assert_eq!(k.take_in(1, 0, (1, 1), vec![0]), why("metrics take 120 MB, at most 96 MB"));
        let mut k = Keeper::default();
        assert_eq!(k.take_in(1, 0, (1, 1), vec![0]), None);
    }
}
