//! The syntax tree of a reward program: a subset of Python's.

use super::diagnostics::Span;

#[derive(Clone, Debug)]
pub struct Ident {
    pub name: String,
    pub span: Span,
}

#[derive(Clone, Debug, Default)]
pub struct Module {
    /// In the order of their `def`, those inside other functions included.
    pub functions: Vec<Function>,
    /// What imports name: each name and the module it stands for, or `module.name`.
    pub imports: Vec<(Ident, String)>,
    pub constants: Vec<(Ident, Expr)>,
    /// `weights = {"name": number, ..}`: where it stands and its entries.
    pub weights: Option<(Span, Vec<(Ident, Expr)>)>,
    /// `inf` stands somewhere, so that a float may be beyond every finite one.
    pub mentions_inf: bool,
    /// The first statement that prints or logs.
    pub print: Option<Span>,
    /// Classes of a task program, in their order.
    pub classes: Vec<Class>,
}

/// A class of a task program: the names of its fields with their types and defaults.
#[derive(Clone, Debug)]
pub struct Class {
    pub name: Ident,
    pub fields: Vec<ClassField>,
}

/// `name: annotation = default`
#[derive(Clone, Debug)]
pub struct ClassField {
    pub name: Ident,
    pub annotation: Expr,
    pub default: Option<Expr>,
    /// From the name to the end of the default.
    pub span: Span,
}

impl Module {
    /// The place of a function that stands at top level.
    pub fn function(&self, name: &str) -> Option<usize> {
        self.functions.iter().position(|function| function.parent.is_none() && function.name.name == name)
    }

    /// What a name of an import stands for: `math` of `import math as m`, `math.sqrt` of `from math import sqrt`.
    pub fn import(&self, name: &str) -> Option<&str> {
        self.imports.iter().rev().find(|(ident, _)| ident.name == name).map(|(_, what)| what.as_str())
    }
}

#[derive(Clone, Debug)]
pub struct Function {
    pub name: Ident,
    pub params: Vec<Param>,
    /// `*args` and `**kwargs`, which nothing is ever passed to.
    pub rest: Vec<Ident>,
    pub body: Vec<Stmt>,
    /// The function that it stands in.
    pub parent: Option<usize>,
}

impl Function {
    /// Parameters that a call has to give.
    pub fn required(&self) -> usize {
        self.params.iter().filter(|param| param.default.is_none()).count()
    }
}

#[derive(Clone, Debug)]
pub struct Param {
    pub name: Ident,
    pub default: Option<Expr>,
    /// It stands after a `*`, so that only its name gives it.
    pub by_name: bool,
}

/// What a value is given to: a name, or several for the elements of one.
#[derive(Clone, Debug)]
pub enum Target {
    Name(Ident),
    /// A field of an object, or an element of a list that is one: only task programs have them.
    Place(Expr),
    Tuple(Vec<Target>, Span),
}

impl Target {
    /// Calls `f` with every name, from left to right.
    pub fn each_name<'a>(&'a self, f: &mut dyn FnMut(&'a Ident)) {
        match self {
            Target::Name(ident) => f(ident),
            Target::Place(_) => {}
            Target::Tuple(targets, _) => targets.iter().for_each(|target| target.each_name(f)),
        }
    }
}

impl Target {
    /// Calls `f` with every field and element.
    pub fn each_place<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        match self {
            Target::Name(_) => {}
            Target::Place(place) => f(place),
            Target::Tuple(targets, _) => targets.iter().for_each(|target| target.each_place(f)),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Stmt {
    pub span: Span,
    pub kind: StmtKind,
}

#[derive(Clone, Debug)]
pub enum StmtKind {
    /// `a = b, c = value`: one target in the plain case.
    Assign(Vec<Target>, Expr),
    AugAssign(Ident, BinOp, Expr),
    /// The same of a field or an element.
    AugPlace(Expr, BinOp, Expr),
    Return(Option<Expr>),
    If(Vec<(Expr, Vec<Stmt>)>, Vec<Stmt>),
    For {
        target: Target,
        iter: Expr,
        body: Vec<Stmt>,
    },
    Break,
    Continue,
    Pass,
    Expr(Expr),
    /// A function inside a function, by its place in the module.
    Def(usize),
    /// Ends the sample with an error of this text.
    Raise(String),
    Assert(Expr, String),
}

#[derive(Clone, Debug)]
pub struct Expr {
    pub span: Span,
    pub kind: ExprKind,
    /// Height of the tree, bounded by the parser.
    pub height: u16,
}

#[derive(Clone, Debug)]
pub enum ExprKind {
    Int(i64),
    Float(f64),
    Str(String),
    Bool(bool),
    None,
    Name(String),
    Attr(Box<Expr>, Ident),
    Index(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Option<Box<Expr>>, Option<Box<Expr>>),
    Call {
        func: Box<Expr>,
        args: Vec<Expr>,
        keywords: Vec<(Ident, Expr)>,
    },
    Neg(Box<Expr>),
    Pos(Box<Expr>),
    Not(Box<Expr>),
    Binary(BinOp, Box<Expr>, Box<Expr>),
    Compare(Box<Expr>, Vec<(CmpOp, Expr)>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Cond {
        test: Box<Expr>,
        then: Box<Expr>,
        els: Box<Expr>,
    },
    /// A list or a tuple of written-out elements.
    List {
        elements: Vec<Expr>,
        is_tuple: bool,
    },
    /// `{key: value, ..}`
    Dict(Vec<(Expr, Expr)>),
    /// `{element, ..}`
    Set(Vec<Expr>),
    /// `lambda params: body`
    Lambda(Vec<Ident>, Box<Expr>),
    /// A formatted string; its text is for people only.
    Text(String),
    /// A generator expression, or a list comprehension when `brackets`.
    Comp {
        element: Box<Expr>,
        clauses: Vec<Clause>,
        brackets: bool,
    },
    /// What could not be parsed; already reported.
    Error,
}

/// `for target in iter if .. if ..`
#[derive(Clone, Debug)]
pub struct Clause {
    pub target: Target,
    pub iter: Expr,
    pub conditions: Vec<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

impl BinOp {
    pub fn text(self) -> &'static str {
        match self {
            BinOp::Add => "+",
            BinOp::Sub => "-",
            BinOp::Mul => "*",
            BinOp::Div => "/",
            BinOp::FloorDiv => "//",
            BinOp::Mod => "%",
            BinOp::Pow => "**",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmpOp {
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    In,
    NotIn,
    Is,
    IsNot,
}

impl Expr {
    /// The expressions that it is made of.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Attr(a, _) | ExprKind::Neg(a) | ExprKind::Pos(a) | ExprKind::Not(a) => vec![a],
            ExprKind::Lambda(_, body) => vec![body],
            ExprKind::Index(a, b) | ExprKind::Binary(_, a, b) => vec![a, b],
            ExprKind::Slice(a, b, c) => [Some(a), b.as_ref(), c.as_ref()].into_iter().flatten().map(|e| &**e).collect(),
            ExprKind::Call { func, args, keywords } => {
                std::iter::once(&**func).chain(args).chain(keywords.iter().map(|(_, value)| value)).collect()
            }
            ExprKind::Compare(a, rest) => std::iter::once(&**a).chain(rest.iter().map(|(_, e)| e)).collect(),
            ExprKind::And(exprs) | ExprKind::Or(exprs) | ExprKind::Set(exprs) => exprs.iter().collect(),
            ExprKind::List { elements, .. } => elements.iter().collect(),
            ExprKind::Dict(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            ExprKind::Cond { test, then, els } => vec![test, then, els],
            ExprKind::Comp { element, clauses, .. } => {
                let heads = clauses.iter().flat_map(|clause| std::iter::once(&clause.iter).chain(&clause.conditions));
                heads.chain(std::iter::once(&**element)).collect()
            }
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Str(_) | ExprKind::Text(_) | ExprKind::Bool(_) => vec![],
            ExprKind::None | ExprKind::Name(_) | ExprKind::Error => vec![],
        }
    }

    /// Calls `f` with the expression and everything in it.
    pub fn each<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        f(self);
        self.children().into_iter().for_each(|child| child.each(f));
    }

    /// Calls `f` with every name that is read and that nothing inside the expression binds.
    pub fn each_free_name<'a>(&'a self, bound: &mut Vec<&'a str>, f: &mut dyn FnMut(&'a str)) {
        let depth = bound.len();
        match &self.kind {
            ExprKind::Name(name) if bound.contains(&name.as_str()) => {}
            ExprKind::Name(name) => f(name),
            ExprKind::Lambda(params, body) => {
                bound.extend(params.iter().map(|param| param.name.as_str()));
                body.each_free_name(bound, f);
            }
            ExprKind::Comp { element, clauses, .. } => {
                for clause in clauses {
                    clause.iter.each_free_name(bound, f);
                    clause.target.each_name(&mut |name| bound.push(&name.name));
                    clause.conditions.iter().for_each(|test| test.each_free_name(bound, f));
                }
                element.each_free_name(bound, f);
            }
            _ => self.children().into_iter().for_each(|child| child.each_free_name(bound, f)),
        }
        bound.truncate(depth);
    }
}

/// Calls `f` with every expression of a body, the outermost alone.
pub fn each_expr<'a>(body: &'a [Stmt], f: &mut dyn FnMut(&'a Expr)) {
    for statement in body {
        match &statement.kind {
            StmtKind::Assign(_, value) | StmtKind::AugAssign(_, _, value) => f(value),
            StmtKind::Expr(value) | StmtKind::Assert(value, _) => f(value),
            StmtKind::AugPlace(place, _, value) => {
                f(place);
                f(value);
            }
            StmtKind::Return(value) => value.iter().for_each(&mut *f),
            StmtKind::If(arms, otherwise) => {
                for (test, body) in arms {
                    f(test);
                    each_expr(body, f);
                }
                each_expr(otherwise, f);
            }
            StmtKind::For { iter, body, .. } => {
                f(iter);
                each_expr(body, f);
            }
            StmtKind::Break | StmtKind::Continue | StmtKind::Pass | StmtKind::Def(_) | StmtKind::Raise(_) => {}
        }
    }
}

/// Adds the names that a body assigns to: they are its variables.
pub fn assigned_names(body: &[Stmt], names: &mut Vec<String>) {
    let add = |ident: &Ident, names: &mut Vec<String>| names.push(ident.name.clone());
    for statement in body {
        match &statement.kind {
            StmtKind::Assign(targets, _) => {
                targets.iter().for_each(|target| target.each_name(&mut |name| add(name, names)));
            }
            StmtKind::AugAssign(target, ..) => add(target, names),
            StmtKind::If(arms, otherwise) => {
                arms.iter().for_each(|(_, body)| assigned_names(body, names));
                assigned_names(otherwise, names);
            }
            StmtKind::For { target, body, .. } => {
                target.each_name(&mut |name| add(name, names));
                assigned_names(body, names);
            }
            _ => {}
        }
    }
}
