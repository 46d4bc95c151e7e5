//! Numbers of 32 bits as files, links and scripts see them: 0.9, and not the number of 64 bits that is nearest to it.

use serde::Serializer;

/// The number whose shortest text is that of `x`.
fn short(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}

pub fn number<S: Serializer>(x: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(short(*x))
}

pub fn optional<S: Serializer>(x: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    match x {
        Some(x) => number(x, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_value_and_its_text() {
        for x in [0.9, 0.1, 1e-7, -3.25e20, 16777217.0, f32::MIN_POSITIVE, f32::MAX, 0.0] {
            assert_eq!(short(x) as f32, x);
            assert!(short(x).to_string().len() <= x.to_string().len());
        }
        assert_eq!(short(0.9), 0.9);
    }
}
