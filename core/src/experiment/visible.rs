//! The words of an experiment that a stranger sent, as a page can show them: what turns lines around, what cannot be seen
//! and what has no end would let one text pass for another, or push the page aside. Code stays as it is: the editor marks
//! such characters.

use super::Experiment;

/// Most characters of a title and of an arm's name.
const MAX_TITLE: usize = 200;
const MAX_NAME: usize = 80;
/// Most charts that open first, and edits to try.
const MAX_CHARTS: usize = 24;
const MAX_EDITS: usize = 16;
/// Most marks on one letter.
const MAX_MARKS: usize = 4;

/// Characters of control, of direction and of no width. The joiners stay: scripts and emoji need them.
fn hides(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

fn show(text: &mut String) {
    let mut marks = 0;
    text.retain(|c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        !hides(c) && marks <= MAX_MARKS
    });
}

/// A name on one line.
fn name(text: &mut String, most: usize) {
    show(text);
    if text.contains(['\n', '\t']) {
        *text = text.replace(['\n', '\t'], " ");
    }
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        text.push('…');
    }
    if !text.is_empty() && text.chars().all(|c| c.is_whitespace() || matches!(c, '\u{200c}' | '\u{200d}') || is_mark(c))
    {
        *text = "unnamed".into();
    }
}

impl Experiment {
    /// With words that can be shown.
    pub fn visible(mut self) -> Self {
        name(&mut self.title, MAX_TITLE);
        name(&mut self.subtitle, MAX_TITLE);
        name(&mut self.question, MAX_TITLE);
        [&mut self.lesson, &mut self.watch, &mut self.theme, &mut self.notes].into_iter().for_each(show);
        if let Some(p) = &mut self.paper {
            [&mut p.title, &mut p.claim, &mut p.reproduced].into_iter().for_each(show);
        }
        self.arms.iter_mut().for_each(|arm| name(&mut arm.name, MAX_NAME));
        if let Some(moment) = &mut self.moment {
            show(&mut moment.says);
            name(&mut moment.arm, MAX_NAME);
        }
        self.charts.truncate(MAX_CHARTS);
        self.now_try.truncate(MAX_EDITS);
        for edit in &mut self.now_try {
            show(&mut edit.says);
            name(&mut edit.arm, MAX_NAME);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut text = text.to_string();
        name(&mut text, MAX_NAME);
        text
    }

    #[test]
    fn nothing_goes_on_without_an_end() {
        let part = |kind: &str| crate::experiment::Part { kind: kind.into(), params: [].into() };
        let mut e = Experiment::new("t", part("bandit"), part("table"), Vec::new());
        e.charts = (0..5000).map(|i| i.to_string()).collect();
        assert_eq!(e.visible().charts.len(), MAX_CHARTS);
    }

    #[test]
    fn what_hides_is_gone_and_what_people_write_stays() {
        assert_eq!(shown("safe\u{202e})gnp.exe"), "safe)gnp.exe");
        assert_eq!(shown("a\u{200b}b\u{feff}"), "ab", "no name looks like another and is none");
        assert_eq!(shown("\u{200b}\u{200d}\u{2060}"), "unnamed");
        assert_eq!(shown(&format!("a{}b", "\u{301}".repeat(3000))), format!("a{}b", "\u{301}".repeat(MAX_MARKS)));
        assert_eq!(shown("two\nlines\0"), "two lines");
        assert_eq!(shown(&"W".repeat(20_000)).chars().count(), MAX_NAME + 1);
        for kept in ["naïve + 2·x", "Größe", "می‌خواهم", "👩‍🔬 lab", "שלום", "ở", ""] {
            assert_eq!(shown(kept), kept);
        }
    }
}
