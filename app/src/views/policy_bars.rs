//! Probabilities of a policy as bars: those of the watched lane, and those of a reward's optimum.

use crate::text::{escape, number};

/// Contexts drawn at most.
pub const MAX_CONTEXTS: usize = 8;

/// The probabilities of a context's arms.
pub fn bars(context: usize, arms: usize, policy: &[f32], payoff: &[f32], hack: &[bool], names: &[String]) -> String {
    let own = context * arms..(context + 1) * arms;
    let truth = payoff.get(own.clone()).unwrap_or_default();
    let best = truth.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut html = format!(
        "<div class=\"bars\" role=\"img\" aria-label=\"Probabilities in context {context}\"><span class=\"muted\">{context}</span><span class=\"bar-row\">"
    );
    for (arm, i) in own.enumerate() {
        let p = policy.get(i).copied().unwrap_or(0.0);
        let payoff = truth.get(arm).copied().unwrap_or(f32::NAN);
        let class = match hack.get(i) {
            Some(true) => "bar hack",
            _ if payoff >= best => "bar best",
            _ => "bar",
        };
        let name = names.get(arm).map_or("", String::as_str);
        let title = escape(&format!("{name}: probability {}, true payoff {}", number(p), number(payoff)));
        html += &format!("<span class=\"{class}\" title=\"{title}\" style=\"--p:{:.1}%\"></span>", 100.0 * p);
    }
    html + "</span></div>"
}

/// What the bars stand for.
pub fn legend(names: &[String]) -> String {
    format!("<p class=\"muted legend-text\">From left to right: {}.</p>", escape(&names.join(", ")))
}

/// The probabilities of every action at the first states.
pub fn choices(states: &[String], policy: &[f32], names: &[String]) -> String {
    let n = names.len();
    let row = |(i, state): (usize, &String)| {
        let bar = |(a, name): (usize, &String)| {
            let p = policy.get(i * n + a).copied().unwrap_or(0.0);
            let title = escape(&format!("{name}: probability {}", number(p)));
            format!("<span class=\"bar\" title=\"{title}\" style=\"--p:{:.1}%\"></span>", 100.0 * p)
        };
        let bars: String = names.iter().enumerate().map(bar).collect();
        let state = escape(state);
        format!(
            "<div class=\"bars choice\" role=\"img\" aria-label=\"Probabilities at {state}\"><span class=\"muted\">{state}</span><span class=\"bar-row\">{bars}</span></div>"
        )
    };
    states.iter().enumerate().take(2 * MAX_CONTEXTS).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_tell_the_best_arm_from_one_that_exploits_the_proxy() {
        let names = ["left".to_string(), "<right>".into()];
        let html = bars(1, 2, &[0.5, 0.5, 0.25, 0.75], &[0.0, 0.0, 1.0, 0.0], &[false, false, false, true], &names);
        assert!(html.contains("class=\"bar best\" title=\"left: probability 0.250, true payoff 1.00\""), "{html}");
        assert!(html.contains("class=\"bar hack\"") && html.contains("&lt;right&gt;"), "{html}");
        assert!(html.contains("--p:75.0%"), "{html}");
    }

    #[test]
    fn a_policy_that_is_not_known_yet_has_empty_bars() {
        let html = choices(&["start".into()], &[], &["stay".into()]);
        assert!(html.contains("Probabilities at start") && html.contains("--p:0.0%"), "{html}");
    }
}
