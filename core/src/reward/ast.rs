//! The syntax tree of a reward program: a subset of Python's.

use super::diagnostics::Span;

#[derive(Clone, Debug)]
pub struct Ident {
    pub name: String,
    pub span: Span,
}

#[derive(Clone, Debug, Default)]
pub struct Module {
    pub functions: Vec<Function>,
    pub constants: Vec<(Ident, Expr)>,
    /// `weights = {"name": number, ..}`: where it stands and its entries.
    pub weights: Option<(Span, Vec<(Ident, Expr)>)>,
    /// `inf` stands somewhere, so that a float may be beyond every finite one.
    pub mentions_inf: bool,
}

#[derive(Clone, Debug)]
pub struct Function {
    pub name: Ident,
    pub params: Vec<Ident>,
    pub body: Vec<Stmt>,
}

#[derive(Clone, Debug)]
pub struct Stmt {
    pub span: Span,
    pub kind: StmtKind,
}

#[derive(Clone, Debug)]
pub enum StmtKind {
    /// `a, b = x, y`; one target and one value in the plain case.
    Assign(Vec<Ident>, Expr),
    AugAssign(Ident, BinOp, Expr),
    Return(Option<Expr>),
    If(Vec<(Expr, Vec<Stmt>)>, Vec<Stmt>),
    For {
        targets: Vec<Ident>,
        iter: Expr,
        body: Vec<Stmt>,
    },
    Break,
    Continue,
    Pass,
    Expr(Expr),
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
    List(Vec<Expr>),
    /// A generator expression, or a list comprehension when `brackets`.
    Comp {
        element: Box<Expr>,
        clauses: Vec<Clause>,
        brackets: bool,
    },
    /// What could not be parsed; already reported.
    Error,
}

/// `for targets in iter if .. if ..`
#[derive(Clone, Debug)]
pub struct Clause {
    pub targets: Vec<Ident>,
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
