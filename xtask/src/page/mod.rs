//! The page in `target/page`, as `cargo xtask serve` shows it: what `index.html` names, built without trunk, which takes
//! longer to install than the page to build.

mod html;

use crate::shell::{command, output, root, run};
use html::Asset;
use std::path::{Path, PathBuf};

/// The page's document and what it is made of.
pub struct Page {
    html: String,
    assets: Vec<Asset>,
    pub folder: PathBuf,
}

/// What cargo compiles in one call: the modules of a manifest with the same features and profile.
struct Modules {
    manifest: String,
    features: String,
    profile: String,
    bins: Vec<String>,
}

impl Page {
    /// The page that is to be put together in a folder of the repository.
    pub fn read(folder: &str) -> Result<Self, String> {
        let html = std::fs::read_to_string(root().join("index.html")).map_err(|e| format!("index.html: {e}"))?;
        let assets = html::assets(&html)?;
        Ok(Self { html, assets, folder: root().join(folder) })
    }

    /// The page out of the modules that `trunk build --release` has compiled, for tests of how it is put together;
    /// `bindgen` is a build of `xtask-bindgen`.
    pub fn assemble_from_release(&self, bindgen: &Path) -> Result<(), String> {
        std::fs::create_dir_all(&self.folder).map_err(|e| format!("{}: {e}", self.folder.display()))?;
        for asset in self.assets.iter().filter(|asset| asset.get("rel") == "rust" && !is_apart(asset)) {
            self.bind(bindgen, "Cargo.toml", asset.get("data-cargo-profile-release"), asset.get("data-bin"))?;
        }
        self.write_files()
    }

    /// Compiles the product's own modules and writes the files; what is left are the modules that the page asks for
    /// later.
    pub fn compile_own_modules(&self) -> Result<(), String> {
        std::fs::create_dir_all(&self.folder).map_err(|e| format!("{}: {e}", self.folder.display()))?;
        run(&mut command("node", &["web/build.mjs"]))?;
        let own = Modules {
            manifest: "Cargo.toml".into(),
            features: String::new(),
            profile: "wasm-serve".into(),
            bins: self.bins(|asset| !is_apart(asset)),
        };
        self.compile(&own)?;
        self.write_files()
    }

    /// Compiles the modules of workspaces of their own, which the page asks for when an experiment needs them.
    pub fn compile_modules_apart(&self, mut begin: impl FnMut(&str)) -> Result<(), String> {
        for asset in self.assets.iter().filter(|asset| asset.get("rel") == "rust" && is_apart(asset)) {
            let bin = asset.get("data-bin").to_string();
            begin(&bin);
            self.compile(&Modules {
                manifest: asset.get("href").into(),
                features: asset.get("data-cargo-features").into(),
                profile: asset.get("data-cargo-profile-release").into(),
                bins: vec![bin],
            })?;
        }
        Ok(())
    }

    fn bins(&self, which: impl Fn(&Asset) -> bool) -> Vec<String> {
        let rust = self.assets.iter().filter(|asset| asset.get("rel") == "rust" && which(asset));
        rust.map(|asset| asset.get("data-bin").to_string()).collect()
    }

    fn compile(&self, modules: &Modules) -> Result<(), String> {
        let mut args = vec!["build", "--locked", "--target", "wasm32-unknown-unknown", "--manifest-path"];
        args.extend([modules.manifest.as_str(), "--profile", &modules.profile]);
        let packages: Vec<String> = modules
            .bins
            .iter()
            .flat_map(|bin| ["--package".into(), bin.clone(), "--bin".into(), bin.clone()])
            .collect();
        if modules.manifest == "Cargo.toml" {
            args.extend(packages.iter().map(String::as_str));
        } else {
            args.extend(modules.bins.iter().flat_map(|bin| ["--bin", bin.as_str()]));
        }
        if !modules.features.is_empty() {
            args.extend(["--features", &modules.features]);
        }
        run(&mut command("cargo", &args))?;
        run(&mut command("cargo", &["build", "--locked", "--quiet", "--package", "xtask-bindgen"]))?;
        let bindgen = target_folder("Cargo.toml")?.join("debug/xtask-bindgen");
        for bin in &modules.bins {
            self.bind(&bindgen, &modules.manifest, &modules.profile, bin)?;
        }
        Ok(())
    }

    /// The glue of a compiled module, and the loader of a worker's.
    fn bind(&self, bindgen: &Path, manifest: &str, profile: &str, bin: &str) -> Result<(), String> {
        let target = target_folder(manifest)?;
        let wasm = target.join(format!("wasm32-unknown-unknown/{profile}/{bin}.wasm"));
        let (bindgen, wasm) = (bindgen.to_string_lossy(), wasm.to_string_lossy());
        run(&mut command(&bindgen, &[&wasm, &self.folder.to_string_lossy(), bin]))?;
        let loaded = self.assets.iter().any(|a| a.get("data-bin") == bin && a.has("data-loader-shim"));
        if loaded {
            // What trunk writes for `data-loader-shim`.
            write(
                &self.folder.join(format!("{bin}_loader.js")),
                &format!("import init from './{bin}.js';await init();"),
            )?;
        }
        Ok(())
    }

    /// The files, and the document with each link in the words of HTML.
    fn write_files(&self) -> Result<(), String> {
        let mut html = String::new();
        let mut at = 0;
        let mut start = String::new();
        for asset in &self.assets {
            html.push_str(&self.html[at..asset.from]);
            at = asset.to;
            let from = root().join(asset.get("href"));
            let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match asset.get("rel") {
                "css" => html.push_str(&format!("<link rel=\"stylesheet\" href=\"./{name}\">")),
                "icon" => html.push_str(&format!("<link rel=\"icon\" href=\"./{name}\">")),
                _ => {}
            }
            match asset.get("rel") {
                "css" | "icon" | "copy-file" => {
                    let folder = self.folder.join(asset.get("data-target-path"));
                    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
                    std::fs::copy(&from, folder.join(&name)).map_err(|e| format!("{}: {e}", from.display()))?;
                }
                "copy-dir" => {
                    let to = match asset.get("data-target-path") {
                        "" => self.folder.join(&name),
                        path => self.folder.join(path),
                    };
                    copy_folder(&from, &to)?;
                }
                "rust" if asset.get("data-type") != "worker" => start = initializer(asset.get("data-bin"))?,
                "rust" => {}
                other => return Err(format!("index.html: `cargo xtask serve` does not know `rel=\"{other}\"`")),
            }
        }
        html.push_str(&self.html[at..]);
        let html = html.replacen("</body>", &format!("{start}</body>"), 1);
        write(&self.folder.join("index.html"), &html)
    }
}

/// Whether a module belongs to a workspace of its own.
fn is_apart(asset: &Asset) -> bool {
    asset.get("href").starts_with("reward-models/")
}

/// How the page's module starts: `pattern_script` of Trunk.toml.
fn initializer(bin: &str) -> Result<String, String> {
    let config = std::fs::read_to_string(root().join("Trunk.toml")).map_err(|e| format!("Trunk.toml: {e}"))?;
    let config: toml::Table = config.parse().map_err(|e| format!("Trunk.toml: {e}"))?;
    let pattern = config.get("build").and_then(|build| build.get("pattern_script")).and_then(|p| p.as_str());
    let pattern = pattern.ok_or("Trunk.toml: [build] has no pattern_script")?;
    Ok(pattern
        .replace("{base}", "./")
        .replace("{js}", &format!("{bin}.js"))
        .replace("{wasm}", &format!("{bin}_bg.wasm")))
}

/// Where cargo puts what it builds for a manifest.
fn target_folder(manifest: &str) -> Result<PathBuf, String> {
    let args = ["metadata", "--offline", "--no-deps", "--format-version", "1", "--manifest-path", manifest];
    let metadata = output("cargo", &args).ok_or_else(|| format!("cargo metadata of {manifest} failed"))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
    metadata["target_directory"].as_str().map(PathBuf::from).ok_or_else(|| "cargo metadata names no target".into())
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    std::fs::create_dir_all(to).map_err(|e| format!("{}: {e}", to.display()))?;
    for entry in std::fs::read_dir(from).map_err(|e| format!("{}: {e}", from.display()))?.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).map_err(|e| format!("{}: {e}", source.display()))?;
        }
    }
    Ok(())
}
