//! Reading within bounds, and writing: to the terminal, and to files that are either whole or not there.

use crate::failure::Failure;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// Most bytes of a case or of episodes on standard input, and of a file of records.
pub const MAX_INPUT: usize = 64 << 20;

/// Prints what a person reads: names and titles come from strangers, and none may steer the terminal.
pub fn say(text: &str) -> Result<(), Failure> {
    print(&plain(text))
}

/// Says something on standard error, which may be closed or full.
pub fn complain(text: &str) -> std::io::Result<()> {
    std::io::stderr().lock().write_all(plain(text).as_bytes())
}

/// Text without control characters, and without those that turn its direction around.
pub fn plain(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Prints data as it is; whoever closed the pipe wants no more of it.
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
    text(std::io::stdin().lock(), MAX_INPUT, "standard input")
}

/// A file of at most so many bytes as text.
pub fn read_file(path: &Path, most: usize) -> Result<String, Failure> {
    let file = File::open(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    text(file, most, &path.display().to_string())
}

/// At most so many bytes of a file; None where there is none, or more in it.
pub fn read_bytes(path: &Path, most: usize) -> Option<Vec<u8>> {
    bytes(File::open(path).ok()?, most).ok()?
}

fn text(from: impl Read, most: usize, name: &str) -> Result<String, Failure> {
    let read = bytes(from, most).map_err(|e| format!("{name} cannot be read: {e}"))?;
    let read = read.ok_or_else(|| format!("{name} cannot be read: it is longer than {most} bytes"))?;
    String::from_utf8(read).map_err(|_| format!("{name} cannot be read: it is no text (UTF-8)").into())
}

/// What there is to read; None where it is more than so many bytes.
fn bytes(from: impl Read, most: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut read = Vec::new();
    from.take(most as u64 + 1).read_to_end(&mut read)?;
    Ok((read.len() <= most).then_some(read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_allowed() {
        assert_eq!(bytes(&b"four"[..], 4).unwrap(), Some(b"four".to_vec()));
        assert_eq!(bytes(&b"fiver"[..], 4).unwrap(), None);
        assert_eq!(bytes(std::io::repeat(0), 1000).unwrap(), None);
    }

    #[test]
    fn text_of_strangers_does_not_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\u{9b}c\r\u{202e}d\n\te ü 腕"), "a�[2Jb�c��d\n\te ü 腕");
    }
}
