//! Small text helpers: offsets as JavaScript counts them, and numbers as people read them.

use wasm_bindgen::prelude::JsValue;

/// The UTF-16 offsets of byte offsets. Ascending ones go through the text once: a long program has hundreds.
pub struct Utf16<'a> {
    text: &'a str,
    /// How far the text was walked.
    byte: usize,
    utf16: u32,
}

impl<'a> Utf16<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, byte: 0, utf16: 0 }
    }

    /// The UTF-16 offset of a byte offset.
    pub fn at(&mut self, byte: usize) -> u32 {
        if byte < self.byte {
            *self = Self::new(self.text);
        }
        for c in self.text[self.byte..].chars() {
            if self.byte >= byte {
                break;
            }
            self.byte += c.len_utf8();
            self.utf16 += c.len_utf16() as u32;
        }
        self.utf16
    }
}

/// The byte offset of a UTF-16 offset.
pub fn to_bytes(text: &str, utf16: u32) -> usize {
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if seen >= utf16 {
            return at;
        }
        seen += c.len_utf16() as u32;
    }
    text.len()
}

/// A number with about three significant digits.
pub fn number(x: f32) -> String {
    let a = x.abs();
    match x {
        x if !x.is_finite() => "–".into(),
        0.0 => "0".into(),
        _ if !(0.001..100_000.0).contains(&a) => format!("{x:.1e}"),
        _ if a >= 100.0 => format!("{x:.0}"),
        _ if a >= 10.0 => format!("{x:.1}"),
        _ if a >= 1.0 => format!("{x:.2}"),
        _ => format!("{x:.3}"),
    }
}

/// A number with its sign.
pub fn signed(x: f32) -> String {
    if x > 0.0 { format!("+{}", number(x)) } else { number(x).replace('-', "−") }
}

/// Text as HTML shows it.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// JSON text on many lines.
pub fn indented(json: &str) -> String {
    let pretty = |json: &str| {
        let value = js_sys::JSON::parse(json).ok()?;
        js_sys::JSON::stringify_with_replacer_and_space(&value, &JsValue::NULL, &2.into()).ok().map(String::from)
    };
    pretty(json).unwrap_or_else(|| json.to_string())
}

/// A size in bytes.
pub fn size(bytes: usize) -> String {
    if bytes < 10_000 { format!("{bytes} bytes") } else { format!("{:.1} KB", bytes as f64 / 1000.0) }
}

/// A message as a sentence: it begins with a capital letter and ends with a full stop.
pub fn sentence(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut letters = message.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_survive_characters_beyond_ascii() {
        let text = "é𝄞x";
        let mut utf16 = Utf16::new(text);
        assert_eq!([2, 6, 7, 7, 2, 0, 9].map(|byte| utf16.at(byte)), [1, 3, 4, 4, 1, 0, 4]);
        assert_eq!((to_bytes(text, 1), to_bytes(text, 3), to_bytes(text, 9)), (2, 6, 7));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(0.123_456), "0.123");
        assert_eq!(number(-12.34), "-12.3");
        assert_eq!(number(f32::NAN), "–");
        assert_eq!(signed(0.5), "+0.500");
        assert_eq!(number(1e-7), "1.0e-7");
    }
}
