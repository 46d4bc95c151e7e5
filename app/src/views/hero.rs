//! What each strategy does: the samples of the update on screen, all strategies side by side, drawn by the hero's bundle.

use crate::browser::modules::{self, HeroHandle};
use crate::browser::plain::{describe, to_js};
use crate::state::{App, ArmId, Language, TaskView};
use goodhart_core::protocol::{Sample, Scene};
use js_sys::{Array, Float32Array, Object, Reflect, Uint32Array};
use leptos::html::Div;
use leptos::prelude::*;
use serde::Serialize;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;

/// What the bundle is told of a task.
#[derive(Serialize)]
struct Task<'a> {
    view: &'a TaskView,
    tokens: &'a [String],
    actions: &'a [String],
    horizon: usize,
}

/// A strategy as the bundle names it.
struct Strategy {
    id: ArmId,
    name: String,
    is_chosen: bool,
}

pub fn view(app: App) -> impl IntoView {
    let host = NodeRef::<Div>::new();
    let hero = RwSignal::new_local(None::<HeroHandle>);
    let chooser = StoredValue::new_local(None::<Closure<dyn Fn(u32)>>);
    let failed = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        wasm_bindgen_futures::spawn_local(async move {
            let choose = Closure::<dyn Fn(u32)>::new(move |id| app.choose_arm(ArmId::from_number(id)));
            let made = match modules::hero().await {
                Ok(module) => module.create_hero(&host, choose.as_ref().unchecked_ref()).map_err(|e| describe(&e)),
                Err(e) => Err(e),
            };
            match made {
                Ok(handle) => {
                    chooser.try_set_value(Some(choose));
                    hero.try_set(Some(handle));
                }
                Err(e) => drop(failed.try_set(Some(format!("The drawings did not load: {e}.")))),
            }
        });
    });
    let strategies = Memo::new(move |_| app.arms.get().into_iter().map(|id| (id, app.name_of(id))).collect::<Vec<_>>());
    // The task first, where it is another one: the samples are read by its fields.
    Effect::new(move |known: Option<Option<Arc<Language>>>| {
        let language = app.language.get();
        let known = known.flatten();
        let hero = hero.get()?;
        let Some(language) = language else { return known };
        if known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &language)) {
            hero.set_task(&task(&language));
        }
        let chosen = app.arm.get();
        let all = strategies.get();
        let strategies = all.into_iter().map(|(id, name)| Strategy { id, name, is_chosen: id == chosen });
        app.anatomy.with(|anatomy| {
            let scenes = anatomy.as_ref().map(|a| a.scenes.as_slice()).unwrap_or_default();
            let list: Array = strategies
                .map(|own| strategy(&own, scenes.iter().find(|scene| scene.arm == own.id.number())))
                .collect();
            hero.set_scenes(anatomy.as_ref().map_or(0, |a| a.update), &list);
        });
        Some(language)
    });
    Effect::new(move |seen: Option<u32>| {
        let now = app.theme_changed.get();
        if seen.is_some_and(|seen| seen != now)
            && let Some(hero) = hero.get_untracked()
        {
            hero.rebuild();
        }
        now
    });
    on_cleanup(move || {
        if let Some(Some(hero)) = hero.try_get_untracked() {
            hero.destroy();
        }
    });
    view! {
        <div node_ref=host class="hero" role="group" aria-label="What each strategy does" data-own-keys=""></div>
        {move || failed.get().map(|e| view! { <p class="empty">{e}</p> })}
    }
}

/// The task with its fields by name: offset, whether it is a list, and its capacity.
fn task(language: &Language) -> JsValue {
    let told = to_js(&Task {
        view: &language.view,
        tokens: &language.schema.tokens,
        actions: &language.action_names,
        horizon: language.schema.horizon,
    });
    let fields = Object::new();
    for field in &language.schema.fields {
        let place = Array::of3(&field.offset.into(), &field.ty.is_list().into(), &field.cap.into());
        put(&fields, &field.name, &place);
    }
    put(&told, "fields", &fields);
    told
}

/// Sets a property; a plain object takes any.
fn put(object: &JsValue, name: &str, value: &JsValue) {
    Reflect::set(object, &name.into(), value).ok();
}

fn strategy(own: &Strategy, scene: Option<&Scene>) -> JsValue {
    let told = Object::new();
    put(&told, "id", &own.id.number().into());
    put(&told, "name", &own.name.as_str().into());
    put(&told, "color", &own.id.color().into());
    put(&told, "chosen", &own.is_chosen.into());
    if let Some(scene) = scene {
        put(&told, "scene", &written(scene));
    }
    told.into()
}

fn written(scene: &Scene) -> JsValue {
    let told = Object::new();
    put(&told, "group", &scene.group.into());
    put(&told, "prompt", &Uint32Array::from(scene.prompt.as_slice()));
    put(&told, "samples", &scene.samples.iter().map(sample).collect::<Array>());
    put(&told, "policy", &Float32Array::from(scene.policy.as_slice()));
    put(&told, "visits", &Array::from_iter(scene.visits.iter().map(|v| JsValue::from(*v))));
    put(&told, "paid", &Array::from_iter(scene.paid.iter().map(|v| JsValue::from(*v))));
    put(&told, "taken", &Array::from_iter(scene.taken.iter().map(|v| JsValue::from(*v))));
    told.into()
}

fn sample(sample: &Sample) -> JsValue {
    let told = Object::new();
    put(&told, "record", &Float32Array::from(sample.record.as_slice()));
    put(&told, "actions", &Uint32Array::from(sample.actions.as_slice()));
    put(&told, "reward", &sample.reward.map_or(JsValue::NULL, JsValue::from));
    put(&told, "score", &sample.true_score.into());
    put(&told, "advantage", &sample.advantage.into());
    told.into()
}
