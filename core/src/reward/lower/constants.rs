//! Constants of a program: computed once, by running them.

use std::collections::BTreeMap;

use super::super::ast::{Expr, ExprKind};
use super::super::diagnostics::{Finding, Span};
use super::super::ir::{self, Bank, Konst, Unit, error_text};
use super::super::vm;
use super::aggregates::TABLE;
use super::builder::Lower;
use super::compiler::{COST_LIMIT, Compiler, Constant, has_error, too_costly, without_type};
use super::types::{Type, Value};

impl Compiler<'_> {
    pub fn compute_constants(&mut self) {
        for (ident, expr) in &self.module.constants {
            if let (Some(task), "actions" | "tokens") = (self.task, ident.name.as_str()) {
                // The names, as they are numbered.
                if task.names > 0 {
                    let konsts = (0..task.names as i32).map(Konst::Int).collect();
                    let constant = Constant::Known(Type::Array(Box::new(Type::Token), task.names), konsts);
                    self.constants.insert(ident.name.clone(), constant);
                }
                continue;
            }
            let constant = match &expr.kind {
                ExprKind::Text(_) | ExprKind::Str(_) if !self.is_token(expr) => continue,
                _ => self.evaluate(expr),
            };
            self.constants.insert(ident.name.clone(), constant);
        }
    }

    /// A string that names a token; any other constant string may stand there as long as nothing reads it.
    fn is_token(&self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Str(text) if self.schema.tokens.contains(text))
    }

    /// Computes an expression at compile time, by running it.
    pub fn evaluate(&mut self, expr: &Expr) -> Constant {
        let mut lower = Lower::new(self, BTreeMap::new(), Type::Bad, false);
        let value = lower.expr(expr);
        lower.push(ir::Stmt::Return(value.regs));
        let body = lower.close();
        let Lower { regs, mut findings, calls, cost, untyped, .. } = lower;
        if cost > COST_LIMIT {
            findings.push(too_costly(expr.span, "this constant", cost));
        }
        let called = self.reached(calls);
        findings.extend(called.iter().flat_map(|instance| self.instances[*instance].findings.clone()));
        let untyped = called.iter().find_map(|instance| self.instances[*instance].untyped).or(untyped);
        if !has_error(&findings) {
            findings.extend(untyped.map(without_type));
        }
        let failed = has_error(&findings);
        self.add(findings);
        if failed || value.ty == Type::Bad {
            return Constant::Bad;
        }
        let ret = value.ty.banks();
        let name = "constant".to_string();
        let function = ir::Function { name, regs, ret: ret.clone(), body, ..Default::default() };
        let mut functions: Vec<ir::Function> =
            self.instances.iter().map(|instance| instance.function.clone()).collect();
        functions.push(function);
        let unit =
            Unit { components: vec![functions.len() - 1], functions, combine: None, memo_slots: self.memo_slots };
        match vm::evaluate_constant(&unit) {
            Ok(bits) => {
                let konst = |(bank, bits): (Bank, u32)| match bank {
                    Bank::Bool => Konst::Bool(bits != 0),
                    Bank::Int => Konst::Int(bits as i32),
                    Bank::Float => Konst::Float(f32::from_bits(bits)),
                };
                Constant::Known(value.ty, ret.into_iter().zip(bits).map(konst).collect())
            }
            Err(error) => {
                let message = format!("this constant cannot be computed: {}", error_text(error >> 16));
                self.findings.push(Finding::error(expr.span, message));
                Constant::Bad
            }
        }
    }

    /// The place of a list of constants; equal lists have one.
    pub(super) fn table(&mut self, ty: &Type, konsts: Vec<Konst>) -> usize {
        let bits = |konsts: &[Konst]| konsts.iter().map(|konst| konst.bits()).collect::<Vec<u32>>();
        let known = self.tables.iter().position(|(other, table)| other == ty && bits(table) == bits(&konsts));
        known.unwrap_or_else(|| {
            self.tables.push((ty.clone(), konsts));
            self.tables.len() - 1
        })
    }
}

impl Lower<'_, '_> {
    /// A constant of the program as a value.
    pub(super) fn constant(&mut self, span: Span, name: &str) -> Option<Value> {
        let constant = match self.cx.constants.get(name) {
            Some(constant) => constant.clone(),
            None => {
                let module = self.cx.module;
                let (_, expr) = module.constants.iter().find(|(ident, _)| ident.name == name)?;
                return Some(match expr.kind {
                    ExprKind::Str(_) | ExprKind::Text(_) => self.text(span, expr),
                    _ => {
                        let finding = Finding::error(span, format!("`{name}` is not set yet here"));
                        self.fail(finding.suggest("move its line above this one"))
                    }
                });
            }
        };
        Some(self.constant_value(constant))
    }

    /// The type of a constant of the program.
    pub(super) fn constant_type(&self, name: &str) -> Option<Type> {
        match self.cx.constants.get(name)? {
            Constant::Known(ty, _) => Some(ty.clone()),
            Constant::Bad => None,
        }
    }

    pub(super) fn constant_value(&mut self, constant: Constant) -> Value {
        match constant {
            Constant::Bad => Value::bad(),
            Constant::Known(Type::Array(element, len), konsts) if konsts.len() >= TABLE => {
                let id = self.cx.table(&Type::Array(element.clone(), len), konsts);
                Value { ty: Type::Table { id, element, len }, regs: Vec::new() }
            }
            Constant::Known(ty, konsts) => {
                let regs = konsts.into_iter().map(|konst| self.konst(konst)).collect();
                Value { ty, regs }
            }
        }
    }
}
