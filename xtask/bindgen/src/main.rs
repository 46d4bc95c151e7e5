//! `xtask-bindgen INPUT.wasm OUT_DIR NAME`: the JavaScript glue of a module that cargo compiled, as
//! `wasm-bindgen --target web --no-typescript` writes it.

use std::process::ExitCode;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder, name] = args.as_slice() else {
        eprintln!("usage: xtask-bindgen INPUT.wasm OUT_DIR NAME");
        return ExitCode::FAILURE;
    };
    let mut bindgen = Bindgen::new();
    // The library would leave out where the glue finds its module, which the program does not.
    bindgen.input_path(input).out_name(name).typescript(false).omit_default_module_path(false);
    let outcome = bindgen.web(true).and_then(|b| b.generate(folder));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask-bindgen: {input}: {e:#}");
            ExitCode::FAILURE
        }
    }
}
