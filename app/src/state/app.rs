//! The page's state as signals. What changes them stands in the folders beside this file.

use crate::browser::modules::LanguageModule;
use crate::engine_client::{Choice, Client, EngineView};
use crate::model::{ArmId, Loaded, run_params};
use crate::state::draft::checks::{ArmCheck, Language, Sections};
use crate::state::draft::tables::{Catalog, Spec};
use crate::state::internal::Internal;
use crate::state::library::gallery::{Index, Shipped};
use crate::state::library::origin::Origin;
use crate::state::library::tours::TourPlace;
use crate::state::listeners::Listeners;
use crate::state::notices::Notice;
use crate::state::oracle::known::KnownReport;
use crate::state::overlay::Overlay;
use crate::state::run::consent::Consent;
use crate::state::run::curves::RunData;
use crate::state::run::phase::{EditState, Joining, Judged, Phase, Speed};
use crate::state::run::saver::RunSaver;
use goodhart_core::experiment::{Experiment, RunParams};
use goodhart_core::oracle::report::Distances;
use goodhart_core::plan::Problem;
use goodhart_core::plan::cost::Fit;
use goodhart_core::protocol::{Anatomy, TrainedOn};
use leptos::prelude::*;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The experiment before the last change that removed something.
#[derive(Clone, Debug, PartialEq)]
pub struct Undo {
    pub what: String,
    pub experiment: Experiment,
    /// The identities of its arms.
    pub arms: Vec<ArmId>,
    /// Which of the experiment's edits to try it was, and whether the run began anew with it.
    pub tried: Option<usize>,
    pub restarted: bool,
}

/// All of it. Copies are handles on the same state.
#[derive(Clone, Copy)]
pub struct App {
    /// The experiment as the person has it on screen.
    pub draft: RwSignal<Experiment>,
    pub(crate) origin: StoredValue<Origin, LocalStorage>,
    /// The identities of its arms.
    pub arms: RwSignal<Vec<ArmId>>,
    /// What the engine runs.
    pub loaded: RwSignal<Option<Loaded>>,
    /// The chosen arm, and the seed that the anatomy shows.
    pub arm: RwSignal<ArmId>,
    pub seed: RwSignal<u32>,
    pub phase: RwSignal<Phase>,
    /// Updates done by every lane.
    pub update: RwSignal<u32>,
    pub rate: RwSignal<f32>,
    pub speed: RwSignal<Speed>,
    pub engine: RwSignal<Option<EngineView>>,
    /// How the loaded experiment fits into this browser.
    pub fit: RwSignal<Fit>,
    pub choice: RwSignal<Choice>,
    pub notices: RwSignal<Vec<Notice>>,
    pub overlay: RwSignal<Overlay>,
    /// Where in a guided tour the visitor is.
    pub tour: RwSignal<Option<TourPlace>>,
    pub undo: RwSignal<Option<Undo>>,
    /// Counts up when new rows are to be drawn, at most once a frame.
    pub tick: RwSignal<u32>,
    pub verdict: RwSignal<Vec<Judged>>,
    /// Strategies that catch up with the others.
    pub joining: RwSignal<Option<Joining>>,
    /// What the learned reward models came to before the run, by seed.
    pub models: RwSignal<Vec<goodhart_core::reward_models::TrainingReport>>,
    pub models_on: RwSignal<Option<TrainedOn>>,
    pub anatomy: RwSignal<Option<Arc<Anatomy>>>,
    /// The update at which the engine was loaded last: it did not make that update, so it has no groups of it.
    pub loaded_at: RwSignal<u32>,
    /// What the compiler says of each arm's code.
    pub checks: RwSignal<HashMap<ArmId, ArmCheck>>,
    /// How the newest edit of each arm fares in the engine.
    pub edits: RwSignal<HashMap<ArmId, EditState>>,
    /// What is wrong with the draft, so that it could not be loaded.
    pub problems: RwSignal<Vec<Problem>>,
    /// Where the experiment's moment has happened: its arm and update.
    pub moment: RwSignal<Option<(ArmId, u32)>>,
    /// What the oracle last said of an arm, and of the distances between rewards.
    pub oracle: RwSignal<Option<KnownReport>>,
    pub distances: RwSignal<Option<Distances>>,
    /// The link to the draft, or why there is none.
    pub link: RwSignal<Result<String, String>>,
    /// The gallery's index, when it has come; or why it has not.
    pub gallery: RwSignal<Option<Result<Index, String>>>,
    /// The draft's experiment as it came with the page, with what its last check measured.
    pub shipped: RwSignal<Option<Rc<Shipped>>, LocalStorage>,
    /// The tables of parameters; empty ones until the language module is there.
    pub catalog: RwSignal<&'static Catalog>,
    /// What views know of the draft's task.
    pub language: RwSignal<Option<Arc<Language>>>,
    /// Counts up when another experiment is opened, and when the colours change.
    pub opened: RwSignal<u32>,
    pub theme_changed: RwSignal<u32>,
    /// The page was opened at its front door: with nobody's own work and without a link.
    pub front: RwSignal<bool>,
    /// What scripts and embedding pages listen to.
    pub listeners: StoredValue<Listeners, LocalStorage>,
    /// The last program of each strategy that compiled.
    pub(crate) compiled: StoredValue<HashMap<ArmId, String>, LocalStorage>,
    pub(crate) data: StoredValue<RunData, LocalStorage>,
    pub(crate) compiler: StoredValue<Option<LanguageModule>, LocalStorage>,
    /// The parameters that the task's program declares, and the sections that they were told for.
    pub(in crate::state) declared: StoredValue<Option<(Sections, &'static [Spec])>>,
    pub(crate) client: StoredValue<Option<Client>, LocalStorage>,
    pub(crate) internal: StoredValue<Internal, LocalStorage>,
    pub(crate) consent: StoredValue<Consent, LocalStorage>,
    pub(crate) saver: StoredValue<RunSaver, LocalStorage>,
}

impl App {
    /// The state of a page without an experiment on screen and without an engine.
    pub(in crate::state) fn empty(experiment: &Experiment, origin: Origin) -> Self {
        Self {
            draft: RwSignal::new(Experiment { arms: Vec::new(), ..experiment.clone() }),
            origin: StoredValue::new_local(origin),
            arms: RwSignal::new(Vec::new()),
            loaded: RwSignal::new(None),
            arm: RwSignal::new(ArmId::default()),
            seed: RwSignal::new(0),
            phase: RwSignal::new(Phase::Starting),
            update: RwSignal::new(0),
            rate: RwSignal::new(0.0),
            speed: RwSignal::new(Speed::Full),
            engine: RwSignal::new(None),
            fit: RwSignal::new(Fit::default()),
            choice: RwSignal::new(Choice::Auto),
            notices: RwSignal::new(Vec::new()),
            overlay: RwSignal::new(Overlay::None),
            tour: RwSignal::new(None),
            undo: RwSignal::new(None),
            tick: RwSignal::new(0),
            verdict: RwSignal::new(Vec::new()),
            joining: RwSignal::new(None),
            models: RwSignal::new(Vec::new()),
            models_on: RwSignal::new(None),
            anatomy: RwSignal::new(None),
            loaded_at: RwSignal::new(0),
            checks: RwSignal::new(HashMap::new()),
            edits: RwSignal::new(HashMap::new()),
            problems: RwSignal::new(Vec::new()),
            moment: RwSignal::new(None),
            oracle: RwSignal::new(None),
            distances: RwSignal::new(None),
            link: RwSignal::new(Err("what writes links is still loading".into())),
            gallery: RwSignal::new(None),
            shipped: RwSignal::new_local(None),
            catalog: RwSignal::new(Catalog::none()),
            language: RwSignal::new(None),
            opened: RwSignal::new(0),
            theme_changed: RwSignal::new(0),
            front: RwSignal::new(false),
            listeners: StoredValue::new_local(Listeners::default()),
            compiled: StoredValue::new_local(HashMap::new()),
            data: StoredValue::new_local(RunData::default()),
            compiler: StoredValue::new_local(None),
            declared: StoredValue::new(None),
            client: StoredValue::new_local(None),
            internal: StoredValue::new_local(Internal::default()),
            consent: StoredValue::new_local(Consent::default()),
            saver: StoredValue::new_local(RunSaver::default()),
        }
    }

    /// Whether the library is shown in the place of the lab.
    pub fn library_is_open(self) -> bool {
        self.overlay.with(|overlay| matches!(overlay, Overlay::Gallery(_)))
    }

    /// Whether a visitor who has opened nothing yet is at the front door.
    pub fn is_front(self) -> bool {
        self.front.get() && self.opened.get() == 0
    }

    /// The draft's run parameters; the defaults where they are refused.
    pub fn run_params(self) -> RunParams {
        self.draft.with(run_params)
    }

    /// The run parameters in use.
    pub fn loaded_run(self) -> RunParams {
        self.loaded.with(|l| l.as_ref().map(|l| run_params(&l.experiment))).unwrap_or_else(|| self.run_params())
    }

    /// Reads what the run has produced.
    pub fn with_data<T>(self, f: impl FnOnce(&mut RunData) -> T) -> T {
        let mut result = None;
        self.data.update_value(|d| result = Some(f(d)));
        // `update_value` always calls its function: the value lives as long as the page.
        result.unwrap_or_else(|| unreachable!("the run's data is gone"))
    }
}
