//! What `index.html` says that the page is made of, for trunk and for `cargo xtask serve` alike: its `data-trunk` links.

/// A `<link data-trunk rel="…" href="…" …>`.
#[derive(Debug, PartialEq, Eq)]
pub struct Asset {
    /// Where the tag stands in the document, in bytes.
    pub from: usize,
    pub to: usize,
    attributes: Vec<(String, String)>,
}

impl Asset {
    /// An attribute's value; "" where the tag has none of this name.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// Whether the tag has the attribute, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(n, _)| n == name)
    }
}

/// All of them, in order.
pub fn assets(html: &str) -> Result<Vec<Asset>, String> {
    const START: &str = "<link data-trunk";
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = html[at..].find(START).map(|i| i + at) {
        let inside = start + START.len();
        let end = html[inside..].find('>').map(|i| i + inside).ok_or("index.html: a link without its end")?;
        found.push(Asset { from: start, to: end + 1, attributes: attributes(&html[inside..end])? });
        at = end + 1;
    }
    Ok(found)
}

/// `name="value"` pairs, and names alone.
fn attributes(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let name = rest[..end].to_string();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (inside, after) =
                quoted.split_once('"').ok_or_else(|| format!("index.html: `{name}` has no closing quote"))?;
            value = inside.to_string();
            rest = after.trim_start();
        }
        found.push((name, value));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_with_their_places() {
        let html = "<p><link data-trunk rel=\"css\"\n  href=\"a b.css\" data-loader-shim><link rel=\"x\">";
        let found = assets(html).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].get("rel"), found[0].get("href"), found[0].get("none")), ("css", "a b.css", ""));
        assert_eq!(
            &html[found[0].from..found[0].to],
            "<link data-trunk rel=\"css\"\n  href=\"a b.css\" data-loader-shim>"
        );
        assert!(assets("<link data-trunk rel=\"css").is_err());
    }
}
