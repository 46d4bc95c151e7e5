//! Small synthetic crates.

use crate::arrows::{Arrows, Uses, uses};
use crate::graph::{circles, climbs, strays};
use crate::problems;
use crate::rules::Rules;
use crate::tree::Tree;
use std::collections::BTreeSet;

/// The arrows of a crate of these files, `lib.rs` the root.
fn read(files: &[(&str, &str)]) -> Arrows {
    read_uses(files).arrows
}

fn read_uses(files: &[(&str, &str)]) -> Uses {
    let text = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| text.to_string());
    uses(Tree::read("c/lib.rs", &text).unwrap_or_else(|message| panic!("{message}")))
}

/// The arrows as one line each, without the items.
fn drawn(arrows: &Arrows) -> Vec<String> {
    arrows.keys().map(|(from, to)| format!("{from} {to}")).collect()
}

fn in_circles(files: &[(&str, &str)]) -> Vec<String> {
    let arrows = read(files);
    circles(&arrows, &BTreeSet::new()).iter().map(|circle| circle.files.join(" ")).collect()
}

#[test]
fn two_files_that_use_each_other_are_a_circle_with_its_items() {
    let files = [
        ("c/lib.rs", "mod a; mod b; mod d;"),
        ("c/a.rs", "use crate::b::Bee; pub struct Ant(Bee);"),
        ("c/b.rs", "pub struct Bee; pub fn sting(ant: &super::a::Ant) {}"),
        ("c/d.rs", "use crate::a::Ant;"),
    ];
    assert_eq!(in_circles(&files), ["c/a.rs c/b.rs"]);
    let arrows = read(&files);
    let items = &arrows[&("c/b.rs".to_string(), "c/a.rs".to_string())];
    assert_eq!(items.iter().collect::<Vec<_>>(), ["Ant"]);
}

#[test]
fn a_path_through_a_re_export_leads_to_the_file_that_declares_the_item() {
    let files = [
        ("c/lib.rs", "mod folder; mod user;"),
        ("c/folder/mod.rs", "mod deep; mod other; pub use deep::Thing; pub use other::*;"),
        ("c/folder/deep.rs", "pub struct Thing; use super::Open;"),
        ("c/folder/other.rs", "pub struct Open;"),
        ("c/user.rs", "use crate::folder::{self, Thing}; fn f() -> folder::Open { folder::Open }"),
    ];
    let wanted = ["c/folder/deep.rs c/folder/other.rs", "c/user.rs c/folder/deep.rs", "c/user.rs c/folder/other.rs"];
    assert_eq!(drawn(&read(&files)), wanted);
}

#[test]
fn a_mod_rs_whose_child_uses_its_item_is_a_circle_only_if_it_uses_the_child() {
    let child = ("c/folder/child.rs", "use super::Owned; pub fn work(_: Owned) {}");
    let root = ("c/lib.rs", "mod folder;");
    let declares = "mod child; pub use child::work; pub struct Owned;";
    assert!(in_circles(&[root, child, ("c/folder/mod.rs", declares)]).is_empty());
    let calls = "mod child; pub use child::work; pub struct Owned; fn f() { work(Owned) }";
    assert_eq!(in_circles(&[root, child, ("c/folder/mod.rs", calls)]), ["c/folder/child.rs c/folder/mod.rs"]);
}

#[test]
fn code_that_only_tests_compile_is_ignored() {
    let files = [
        ("c/lib.rs", "mod a; mod b; #[cfg(test)] mod no_such_file;"),
        ("c/a.rs", "use crate::b::Bee; pub struct Ant;"),
        (
            "c/b.rs",
            "pub struct Bee; #[cfg(test)] mod tests { use crate::a::Ant; } #[cfg(test)] use crate::a::Ant;
             impl Bee { #[cfg(test)] fn ant() -> crate::a::Ant { crate::a::Ant } }
             #[cfg(all(test, feature = \"gpu\"))] fn f(_: crate::a::Ant) {}",
        ),
    ];
    assert_eq!(drawn(&read(&files)), ["c/a.rs c/b.rs"]);
    let asks_otherwise = [
        files[0],
        files[1],
        ("c/b.rs", "pub struct Bee; #[cfg(not(test))] use crate::a::Ant; #[cfg(feature = \"gpu\")] use crate::a::Ant;"),
    ];
    assert_eq!(in_circles(&asks_otherwise), ["c/a.rs c/b.rs"]);
}

#[test]
fn paths_inside_macros_attributes_and_functions_count() {
    let files = [
        ("c/lib.rs", "mod a; mod b; mod m; mod user; mod more;"),
        ("c/a.rs", "pub fn one() {}"),
        ("c/b.rs", "pub fn two() {}"),
        ("c/m.rs", "macro_rules! made { () => { $crate::b::two() } } pub(crate) use made;"),
        ("c/user.rs", "fn f() { println!(\"{:?}\", crate::a::one()); crate::m::made!(); }"),
        ("c/more.rs", "#[serde(default = \"crate::b::two\")] struct S; fn f() { use crate::a; a::one(); }"),
    ];
    let wanted = ["c/m.rs c/b.rs", "c/more.rs c/a.rs", "c/more.rs c/b.rs", "c/user.rs c/a.rs", "c/user.rs c/m.rs"];
    assert_eq!(drawn(&read(&files)), wanted);
}

#[test]
fn an_arrow_to_a_higher_floor_or_along_a_floor_climbs() {
    let files = [
        ("c/lib.rs", "mod low; mod high; mod beside;"),
        ("c/low.rs", "pub struct Low; use crate::high::parts::Part;"),
        ("c/beside.rs", "use crate::low::Low;"),
        ("c/high/mod.rs", "pub mod parts; use crate::low::Low; use parts::Part;"),
        ("c/high/parts.rs", "pub struct Part;"),
    ];
    let arrows = read(&files);
    let floors: &[&[&str]] = &[&["low", "beside"], &["high"]];
    let wanted = [("c/beside.rs", "c/low.rs"), ("c/low.rs", "c/high/parts.rs")];
    assert_eq!(climbs(&arrows, "c/", floors), Ok(wanted.to_vec()));
    // A part of a folder may stand lower than the folder.
    let floors: &[&[&str]] = &[&["high/parts"], &["low"], &["high", "beside"]];
    assert_eq!(climbs(&arrows, "c/", floors), Ok(vec![]));
    let message = climbs(&arrows, "c/", &[&["low"]]).unwrap_err();
    assert!(message.contains("is on no floor"), "{message}");
}

#[test]
fn a_known_arrow_is_allowed_as_long_as_it_breaks_a_rule() {
    let files = [
        ("c/lib.rs", "mod a; mod b;"),
        ("c/a.rs", "use crate::b::Bee; pub struct Ant;"),
        ("c/b.rs", "use crate::a::Ant; pub struct Bee;"),
    ];
    let said = |files: &[(&str, &str)], circles: &[(&'static str, &'static str)]| {
        let rules = Rules { root: "nowhere/", floors: &[], only: &[], circles: circles.to_vec(), climbs: Vec::new() };
        problems(&read_uses(files), &rules).unwrap_or_default()
    };
    assert!(said(&files, &[])[0].starts_with("a circle of 2 files: c/a.rs, c/b.rs"));
    assert!(said(&files, &[("c/a.rs", "c/b.rs")]).is_empty());
    let opened = [files[0], files[1], ("c/b.rs", "pub struct Bee;")];
    assert!(said(&opened, &[]).is_empty());
    assert!(said(&opened, &[("c/a.rs", "c/b.rs")])[0].contains("is part of no circle any more"));
}

#[test]
fn a_crate_that_one_folder_has_for_itself_is_found_elsewhere() {
    let files = [
        ("c/lib.rs", "mod device; mod page; mod named;"),
        ("c/device/mod.rs", "use wgpu::Device;"),
        ("c/page.rs", "fn f() { println!(\"{:?}\", wgpu::Limits::default()); }"),
        ("c/named.rs", "mod wgpu { pub struct Own; } use self::wgpu::Own; fn f() -> wgpu::Own { Own }"),
    ];
    let uses = read_uses(&files);
    let rule = ("wgpu", "c/device/");
    assert_eq!(strays(&uses.outside, &[rule, ("burn", "nowhere/")]), [("c/page.rs", rule)]);
}
