//! Comparisons that come out the same every time, by what is known of both sides.

use super::super::ast::CmpOp;
use super::super::diagnostics::{Finding, Span};
use super::super::range::Range;
use super::builder::Lower;
use super::types::{Type, Value};

/// What a comparison of numbers from these ranges always is.
fn outcome(op: CmpOp, a: Range, b: Range) -> Option<bool> {
    let less = a.is_below(b).then_some(true).or((a.low >= b.high).then_some(false));
    let more = b.is_below(a).then_some(true).or((b.low >= a.high).then_some(false));
    match op {
        CmpOp::Lt => less,
        CmpOp::Gt => more,
        CmpOp::Le => more.map(|more| !more),
        CmpOp::Ge => less.map(|less| !less),
        CmpOp::Eq | CmpOp::Ne if a.is_below(b) || b.is_below(a) => Some(op == CmpOp::Ne),
        _ => None,
    }
}

impl Lower<'_, '_> {
    /// Warns of a comparison that decides nothing. One of constants alone is meant: it is a switch.
    pub(super) fn settled(&mut self, span: Span, op: CmpOp, left: (Span, &Value), right: (Span, &Value)) {
        let is_number = |value: &Value| matches!(value.ty, Type::Int | Type::Float);
        if !is_number(left.1) || !is_number(right.1) {
            return;
        }
        let [a, b] = [left.1, right.1].map(|value| self.range_of(value.reg()));
        let is_fixed = |range: Range| range.low == range.high;
        let Some(outcome) = outcome(op, a, b).filter(|_| !is_fixed(a) || !is_fixed(b)) else { return };
        let known = [(left.0, a), (right.0, b)].into_iter().filter(|(_, range)| !is_fixed(*range));
        let known: Vec<String> = known
            .map(|(at, range)| {
                let text = self.cx.source.get(at.start as usize..at.end as usize).unwrap_or("it");
                format!("`{}` is {}", text.split_whitespace().collect::<Vec<_>>().join(" "), range.text())
            })
            .collect();
        let message =
            format!("this comparison is always {}: {}", if outcome { "true" } else { "false" }, known.join(" and "));
        let instead =
            if outcome { "leave it out, or compare with another number" } else { "compare with another number" };
        self.report(Finding::warning(span, message).suggest(instead));
    }
}
