//! Plain tables: columns as wide as their widest cell, numbers to the right.

/// Rows under a header, two spaces between columns. A column is set to the right if its first cell looks like a number.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let right: Vec<bool> = (0..header.len())
        .map(|column| {
            let mut cells = rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty());
            cells.next().is_some_and(|cell| cell.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)))
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let mut text = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let w = width(column);
            text.push_str(&if right[column] { format!("{cell:>w$}  ") } else { format!("{cell:<w$}  ") });
        }
        format!("{}\n", text.trim_end())
    };
    let mut text = line(header.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

/// A number with three digits after the point, a very large one with its power of ten, or a dash where there is none.
pub fn number(x: f32) -> String {
    match x.abs() {
        size if size < 1e7 => format!("{x:.3}"),
        size if size.is_finite() => format!("{x:.3e}"),
        _ => "-".into(),
    }
}

/// A mean with its 95% interval.
pub fn interval(mean: f32, half_width: f32) -> String {
    if mean.is_finite() { format!("{} ± {}", number(mean), number(half_width)) } else { "-".into() }
}

#[cfg(test)]
mod tests {
    use super::{interval, table};

    #[test]
    fn numbers_of_any_size_are_short() {
        assert_eq!(interval(0.5, 0.25), "0.500 ± 0.250");
        assert_eq!(interval(-1.5e37, 0.0), "-1.500e37 ± 0.000");
        assert_eq!(interval(f32::NAN, 0.0), "-");
    }

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["a".into(), "1.5".into()], vec!["longer".into(), "-10.25".into()]];
        assert_eq!(table(&["arm", "x"], &rows), "arm          x\na          1.5\nlonger  -10.25\n");
    }
}
