//! Walking through a guided tour. The page's address names the tour and the stop, so that a teacher can link to them.

use crate::browser::address;
use crate::state::app::App;
use crate::state::library::gallery;
use crate::state::library::tours::{Tour, TourPlace};
use leptos::prelude::*;

/// The query parameters of an address that leads to a stop.
const TOUR: &str = "tour";
const STOP: &str = "stop";

impl App {
    /// Begins a tour at its first stop.
    pub fn start_tour(self, tour: Tour) {
        if !tour.stops.is_empty() {
            self.tour.set(Some(TourPlace { tour, stop: 0 }));
            self.tour_to(0);
        }
    }

    /// Goes to a stop of the tour: its experiment opens as it ships, and trains.
    pub fn tour_to(self, stop: usize) {
        let Some(place) = self.tour.get_untracked() else { return };
        let Some(to) = place.tour.stops.get(stop) else { return };
        let experiment = to.experiment.clone();
        self.tour.set(Some(TourPlace { stop, ..place }));
        self.open_soon(experiment);
    }

    /// Ends the tour where it is.
    pub fn leave_tour(self) {
        self.tour.set(None);
        self.save();
    }

    /// An address without a fragment that names the stop while its experiment is on screen, and no other.
    pub(super) fn with_tour(self, address: &str) -> String {
        let on_screen = self.draft.with_untracked(|draft| draft.id.clone());
        let place = self.tour.get_untracked().filter(|place| place.here().experiment == on_screen);
        let stop = place.as_ref().map(|place| (place.stop + 1).to_string());
        address::with_query(address, &[(TOUR, place.map(|place| place.tour.id)), (STOP, stop)])
    }

    /// The stop that the address names, of a tour that goes on: after Back and Forward.
    pub(super) fn follow_tour(self) {
        let Some(place) = self.tour.get_untracked() else { return };
        if let Some(stop) = asked().filter(|(id, _)| *id == place.tour.id).map(|(_, stop)| stop) {
            let stop = stop.min(place.tour.stops.len() - 1);
            self.tour.set(Some(TourPlace { stop, ..place }));
        }
    }

    /// Begins at the stop that the address names; its experiment opens unless it is on screen.
    pub fn tour_at_start(self) {
        let Some((id, stop)) = asked() else { return };
        wasm_bindgen_futures::spawn_local(async move {
            let Ok(index) = gallery::index().await else { return };
            let found = index.tours.into_iter().find(|tour| tour.id == id && !tour.stops.is_empty());
            let Some(tour) = found else { return };
            let stop = stop.min(tour.stops.len() - 1);
            let place = TourPlace { tour, stop };
            let is_here = self.draft.with_untracked(|draft| draft.id == place.here().experiment);
            self.tour.set(Some(place));
            if is_here { self.save() } else { self.tour_to(stop) }
        });
    }
}

/// The tour and the stop, from 0, that the address names.
fn asked() -> Option<(String, usize)> {
    let stop = address::query(STOP).and_then(|stop| stop.parse::<usize>().ok()).unwrap_or(1);
    Some((address::query(TOUR)?, stop.max(1) - 1))
}
