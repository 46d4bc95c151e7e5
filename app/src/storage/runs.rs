//! The run of the last visit, saved by the browser (IndexedDB) so that a reload or a closed tab loses a second of it: what
//! ran, the metric rows, and the last checkpoint of every worker. Storage may be blocked or full: then nothing is saved.
//!
//! One object store, keys are text: `run/<id>` is the run's record, `<id>/rows/<n>` are its rows in the order in which they
//! were saved, and `<id>/state/<load>/<worker>` the checkpoint of a worker.

use crate::browser::plain::{parse, write};
use goodhart_core::protocol::wire::{self, KEPT_VERSION};
use goodhart_core::protocol::{Checkpoint, EngineKind, RowIndex};
use idb::builder::{DatabaseBuilder, ObjectStoreBuilder};
use idb::{Database, KeyRange, ObjectStore, TransactionMode};
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use wasm_bindgen_futures::JsFuture;

const DATABASE: &str = "goodhart";
const STORE: &str = "kept";
/// Runs that are saved: those of the tabs that are open or were closed last.
const MOST: usize = 4;

/// What is known of a saved run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    /// The `KEPT_VERSION` of the page that kept it.
    pub(crate) format: u32,
    /// A digest of the draft that was on screen.
    pub draft: String,
    /// The experiment that ran, as JSON, with the programs and settings in use; and the numbers of its arms in the rows.
    pub experiment: String,
    pub arms: Vec<u32>,
    /// Components of each arm's program, from an update on.
    pub eras: Vec<Vec<(usize, Vec<String>)>>,
    /// The updates of them at which only settings changed; old pages kept none.
    #[serde(default)]
    pub settings: Vec<Vec<usize>>,
    pub kind: EngineKind,
    /// The load that the checkpoints belong to.
    pub load: u32,
    pub moving: bool,
    /// Milliseconds since 1970.
    pub(crate) saved: f64,
}

/// A saved run with all that it needs to go on.
pub struct SavedRun {
    pub record: Record,
    pub rows: Vec<(Vec<RowIndex>, Vec<f32>)>,
    /// One a worker.
    pub checkpoints: Vec<Checkpoint>,
}

/// What is to be written at once.
#[derive(Default)]
pub struct Change {
    pub record: Option<Record>,
    /// Rows by number.
    pub rows: Vec<(u32, Vec<u8>)>,
    /// Checkpoints by load and worker.
    pub states: Vec<(u32, usize, Vec<u8>)>,
    /// Loads whose checkpoints are of no use any more.
    pub outdated: Vec<u32>,
    /// The run that this one takes the place of.
    pub instead_of: Option<String>,
}

impl Change {
    pub fn is_empty(&self) -> bool {
        self.record.is_none() && self.rows.is_empty() && self.states.is_empty() && self.outdated.is_empty()
    }
}

impl Record {
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            format: KEPT_VERSION,
            draft: String::new(),
            experiment: String::new(),
            arms: Vec::new(),
            eras: Vec::new(),
            settings: Vec::new(),
            kind: EngineKind::Cpu,
            load: 0,
            moving: false,
            saved: 0.0,
        }
    }
}

/// The run that was last saved of a draft, by its record or as one of `own`, and that no other tab has.
pub async fn find(draft: &str, own: &[String]) -> Option<SavedRun> {
    let database = open().await?;
    let transaction = database.transaction(&[STORE], TransactionMode::ReadOnly).ok()?;
    let store = transaction.object_store(STORE).ok()?;
    let mut records = records(&store).await;
    records.retain(|r| (r.draft == draft || own.contains(&r.id)) && r.format == KEPT_VERSION);
    let record = records.pop()?;
    let prefix = format!("{}/rows/", record.id);
    let rows = read(&store, &prefix).await?.iter().map(|bytes| wire::decode(bytes).ok()).collect::<Option<_>>()?;
    let prefix = format!("{}/state/{}/", record.id, record.load);
    let states = read(&store, &prefix).await?;
    let checkpoints = states.iter().map(|bytes| wire::decode(bytes).ok()).collect::<Option<Vec<_>>>()?;
    (!checkpoints.is_empty() && claim(&record.id).await).then_some(SavedRun { record, rows, checkpoints })
}

/// Writes all of it, or (false) nothing.
pub async fn put(id: &str, change: Change) -> bool {
    let put = async {
        let database = open().await?;
        let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite).ok()?;
        let store = transaction.object_store(STORE).ok()?;
        for (n, bytes) in &change.rows {
            let key = format!("{id}/rows/{n:08}");
            store.put(&Uint8Array::from(bytes.as_slice()), Some(&key.into())).ok()?.await.ok()?;
        }
        for (load, worker, bytes) in &change.states {
            let key = format!("{id}/state/{load}/{worker:03}");
            store.put(&Uint8Array::from(bytes.as_slice()), Some(&key.into())).ok()?.await.ok()?;
        }
        for load in &change.outdated {
            remove(&store, &format!("{id}/state/{load}/")).await?;
        }
        if let Some(record) = change.record {
            let text = write(&Record { saved: js_sys::Date::now(), ..record });
            store.put(&text.into(), Some(&format!("run/{id}").into())).ok()?.await.ok()?;
        }
        if let Some(old) = change.instead_of {
            store.delete(JsValue::from(format!("run/{old}"))).ok()?.await.ok()?;
            remove(&store, &format!("{old}/")).await?;
        }
        transaction.await.ok().map(|_| ())
    };
    put.await.is_some()
}

/// Removes a run, and those that are more than `MOST`, the oldest first.
pub async fn forget(id: Option<&str>) {
    let forget = async {
        let database = open().await?;
        let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite).ok()?;
        let store = transaction.object_store(STORE).ok()?;
        let known: Vec<String> =
            records(&store).await.into_iter().map(|r| r.id).filter(|r| Some(r.as_str()) != id).collect();
        let old = &known[..known.len().saturating_sub(MOST - 1)];
        for id in id.into_iter().chain(old.iter().map(String::as_str)) {
            store.delete(JsValue::from(format!("run/{id}"))).ok()?.await.ok()?;
            remove(&store, &format!("{id}/")).await?;
        }
        transaction.await.ok().map(|_| ())
    };
    forget.await;
}

thread_local! {
    /// Opened once.
    static OPEN: RefCell<Option<Rc<Database>>> = const { RefCell::new(None) };
}

async fn open() -> Option<Rc<Database>> {
    if crate::browser::framed::by_another() {
        return None;
    }
    if let Some(open) = OPEN.with_borrow(Clone::clone) {
        return Some(open);
    }
    let database = DatabaseBuilder::new(DATABASE)
        .version(1)
        .add_object_store(ObjectStoreBuilder::new(STORE))
        .build()
        .await
        .ok()?;
    let open = Rc::new(database);
    OPEN.with_borrow_mut(|kept| *kept = Some(open.clone()));
    Some(open)
}

/// All records, the one that was written last at the end.
async fn records(store: &ObjectStore) -> Vec<Record> {
    let texts = match range("run/") {
        Some(range) => get_all(store, range).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let mut all: Vec<Record> = texts.iter().filter_map(|text| parse(&text.as_string()?)).collect();
    all.sort_by(|a, b| a.saved.total_cmp(&b.saved));
    all
}

async fn get_all(store: &ObjectStore, range: KeyRange) -> Option<Vec<JsValue>> {
    store.get_all(Some(range.into()), None).ok()?.await.ok()
}

/// The bytes under all keys that begin so, in the order of the keys.
async fn read(store: &ObjectStore, prefix: &str) -> Option<Vec<Vec<u8>>> {
    let found = get_all(store, range(prefix)?).await?;
    found.iter().map(|bytes| Some(bytes.dyn_ref::<Uint8Array>()?.to_vec())).collect()
}

async fn remove(store: &ObjectStore, prefix: &str) -> Option<()> {
    store.delete(range(prefix)?).ok()?.await.ok()
}

/// All keys that begin so.
fn range(prefix: &str) -> Option<KeyRange> {
    KeyRange::bound(&prefix.into(), &format!("{prefix}\u{ffff}").into(), None, None).ok()
}

/// Takes a run for this tab until it is closed; false if another one has it. Where the browser cannot tell, none has.
pub async fn claim(id: &str) -> bool {
    let get = |from: &JsValue, name: &str| Reflect::get(from, &name.into()).ok().filter(|v| !v.is_undefined());
    let locks = web_sys::window().and_then(|w| get(&w.navigator(), "locks"));
    let Some((locks, request)) = locks.and_then(|l| Some((l.clone(), get(&l, "request")?))) else { return true };
    let options = Object::new();
    Reflect::set(&options, &"ifAvailable".into(), &true.into()).unwrap_throw();
    let name = format!("goodhart/{id}");
    let had = Promise::new(&mut |resolve, _| {
        // What the browser waits for before it gives the lock to others: never, while the tab is there.
        let given = Closure::once_into_js(move |lock: JsValue| -> JsValue {
            resolve.call1(&JsValue::NULL, &(!lock.is_null()).into()).ok();
            if lock.is_null() { JsValue::NULL } else { Promise::new(&mut |_, _| ()).into() }
        });
        let arguments = Array::of3(&name.as_str().into(), &options, &given);
        request.unchecked_ref::<Function>().apply(&locks, &arguments).ok();
    });
    JsFuture::from(had).await.is_ok_and(|had| had.is_truthy())
}
