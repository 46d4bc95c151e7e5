//! What a task and its shader twin agree on, declared once: the places of the task's words and of the record's fields.

use crate::reward::schema::EpisodeSchema;

/// Declares the words of a task's shader twin.
///
/// `words` are places in `shader_words()`; `fields` are the fields of the episode record, whose slots the twin reads
/// from the words that follow. Gives `mod word` (places), `struct Slots` with `Slots::of(&schema)` and
/// `Slots::write(&mut words)`, and `WGSL`: the same places as `W_<NAME>` and `F_<field>`, then the shader's text.
macro_rules! twin {
    (shader $shader:literal; words { $($word:ident = $at:literal),+ $(,)? }
     fields { $($field:ident = $slot_at:literal),+ $(,)? }) => {
        mod word {
            $(pub const $word: usize = $at;)+
            /// Number of words before the tables.
            pub const COUNT: usize = [$($at as usize,)+ $($slot_at as usize),+].len();
        }
        /// Where the fields lie in a record.
        #[derive(Clone, Debug)]
        struct Slots { $($field: usize),+ }
        impl Slots {
            fn of(schema: &$crate::reward::schema::EpisodeSchema) -> Self {
                Self { $($field: $crate::tasks::kit::twin::slot(schema, stringify!($field))),+ }
            }
            fn write(&self, words: &mut [u32]) { $(words[$slot_at] = self.$field as u32;)+ }
        }
        const WGSL: &str = concat!(
            $("const W_", stringify!($word), ": u32 = ", $at, "u;\n",)+
            $("const F_", stringify!($field), ": u32 = ", $slot_at, "u;\n",)+
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders/tasks/common.wgsl")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders/tasks/", $shader)),
        );
        #[cfg(test)]
        #[test]
        fn the_words_are_numbered_without_gaps() {
            let mut at: Vec<usize> = vec![$($at,)+ $($slot_at),+];
            at.sort_unstable();
            assert_eq!(at, (0..word::COUNT).collect::<Vec<_>>());
        }
    };
}
pub(in crate::tasks) use twin;

/// The slot of a field; the end of the record for one that the schema lacks, so that a slip shows as a length error.
pub(in crate::tasks) fn slot(schema: &EpisodeSchema, name: &str) -> usize {
    debug_assert!(schema.get(name).is_some(), "the schema has no field {name}");
    schema.get(name).map_or(schema.stride, |f| f.offset)
}

/// A truth value as a record holds it.
pub(in crate::tasks) fn truth(value: bool) -> f32 {
    f32::from(u8::from(value))
}
