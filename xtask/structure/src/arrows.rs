//! Arrows between the files of a crate: a file uses an item that another one declares.

use crate::tokens::paths;
use crate::tree::{Leaf, Name, Tree, attributes, leaves, only_tests};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Path, Visibility};

/// From a file to a file (their paths), with the names of the items that the first uses of the second.
pub type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

/// What the files of a crate use.
#[derive(Default)]
pub struct Uses {
    pub arrows: Arrows,
    /// (file, name) of what comes from outside the crate: names of other crates, and of the prelude and types, whose items
    /// a path names.
    pub outside: BTreeSet<(String, String)>,
}

/// All that the files of a crate use.
///
/// A path counts where it leads: one through re-exports leads to the file that declares the item. So these are no
/// arrows: `mod x;`, a re-export that its own file does not use, and a module that is only named. Methods are not
/// followed, since that would take the types.
pub fn uses(mut tree: Tree) -> Uses {
    let files: Vec<(Vec<Item>, usize)> =
        tree.files.iter_mut().map(|file| (std::mem::take(&mut file.items), file.module)).collect();
    // What a function brings in for itself is entered first, as if its module had: it is only looked up by that name.
    for (items, module) in &files {
        let mut local = Local { found: Vec::new() };
        items.iter().for_each(|item| local.visit_item(item));
        local.found.iter().for_each(|tree_of| tree.alias(*module, tree_of, false));
    }
    let mut visitor = Visitor { tree: &tree, module: 0, out: Uses::default() };
    for (items, module) in &files {
        visitor.module = *module;
        items.iter().for_each(|item| visitor.visit_item(item));
    }
    visitor.out
}

/// Collects the `use` declarations inside functions.
struct Local<'ast> {
    found: Vec<&'ast syn::UseTree>,
}

impl<'ast> Visit<'ast> for Local<'ast> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !only_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        if let syn::Stmt::Item(Item::Use(item)) = statement {
            self.found.push(&item.tree);
        }
        visit::visit_stmt(self, statement);
    }
}

/// Where a path leads.
enum Target {
    /// An item that this file declares.
    Item(usize, String),
    Module(usize),
}

impl Tree {
    /// Where a path that is written in a module leads, if to something of this crate.
    fn resolve(&self, module: usize, path: &[String], seen: &mut Vec<(usize, String)>) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(0, rest, seen),
            "self" => self.walk(module, rest, seen),
            "super" => self.walk(self.modules[module].parent?, rest, seen),
            name => self.look_up(module, name, rest, seen),
        }
    }

    /// Goes on from a module. A name that is not found there is taken for one that a macro made there: the code compiles.
    fn walk(&self, module: usize, path: &[String], seen: &mut Vec<(usize, String)>) -> Option<Target> {
        let Some((first, rest)) = path.split_first() else { return Some(Target::Module(module)) };
        if first == "super" {
            return self.walk(self.modules[module].parent?, rest, seen);
        }
        self.look_up(module, first, rest, seen).or_else(|| {
            let exported = if module == 0 { self.macros.get(first).map(|files| files[0]) } else { None };
            Some(Target::Item(exported.unwrap_or(self.modules[module].file), first.clone()))
        })
    }

    fn look_up(&self, module: usize, name: &str, rest: &[String], seen: &mut Vec<(usize, String)>) -> Option<Target> {
        let key = (module, name.to_string());
        let here = &self.modules[module];
        let mut named = None;
        for what in here.names.get(name).into_iter().flatten() {
            let target = match what {
                Name::Item if rest.is_empty() || !here.names[name].iter().any(|n| matches!(n, Name::Module(_))) => {
                    Some(Target::Item(here.file, name.to_string()))
                }
                Name::Item => None,
                Name::Module(child) => self.walk(*child, rest, seen),
                Name::Alias { .. } if seen.contains(&key) => None,
                Name::Alias { path, .. } => {
                    seen.push(key.clone());
                    let target = self.resolve(module, &[path, rest].concat(), seen);
                    seen.pop();
                    target
                }
            };
            match target {
                Some(Target::Item(..)) => return target,
                Some(_) => named = target,
                None => {}
            }
        }
        named.or_else(|| self.in_globs(module, name, rest, seen))
    }

    /// The name in the modules that are brought in by `*`, where one of them really has it.
    fn in_globs(&self, module: usize, name: &str, rest: &[String], seen: &mut Vec<(usize, String)>) -> Option<Target> {
        let key = (module, format!("*{name}"));
        if seen.contains(&key) {
            return None;
        }
        seen.push(key);
        let found = self.modules[module].globs.iter().find_map(|path| match self.resolve(module, path, seen) {
            Some(Target::Module(other)) if other != module => self.look_up(other, name, rest, seen),
            _ => None,
        });
        seen.pop();
        found
    }
}

struct Visitor<'a> {
    tree: &'a Tree,
    module: usize,
    out: Uses,
}

impl Visitor<'_> {
    fn arrow(&mut self, target: Option<Target>) {
        if let Some(Target::Item(to, name)) = target {
            let from = self.tree.modules[self.module].file;
            if from != to {
                let name_of = |file: usize| self.tree.files[file].path.clone();
                self.out.arrows.entry((name_of(from), name_of(to))).or_default().insert(name);
            }
        }
    }

    /// Follows a path to this crate, or out of it.
    fn follow(&mut self, path: &[String]) {
        let target = self.tree.resolve(self.module, path, &mut Vec::new());
        if let (None, [first, _, ..]) = (&target, path) {
            let file = &self.tree.files[self.tree.modules[self.module].file];
            self.out.outside.insert((file.path.clone(), first.clone()));
        }
        self.arrow(target);
    }

    /// A path in code. One name alone is an arrow only where a re-export or a `*` brought it: else it is the file's own,
    /// or an arrow from its `use`.
    fn path(&mut self, path: &[String]) {
        if let [name] = path {
            let known = self.tree.modules[self.module].names.get(name);
            let brought = match known {
                None => true,
                Some(what) => what.iter().all(|n| matches!(n, Name::Alias { public: true, .. })),
            };
            if !brought {
                return;
            }
        }
        self.follow(path);
    }

    fn macro_name(&mut self, name: &str) {
        // Two files may each have a small macro of one name: then each uses its own.
        let here = self.tree.modules[self.module].file;
        let files = self.tree.macros.get(name).filter(|files| !files.contains(&here));
        self.arrow(files.map(|files| Target::Item(files[0], format!("{name}!"))));
    }

    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        paths(tokens, &mut |path, called| match path.as_slice() {
            [name] if called => self.macro_name(name),
            _ => self.path(&path),
        });
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !only_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attrs: &[syn::Attribute] = match item {
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Const(item) => &item.attrs,
            _ => &[],
        };
        if !only_tests(attrs) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let Some((_, items)) = &item.content else { return };
        let outside = self.module;
        let inside = self.tree.modules[outside]
            .names
            .get(&item.ident.to_string())
            .and_then(|names| names.iter().find_map(|name| if let Name::Module(id) = name { Some(*id) } else { None }));
        if let Some(inside) = inside {
            self.module = inside;
            items.iter().for_each(|item| self.visit_item(item));
            self.module = outside;
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if matches!(item.vis, Visibility::Inherited) {
            for Leaf { path, .. } in leaves(&item.tree) {
                self.follow(&path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(&names);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let names: Vec<String> = call.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match names.as_slice() {
            [name] => self.macro_name(name),
            _ => self.path(&names),
        }
        self.tokens(call.tokens.clone());
    }

    fn visit_meta(&mut self, meta: &'ast Meta) {
        if let Meta::List(list) = meta {
            self.tokens(list.tokens.clone());
        }
    }
}
