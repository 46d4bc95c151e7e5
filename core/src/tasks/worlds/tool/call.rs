//! What a completion of the tool task says: its tags, and the calls that are written between them.

/// Most keys; the bound of the shader's array.
pub const MAX_KEYS: usize = 6;

/// The stage of the format in which all is written.
pub const DONE: u32 = 5;
pub const MARKS: [&str; 6] = ["<t>", "</t>", "<call>", "</call>", "EOS", "hmm"];

/// Which id means what.
pub struct Grammar {
    /// How many there are of each kind.
    pub tools: u32,
    pub n_keys: u32,
    pub n_values: u32,
    /// The first id of each kind; before them, from 0, stand the words for what is wanted.
    pub names: u32,
    pub keys: u32,
    pub values: u32,
    pub marks: u32,
}

/// What a completion has come to so far.
#[derive(Clone, Copy, Default)]
pub struct Read {
    /// Of the format.
    pub stage: u32,
    pub expect: Expect,
    /// The call that is being written is the first of the right tool; `key` is its argument's.
    pub own: bool,
    pub key: usize,
    pub parsed: bool,
    pub names: u32,
    pub found: bool,
    /// The value of each key of the first call of the right tool, by id.
    pub arguments: [Option<u32>; MAX_KEYS],
    pub think: u32,
}

/// What the parser of a call waits for.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Expect {
    #[default]
    Call,
    Name,
    KeyOrEnd,
    Value,
    Nothing,
}

impl Grammar {
    /// The mark of that place in `MARKS`.
    fn mark(&self, token: u32) -> Option<u32> {
        token.checked_sub(self.marks).filter(|m| *m < MARKS.len() as u32)
    }

    /// The next stage of the format: <t> thoughts </t> <call> anything but tags </call> EOS; 6 is past saving.
    fn stage(&self, stage: u32, token: u32) -> u32 {
        match (stage, self.mark(token)) {
            (0, Some(0)) | (1, Some(5)) => 1,
            (1, Some(1)) => 2,
            (2, Some(2)) | (3, None | Some(5)) => 3,
            (3, Some(3)) => 4,
            (4, Some(4)) => DONE,
            _ => 6,
        }
    }

    /// Reads one more token.
    pub fn take(&self, want: u32, token: u32, r: &mut Read) {
        r.stage = self.stage(r.stage, token);
        let mark = self.mark(token);
        r.think += u32::from(mark == Some(5));
        let is = |first: u32, n: u32| token >= first && token < first + n;
        r.expect = match r.expect {
            Expect::Call if mark == Some(2) => Expect::Name,
            Expect::Call => Expect::Call,
            Expect::Name | Expect::KeyOrEnd if is(self.names, self.tools) => {
                r.names += 1;
                r.own = token == self.names + want && !r.found;
                r.found |= r.own;
                Expect::KeyOrEnd
            }
            Expect::KeyOrEnd if is(self.keys, self.n_keys) => {
                r.key = (token - self.keys) as usize;
                Expect::Value
            }
            Expect::Value if is(self.values, self.n_values) => {
                if r.own {
                    r.arguments[r.key] = Some(token);
                }
                Expect::KeyOrEnd
            }
            Expect::KeyOrEnd if mark == Some(3) => {
                r.parsed = true;
                Expect::Nothing
            }
            _ => Expect::Nothing,
        };
    }

    pub fn read(&self, want: u32, tokens: &[u32]) -> Read {
        let mut r = Read::default();
        tokens.iter().for_each(|token| self.take(want, *token, &mut r));
        r
    }
}
