//! The typed program both back ends are made from: structured statements over typed registers.
//!
//! Every value is one 32-bit register: a float, an int, a bool, a token or a sample (its index). An error is sticky: the
//! first one wins and what follows it cannot matter, so that a shader need not leave a function early.

use super::lower::Range;

/// A register of one function.
pub type Reg = u32;

/// What a register holds. Tokens and samples are ints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bank {
    Float,
    Int,
    Bool,
}

/// A constant value of a register.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Konst {
    Float(f32),
    Int(i32),
    Bool(bool),
}

impl Konst {
    /// The 32 bits of the register.
    pub fn bits(self) -> u32 {
        match self {
            Konst::Float(value) => value.to_bits(),
            Konst::Int(value) => value as u32,
            Konst::Bool(value) => u32::from(value),
        }
    }
}

impl Konst {
    /// Its number; a bool is 0 or 1.
    pub fn number(self) -> f64 {
        match self {
            Konst::Float(value) => f64::from(value),
            Konst::Int(value) => f64::from(value),
            Konst::Bool(value) => f64::from(u8::from(value)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct RegInfo {
    pub bank: Bank,
    pub konst: Option<Konst>,
    /// The bounds of the number, as far as the compiler has come.
    pub range: Range,
}

/// Operations; `a`, `b`, `c` are registers, `imm` a number known at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Copy,
    // Floats.
    AddF,
    SubF,
    MulF,
    DivF,
    FloorDivF,
    ModF,
    PowF,
    NegF,
    AbsF,
    MinF,
    MaxF,
    LtF,
    LeF,
    EqF,
    // Ints.
    AddI,
    SubI,
    MulI,
    FloorDivI,
    ModI,
    NegI,
    AbsI,
    MinI,
    MaxI,
    LtI,
    LeI,
    EqI,
    // Bools.
    Not,
    EqB,
    // Conversions.
    IntToFloat,
    BoolToInt,
    Floor,
    Ceil,
    Round,
    Trunc,
    /// Round to `imm` decimals.
    RoundTo,
    // Mathematics.
    Exp,
    Log,
    Log1p,
    Sqrt,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan2,
    Hypot,
    Log2,
    Log10,
    Tanh,
    Sigmoid,
    // Not applicable.
    IsNone,
    /// The float of an optional; an error when it is None.
    Unwrap,
    // Checks.
    /// The value itself; an error when it is not finite.
    Finite,
    // Reads. `imm` is a slot of the record, `a` the sample.
    LoadFloat,
    LoadInt,
    LoadBool,
    /// A float or None.
    LoadOptional,
    /// The length of the list at slot `imm`, at most `b` (a register holding its capacity); an error when it is negative.
    LoadLen,
    /// Element `b` of the list at slot `imm`.
    LoadFloatAt,
    LoadIntAt,
    LoadBoolAt,
    LoadRun,
    /// Component `imm` of the sample that is being combined; None when it does not apply.
    LoadComponent,
    /// Element `b` of the registers from `a` on; `imm` of them.
    Element,
    /// `b + a` for a non-negative index `a`, `c + a` for a negative one, checked to lie in `b..c`.
    Index,
    /// A bound of a slice: `a` counted from `b` or, when negative, from `c`, clamped into `b..=c`.
    SliceBound,
    /// The number of steps of `range(a, b, c)`, at most `imm`.
    RangeCount,
    // Groups.
    GroupStart,
    GroupCount,
    BatchStart,
    BatchCount,
    /// Samples without an error.
    GroupValid,
    BatchValid,
    /// The sample carries no error.
    IsValid,
    // Control; only in the code of the CPU evaluator, where `imm` is an address.
    Jump,
    JumpIfNot,
    /// `a = 0`, and past the loop when `b` is not positive.
    ForStart,
    /// `a += 1`, and back into the loop while `a < b`.
    ForStep,
    Call,
    Return,
    /// Fails with the code `imm`.
    Fail,
    /// Takes `dst` from memo `b` and jumps, when it holds one.
    MemoGet,
    /// Puts `dst` into memo `b`.
    MemoPut,
}

#[derive(Clone, Debug)]
pub enum Stmt {
    Op {
        op: Op,
        dst: Reg,
        a: Reg,
        b: Reg,
        c: Reg,
        imm: u32,
        line: u32,
    },
    If {
        cond: Reg,
        then: Vec<Stmt>,
        els: Vec<Stmt>,
    },
    /// `counter` runs over `0..count`.
    For {
        counter: Reg,
        count: Reg,
        body: Vec<Stmt>,
    },
    Break,
    Continue,
    /// The registers of the result.
    Return(Vec<Reg>),
    Fail {
        code: u32,
        line: u32,
    },
    Call {
        function: usize,
        args: Vec<Reg>,
        dst: Vec<Reg>,
    },
    /// Computes registers that are the same for every sample of a group (or of the batch): done once on the CPU.
    Memo {
        slot: usize,
        of_batch: bool,
        dst: Reg,
        body: Vec<Stmt>,
    },
}

/// A function for one choice of the types of its parameters.
#[derive(Clone, Debug, Default)]
pub struct Function {
    pub name: String,
    pub params: Vec<Reg>,
    pub regs: Vec<RegInfo>,
    /// The banks of the registers of the result.
    pub ret: Vec<Bank>,
    pub body: Vec<Stmt>,
    /// A bound on the operations of one call.
    pub cost: f64,
    /// It reads something that differs between samples.
    pub reads_episode: bool,
}

/// A whole program; see `Program` for what is known about its components.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    pub functions: Vec<Function>,
    /// The function of each component, in their order.
    pub components: Vec<usize>,
    pub combine: Option<usize>,
    pub memo_slots: usize,
}

/// What can go wrong with a sample.
pub mod code {
    pub const DIVISION: u32 = 1;
    pub const DOMAIN: u32 = 2;
    pub const INDEX: u32 = 3;
    pub const OVERFLOW: u32 = 4;
    pub const NOT_FINITE: u32 = 5;
    pub const NONE: u32 = 6;
    pub const EMPTY: u32 = 7;
    pub const UNBOUND: u32 = 8;
    pub const LOOP: u32 = 9;
    pub const INT_OVERFLOW: u32 = 10;
    pub const COMPLEX: u32 = 11;
    pub const STEP: u32 = 12;
    pub const ABSENT: u32 = 13;
    /// `assert` and `raise`; the program knows the text of each line.
    pub const RAISED: u32 = 14;
    pub const UNPACK: u32 = 15;
    pub const KEY: u32 = 16;
    pub const EXP: u32 = 17;
}

/// What an error code (the upper half of an error) means; `Program::error_text` knows what `raise` says too.
pub fn error_text(error: u32) -> &'static str {
    match error {
        0 => "no error",
        code::DIVISION => "division by zero",
        code::DOMAIN => "math domain error",
        code::INDEX => "list index out of range",
        code::OVERFLOW => "result too large",
        code::NOT_FINITE => "not finite",
        code::NONE => "None used as a number",
        code::EMPTY => "min or max of nothing",
        code::UNBOUND => "variable used before it is set",
        code::LOOP => "too many steps in a range",
        code::INT_OVERFLOW => "an int needs more than 32 bits",
        code::COMPLEX => "fractional power of a negative number",
        code::STEP => "a range with step zero",
        code::EXP => {
            "exp of more than 88 needs more than 32 bits; for 1 / (1 + exp(-x)) write sigmoid(x), and log1p and tanh stay \
             finite too"
        }
        code::ABSENT => "the episode has no such list",
        code::RAISED => "the program raised an error",
        code::UNPACK => "the wrong number of values to unpack",
        code::KEY => "the dictionary has no such key",
        _ => "unknown error",
    }
}

/// A value at or beyond this counts as not finite; the space above is used for marks.
pub const FINITE_LIMIT: f32 = 1.0e38;
/// The name `inf`: above every finite value, and representable where a shader compiler assumes that no infinity exists.
pub const INF: f32 = 2.0e38;
/// The mark of None in a float register.
pub const NONE: f32 = 3.0e38;
/// Bits of the mark of an error in a stored component: this plus `code << 16 | line`, a large negative float.
pub const ERROR_MARK: u32 = 0xff00_0000;

/// Assumed when the cost of a program is bounded; nothing breaks when a batch is larger.
pub const ASSUMED_GROUP: i64 = 64;
pub const ASSUMED_BATCH: i64 = 1024;
