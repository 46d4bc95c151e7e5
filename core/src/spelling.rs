//! What was probably meant by a name that is not there.

/// A name of more characters is like none of ours.
const LONGEST: usize = 60;

/// The name of `names` nearest to `name`, if it is near enough to be a slip of the fingers: at most a third of its
/// letters (and at least one) differ.
pub fn closest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = name.chars().count();
    if letters > LONGEST {
        return None;
    }
    let limit = (letters / 3).max(1);
    names
        .into_iter()
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The end of a message about a name that is not there: "; did you mean ..?", or nothing.
pub fn hint<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, names).map_or_else(String::new, |meant| format!("; did you mean \"{meant}\"?"))
}

/// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`; upper and lower case count as equal.
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_is_found_and_another_word_is_not() {
        let names = ["temperature", "learning_rate", "beta"];
        for (slip, meant) in
            [("temprature", "temperature"), ("learnign_rate", "learning_rate"), ("Beta", "beta"), ("bta", "beta")]
        {
            assert_eq!(closest(slip, names), Some(meant), "{slip}");
        }
        for other in ["gamma", "rate", "", &"beta".repeat(20)] {
            assert_eq!(closest(other, names), None, "{other}");
        }
    }
}
