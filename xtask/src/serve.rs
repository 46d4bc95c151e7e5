//! `cargo xtask serve`.

use crate::page::Page;
use crate::shell::{command, run};
use crate::{fetch, install};
use std::net::TcpListener;
use std::process::Child;
use std::time::{Duration, Instant};

pub struct Options {
    port: u16,
    open: bool,
}

impl Options {
    pub fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self { port: 8080, open: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--open" => options.open = true,
                "--port" => {
                    let port = args.next().ok_or("--port needs a number")?;
                    options.port = port.parse().map_err(|_| format!("--port needs a number, not `{port}`"))?;
                }
                other => return Err(format!("serve has no option `{other}`; it takes --port N and --open")),
            }
        }
        Ok(options)
    }
}

/// Builds the page and serves it until it is stopped. A build that fails ends the command.
pub fn serve(options: &Options) -> Result<(), String> {
    let port = options.port;
    // Asked before a build of minutes.
    TcpListener::bind(("127.0.0.1", port))
        .map_err(|e| format!("port {port} of 127.0.0.1 cannot be used ({e}); choose another one with --port N"))?;
    let mut steps = Steps::new();
    steps.begin("what the build needs", "half a minute the first time");
    install::for_serve()?;
    fetch::fetch()?;
    steps.begin("the page, its compiler and its engine", "5 minutes on two cores the first time");
    let page = Page::read("target/page")?;
    page.compile_own_modules()?;
    let mut host = host(&page, port)?;
    let address = format!("http://127.0.0.1:{port}/");
    println!("\n=== the page is at {address} (after {}); Ctrl+C ends it\n", steps.elapsed());
    if options.open {
        open(&address);
    }
    let rest = page.compile_modules_apart(|module| {
        let (what, long) = match module {
            "goodhart-reward-models" => ("the training of reward models", "2 minutes"),
            _ => ("the same with WebGPU", "5 minutes"),
        };
        steps.begin(
            what,
            &format!("{long} the first time; the page works meanwhile, but for the experiments that learn"),
        );
    });
    if let Err(message) = rest {
        host.kill().ok();
        return Err(message);
    }
    println!("\n=== all of the page is built (after {}); it is at {address}", steps.elapsed());
    let status = host.wait().map_err(|e| format!("the server was lost: {e}"))?;
    if status.success() { Ok(()) } else { Err("the server ended".into()) }
}

/// The server of the page, which it outlives as soon as it answers.
fn host(page: &Page, port: u16) -> Result<Child, String> {
    let folder = page.folder.to_string_lossy().into_owned();
    let mut node = command("node", &["web/host.mjs", &folder, &port.to_string()]);
    let mut host = node.spawn().map_err(|e| format!("node did not start: {e}"))?;
    for _ in 0..100 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(host);
        }
        if let Ok(Some(status)) = host.try_wait() {
            return Err(format!("the server ended ({status})"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    host.kill().ok();
    Err("the server does not answer".into())
}

/// Opens the page in the person's browser, where there is a way to.
fn open(address: &str) {
    if let Err(message) = run(&mut command("xdg-open", &[address])) {
        println!("{message}: open {address} in a browser");
    }
}

/// Says what is done, how long it should take, and how long it took.
struct Steps {
    started: Instant,
    step: Option<(String, Instant)>,
}

impl Steps {
    fn new() -> Self {
        Self { started: Instant::now(), step: None }
    }

    fn begin(&mut self, what: &str, usual: &str) {
        self.end();
        println!("\n=== {what} (about {usual})");
        self.step = Some((what.into(), Instant::now()));
    }

    fn end(&mut self) {
        if let Some((what, begun)) = self.step.take() {
            println!("=== {what}: {:.0} s", begun.elapsed().as_secs_f64());
        }
    }

    fn elapsed(&mut self) -> String {
        self.end();
        let seconds = self.started.elapsed().as_secs();
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use crate::shell::{output, root};

    /// trunk stops at a path that is not there, so none may be something that a build makes.
    #[test]
    fn what_trunk_watches_is_there_in_a_fresh_clone() {
        let config = std::fs::read_to_string(root().join("Trunk.toml")).unwrap();
        let list = config.split_once("\nwatch = [").and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
        let paths: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        assert!(paths.len() > 5, "{paths:?}");
        for path in paths {
            let tracked = output("git", &["ls-files", "--", path]).unwrap_or_default();
            assert!(!tracked.trim().is_empty(), "{path} is in no clone");
        }
    }
}
