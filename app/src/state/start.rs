//! The state when the page opens, and its engine.

use crate::engine_client::{Choice, Client};
use crate::state::app::App;
use crate::state::library::origin::Origin;
use crate::state::run::fit::cores;
use goodhart_core::experiment::Experiment;
use leptos::prelude::*;

impl App {
    /// The state of a page that shows an experiment; no engine yet.
    pub fn new(experiment: Experiment, origin: Origin) -> Self {
        let app = Self::empty(&experiment, origin);
        app.put_draft(experiment);
        app.check_all();
        app.find_record();
        app
    }

    /// Starts the engine; what it says arrives in `on_client_event`.
    pub fn start_engine(self, choice: Choice) {
        self.choice.set(choice);
        let client = Client::start(choice, cores(), move |event| self.on_client_event(event));
        self.client.set_value(Some(client));
    }
}
