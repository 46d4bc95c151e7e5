//! Flags of samples.

/// Reads a per-sample flag from a slice that may be empty, which means `default` for all.
pub(crate) fn flag(flags: &[u8], i: usize, default: bool) -> bool {
    flags.get(i).map_or(default, |f| *f != 0)
}
