//! What index.html starts to load beside the page: the code editor, the charts, the reward compiler, the gallery's index.

use crate::browser::plain::describe;
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlElement;

#[wasm_bindgen]
extern "C" {
    /// The module `web/src/editor.js`.
    pub type EditorModule;

    #[wasm_bindgen(method, catch, js_name = createEditor)]
    pub fn create_editor(
        this: &EditorModule,
        parent: &HtmlElement,
        doc: &str,
        label: &str,
        on_change: &Function,
        complete: &Function,
    ) -> Result<EditorHandle, JsValue>;

    #[derive(Clone)]
    pub type EditorHandle;

    #[wasm_bindgen(method, js_name = setText)]
    pub fn set_text(this: &EditorHandle, text: &str);
    #[wasm_bindgen(method, js_name = setDiagnostics)]
    pub fn set_diagnostics(this: &EditorHandle, list: &JsValue);
    #[wasm_bindgen(method)]
    pub fn destroy(this: &EditorHandle);

    /// The module `language/src/main.rs`; plain data in and out.
    #[derive(Clone)]
    pub type LanguageModule;

    #[wasm_bindgen(method, catch)]
    pub fn catalog(this: &LanguageModule) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setTask)]
    pub fn set_task(this: &LanguageModule, sections: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = checkParam)]
    pub fn check_param(this: &LanguageModule, table: &str, name: &str, value: &JsValue) -> Result<String, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn decode(this: &LanguageModule, fragment: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn read(this: &LanguageModule, json: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn encode(this: &LanguageModule, experiment: &JsValue) -> Result<String, JsValue>;
    #[wasm_bindgen(method, catch, js_name = checkTask)]
    pub fn check_task(this: &LanguageModule, code: &str, values: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = baseKeys)]
    pub fn base_keys(this: &LanguageModule, experiment: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn check(this: &LanguageModule, code: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn same(this: &LanguageModule, a: &str, b: &str) -> Result<bool, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn complete(this: &LanguageModule, code: &str, offset: usize) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = completeTask)]
    pub fn complete_task(this: &LanguageModule, code: &str, offset: usize) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn problems(this: &LanguageModule, experiment: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn fit(this: &LanguageModule, experiment: &JsValue, cores: usize, room: f64) -> Result<JsValue, JsValue>;

    /// The module `web/src/oracle.js`.
    pub type OracleModule;

    /// A promise of plain data; of null where there is no answer.
    #[wasm_bindgen(method, catch)]
    pub fn ask(this: &OracleModule, what: &str, experiment: &JsValue, arm: u32) -> Result<Promise, JsValue>;

    /// The module `web/src/charts.js`.
    pub type ChartModule;

    #[wasm_bindgen(method, catch, js_name = createChart)]
    pub fn create_chart(
        this: &ChartModule,
        el: &HtmlElement,
        label: &str,
        arms: &JsValue,
        pull: &Function,
    ) -> Result<ChartHandle, JsValue>;

    #[derive(Clone)]
    pub type ChartHandle;

    #[wasm_bindgen(method)]
    pub fn touch(this: &ChartHandle);
    #[wasm_bindgen(method, js_name = setMarks)]
    pub fn set_marks(this: &ChartHandle, marks: &JsValue);
    #[wasm_bindgen(method, js_name = setLog)]
    pub fn set_log(this: &ChartHandle, log: bool);
    #[wasm_bindgen(method)]
    pub fn rebuild(this: &ChartHandle);
    #[wasm_bindgen(method)]
    pub fn destroy(this: &ChartHandle);
}

async fn module(name: &str) -> Result<JsValue, String> {
    let window = web_sys::window().ok_or("there is no window")?;
    let parts = Reflect::get(&window, &"goodhartParts".into()).map_err(|e| describe(&e))?;
    let promise = Reflect::get(&parts, &name.into()).map_err(|e| describe(&e))?;
    let promise: Promise = promise.dyn_into().map_err(|_| "the page is not complete".to_string())?;
    JsFuture::from(promise).await.map_err(|e| describe(&e))
}

/// The editor's bundle, when it is loaded.
pub async fn editor() -> Result<EditorModule, String> {
    Ok(module("editor").await?.unchecked_into())
}

/// The reward compiler, when it is loaded.
pub async fn language() -> Result<LanguageModule, String> {
    Ok(module("language").await?.unchecked_into())
}

/// The gallery's index (`state::gallery::Index`), when it has come.
pub async fn gallery() -> Result<JsValue, String> {
    module("gallery").await
}

/// The oracle's worker, when its bundle is loaded.
pub async fn oracle() -> Result<OracleModule, String> {
    Ok(module("oracle").await?.unchecked_into())
}

/// The charts' bundle, when it is loaded.
pub async fn charts() -> Result<ChartModule, String> {
    Ok(module("charts").await?.unchecked_into())
}

#[wasm_bindgen]
extern "C" {
    /// The module `web/src/hero.js`.
    pub type HeroModule;

    #[wasm_bindgen(method, catch, js_name = createHero)]
    pub fn create_hero(this: &HeroModule, el: &HtmlElement, choose: &Function) -> Result<HeroHandle, JsValue>;

    #[derive(Clone)]
    pub type HeroHandle;

    #[wasm_bindgen(method, js_name = setTask)]
    pub fn set_task(this: &HeroHandle, task: &JsValue);
    #[wasm_bindgen(method, js_name = setScenes)]
    pub fn set_scenes(this: &HeroHandle, update: u32, strategies: &JsValue);
    #[wasm_bindgen(method)]
    pub fn rebuild(this: &HeroHandle);
    #[wasm_bindgen(method)]
    pub fn destroy(this: &HeroHandle);
}

/// What draws episodes, when its bundle is loaded.
pub async fn hero() -> Result<HeroModule, String> {
    Ok(module("hero").await?.unchecked_into())
}
