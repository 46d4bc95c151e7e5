//! Structs that the CPU and the shaders share. Rust declares them once; the WGSL text comes from the declaration, and a
//! test asks naga whether the offsets agree.

mod at;

pub use at::At;

/// "No reward", and "none" of an optional bound, in buffers that shaders read: WGSL compilers may assume that there are
/// no NaNs. Anything of at least half its size counts as none, NaN by its bits too.
pub const NO_REWARD: f32 = 3.0e38;

/// A type that a shared struct may hold.
pub trait ShaderField: Sized {
    /// Its name in WGSL.
    fn wgsl() -> String;
    /// Its words, appended.
    fn write(&self, words: &mut Vec<u32>);
    /// The value of the next words; zero words where they end.
    fn read(words: &mut impl Iterator<Item = u32>) -> Self;
}

impl ShaderField for f32 {
    fn wgsl() -> String {
        "f32".into()
    }
    fn write(&self, words: &mut Vec<u32>) {
        words.push(self.to_bits());
    }
    fn read(words: &mut impl Iterator<Item = u32>) -> Self {
        Self::from_bits(words.next().unwrap_or(0))
    }
}

impl ShaderField for u32 {
    fn wgsl() -> String {
        "u32".into()
    }
    fn write(&self, words: &mut Vec<u32>) {
        words.push(*self);
    }
    fn read(words: &mut impl Iterator<Item = u32>) -> Self {
        words.next().unwrap_or(0)
    }
}

impl<const N: usize> ShaderField for [f32; N] {
    fn wgsl() -> String {
        format!("array<f32, {N}>")
    }
    fn write(&self, words: &mut Vec<u32>) {
        self.iter().for_each(|x| x.write(words));
    }
    fn read(words: &mut impl Iterator<Item = u32>) -> Self {
        std::array::from_fn(|_| f32::read(words))
    }
}

/// Declares a struct of 32-bit words for a storage buffer, with its WGSL twin.
///
/// Gives the Rust struct, `wgsl()` (the declaration for the prelude), `WORDS`, `write(&mut Vec<u32>)`, `read(&[u32])`
/// and `FIELDS` (names and byte offsets).
#[macro_export]
macro_rules! shader_struct {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* $field:ident : $ty:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty),+ }
        impl $name {
            /// 32-bit words of one struct.
            pub const WORDS: usize = size_of::<Self>() / 4;
            /// Names and byte offsets, in order.
            pub const FIELDS: &'static [(&'static str, usize)] =
                &[$((stringify!($field), core::mem::offset_of!(Self, $field))),+];
            /// The same struct in WGSL.
            pub fn wgsl() -> String {
                let mut text = concat!("struct ", stringify!($name), " {\n").to_string();
                $(text.push_str(&format!("    {}: {},\n", stringify!($field), <$ty as $crate::layout::ShaderField>::wgsl()));)+
                text + "}\n"
            }
            /// Appends the words of the struct.
            pub fn write(&self, words: &mut Vec<u32>) {
                $($crate::layout::ShaderField::write(&self.$field, words);)+
            }
            /// The struct in some words, zero where they end.
            pub fn read(words: &[u32]) -> Self {
                let mut words = words.iter().copied();
                Self { $($field: $crate::layout::ShaderField::read(&mut words)),+ }
            }
        }
    };
}

/// The name of a WGSL constant that stands for a public name: upper case, and `_` for what no WGSL name may hold.
pub fn constant_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// WGSL constants for names by their places: `const PREFIX_NAME: u32 = place;`.
pub fn place_constants(prefix: &str, names: &[&str]) -> String {
    let prefix = constant_name(prefix);
    let line = |(i, name): (usize, &&str)| format!("const {prefix}_{}: u32 = {i}u;\n", constant_name(name));
    names.iter().enumerate().map(line).collect()
}
