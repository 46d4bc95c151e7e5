//! WGSL: the text of a program, for a host shader to splice in.
//!
//! The contract. A module holds `wgsl_prelude()` once and the text of each program under a prefix of its own, and the
//! host supplies these functions, where `sample` counts through all lanes:
//!
//! ```text
//! fn goodhart_ep(sample: u32, slot: u32) -> f32                   // slot of the record of a sample
//! fn goodhart_run(slot: u32) -> f32                               // number of the run, by its index in RunSchema
//! fn goodhart_component(sample: u32, component: u32) -> f32       // what set_component stored
//! fn goodhart_set_component(sample: u32, component: u32, value: f32)
//! fn goodhart_step(sample: u32, step_component: u32, t: u32) -> f32
//! fn goodhart_set_step(sample: u32, step_component: u32, t: u32, value: f32)
//! fn goodhart_weight(component: u32, own: f32) -> f32             // its weight in the sum: `own`, or what moved
//! fn goodhart_error(sample: u32) -> u32                           // what set_error stored
//! fn goodhart_set_error(sample: u32, error: u32)                  // of the components: 0, or code << 16 | line
//! fn goodhart_set_reward(sample: u32, value: f32, error: u32)     // the final reward and error
//! fn goodhart_set_step_reward(sample: u32, t: u32, value: f32)    // for every t below the horizon
//! ```
//!
//! A program gives two functions, to be run in two dispatches, since the second reads what the first stored for other
//! samples:
//!
//! ```text
//! fn {prefix}components(sample: u32)
//! fn {prefix}combine(sample: u32, group_start: u32, group_count: u32, batch_start: u32, batch_count: u32)
//! ```
//!
//! The final error must not be stored where `goodhart_error` reads: an error of `combine` changes nothing for other
//! samples. Stored values carry marks instead of NaN: `NONE_MARK` where a component does not apply, and a float whose
//! bits are `ERROR_MARK | code << 16 | line` where it failed; `decode_mark` takes them apart.

use std::sync::LazyLock;

use super::ir::{Bank, ERROR_MARK, FAULTS, FINITE_LIMIT, Function, INT_LIMIT, Konst, NONE, Op, Reg, Stmt, Unit};
use super::program::Program;

/// What a stored value is that does not apply.
pub const NONE_MARK: f32 = NONE;

const PRELUDE: &str = include_str!("prelude.wgsl");

/// Constants and helper functions that all programs of a module share.
pub fn wgsl_prelude() -> &'static str {
    static WITH_CONSTANTS: LazyLock<String> = LazyLock::new(|| constants() + PRELUDE);
    &WITH_CONSTANTS
}

/// The codes of errors and the marks, under the names that `prelude.wgsl` has for them.
fn constants() -> String {
    let mut text = String::new();
    let faults = FAULTS.iter().map(|(name, code, _)| (format!("FAULT_{name}"), *code));
    let bits =
        [("LIMIT_BITS", FINITE_LIMIT.to_bits()), ("INT_LIMIT_BITS", INT_LIMIT.to_bits()), ("ERROR_MARK", ERROR_MARK)];
    for (name, value) in faults.chain(bits.map(|(name, value)| (name.to_string(), value))) {
        push(&mut text, &format!("const GOODHART_{name}: u32 = {value}u;\n"));
    }
    push(&mut text, &format!("const GOODHART_NONE: f32 = {};\n\n", literal(Konst::Float(NONE))));
    text
}

/// A stored value: the number (NaN when it does not apply or failed) and the error (0 when there is none).
pub fn decode_mark(value: f32) -> (f32, u32) {
    let bits = value.to_bits();
    if value > 2.5e38 {
        (f32::NAN, 0)
    } else if bits & ERROR_MARK == ERROR_MARK {
        (f32::NAN, bits & !ERROR_MARK)
    } else {
        (value, 0)
    }
}

impl Program {
    /// The program as WGSL functions, every name of its own beginning with `prefix`.
    pub fn wgsl(&self, prefix: &str) -> String {
        let mut text = String::new();
        let mut tables = Tables::default();
        for (index, function) in self.unit.functions.iter().enumerate() {
            let used = vec![false; function.regs.len()];
            FunctionText { unit: &self.unit, function, prefix, used, tables: &mut tables }.write(index, &mut text);
        }
        tables.write(prefix, &mut text);
        self.write_length(prefix, &mut text);
        self.write_components(prefix, &mut text);
        self.write_combine(prefix, &mut text);
        text
    }

    fn write_length(&self, prefix: &str, text: &mut String) {
        let length = match self.length_slot {
            Some(slot) => format!("clamp(i32(goodhart_ep(sample, {slot}u)), 0i, {}i)", self.horizon),
            None => "0i".to_string(),
        };
        push(text, &format!("fn {prefix}length(sample: u32) -> i32 {{\n    return {length};\n}}\n\n"));
    }

    fn write_components(&self, prefix: &str, text: &mut String) {
        push(text, &format!("fn {prefix}components(sample: u32) {{\n    var first = 0u;\n"));
        let mut step_index = 0;
        for (c, component) in self.components.iter().enumerate() {
            let function = self.unit.components[c];
            let returns = !self.unit.functions[function].ret.is_empty();
            let call = |args: &str| match returns {
                true => format!("let value = {prefix}f{function}({args});"),
                false => format!("{prefix}f{function}({args});\n    let value = GOODHART_NONE;"),
            };
            if !component.is_step {
                push(text, &format!("    {{\n    goodhart_failure = 0u;\n    {}\n", call("i32(sample)")));
                push(text, &format!("    goodhart_set_component(sample, {c}u, goodhart_mark(value));\n"));
                push(text, "    if (first == 0u) { first = goodhart_failure; }\n    }\n");
                continue;
            }
            let (s, horizon, line) = (step_index, self.horizon, component.line);
            step_index += 1;
            push(
                text,
                &format!(
                    "    {{\n    let length = {prefix}length(sample);\n    var sum = select(GOODHART_NONE, 0.0, length == 0i);\n    \
                     var failed = 0u;\n    for (var t = 0i; t < length; t = t + 1i) {{\n    goodhart_failure = 0u;\n    {}\n    \
                     goodhart_set_step(sample, {s}u, u32(t), goodhart_mark(value));\n    \
                     if (failed == 0u) {{ failed = goodhart_failure; }}\n    \
                     if (!goodhart_is_none(value)) {{ sum = select(sum + value, value, goodhart_is_none(sum)); }}\n    }}\n    \
                     for (var t = length; t < {horizon}i; t = t + 1i) {{ goodhart_set_step(sample, {s}u, u32(t), GOODHART_NONE); }}\n    \
                     goodhart_failure = failed;\n    sum = goodhart_finite(sum, {line}u);\n    \
                     goodhart_set_component(sample, {c}u, goodhart_mark(sum));\n    \
                     if (first == 0u) {{ first = goodhart_failure; }}\n    }}\n",
                    call("i32(sample), t"),
                ),
            );
        }
        push(text, "    goodhart_set_error(sample, first);\n}\n\n");
    }

    fn write_combine(&self, prefix: &str, text: &mut String) {
        push(
            text,
            &format!(
                "fn {prefix}combine(sample: u32, group_start: u32, group_count: u32, batch_start: u32, batch_count: u32) {{\n    \
                 goodhart_sample = sample;\n    \
                 goodhart_group = vec3<i32>(i32(group_start), i32(group_count), -1i);\n    \
                 goodhart_batch = vec3<i32>(i32(batch_start), i32(batch_count), -1i);\n    \
                 goodhart_failure = goodhart_error(sample);\n    var reward = GOODHART_NONE;\n    \
                 let last = max({prefix}length(sample), 1i) - 1i;\n"
            ),
        );
        if self.unit.combine.is_none() {
            for (c, component) in self.components.iter().enumerate() {
                push(text, &format!("    let w{c} = goodhart_weight({c}u, {});\n", float(component.weight)));
            }
        }
        push(text, "    if (goodhart_failure == 0u) {\n");
        match self.unit.combine {
            Some(function) if !self.unit.functions[function].ret.is_empty() => {
                push(text, &format!("    reward = {prefix}f{function}(i32(sample));\n"));
            }
            Some(function) => push(text, &format!("    {prefix}f{function}(i32(sample));\n")),
            None => self.write_weighted_sum(text),
        }
        push(
            text,
            "    }\n    if (goodhart_failure != 0u) { reward = GOODHART_NONE; }\n    \
             goodhart_set_reward(sample, reward, goodhart_failure);\n    let paid = !goodhart_is_none(reward);\n",
        );
        push(text, &format!("    for (var t = 0i; t < {}i; t = t + 1i) {{\n    var pay = 0.0;\n", self.horizon));
        if self.unit.combine.is_some() {
            push(text, "    if (paid && t == last) { pay = reward; }\n");
        } else {
            push(text, "    if (paid) {\n");
            let mut step_index = 0;
            for (c, component) in self.components.iter().enumerate() {
                if component.is_step {
                    push(
                        text,
                        &format!(
                            "    {{ let value = goodhart_step(sample, {step_index}u, u32(t)); \
                             if (!goodhart_is_none(value)) {{ pay = pay + w{c} * value; }} }}\n"
                        ),
                    );
                    step_index += 1;
                } else {
                    push(
                        text,
                        &format!(
                            "    if (t == last) {{ let value = goodhart_component(sample, {c}u); \
                             if (!goodhart_is_none(value)) {{ pay = pay + w{c} * value; }} }}\n"
                        ),
                    );
                }
            }
            push(text, "    }\n");
        }
        push(text, "    goodhart_set_step_reward(sample, u32(t), pay);\n    }\n}\n");
    }

    fn write_weighted_sum(&self, text: &mut String) {
        for c in 0..self.components.len() {
            push(
                text,
                &format!(
                    "    {{ let value = goodhart_component(sample, {c}u); if (!goodhart_is_none(value)) {{ \
                     let share = w{c} * value; reward = select(reward + share, share, goodhart_is_none(reward)); }} }}\n"
                ),
            );
        }
        let line = self.components.last().map_or(0, |component| component.line);
        push(text, &format!("    reward = goodhart_finite(reward, {line}u);\n"));
    }
}

fn push(text: &mut String, more: &str) {
    text.push_str(more);
}

fn float(value: f32) -> String {
    if value < 0.0 { format!("({value:?}f)") } else { format!("{value:?}f") }
}

fn type_name(bank: Bank) -> &'static str {
    match bank {
        Bank::Float => "f32",
        Bank::Int => "i32",
        Bank::Bool => "bool",
    }
}

/// The type of a function's result: a struct where it has several registers, and nothing where it has none.
fn result_name(function: &Function, prefix: &str, index: usize) -> String {
    match &function.ret[..] {
        [] => String::new(),
        [bank] => type_name(*bank).to_string(),
        _ => format!("{prefix}result{index}"),
    }
}

struct FunctionText<'u> {
    unit: &'u Unit,
    function: &'u Function,
    prefix: &'u str,
    used: Vec<bool>,
    tables: &'u mut Tables,
}

/// Lists of constants that are read by a number: a function each, since variables of shaders have little room.
#[derive(Default)]
struct Tables(Vec<(Bank, Vec<Konst>)>);

impl Tables {
    /// Shorter lists are written where they are read.
    const SHORTEST: usize = 9;

    fn place(&mut self, bank: Bank, konsts: Vec<Konst>) -> usize {
        let bits = |konsts: &[Konst]| konsts.iter().map(|konst| konst.bits()).collect::<Vec<u32>>();
        let known = self.0.iter().position(|(b, k)| *b == bank && bits(k) == bits(&konsts));
        known.unwrap_or_else(|| {
            self.0.push((bank, konsts));
            self.0.len() - 1
        })
    }

    fn write(&self, prefix: &str, text: &mut String) {
        for (index, (bank, konsts)) in self.0.iter().enumerate() {
            push(text, &format!("fn {prefix}table{index}(at: i32) -> {} {{\n    switch (at) {{\n", type_name(*bank)));
            for (at, value) in konsts.iter().enumerate() {
                match at + 1 == konsts.len() {
                    false => push(text, &format!("        case {at}i: {{ return {}; }}\n", literal(*value))),
                    true => push(text, &format!("        default: {{}}\n    }}\n    return {};\n", literal(*value))),
                }
            }
            push(text, "}\n\n");
        }
    }
}

fn literal(value: Konst) -> String {
    match value {
        Konst::Float(value) => float(value),
        Konst::Int(value) if value < 0 => format!("({value}i)"),
        Konst::Int(value) => format!("{value}i"),
        Konst::Bool(value) => value.to_string(),
    }
}

impl FunctionText<'_> {
    fn write(mut self, index: usize, text: &mut String) {
        let mut body = String::new();
        self.block(index, &self.function.body, 1, &mut body);
        let bank = |reg: Reg| self.function.regs[reg as usize].bank;
        let params: Vec<String> =
            self.function.params.iter().map(|reg| format!("a{reg}: {}", type_name(bank(*reg)))).collect();
        let result = result_name(self.function, self.prefix, index);
        if self.function.ret.len() > 1 {
            let fields = self.function.ret.iter().enumerate();
            let fields: Vec<String> = fields.map(|(i, bank)| format!("v{i}: {}", type_name(*bank))).collect();
            push(text, &format!("struct {result} {{ {} }}\n", fields.join(", ")));
        }
        let ret = if result.is_empty() { String::new() } else { format!(" -> {result}") };
        push(text, &format!("// {}\nfn {}f{index}({}){ret} {{\n", self.function.name, self.prefix, params.join(", ")));
        for (reg, used) in self.used.iter().enumerate() {
            if *used {
                let start = match self.function.params.contains(&(reg as Reg)) {
                    true => format!(" = a{reg}"),
                    false => String::new(),
                };
                push(text, &format!("    var r{reg}: {}{start};\n", type_name(bank(reg as Reg))));
            }
        }
        push(text, &body);
        if !matches!(self.function.body.last(), Some(Stmt::Return(_))) && !result.is_empty() {
            push(text, &format!("    return {result}();\n"));
        }
        push(text, "}\n\n");
    }

    fn reg(&mut self, reg: Reg) -> String {
        match self.function.regs[reg as usize].konst {
            Some(value) => literal(value),
            None => {
                self.used[reg as usize] = true;
                format!("r{reg}")
            }
        }
    }

    /// `index` is the function's own.
    fn block(&mut self, index: usize, body: &[Stmt], depth: usize, text: &mut String) {
        let indent = "    ".repeat(depth.min(12));
        for statement in body {
            match statement {
                Stmt::Op { op, dst, a, b, c, imm, line } => {
                    self.used[*dst as usize] = true;
                    if *op == Op::Element {
                        self.element(*dst, *a, *b, *imm, &indent, text);
                        continue;
                    }
                    let value = self.operation(*op, [*a, *b, *c], *imm, *line);
                    push(text, &format!("{indent}r{dst} = {value};\n"));
                }
                Stmt::If { cond, then, els } => {
                    push(text, &format!("{indent}if ({}) {{\n", self.reg(*cond)));
                    self.block(index, then, depth + 1, text);
                    if !els.is_empty() {
                        push(text, &format!("{indent}}} else {{\n"));
                        self.block(index, els, depth + 1, text);
                    }
                    push(text, &format!("{indent}}}\n"));
                }
                Stmt::For { counter, count, body } => {
                    self.used[*counter as usize] = true;
                    let (k, n) = (format!("r{counter}"), self.reg(*count));
                    push(text, &format!("{indent}for ({k} = 0i; {k} < {n}; {k} = {k} + 1i) {{\n"));
                    self.block(index, body, depth + 1, text);
                    push(text, &format!("{indent}}}\n"));
                }
                Stmt::Break => push(text, &format!("{indent}break;\n")),
                Stmt::Continue => push(text, &format!("{indent}continue;\n")),
                Stmt::Return(regs) => {
                    let values: Vec<String> = regs.iter().map(|reg| self.reg(*reg)).collect();
                    let value = match &values[..] {
                        [] => String::new(),
                        [value] => format!(" {value}"),
                        _ => format!(" {}({})", result_name(self.function, self.prefix, index), values.join(", ")),
                    };
                    push(text, &format!("{indent}return{value};\n"));
                }
                Stmt::Fail { code, line } => push(text, &format!("{indent}goodhart_fail({code}u, {line}u);\n")),
                Stmt::Call { function, args, dst } => {
                    let args: Vec<String> = args.iter().map(|arg| self.reg(*arg)).collect();
                    let call = format!("{}f{function}({})", self.prefix, args.join(", "));
                    for reg in dst {
                        self.used[*reg as usize] = true;
                    }
                    match (&dst[..], self.unit.functions[*function].ret.len()) {
                        ([], _) | (_, 0) => push(text, &format!("{indent}{call};\n")),
                        ([dst, ..], 1) => push(text, &format!("{indent}r{dst} = {call};\n")),
                        _ => {
                            let parts = dst.iter().enumerate().map(|(i, reg)| format!(" r{reg} = result.v{i};"));
                            let parts: String = parts.collect();
                            push(text, &format!("{indent}{{ let result = {call};{parts} }}\n"));
                        }
                    }
                }
                Stmt::Memo { body, .. } => self.block(index, body, depth, text),
            }
        }
    }

    /// Registers have no address in WGSL: an element is chosen by a switch.
    fn element(&mut self, dst: Reg, first: Reg, index: Reg, len: u32, indent: &str, text: &mut String) {
        let regs = &self.function.regs[first as usize..(first + len) as usize];
        let konsts: Option<Vec<Konst>> = regs.iter().map(|reg| reg.konst).collect();
        if let Some(konsts) = konsts.filter(|konsts| konsts.len() >= Tables::SHORTEST) {
            let table = self.tables.place(self.function.regs[dst as usize].bank, konsts);
            let (prefix, index) = (self.prefix, self.reg(index));
            return push(text, &format!("{indent}r{dst} = {prefix}table{table}({index});\n"));
        }
        push(text, &format!("{indent}switch ({}) {{\n", self.reg(index)));
        for at in 0..len.max(1) {
            let value = self.reg(first + at);
            let case = if at + 1 == len.max(1) { "default:".to_string() } else { format!("case {at}i:") };
            push(text, &format!("{indent}    {case} {{ r{dst} = {value}; }}\n"));
        }
        push(text, &format!("{indent}}}\n"));
    }

    fn operation(&mut self, op: Op, args: [Reg; 3], imm: u32, line: u32) -> String {
        let mut call = |name: &str, count: usize, tail: &str| {
            let mut parts: Vec<String> = args.iter().take(count).map(|reg| self.reg(*reg)).collect();
            if !tail.is_empty() {
                parts.push(tail.to_string());
            }
            format!("{name}({})", parts.join(", "))
        };
        let at_line = format!("{line}u");
        match op {
            Op::Copy => call("", 1, ""),
            Op::AddF => call("goodhart_add", 2, &at_line),
            Op::SubF => call("goodhart_sub", 2, &at_line),
            Op::MulF => call("goodhart_mul", 2, &at_line),
            Op::DivF => call("goodhart_div", 2, &at_line),
            Op::FloorDivF => call("goodhart_floor_div", 2, &at_line),
            Op::ModF => call("goodhart_mod", 2, &at_line),
            Op::PowF => call("goodhart_pow", 2, &at_line),
            Op::NegF | Op::NegI => call("-", 1, ""),
            Op::AbsF | Op::AbsI => call("abs", 1, ""),
            Op::MinF => call("goodhart_min", 2, ""),
            Op::MaxF => call("goodhart_max", 2, ""),
            Op::AddI => call("goodhart_add_i", 2, &at_line),
            Op::SubI => call("goodhart_sub_i", 2, &at_line),
            Op::MulI => call("goodhart_mul_i", 2, &at_line),
            Op::FloorDivI => call("goodhart_floor_div_i", 2, &at_line),
            Op::ModI => call("goodhart_mod_i", 2, &at_line),
            Op::MinI => call("min", 2, ""),
            Op::MaxI => call("max", 2, ""),
            Op::LtF | Op::LtI => self.infix(args, "<"),
            Op::LeF | Op::LeI => self.infix(args, "<="),
            Op::EqF | Op::EqI | Op::EqB => self.infix(args, "=="),
            Op::Not => call("!", 1, ""),
            Op::IntToFloat => call("f32", 1, ""),
            Op::BoolToInt => call("i32", 1, ""),
            Op::Floor | Op::Ceil | Op::Round | Op::Trunc => {
                let name = match op {
                    Op::Floor => "floor",
                    Op::Ceil => "ceil",
                    Op::Round => "round",
                    _ => "trunc",
                };
                format!("goodhart_to_int({}, {line}u)", call(name, 1, ""))
            }
            Op::RoundTo => call("goodhart_round_to", 1, &format!("1e{imm}f")),
            Op::Function(f) => call(&format!("goodhart_{}", f.name()), 1, &at_line),
            Op::Atan2 => call("goodhart_atan2", 2, ""),
            Op::Hypot => call("goodhart_hypot", 2, &at_line),
            Op::IsNone => call("goodhart_is_none", 1, ""),
            Op::Unwrap => call("goodhart_unwrap", 1, &at_line),
            Op::Finite => call("goodhart_finite", 1, &at_line),
            Op::LoadFloat => call("goodhart_load_float", 1, &format!("{imm}u, {line}u")),
            Op::LoadInt => call("goodhart_load_int", 1, &format!("{imm}u, {line}u")),
            Op::LoadBool => call("goodhart_load_bool", 1, &format!("{imm}u")),
            Op::LoadOptional => call("goodhart_load_optional", 1, &format!("{imm}u")),
            Op::LoadLen => {
                let (sample, cap) = (self.reg(args[0]), self.reg(args[1]));
                format!("goodhart_load_len({sample}, {imm}u, {cap}, {line}u)")
            }
            Op::LoadFloatAt | Op::LoadIntAt | Op::LoadBoolAt => {
                let (sample, index) = (self.reg(args[0]), self.reg(args[1]));
                let slot = format!("{imm}u + u32({index})");
                match op {
                    Op::LoadFloatAt => format!("goodhart_load_float({sample}, {slot}, {line}u)"),
                    Op::LoadIntAt => format!("goodhart_load_int({sample}, {slot}, {line}u)"),
                    _ => format!("goodhart_load_bool({sample}, {slot})"),
                }
            }
            Op::LoadRun => format!("goodhart_checked(goodhart_run({imm}u), GOODHART_FAULT_NOT_FINITE, {line}u)"),
            Op::LoadComponent => format!("goodhart_component(goodhart_sample, {imm}u)"),
            Op::Index => call("goodhart_index", 3, &at_line),
            Op::SliceBound => call("goodhart_slice_bound", 3, ""),
            Op::RangeCount => call("goodhart_range_count", 3, &format!("{imm}u, {line}u")),
            Op::GroupStart => "goodhart_group.x".to_string(),
            Op::GroupCount => "goodhart_group.y".to_string(),
            Op::GroupValid => "goodhart_group_valid()".to_string(),
            Op::BatchStart => "goodhart_batch.x".to_string(),
            Op::BatchCount => "goodhart_batch.y".to_string(),
            Op::BatchValid => "goodhart_batch_valid()".to_string(),
            Op::IsValid => call("goodhart_is_valid", 1, ""),
            // Not in the statements of a unit.
            Op::Element
            | Op::Jump
            | Op::JumpIfNot
            | Op::ForStart
            | Op::ForStep
            | Op::Call
            | Op::Return
            | Op::Fail
            | Op::MemoGet
            | Op::MemoPut => "0".to_string(),
        }
    }

    fn infix(&mut self, args: [Reg; 3], operator: &str) -> String {
        let (a, b) = (self.reg(args[0]), self.reg(args[1]));
        format!("({a} {operator} {b})")
    }
}
