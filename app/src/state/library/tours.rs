//! Guided tours: an ordered walk through experiments, with a few sentences at every stop. A tour is a file of
//! `experiments/tours`; the page's address names the tour and the stop, so that a teacher can link to them.

use crate::browser::address;
use crate::state::app::App;
use crate::state::library::gallery;
use leptos::prelude::*;
use serde::Deserialize;

/// The query parameters of an address that leads to a stop.
const TOUR: &str = "tour";
const STOP: &str = "stop";

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Tour {
    pub id: String,
    pub title: String,
    pub about: String,
    /// What the tour follows.
    pub paper: Option<TourPaper>,
    pub stops: Vec<Stop>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TourPaper {
    pub title: String,
    pub link: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Stop {
    /// The id of an experiment.
    pub experiment: String,
    pub says: String,
}

/// Where a visitor is: a tour and the number of a stop, from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct TourPlace {
    pub tour: Tour,
    pub stop: usize,
}

impl TourPlace {
    pub fn here(&self) -> &Stop {
        &self.tour.stops[self.stop]
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn tours_stop_at_experiments_that_there_are_with_up_to_three_sentences() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
        let files = std::fs::read_dir(folder.join("tours")).unwrap().flatten();
        let tours: Vec<(String, Tour)> = files
            .map(|file| {
                let text = std::fs::read_to_string(file.path()).unwrap();
                let tour: Tour = toml::from_str(&text).unwrap_or_else(|e| panic!("{:?}: {e}", file.path()));
                (file.path().file_stem().unwrap().to_string_lossy().to_string(), tour)
            })
            .collect();
        assert!(tours.len() >= 4);
        for (name, tour) in &tours {
            assert_eq!(*name, tour.id);
            assert!(tour.stops.len() >= 3 && !tour.about.is_empty() && !tour.title.is_empty(), "{name}");
            for stop in &tour.stops {
                assert!(folder.join(format!("{}.toml", stop.experiment)).exists(), "{name}: {}", stop.experiment);
                let sentences = stop.says.matches(". ").count() + 1;
                assert!((1..=3).contains(&sentences) && stop.says.ends_with('.'), "{name}: {}", stop.says);
            }
        }
    }
}
