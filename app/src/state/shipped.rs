//! What comes with the page as files of its own: the index of the gallery, and one file an experiment. Each is fetched when
//! it is needed and then kept.

use crate::parts;
use crate::plain::Plain;
use goodhart_core::experiment::Experiment;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// What a visitor without a link and without a draft finds under the gallery.
pub const LANDING: &str = "grpo-lambda-length";

/// What a card shows of the last check.
#[derive(Clone, Debug, PartialEq)]
pub struct CardRecord {
    pub date: String,
    pub metric: String,
    /// By arm, points evenly spaced over the run; None where the metric was not computed.
    pub curves: Vec<Vec<Option<f32>>>,
    pub claims: usize,
    pub hold: usize,
    pub refuted: usize,
}

/// One experiment in the gallery.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    pub id: String,
    pub title: String,
    pub lesson: String,
    pub theme: String,
    /// The paper's title; empty where there is none.
    pub paper: String,
    pub task: String,
    pub arms: Vec<String>,
    /// None: not checked yet.
    pub record: Option<CardRecord>,
}

/// The gallery's index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    pub cards: Vec<Card>,
    /// Keys of the base policies that come with the page.
    pub bases: Vec<String>,
}

/// A claim, and what the last check measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub says: String,
    /// The measurements are known to refute it, and the file keeps it.
    pub refuted: bool,
    /// ">=" or "<=", and what it is held against.
    pub comparison: String,
    pub threshold: f32,
    /// None: not measured yet.
    pub measured: Option<Measured>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub holds: bool,
    pub value: f32,
    /// Half-width of the 95% interval over seeds.
    pub half_width: f32,
    pub date: String,
}

/// An experiment that comes with the page.
#[derive(Debug, PartialEq)]
pub struct Shipped {
    pub experiment: Experiment,
    pub claims: Vec<Claim>,
}

impl Index {
    fn read(told: &Plain) -> Self {
        let record = |r: Plain| CardRecord {
            date: r.text("date"),
            metric: r.text("metric"),
            curves: r
                .list("curves")
                .iter()
                .map(|c| c.items().iter().map(|x| x.as_number().map(|x| x as f32)).collect())
                .collect(),
            claims: r.count("claims"),
            hold: r.count("hold"),
            refuted: r.count("refuted"),
        };
        let card = |c: &Plain| Card {
            id: c.text("id"),
            title: c.text("title"),
            lesson: c.text("lesson"),
            theme: c.text("theme"),
            paper: c.text("paper"),
            task: c.text("task"),
            arms: c.texts("arms"),
            record: c.some("record").map(record),
        };
        Self { cards: told.list("cards").iter().map(card).collect(), bases: told.texts("bases") }
    }
}

impl Shipped {
    fn read(told: &Plain) -> Option<Self> {
        let written = told.get("experiment");
        let record = told.some("record");
        let checked = record.as_ref().map(|r| r.list("claims")).unwrap_or_default();
        let date = record.map(|r| r.text("date")).unwrap_or_default();
        let claim = |(i, c): (usize, &Plain)| {
            let says = c.text("says");
            // A record of an older file may have other claims.
            let own = checked.get(i).filter(|r| r.text("says") == says);
            let measured = own.and_then(|r| {
                let (value, half_width) = (r.float("value")?, r.float("half_width").unwrap_or(0.0));
                Some(Measured { holds: r.flag("holds"), value, half_width, date: date.clone() })
            });
            let threshold = c.float("threshold").unwrap_or(f32::NAN);
            Claim { says, refuted: c.flag("refuted"), comparison: c.text("comparison"), threshold, measured }
        };
        let claims = written.list("claims").iter().enumerate().map(claim).collect();
        Some(Self { experiment: written.experiment()?, claims })
    }
}

thread_local! {
    static KEPT: RefCell<HashMap<String, Rc<Shipped>>> = RefCell::default();
}

/// The index; one sentence where it cannot be had.
pub async fn index() -> Result<Index, String> {
    // index.html asks for it while the page still loads; a later try asks again.
    let text = match parts::gallery().await {
        Ok(text) => text,
        Err(_) => fetch("index.json").await?,
    };
    Ok(Index::read(&Plain::parse(&text).ok_or("The gallery's index is damaged: reload the page.")?))
}

/// An experiment by its id; None where there is no such experiment.
pub async fn experiment(id: &str) -> Result<Option<Rc<Shipped>>, String> {
    if let Some(kept) = kept(id) {
        return Ok(Some(kept));
    }
    if !index().await?.cards.iter().any(|card| card.id == id) {
        return Ok(None);
    }
    let text = fetch(&format!("{id}.json")).await?;
    let shipped = Plain::parse(&text).and_then(|told| Shipped::read(&told));
    let shipped = Rc::new(shipped.ok_or_else(|| format!("The experiment \"{id}\" cannot be read: reload the page."))?);
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

async fn fetch(name: &str) -> Result<String, String> {
    let text = async {
        let response = JsFuture::from(web_sys::window()?.fetch_with_str(&format!("./gallery/{name}"))).await.ok()?;
        let response = response.dyn_into::<Response>().ok().filter(Response::ok)?;
        JsFuture::from(response.text().ok()?).await.ok()?.as_string()
    };
    text.await
        .ok_or_else(|| format!("The gallery's file {name} could not be fetched. Are you offline? Try again later."))
}
