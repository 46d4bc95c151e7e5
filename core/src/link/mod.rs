//! An experiment as a URL fragment, and back. A link is untrusted: it is bounded in size, checked, and never panics. What
//! is made can be opened, or it is not made.
//!
//! The fragment is `g<version>.` and the base64url text of the deflated JSON of the experiment, written without what is
//! default. Claims, notes and what to try next stay behind: they are about the file they came from.

use crate::experiment::file::{MAX_TEXT, ReadError, parse_json};
use crate::experiment::{Experiment, VERSION};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

/// Most characters of a link's fragment.
pub const MAX_LINK: usize = 64 * 1024;

/// Why a link does not open, each a sentence for the reader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("This link holds no experiment.")]
    Empty,
    #[error(
        "This link was made by a newer Goodhart (format {0}, this page reads up to {VERSION}). Reload the page to get the newest version."
    )]
    TooNew(u32),
    #[error("This link is {0} characters long; the longest that can be an experiment is {MAX_LINK}.")]
    TooLong(usize),
    #[error("This link is damaged: {0}. It may have been cut off when it was copied.")]
    Damaged(&'static str),
    #[error("This experiment is longer than {MAX_TEXT} characters, the most that can be opened.")]
    TooLarge,
    #[error("This holds no experiment that can be read: {0}.")]
    Unreadable(String),
}

/// Why an experiment has no link, each a sentence for the person who asked for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLink {
    #[error("the link would be {0} characters long, and one of more than {MAX_LINK} does not open; send it as a file")]
    TooLong(usize),
    #[error("the experiment is {0} characters long, and one of more than {MAX_TEXT} does not open")]
    TooLarge(usize),
    #[error("{0} is not a finite number, which no link can hold")]
    NotFinite(String),
    #[error("the link would not open: {0}")]
    Refused(LinkError),
    #[error("the link would open as another experiment")]
    Changed,
}

/// The fragment (without '#') of an experiment, which `decode` gives back the same.
pub fn encode(experiment: &Experiment) -> Result<String, NoLink> {
    let shared = experiment.to_share();
    // Plain data with string keys always serialises.
    let json = serde_json::to_value(&shared).unwrap_or_default();
    if let Some(path) = null(&json) {
        return Err(NoLink::NotFinite(path));
    }
    let json = serde_json::to_vec(&shared).unwrap_or_default();
    if json.len() > MAX_TEXT {
        return Err(NoLink::TooLarge(json.len()));
    }
    let packed = miniz_oxide::deflate::compress_to_vec(&json, 10);
    let fragment = format!("g{VERSION}.{}", URL_SAFE_NO_PAD.encode(packed));
    if fragment.len() > MAX_LINK {
        return Err(NoLink::TooLong(fragment.len()));
    }
    match decode(&fragment) {
        Ok(same) if same == shared => Ok(fragment),
        Ok(_) => Err(NoLink::Changed),
        Err(e) => Err(NoLink::Refused(e)),
    }
}

/// Where the first null stands: JSON has none for anything but a number that is not finite, since nothing is left out of
/// an experiment by writing null.
fn null(json: &serde_json::Value) -> Option<String> {
    let under = |key: String, value| {
        null(value).map(|path| if path.is_empty() { key.clone() } else { format!("{key}.{path}") })
    };
    match json {
        serde_json::Value::Null => Some(String::new()),
        serde_json::Value::Array(items) => items.iter().zip(1..).find_map(|(x, i): (_, u32)| under(i.to_string(), x)),
        serde_json::Value::Object(map) => map.iter().find_map(|(key, x)| under(key.clone(), x)),
        _ => None,
    }
}

/// The experiment of a fragment (with or without '#').
pub fn decode(fragment: &str) -> Result<Experiment, LinkError> {
    let text = fragment.trim().trim_start_matches('#');
    if text.is_empty() {
        return Err(LinkError::Empty);
    }
    if text.len() > MAX_LINK {
        return Err(LinkError::TooLong(text.len()));
    }
    let damaged = LinkError::Damaged;
    let (head, body) = text.split_once('.').ok_or(damaged("it does not begin like a link"))?;
    let version = head.strip_prefix('g').ok_or(damaged("it does not begin like a link"))?;
    let version: u32 = version.parse().map_err(|_| damaged("its version is not a number"))?;
    if version > VERSION {
        return Err(LinkError::TooNew(version));
    }
    let packed =
        URL_SAFE_NO_PAD.decode(body).map_err(|_| damaged("it has characters that no link has, or lacks some"))?;
    let json = decompress_to_vec_with_limit(&packed, MAX_TEXT).map_err(|e| match e.status {
        TINFLStatus::HasMoreOutput => LinkError::TooLarge,
        _ => damaged("its contents do not unpack"),
    })?;
    let json = String::from_utf8(json).map_err(|_| damaged("its contents are not text"))?;
    read(&json)
}

/// The experiment of a JSON text, within the bounds of links.
pub fn read(json: &str) -> Result<Experiment, LinkError> {
    parse_json(json).map_err(|e| match e {
        ReadError::TooNew(version) => LinkError::TooNew(version),
        ReadError::TooLong(_) => LinkError::TooLarge,
        other => LinkError::Unreadable(other.to_string()),
    })
}
