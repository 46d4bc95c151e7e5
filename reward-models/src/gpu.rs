//! The page's program for runs on a GPU: what `main` is, with WebGPU beside the processor. A module of its own, since
//! runs on the processor need no part of what it is larger by.

#[cfg(target_family = "wasm")]
mod edge;

#[cfg(target_family = "wasm")]
fn main() {
    edge::serve();
}

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "goodhart-gpu-reward-models: this is the page's; goodhart-reward-models is the terminal's, with either device"
    );
    std::process::ExitCode::FAILURE
}
