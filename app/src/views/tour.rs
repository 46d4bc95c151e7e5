//! The bar of a guided tour: where the visitor is, what the stop says, and the way on.

use crate::state::App;
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    move || {
        app.tour.get().map(|place| {
            let (stop, count) = (place.stop, place.tour.stops.len());
            let experiment = place.here().experiment.clone();
            let elsewhere = Memo::new(move |_| app.draft.with(|e| e.id != experiment));
            view! {
                <section class="tour" aria-label="Guided tour">
                    <div class="tour-head">
                        <b>{place.tour.title.clone()}</b>
                        <span class="muted">{format!("stop {} of {count}", stop + 1)}</span>
                        <span class="spacer"></span>
                        {move || elsewhere.get().then(|| view! {
                            <button on:click=move |_| app.tour_to(stop)>"Back to this stop"</button>
                        })}
                        <button disabled={stop == 0} on:click=move |_| app.tour_to(stop.saturating_sub(1))>"Back"</button>
                        <button class="primary" disabled={stop + 1 == count} on:click=move |_| app.tour_to(stop + 1)>"Next"</button>
                        <button class="quiet" on:click=move |_| app.leave_tour()>"Leave the tour"</button>
                    </div>
                    <p aria-live="polite">{place.here().says.clone()}</p>
                </section>
            }
        })
    }
}

/// The tours that there are, for the library.
pub fn list(app: App) -> impl IntoView {
    let tours =
        move || app.gallery.with(|g| g.as_ref().and_then(|g| Some(g.as_ref().ok()?.tours.clone()))).unwrap_or_default();
    move || {
        let tours = tours();
        (!tours.is_empty()).then(|| {
            view! {
                <h2>"Tours"</h2>
                <ul class="tours">
                    {tours.into_iter().map(|tour| {
                        let (title, stops) = (tour.title.clone(), tour.stops.len());
                        let about = format!("{} {stops} stops.", tour.about);
                        view! {
                            <li><button class="entry-tour" on:click=move |_| app.start_tour(tour.clone())><b>{title}</b><span>{about}</span></button></li>
                        }
                    }).collect_view()}
                </ul>
            }
        })
    }
}
