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
mod front;
mod gallery;
mod grid_map;
mod header;
mod help;
mod hero;
mod keyboard;
mod lesson;
mod library;
mod main_chart;
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
mod summary;
mod task;
mod task_code;
mod timeline;
mod tour;
mod verdict;

use crate::state::App;
use leptos::prelude::*;

/// The whole page.
pub fn page(app: App) -> impl IntoView {
    keyboard::listen(app);
    view! {
        <a class="skip" href="#editor" on:click=keyboard::to_editor>"Skip to the editor"</a>
        {header::view(app)}
        <div class="run-bar" role="region" aria-label="Run and notices">
            {controls::view(app)}
            {notices::view(app)}
            {tour::view(app)}
        </div>
        <main id="lab" hidden=move || app.library_is_open()>
            {front::view(app)}
            <div class="stage">
                <section class="column strategies" aria-label="Strategies">
                    {arms::view(app)}
                </section>
                <section class="column middle" aria-label="What they do">
                    {hero::view(app)}
                    {main_chart::view(app)}
                </section>
                <section class="column results" aria-label="Verdict">
                    {summary::view(app)}
                    {lesson::moment(app)}
                    {oracle::chosen(app)}
                    {lesson::tries(app)}
                    {alarms::view(app)}
                </section>
            </div>
            <div class="more">
                {lesson::view(app)}
                {charts::view(app)}
                <div class="pair">
                    {anatomy::view(app)}
                    {task::view(app)}
                </div>
                {verdict::view(app)}
                {oracle::matrix(app)}
                {panels::view(app)}
            </div>
        </main>
        {library::view(app)}
        {overlay::view(app)}
    }
}
