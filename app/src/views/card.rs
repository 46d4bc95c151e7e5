//! The cards of the gallery as HTML text: a list of them is far shorter so than as nodes that nothing ever changes.

use crate::state::gallery::{Card, CardRecord};
use crate::text::escape;
use goodhart_core::experiment::record::{Expected, minutes, sample};
use goodhart_core::experiment::{THEMES, Tally};
use std::fmt::Write;

const WIDTH: f32 = 120.0;
const HEIGHT: f32 = 36.0;

/// The theme that a card stands under.
pub fn theme(card: &Card) -> &str {
    if card.theme.is_empty() { "other" } else { &card.theme }
}

/// The themes that there are cards of, each with their number.
pub fn themes(cards: &[Card]) -> Vec<(String, usize)> {
    let mut all: Vec<(String, usize)> = Vec::new();
    for card in cards {
        match all.iter_mut().find(|(name, _)| name == theme(card)) {
            Some((_, n)) => *n += 1,
            None => all.push((theme(card).to_string(), 1)),
        }
    }
    let rank = |name: &str| THEMES.iter().position(|t| *t == name).unwrap_or(THEMES.len());
    all.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
    all
}

/// Whether a card has every word of a search in its title, question, lesson, paper, id, theme, task or arms.
pub fn matches(card: &Card, search: &str) -> bool {
    let (none, arms) = (String::new(), card.arms.join(" "));
    let paper = card.paper.as_ref().map_or(&none, |paper| &paper.title);
    let Card { title, subtitle, question, lesson, id, theme, task, .. } = card;
    let all = [title, subtitle, question, lesson, paper, id, theme, task, &arms].map(|text| text.to_lowercase());
    search.to_lowercase().split_whitespace().all(|word| all.iter().any(|text| text.contains(word)))
}

/// How near a card that fits a search is to what was typed: its own id or title, an id that begins so, anything else.
fn rank(card: &Card, search: &str) -> usize {
    let typed = search.trim().to_lowercase();
    let id = card.id.to_lowercase();
    if typed.is_empty() {
        2
    } else if id == typed || card.title.to_lowercase() == typed {
        0
    } else if id.starts_with(&typed) {
        1
    } else {
        2
    }
}

/// The cards that fit a search and, unless it is empty, a theme; theme by theme, after the one that was named.
pub fn list(cards: &[Card], search: &str, chosen: &str) -> String {
    let mut found: Vec<&Card> = Vec::new();
    for (name, _) in themes(cards) {
        let fits = |c: &&Card| theme(c) == name && (chosen.is_empty() || chosen == name) && matches(c, search);
        found.extend(cards.iter().filter(fits));
    }
    found.sort_by_key(|card| rank(card, search));
    let html: String = found.into_iter().map(one).collect();
    if html.is_empty() { html } else { format!("<ul class=\"cards\">{html}</ul>") }
}

fn one(card: &Card) -> String {
    let mut about = theme(card).to_string();
    if let Some(difficulty) = card.difficulty {
        about += " · ";
        about += difficulty.word();
    }
    let (picture, verdict) = match &card.record {
        Some(record) => {
            let _ = write!(about, " · {} min", minutes(record.seconds, record.seeds, card.first_seeds));
            (curves(&card.arms, record) + &caption(&record.metric), claims(record))
        }
        None => (String::new(), "<span class=\"muted\">not checked yet</span>".into()),
    };
    let arms: String = card
        .arms
        .iter()
        .enumerate()
        .map(|(i, arm)| format!("<span><i class=\"swatch arm-fill-{}\"></i>{}</span>", i % 8, escape(arm)))
        .collect();
    let muted = |text: &str| match text {
        "" => String::new(),
        text => format!("<span class=\"muted\">{}</span>", escape(text)),
    };
    let paper = card.paper.as_ref().map_or_else(String::new, |paper| {
        muted(&format!("After: {}", paper.title)) + &muted(&format!("Status: {}", paper.status()))
    });
    format!(
        "<li><button class=\"entry\" data-id=\"{id}\"><span class=\"card-theme\">{about}</span><b>{title}</b>{subtitle}{question}<span>{lesson}</span>{picture}\
         <span class=\"card-arms\">{arms}</span>{paper}\
         <span class=\"card-foot\">{verdict}<span class=\"spacer\"></span><code>{id}</code></span></button></li>",
        id = escape(&card.id),
        title = escape(&card.title),
        subtitle = muted(&card.subtitle),
        question = muted(&card.question),
        lesson = escape(&card.lesson),
        about = escape(&about),
    )
}

/// What the picture shows, where it is not the true score.
fn caption(metric: &str) -> String {
    if metric == "true_score" { String::new() } else { format!("<span class=\"muted\">{}</span>", escape(metric)) }
}

/// What became of the claims, on tuned and on held-out seeds; marked where it is not what the file expects.
fn claims(record: &CardRecord) -> String {
    let all = &record.claims;
    if all.is_empty() {
        return "<span class=\"muted\">no claims</span>".into();
    }
    let met = all.iter().all(|claim| Expected::of(claim.refuted, claim.undecided).is_met(claim.outcome));
    let class = if met { "better" } else { "worse" };
    let tuned: Tally = all.iter().map(|claim| claim.outcome).collect();
    let fresh: Tally = all.iter().filter_map(|claim| claim.held_out).collect();
    let fresh = if fresh.claims() > 0 { fresh.says() } else { "not measured".into() };
    format!(
        "<span title=\"Checked {}\">Claims over {}: <span class=\"{class}\">{}</span>; on held-out seeds: {fresh}</span>",
        escape(&record.date),
        sample(record.seeds, record.instances),
        tuned.says()
    )
}

/// The curve of every arm, on one scale.
fn curves(arms: &[String], record: &CardRecord) -> String {
    let all = || record.curves.iter().flatten().flatten().copied().filter(|x| x.is_finite());
    let (low, high) = (all().fold(f32::INFINITY, f32::min), all().fold(f32::NEG_INFINITY, f32::max));
    if low > high {
        return String::new();
    }
    let span = (high - low).max(1e-6);
    let mut html = format!(
        "<svg class=\"spark\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{} of {} over the run\">",
        escape(&record.metric),
        escape(&arms.join(", "))
    );
    for (arm, curve) in record.curves.iter().enumerate() {
        let mut path = String::new();
        let mut pen = 'M';
        for (i, value) in curve.iter().enumerate() {
            match value {
                Some(y) if y.is_finite() => {
                    let x = WIDTH * (i as f32 + 0.5) / curve.len() as f32;
                    // Writing to a String cannot fail.
                    let _ = write!(path, "{pen}{x:.1} {:.1}", 2.0 + (HEIGHT - 4.0) * (high - y) / span);
                    pen = 'L';
                }
                _ => pen = 'M',
            }
        }
        let _ = write!(html, "<path class=\"arm-stroke-{}\" d=\"{path}\"/>", arm % 8);
    }
    html + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::gallery::CardClaim;
    use goodhart_core::experiment::{Difficulty, Outcome, Paper, Reason, Status};

    fn card(id: &str, theme: &str) -> Card {
        Card {
            id: id.into(),
            title: format!("Title of {id}"),
            subtitle: String::new(),
            question: "Why so?".into(),
            difficulty: Some(Difficulty::Hard),
            lesson: "Pay <what> you want".into(),
            theme: theme.into(),
            paper: Some(Paper {
                title: "Some Paper (2025)".into(),
                link: String::new(),
                claim: String::new(),
                reproduced: String::new(),
                formula: Some(Status::Confirmed),
                setting: Some(Status::Deviates),
                finding: Some(Status::Partly),
            }),
            task: "bandit".into(),
            arms: vec!["raw".into(), "PAR".into()],
            first_seeds: None,
            record: None,
        }
    }

    #[test]
    fn a_search_finds_by_paper_id_and_arm() {
        let c = card("par", "transforms");
        assert!(matches(&c, "some paper") && matches(&c, "PAR") && matches(&c, "raw 2025") && matches(&c, ""));
        assert!(!matches(&c, "paper nothing"));
    }

    #[test]
    fn themes_stand_in_their_order_and_others_last() {
        let cards = [card("a", "theory"), card("b", ""), card("c", "gates"), card("d", "theory")];
        let found: Vec<_> = themes(&cards).into_iter().map(|(name, n)| format!("{name} {n}")).collect();
        assert_eq!(found, ["gates 1", "theory 2", "other 1"]);
        assert!(
            list(&cards, "", "gates").contains("data-id=\"c\"") && !list(&cards, "", "gates").contains("data-id=\"a\"")
        );
    }

    #[test]
    fn what_was_named_comes_first() {
        let mut cards = [card("a", "gates"), card("toolrl-schedules", "gates"), card("toolrl", "theory")];
        cards[0].lesson = "As in toolrl".into();
        let order = |search: &str| -> Vec<String> {
            let html = list(&cards, search, "");
            html.split("data-id=\"").skip(1).filter_map(|s| Some(s.split_once('"')?.0.to_string())).collect()
        };
        assert_eq!(order(" ToolRL "), ["toolrl", "toolrl-schedules", "a"]);
        assert_eq!(order("toolrl-s"), ["toolrl-schedules"]);
        assert_eq!(order("title of toolrl"), ["toolrl", "a", "toolrl-schedules"]);
        assert_eq!(order(""), ["a", "toolrl-schedules", "toolrl"], "theme by theme");
    }

    #[test]
    fn a_card_says_what_was_measured_and_nothing_in_it_is_markup() {
        let mut c = card("par", "transforms");
        assert!(one(&c).contains("not checked yet") && one(&c).contains("Pay &lt;what&gt; you want"));
        let curves = vec![vec![Some(0.0), None, Some(1.0), Some(f32::NAN)], vec![Some(0.5); 4]];
        let claim = |outcome, refuted, undecided| CardClaim { outcome, refuted, undecided, held_out: None };
        let open = Outcome::Undecided(Reason::OnThreshold);
        let claims = vec![
            claim(Outcome::Holds, false, false),
            claim(Outcome::Contradicted, true, false),
            claim(open, false, true),
        ];
        c.record = Some(CardRecord {
            date: "2026-11-23".into(),
            metric: "true_score".into(),
            curves,
            claims,
            instances: 8,
            seeds: 8,
            seconds: 70.0,
        });
        let html = one(&c);
        let tuned = "Claims over 8 seeds, each with a task of its own: <span class=\"better\">1 of 3 hold, 1 contradicted, 1 undecided</span>";
        assert!(html.contains(tuned), "what the file expects is no failure: {html}");
        assert!(html.contains("; on held-out seeds: not measured"), "{html}");
        assert!(html.contains("transforms · hard · 2 min") && html.contains("Why so?"), "{html}");
        assert!(html.contains("formula confirmed, setting deviates, finding partly confirmed"), "{html}");
        let record = c.record.as_mut().unwrap();
        record.claims[0].held_out = Some(open);
        record.claims[2].undecided = false;
        let html = one(&c);
        assert!(
            html.contains("class=\"worse\"") && html.contains("held-out seeds: 0 of 1 hold, 1 undecided"),
            "{html}"
        );
        assert!(one(&c).contains("d=\"M15.0 34.0M75.0 2.0\""), "a gap where nothing was computed: {}", one(&c));
    }
}
