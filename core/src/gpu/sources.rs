//! The text of every stage: a generated prelude of constants, the shared files it needs, then the stage's own file.

use super::network::{Layout, Network};
use super::shape::Shape;

/// A stage's name and its complete text.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: &'static str,
    pub text: String,
    /// Buffers that stand in for the ones that the text names: (name in the text, buffer).
    pub aliases: &'static [(&'static str, &'static str)],
}

macro_rules! shader {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders/", $path))
    };
}

const AT: &str = shader!("common/at.wgsl");
const MATHS: &str = shader!("common/maths.wgsl");
const RNG: &str = shader!("common/rng.wgsl");
const RECORD: &str = shader!("common/record.wgsl");
const DLOGIT: &str = shader!("common/dlogit.wgsl");

/// What the stages of an engine are made of.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub shape: &'a Shape,
    pub layout: &'a Layout,
    /// The task's shader twin.
    pub task: &'a str,
}

impl Parts<'_> {
    fn source(&self, name: &'static str, parts: &[&str]) -> Source {
        let mut text = self.shape.wgsl() + &self.layout.wgsl() + AT + MATHS;
        for part in parts {
            text.push_str(part);
            text.push('\n');
        }
        Source { name, text, aliases: &[] }
    }

    /// The stage that plays the samples.
    pub(super) fn rollout(&self) -> Source {
        let (policy, stage) = match self.layout.network {
            Network::Table => (shader!("policy/table.wgsl"), shader!("rollout_table.wgsl")),
            _ => (shader!("policy/mlp.wgsl"), shader!("rollout_mlp.wgsl")),
        };
        self.source("rollout", &[RNG, RECORD, self.task, policy, stage])
    }

    /// The stage that looks again at the sampled actions: with the policy as it is now, or with the reference.
    pub(super) fn forward(&self, reference: bool) -> Source {
        let (policy, stage) = match self.layout.network {
            Network::Table => (shader!("policy/table.wgsl"), shader!("forward_table.wgsl")),
            _ => (shader!("policy/mlp.wgsl"), shader!("forward_mlp.wgsl")),
        };
        let mut source = self.source(if reference { "reference" } else { "forward" }, &[policy, stage]);
        if reference {
            source.aliases = &[("params", "base_params"), ("policy_new", "policy_old")];
        }
        source
    }

    /// The stages that turn coefficients into gradients, in order.
    pub(super) fn backward(&self) -> Vec<Source> {
        let bag = self.source("backward_bag", &[shader!("backward_bag.wgsl")]);
        match self.layout.network {
            Network::Table => {
                let parts = [DLOGIT, shader!("policy/table.wgsl"), shader!("backward_table.wgsl")];
                vec![self.source("backward_table", &parts), bag]
            }
            _ => {
                let parts = [DLOGIT, shader!("policy/mlp.wgsl"), shader!("backward_mlp.wgsl")];
                let dense = self.source("backward_dense", &[shader!("backward_dense.wgsl")]);
                vec![self.source("backward_mlp", &parts), dense, bag]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::network;
    use crate::policy::Tensor;

    fn tensors(shapes: &[(usize, usize)]) -> Vec<Tensor> {
        let mut offset = 0;
        let mut list = Vec::new();
        for (rows, cols) in shapes {
            list.push(Tensor { name: String::new(), offset, rows: *rows, cols: *cols });
            offset += rows * cols;
        }
        list
    }

    fn check(source: &Source) {
        let module = naga::front::wgsl::parse_str(&source.text)
            .unwrap_or_else(|e| panic!("{}: {}", source.name, e.emit_to_string(&source.text)));
        let mut validator =
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::default());
        validator.validate(&module).unwrap_or_else(|e| panic!("{}: {}", source.name, e.emit_to_string(&source.text)));
        let storage = crate::gpu::pipelines::bindings(&source.text).iter().filter(|b| !b.uniform).count();
        assert!(storage <= 8, "{} binds {storage} storage buffers", source.name);
        let bound = module.global_variables.iter().filter(|(_, v)| v.binding.is_some()).count();
        let found = crate::gpu::pipelines::bindings(&source.text).len();
        assert_eq!(bound, found, "{}: every binding must be found by its line", source.name);
    }

    #[test]
    fn every_stage_of_step_tasks_validates() {
        for kind in ["bandit", "gridworld"] {
            let task = crate::tasks::build(kind, &Default::default()).unwrap();
            let crate::tasks::Play::Steps(play) = &task.play else { panic!("{kind} is played in steps") };
            let seen = play.observation();
            let a = task.n_actions;
            for critic in [false, true] {
                let mut table = tensors(&[(seen.states, a), (seen.states, 1)]);
                let mut mlp = vec![(seen.features, 24), (1, 24), (24, 40), (1, 40), (40, a), (1, a)];
                if critic {
                    mlp.extend([(40, 1), (1, 1)]);
                } else {
                    table.pop();
                }
                let layouts = [
                    (1, network::table(&table, critic).unwrap()),
                    (seen.active, network::mlp(&tensors(&mlp), false, critic).unwrap()),
                    (seen.active, network::mlp(&tensors(&mlp), true, critic).unwrap()),
                ];
                for (active, layout) in &layouts {
                    let shape = Shape {
                        arms: 2,
                        lanes: 4,
                        groups: 3,
                        group: 5,
                        steps: task.horizon,
                        actions: a,
                        params: 1000,
                        record: task.schema.stride,
                        active: *active,
                        critic,
                        columns: crate::metrics::columns::ROW,
                        ..Shape::default()
                    };
                    let parts = Parts { shape: &shape, layout, task: task.wgsl };
                    check(&parts.rollout());
                    check(&parts.forward(false));
                    parts.backward().iter().for_each(check);
                }
            }
        }
    }
}
