//! Experiments from files and links.

use crate::failure::Failure;
use crate::output::read_file;
use goodhart_core::experiment::Experiment;
use goodhart_core::experiment::file::{MAX_TEXT, parse, parse_json};
use goodhart_core::link;
use std::path::Path;

/// The experiment of a file, of a link (a whole address or its fragment alone) or of a gallery id (`#landing`).
pub fn open(source: &str) -> Result<Experiment, Failure> {
    let path = Path::new(source);
    // A pipe is as good as a file.
    if path.exists() && !path.is_dir() {
        return open_file(path);
    }
    let fragment = source.split_once('#').map_or(source, |(_, fragment)| fragment);
    let gallery = Path::new("experiments").join(format!("{fragment}.toml"));
    let is_id = !fragment.is_empty() && fragment.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if is_id && gallery.is_file() {
        return open_file(&gallery);
    }
    let looks_like_link = source.contains('#') || fragment.starts_with('g') && fragment.contains('.');
    if !looks_like_link {
        let what = if path.is_dir() { "is a folder, not a file" } else { "is no file, and no link either" };
        return Err(format!("\"{source}\" {what}").into());
    }
    link::decode(fragment).map_err(|e| e.to_string().into())
}

/// The experiment of a file: TOML, or the JSON that the page's `experiment()` gives.
pub fn open_file(path: &Path) -> Result<Experiment, Failure> {
    let text = read_file(path, MAX_TEXT)?;
    let parsed = if text.trim_start().starts_with('{') { parse_json(&text) } else { parse(&text) };
    parsed.map_err(|e| format!("{}: {e}", path.display()).into())
}
