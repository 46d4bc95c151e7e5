//! Learning-rate schedules, as transformers' get_scheduler has them: a linear warm-up, then constant, linear or half a
//! cosine down to 0 at the end of the run.

use super::settings::{LrSchedule, Settings};

/// The step size of an update, counted from 0, in a run of `updates`.
///
/// With w warm-up updates the first has learning_rate * 0 / w, as in transformers; the schedule then falls over the
/// remaining `updates - w`.
pub fn learning_rate(settings: &Settings, update: u32, updates: u32) -> f32 {
    let warmup = settings.warmup_steps;
    if update < warmup {
        return settings.learning_rate * (update as f32 / warmup as f32);
    }
    let progress = (update - warmup) as f32 / updates.saturating_sub(warmup).max(1) as f32;
    settings.learning_rate
        * match settings.lr_scheduler_type {
            LrSchedule::Constant => 1.0,
            LrSchedule::Linear => (1.0 - progress).max(0.0),
            LrSchedule::Cosine => (0.5 * (1.0 + libm::cosf(core::f32::consts::PI * progress.min(1.0)))).max(0.0),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: LrSchedule, update: u32) -> f32 {
        let settings =
            Settings { learning_rate: 2.0, lr_scheduler_type: kind, warmup_steps: 10, ..Settings::default() };
        learning_rate(&settings, update, 110)
    }

    #[test]
    fn every_schedule_warms_up_and_ends_where_it_should() {
        for (kind, middle, end) in
            [(LrSchedule::Constant, 2.0, 2.0), (LrSchedule::Linear, 1.0, 0.0), (LrSchedule::Cosine, 1.0, 0.0)]
        {
            assert_eq!(at(kind, 0), 0.0);
            assert_eq!(at(kind, 5), 1.0);
            assert_eq!(at(kind, 10), 2.0);
            assert!((at(kind, 60) - middle).abs() < 1e-6, "{kind:?}");
            assert!((at(kind, 110) - end).abs() < 1e-6, "{kind:?}");
            assert!((at(kind, 500) - end).abs() < 1e-6, "{kind:?}");
        }
    }
}
