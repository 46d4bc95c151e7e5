//! What a program looks at: episodes that agree in it are all the same to the program.

use super::program::Program;
use super::schema::EpisodeSchema;

/// Fields of an episode's record.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reads(Vec<String>);

impl Reads {
    /// These fields.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<String> = names.into_iter().map(String::from).collect();
        names.sort();
        names.dedup();
        Self(names)
    }

    /// The fields that a program can load from a record of this schema, the number of steps included, which decides when an
    /// episode is paid.
    pub fn of(program: &Program, schema: &EpisodeSchema) -> Self {
        let loaded = schema.fields.iter().filter(|f| program.reads(f.offset..f.offset + f.size()));
        Self::new(loaded.map(|f| f.name.as_str()).chain([schema.length_field.as_str()]))
    }

    /// Whether a field is among them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|n| n == name)
    }

    /// Whether one of some fields is among them.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    /// Where they lie in a record.
    pub fn slots(&self, schema: &EpisodeSchema) -> Vec<usize> {
        let fields = schema.fields.iter().filter(|f| self.has(&f.name));
        fields.flat_map(|f| f.offset..f.offset + f.size()).collect()
    }

    /// Their names, ascending.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RunSchema, Ty, compile};
    use super::*;

    #[test]
    fn a_program_reads_what_it_names_however_deep_it_stands() {
        let schema = EpisodeSchema::new(Vec::new(), 4)
            .field("length", Ty::Int, 1, "")
            .field("a", Ty::Float, 1, "")
            .field("list", Ty::Floats, 4, "")
            .field("other", Ty::Floats, 4, "")
            .field("flag", Ty::Bool, 1, "")
            .field("seen", Ty::Int, 1, "");
        let of = |code: &str| {
            let compiled = compile(code, &schema, &RunSchema::default());
            let program = compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
            Reads::of(&program, &schema)
        };
        assert_eq!(of("def r(ep):\n    return ep.a\n"), Reads::new(["a", "length"]));
        let code = "def _sum(ep):\n    total = 0.0\n    for x in ep.list:\n        if ep.flag:\n            total += x\n    return total\ndef r(ep):\n    return _sum(ep)\n";
        assert_eq!(of(code), Reads::new(["flag", "length", "list"]));
        let code = "def r(ep):\n    return ep.a\ndef combine(r, ep, group, batch, run):\n    return r.r - mean(e.seen for e in group) + len(ep.other)\n";
        assert_eq!(of(code), Reads::new(["a", "length", "other", "seen"]));
    }
}
