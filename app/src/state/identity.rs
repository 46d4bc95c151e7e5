//! Which strategy is which. An identity never changes while the names, the places and the code of strategies do, so all that
//! belongs to one (its curves, its colour, its alarms, its edits) is looked up by it and by nothing else.

use super::run::EditState;
use super::{App, store};
use crate::plain::{parse, write};
use goodhart_core::experiment::{Arm, Experiment};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Colours of the palette: `--arm-0` and so on.
const COLORS: u32 = 8;

/// A strategy of this visit. Its colour is a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArmId(u32);

/// What identities there have been.
#[derive(Default)]
pub(super) struct Dealt {
    made: u32,
    /// The colour whose turn it is: that of a removed strategy comes last.
    next: u32,
}

impl Dealt {
    /// Identities of more strategies beside `others`: each in the colour that is wanted for it, if there is such a colour
    /// and no other strategy has it.
    fn make(&mut self, wanted: &[Option<u32>], others: &[ArmId]) -> Vec<ArmId> {
        if others.is_empty() {
            self.next = 0;
        }
        let mut taken: Vec<u32> = others.iter().map(|id| id.0 % COLORS).collect();
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
            made.push(ArmId(self.made.wrapping_mul(COLORS) + color));
            self.made += 1;
        }
        made
    }
}

/// The colours of a draft's strategies by their names, as storage keeps them.
#[derive(Serialize, Deserialize)]
struct Colors {
    draft: String,
    arms: Vec<(String, u32)>,
}

/// Where storage keeps them, and of how many drafts.
const SETTING: &str = "colors";
const MOST: usize = 25;

fn kept_colors() -> Vec<Colors> {
    store::setting(SETTING).and_then(|text| parse(&text)).unwrap_or_default()
}

impl ArmId {
    /// As messages carry it.
    pub fn number(self) -> u32 {
        self.0
    }

    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Its place in the palette.
    pub fn color(self) -> usize {
        (self.0 % COLORS) as usize
    }
}

/// What runs: the experiment with the programs and settings in use, and whose arms they are.
/// The engine's client knows the identities by their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded<Id = ArmId> {
    pub experiment: Experiment,
    /// By arm of `experiment`.
    pub ids: Vec<Id>,
}

impl<Id: Copy + PartialEq> Loaded<Id> {
    /// Without the strategies that are not kept.
    pub fn only(&self, keeps: impl Fn(Id) -> bool) -> Self {
        let mut rest = Self { experiment: self.experiment.clone(), ids: Vec::new() };
        rest.experiment.arms.clear();
        for (id, arm) in self.ids.iter().zip(&self.experiment.arms).filter(|(id, _)| keeps(**id)) {
            rest.ids.push(*id);
            rest.experiment.arms.push(arm.clone());
        }
        rest
    }

    pub fn place(&self, id: Id) -> Option<usize> {
        self.ids.iter().position(|other| *other == id)
    }

    pub fn arm(&self, id: Id) -> Option<&Arm> {
        self.experiment.arms.get(self.place(id)?)
    }

    pub fn arm_mut(&mut self, id: Id) -> Option<&mut Arm> {
        let place = self.place(id)?;
        self.experiment.arms.get_mut(place)
    }
}

impl App {
    /// A new identity for one more strategy of the draft.
    pub(super) fn identify_one(self) -> Vec<ArmId> {
        let others = self.arms.get_untracked();
        self.internal.try_update_value(|i| i.dealt.make(&[None], &others)).unwrap_or_default()
    }

    /// New identities for the strategies of a draft that takes the place of the one on screen, in the colours that it was
    /// left with.
    pub(super) fn identify(self, arms: &[Arm]) -> Vec<ArmId> {
        let id = self.draft_id();
        let kept = kept_colors().into_iter().find(|colors| colors.draft == id).map(|colors| colors.arms);
        let color = |arm: &Arm| kept.iter().flatten().find(|(name, _)| *name == arm.name).map(|(_, color)| *color);
        let wanted: Vec<_> = arms.iter().map(color).collect();
        self.internal.try_update_value(|i| i.dealt.make(&wanted, &[])).unwrap_or_default()
    }

    /// Keeps the colours of the draft's strategies beside the draft.
    pub(super) fn keep_colors(self) {
        let draft = self.draft_id();
        let names: Vec<String> = self.draft.with_untracked(|e| e.arms.iter().map(|arm| arm.name.clone()).collect());
        let arms: Vec<_> = names.into_iter().zip(self.arms.get_untracked()).map(|(n, id)| (n, id.0 % COLORS)).collect();
        let mut all = kept_colors();
        if all.first().is_some_and(|first| first.draft == draft && first.arms == arms) {
            return;
        }
        all.retain(|colors| colors.draft != draft);
        all.insert(0, Colors { draft, arms });
        all.truncate(MOST);
        store::set_setting(SETTING, Some(&write(&all)));
    }

    /// Where a strategy stands in the draft; None if it is not there any more.
    pub fn place(self, id: ArmId) -> Option<usize> {
        self.arms.with(|arms| arms.iter().position(|other| *other == id))
    }

    /// Reads a strategy of the draft.
    pub fn with_arm<T>(self, id: ArmId, f: impl FnOnce(&Arm) -> T) -> Option<T> {
        let place = self.place(id)?;
        self.draft.with(|e| e.arms.get(place).map(f))
    }

    /// The same outside of views.
    pub fn with_arm_untracked<T>(self, id: ArmId, f: impl FnOnce(&Arm) -> T) -> Option<T> {
        untrack(|| self.with_arm(id, f))
    }

    /// Changes a strategy of the draft.
    pub(super) fn update_arm(self, id: ArmId, f: impl FnOnce(&mut Arm)) {
        let place = untrack(|| self.place(id));
        self.draft.update(|e| {
            if let Some(arm) = place.and_then(|at| e.arms.get_mut(at)) {
                f(arm);
            }
        });
    }

    /// What a strategy is called: in the draft, else in the run.
    pub fn name_of(self, id: ArmId) -> String {
        let running = || self.loaded.with(|l| l.as_ref().and_then(|l| Some(l.arm(id)?.name.clone())));
        self.with_arm(id, |arm| arm.name.clone()).or_else(running).unwrap_or_default()
    }

    /// How the newest edit of a strategy fares.
    pub fn edit_of(self, id: ArmId) -> EditState {
        self.edits.with(|edits| edits.get(&id).cloned().unwrap_or_default())
    }
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
