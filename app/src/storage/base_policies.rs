//! Base policies: shipped as small static files, or warmed up once by the engine and then saved by the browser.

use goodhart_core::engine::warm_start;
use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Response};

const CACHE: &str = "goodhart-bases-1";

/// The base policy of a key, if it is at hand; `ships` says that it comes with the page.
pub async fn find(key: &str, ships: bool) -> Option<Vec<f32>> {
    if ships && let Some(params) = fetch(&format!("./base/{key}.bin")).await {
        return Some(params);
    }
    let found = JsFuture::from(cache().await?.match_with_str(&address(key))).await.ok()?;
    numbers(found.dyn_into::<Response>().ok()?).await
}

/// Saves a base policy that the engine warmed up. Where the browser saves nothing it is made again next time.
pub async fn save(key: &str, params: &[f32]) {
    let Some(cache) = cache().await else { return };
    let body = Uint8Array::from(warm_start::to_bytes(params).as_slice());
    if let Ok(response) = Response::new_with_opt_js_u8_array(Some(&body)) {
        JsFuture::from(cache.put_with_str(&address(key), &response)).await.ok();
    }
}

fn address(key: &str) -> String {
    format!("./kept-base/{key}")
}

async fn cache() -> Option<Cache> {
    let caches = web_sys::window()?.caches().ok()?;
    JsFuture::from(caches.open(CACHE)).await.ok()?.dyn_into().ok()
}

async fn fetch(path: &str) -> Option<Vec<f32>> {
    let response = JsFuture::from(web_sys::window()?.fetch_with_str(path)).await.ok()?;
    numbers(response.dyn_into::<Response>().ok().filter(Response::ok)?).await
}

async fn numbers(response: Response) -> Option<Vec<f32>> {
    let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
    let bytes = Uint8Array::new(&buffer).to_vec();
    warm_start::from_bytes(&bytes).ok()
}
