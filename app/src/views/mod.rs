//! What is on screen: one view a file. Views read signals and call methods of `App`; they compute nothing.

mod alarms;
mod anatomy;
mod arms;
mod card;
mod chart;
mod charts;
mod code_editor;
mod controls;
mod discard;
mod editor;
mod engine;
mod gallery;
mod grid_map;
mod header;
mod help;
mod keyboard;
mod lesson;
mod notices;
mod oracle;
mod overlay;
mod pace;
mod panels;
mod param;
mod planner;
mod policy_bars;
mod sample;
mod settings;
mod share;
mod task;
mod task_code;
mod verdict;

use crate::state::App;
use leptos::prelude::*;

/// The whole page.
pub fn page(app: App) -> impl IntoView {
    keyboard::listen(app);
    view! {
        <a class="skip" href="#editor">"Skip to the editor"</a>
        {header::view(app)}
        <div class="run-bar">
            {controls::view(app)}
            {notices::view(app)}
        </div>
        <main>
            {lesson::view(app)}
            <div class="columns">
                <section class="column strategies" aria-label="Strategies">
                    {arms::view(app)}
                    {anatomy::view(app)}
                    {task::view(app)}
                    {panels::view(app)}
                </section>
                <section class="column results" aria-label="Results">
                    {verdict::view(app)}
                    {alarms::view(app)}
                    {charts::view(app)}
                    {oracle::matrix(app)}
                </section>
            </div>
        </main>
        {overlay::view(app)}
    }
}
