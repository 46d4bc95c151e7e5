//! Whoever wants reward models trained asks this program: jobs in, weights out, as bytes of `goodhart_core::protocol::wire`. For
//! the terminal it is a process that reads its standard input, for the page a worker.

#[cfg(target_family = "wasm")]
mod edge;
#[cfg(not(target_family = "wasm"))]
mod pipe;

#[cfg(target_family = "wasm")]
fn main() {
    edge::serve();
}

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    match pipe::serve(&mut std::io::stdin().lock(), &mut std::io::stdout().lock()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("goodhart-reward-models: {e}");
            std::process::ExitCode::FAILURE
        }
    }
}
