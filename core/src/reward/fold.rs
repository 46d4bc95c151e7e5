//! Operations on numbers that are known, done when the program is compiled.

use super::ir::{Bank, Function, Konst, Op, Reg, RegInfo, Stmt, Unit};
use super::range::Range;
use super::vm;

/// The result depends on the operands alone.
pub fn is_pure(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        AddF | SubF
            | MulF
            | DivF
            | NegF
            | AbsF
            | MinF
            | MaxF
            | LtF
            | LeF
            | EqF
            | AddI
            | SubI
            | MulI
            | FloorDivI
            | ModI
            | NegI
            | AbsI
            | MinI
            | MaxI
            | LtI
            | LeI
            | EqI
            | Not
            | EqB
            | IntToFloat
            | BoolToInt
            | Floor
            | Ceil
            | Round
            | Trunc
            | Function(_)
            | Index
            | RangeCount
    )
}

/// The result of an operation on numbers that are known; None where it fails.
pub fn computed(op: Op, args: &[Konst], imm: u32, bank: Bank) -> Option<Konst> {
    let info = |konst: Konst| RegInfo {
        bank: match konst {
            Konst::Float(_) => Bank::Float,
            Konst::Int(_) => Bank::Int,
            Konst::Bool(_) => Bank::Bool,
        },
        konst: Some(konst),
        range: Range::ALL,
    };
    let mut regs: Vec<_> = args.iter().map(|konst| info(*konst)).collect();
    let dst = regs.len() as Reg;
    regs.push(RegInfo { bank, konst: None, range: Range::ALL });
    let at = |index: usize| if index < args.len() { index as Reg } else { 0 };
    let body = vec![Stmt::Op { op, dst, a: at(0), b: at(1), c: at(2), imm, line: 0 }, Stmt::Return(vec![dst])];
    let function = Function { regs, ret: vec![bank], body, ..Function::default() };
    let unit = Unit { functions: vec![function], components: vec![0], ..Unit::default() };
    let bits = *vm::evaluate_constant(&unit).ok()?.first()?;
    Some(match bank {
        Bank::Float => Konst::Float(f32::from_bits(bits)),
        Bank::Int => Konst::Int(bits as i32),
        Bank::Bool => Konst::Bool(bits != 0),
    })
}
