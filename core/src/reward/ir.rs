//! The typed program both back ends are made from: structured statements over typed registers.
//!
//! Every value is one 32-bit register: a float, an int, a bool, a token or a sample (its index). An error is sticky: the
//! first one wins and what follows it cannot matter, so that a shader need not leave a function early.

pub use super::faults::{ERROR_MARK, FAULTS, FINITE_LIMIT, INF, INT_LIMIT, NONE, code, error_text};
use super::library::Elementary;
use super::range::Range;

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
    /// A function of the library that is one operation.
    Function(Elementary),
    Atan2,
    Hypot,
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
    // Writes, in task programs alone; `imm` is a slot of the object's memory, `a` the value.
    StoreFloat,
    StoreInt,
    StoreBool,
    /// Element `b` of the list at slot `imm`.
    StoreFloatAt,
    StoreIntAt,
    StoreBoolAt,
    /// The length `a` of the list at slot `imm`.
    StoreLen,
    /// Makes the list at slot `imm` one longer; gives its old length, an error when that was `a` already.
    Lengthen,
    // Dice, in task programs alone.
    /// In [0, 1).
    Uniform,
    /// True with probability `a`.
    Chance,
    /// In 0..a, an error when there is nothing in it.
    Below,
    /// Of mean 0 and deviation 1.
    Normal,
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

impl Op {
    /// How many of `a`, `b` and `c` it reads.
    pub fn operands(self) -> usize {
        use Op::*;
        match self {
            GroupStart | GroupCount | GroupValid | BatchStart | BatchCount | BatchValid => 0,
            LoadRun | LoadComponent | Jump | Call | Fail | Uniform | Normal => 0,
            StoreFloat | StoreInt | StoreBool | StoreLen | Lengthen | Below | Chance => 1,
            StoreFloatAt | StoreIntAt | StoreBoolAt => 2,
            Copy | NegF | AbsF | NegI | AbsI | Not | IntToFloat | BoolToInt => 1,
            Floor | Ceil | Round | Trunc | RoundTo | Function(_) | IsNone | Unwrap | Finite => 1,
            LoadFloat | LoadInt | LoadBool | LoadOptional | IsValid | JumpIfNot | Return => 1,
            AddF | SubF | MulF | DivF | FloorDivF | ModF | PowF | MinF | MaxF | LtF | LeF | EqF => 2,
            AddI | SubI | MulI | FloorDivI | ModI | MinI | MaxI | LtI | LeI | EqI | EqB => 2,
            Atan2 | Hypot | LoadLen | LoadFloatAt | LoadIntAt | LoadBoolAt | Element => 2,
            ForStart | ForStep | MemoGet | MemoPut => 2,
            Index | SliceBound | RangeCount => 3,
        }
    }
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

/// Which memory of a task program a slot belongs to: the two highest bits of the slot. The record of the episode, which
/// reward programs read too, has neither.
pub const STATE: u32 = 1 << 30;
pub const WORLD: u32 = 2 << 30;
/// The slot within its memory.
pub const SLOT: u32 = STATE - 1;

/// Assumed when the cost of a program is bounded; nothing breaks when a batch is larger.
pub const ASSUMED_GROUP: i64 = 64;
pub const ASSUMED_BATCH: i64 = 1024;
