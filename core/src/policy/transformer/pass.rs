//! What a pass keeps: its rows, their activations, and the keys and values of every slot.
//!
//! Rows are positions that went through the layers: first the prompts [groups][prompt_len], then the tokens of the
//! samples in the order of the calls. A slot is a sequence with its own keys and values: first one a group (its prompt),
//! then one a sample (a copy of the prompt's, then its own).

use super::shape::PassSizes;

/// One layer's activations.
#[derive(Default)]
pub(super) struct LayerPass {
    /// Normed input of the attention [rows][d] and 1 / rms [rows].
    pub norm1: Vec<f32>,
    pub inverse1: Vec<f32>,
    /// Queries, keys and values [rows][3 d].
    pub qkv: Vec<f32>,
    /// Attention's output before its projection [rows][d].
    pub mixed: Vec<f32>,
    /// Normed input of the feed-forward layer [rows][d] and 1 / rms [rows].
    pub norm2: Vec<f32>,
    pub inverse2: Vec<f32>,
    /// After GELU [rows][4 d], and GELU's derivative there.
    pub hidden: Vec<f32>,
    pub slope: Vec<f32>,
    /// Keys [slots][heads][head size][columns]: a column a position, so that the scores of a query are a row.
    pub keys: Vec<f32>,
    /// Values [slots][columns][d].
    pub values: Vec<f32>,
    /// Attention probabilities [slots][heads][slot rows][columns], 0 beyond the query's position.
    pub probabilities: Vec<f32>,
}

pub(super) struct Pass {
    pub keep: bool,
    /// The first step, whose logits come from the prompt, was made.
    pub started: bool,
    pub groups: usize,
    pub prompt_rows: usize,
    pub layers: Vec<LayerPass>,
    /// The final norm [rows][d] and 1 / rms [rows].
    pub norm: Vec<f32>,
    pub inverse: Vec<f32>,
    /// The residual stream of a block of rows.
    pub stream: Vec<f32>,
    /// Head outputs of a block of rows, and of the prompts' rows.
    pub outputs: Vec<f32>,
    pub prompt_outputs: Vec<f32>,
    /// Of every row: its token, position and slot.
    pub token: Vec<u32>,
    pub position: Vec<u32>,
    pub slot: Vec<u32>,
    /// Of every sample: its group, and its rows so far.
    pub group_of: Vec<u32>,
    pub own_rows: Vec<u32>,
    /// Row of sample s's k-th own position: [samples][slot rows].
    pub row_of: Vec<u32>,
    /// The row behind every logits row that the caller got.
    pub caller_rows: Vec<u32>,
}

/// Grows a buffer, keeping what it holds.
pub(super) fn grow(buffer: &mut Vec<f32>, n: usize) {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
}

impl Pass {
    pub fn new(layers: usize) -> Self {
        Self {
            keep: true,
            started: false,
            groups: 0,
            prompt_rows: 0,
            layers: (0..layers).map(|_| LayerPass::default()).collect(),
            norm: Vec::new(),
            inverse: Vec::new(),
            stream: Vec::new(),
            outputs: Vec::new(),
            prompt_outputs: Vec::new(),
            token: Vec::new(),
            position: Vec::new(),
            slot: Vec::new(),
            group_of: Vec::new(),
            own_rows: Vec::new(),
            row_of: Vec::new(),
            caller_rows: Vec::new(),
        }
    }

    /// Rows of the pass.
    pub fn rows(&self) -> usize {
        self.token.len()
    }

    /// Forgets the last pass and takes the prompts' rows.
    pub fn begin(&mut self, shape: &PassSizes, prompts: &[u32], group_of: &[u32]) {
        self.started = false;
        self.groups = prompts.len() / shape.prompt_len;
        self.prompt_rows = self.groups * shape.prompt_len;
        self.group_of.clear();
        self.group_of.extend_from_slice(group_of);
        self.own_rows.clear();
        self.own_rows.resize(group_of.len(), 0);
        self.row_of.clear();
        self.row_of.resize(group_of.len() * shape.slot_rows, 0);
        self.caller_rows.clear();
        self.token.clear();
        self.position.clear();
        self.slot.clear();
        for (i, &token) in prompts[..self.prompt_rows].iter().enumerate() {
            self.push(shape, token, i % shape.prompt_len, i / shape.prompt_len);
        }
        let slots = self.groups + group_of.len();
        for layer in &mut self.layers {
            grow(&mut layer.keys, slots * shape.d * shape.columns);
            grow(&mut layer.values, slots * shape.columns * shape.d);
            grow(&mut layer.probabilities, slots * shape.heads * shape.slot_rows * shape.columns);
        }
    }

    fn push(&mut self, shape: &PassSizes, token: u32, position: usize, slot: usize) {
        self.token.push(token.min(shape.vocabulary as u32 - 1));
        self.position.push(position as u32);
        self.slot.push(slot as u32);
    }

    /// The first row of what follows. Where nothing is kept, rows take the place of the last call's.
    pub fn begin_rows(&mut self) -> usize {
        if !self.keep {
            self.token.truncate(self.prompt_rows);
            self.position.truncate(self.prompt_rows);
            self.slot.truncate(self.prompt_rows);
        }
        self.rows()
    }

    /// Appends a sample's next row: the token that it wrote last.
    pub fn append(&mut self, shape: &PassSizes, sample: u32, token: u32) {
        let row = self.rows() as u32;
        let s = sample as usize;
        let own = self.own_rows[s] as usize;
        self.own_rows[s] += 1;
        self.row_of[s * shape.slot_rows + own] = row;
        self.caller_rows.push(row);
        self.push(shape, token, shape.prompt_len + own, self.groups + s);
    }

    /// Gives a sample another's keys and values.
    pub fn fork(&mut self, shape: &PassSizes, from: u32, to: u32) {
        let (from, to) = (from as usize, to as usize);
        let size = shape.d * shape.columns;
        let known = (shape.prompt_len + self.own_rows[from] as usize) * shape.d;
        let [source, target] = [from, to].map(|sample| (self.groups + sample) * size);
        for layer in &mut self.layers {
            layer.keys.copy_within(source..source + size, target);
            layer.values.copy_within(source..source + known, target);
        }
        self.own_rows[to] = self.own_rows[from];
    }

    /// Makes room for all rows.
    pub fn make_room(&mut self, shape: &PassSizes) {
        let (rows, d) = (self.rows(), shape.d);
        for layer in &mut self.layers {
            for (buffer, width) in [
                (&mut layer.norm1, d),
                (&mut layer.inverse1, 1),
                (&mut layer.qkv, 3 * d),
                (&mut layer.mixed, d),
                (&mut layer.norm2, d),
                (&mut layer.inverse2, 1),
                (&mut layer.hidden, 4 * d),
                (&mut layer.slope, 4 * d),
            ] {
                grow(buffer, rows * width);
            }
        }
        grow(&mut self.norm, rows * d);
        grow(&mut self.inverse, rows);
    }
}
