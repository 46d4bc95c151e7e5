//! Opening and keeping experiments: the gallery, links, files, drafts of earlier visits, the browser's history.

pub mod failing_rewards;
pub mod file;
pub mod gallery;
mod history;
pub mod open;
pub mod origin;
mod touring;
pub mod tours;
pub mod trail;
