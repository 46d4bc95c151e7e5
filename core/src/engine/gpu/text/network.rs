//! Where a policy's tensors lie, as the tables that shaders walk: layers, looked-up tensors, tiles of weight gradients.

use crate::engine::gpu::device::GpuError;
use crate::policy::{MAX_CONTEXT, Tensor};

/// Entries of the `net` table.
pub const NET_ENTRIES: usize = 32;
/// Entries of the `bags` table.
pub const BAG_ENTRIES: usize = 4;
/// Side of a tile of `backward_dense`.
const TILE: usize = 32;

/// Workgroups that keep a large device busy; fewest rows of a split; most splits.
const BUSY: usize = 160;
const SPLIT_ROWS: usize = 256;
const MAX_SPLITS: usize = 16;

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
pub struct Layout {
    pub network: Network,
    /// Two entries a layer; see `policy/mlp.wgsl`.
    pub net: Vec<[u32; 4]>,
    /// (offset in params, width, offset in a row of deltas, features) of looked-up tensors.
    pub bags: Vec<[u32; 4]>,
    /// The tiles of weight gradients; see `backward_dense.wgsl` and `backward_weights.wgsl`.
    pub tiles: Vec<[u32; 4]>,
    /// Where the tiles of the transformer's dispatches start, in entries of `tiles`: the heads, then per layer the feed
    /// forward and the attention.
    pub tile_starts: Vec<usize>,
    /// Workgroups that share a tile of a weights' gradient, each with a part of the rows.
    pub splits: usize,
    /// Where the task's prior logits lie in a row of kept activations, if it has some.
    pub prior: Option<usize>,
    /// Numbers of a row of kept activations and of a row of deltas.
    pub hidden: usize,
    pub delta: usize,
    /// Widest layer, in rows of `tile`.
    pub width: usize,
}

fn unsupported(what: &str) -> GpuError {
    GpuError::Unsupported(what.to_owned())
}

/// The softmax table: tensor 0 holds the logits, tensor 1 the values of a critic. `prior` logits come from the task.
pub fn table(tensors: &[Tensor], critic: bool, prior: usize) -> Result<Layout, GpuError> {
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
    Ok(Layout {
        network: Network::Table,
        net,
        bags,
        tiles: Vec::new(),
        tile_starts: Vec::new(),
        splits: 1,
        prior: (prior > 0).then_some(0),
        hidden: prior.max(1),
        delta,
        width: delta,
    })
}

/// The MLP: pairs of weights [inputs][outputs] and biases, features first, then the hidden layers, the policy head and,
/// with a critic, the value head. `prior` logits come from the task.
pub fn mlp(tensors: &[Tensor], relu: bool, critic: bool, prior: usize) -> Result<Layout, GpuError> {
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
    Ok(Layout {
        network,
        net,
        bags,
        tiles,
        tile_starts: Vec::new(),
        splits: 1,
        prior: (prior > 0).then_some(total),
        hidden: total + prior,
        delta,
        width,
    })
}

/// Where `backward_weights.wgsl` finds the two sides of a product.
const PLACE_SCRATCH: u32 = 0;
const PLACE_DX: u32 = 1000;
const PLACE_DLOGITS: u32 = 2000;

/// Sizes of a transformer.
#[derive(Clone, Copy, Debug)]
pub struct TransformerSizes {
    pub d: usize,
    pub layers: usize,
    pub heads: usize,
    pub context: usize,
}

/// The transformer, its tensors found by name; they lie as `policy::transformer` lays them.
pub fn transformer(tensors: &[Tensor], sizes: TransformerSizes, critic: bool) -> Result<Layout, GpuError> {
    let TransformerSizes { d, layers, heads, context } = sizes;
    if context > MAX_CONTEXT || d % heads.max(1) != 0 || layers + 2 > NET_ENTRIES {
        return Err(unsupported("a transformer of this shape"));
    }
    let find = |name: &str| {
        tensors.iter().find(|t| t.name == name).ok_or_else(|| unsupported(&format!("a transformer without \"{name}\"")))
    };
    let mut tiles = Vec::new();
    let mut tile_starts = Vec::new();
    // dW = X^T D: the places of X and D, and where in their rows the numbers start.
    let mut product = |tensor: &Tensor, x: (u32, usize), y: (u32, usize)| {
        for i in (0..tensor.rows).step_by(TILE) {
            for j in (0..tensor.cols).step_by(TILE) {
                let corner = i as u32 | (j as u32) << 16;
                tiles.push([tensor.offset as u32, tensor.rows as u32, tensor.cols as u32, corner]);
                tiles.push([x.0, x.1 as u32, y.0, y.1 as u32]);
            }
        }
        tiles.len()
    };
    let normed = (PLACE_SCRATCH, 8 * d);
    let out = find("out")?;
    let mut net = vec![[0; 4]; NET_ENTRIES];
    net[0] = [find("token_embedding")?.offset as u32, find("position_embedding")?.offset as u32, out.offset as u32, 0];
    tile_starts.push(0);
    let mut end = product(out, normed, (PLACE_DLOGITS, 0));
    if critic {
        let value = find("value")?;
        net[0][3] = value.offset as u32;
        net[1][0] = find("value_bias")?.offset as u32;
        end = product(value, normed, (PLACE_DLOGITS, out.cols));
    }
    for l in 0..layers {
        let [qkv, o, up, down] = ["qkv", "o", "up", "down"].map(|name| find(&format!("layers.{l}.{name}")));
        let (qkv, o, up, down) = (qkv?, o?, up?, down?);
        net[2 + l] = [qkv, o, up, down].map(|t| t.offset as u32);
        tile_starts.push(end);
        product(down, (PLACE_SCRATCH, 0), (PLACE_DX, 0));
        end = product(up, normed, (PLACE_SCRATCH, 4 * d));
        tile_starts.push(end);
        product(o, (1 + 3 * l as u32 + 1, 0), (PLACE_DX + 1, 0));
        end = product(qkv, normed, (PLACE_SCRATCH, 0));
    }
    tile_starts.push(end);
    let network = Network::Transformer { d, layers, heads, context };
    let delta = out.cols + usize::from(critic);
    Ok(Layout {
        network,
        net,
        bags: Vec::new(),
        tiles,
        tile_starts,
        splits: 1,
        prior: None,
        hidden: 1,
        delta,
        width: 1,
    })
}

impl Layout {
    /// Splits the rows of the weights' gradients so far that a few lanes keep a large device busy.
    pub fn split(&mut self, lanes: usize, rows: usize) {
        let tiles = match self.network {
            Network::Transformer { .. } => (0..self.jobs().len() as u32).map(|j| self.tiles_of(j) as usize).max(),
            _ => Some(self.tiles.len()),
        };
        let most = (rows / SPLIT_ROWS).clamp(1, MAX_SPLITS);
        self.splits = (BUSY / (tiles.unwrap_or(1) * lanes).max(1)).clamp(1, most);
    }

    /// The entries of `jobs`: what the stages of the transformer's backward pass work on; see `stages`.
    pub fn jobs(&self) -> Vec<u32> {
        match self.network {
            Network::Transformer { layers, .. } => {
                let of_layer = |l: usize| [l, self.tile_starts[1 + 2 * l], self.tile_starts[2 + 2 * l]];
                let entries = [0].into_iter().chain((0..layers).flat_map(of_layer));
                entries.map(|x| x as u32).collect()
            }
            _ => vec![0],
        }
    }

    /// Tiles of the products that an entry of `jobs` starts.
    pub fn tiles_of(&self, job: u32) -> u32 {
        let start = self.jobs().get(job as usize).map_or(0, |at| *at as usize);
        let end = self.tile_starts.iter().copied().find(|end| *end > start).unwrap_or(start);
        ((end - start) / 2) as u32
    }

    /// Numbers of a trow of the transformer's scratch: a feed forward's two sides and a normalised stream; in the
    /// reference pass the keys and values of all layers.
    pub fn scratch(&self) -> usize {
        match self.network {
            Network::Transformer { d, layers, .. } => 9 * d.max(d * layers / 3 + 1),
            _ => 0,
        }
    }

    /// The constants of the prelude that a policy needs.
    pub fn wgsl(&self) -> String {
        let constant = |name: &str, value: usize| format!("const {name}: u32 = {value}u;\n");
        let sizes = constant("DELTA", self.delta) + &constant("HIDDEN", self.hidden) + &constant("WIDTH", self.width);
        let sizes = sizes
            + &constant("PRIOR", usize::from(self.prior.is_some()))
            + &constant("SPLITS", self.splits)
            + &constant("PRIOR_AT", self.prior.unwrap_or(0));
        match self.network {
            Network::Table => sizes,
            Network::Mlp { hidden, relu } => sizes + &constant("LAYERS", hidden) + &constant("RELU", usize::from(relu)),
            Network::Transformer { d, layers, heads, context } => {
                // Room beside the queries for the scores of one head at least.
                let wide = (4 * d).max(d + context).max(self.delta);
                [
                    ("D", d),
                    ("LAYERS", layers),
                    ("HEADS", heads),
                    ("CONTEXT", context),
                    ("PLACES", context.next_multiple_of(64)),
                    ("WIDE", wide),
                    ("AT_ONCE", heads.min((wide - d) / context)),
                    ("SCRATCH", self.scratch()),
                    ("SPLITS", self.splits),
                    ("N_AT", 8 * d),
                    ("PLACE_DX", PLACE_DX as usize),
                    ("PLACE_DLOGITS", PLACE_DLOGITS as usize),
                ]
                .iter()
                .map(|(name, value)| constant(name, *value))
                .collect()
            }
        }
    }
}
