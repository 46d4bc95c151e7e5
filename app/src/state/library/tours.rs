//! What a guided tour is: an ordered walk through experiments, with a few sentences at every stop; a file of
//! `experiments/tours`.

use serde::Deserialize;

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
