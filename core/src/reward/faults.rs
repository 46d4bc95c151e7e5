//! What can go wrong with a sample, and the numbers that mark it in what both engines store.

/// Declares what can go wrong with a sample: constants of the codes, for Rust and for shaders, and what each means.
macro_rules! faults {
    ($($(#[$about:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// What can go wrong with a sample.
        pub mod code {
            $($(#[$about])* pub const $name: u32 = $code;)*
        }

        /// Name, code and meaning of everything that can go wrong.
        pub const FAULTS: &[(&str, u32, &str)] = &[$((stringify!($name), $code, $text)),*];
    };
}

faults! {
    DIVISION = 1, "division by zero";
    DOMAIN = 2, "math domain error";
    INDEX = 3, "list index out of range";
    OVERFLOW = 4, "result too large";
    NOT_FINITE = 5, "not finite";
    NONE = 6, "None used as a number";
    EMPTY = 7, "min or max of nothing";
    UNBOUND = 8, "variable used before it is set";
    LOOP = 9, "too many steps in a range";
    INT_OVERFLOW = 10, "an int needs more than 32 bits";
    COMPLEX = 11, "fractional power of a negative number";
    STEP = 12, "a range with step zero";
    ABSENT = 13, "the episode has no such list";
    /// `assert` and `raise`; the program knows the text of each line.
    RAISED = 14, "the program raised an error";
    UNPACK = 15, "the wrong number of values to unpack";
    KEY = 16, "the dictionary has no such key";
    FULL = 18, "the list is full";
    NOTHING = 19, "dice with no sides";
    EXP = 17, "exp of more than 88 needs more than 32 bits; for 1 / (1 + exp(-x)) write sigmoid(x), and log1p and tanh stay \
             finite too";
}

/// What an error code (the upper half of an error) means; `Program::error_text` knows what `raise` says too.
pub fn error_text(error: u32) -> &'static str {
    if error == 0 {
        return "no error";
    }
    FAULTS.iter().find(|(_, code, _)| *code == error).map_or("unknown error", |(.., text)| text)
}

/// Set in an error that is one of the task's program.
pub const OF_TASK: u32 = 1 << 23;
/// A value at or beyond this counts as not finite; the space above is used for marks.
pub const FINITE_LIMIT: f32 = 1.0e38;
/// A float at or beyond this is no int of 32 bits.
pub const INT_LIMIT: f32 = 2_147_483_648.0;
/// The name `inf`: above every finite value, and representable where a shader compiler assumes that no infinity exists.
pub const INF: f32 = 2.0e38;
/// The mark of None in a float register.
pub const NONE: f32 = 3.0e38;
/// Bits of the mark of an error in a stored component: this plus `code << 16 | line`, a large negative float.
pub const ERROR_MARK: u32 = 0xff00_0000;
