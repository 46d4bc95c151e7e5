//! Building one function: registers, blocks, variables and conversions.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ast::Expr;
use super::super::diagnostics::{Finding, Span};
use super::super::fold::{computed, is_pure};
use super::super::ir::{Bank, INF, Konst, NONE, Op, Reg, RegInfo, Stmt, code};
use super::super::range::Range;
use super::compiler::{Compiler, MAX_DEPTH, MAX_OPS};
use super::types::{Key, Type, Value};

/// What is known of a variable from one pass over the function to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct VarType {
    pub ty: Type,
    /// It is read where it may not be set: a flag says whether it is.
    pub flagged: bool,
}

#[derive(Clone, Debug)]
struct Var {
    regs: Vec<Reg>,
    flag: Option<Reg>,
}

/// The state of lowering one function; a function is lowered again until the types of its variables stand still.
pub struct Lower<'c, 'p> {
    pub cx: &'c mut Compiler<'p>,
    /// The function that is lowered; none for a constant.
    pub function: Option<usize>,
    pub regs: Vec<RegInfo>,
    pub blocks: Vec<Vec<Stmt>>,
    pub types: BTreeMap<String, VarType>,
    vars: BTreeMap<String, Var>,
    pub assigned: BTreeSet<String>,
    /// The names that the function assigns to: they are its variables everywhere in it, as in Python.
    pub locals: Vec<String>,
    /// The names that the body of the loop that begins assigns to: what it loops over is kept apart from them.
    pub rebound: Vec<String>,
    /// The first expression without a type while nothing was reported: no program may pass with one.
    pub untyped: Option<Span>,
    /// Names bound by generator expressions, innermost last.
    pub scopes: Vec<(String, Value)>,
    pub ret: Type,
    /// It is a component or `combine`: it returns a finite float or None.
    pub is_component: bool,
    /// It is the `see` of a task program.
    pub sees: bool,
    pub changed: bool,
    /// The code that follows never runs.
    pub dead: bool,
    pub loops: usize,
    pub cost: f64,
    pub weight: f64,
    pub ops: usize,
    pub findings: Vec<Finding>,
    pub calls: Vec<usize>,
    pub reads_episode: bool,
    pub in_memo: bool,
    /// A loop beyond the limit of cost was reported.
    pub is_costly: bool,
    /// The registers of each table of constants that is read here.
    pub tables: Vec<(usize, Vec<Reg>)>,
    /// The source of a sorted loop is being lowered, which is done more than once.
    pub in_sorted: bool,
}

impl<'c, 'p> Lower<'c, 'p> {
    pub fn new(cx: &'c mut Compiler<'p>, types: BTreeMap<String, VarType>, ret: Type, is_component: bool) -> Self {
        let mut lower = Self {
            cx,
            function: None,
            regs: Vec::new(),
            blocks: vec![Vec::new()],
            types,
            vars: BTreeMap::new(),
            assigned: BTreeSet::new(),
            locals: Vec::new(),
            rebound: Vec::new(),
            untyped: None,
            scopes: Vec::new(),
            ret,
            is_component,
            sees: false,
            changed: false,
            dead: false,
            loops: 0,
            cost: 0.0,
            weight: 1.0,
            ops: 0,
            findings: Vec::new(),
            calls: Vec::new(),
            reads_episode: false,
            in_memo: false,
            is_costly: false,
            tables: Vec::new(),
            in_sorted: false,
        };
        let known: Vec<(String, VarType)> = lower.types.iter().map(|(name, ty)| (name.clone(), ty.clone())).collect();
        for (name, var) in known {
            lower.declare(&name, &var);
        }
        lower
    }

    // Findings.

    pub fn report(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Reports an error and gives the value that silences what follows.
    pub fn fail(&mut self, finding: Finding) -> Value {
        self.report(finding);
        Value::bad()
    }

    pub fn line(&self, span: Span) -> u32 {
        self.cx.lines.line(span.start)
    }

    // Registers and statements.

    pub fn new_reg(&mut self, bank: Bank) -> Reg {
        self.regs.push(RegInfo { bank, konst: None, range: Range::ALL });
        self.regs.len() as Reg - 1
    }

    pub fn new_value(&mut self, ty: &Type) -> Value {
        let regs = ty.banks().into_iter().map(|bank| self.new_reg(bank)).collect();
        Value { ty: ty.clone(), regs }
    }

    pub fn konst(&mut self, konst: Konst) -> Reg {
        let bank = match konst {
            Konst::Float(_) => Bank::Float,
            Konst::Int(_) => Bank::Int,
            Konst::Bool(_) => Bank::Bool,
        };
        self.regs.push(RegInfo { bank, konst: Some(konst), range: Range::of(konst) });
        self.regs.len() as Reg - 1
    }

    pub fn int(&mut self, value: i32) -> Reg {
        self.konst(Konst::Int(value))
    }

    pub fn float(&mut self, value: f32) -> Value {
        let reg = self.konst(Konst::Float(value));
        Value::new(Type::Float, reg)
    }

    pub fn infinity(&mut self) -> Value {
        self.float(INF)
    }

    pub fn bool(&mut self, value: bool) -> Value {
        let reg = self.konst(Konst::Bool(value));
        Value::new(Type::Bool, reg)
    }

    pub fn konst_of(&self, value: &Value) -> Option<Konst> {
        self.regs.get(value.reg() as usize).filter(|_| value.regs.len() == 1).and_then(|reg| reg.konst)
    }

    pub fn const_int(&self, value: &Value) -> Option<i32> {
        match self.konst_of(value) {
            Some(Konst::Int(int)) if value.ty == Type::Int => Some(int),
            Some(Konst::Bool(bool)) => Some(i32::from(bool)),
            _ => None,
        }
    }

    pub fn push(&mut self, stmt: Stmt) {
        // A function that is too large is refused at its end; until then it may not take all memory.
        if !self.dead
            && self.ops <= MAX_OPS
            && let Some(block) = self.blocks.last_mut()
        {
            block.push(stmt);
        }
    }

    pub fn open(&mut self) {
        self.blocks.push(Vec::new());
    }

    pub fn close(&mut self) -> Vec<Stmt> {
        self.blocks.pop().unwrap_or_default()
    }

    pub fn push_if(&mut self, cond: Reg, then: Vec<Stmt>, els: Vec<Stmt>) {
        self.push(Stmt::If { cond, then, els });
    }

    pub fn op_to(&mut self, span: Span, op: Op, dst: Reg, args: [Reg; 3], imm: u32) {
        self.ops += 1;
        self.cost += self.weight;
        let [a, b, c] = args;
        let line = self.line(span);
        self.push(Stmt::Op { op, dst, a, b, c, imm, line });
    }

    /// Emits an operation into a new register.
    pub fn op(&mut self, span: Span, op: Op, bank: Bank, args: &[Reg], imm: u32) -> Reg {
        // A task program is compiled for known parameters: what follows from them alone is known too.
        if self.cx.task.is_some() && is_pure(op) {
            let konsts = args.iter().map(|reg| self.regs.get(*reg as usize)?.konst).collect::<Option<Vec<Konst>>>();
            if let Some(konst) = konsts.and_then(|konsts| computed(op, &konsts, imm, bank)) {
                return self.konst(konst);
            }
        }
        let dst = self.new_reg(bank);
        let arg = |index: usize| args.get(index).copied().unwrap_or(0);
        self.op_to(span, op, dst, [arg(0), arg(1), arg(2)], imm);
        self.bound(op, dst, args, imm);
        dst
    }

    pub fn copy(&mut self, span: Span, dst: Reg, src: Reg) {
        self.op_to(span, Op::Copy, dst, [src, 0, 0], 0);
    }

    pub fn fail_if(&mut self, span: Span, cond: Reg, code: u32) {
        let line = self.line(span);
        self.push_if(cond, vec![Stmt::Fail { code, line }], Vec::new());
    }

    // Conversions.

    pub fn int_to_float(&mut self, span: Span, reg: Reg) -> Reg {
        match self.regs.get(reg as usize).and_then(|reg| reg.konst) {
            Some(Konst::Int(value)) => self.konst(Konst::Float(value as f32)),
            _ => self.op(span, Op::IntToFloat, Bank::Float, &[reg], 0),
        }
    }

    /// Converts a value to a type that its own type joins to; an optional becomes a float with a check.
    pub fn coerce(&mut self, span: Span, value: Value, ty: &Type) -> Value {
        let reg = value.reg();
        let regs = match (&value.ty, ty) {
            (from, to) if from == to => return value,
            (Type::Bad, _) | (_, Type::Bad) => return Value::bad(),
            (Type::Bool, Type::Int) => match self.konst_of(&value) {
                Some(Konst::Bool(bool)) => vec![self.int(i32::from(bool))],
                _ => vec![self.op(span, Op::BoolToInt, Bank::Int, &[reg], 0)],
            },
            (Type::Bool, Type::Float | Type::Optional) => {
                let int = self.coerce(span, value, &Type::Int);
                vec![self.int_to_float(span, int.reg())]
            }
            (Type::Int, Type::Float | Type::Optional) => vec![self.int_to_float(span, reg)],
            (Type::Float, Type::Optional) => vec![reg],
            (Type::None, Type::Optional) => vec![self.konst(Konst::Float(NONE))],
            (Type::Optional, Type::Float) => vec![self.op(span, Op::Unwrap, Bank::Float, &[reg], 0)],
            (Type::Table { .. }, _) => {
                let list = self.unrolled(value);
                return self.coerce(span, list, ty);
            }
            (Type::Array(..) | Type::Tuple(_), Type::Array(to, len)) => {
                let parts = self.split(span, &value);
                if parts.len() != *len {
                    return Value::bad();
                }
                let parts: Vec<Value> = parts.into_iter().map(|part| self.coerce(span, part, to)).collect();
                return self.array(span, (**to).clone(), &parts);
            }
            (Type::Array(..) | Type::Tuple(_), Type::Tuple(types)) => {
                let parts = self.split(span, &value);
                let parts = parts.into_iter().zip(types).map(|(part, ty)| self.coerce(span, part, ty)).collect();
                return self.tuple(span, parts);
            }
            (Type::Dict(from), Type::Dict(to)) => {
                let types = |entries: &[(Key, Type)]| Type::Tuple(entries.iter().map(|(_, ty)| ty.clone()).collect());
                let (from, to) = (types(from), types(to));
                self.coerce(span, Value { ty: from, regs: value.regs }, &to).regs
            }
            _ => return Value::bad(),
        };
        Value { ty: ty.clone(), regs }
    }

    /// A bool, int or float out of a value; None in it is an error of the sample.
    pub fn number(&mut self, span: Span, value: Value, purpose: &str) -> Value {
        match value.ty {
            Type::Int | Type::Float | Type::Bad => value,
            Type::Bool => self.coerce(span, value, &Type::Int),
            Type::Optional => self.coerce(span, value, &Type::Float),
            Type::None => self.fail(
                Finding::error(span, format!("None is not a number, as {purpose} needs"))
                    .suggest("check with `is None` first"),
            ),
            other => {
                let finding = Finding::error(span, format!("{purpose} needs a number, not {}", other.a()));
                let finding = match other {
                    Type::List(_) | Type::Array(..) => {
                        finding.suggest("use `sum(..)`, `mean(..)`, `len(..)` or an index to get a number")
                    }
                    Type::Tuple(_) | Type::Dict(_) => finding.suggest("name the one value of it that is meant"),
                    Type::Token => finding.suggest("compare tokens with `==`, or use `1.0 if token == .. else 0.0`"),
                    Type::Sample | Type::Moment => finding.suggest("name a field of the episode, as in `ep.length`"),
                    Type::Group | Type::Batch => finding.suggest("use `len(..)` or `sum(.. for e in group)`"),
                    _ => finding,
                };
                self.fail(finding)
            }
        }
    }

    /// A float that is finite. `inf` is a large number here, which a product or a root would make an ordinary one; only
    /// a program that mentions it pays for the check.
    pub fn not_inf(&mut self, span: Span, value: Value) -> Value {
        if !self.cx.module.mentions_inf || value.ty != Type::Float {
            return value;
        }
        Value::new(Type::Float, self.op(span, Op::Finite, Bank::Float, &[value.reg()], 0))
    }

    /// Python's truth of a value, as a bool register.
    pub fn truth(&mut self, span: Span, value: &Value) -> Value {
        let reg = value.reg();
        let zero = match &value.ty {
            Type::Bad => return Value::bad(),
            Type::Bool => return value.clone(),
            Type::None => return self.bool(false),
            Type::Int => {
                let zero = self.int(0);
                self.op(span, Op::EqI, Bank::Bool, &[reg, zero], 0)
            }
            Type::Float => {
                let zero = self.konst(Konst::Float(0.0));
                self.op(span, Op::EqF, Bank::Bool, &[reg, zero], 0)
            }
            Type::Optional => {
                let zero = self.konst(Konst::Float(0.0));
                let is_zero = self.op(span, Op::EqF, Bank::Bool, &[reg, zero], 0);
                let result = self.op(span, Op::IsNone, Bank::Bool, &[reg], 0);
                self.copy_if_not(span, result, is_zero);
                result
            }
            Type::List(_) => self.op(span, Op::EqI, Bank::Bool, &[value.regs[1], value.regs[2]], 0),
            Type::Array(_, len) | Type::Table { len, .. } => return self.bool(*len > 0),
            Type::Tuple(parts) => return self.bool(!parts.is_empty()),
            Type::Dict(entries) => return self.bool(!entries.is_empty()),
            other => {
                let message = format!("{} is neither true nor false", other.a());
                return self.fail(Finding::error(span, message).suggest("write a comparison"));
            }
        };
        let truth = self.op(span, Op::Not, Bank::Bool, &[zero], 0);
        Value::new(Type::Bool, truth)
    }

    /// `dst = dst or src`
    fn copy_if_not(&mut self, span: Span, dst: Reg, src: Reg) {
        let unset = self.op(span, Op::Not, Bank::Bool, &[dst], 0);
        self.open();
        self.copy(span, dst, src);
        let then = self.close();
        self.push_if(unset, then, Vec::new());
    }

    // Variables.

    fn declare(&mut self, name: &str, var: &VarType) {
        let regs = self.new_value(&var.ty).regs;
        let flag = var.flagged.then(|| self.new_reg(Bank::Bool));
        if let Some(flag) = flag {
            let unset = self.konst(Konst::Bool(false));
            self.copy(Span::default(), flag, unset);
        }
        self.vars.insert(name.to_string(), Var { regs, flag });
    }

    /// Lets a parameter that is never assigned stand for itself.
    pub fn bind(&mut self, name: &str, value: &Value) {
        self.types.insert(name.to_string(), VarType { ty: value.ty.clone(), flagged: false });
        self.vars.insert(name.to_string(), Var { regs: value.regs.clone(), flag: None });
        self.assigned.insert(name.to_string());
    }

    pub fn assign(&mut self, span: Span, name: &str, value: Value) {
        if value.is_bad() {
            // Its use is not reported again.
            self.types.entry(name.to_string()).or_insert(VarType { ty: Type::Bad, flagged: false });
            self.assigned.insert(name.to_string());
            return;
        }
        let known = self.types.get(name).cloned();
        let joined = known.as_ref().map_or(Some(value.ty.clone()), |var| var.ty.join(&value.ty));
        let Some(ty) = joined else {
            let was = known.map_or("something".to_string(), |var| var.ty.a());
            let message = format!("`{name}` holds {was} elsewhere and {} here", value.ty.a());
            self.report(Finding::error(span, message).suggest("use two variables"));
            return;
        };
        if known.as_ref().is_none_or(|var| var.ty != ty) {
            let var = VarType { ty: ty.clone(), flagged: known.is_some_and(|var| var.flagged) };
            self.declare(name, &var);
            self.types.insert(name.to_string(), var);
            self.changed = true;
        }
        let value = self.coerce(span, value, &ty);
        if let Some(Var { regs, flag }) = self.vars.get(name).cloned() {
            for (dst, src) in regs.into_iter().zip(&value.regs) {
                self.copy(span, dst, *src);
                let range = self.range_of(*src);
                self.set_range(dst, range);
            }
            if let Some(flag) = flag {
                let set = self.konst(Konst::Bool(true));
                self.copy(span, flag, set);
            }
        }
        self.assigned.insert(name.to_string());
    }

    /// The registers of a variable.
    pub fn regs_of(&self, name: &str) -> Vec<Reg> {
        self.vars.get(name).map(|var| var.regs.clone()).unwrap_or_default()
    }

    pub fn variable_regs(&self) -> impl Iterator<Item = Reg> + '_ {
        self.vars.values().flat_map(|var| var.regs.iter().copied())
    }

    /// The value of a variable of this function; None when it has no such variable.
    pub fn variable(&mut self, span: Span, name: &str) -> Option<Value> {
        let var = self.types.get(name).cloned()?;
        let regs = self.vars.get(name).map(|var| var.regs.clone()).unwrap_or_default();
        if var.ty == Type::Bad {
            return Some(Value::bad());
        }
        if !self.assigned.contains(name) {
            match self.vars.get(name).and_then(|var| var.flag) {
                Some(flag) => {
                    let unset = self.op(span, Op::Not, Bank::Bool, &[flag], 0);
                    self.fail_if(span, unset, code::UNBOUND);
                }
                None => {
                    self.types.insert(name.to_string(), VarType { ty: var.ty.clone(), flagged: true });
                    self.changed = true;
                }
            }
            self.report(
                Finding::warning(span, format!("`{name}` may not be set yet here"))
                    .suggest("give it a value before the `if` or the loop that sets it"),
            );
        }
        Some(Value { ty: var.ty, regs })
    }

    /// Whether a register belongs to a variable that the body of the loop that begins assigns to.
    pub fn is_rebound(&self, reg: Reg) -> bool {
        self.rebound.iter().any(|name| self.vars.get(name).is_some_and(|var| var.regs.contains(&reg)))
    }

    /// A register that keeps its value while the body of the loop assigns to the variable that it may belong to.
    pub fn held(&mut self, span: Span, reg: Reg) -> Reg {
        if !self.is_rebound(reg) {
            return reg;
        }
        let copy = self.new_reg(self.regs[reg as usize].bank);
        self.copy(span, copy, reg);
        copy
    }

    /// Runs `f` one level deeper, unless that is too deep for the machine's own stack.
    pub fn nested<T>(&mut self, expr: &Expr, none: T, f: impl FnOnce(&mut Self) -> T) -> T {
        if self.cx.depth >= MAX_DEPTH {
            self.report(
                Finding::error(expr.span, "nested too deep, counting the helpers that are called")
                    .suggest("use variables, or fewer helpers that call helpers"),
            );
            return none;
        }
        self.cx.depth += 1;
        let result = f(self);
        self.cx.depth -= 1;
        result
    }
}
