//! A crate read into its modules: which file declares which names.

use crate::tokens::declared;
use std::collections::HashMap;
use syn::punctuated::Punctuated;
use syn::{Attribute, Item, Meta, Token, UseTree, Visibility};

/// What a name of a module stands for. A name may stand for several things at once: a module and a function.
#[derive(Clone, Debug, PartialEq)]
pub enum Name {
    /// Declared in the module itself.
    Item,
    Module(usize),
    /// Brought in by `use`: the path as written, and whether others see it (a re-export).
    Alias {
        path: Vec<String>,
        public: bool,
    },
}

#[derive(Debug)]
pub struct Module {
    /// Place of its file in `Tree::files`.
    pub file: usize,
    pub parent: Option<usize>,
    pub names: HashMap<String, Vec<Name>>,
    /// Paths of `use path::*`.
    pub globs: Vec<Vec<String>>,
}

pub struct File {
    /// From the root of the repository, with slashes.
    pub path: String,
    pub items: Vec<Item>,
    /// Place of the module that the file is.
    pub module: usize,
}

/// One crate: module 0 is its root.
#[derive(Default)]
pub struct Tree {
    pub files: Vec<File>,
    pub modules: Vec<Module>,
    /// The files that declare a macro of this name.
    pub macros: HashMap<String, Vec<usize>>,
}

/// Gives the text of a file, or None where there is none.
pub type Read<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Tree {
    /// The crate whose root is `root` (a `lib.rs` or a `main.rs`). Code that only tests compile is left out.
    pub fn read(root: &str, read: Read) -> Result<Self, String> {
        let mut tree = Self::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_string();
        tree.file(root, &folder, None, read)?;
        Ok(tree)
    }

    /// Reads a file as a module; `folder` is where its child modules lie.
    fn file(&mut self, path: &str, folder: &str, parent: Option<usize>, read: Read) -> Result<usize, String> {
        let text = read(path).ok_or_else(|| format!("{path}: there is no such file"))?;
        let parsed = syn::parse_file(&text).map_err(|e| format!("{path}: {e}"))?;
        let file = self.files.len();
        let module = self.module(file, parent);
        let items = if only_tests(&parsed.attrs) { Vec::new() } else { parsed.items };
        self.files.push(File { path: path.into(), items: Vec::new(), module });
        self.items(&items, module, folder, read)?;
        self.files[file].items = items;
        Ok(module)
    }

    fn module(&mut self, file: usize, parent: Option<usize>) -> usize {
        self.modules.push(Module { file, parent, names: HashMap::new(), globs: Vec::new() });
        self.modules.len() - 1
    }

    fn items(&mut self, items: &[Item], module: usize, folder: &str, read: Read) -> Result<(), String> {
        for item in items.iter().filter(|item| !only_tests(attributes(item))) {
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let inside = format!("{folder}/{name}");
                    let id = match &child.content {
                        Some((_, items)) => {
                            let id = self.module(self.modules[module].file, Some(module));
                            self.items(items, id, &inside, read)?;
                            id
                        }
                        None => {
                            let beside = match path_attribute(&child.attrs) {
                                Some(path) => format!("{folder}/{path}"),
                                None => format!("{inside}.rs"),
                            };
                            let path = if read(&beside).is_some() { beside } else { format!("{inside}/mod.rs") };
                            self.file(&path, &inside, Some(module), read)?
                        }
                    };
                    self.name(module, name, Name::Module(id));
                }
                Item::Use(item) => self.alias(module, &item.tree, !matches!(item.vis, Visibility::Inherited)),
                Item::Macro(item) => match &item.ident {
                    Some(name) => {
                        self.macros.entry(name.to_string()).or_default().push(self.modules[module].file);
                        self.name(module, name.to_string(), Name::Item);
                    }
                    // What a macro declares (a table, a shared struct) is an item of the module like any other.
                    None => {
                        for name in declared(item.mac.tokens.clone()) {
                            self.name(module, name, Name::Item);
                        }
                    }
                },
                other => {
                    if let Some(name) = item_name(other) {
                        self.name(module, name, Name::Item);
                    }
                }
            }
        }
        Ok(())
    }

    fn name(&mut self, module: usize, name: String, what: Name) {
        self.modules[module].names.entry(name).or_default().push(what);
    }

    /// Enters the names that a `use` brings into a module.
    pub fn alias(&mut self, module: usize, tree: &UseTree, public: bool) {
        for leaf in leaves(tree) {
            match leaf.name {
                None => self.modules[module].globs.push(leaf.path),
                Some(name) => self.name(module, name, Name::Alias { path: leaf.path, public }),
            }
        }
    }
}

/// One path of a `use`, and the name that it brings; None for `*`.
pub struct Leaf {
    pub path: Vec<String>,
    pub name: Option<String>,
}

/// The paths of a `use` one by one.
pub fn leaves(tree: &UseTree) -> Vec<Leaf> {
    fn walk(tree: &UseTree, before: &[String], out: &mut Vec<Leaf>) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => walk(&path.tree, &with(&path.ident), out),
            UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, before, out)),
            UseTree::Glob(_) => out.push(Leaf { path: before.to_vec(), name: None }),
            UseTree::Name(name) if name.ident == "self" => {
                out.push(Leaf { path: before.to_vec(), name: before.last().cloned() });
            }
            UseTree::Name(name) => out.push(Leaf { path: with(&name.ident), name: Some(name.ident.to_string()) }),
            UseTree::Rename(name) => {
                let path = if name.ident == "self" { before.to_vec() } else { with(&name.ident) };
                out.push(Leaf { path, name: Some(name.rename.to_string()) });
            }
        }
    }
    let mut out = Vec::new();
    walk(tree, &[], &mut out);
    out
}

fn item_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// The attributes of an item.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether only tests compile what has these attributes: `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, ..))]`.
pub fn only_tests(attrs: &[Attribute]) -> bool {
    fn asks_for_test(meta: &Meta) -> bool {
        match meta {
            Meta::Path(path) => path.is_ident("test"),
            Meta::List(list) if list.path.is_ident("all") => {
                let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
                parts.is_ok_and(|parts| parts.iter().any(asks_for_test))
            }
            _ => false,
        }
    }
    attrs.iter().any(|attr| {
        attr.path().is_ident("test")
            || attr.path().is_ident("cfg") && attr.parse_args::<Meta>().is_ok_and(|meta| asks_for_test(&meta))
    })
}

/// The file that `#[path = ".."]` names.
fn path_attribute(attrs: &[Attribute]) -> Option<String> {
    let attr = attrs.iter().find(|attr| attr.path().is_ident("path"))?;
    let Meta::NameValue(pair) = &attr.meta else { return None };
    match &pair.value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}
