//! `window.goodhart`: the page for scripts and embedding pages. Everything that crosses is plain data.

use crate::browser::plain::{text_of, to_js};
use crate::state::{App, ArmId, EVENTS, Phase, RunData, file, gallery};
use goodhart_core::experiment::file::MAX_TEXT;
use goodhart_core::link::{LinkError, MAX_LINK};
use goodhart_core::metrics::alarms;
use goodhart_core::protocol::{Adapter, EngineKind};
use js_sys::{Array, Float32Array, Function, JsString, Object, Promise, Reflect};
use leptos::prelude::*;
use serde::Serialize;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;

#[derive(Serialize)]
struct EngineFacts {
    kind: &'static str,
    adapter: Option<String>,
    software: bool,
    workers: usize,
}

#[derive(Serialize)]
struct Fired<'a> {
    arm: &'a str,
    kind: alarms::AlarmKind,
    sees: alarms::Sees,
    update: u32,
    sentence: &'a str,
}

/// Puts the object in place.
pub fn install(app: App) {
    let api = Object::new();
    let put = |name: &str, value: &JsValue| Reflect::set(&api, &name.into(), value).is_ok();

    put("ready", &promise(move |done| app.when_ready(done)));
    let none = |f: Box<dyn Fn() -> JsValue>| Closure::<dyn Fn() -> JsValue>::wrap(f).into_js_value();
    put("experiment", &none(Box::new(move || app.draft.with_untracked(to_js))));
    put("gallery", &none(Box::new(gallery)));
    put(
        "run",
        &none(Box::new(move || {
            app.run();
            let asked = move |update| app.waits_for().map_or(Ok(update), Err);
            promise(move |done| app.when_ready(move |ready| done(ready.and_then(asked))))
        })),
    );
    put(
        "pause",
        &none(Box::new(move || {
            app.pause();
            // Whatever stopped the run, it rests.
            promise(move |done| app.when_resting(move |rests| done(rests.or_else(|_| Ok(app.update.get_untracked())))))
        })),
    );
    put("metrics", &none(Box::new(move || metrics(app))));
    put("alarms", &none(Box::new(move || fired(app))));
    put("engine", &none(Box::new(move || engine(app))));
    let step = Closure::<dyn Fn(JsValue) -> JsValue>::new(move |n: JsValue| {
        let n = n.as_f64().filter(|n| *n >= 1.0).unwrap_or(1.0) as u32;
        promise(move |done| {
            app.when_ready(move |ready| match ready {
                Ok(_) => step(app, n, done),
                Err(e) => done(Err(e)),
            })
        })
    });
    put("step", &step.into_js_value());
    let load = Closure::<dyn Fn(JsValue) -> JsValue>::new(move |what: JsValue| load(app, what));
    put("load", &load.into_js_value());
    let on = Closure::<dyn Fn(JsValue, JsValue) -> Result<JsValue, JsValue>>::new(move |event, f| on(app, event, f));
    put("on", &on.into_js_value());
    Reflect::set(&window(), &"goodhart".into(), &api).ok();
    Effect::new(move |_| {
        let phase = app.phase.with(|p| p.name());
        app.emit("phase", || phase.into());
    });
}

/// A promise of what the gallery shows of every experiment.
fn gallery() -> JsValue {
    wasm_bindgen_futures::future_to_promise(async {
        let index = gallery::index().await.map_err(|e| js_sys::Error::new(&e))?;
        Ok(to_js(&index.cards))
    })
    .into()
}

/// Trains n updates; refused on a finished run, which has none left.
fn step(app: App, n: u32, done: Box<dyn FnOnce(Result<u32, String>)>) {
    if app.is_pausing() {
        return app.when_resting(move |rests| match rests {
            Ok(_) => step(app, n, done),
            Err(e) => done(Err(e)),
        });
    }
    if app.phase.with_untracked(|p| *p == Phase::Finished) {
        return done(Err("The run is finished: run() starts it anew, load() opens another.".into()));
    }
    app.step(n);
    match app.waits_for() {
        Some(question) => done(Err(question)),
        None => app.when_resting(done),
    }
}

/// A promise of the update at which something came to be.
fn promise(start: impl FnOnce(Box<dyn FnOnce(Result<u32, String>)>) + 'static) -> JsValue {
    let mut start = Some(start);
    Promise::new(&mut |resolve, reject| {
        let done = Box::new(move |result: Result<u32, String>| {
            // Calling back into a page that throws is the page's affair.
            match result {
                Ok(update) => resolve.call1(&JsValue::NULL, &f64::from(update).into()).ok(),
                Err(message) => reject.call1(&JsValue::NULL, &js_sys::Error::new(&message)).ok(),
            };
        });
        if let Some(start) = start.take() {
            start(done);
        }
    })
    .into()
}

/// A link, an id or an experiment object; resolves when the engine is ready to train it.
fn load(app: App, what: JsValue) -> JsValue {
    promise(move |done| {
        wasm_bindgen_futures::spawn_local(async move {
            match open(app, &what).await {
                Ok(()) => app.when_ready(done),
                Err(message) => done(Err(message)),
            }
        });
    })
}

/// Scripts may give anything: it is refused within the bounds of links, before it is copied.
async fn open(app: App, what: &JsValue) -> Result<(), String> {
    if let Some(link) = what.dyn_ref::<JsString>() {
        let length = link.length() as usize;
        // Before the fragment stands the address of a page.
        return match length > 2 * MAX_LINK {
            true => Err(LinkError::TooLong(length).to_string()),
            false => app.open_link(&String::from(link), false).await,
        };
    }
    if !what.is_object() {
        return Err("load() takes a link, the id of an experiment, or an experiment as an object.".into());
    }
    let experiment = file::read_text(&text_of(what, MAX_TEXT)?).await?;
    match app.problems_of(&experiment).first() {
        Some(problem) => Err(problem.to_string()),
        None => {
            app.open(experiment, false);
            Ok(())
        }
    }
}

/// {arm: {metric: Float32Array of the seed mean, by update}}
fn metrics(app: App) -> JsValue {
    let runners = app.runners();
    let arms = app.with_data(|data| {
        let of = |(arm, name): (ArmId, String)| {
            let values =
                |data: &mut RunData, metric: &str| data.mean(arm, metric).map(Float32Array::from).unwrap_or_default();
            let own = data.metrics(arm).into_iter().map(|metric| entry(&metric, &values(data, &metric))).collect();
            entry(&name, &object(own))
        };
        runners.into_iter().map(of).collect()
    });
    object(arms)
}

fn entry(key: &str, value: &JsValue) -> Array {
    Array::of2(&key.into(), value)
}

/// An object of entries. Keys are other people's words: set one by one, "__proto__" would not become one.
fn object(entries: Array) -> JsValue {
    Object::from_entries(&entries).map_or(JsValue::NULL, JsValue::from)
}

pub fn fired(app: App) -> JsValue {
    let runners = app.runners();
    let alarms = app.with_data(|data| alarms::detect(&data.curves));
    let fired: Vec<Fired<'_>> = alarms
        .iter()
        .map(|a| Fired {
            arm: runners.get(a.arm as usize).map_or("", |(_, name)| name),
            kind: a.kind,
            sees: alarms::Rule::of(a.kind).sees,
            update: a.update,
            sentence: &a.sentence,
        })
        .collect();
    to_js(&fired)
}

fn engine(app: App) -> JsValue {
    let Some(view) = app.engine.get_untracked() else { return JsValue::NULL };
    to_js(&EngineFacts {
        kind: match view.kind {
            EngineKind::Cpu => "cpu",
            EngineKind::Gpu => "gpu",
        },
        software: view.adapter.as_ref().is_some_and(|a| a.software),
        adapter: view.adapter.map(|a: Adapter| a.name),
        workers: view.workers,
    })
}

/// Calls `f` at every "update" (updates done by every lane), "phase" (its name) or "alarms" (the list); gives a function
/// that ends it.
fn on(app: App, event: JsValue, f: JsValue) -> Result<JsValue, JsValue> {
    let Some(event) = EVENTS.iter().find(|name| event == **name) else {
        let message = format!("There is no such event; there are {}.", EVENTS.join(", "));
        return Err(js_sys::Error::new(&message).into());
    };
    let f = f.dyn_into::<Function>().map_err(|_| js_sys::Error::new("on() takes a function."))?;
    let id = app.listeners.try_update_value(|l| l.add(event, f)).unwrap_or_default();
    Ok(Closure::<dyn FnMut()>::once_into_js(move || app.listeners.update_value(|l| l.remove(id))))
}
