//! The two engines by name, and the device of the one on WebGPU.

use serde::{Deserialize, Serialize};

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    Cpu,
    Gpu,
}

/// A WebGPU adapter as the browser names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adapter {
    pub name: String,
    /// Runs on the processor (SwiftShader, llvmpipe): say so.
    pub software: bool,
}
