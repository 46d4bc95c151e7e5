//! What comes with the page as files of its own: the index of the gallery, and one file an experiment. Each is fetched when
//! it is needed and then kept.

use crate::browser::modules;
use crate::browser::plain::from_js;
use crate::model::run_params;
use crate::state::library::tours::Tour;
use goodhart_core::experiment::record::ClaimRecord;
use goodhart_core::experiment::{self, Difficulty, Experiment, Outcome, Paper};
use goodhart_core::params::Value;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// What a visitor without a link and without a draft finds.
pub const LANDING: &str = "coin-circling";

/// What a card shows of a claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardClaim {
    pub outcome: Outcome,
    #[serde(default)]
    pub refuted: bool,
    #[serde(default)]
    pub undecided: bool,
    /// None: not measured on held-out seeds.
    #[serde(default)]
    pub held_out: Option<Outcome>,
}

/// What a card shows of the last check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardRecord {
    pub date: String,
    pub metric: String,
    /// By arm, points evenly spaced over the run; None where the metric was not computed.
    pub curves: Vec<Vec<Option<f32>>>,
    pub claims: Vec<CardClaim>,
    pub seeds: u32,
    /// Instances of the task among them; 0: not recorded.
    #[serde(default)]
    pub instances: u32,
    /// Seconds that all seeds took on one core.
    pub seconds: f64,
}

/// One experiment in the gallery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub id: String,
    pub title: String,
    /// Empty where the title says enough.
    pub subtitle: String,
    pub question: String,
    pub difficulty: Option<Difficulty>,
    pub lesson: String,
    pub theme: String,
    /// Its title and its statuses.
    pub paper: Option<Paper>,
    pub task: String,
    pub arms: Vec<String>,
    /// Seeds that the page begins with, where they are fewer than those of the claims.
    pub first_seeds: Option<u32>,
    /// None: not checked yet.
    pub record: Option<CardRecord>,
}

/// The gallery's index, as `web/gallery.mjs` writes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Index {
    pub cards: Vec<Card>,
    #[serde(default)]
    pub tours: Vec<Tour>,
    /// Keys of the base policies that come with the page.
    pub bases: Vec<String>,
}

/// A claim, and what the last check measured of it; None: not measured yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub claim: experiment::Claim,
    pub measured: Option<ClaimRecord>,
}

/// An experiment that comes with the page. Its claims are about the file, not about what a person makes of it.
#[derive(Debug, PartialEq)]
pub struct Shipped {
    pub experiment: Experiment,
    pub claims: Vec<Claim>,
    /// The day of the last check; empty where there was none.
    pub checked: String,
    /// Seeds that its claims are checked over, where the page trains fewer at first.
    pub all_seeds: Option<u32>,
}

/// A file of the gallery, as `web/gallery.mjs` writes it.
#[derive(Deserialize)]
struct File {
    experiment: Experiment,
    record: Option<FileRecord>,
}

/// What the page reads of a `record::Record`.
#[derive(Default, Deserialize)]
struct FileRecord {
    date: String,
    claims: Vec<ClaimRecord>,
}

impl From<File> for Shipped {
    fn from(File { mut experiment, record }: File) -> Self {
        let record = record.unwrap_or_default();
        let claim = |(i, claim): (usize, experiment::Claim)| {
            // A record of an older file may have other claims.
            let measured = record.claims.get(i).filter(|r| r.says == claim.says && r.value.is_some()).cloned();
            Claim { claim, measured }
        };
        let claims = std::mem::take(&mut experiment.claims).into_iter().enumerate().map(claim).collect();
        let all_seeds = experiment.first_seeds.take().map(|first| {
            let all = run_params(&experiment).seeds;
            experiment.run.insert("seeds".into(), Value::Number(f64::from(first)));
            all
        });
        Self { experiment, claims, checked: record.date, all_seeds }
    }
}

thread_local! {
    static KEPT: RefCell<HashMap<String, Rc<Shipped>>> = RefCell::default();
}

/// The index; one sentence where it cannot be had.
pub async fn index() -> Result<Index, String> {
    // index.html asks for it while the page still loads; a later try asks again.
    let told = match modules::gallery().await {
        Ok(told) => told,
        Err(_) => fetch("index.json").await?,
    };
    from_js(told).ok_or_else(|| "The gallery's index is damaged: reload the page.".into())
}

/// An experiment by its id; None where there is no such experiment.
pub async fn experiment(id: &str) -> Result<Option<Rc<Shipped>>, String> {
    if let Some(kept) = kept(id) {
        return Ok(Some(kept));
    }
    if !index().await?.cards.iter().any(|card| card.id == id) {
        return Ok(None);
    }
    let file: Option<File> = from_js(fetch(&format!("{id}.json")).await?);
    let file = file.ok_or_else(|| format!("The experiment \"{id}\" cannot be read: reload the page."))?;
    let shipped = Rc::new(Shipped::from(file));
    KEPT.with_borrow_mut(|kept| kept.insert(id.to_string(), shipped.clone()));
    Ok(Some(shipped))
}

/// An experiment that was fetched before.
pub fn kept(id: &str) -> Option<Rc<Shipped>> {
    KEPT.with_borrow(|kept| kept.get(id).cloned())
}

/// Whether an experiment is just as it came with the page.
pub fn is_shipped(experiment: &Experiment) -> bool {
    !experiment.id.is_empty() && kept(&experiment.id).is_some_and(|shipped| shipped.experiment == *experiment)
}

async fn fetch(name: &str) -> Result<JsValue, String> {
    let told = async {
        let response = JsFuture::from(web_sys::window()?.fetch_with_str(&format!("./gallery/{name}"))).await.ok()?;
        let response = response.dyn_into::<Response>().ok().filter(Response::ok)?;
        JsFuture::from(response.json().ok()?).await.ok()
    };
    told.await
        .ok_or_else(|| format!("The gallery's file {name} could not be fetched. Are you offline? Try again later."))
}
