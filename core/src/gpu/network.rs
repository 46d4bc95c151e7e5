//! Where a policy's tensors lie, as the tables that shaders walk: layers, looked-up tensors, tiles of weight gradients.

use super::device::GpuError;
use crate::policy::Tensor;

/// Entries of the `net` table.
pub(super) const NET_ENTRIES: usize = 32;
/// Entries of the `bags` table.
pub(super) const BAG_ENTRIES: usize = 4;
/// Side of a tile of `backward_dense`.
const TILE: usize = 32;

/// A policy as the shaders see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// Logits by state, and values by state with a critic.
    Table,
    /// A bag of active features, dense layers, heads.
    Mlp { hidden: usize, relu: bool },
    /// A decoder-only transformer.
    Transformer { d: usize, layers: usize, heads: usize, context: usize },
}

/// Tables and sizes made from a parameter layout.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) network: Network,
    /// Two entries a layer; see `policy/mlp.wgsl`.
    pub(super) net: Vec<[u32; 4]>,
    /// (offset in params, width, offset in a row of deltas, features) of looked-up tensors.
    pub(super) bags: Vec<[u32; 4]>,
    /// (layer, first input, first output, 0) of the tiles of dense gradients.
    pub(super) tiles: Vec<[u32; 4]>,
    /// Numbers of a row of kept activations and of a row of deltas.
    pub(super) hidden: usize,
    pub(super) delta: usize,
    /// Widest layer, in rows of `tile`.
    pub(super) width: usize,
}

fn unsupported(what: &str) -> GpuError {
    GpuError::Unsupported(what.to_owned())
}

/// The softmax table: tensor 0 holds the logits, tensor 1 the values of a critic.
pub(super) fn table(tensors: &[Tensor], critic: bool) -> Result<Layout, GpuError> {
    let logits = tensors.first().ok_or_else(|| unsupported("a table without logits"))?;
    let mut net = vec![[0; 4]; NET_ENTRIES];
    let row = |t: &Tensor, at: usize| [t.offset as u32, t.cols as u32, at as u32, t.rows as u32];
    let entry = |t: &Tensor| [t.rows as u32, t.cols as u32, t.offset as u32, 0];
    net[0] = entry(logits);
    let mut bags = vec![row(logits, 0)];
    if critic {
        let values = tensors.get(1).ok_or_else(|| unsupported("a critic without values"))?;
        net[2] = entry(values);
        bags.push(row(values, logits.cols));
    }
    let delta = logits.cols + usize::from(critic);
    Ok(Layout { network: Network::Table, net, bags, tiles: Vec::new(), hidden: 1, delta, width: delta })
}

/// The MLP: pairs of weights [inputs][outputs] and biases, features first, then the hidden layers, the policy head and,
/// with a critic, the value head.
pub(super) fn mlp(tensors: &[Tensor], relu: bool, critic: bool) -> Result<Layout, GpuError> {
    let pairs: Vec<(&Tensor, &Tensor)> = tensors.chunks_exact(2).map(|c| (&c[0], &c[1])).collect();
    let heads = 1 + usize::from(critic);
    if pairs.len() <= heads {
        return Err(unsupported("an MLP without a hidden layer"));
    }
    let layers = pairs.len() - heads;
    if 2 * pairs.len() > NET_ENTRIES {
        return Err(unsupported("an MLP of so many layers"));
    }
    let mut net = vec![[0; 4]; NET_ENTRIES];
    let mut hidden = 0;
    let mut tiles = Vec::new();
    let widths: Vec<usize> = pairs[..layers].iter().map(|(w, _)| w.cols).collect();
    let total: usize = widths.iter().sum();
    let actions = pairs[layers].0.cols;
    for (i, (w, b)) in pairs.iter().enumerate() {
        if b.offset != w.offset + w.rows * w.cols || b.cols != w.cols {
            return Err(unsupported("a layer whose bias does not follow its weights"));
        }
        let (x, y) = match i {
            0 => (0, 0),
            i if i < layers => (hidden - widths[i - 1], hidden),
            i => (total - widths[layers - 1], total + if i == layers { 0 } else { actions }),
        };
        if i < layers {
            hidden += w.cols;
        }
        // The first layer's inputs are looked up: as a dense layer it has its bias alone.
        let inputs = if i == 0 { 0 } else { w.rows };
        net[2 * i] = [inputs as u32, w.cols as u32, w.offset as u32, b.offset as u32];
        net[2 * i + 1] = [x as u32, y as u32, 0, 0];
        for at_input in (0..inputs + 1).step_by(TILE) {
            for at_output in (0..w.cols).step_by(TILE) {
                tiles.push([i as u32, at_input as u32, at_output as u32, 0]);
            }
        }
    }
    let first = pairs[0].0;
    let bags = vec![[first.offset as u32, first.cols as u32, 0, first.rows as u32]];
    let delta = total + actions + usize::from(critic);
    let width = widths.iter().copied().chain([actions + 1]).max().unwrap_or(1);
    if 2 * width * 16 + 1024 > 16384 {
        return Err(GpuError::TooLarge { what: "units of a layer".into(), needs: width as u64, limit: 480 });
    }
    let network = Network::Mlp { hidden: layers, relu };
    Ok(Layout { network, net, bags, tiles, hidden: total, delta, width })
}

impl Layout {
    /// The constants of the prelude that a policy needs.
    pub(super) fn wgsl(&self) -> String {
        let constant = |name: &str, value: usize| format!("const {name}: u32 = {value}u;\n");
        let sizes = constant("DELTA", self.delta) + &constant("HIDDEN", self.hidden) + &constant("WIDTH", self.width);
        match self.network {
            Network::Table => sizes,
            Network::Mlp { hidden, relu } => sizes + &constant("LAYERS", hidden) + &constant("RELU", usize::from(relu)),
            Network::Transformer { d, layers, heads, context } => {
                sizes
                    + &constant("D", d)
                    + &constant("LAYERS", layers)
                    + &constant("HEADS", heads)
                    + &constant("CONTEXT", context)
            }
        }
    }
}
