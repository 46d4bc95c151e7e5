//! How long a counted wait will still take, from the pace so far.

/// Seconds before which a pace says too little.
const EARLY: f64 = 1.0;

/// A wait of `of` steps that is under way: `what` tells one wait from the next.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    what: &'static str,
    of: u32,
    begun_ms: f64,
    first: u32,
}

impl Pace {
    /// Takes in that `step` of `of` steps are done at `now_ms`; the time that is left, in words, once it can be told.
    pub fn left(&mut self, what: &'static str, step: u32, of: u32, now_ms: f64) -> Option<String> {
        if (self.what, self.of) != (what, of) || step < self.first {
            *self = Self { what, of, begun_ms: now_ms, first: step };
        }
        let seconds = (now_ms - self.begun_ms) / 1000.0;
        let done = f64::from(step - self.first);
        if done < 1.0 || seconds < EARLY {
            return None;
        }
        Some(words(seconds / done * f64::from(of.saturating_sub(step))))
    }
}

/// "about 20 s left", in steps that do not flicker.
fn words(seconds: f64) -> String {
    if seconds < 10.0 {
        "a few seconds left".into()
    } else if seconds < 90.0 {
        format!("about {:.0} s left", (seconds / 10.0).round() * 10.0)
    } else {
        format!("about {:.0} min left", (seconds / 60.0).ceil())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_pace() {
        let mut pace = Pace::default();
        assert_eq!(pace.left("models", 0, 100, 0.0), None, "nothing is done yet");
        assert_eq!(pace.left("models", 1, 100, 500.0), None, "too early to tell");
        assert_eq!(pace.left("models", 10, 100, 5_000.0).unwrap(), "about 50 s left");
        assert_eq!(pace.left("models", 10, 1000, 6_000.0), None, "another wait begins anew");
        assert_eq!(pace.left("models", 20, 1000, 16_000.0).unwrap(), "about 17 min left");
        assert_eq!(pace.left("models", 990, 1000, 60_000.0).unwrap(), "a few seconds left");
        assert_eq!(pace.left("models", 3, 1000, 70_000.0), None, "the same wait began again");
        assert_eq!(pace.left("base", 3, 1000, 70_000.0), None);
    }
}
