//! What a task program changes: fields of its objects, elements of their lists, lists that grow.

use super::super::ast::{BinOp, Expr, ExprKind, Ident};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{Bank, Op, Reg};
use super::super::schema::Ty;
use super::builder::Lower;
use super::loops::plural;
use super::types::{Object, Type, Value};

/// A scalar field or an element of a list field, ready to be read and written.
struct Place {
    field: usize,
    /// The element's number, checked; None for a scalar.
    index: Option<Reg>,
}

/// What a field holds, or an element of it.
fn held(element: Ty) -> Type {
    match element {
        Ty::Float => Type::Float,
        Ty::Bool => Type::Bool,
        Ty::Optional => Type::Optional,
        Ty::Token => Type::Token,
        _ => Type::Int,
    }
}

impl Lower<'_, '_> {
    /// The place that an expression names, if a function may change it.
    fn place(&mut self, expr: &Expr) -> Option<Place> {
        match &expr.kind {
            ExprKind::Attr(base, name) => {
                let (object, field) = self.changed_field(base, name)?;
                if self.cx.schema.fields[field].ty.is_list() {
                    let message = format!("`{}` of the {} is a list", name.name, Type::Object(object, true).label());
                    let finding = Finding::error(expr.span, message);
                    self.report(finding.suggest("change an element, as `s.x[i] = 1`, or write `.append(..)`"));
                    return None;
                }
                Some(Place { field, index: None })
            }
            ExprKind::Index(list, index) => {
                let ExprKind::Attr(base, name) = &list.kind else {
                    let finding =
                        Finding::error(list.span, "only lists of the state, the world and the episode change");
                    self.report(finding.suggest("declare the list in `class State`"));
                    return None;
                };
                let (_, field) = self.changed_field(base, name)?;
                let value = self.expr(list);
                let Type::List(_) = value.ty else {
                    if !value.is_bad() {
                        self.report(Finding::error(list.span, format!("`{}` is no list", name.name)));
                    }
                    return None;
                };
                let at = self.expr(index);
                let at = self.an_int(index.span, at, "an index")?;
                let at = self.op(expr.span, Op::Index, Bank::Int, &[at.reg(), value.regs[1], value.regs[2]], 0);
                Some(Place { field, index: Some(at) })
            }
            _ => {
                self.report(Finding::error(expr.span, "only a variable or a field can be assigned to"));
                None
            }
        }
    }

    /// The object and the field of `base.name`, where this function may change the object.
    pub(super) fn changed_field(&mut self, base: &Expr, name: &Ident) -> Option<(Object, usize)> {
        let value = self.expr(base);
        match value.ty {
            Type::Object(object @ (Object::State | Object::World | Object::Episode | Object::Demonstration), true) => {
                let field = self.field_of(object, name)?;
                if object == Object::Demonstration && self.cx.task.is_some_and(|task| task.tokens != Some(field)) {
                    let message = format!("a demonstration writes `tokens`, and no `{}`", name.name);
                    let finding = Finding::error(name.span, message);
                    self.report(finding.suggest("what an episode comes to, `score` says"));
                    return None;
                }
                if object == Object::Episode && self.cx.task.is_some_and(|task| !task.own_fields.contains(&field)) {
                    let finding =
                        Finding::error(name.span, format!("`{}` of the episode is filled by itself", name.name));
                    self.report(finding.suggest("remove this line, or declare the field in `class Episode`"));
                    return None;
                }
                Some((object, field))
            }
            Type::Object(Object::Params, _) => {
                let finding = Finding::error(base.span, "parameters cannot be changed while the task is played");
                self.report(finding.suggest("keep what changes in the state"));
                None
            }
            Type::Object(object, _) => {
                let what = Type::Object(object, true).label();
                let finding = Finding::error(base.span, format!("this function cannot change the {what}"));
                self.report(finding.suggest(match object {
                    Object::World => "the world is made once, by `setup`",
                    _ => "`start` and `step` change the state and the episode, `score` completes the episode",
                }));
                None
            }
            Type::Bad => None,
            other => {
                let message = format!("{} has no fields that change", other.a());
                self.report(Finding::error(base.span, message));
                None
            }
        }
    }

    /// Writes a value to a place.
    fn write(&mut self, span: Span, place: &Place, value: Value) {
        let field = &self.cx.schema.fields[place.field];
        let (slot, element, name) = (field.offset as u32, field.ty.element(), field.name.clone());
        let ty = held(element);
        if value.is_bad() {
            return;
        }
        if field.width > 1 {
            return self.write_together(span, place, value);
        }
        self.write_number(span, (ty, &name), place.index, value, slot);
    }

    /// Writes an element of several numbers.
    fn write_together(&mut self, span: Span, place: &Place, value: Value) {
        let field = &self.cx.schema.fields[place.field];
        let (first, width, element, name) = (field.offset as u32, field.width, field.ty.element(), field.name.clone());
        let value = self.unrolled(value);
        let parts = self.split(span, &value);
        if parts.len() != width {
            let message = format!("an element of `{name}` has {width} numbers, and this is {}", value.ty.a());
            self.report(Finding::error(span, message));
            return;
        }
        let by = self.int(width as i32);
        let index = place.index.map(|index| self.op(span, Op::MulI, Bank::Int, &[index, by], 0));
        for (slot, part) in (first..).zip(parts) {
            self.write_number(span, (held(element), &name), index, part, slot);
        }
    }

    /// Writes a number to a slot, or to one that is so many behind it.
    fn write_number(&mut self, span: Span, (ty, name): (Type, &str), index: Option<Reg>, value: Value, slot: u32) {
        let value = match (&value.ty, &ty) {
            // An index of the action is what its number is.
            (Type::Bool, Type::Int) | (Type::Int | Type::Bool, Type::Float) => self.coerce(span, value, &ty),
            (Type::Optional, Type::Float) => self.coerce(span, value, &ty),
            (from, to) if *to == Type::Optional && (from.is_number() || *from == Type::None) => {
                self.coerce(span, value, &ty)
            }
            (from, to) if from == to => value,
            (from, to) => {
                let message = format!("`{name}` holds {}, not {}", to.a(), from.a());
                let finding = Finding::error(span, message);
                self.report(match (from, to) {
                    (Type::Float, Type::Int) => finding.suggest("write `int(..)`, or declare the field as a float"),
                    (Type::Token, Type::Int) => finding.suggest("write `int(action)` for its number"),
                    _ => finding,
                });
                return;
            }
        };
        let (scalar, at) = match value.ty {
            Type::Float | Type::Optional => (Op::StoreFloat, Op::StoreFloatAt),
            Type::Bool => (Op::StoreBool, Op::StoreBoolAt),
            _ => (Op::StoreInt, Op::StoreIntAt),
        };
        let unused = self.new_reg(Bank::Int);
        match index {
            None => self.op_to(span, scalar, unused, [value.reg(), 0, 0], slot),
            Some(index) => self.op_to(span, at, unused, [value.reg(), index, 0], slot + 1),
        }
    }

    /// `place = value`
    pub(super) fn store(&mut self, span: Span, place: &Expr, value: Value) {
        if let ExprKind::Attr(base, name) = &place.kind
            && matches!(value.ty, Type::Array(..) | Type::Table { .. })
        {
            return self.store_list(span, base, name, value);
        }
        if let Some(place) = self.place(place) {
            self.write(span, &place, value);
        }
    }

    /// `object.list = [..]`: all of its elements at once.
    fn store_list(&mut self, span: Span, base: &Expr, name: &Ident, value: Value) {
        let Some((_, field)) = self.changed_field(base, name) else { return };
        let value = self.unrolled(value);
        let parts = self.split(span, &value);
        let (is_list, cap) = (self.cx.schema.fields[field].ty.is_list(), self.cx.schema.fields[field].cap);
        if !is_list || parts.len() > cap {
            let message = match is_list {
                true => format!("`{}` has room for {cap} element{}, not {}", name.name, plural(cap), parts.len()),
                false => format!("`{}` holds one value, not a list", name.name),
            };
            self.report(Finding::error(span, message));
            return;
        }
        let (slot, count) = (self.cx.schema.fields[field].offset as u32, parts.len() as i32);
        for (index, part) in parts.into_iter().enumerate() {
            let index = Some(self.int(index as i32));
            self.write(span, &Place { field, index }, part);
        }
        let (count, unused) = (self.int(count), self.new_reg(Bank::Int));
        self.op_to(span, Op::StoreLen, unused, [count, 0, 0], slot);
    }

    /// `place += value`
    pub(super) fn augment(&mut self, span: Span, place: &Expr, op: BinOp, value: &Expr) {
        let target = place;
        let Some(place) = self.place(target) else { return };
        let own = self.int(0);
        let before = match place.index {
            None => self.load_field(target.span, place.field, own),
            Some(index) => self.load_element(target.span, place.field, own, index),
        };
        let after = self.expr(value);
        let result = self.binary(span, op, (target.span, before), (value.span, after));
        self.write(span, &place, result);
    }

    /// Statements that change a list: `object.list.append(x)` and `dice.shuffle(object.list)`. False for another call.
    pub(super) fn changes(&mut self, span: Span, func: &Expr, args: &[Expr]) -> bool {
        let ExprKind::Attr(list, method) = &func.kind else { return false };
        if method.name == "shuffle" && args.len() == 1 {
            let dice = self.expr(list);
            if dice.ty == Type::Object(Object::Dice, true) {
                self.shuffle(span, &args[0]);
                return true;
            }
            return false;
        }
        let (ExprKind::Attr(base, name), "append", [arg]) = (&list.kind, method.name.as_str(), args) else {
            return false;
        };
        let Some((_, field)) = self.changed_field(base, name) else { return true };
        let (is_list, cap) = (self.cx.schema.fields[field].ty.is_list(), self.cx.schema.fields[field].cap);
        if !is_list {
            self.report(Finding::error(list.span, format!("`{}` is no list", name.name)));
            return true;
        }
        let value = self.expr(arg);
        let (slot, cap) = (self.cx.schema.fields[field].offset as u32, self.int(cap as i32));
        let at = self.op(span, Op::Lengthen, Bank::Int, &[cap], slot);
        self.write(span, &Place { field, index: Some(at) }, value);
        true
    }
}
