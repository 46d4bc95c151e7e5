//! The exact oracle: what the optimum of an edited reward is on a small task, and what it is worth, before any training.
//!
//! The page's language module answers in JSON (types in `report`): `oracle(experiment, arm)` gives a `Report`,
//! `distances(experiment)` gives `Distances`; `experiment` is an experiment as JSON text.

pub mod report;
