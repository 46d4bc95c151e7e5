//! Comparisons, `and`, `or` and conditional expressions: what is evaluated only when it is needed.

use super::super::ast::{CmpOp, Expr, ExprKind, Ident};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Konst, Op, Reg, Stmt};
use super::super::range::Range;
use super::builder::Lower;
use super::types::{Key, Type, Value};

impl<'c, 'p> Lower<'c, 'p> {
    pub(super) fn comparison(&mut self, span: Span, first: &Expr, rest: &[(CmpOp, Expr)]) -> Value {
        if let (ExprKind::Str(name), [(op @ (CmpOp::In | CmpOp::NotIn), keyed)]) = (&first.kind, rest)
            && let Some(value) = self.has_key(span, name, keyed)
        {
            return if *op == CmpOp::In { value } else { self.not(span, value) };
        }
        let mut left = self.expr(first);
        let mut left_span = first.span;
        let mut result: Option<Reg> = None;
        let mut is_bad = false;
        let mut open = 0;
        for (index, (op, right)) in rest.iter().enumerate() {
            if index > 0 {
                // Each further comparison is made only when those before it hold.
                self.open();
                open += 1;
            }
            if open > 60 {
                self.report(Finding::error(span, "too many comparisons in a row").suggest("join them with `and`"));
                is_bad = true;
                break;
            }
            let (value, right_value) = self.compare(span, *op, (left_span, &left), right);
            is_bad |= value.is_bad();
            match result {
                None if rest.len() == 1 => return value,
                None => {
                    let dst = self.new_reg(Bank::Bool);
                    self.copy(span, dst, value.reg());
                    result = Some(dst);
                }
                Some(dst) => self.copy(span, dst, value.reg()),
            }
            left = right_value;
            left_span = right.span;
        }
        while open > 0 {
            let then = self.close();
            if let Some(result) = result {
                self.push_if(result, then, Vec::new());
            }
            open -= 1;
        }
        match result {
            Some(reg) if !is_bad => Value::new(Type::Bool, reg),
            _ => Value::bad(),
        }
    }

    /// `"name" in ep`: whether an episode or a dictionary has that key. None where the right side has no keys.
    fn has_key(&mut self, span: Span, name: &str, keyed: &Expr) -> Option<Value> {
        let ExprKind::Name(right) = &keyed.kind else { return None };
        let bound = self.scopes.iter().rev().find(|(bound, _)| bound == right).map(|(_, value)| value.ty.clone());
        match bound.or_else(|| self.types.get(right).map(|var| var.ty.clone())).or_else(|| self.constant_type(right))? {
            Type::Dict(entries) => Some(self.bool(entries.iter().any(|(key, _)| *key == Key::Text(name.to_string())))),
            Type::Sample | Type::Moment if self.cx.schema.get(name).is_some() => {
                let sample = self.expr(keyed);
                let field = Ident { name: name.to_string(), span };
                let value = self.member(span, sample, &field);
                let none = Value { ty: Type::None, regs: Vec::new() };
                match value.ty {
                    Type::Optional => Some(self.identity(span, false, &value, &none)),
                    _ => Some(self.bool(true)),
                }
            }
            Type::Sample | Type::Moment => {
                let names = self.cx.schema.fields.iter().map(|field| field.name.as_str());
                let finding =
                    Finding::warning(span, format!("no episode has a field `{name}`, so this is always false"));
                let finding = finding.did_you_mean(name, names);
                self.report(finding);
                Some(self.bool(false))
            }
            _ => None,
        }
    }

    /// One comparison; gives its result and the value of its right side.
    fn compare(&mut self, span: Span, op: CmpOp, left: (Span, &Value), right: &Expr) -> (Value, Value) {
        if matches!(op, CmpOp::In | CmpOp::NotIn) {
            return (self.membership(span, op == CmpOp::In, left.1, right), Value::bad());
        }
        let value = match &right.kind {
            ExprKind::Str(text) if left.1.ty == Type::Char && text.chars().count() == 1 => self.character(text),
            _ => self.expr(right),
        };
        self.settled(span, op, left, (right.span, &value));
        let result = match op {
            CmpOp::Is | CmpOp::IsNot => self.identity(span, op == CmpOp::Is, left.1, &value),
            CmpOp::Eq | CmpOp::Ne => {
                let equal = self.equal(span, left.1, &value);
                if op == CmpOp::Ne { self.not(span, equal) } else { equal }
            }
            _ => self.order(span, op, left, (right.span, &value)),
        };
        (result, value)
    }

    pub(super) fn not(&mut self, span: Span, value: Value) -> Value {
        if value.is_bad() {
            return value;
        }
        Value::new(Type::Bool, self.op(span, Op::Not, Bank::Bool, &[value.reg()], 0))
    }

    fn order(&mut self, span: Span, op: CmpOp, left: (Span, &Value), right: (Span, &Value)) -> Value {
        let at = |value: &Value, place: Span| if value.ty == Type::Optional { span } else { place };
        let a = self.number(at(left.1, left.0), left.1.clone(), "a comparison");
        let b = self.number(at(right.1, right.0), right.1.clone(), "a comparison");
        if a.is_bad() || b.is_bad() {
            return Value::bad();
        }
        let is_int = a.ty == Type::Int && b.ty == Type::Int;
        let (a, b) =
            if is_int { (a, b) } else { (self.coerce(span, a, &Type::Float), self.coerce(span, b, &Type::Float)) };
        let (x, y, strict) = match op {
            CmpOp::Lt => (a, b, true),
            CmpOp::Le => (a, b, false),
            CmpOp::Gt => (b, a, true),
            _ => (b, a, false),
        };
        let operation = match (is_int, strict) {
            (true, true) => Op::LtI,
            (true, false) => Op::LeI,
            (false, true) => Op::LtF,
            (false, false) => Op::LeF,
        };
        Value::new(Type::Bool, self.op(span, operation, Bank::Bool, &[x.reg(), y.reg()], 0))
    }

    /// `left == right`; None equals only None, and raises nothing.
    pub fn equal(&mut self, span: Span, left: &Value, right: &Value) -> Value {
        let op = match (&left.ty, &right.ty) {
            (Type::Bad, _) | (_, Type::Bad) => return Value::bad(),
            (Type::None, _) | (_, Type::None) => return self.identity(span, true, left, right),
            (Type::Token, Type::Token) | (Type::Int, Type::Int) | (Type::Char, Type::Char) => Op::EqI,
            (Type::Bool, Type::Bool) => Op::EqB,
            (a, b) if a.is_number() && b.is_number() => {
                let ty = a.join(b).unwrap_or(Type::Float);
                let x = self.coerce(span, left.clone(), &ty);
                let y = self.coerce(span, right.clone(), &ty);
                let op = if ty == Type::Int { Op::EqI } else { Op::EqF };
                return Value::new(Type::Bool, self.op(span, op, Bank::Bool, &[x.reg(), y.reg()], 0));
            }
            (Type::Sample, Type::Sample) => {
                return self.fail(Finding::error(span, "two episodes are compared with `is`").suggest("write `is`"));
            }
            (a, b) => {
                let message = format!("{} is never equal to {}", a.a(), b.a());
                let mut finding = Finding::error(span, message);
                if *a == Type::Token || *b == Type::Token {
                    finding = finding.suggest("a token is compared with its name in quotes");
                }
                return self.fail(finding);
            }
        };
        Value::new(Type::Bool, self.op(span, op, Bank::Bool, &[left.reg(), right.reg()], 0))
    }

    fn identity(&mut self, span: Span, same: bool, left: &Value, right: &Value) -> Value {
        let result = match (&left.ty, &right.ty) {
            (Type::Bad, _) | (_, Type::Bad) => return Value::bad(),
            (Type::None, Type::None) => self.bool(true),
            (Type::Optional, Type::None) => {
                Value::new(Type::Bool, self.op(span, Op::IsNone, Bank::Bool, &[left.reg()], 0))
            }
            (Type::None, Type::Optional) => {
                Value::new(Type::Bool, self.op(span, Op::IsNone, Bank::Bool, &[right.reg()], 0))
            }
            (Type::None, _) | (_, Type::None) => {
                self.report(Finding::warning(span, "this is never None"));
                self.bool(false)
            }
            (Type::Sample, Type::Sample) => {
                Value::new(Type::Bool, self.op(span, Op::EqI, Bank::Bool, &[left.reg(), right.reg()], 0))
            }
            (Type::Bool, Type::Bool) => {
                Value::new(Type::Bool, self.op(span, Op::EqB, Bank::Bool, &[left.reg(), right.reg()], 0))
            }
            _ => {
                return self.fail(
                    Finding::error(span, "`is` compares with None, or two episodes").suggest("write `==` or `!=`"),
                );
            }
        };
        if same { result } else { self.not(span, result) }
    }

    fn membership(&mut self, span: Span, is_in: bool, needle: &Value, haystack: &Expr) -> Value {
        if needle.is_bad() {
            self.expr(haystack);
            return Value::bad();
        }
        if let (Type::Char, ExprKind::Str(text)) = (&needle.ty, &haystack.kind) {
            let result = self.new_value(&Type::Bool);
            let no = self.bool(false);
            self.copy(span, result.reg(), no.reg());
            for c in text.chars() {
                let c = self.int(c as i32);
                let is_it = self.op(span, Op::EqI, Bank::Bool, &[needle.reg(), c], 0);
                let (yes, _) = (self.bool(true), self.open());
                self.copy(span, result.reg(), yes.reg());
                let then = self.close();
                self.push_if(is_it, then, Vec::new());
            }
            return if is_in { result } else { self.not(span, result) };
        }
        let found = self.new_reg(Bank::Bool);
        let unset = self.konst(Konst::Bool(false));
        self.copy(span, found, unset);
        let needle = needle.clone();
        let mut is_bad = false;
        // The order and number of the elements of a set do not matter here.
        let as_list = match &haystack.kind {
            ExprKind::Set(elements) => {
                Some(Expr { kind: ExprKind::List { elements: elements.clone(), is_tuple: false }, ..haystack.clone() })
            }
            _ => None,
        };
        let done = self.each(as_list.as_ref().unwrap_or(haystack), None, &mut |lower, _, value| {
            let equal = lower.equal(span, &needle, &value);
            is_bad |= equal.is_bad();
            let set = lower.konst(Konst::Bool(true));
            lower.open();
            lower.copy(span, found, set);
            lower.push(Stmt::Break);
            let then = lower.close();
            lower.push_if(equal.reg(), then, Vec::new());
        });
        if !done || is_bad {
            return Value::bad();
        }
        let result = Value::new(Type::Bool, found);
        if is_in { result } else { self.not(span, result) }
    }

    /// The truth of an expression, as a bool: of `and` and `or` whatever the types of their operands.
    pub(super) fn condition(&mut self, expr: &Expr) -> Value {
        let value = match &expr.kind {
            ExprKind::And(operands) => {
                self.nested(expr, Value::bad(), |lower| lower.logic(expr.span, operands, true, true))
            }
            ExprKind::Or(operands) => {
                self.nested(expr, Value::bad(), |lower| lower.logic(expr.span, operands, false, true))
            }
            _ => self.expr(expr),
        };
        self.truth(expr.span, &value)
    }

    /// `and` and `or` with Python's meaning: the operand that decides, or its truth where no more is asked.
    pub(super) fn logic(&mut self, span: Span, operands: &[Expr], is_and: bool, is_condition: bool) -> Value {
        let mut parts = Vec::new();
        for operand in operands {
            self.open();
            let value = if is_condition { self.condition(operand) } else { self.expr(operand) };
            parts.push((self.close(), value, operand.span));
        }
        if parts.iter().any(|(_, value, _)| value.is_bad()) {
            return Value::bad();
        }
        let mut joined = Some(Type::Bad);
        for (_, value, _) in &parts {
            joined = joined.and_then(|ty| ty.join(&value.ty));
        }
        let Some(ty) = joined.filter(Type::is_number) else {
            let kinds: Vec<String> = parts.iter().map(|(_, value, _)| value.ty.a()).collect();
            let word = if is_and { "and" } else { "or" };
            let message = format!("the sides of `{word}` are {}, and one of them is the result", kinds.join(" and "));
            let finding = Finding::error(span, message);
            return self.fail(finding.suggest("compare each side, or write `x if condition else y`"));
        };
        let dst = self.new_value(&ty).reg();
        for (index, (block, value, place)) in parts.into_iter().enumerate() {
            let decided = (index > 0).then(|| {
                let current = Value::new(ty.clone(), dst);
                let truth = self.truth(span, &current);
                if is_and { truth } else { self.not(span, truth) }
            });
            self.blocks.push(block);
            let value = if ty == Type::Bool { self.truth(place, &value) } else { self.coerce(place, value, &ty) };
            if value.is_bad() {
                self.close();
                return value;
            }
            self.copy(span, dst, value.reg());
            let block = self.close();
            match decided {
                Some(cond) => self.push_if(cond.reg(), block, Vec::new()),
                None => block.into_iter().for_each(|stmt| self.push(stmt)),
            }
        }
        Value::new(ty, dst)
    }

    pub(super) fn conditional(&mut self, span: Span, test: &Expr, then: &Expr, els: &Expr) -> Value {
        let cond = self.condition(test);
        self.open();
        let a = self.expr(then);
        let then_block = self.close();
        self.open();
        let b = self.expr(els);
        let els_block = self.close();
        if cond.is_bad() || a.is_bad() || b.is_bad() {
            return Value::bad();
        }
        let Some(ty) = a.ty.join(&b.ty) else {
            let message = format!("one side is {}, the other {}", a.ty.a(), b.ty.a());
            return self.fail(Finding::error(span, message));
        };
        let dst = self.new_value(&ty);
        let of = |value: &Value| value.regs.iter().map(|reg| self.range_of(*reg)).collect::<Vec<_>>();
        let ranges: Vec<Range> = of(&a).into_iter().zip(of(&b)).map(|(a, b)| a.join(b)).collect();
        let mut blocks = Vec::new();
        for (block, value, place) in [(then_block, a, then.span), (els_block, b, els.span)] {
            self.blocks.push(block);
            let value = self.coerce(place, value, &ty);
            for (to, from) in dst.regs.iter().zip(&value.regs) {
                self.copy(span, *to, *from);
            }
            blocks.push(self.close());
        }
        let els_block = blocks.pop().unwrap_or_default();
        let then_block = blocks.pop().unwrap_or_default();
        self.push_if(cond.reg(), then_block, els_block);
        for (to, range) in dst.regs.iter().zip(ranges) {
            self.set_range(*to, range);
        }
        dst
    }
}
