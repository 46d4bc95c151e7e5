//! Values of several registers: tuples, written-out lists, tables of constants and dictionaries.

use super::super::ast::{Expr, ExprKind, Target};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Konst, Op, Reg, code};
use super::builder::Lower;
use super::loops::plural;
use super::types::{Key, Type, Value};

/// Numbers of a list that is written out.
pub(super) const MAX_ELEMENTS: usize = 1024;
/// Numbers of a dictionary: to look one up by a key that only the run knows, all are looked at.
const MAX_ENTRIES: usize = 256;
/// Constants from this number on are a table, which takes no registers where it is passed around.
pub(super) const TABLE: usize = 17;

impl<'c, 'p> Lower<'c, 'p> {
    /// A value whose registers stand next to each other, where that matters.
    pub(super) fn settle(&mut self, span: Span, value: Value) -> Value {
        let is_settled = value.regs.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        if is_settled || !value.ty.holds_array() {
            return value;
        }
        self.copied(span, &value)
    }

    /// The same value in registers of its own; constants stay constants.
    pub(super) fn copied(&mut self, span: Span, value: &Value) -> Value {
        let copy = self.new_value(&value.ty);
        for (dst, src) in copy.regs.iter().zip(&value.regs) {
            match self.regs[*src as usize].konst {
                Some(_) => self.regs[*dst as usize] = self.regs[*src as usize],
                None => {
                    self.copy(span, *dst, *src);
                    let range = self.range_of(*src);
                    self.set_range(*dst, range);
                }
            }
        }
        copy
    }

    pub(super) fn tuple(&mut self, span: Span, values: Vec<Value>) -> Value {
        if values.iter().any(Value::is_bad) {
            return Value::bad();
        }
        let ty = Type::Tuple(values.iter().map(|value| value.ty.clone()).collect());
        let regs = values.into_iter().flat_map(|value| value.regs).collect();
        self.settle(span, Value { ty, regs })
    }

    /// A list of values of one type.
    pub(super) fn array(&mut self, span: Span, element: Type, values: &[Value]) -> Value {
        let width = element.banks().len();
        let regs = (0..width).flat_map(|column| values.iter().map(move |value| value.regs[column])).collect();
        let value = Value { ty: Type::Array(Box::new(element), values.len()), regs };
        self.settle(span, value)
    }

    /// The elements of a tuple or of a written-out list.
    pub(super) fn split(&mut self, span: Span, value: &Value) -> Vec<Value> {
        match &value.ty {
            Type::Tuple(types) => {
                let mut at = 0;
                let mut parts = Vec::new();
                for ty in types {
                    let width = ty.banks().len();
                    parts.push(Value { ty: ty.clone(), regs: value.regs[at..at + width].to_vec() });
                    at += width;
                }
                parts
            }
            Type::Array(element, len) => (0..*len)
                .map(|at| {
                    let regs = value.regs.iter().skip(at).step_by(*len).copied().collect();
                    self.settle(span, Value { ty: (**element).clone(), regs })
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A table of constants as a list with registers.
    pub(super) fn unrolled(&mut self, value: Value) -> Value {
        let Type::Table { id, element, len } = value.ty else { return value };
        let ty = Type::Array(element, len);
        if let Some((_, regs)) = self.tables.iter().find(|(known, _)| *known == id) {
            return Value { ty, regs: regs.clone() };
        }
        let konsts = self.cx.tables[id].1.clone();
        let regs: Vec<Reg> = konsts.into_iter().map(|konst| self.konst(konst)).collect();
        self.tables.push((id, regs.clone()));
        Value { ty, regs }
    }

    /// A list of many constants as a table.
    pub(super) fn rolled(&mut self, value: Value) -> Value {
        let Type::Array(element, len) = &value.ty else { return value };
        let konsts: Option<Vec<Konst>> = value.regs.iter().map(|reg| self.regs[*reg as usize].konst).collect();
        match konsts {
            Some(konsts) if konsts.len() >= TABLE => {
                let id = self.cx.table(&value.ty, konsts);
                let ty = Type::Table { id, element: element.clone(), len: *len };
                Value { ty, regs: Vec::new() }
            }
            _ => value,
        }
    }

    /// A tuple as a list, where its elements have a type in common.
    pub(super) fn listed(&mut self, span: Span, value: Value) -> Value {
        let Type::Tuple(types) = &value.ty else { return value };
        let joined = types.iter().try_fold(Type::Bad, |ty, other| ty.join(other));
        match joined {
            Some(Type::Bad) => self.array(span, Type::Float, &[]),
            Some(element) => {
                let len = types.len();
                self.coerce(span, value, &Type::Array(Box::new(element), len))
            }
            None => value,
        }
    }

    pub(super) fn list(&mut self, span: Span, elements: &[Expr], is_tuple: bool) -> Value {
        let values: Vec<Value> = elements.iter().map(|element| self.expr(element)).collect();
        if values.iter().any(Value::is_bad) {
            return Value::bad();
        }
        if values.iter().map(|value| value.regs.len()).sum::<usize>() > MAX_ELEMENTS {
            let message = format!("a list that is written out has at most {MAX_ELEMENTS} numbers");
            return self.fail(Finding::error(span, message));
        }
        let is_mixed = values.windows(2).any(|pair| pair[0].ty != pair[1].ty);
        if is_tuple && is_mixed {
            return self.tuple(span, values);
        }
        let mut ty = Type::Bad;
        for (value, expr) in values.iter().zip(elements) {
            let is_element = matches!(
                value.ty,
                Type::Token
                    | Type::Char
                    | Type::Seen(_)
                    | Type::Sample
                    | Type::Moment
                    | Type::Tuple(_)
                    | Type::Array(..)
                    | Type::Dict(_)
            ) || value.ty.is_number()
                || value.ty == Type::None;
            let Some(joined) = ty.join(&value.ty).filter(|_| is_element) else {
                let message =
                    format!("the elements of a list are all numbers or all tokens, and this is {}", value.ty.a());
                return self.fail(Finding::error(expr.span, message));
            };
            ty = joined;
        }
        if ty == Type::None {
            ty = Type::Optional;
        }
        if ty == Type::Bad {
            ty = Type::Float;
        }
        let values: Vec<Value> = values.into_iter().map(|value| self.coerce(span, value, &ty)).collect();
        self.array(span, ty, &values)
    }

    /// A slice of a written-out list, whose bounds are written out too.
    pub(super) fn constant_slice(&mut self, span: Span, base: &Value, from: Option<&Expr>, to: Option<&Expr>) -> Value {
        let parts = self.split(span, base);
        let len = parts.len() as i32;
        let mut bounds = [0, len];
        for (bound, expr) in bounds.iter_mut().zip([from, to]) {
            let Some(expr) = expr else { continue };
            let value = self.expr(expr);
            let Some(at) = self.const_int(&value) else {
                if value.is_bad() {
                    return value;
                }
                let message = "a list that is written out is sliced between numbers that are written out";
                return self.fail(Finding::error(expr.span, message).suggest("loop over it with an index"));
            };
            *bound = (if at < 0 { at + len } else { at }).clamp(0, len);
        }
        let [from, to] = bounds.map(|bound| bound as usize);
        let parts: Vec<Value> = parts.into_iter().take(to).skip(from).collect();
        match &base.ty {
            Type::Array(element, _) => {
                let list = self.array(span, (**element).clone(), &parts);
                self.copied(span, &list)
            }
            _ => self.tuple(span, parts),
        }
    }

    // Several names at once.

    /// As many values as there are names; reports and gives none where they do not fit.
    fn unpacked(&mut self, span: Span, value: Value, count: usize) -> Option<Vec<Value>> {
        let value = self.unrolled(value);
        let found = match &value.ty {
            Type::Bad => return Some(vec![value; count]),
            Type::Tuple(types) => types.len(),
            Type::Array(_, len) => *len,
            Type::List(field) => {
                let [sample, start, end] = [value.regs[0], value.regs[1], value.regs[2]];
                let len = self.list_len(span, start, end);
                let wanted = self.int(count as i32);
                let fits = self.op(span, Op::EqI, Bank::Bool, &[len, wanted], 0);
                let misfit = self.op(span, Op::Not, Bank::Bool, &[fits], 0);
                self.fail_if(span, misfit, code::UNPACK);
                let mut values = Vec::new();
                for at in 0..count {
                    let at = self.int(at as i32);
                    let index = self.op(span, Op::AddI, Bank::Int, &[start, at], 0);
                    values.push(self.load_element(span, *field, sample, index));
                }
                return Some(values);
            }
            other => {
                let message = format!("{} cannot be given to several names", other.a());
                self.report(Finding::error(span, message).suggest("give it to one name"));
                return None;
            }
        };
        if found != count {
            self.report(Finding::error(span, format!("{found} values for {count} names")));
            return None;
        }
        Some(self.split(span, &value))
    }

    /// The value of every name of a target; of values that are no good where they do not fit.
    pub(super) fn spread(&mut self, span: Span, target: &Target, value: Value) -> Vec<(Target, Value)> {
        match target {
            Target::Name(_) | Target::Place(_) => vec![(target.clone(), value)],
            Target::Tuple(targets, _) => {
                let values = self.unpacked(span, value, targets.len());
                let values = values.unwrap_or_else(|| vec![Value::bad(); targets.len()]);
                targets.iter().zip(values).flat_map(|(target, value)| self.spread(span, target, value)).collect()
            }
        }
    }

    /// The same for the values of a step of a loop.
    pub(super) fn spread_step(&mut self, span: Span, target: &Target, mut values: Vec<Value>) -> Vec<(Target, Value)> {
        let has_parts = |value: &Value| {
            matches!(value.ty, Type::Bad | Type::Tuple(_) | Type::Array(..) | Type::Table { .. } | Type::List(_))
        };
        match target {
            Target::Tuple(targets, _) if targets.len() == values.len() && values.len() > 1 => {
                targets.iter().zip(values).flat_map(|(target, value)| self.spread(span, target, value)).collect()
            }
            Target::Tuple(targets, _) if values.len() != 1 || !has_parts(&values[0]) => {
                let (names, count) = (targets.len(), values.len());
                let message = format!("{count} value{} a step for {names} name{}", plural(count), plural(names));
                let finding = Finding::error(span, message);
                self.report(if names == 1 { finding.suggest("leave out the comma after the name") } else { finding });
                self.spread(span, target, Value::bad())
            }
            _ => {
                let value = if values.len() == 1 { values.remove(0) } else { self.tuple(span, values) };
                self.spread(span, target, value)
            }
        }
    }

    // Dictionaries.

    pub(super) fn dict(&mut self, span: Span, entries: &[(Expr, Expr)]) -> Value {
        let mut types: Vec<(Key, Type)> = Vec::new();
        let mut regs = Vec::new();
        for (key, value) in entries {
            let found = match &key.kind {
                ExprKind::Str(text) => Some(Key::Text(text.clone())),
                _ => {
                    let key = self.expr(key);
                    self.const_int(&key).filter(|_| key.ty == Type::Int).map(Key::Int)
                }
            };
            let value = self.expr(value);
            let Some(found) = found else {
                let finding = Finding::error(key.span, "the keys of a dictionary are strings or ints, written out");
                return self.fail(finding.suggest("use `if` and `elif` for anything else"));
            };
            if value.is_bad() {
                return value;
            }
            if types.iter().any(|(other, _)| *other == found) {
                return self.fail(Finding::error(key.span, format!("the key {} is there twice", found.text())));
            }
            if value.ty.banks().is_empty() {
                let message = format!("a dictionary cannot hold {}", value.ty.a());
                return self.fail(Finding::error(key.span, message));
            }
            types.push((found, value.ty));
            regs.extend(value.regs);
        }
        if regs.len() > MAX_ENTRIES {
            let message = format!("a dictionary that is written out has at most {MAX_ENTRIES} numbers");
            return self.fail(Finding::error(span, message));
        }
        self.settle(span, Value { ty: Type::Dict(types), regs })
    }

    /// The keys of a dictionary and their values.
    fn entries(&mut self, value: &Value) -> Vec<(Key, Value)> {
        let Type::Dict(entries) = &value.ty else { return Vec::new() };
        let mut at = 0;
        let part = |(key, ty): &(Key, Type)| {
            let width = ty.banks().len();
            at += width;
            (key.clone(), Value { ty: ty.clone(), regs: value.regs[at - width..at].to_vec() })
        };
        entries.iter().map(part).collect()
    }

    /// `dict[key]`, or `dict.get(key, default)`.
    pub(super) fn dict_get(&mut self, span: Span, dict: &Value, key: &Expr, default: Option<Value>) -> Value {
        let entries = self.entries(dict);
        if let ExprKind::Str(text) = &key.kind {
            let found = entries.iter().find(|(key, _)| *key == Key::Text(text.clone()));
            return match (found, default) {
                (Some((_, value)), _) => value.clone(),
                (None, Some(default)) => default,
                (None, None) => {
                    let names = entries.iter().filter_map(|(key, _)| match key {
                        Key::Text(text) => Some(text.as_str()),
                        Key::Int(_) => None,
                    });
                    let finding = Finding::error(key.span, format!("the dictionary has no key \"{text}\""));
                    self.fail(finding.did_you_mean(text, names))
                }
            };
        }
        let wanted = self.expr(key);
        if wanted.is_bad() {
            return wanted;
        }
        let has_default = default.is_some();
        let mut all: Vec<&Value> = entries.iter().map(|(_, value)| value).collect();
        all.extend(default.as_ref());
        let joined = all.iter().try_fold(Type::Bad, |ty, value| ty.join(&value.ty)).filter(|ty| *ty != Type::Bad);
        let Some(ty) = joined else {
            let finding = Finding::error(span, "the values of this dictionary are of different kinds");
            return self.fail(finding.suggest("look it up by a key that is written out"));
        };
        let result = self.new_value(&ty);
        let found = self.set_bool(span, false);
        if let Some(default) = default {
            self.take(span, &result, default);
        }
        for (key, value) in entries {
            let key = match key {
                Key::Int(int) => {
                    let reg = self.int(int);
                    Value::new(Type::Int, reg)
                }
                Key::Text(text) => match self.cx.schema.tokens.iter().position(|token| *token == text) {
                    Some(id) => {
                        let reg = self.int(id as i32);
                        Value::new(Type::Token, reg)
                    }
                    // No token is ever equal to it.
                    None => continue,
                },
            };
            let equal = self.equal(span, &wanted, &key);
            if equal.is_bad() {
                return equal;
            }
            self.open();
            self.take(span, &result, value);
            let set = self.konst(Konst::Bool(true));
            self.copy(span, found, set);
            let then = self.close();
            self.push_if(equal.reg(), then, Vec::new());
        }
        if !has_default {
            let absent = self.op(span, Op::Not, Bank::Bool, &[found], 0);
            self.fail_if(span, absent, code::KEY);
        }
        result
    }

    /// Copies a value into registers of a type that it joins to.
    pub(super) fn take(&mut self, span: Span, dst: &Value, value: Value) {
        let value = self.coerce(span, value, &dst.ty);
        for (to, from) in dst.regs.iter().zip(&value.regs) {
            self.copy(span, *to, *from);
        }
    }

    pub(super) fn set_bool(&mut self, span: Span, value: bool) -> Reg {
        let dst = self.new_reg(Bank::Bool);
        let konst = self.konst(Konst::Bool(value));
        self.copy(span, dst, konst);
        dst
    }

    /// `keys`, `values` or `items` of a dictionary, as a list.
    pub(super) fn dict_list(&mut self, span: Span, dict: &Value, method: &str) -> Value {
        let mut parts = Vec::new();
        for (key, value) in self.entries(dict) {
            let key = if method == "values" { None } else { Some(self.key(span, &key)) };
            let part = match (key, method) {
                (Some(key), "keys") => key,
                (Some(key), _) => self.tuple(span, vec![key, value]),
                (None, _) => value,
            };
            if part.is_bad() {
                return part;
            }
            parts.push(part);
        }
        let pairs = self.tuple(span, parts);
        let list = self.listed(span, pairs);
        if let Type::Tuple(_) = list.ty {
            let finding = Finding::error(span, "the values of this dictionary are of different kinds");
            return self.fail(finding.suggest("look each up by its key"));
        }
        list
    }

    fn key(&mut self, span: Span, key: &Key) -> Value {
        match key {
            Key::Int(int) => {
                let reg = self.int(*int);
                Value::new(Type::Int, reg)
            }
            Key::Text(text) if self.cx.schema.tokens.contains(text) => self.token(span, text),
            Key::Text(_) => self.fail(
                Finding::error(span, "keys that are text cannot be looped over: a program has no text")
                    .suggest("loop over `.values()`, or write one line for each key"),
            ),
        }
    }
}
