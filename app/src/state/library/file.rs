//! Experiments as files: what has no link, or should not travel as one.

use crate::browser::plain::describe;
use crate::browser::{modules, plain};
use crate::state::app::App;
use crate::state::library::open::decoded;
use crate::state::overlay::Overlay;
use crate::text;
use goodhart_core::experiment::Experiment;
use goodhart_core::experiment::file::MAX_TEXT;
use js_sys::Array;
use leptos::prelude::{Set, document};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File, HtmlAnchorElement, Url};

/// The text of an experiment's file.
pub fn written(experiment: &Experiment) -> String {
    text::indented(&plain::write(&experiment.to_share()))
}

/// Gives the browser a file of an experiment to keep.
pub fn save(experiment: &Experiment) -> Result<(), JsValue> {
    let blob = Blob::new_with_str_sequence(&Array::of1(&written(experiment).into()))?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let anchor: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    anchor.set_href(&url);
    anchor.set_download(&name(&experiment.title));
    anchor.click();
    Url::revoke_object_url(&url)
}

/// A title as the name of a file.
fn name(title: &str) -> String {
    let letters = title.chars().take(60).map(|c| if c.is_alphanumeric() { c } else { '-' }).collect::<String>();
    let words: Vec<&str> = letters.split('-').filter(|word| !word.is_empty()).collect();
    format!("{}.json", if words.is_empty() { "experiment".into() } else { words.join("-").to_lowercase() })
}

/// The experiment of a JSON text that anybody may have sent.
pub async fn read_text(text: &str) -> Result<Experiment, String> {
    decoded(modules::language().await?.read(text).map_err(|e| describe(&e))?)
}

impl App {
    /// Opens a file that the person chose; what is wrong with it stands in front of the gallery.
    pub fn open_file(self, file: File) {
        wasm_bindgen_futures::spawn_local(async move {
            match read_file(&file).await {
                Ok(experiment) => self.open(experiment, true),
                Err(problem) => self.overlay.set(Overlay::Gallery(Some(format!("{}: {problem}", file.name())))),
            }
        });
    }
}

async fn read_file(file: &File) -> Result<Experiment, String> {
    if file.size() > MAX_TEXT as f64 {
        return Err(format!("this file is longer than {MAX_TEXT} bytes, the most that an experiment can have."));
    }
    let text = JsFuture::from(file.text()).await.map_err(|e| describe(&e))?;
    read_text(&text.as_string().unwrap_or_default()).await
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_title_becomes_the_name_of_a_file() {
        assert_eq!(super::name("Zwölf Arme: ../../x\u{202e}"), "zwölf-arme-x.json");
        assert_eq!(super::name("..."), "experiment.json");
        assert_eq!(super::name(&"a".repeat(1000)).len(), 65);
    }
}
