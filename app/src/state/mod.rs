//! The page's state: signals that views read, and the methods that change them. Views never talk to the engine.

mod catalog;
mod data;
mod edit;
pub mod failing;
pub mod file;
mod find;
mod follow;
mod history;
mod hold;
mod identity;
mod keep;
mod language;
mod listeners;
mod open;
mod oracle;
mod ranges;
mod run;
pub mod shipped;
mod standin;
pub mod store;
mod tell;
mod wait;

pub use catalog::{Catalog, Kind, KindOf, Spec, effective, has_critic, run_params};
pub use data::RunData;
pub use edit::{Table, Undo};
pub use find::Found;
pub use hold::Fit;
pub use identity::{ArmId, Loaded};
pub use language::{ArmCheck, Language, Problem, TaskView};
pub use listeners::{EVENTS, Listeners};
pub use open::{Opened, Origin, blank, told};
pub use oracle::{Distances, Episode, Report};
pub use run::{EditState, Joining, Judged, Phase, Speed};

use crate::engine_client::{Choice, Client, EngineView, Told};
use crate::parts::LanguageModule;
use goodhart_core::experiment::{Experiment, RunParams};
use goodhart_core::protocol::{Anatomy, TrainedOn};
use leptos::prelude::*;
use shipped::{Index, Shipped};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Something to tell the person, until it is dismissed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub id: u32,
    pub level: Level,
    pub text: String,
    /// What the button of the notice does.
    pub action: Option<Action>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    Warning,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Undo,
    Restart,
    /// To the experiment before.
    Back,
    /// Agree to updates that take long.
    Allow,
}

/// How a run is discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    /// Back to update 0, at rest.
    Reset,
    /// Trained anew from update 0.
    Again,
    /// Trained anew on another engine.
    Engine(Choice),
    /// Trained anew with so many seeds.
    Seeds(u32),
}

/// What lies over the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Overlay {
    #[default]
    None,
    /// The list of experiments; with what is wrong with a link, if that is why it is shown.
    Gallery(Option<String>),
    Share,
    Help,
    /// A sample of the anatomy: group and sample.
    Sample(usize, usize),
    /// Whether the run may be discarded.
    Discard(Discard),
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
    pub undo: RwSignal<Option<Undo>>,
    /// Counts up when new rows are to be drawn, at most once a frame.
    pub tick: RwSignal<u32>,
    pub verdict: RwSignal<Vec<Judged>>,
    /// Strategies that catch up with the others.
    pub joining: RwSignal<Option<Joining>>,
    /// What the learned reward models came to before the run, by seed.
    pub models: RwSignal<Vec<goodhart_core::reward_models::Report>>,
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
    pub oracle: RwSignal<Option<Report>>,
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
    /// What scripts and embedding pages listen to.
    pub listeners: StoredValue<Listeners, LocalStorage>,
    /// The last program of each strategy that compiled.
    pub(crate) compiled: StoredValue<HashMap<ArmId, String>, LocalStorage>,
    pub(crate) data: StoredValue<RunData, LocalStorage>,
    pub(crate) compiler: StoredValue<Option<LanguageModule>, LocalStorage>,
    pub(crate) client: StoredValue<Option<Client>, LocalStorage>,
    pub(crate) internal: StoredValue<run::Internal, LocalStorage>,
    pub(crate) hold: StoredValue<hold::Hold, LocalStorage>,
    pub(crate) keeper: StoredValue<keep::Keeper, LocalStorage>,
}

impl App {
    /// The state of a page that shows an experiment; no engine yet.
    pub fn new(experiment: Experiment, origin: Origin) -> Self {
        let app = Self {
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
            listeners: StoredValue::new_local(Listeners::default()),
            compiled: StoredValue::new_local(HashMap::new()),
            data: StoredValue::new_local(RunData::default()),
            compiler: StoredValue::new_local(None),
            client: StoredValue::new_local(None),
            internal: StoredValue::new_local(run::Internal::default()),
            hold: StoredValue::new_local(hold::Hold::default()),
            keeper: StoredValue::new_local(keep::Keeper::default()),
        };
        app.put_draft(experiment);
        app.check_all();
        app.find_record();
        app
    }

    /// Starts the engine; what it says arrives in `told`.
    pub fn start_engine(self, choice: Choice) {
        self.choice.set(choice);
        let client = Client::start(choice, hold::cores(), move |told: Told| self.told(told));
        self.client.set_value(Some(client));
    }

    /// The draft's run parameters; the defaults where they are refused.
    pub fn run_params(self) -> RunParams {
        self.draft.with(run_params)
    }

    /// The run parameters in use.
    pub fn loaded_run(self) -> RunParams {
        self.loaded.with(|l| l.as_ref().map(|l| run_params(&l.experiment))).unwrap_or_else(|| self.run_params())
    }

    /// Tells the person something; the same text is told once.
    pub fn notify(self, level: Level, text: impl Into<String>, action: Option<Action>) {
        let text = text.into();
        self.notices.update(|notices| {
            notices.retain(|n| n.text != text && (action.is_none() || n.action != action));
            let id = notices.iter().map(|n| n.id + 1).max().unwrap_or(0);
            notices.push(Notice { id, level, text, action });
            if notices.len() > 4 {
                notices.remove(0);
            }
        });
    }

    /// What this would do is done, or can no longer be.
    pub(super) fn no_more(self, action: Action) {
        if self.notices.with_untracked(|n| n.iter().any(|n| n.action == Some(action))) {
            self.notices.update(|n| n.retain(|n| n.action != Some(action)));
        }
    }

    pub fn dismiss(self, id: u32) {
        self.notices.update(|n| n.retain(|n| n.id != id));
    }

    /// The arms whose curves there are, with their names.
    pub fn runners(self) -> Vec<(ArmId, String)> {
        let ids = self.with_data(|d| d.ids.clone());
        untrack(|| ids.into_iter().map(|id| (id, self.name_of(id))).collect())
    }

    /// Reads what the run has produced.
    pub fn with_data<T>(self, f: impl FnOnce(&mut RunData) -> T) -> T {
        let mut result = None;
        self.data.update_value(|d| result = Some(f(d)));
        // `update_value` always calls its function: the value lives as long as the page.
        result.unwrap_or_else(|| unreachable!("the run's data is gone"))
    }
}
