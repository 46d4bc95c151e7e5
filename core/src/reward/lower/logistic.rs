//! `a / (1 + exp(x))`: the exponential grows beyond 32 bits long before the quotient stops to matter, so the quotient is
//! computed without it, with Python's value up to where Python itself gives up.

use super::super::ast::{BinOp, Expr, ExprKind};
use super::super::diagnostics::Span;
use super::super::ir::{Bank, Konst, Op, Reg, code};
use super::super::library::Elementary;
use super::super::number::LARGEST_EXPONENT;
use super::builder::Lower;
use super::modules::is_module_function;
use super::types::{Type, Value};

/// Below this the exponential itself has 32 bits.
const SMALL: f64 = 87.0;

fn is_one(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Int(1)) || matches!(expr.kind, ExprKind::Float(x) if x == 1.0)
}

impl Lower<'_, '_> {
    /// The argument, when an expression is a call of `exp`.
    fn exponent<'e>(&self, expr: &'e Expr) -> Option<&'e Expr> {
        let ExprKind::Call { func, args, keywords } = &expr.kind else { return None };
        let is_exp = match &func.kind {
            ExprKind::Name(name) if self.own_function(name).is_some() => false,
            ExprKind::Name(name) if name == Elementary::EXP.name() => self.is_library(name),
            _ => self.module_path(func).is_some_and(|path| is_module_function(&path, Elementary::EXP.name())),
        };
        args.first().filter(|_| is_exp && args.len() == 1 && keywords.is_empty())
    }

    /// The exponent of `1 + exp(x)` or `exp(x) + 1`.
    fn one_and_exp<'e>(&self, expr: &'e Expr) -> Option<&'e Expr> {
        let ExprKind::Binary(BinOp::Add, left, right) = &expr.kind else { return None };
        match (is_one(left), is_one(right)) {
            (true, _) => self.exponent(right),
            (_, true) => self.exponent(left),
            _ => None,
        }
    }

    /// Whether an expression is `1 + exp(x)`.
    pub(super) fn is_logistic(&self, expr: &Expr) -> bool {
        self.one_and_exp(expr).is_some()
    }

    /// `left / right` for a `right` that is logistic.
    pub(super) fn logistic(&mut self, span: Span, left: &Expr, right: &Expr) -> Value {
        let a = self.expr(left);
        let Some(exponent) = self.one_and_exp(right) else { return Value::bad() };
        let x = self.expr(exponent);
        let x = self.number(exponent.span, x, "`exp`");
        if a.is_bad() || x.is_bad() {
            return Value::bad();
        }
        let x = self.coerce(span, x, &Type::Float);
        let x = self.not_inf(span, x).reg();
        if self.range_of(x).high <= SMALL {
            let power = self.op(span, Op::Function(Elementary::EXP), Bank::Float, &[x], 0);
            let one = self.float(1.0);
            let sum = self.op(span, Op::AddF, Bank::Float, &[one.reg(), power], 0);
            return self.binary(span, BinOp::Div, (left.span, a), (right.span, Value::new(Type::Float, sum)));
        }
        self.check_exponent(span, x);
        let minus = self.op(span, Op::NegF, Bank::Float, &[x], 0);
        let share = self.op(span, Op::Function(Elementary::SIGMOID), Bank::Float, &[minus], 0);
        let share = Value::new(Type::Float, share);
        match self.konst_of(&a) {
            Some(Konst::Int(1)) => share,
            Some(Konst::Float(1.0)) => share,
            _ => self.binary(span, BinOp::Mul, (left.span, a), (right.span, share)),
        }
    }

    fn check_exponent(&mut self, span: Span, x: Reg) {
        let largest = self.float(LARGEST_EXPONENT);
        let is_beyond = self.op(span, Op::LtF, Bank::Bool, &[largest.reg(), x], 0);
        self.fail_if(span, is_beyond, code::OVERFLOW);
    }
}
