//! The page's address: its query and its fragment.

/// The value of a query parameter; None where the address does not have it.
pub fn query(name: &str) -> Option<String> {
    let search = web_sys::window()?.location().search().ok()?;
    web_sys::UrlSearchParams::new_with_str(&search).ok()?.get(name)
}

/// The fragment without its `#`; empty where there is none.
pub fn fragment() -> String {
    let hash = web_sys::window().and_then(|w| w.location().hash().ok()).unwrap_or_default();
    hash.trim_start_matches('#').to_string()
}

/// An address without a fragment, with these parameters in its query; None takes one out.
pub fn with_query(address: &str, pairs: &[(&str, Option<String>)]) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let Ok(params) = web_sys::UrlSearchParams::new_with_str(query) else { return address.into() };
    for (name, value) in pairs {
        match value {
            Some(value) => params.set(name, value),
            None => params.delete(name),
        }
    }
    let query = String::from(params.to_string());
    if query.is_empty() { path.into() } else { format!("{path}?{query}") }
}
