//! Policies: softmax table, MLP and decoder-only transformer. Each has a parameter layout, an initialisation, and a
//! forward and backward pass on the CPU; the shaders use the same layout.

mod interface;
mod layout;
mod mlp;
mod table;
#[cfg(test)]
mod tests;
mod transformer;

pub use interface::{Built, Inputs, Interface, Policy, PolicyKind, Size, Tensor};
pub use mlp::{Activation, MlpParams};
pub use table::TableParams;
pub use transformer::{MAX_CONTEXT, TransformerParams};

use crate::params::Overrides;
use interface::refuse;

/// Every kind of policy.
pub static POLICIES: &[PolicyKind] = &[table::KIND, mlp::KIND, transformer::KIND];

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static PolicyKind> {
    POLICIES.iter().find(|k| k.name == name)
}

/// Builds a policy for a task's interface; refuses unknown kinds, refused parameters, and a kind that does not fit the
/// task.
pub fn build(name: &str, overrides: &Overrides, interface: &Interface) -> Built {
    let Some(kind) = kind(name) else {
        let names: Vec<&str> = POLICIES.iter().map(|k| k.name).collect();
        return Err(refuse("kind", format!("there is no policy \"{name}\"; there are {}", names.join(", "))));
    };
    kind.build(overrides, interface)
}

impl PolicyKind {
    /// A policy of this kind for a task's interface; refuses what `size` refuses.
    pub fn build(&self, overrides: &Overrides, interface: &Interface) -> Built {
        self.size(overrides, interface)?;
        match self.name {
            "table" => table::build(overrides, interface),
            "mlp" => mlp::build(overrides, interface),
            _ => transformer::build(overrides, interface),
        }
    }
}
