//! Writing: to standard output, and to files that are either whole or not there.

use crate::failure::Failure;
use std::io::Write;
use std::path::Path;

/// Prints text; whoever closed the pipe wants no more of it.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| match e.kind() {
        std::io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => format!("standard output cannot be written: {e}").into(),
    })
}

/// Makes a folder for results, or says now, before hours of training, that nothing can be written there.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| format!("{} cannot be made: {e}", folder.display()))?;
    let probe = folder.join(format!(".goodhart.{}.part", std::process::id()));
    let tried = std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe));
    tried.map_err(|e| format!("{} cannot be written to: {e}", folder.display()).into())
}

/// Writes a file beside its place and moves it there, so that no reader ever sees half of it.
pub fn write_whole(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let fail = |e: std::io::Error| Failure::Input(format!("{} cannot be written: {e}", path.display()));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = std::fs::write(&part, contents).and_then(|()| std::fs::rename(&part, path));
    written.map_err(|e| {
        // The part is of no use to anyone; that it cannot be removed adds nothing to the message.
        let _ = std::fs::remove_file(&part);
        fail(e)
    })
}

/// All of standard input as text.
pub fn read_input() -> Result<String, Failure> {
    std::io::read_to_string(std::io::stdin()).map_err(|e| format!("standard input cannot be read: {e}").into())
}

/// A file as text.
pub fn read_file(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()).into())
}
