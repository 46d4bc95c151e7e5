//! Logs as people have them: CSV with a header, JSON lines, or the trainer_state.json of Hugging Face. Each becomes rows of
//! named cells; what the cells mean is another file's business.

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::io::Read;

/// Most rows of a log.
pub const MAX_ROWS: usize = 200_000;
/// Most columns.
const MAX_COLUMNS: usize = 2000;
/// Most cells, those that rows lack among them.
const MAX_CELLS: usize = 5_000_000;

/// A cell: a number, nothing, or a word (the name of a run).
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Number(f64),
    Nothing,
    Word(String),
}

/// Rows of named cells; a row may have fewer cells than there are names.
#[derive(Debug, Default, PartialEq)]
pub struct Rows {
    pub names: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    /// Where each name stands, as far as rows came with names.
    places: HashMap<String, usize>,
    cells: usize,
}

impl Rows {
    fn place(&mut self, name: &str) -> Result<usize, String> {
        if let Some(place) = self.places.get(name) {
            return Ok(*place);
        }
        if self.names.len() == MAX_COLUMNS {
            return Err(format!("it has more than {MAX_COLUMNS} columns"));
        }
        self.names.push(name.into());
        self.places.insert(name.into(), self.names.len() - 1);
        Ok(self.names.len() - 1)
    }

    fn push(&mut self, row: Vec<Cell>) -> Result<(), String> {
        if self.rows.len() == MAX_ROWS {
            return Err(format!("it has more than {MAX_ROWS} rows"));
        }
        self.cells += row.len();
        if self.cells > MAX_CELLS {
            return Err(format!("it has more than {MAX_CELLS} cells"));
        }
        self.rows.push(row);
        Ok(())
    }

    fn push_object(&mut self, object: Map<String, Value>) -> Result<(), String> {
        let mut row = Vec::new();
        for (name, value) in object {
            let cell = match value {
                Value::Number(n) => n.as_f64().map_or(Cell::Nothing, Cell::Number),
                Value::String(text) => cell(&text),
                // Lists and objects are no metrics.
                _ => Cell::Nothing,
            };
            let place = self.place(&name)?;
            if row.len() <= place {
                row.resize(place + 1, Cell::Nothing);
            }
            row[place] = cell;
        }
        self.push(row)
    }
}

/// The rows of a log, by how its text begins.
pub fn read(text: &str) -> Result<Rows, String> {
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with('{') {
        return csv(text);
    }
    json(text).or_else(|message| {
        // Python writes numbers that JSON has not.
        let known = text.replace(": NaN", ": \"NaN\"").replace(": Infinity", ": \"inf\"");
        json(&known.replace(": -Infinity", ": \"-inf\"")).map_err(|_| message)
    })
}

/// JSON lines are many values, a state is one.
fn json(text: &str) -> Result<Rows, String> {
    let mut rows = Rows::default();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Map<String, Value>>() {
        let mut object = value.map_err(|e| format!("it is no JSON: {e}"))?;
        match object.remove("log_history") {
            Some(Value::Array(entries)) => {
                for entry in entries {
                    let Value::Object(entry) = entry else {
                        return Err("an entry of its log_history is no object".into());
                    };
                    rows.push_object(entry)?;
                }
            }
            Some(_) => return Err("its log_history is no list".into()),
            None => rows.push_object(object)?,
        }
    }
    Ok(rows)
}

fn csv(text: &str) -> Result<Rows, String> {
    // To the reader, quotes that never close end with the text: a record behind it tells whether they did.
    const LAST: &str = "end";
    let behind = format!("\n{LAST}");
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes().chain(behind.as_bytes()));
    let (mut rows, mut record) = (Rows::default(), StringRecord::new());
    loop {
        let begin = reader.position().byte() as usize;
        reader.read_record(&mut record).map_err(|e| format!("it is no CSV: {e}"))?;
        let end = reader.position().byte() as usize;
        if end > text.len() + 1 {
            break if record.iter().ne([LAST]) {
                Err(format!("the quotes that open in line {} never close", first_line(text, begin)))
            } else if rows.names.is_empty() {
                Err("it is empty".into())
            } else {
                Ok(rows)
            };
        }
        if record.len() > MAX_COLUMNS {
            return Err(format!("it has more than {MAX_COLUMNS} columns"));
        }
        if rows.names.is_empty() {
            rows.names = record.iter().map(String::from).collect();
            continue;
        }
        if record.len() > rows.names.len() {
            return Err(format!(
                "the row that ends in line {} has {} cells under {} names",
                last_line(text, end),
                record.len(),
                rows.names.len()
            ));
        }
        rows.push(record.iter().map(cell).collect())?;
    }
}

/// The line of the first cell at or behind a byte, which empty lines may precede.
fn first_line(text: &str, byte: usize) -> usize {
    let lines_ahead = text[byte..].chars().take_while(|c| matches!(c, '\r' | '\n')).filter(|c| *c == '\n').count();
    1 + text[..byte].matches('\n').count() + lines_ahead
}

/// The line of the last cell before a byte.
fn last_line(text: &str, byte: usize) -> usize {
    1 + text[..byte.min(text.len())].trim_end_matches(['\r', '\n']).matches('\n').count()
}

fn cell(text: &str) -> Cell {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) => Cell::Number(number),
        Err(_) if matches!(text.to_ascii_lowercase().as_str(), "" | "null" | "none" | "na" | "n/a") => Cell::Nothing,
        Err(_) => Cell::Word(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(row: &[f64]) -> Vec<Cell> {
        row.iter().map(|x| Cell::Number(*x)).collect()
    }

    #[test]
    fn csv_has_quotes_empty_cells_and_any_line_ends() {
        let rows = read("\u{feff}step,\"a, \"\"b\"\"\"\r\n1,2.5\r\n\n2,\n3,NaN\n4,word").unwrap();
        assert_eq!(rows.names, ["step", "a, \"b\""]);
        assert_eq!(rows.rows[0], numbers(&[1.0, 2.5]));
        assert_eq!(rows.rows[1], [Cell::Number(2.0), Cell::Nothing]);
        assert!(matches!(rows.rows[2][1], Cell::Number(x) if x.is_nan()));
        assert_eq!(rows.rows[3][1], Cell::Word("word".into()));
        let rows = read("name\nend\n").unwrap();
        assert_eq!(rows.rows, [[Cell::Word("end".into())]]);
    }

    #[test]
    fn json_lines_and_states_are_the_same_rows() {
        let lines = read("{\"step\": 1, \"reward\": 0.5}\n{\"step\": 2, \"kl\": null, \"reward\": \"NaN\"}\n").unwrap();
        assert_eq!(lines.names.len(), 3);
        let state = read("{\"epoch\": 1, \"log_history\": [{\"step\": 1, \"reward\": 0.5}, {\"step\": 2, \"kl\": null, \"reward\": \"NaN\"}]}").unwrap();
        assert_eq!((state.names.clone(), state.rows.len()), (lines.names.clone(), 2));
        assert_eq!(state.rows[0], lines.rows[0]);
    }

    #[test]
    fn numbers_that_json_has_not_are_read_as_python_writes_them() {
        let rows = read("{\"log_history\": [{\"loss\": NaN}, {\"loss\": -Infinity}]}").unwrap();
        assert!(matches!(rows.rows[0][0], Cell::Number(x) if x.is_nan()));
        assert_eq!(rows.rows[1][0], Cell::Number(f64::NEG_INFINITY));
    }

    #[test]
    fn what_is_no_log_is_said() {
        for (text, part) in [
            ("", "it is empty"),
            ("{", "it is no JSON"),
            ("{\"log_history\": 3}", "is no list"),
            ("{\"log_history\": [3]}", "is no object"),
            ("a,b\n1,2,3\n", "the row that ends in line 2 has 3 cells under 2 names"),
            ("a,b\r\n\r\n\"1\n2\",2,3", "the row that ends in line 4 has 3 cells under 2 names"),
            ("a,b\n\"1,2\n", "the quotes that open in line 2 never close"),
            ("a,b\r\n\r\n1,\"", "the quotes that open in line 3 never close"),
            ("\"end\n", "the quotes that open in line 1 never close"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(part), "{said}");
        }
        let many = format!("a\n{}", "1\n".repeat(MAX_ROWS + 1));
        assert_eq!(read(&many).unwrap_err(), format!("it has more than {MAX_ROWS} rows"));
        let sparse = (0..MAX_COLUMNS).map(|i| format!("{{\"c{i}\": 1}}\n")).collect::<String>();
        let sparse =
            format!("{sparse}{}", format!("{{\"c{}\": 1}}\n", MAX_COLUMNS - 1).repeat(MAX_CELLS / MAX_COLUMNS));
        assert_eq!(read(&sparse).unwrap_err(), format!("it has more than {MAX_CELLS} cells"));
        let wide = ",".repeat(MAX_COLUMNS);
        assert_eq!(read(&wide).unwrap_err(), format!("it has more than {MAX_COLUMNS} columns"));
    }
}
