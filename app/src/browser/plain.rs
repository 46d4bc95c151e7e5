//! Plain data across the boundary to JavaScript: `serde-wasm-bindgen` both ways.

use js_sys::{JSON, JsString, Reflect};
use serde::{Serialize, de::DeserializeOwned};
use serde_wasm_bindgen::Serializer;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;

/// Plain data as a script sees it: objects, arrays, numbers, text, and null for what is not there.
pub fn to_js<T: Serialize>(value: &T) -> JsValue {
    // Plain data with string keys always serialises.
    value.serialize(&Serializer::json_compatible()).unwrap_or(JsValue::NULL)
}

/// Plain data of a type; None where it is of another. Never for what a script made: its getters could throw, and its
/// nesting has no bound (`text_of` is for that).
pub fn from_js<T: DeserializeOwned>(value: JsValue) -> Option<T> {
    serde_wasm_bindgen::from_value(value).ok()
}

/// Plain data out of the JSON text that `write` made.
pub fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    JSON::parse(text).ok().and_then(from_js)
}

/// The JSON text of plain data.
pub fn write<T: Serialize>(value: &T) -> String {
    // Plain data with string keys always serialises.
    serde_json::to_string(value).unwrap_or_default()
}

/// The JSON text of what a script gives, of at most `most` characters. Everything in it is the script's: getters and
/// `toJSON` that throw, circles, lists without an end. What is too long is given up on the way.
///
/// Errors: one sentence.
pub fn text_of(what: &JsValue, most: usize) -> Result<String, String> {
    let left = Rc::new(Cell::new(Some(most)));
    let seen = left.clone();
    let length = |value: &JsValue| value.dyn_ref::<JsString>().map_or(1, |text| text.length() as usize);
    let count =
        Closure::<dyn Fn(JsValue, JsValue) -> Result<JsValue, JsValue>>::new(move |key: JsValue, value: JsValue| {
            seen.set(seen.get().and_then(|left| left.checked_sub(length(&key) + length(&value))));
            if seen.get().is_some() { Ok(value) } else { Err(JsValue::NULL) }
        });
    let text = JSON::stringify_with_replacer(what, count.as_ref());
    if left.get().is_none() {
        return Err(format!("This is longer than {most} characters, the most that can be opened."));
    }
    match text.map(JsValue::from) {
        Ok(text) => text.as_string().ok_or_else(|| "This is no plain data.".into()),
        Err(e) => Err(format!("This cannot be read as plain data ({}).", describe(&e))),
    }
}

/// A JavaScript error in words; whoever threw it may have made it so that looking at it throws too.
pub fn describe(error: &JsValue) -> String {
    let message = || Reflect::get(error, &"message".into()).ok()?.as_string();
    error.as_string().or_else(message).unwrap_or_else(|| "unknown error".into())
}
