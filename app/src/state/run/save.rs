//! Saves the run in hand for the next visit, and goes on with the one that the last visit left.

use crate::browser::plain::{parse, write};
use crate::browser::{framed, time};
use crate::engine_client::Choice;
use crate::model::{Loaded, digest, run_params};
use crate::state::app::App;
use crate::state::notices::Level;
use crate::state::run::phase::Phase;
use crate::storage::runs::{Record, SavedRun};
use crate::storage::{drafts, runs};
use goodhart_core::experiment::{Arm, Experiment};
use goodhart_core::protocol::{EngineKind, RowIndex, wire};
use leptos::prelude::*;

/// Least milliseconds between two writings.
const WRITE_MS: u64 = 250;
/// The setting that says which draft each saved run is of: pairs of the run's name and the draft's. A page that is left does
/// not wait for a record to be written, and a reload soon after an edit would not find the run.
const DRAFTS: &str = "kept-runs";
const MOST_DRAFTS: usize = 4;

impl App {
    /// Loads the draft when the page opens: from where it was left at the last visit, if that was saved.
    pub async fn load_at_start(self, then_run: bool) {
        let draft = self.draft.with_untracked(digest);
        let own: Vec<String> = runs().into_iter().filter(|(_, of)| *of == draft).map(|(id, _)| id).collect();
        let past = runs::find(&draft, &own).await;
        // Something else may have been opened meanwhile.
        if self.draft.with_untracked(digest) != draft || self.loaded.with_untracked(Option::is_some) {
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

    /// The strategies of a saved run under the identities that they have in the draft; None if one is not there.
    fn known(self, experiment: Experiment) -> Option<Loaded> {
        let names: Vec<String> = self.draft.with_untracked(|e| e.arms.iter().map(|arm| arm.name.clone()).collect());
        let ids = self.arms.get_untracked();
        let id = |arm: &Arm| ids.get(names.iter().position(|name| *name == arm.name)?).copied();
        let ids = experiment.arms.iter().map(id).collect::<Option<_>>()?;
        Some(Loaded { experiment, ids })
    }

    /// Whether the checkpoints of a saved run are of all lanes of its experiment, for the engine that is wanted here.
    fn fits(self, experiment: &Experiment, kept: &SavedRun) -> bool {
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

    /// Shows what a saved run had come to; gives the update that all lanes have.
    pub(in crate::state) fn show_saved(self, kept: &mut SavedRun) -> u32 {
        // Rows from after a worker's checkpoint come again.
        let update = self.with_data(|d| {
            d.put_saved(&kept.record.arms, &kept.record.eras, &kept.record.settings, &mut kept.rows);
            // A pause calls lanes back from updates whose rows were saved.
            d.truncate(kept.checkpoints.iter().map(|c| c.update).max().unwrap_or(0) as usize);
            d.complete() as u32
        });
        let text = format!("The run goes on from update {update}, where you left it. Reset starts it anew.");
        self.notify(Level::Info, text, None);
        update
    }

    /// A new run begins: the one before it in this tab is not saved any longer.
    pub(in crate::state) fn save_new_run(self) {
        let old = self.saver.try_update_value(std::mem::take).map(|k| k.id).unwrap_or_default();
        note_draft_of_run(&old, None);
        let id = format!("{:016x}", (js_sys::Math::random() * 2f64.powi(53)) as u64);
        self.saver.update_value(|k| k.id.clone_from(&id));
        wasm_bindgen_futures::spawn_local(async move {
            runs::forget(Some(&old)).await;
            runs::claim(&id).await;
        });
    }

    /// A run of the last visit goes on, under a name of its own; its rows have this visit's numbers of arms.
    pub(in crate::state) fn save_resumed_run(self, run: &SavedRun, lanes: usize) {
        self.save_new_run();
        self.saver.update_value(|k| {
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

    /// Rows came from a worker; they are saved with its next checkpoint.
    pub(in crate::state) fn queue_rows(self, worker: usize, index: &[RowIndex], values: &[f32]) {
        self.saver.update_value(|k| {
            if !k.id.is_empty() {
                let (indices, all) = k.since.entry(worker).or_default();
                indices.extend_from_slice(index);
                all.extend_from_slice(values);
            }
        });
    }

    /// A checkpoint of so many of the run's lanes came from a worker.
    pub(in crate::state) fn queue_checkpoint(self, load: u32, worker: usize, lanes: usize, state: Vec<u8>) {
        let of =
            self.loaded.with_untracked(|l| l.as_ref().map_or(0, |l| l.ids.len())) * self.loaded_run().seeds as usize;
        let kept = self.saver.try_update_value(|k| k.take_in(load, worker, (lanes, of), state));
        match kept.flatten() {
            Some(Ok(())) => self.write_record(),
            Some(Err(why)) => self.stop_saving_run(&why),
            None => {}
        }
    }

    /// The draft changed: the run is found by it at the next visit.
    pub(in crate::state) fn save_run(self) {
        if self.saver.with_value(|k| k.whole.is_some()) {
            self.write_record();
        }
    }

    /// This run is not saved any longer, and the person is told why: a reload would lose it.
    fn stop_saving_run(self, why: &str) {
        let old = self.saver.try_update_value(std::mem::take).map(|k| k.id).unwrap_or_default();
        note_draft_of_run(&old, None);
        // Pages of other sites keep nothing, and say so where they ask for their click.
        if !framed::by_another() {
            self.notify(Level::Warning, format!("{why} A reload begins it anew."), None);
        }
        wasm_bindgen_futures::spawn_local(async move { runs::forget(Some(&old)).await });
    }

    fn write_record(self) {
        let Some((id, load, moved)) = self.saver.with_value(|k| Some((k.id.clone(), k.whole?, k.moved))) else {
            return self.write();
        };
        let Some(loaded) = self.loaded.get_untracked() else { return };
        note_draft_of_run(&id, Some(self.draft.with_untracked(digest)));
        let kind = self.engine.with_untracked(|view| view.as_ref().map_or(EngineKind::Cpu, |view| view.kind));
        let (arms, eras, settings) = self.with_data(|d| (d.numbers(), d.eras(), d.settings()));
        let record = Record {
            draft: self.draft.with_untracked(digest),
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
        self.saver.update_value(|k| k.change.record = Some(record));
        self.write();
    }

    /// Writes what there is, one transaction at a time.
    fn write(self) {
        let begun = self.saver.try_update_value(|k| {
            let change = (!k.writing && !k.id.is_empty()).then(|| std::mem::take(&mut k.change));
            k.writing |= change.is_some();
            Some((k.id.clone(), change?))
        });
        let Some((id, change)) = begun.flatten() else { return };
        wasm_bindgen_futures::spawn_local(async move {
            let written = runs::put(&id, change).await;
            if self.saver.with_value(|k| k.id != id) {
                // Another run began meanwhile.
                return runs::forget(Some(&id)).await;
            }
            if !written {
                return self
                    .stop_saving_run("This run is not kept: the browser has no room for it, or blocks storage.");
            }
            self.saver.update_value(|k| k.writing = false);
            time::after(WRITE_MS, move || {
                if self.saver.with_value(|k| k.id == id && !k.change.is_empty()) {
                    self.write();
                }
            });
        });
    }
}

fn runs() -> Vec<(String, String)> {
    drafts::setting(DRAFTS).and_then(|text| parse(&text)).unwrap_or_default()
}

/// Says at once which draft a run is of; None: the run is not saved any longer.
fn note_draft_of_run(id: &str, draft: Option<String>) {
    let before = runs();
    let after = with_draft(before.clone(), id, draft);
    if after != before {
        drafts::set_setting(DRAFTS, (!after.is_empty()).then(|| write(&after)).as_deref());
    }
}

fn with_draft(mut runs: Vec<(String, String)>, id: &str, draft: Option<String>) -> Vec<(String, String)> {
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
        let runs = with_draft(vec![pair("b", "y")], "a", Some("x".into()));
        assert_eq!(runs, [pair("a", "x"), pair("b", "y")]);
        let runs = with_draft(runs, "b", Some("z".into()));
        assert_eq!(runs, [pair("a", "x"), pair("b", "z")]);
        assert_eq!(with_draft(runs, "a", None), [pair("b", "z")]);
        let many = (0..9).fold(Vec::new(), |runs, i| with_draft(runs, &i.to_string(), Some("x".into())));
        assert_eq!((many.len(), many[0].0.as_str()), (MOST_DRAFTS, "8"));
    }
}
