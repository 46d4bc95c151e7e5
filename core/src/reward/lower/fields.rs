//! What is read by its name: fields of an episode, components, numbers of the run, constants of modules.

use super::super::ast::{Expr, ExprKind, Ident};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Op, Reg, code};
use super::super::range::Range;
use super::super::schema::Ty;
use super::builder::Lower;
use super::types::{Type, Value};

impl<'c, 'p> Lower<'c, 'p> {
    pub(super) fn attribute(&mut self, span: Span, base: &Expr, field: &Ident) -> Value {
        if let Some(path) = self.module_path(base) {
            return self.module_value(span, &format!("{path}.{}", field.name));
        }
        let value = self.expr(base);
        self.member(span, value, field)
    }

    /// `value.field`, or `value["field"]`.
    pub(super) fn member(&mut self, span: Span, value: Value, field: &Ident) -> Value {
        match value.ty {
            Type::Bad => Value::bad(),
            Type::Sample => self.field(span, field, value.reg()),
            Type::Moment => self.field_after_step(span, field, value.regs[0], value.regs[1]),
            Type::Object(object, _) => self.object_member(span, object, field),
            Type::Run => match self.cx.run.names.iter().position(|name| *name == field.name) {
                Some(slot) => Value::new(Type::Float, self.op(span, Op::LoadRun, Bank::Float, &[], slot as u32)),
                None => {
                    let finding = Finding::error(field.span, format!("no number `{}` of the run", field.name))
                        .did_you_mean(&field.name, self.cx.run.names.iter().map(String::as_str));
                    self.fail(finding)
                }
            },
            Type::Results => match self.cx.results.iter().position(|(name, _)| *name == field.name) {
                Some(index) => {
                    self.cx.read_results[index] = true;
                    self.reads_episode = true;
                    let ty = self.cx.results[index].1.clone();
                    let reg = self.op(span, Op::LoadComponent, Bank::Float, &[], index as u32);
                    if ty == Type::Bad { Value::bad() } else { Value::new(ty, reg) }
                }
                None => {
                    let finding = Finding::error(field.span, format!("no component `{}`", field.name))
                        .did_you_mean(&field.name, self.cx.results.iter().map(|(name, _)| name.as_str()));
                    self.fail(finding)
                }
            },
            Type::Group | Type::Batch => {
                let word = value.ty.label();
                let message = format!("`{word}` has no fields; its samples have");
                self.fail(
                    Finding::error(span, message).suggest(format!("write `sum(e.{} for e in {word})`", field.name)),
                )
            }
            other => {
                let message = format!("{} has no field `{}`", other.a(), field.name);
                self.fail(Finding::error(span, message))
            }
        }
    }

    /// The value at a key of what has keys, or `default` where it has no such key.
    pub(super) fn lookup(&mut self, span: Span, value: &Value, key: &Expr, default: Option<Value>) -> Value {
        if let Type::Dict(_) = value.ty {
            return self.dict_get(span, value, key, default);
        }
        let ExprKind::Str(name) = &key.kind else {
            let finding = Finding::error(key.span, "the name of a field is a string, written out");
            return self.fail(finding.suggest("write `ep[\"name\"]` or `ep.name`"));
        };
        let field = Ident { name: name.clone(), span: key.span };
        let Some(default) = default else { return self.member(span, value.clone(), &field) };
        let names: Vec<&str> = match value.ty {
            Type::Sample | Type::Moment => self.cx.schema.fields.iter().map(|field| field.name.as_str()).collect(),
            Type::Run => self.cx.run.names.iter().map(String::as_str).collect(),
            _ => self.cx.results.iter().map(|(name, _)| name.as_str()).collect(),
        };
        if !names.contains(&name.as_str()) {
            let finding = Finding::warning(key.span, format!("no field `{name}`, so this is always the default"));
            let finding = finding.did_you_mean(name, names);
            self.report(finding);
            return default;
        }
        let found = self.member(span, value.clone(), &field);
        if found.ty != Type::Optional {
            return found;
        }
        let Some(ty) = Type::Float.join(&default.ty) else {
            let message = format!("the field `{name}` is a number, and its default is {}", default.ty.a());
            return self.fail(Finding::error(span, message));
        };
        let result = self.new_value(&ty);
        let is_none = self.op(span, Op::IsNone, Bank::Bool, &[found.reg()], 0);
        self.open();
        self.take(span, &result, default);
        let then = self.close();
        self.open();
        self.copy(span, result.reg(), found.reg());
        let els = self.close();
        self.push_if(is_none, then, els);
        result
    }

    fn field(&mut self, span: Span, ident: &Ident, sample: Reg) -> Value {
        self.reads_episode = true;
        let schema = self.cx.schema;
        let Some(index) = schema.fields.iter().position(|field| field.name == ident.name) else {
            let names = schema.fields.iter().map(|field| field.name.as_str());
            let finding = Finding::error(ident.span, format!("no field `{}`", ident.name))
                .did_you_mean(&ident.name, names.clone());
            let finding = match finding.suggestion {
                None if !schema.fields.is_empty() => {
                    finding.suggest(format!("the fields are {}", names.take(24).collect::<Vec<_>>().join(", ")))
                }
                _ => finding,
            };
            return self.fail(finding);
        };
        self.load_field(span, index, sample)
    }

    /// `params["name"]`: a field as it is after a step. Of a list that grows with the episode it is the element that
    /// this step left: the list ends with the last step, whether it begins before the first or after it.
    fn field_after_step(&mut self, span: Span, ident: &Ident, sample: Reg, step: Reg) -> Value {
        let list = self.field(span, ident, sample);
        let schema = self.cx.schema;
        let Type::List(field) = list.ty else { return list };
        let Some(length) = schema.length_slot().filter(|_| schema.fields[field].per_step) else { return list };
        let [start, end] = [list.regs[1], list.regs[2]];
        let length = self.op(span, Op::LoadInt, Bank::Int, &[sample], length as u32);
        let first = self.op(span, Op::SubI, Bank::Int, &[end, length], 0);
        let at = self.op(span, Op::AddI, Bank::Int, &[first, step], 0);
        let is_missing = self.op(span, Op::LtI, Bank::Bool, &[at, start], 0);
        self.fail_if(span, is_missing, code::INDEX);
        let at = self.op(span, Op::Index, Bank::Int, &[at, start, end], 0);
        self.load_element(span, field, sample, at)
    }

    /// A field by its place in the schema.
    pub(super) fn load_field(&mut self, span: Span, index: usize, sample: Reg) -> Value {
        let schema = self.cx.schema;
        let field = &schema.fields[index];
        let slot = field.offset as u32;
        match field.ty {
            Ty::Float => {
                let reg = self.op(span, Op::LoadFloat, Bank::Float, &[sample], slot);
                self.set_range(reg, Range::of_field(field));
                Value::new(Type::Float, reg)
            }
            Ty::Bool => Value::new(Type::Bool, self.op(span, Op::LoadBool, Bank::Bool, &[sample], slot)),
            Ty::Optional => Value::new(Type::Optional, self.op(span, Op::LoadOptional, Bank::Float, &[sample], slot)),
            Ty::Int | Ty::Token => {
                let reg = self.op(span, Op::LoadInt, Bank::Int, &[sample], slot);
                let is_length = field.name == schema.length_field;
                let steps = Range::new(f64::NEG_INFINITY, schema.horizon as f64);
                let range = self.range_of_field(index);
                self.set_range(reg, if is_length { range.meet(steps) } else { range });
                Value::new(if field.ty == Ty::Int { Type::Int } else { Type::Token }, reg)
            }
            _ => {
                let cap = self.int(field.cap as i32);
                let start = self.int(0);
                let end = self.op(span, Op::LoadLen, Bank::Int, &[sample, cap], slot);
                Value { ty: Type::List(index), regs: vec![sample, start, end] }
            }
        }
    }

    /// What a field, or an element of it, can be; a token is one of the vocabulary.
    fn range_of_field(&self, index: usize) -> Range {
        let (field, tokens) = (&self.cx.schema.fields[index], &self.cx.schema.tokens);
        let range = Range::of_field(field);
        match field.ty.element() {
            Ty::Token if !tokens.is_empty() => range.meet(Range::new(0.0, tokens.len() as f64 - 1.0)),
            _ => range,
        }
    }

    /// Element `index` (already checked) of a list field: a list where the field is a list of lists.
    pub fn load_element(&mut self, span: Span, field: usize, sample: Reg, index: Reg) -> Value {
        let schema = self.cx.schema;
        let range = self.range_of_field(field);
        let field = &schema.fields[field];
        let (op, bank, ty) = match field.ty.element() {
            Ty::Float => (Op::LoadFloatAt, Bank::Float, Type::Float),
            Ty::Bool => (Op::LoadBoolAt, Bank::Bool, Type::Bool),
            Ty::Token => (Op::LoadIntAt, Bank::Int, Type::Token),
            _ => (Op::LoadIntAt, Bank::Int, Type::Int),
        };
        let (slot, width) = (field.offset as u32 + 1, field.width);
        if width == 1 {
            let reg = self.op(span, op, bank, &[sample, index], slot);
            if bank != Bank::Bool {
                self.set_range(reg, range);
            }
            return Value::new(ty, reg);
        }
        let by = self.int(width as i32);
        let first = self.op(span, Op::MulI, Bank::Int, &[index, by], 0);
        let loads = (0..width as u32).map(|at| self.op(span, op, bank, &[sample, first], slot + at));
        let loads: Vec<Value> =
            loads.collect::<Vec<Reg>>().into_iter().map(|reg| Value::new(ty.clone(), reg)).collect();
        self.array(span, ty, &loads)
    }
}
