//! Which strategy is which. An identity never changes while the names, the places and the code of strategies do, so all that
//! belongs to one (its curves, its colour, its alarms, its edits) is looked up by it and by nothing else.

use crate::browser::plain::parse;
use crate::model::{ArmId, COLORS};
use crate::storage::drafts;
use serde::{Deserialize, Serialize};

/// What identities there have been.
#[derive(Default)]
pub(in crate::state) struct Dealt {
    pub made: u32,
    /// The colour whose turn it is: that of a removed strategy comes last.
    pub next: u32,
}

impl Dealt {
    /// Identities of more strategies beside `others`: each in the colour that is wanted for it, if there is such a colour
    /// and no other strategy has it.
    pub fn make(&mut self, wanted: &[Option<u32>], others: &[ArmId]) -> Vec<ArmId> {
        if others.is_empty() {
            self.next = 0;
        }
        let mut taken: Vec<u32> = others.iter().map(|id| id.color() as u32).collect();
        let mut colors: Vec<Option<u32>> = Vec::new();
        for color in wanted {
            let color = color.filter(|color| *color < COLORS && !taken.contains(color));
            taken.extend(color);
            colors.push(color);
        }
        let mut made = Vec::new();
        for color in colors {
            let color = color.unwrap_or_else(|| {
                let order = |i: u32| (self.next + i) % COLORS;
                let free = (0..COLORS).map(order).find(|color| !taken.contains(color)).unwrap_or(order(0));
                taken.push(free);
                free
            });
            self.next = (color + 1) % COLORS;
            made.push(ArmId::from_number(self.made.wrapping_mul(COLORS) + color));
            self.made += 1;
        }
        made
    }
}

/// The colours of a draft's strategies by their names, as storage keeps them.
#[derive(Serialize, Deserialize)]
pub struct Colors {
    pub draft: String,
    pub arms: Vec<(String, u32)>,
}

/// Where storage keeps them, and of how many drafts.
pub const SETTING: &str = "colors";
pub const MOST: usize = 25;

pub fn saved_colors() -> Vec<Colors> {
    drafts::setting(SETTING).and_then(|text| parse(&text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_strategy_takes_a_colour_that_is_free_and_no_identity_comes_twice() {
        let mut dealt = Dealt::default();
        let mut all = dealt.make(&[None; 3], &[]);
        assert_eq!(colors(&all), [0, 1, 2]);
        // What was removed gives its colour away last.
        for wanted in [3, 4, 5, 6, 7, 0, 1] {
            let gone = all.remove(0);
            let new = dealt.make(&[None], &all)[0];
            assert_eq!(new.color(), wanted);
            assert_ne!(new, gone);
            all.push(new);
        }
        assert_eq!(colors(&dealt.make(&[None; 9], &[])), [0, 1, 2, 3, 4, 5, 6, 7, 0]);
    }

    #[test]
    fn strategies_get_the_colours_back_that_they_were_left_with() {
        let mut dealt = Dealt::default();
        assert_eq!(colors(&dealt.make(&[Some(1), Some(2)], &[])), [1, 2]);
        assert_eq!(colors(&dealt.make(&[None, Some(0), Some(0), Some(4_000_000_000)], &[])), [1, 0, 2, 3]);
    }

    fn colors(ids: &[ArmId]) -> Vec<usize> {
        ids.iter().map(|id| id.color()).collect()
    }
}
