//! How often each rule was right, as `goodhart alarms experiments/ --write` measured it on the half of the gallery on which
//! no threshold was set.

use super::{AlarmKind, RULES};
use std::fmt::Write;

/// One line a rule: its key and the numbers of `Record` in their order. The page carries it, so it is small and needs no
/// parser of a format.
const SHIPPED: &str = include_str!("record.txt");

/// What was measured of one rule. A case is an arm; each is looked at in several blocks of seeds, so that the counts of
/// what rang are sums of shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    pub kind: AlarmKind,
    /// Hacked cases.
    pub hacked: u32,
    /// Those in which the rule rang.
    pub caught: f32,
    /// Hacked cases whose true score turns at some update.
    pub turning: u32,
    /// Those in which the rule rang by then.
    pub early: f32,
    /// Cases in which nothing is wrong.
    pub fine: u32,
    /// Those in which it rang all the same.
    pub false_rings: f32,
}

impl Record {
    /// In one sentence.
    pub fn says(&self) -> String {
        let Self { hacked, caught, turning, early, fine, false_rings, .. } = *self;
        format!(
            "Catches {} hacked runs, {} before the true score turns; rings for nothing in {}.",
            parts(caught, hacked, 10, "in"),
            parts(early, turning, 10, "in"),
            parts(false_rings, fine, 20, "of")
        )
    }
}

/// A rate as so many of a round number.
fn parts(count: f32, all: u32, of: u32, word: &str) -> String {
    if all == 0 {
        return "an unknown share of".into();
    }
    let exact = count * of as f32 / all as f32;
    match exact.round() {
        0.0 if exact > 0.0 => format!("fewer than 1 {word} {of}"),
        rounded => format!("{rounded} {word} {of}"),
    }
}

/// The record of a kind of alarm; None where there is none.
pub fn of(kind: AlarmKind) -> Option<Record> {
    SHIPPED.lines().filter_map(read).find(|record| record.kind == kind)
}

/// A line of the file; None for one that is no record.
fn read(line: &str) -> Option<Record> {
    let mut words = line.split(' ');
    let key = words.next()?;
    let kind = RULES.iter().find(|rule| rule.key == key)?.kind;
    let mut number = || words.next()?.parse::<f32>().ok().filter(|x| x.is_finite() && *x >= 0.0);
    let (hacked, caught, turning, early) = (number()?, number()?, number()?, number()?);
    let (fine, false_rings) = (number()?, number()?);
    Some(Record { kind, hacked: hacked as u32, caught, turning: turning as u32, early, fine: fine as u32, false_rings })
}

/// The file of records.
pub fn write(records: &[Record]) -> String {
    let mut text = String::from(
        "# Written by `goodhart alarms experiments/ --write`; never edited. rule, hacked, caught, turning, early, fine, false rings\n",
    );
    for Record { kind, hacked, caught, turning, early, fine, false_rings } in records {
        let key = super::Rule::of(*kind).key;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key} {hacked} {caught} {turning} {early} {fine} {false_rings}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_read_whole() {
        let lines: Vec<&str> = SHIPPED.lines().filter(|line| !line.starts_with('#')).collect();
        let records: Vec<Record> = lines.iter().filter_map(|line| read(line)).collect();
        assert_eq!(records.len(), lines.len(), "a line is no record");
        for rule in RULES {
            let found = records.iter().filter(|record| record.kind == rule.kind).count();
            assert_eq!(found, 1, "{}: run `goodhart alarms experiments/ --write`", rule.key);
        }
        for record in &records {
            assert!(record.caught <= record.hacked as f32 && record.early <= record.turning as f32, "{record:?}");
            assert!(record.false_rings <= record.fine as f32 && record.turning <= record.hacked, "{record:?}");
        }
        assert_eq!(write(&records), SHIPPED);
    }

    #[test]
    fn a_record_is_a_sentence() {
        let record = Record {
            kind: AlarmKind::CutOff,
            hacked: 10,
            caught: 6.5,
            turning: 8,
            early: 0.25,
            fine: 40,
            false_rings: 2.0,
        };
        assert_eq!(
            record.says(),
            "Catches 7 in 10 hacked runs, fewer than 1 in 10 before the true score turns; rings for nothing in 1 of 20."
        );
        let none = Record { hacked: 0, turning: 0, fine: 0, ..record };
        assert!(none.says().contains("an unknown share of"), "{}", none.says());
        assert_eq!(write(&[record]).lines().filter_map(read).collect::<Vec<_>>(), [record]);
    }

    #[test]
    fn what_is_no_record_is_none() {
        for line in [
            "",
            "#",
            "cut_off",
            "cut_off 1 2 3 4 5",
            "cut_off 1 2 3 4 5 NaN",
            "cut_off 1 -2 3 4 5 6",
            "none 1 1 1 1 1 1",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
