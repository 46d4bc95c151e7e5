//! `cargo xtask serve`.

use crate::install;
use crate::shell::{command, run};
use std::process::Command;

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

/// Builds in release and serves until it is stopped; a change of a source file builds again.
pub fn serve(options: &Options) -> Result<(), String> {
    install::for_page()?;
    println!("building; then the page is at http://127.0.0.1:{}/", options.port);
    let port = options.port.to_string();
    let mut args = vec!["serve", "--release", "--address", "127.0.0.1", "--port", &port];
    if options.open {
        args.push("--open");
    }
    run(&mut trunk(&args))
}

/// A trunk command that uses the tools on PATH and downloads none.
pub fn trunk(args: &[&str]) -> Command {
    let mut trunk = command("trunk", args);
    trunk.env("TRUNK_OFFLINE", "true").env("TRUNK_SKIP_VERSION_CHECK", "true");
    // trunk 0.21 takes NO_COLOR=1 for a mistake and stops.
    trunk.env_remove("NO_COLOR");
    trunk
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
