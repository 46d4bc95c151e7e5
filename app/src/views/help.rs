//! Help: the words of the page, and its keys.

use super::keyboard::KEYS;
use leptos::prelude::*;

const WORDS: &[(&str, &str)] = &[
    ("task", "What is to be done. It generates prompts or start states and knows the true score."),
    ("true score", "What was wanted: computed by the task, out of reach of every reward program."),
    ("proxy reward", "What the reward program pays."),
    ("reward program", "The code of a strategy; its functions are components. A subset of Python."),
    (
        "strategy",
        "One of the rewards that are compared, with its settings, written as a diff against the base; an arm in files and programs.",
    ),
    ("seed", "One repetition. All strategies share the random numbers of a seed, so their differences are paired."),
    ("lane", "One policy being trained: a strategy with a seed."),
    ("group", "The samples of one prompt or start state; advantages compare them with each other."),
    ("dead group", "A group whose rewards are all equal: it teaches nothing (frac_reward_zero_std)."),
    ("oracle", "The exact optimum of the reward on screen, on tasks small enough to be solved, and what it is worth."),
    ("STARC distance", "How differently two rewards order all policies: 0 alike, 1 the other way round."),
    ("claim", "A statement about an experiment that a machine has checked over seeds, with an interval."),
    ("alarm", "A detector of collapse or hacking, with a stated rule."),
];

pub fn view() -> impl IntoView {
    view! {
        <h2>"How to read this page"</h2>
        <p>"Each strategy trains small policies on the same task with its own reward. Edit the code while it runs: the curves follow at the next update. Where the proxy rises and the true score does not, the reward is being exploited."</p>
        <dl class="words" inner_html=list(WORDS, "b")></dl>
        <h2>"Keys"</h2>
        <dl class="words" inner_html=list(KEYS, "kbd")></dl>
        <p class="muted">"Goodhart is licensed under MIT or Apache-2.0; "<a href="./web/licenses.txt" target="_blank" rel="noopener">"the licences of all that this page is made of"</a>"."</p>
    }
}

fn list(words: &[(&str, &str)], tag: &str) -> String {
    words.iter().map(|(word, meaning)| format!("<dt><{tag}>{word}</{tag}></dt><dd>{meaning}</dd>")).collect()
}
