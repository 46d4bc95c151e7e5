//! Banners: what happened that the person should know, each until dismissed.

use crate::state::{Action, App, Level};
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    view! {
        <div class="notices" aria-live="polite">
            <For each=move || app.notices.get() key=|n| n.id let:notice>
                <div class="notice" class:warning=notice.level == Level::Warning class:error=notice.level == Level::Error>
                    <span>{notice.text.clone()}</span>
                    {notice.action.map(|action| view! {
                        <button on:click=move |_| {
                            app.dismiss(notice.id);
                            match action {
                                Action::Undo => app.undo_last(),
                                Action::Restart => app.restart(),
                                Action::Back => app.go_back(),
                                Action::Allow => app.allow(),
                            }
                        }>{match action {
                            Action::Undo => "Undo",
                            Action::Restart => "Restart with the change",
                            Action::Back => "Back to the edit",
                            Action::Allow => "Train it all the same",
                        }}</button>
                    })}
                    <button class="icon" aria-label="Dismiss" on:click=move |_| app.dismiss(notice.id)>"×"</button>
                </div>
            </For>
        </div>
    }
}
