//! Running other programs from the root of the repository.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the repository.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// A command that runs in the root, with the npm tools of `web/` (wasm-opt) before everything else on PATH.
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    let mut path = vec![root().join("web/node_modules/.bin")];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    if let Ok(joined) = std::env::join_paths(path) {
        command.env("PATH", joined);
    }
    command
}

/// A trunk command as a person types it.
pub fn trunk(args: &[&str]) -> Command {
    let mut trunk = command("trunk", args);
    trunk.env("TRUNK_SKIP_VERSION_CHECK", "true");
    // trunk 0.21 takes NO_COLOR=1 for a mistake and stops.
    trunk.env_remove("NO_COLOR");
    trunk
}

/// The command as a person would type it.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs a command, its output passed through; an error names the command and how it ended.
pub fn run(command: &mut Command) -> Result<(), String> {
    println!("$ {}", line(command));
    let status = command.status().map_err(|e| format!("`{}` did not start: {e}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", line(command))) }
}

/// Like `run`, and returns what it printed on both streams.
pub fn run_tee(command: &mut Command) -> Result<String, String> {
    println!("$ {}", line(command));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("`{}` did not start: {e}", line(command)))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let text = std::thread::scope(|scope| {
        let err = scope.spawn(|| err.map_or_else(String::new, |stream| tee(stream, std::io::stderr())));
        let mut text = out.map_or_else(String::new, |stream| tee(stream, std::io::stdout()));
        text.push_str(&err.join().unwrap_or_default());
        text
    });
    let status = child.wait().map_err(|e| format!("`{}` was lost: {e}", line(command)))?;
    if status.success() { Ok(text) } else { Err(format!("`{}` failed ({status})", line(command))) }
}

fn tee(from: impl Read, mut to: impl Write) -> String {
    let mut text = String::new();
    let mut reader = BufReader::new(from);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
        let piece = String::from_utf8_lossy(&bytes);
        // A closed terminal is no reason to stop the checks.
        let _ = to.write_all(piece.as_bytes());
        text.push_str(&piece);
        bytes.clear();
    }
    text
}

/// What a command prints on its standard output, or None if it does not exist or fails.
pub fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = command(program, args).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program is on PATH (the npm tools of `web/` included).
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let npm = root().join("web/node_modules/.bin");
    std::iter::once(npm).chain(std::env::split_paths(&path)).any(|folder| folder.join(program).is_file())
}
