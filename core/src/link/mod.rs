//! An experiment as a URL fragment, and back. A link is untrusted: it is bounded in size, checked, and never panics.
//!
//! The fragment is `g<version>.` and the base64url text of the deflated JSON of the experiment, written without what is
//! default. Claims, notes and what to try next stay behind: they are about the file they came from.

use crate::experiment::{Experiment, VERSION};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Most characters of a link's fragment.
pub const MAX_LINK: usize = 64 * 1024;
/// Most bytes of the JSON inside: a bound on what a small link may unfold to.
pub const MAX_JSON: usize = 1024 * 1024;

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
    #[error("This experiment is {0} characters long; the longest that can be opened is {MAX_JSON}.")]
    TooLarge(usize),
    #[error("This holds no experiment that can be read: {0}.")]
    Unreadable(String),
}

/// The fragment (without '#') of an experiment.
pub fn encode(experiment: &Experiment) -> String {
    // Plain data with string keys always serialises.
    let json = serde_json::to_vec(&experiment.to_share()).unwrap_or_default();
    let packed = miniz_oxide::deflate::compress_to_vec(&json, 10);
    format!("g{VERSION}.{}", URL_SAFE_NO_PAD.encode(packed))
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
    let json = miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, MAX_JSON)
        .map_err(|_| damaged("its contents do not unpack"))?;
    let json = String::from_utf8(json).map_err(|_| damaged("its contents are not text"))?;
    read(&json)
}

/// The experiment of a JSON text, within the bounds of links.
pub fn read(json: &str) -> Result<Experiment, LinkError> {
    if json.len() > MAX_JSON {
        return Err(LinkError::TooLarge(json.len()));
    }
    let experiment: Experiment = serde_json::from_str(json).map_err(|e| LinkError::Unreadable(e.to_string()))?;
    if experiment.version > VERSION {
        return Err(LinkError::TooNew(experiment.version));
    }
    Ok(experiment)
}
