//! Which strategy is which. An identity never changes while the names, the places and the code of strategies do, so all that
//! belongs to one (its curves, its colour, its alarms, its edits) is looked up by it and by nothing else.

use super::App;
use super::run::EditState;
use goodhart_core::experiment::{Arm, Experiment};
use leptos::prelude::*;

/// Colours of the palette: `--arm-0` and so on.
const COLORS: u32 = 8;

/// A strategy of this visit. Its colour is a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArmId(u32);

impl ArmId {
    /// Identities of `n` more strategies beside `others`, in colours that those leave free; `made` counts all there were.
    fn make(made: &mut u32, n: usize, others: &[ArmId]) -> Vec<ArmId> {
        let mut all = others.to_vec();
        for _ in 0..n {
            let free = (0..COLORS).find(|color| all.iter().all(|id| id.0 % COLORS != *color));
            all.push(ArmId(*made * COLORS + free.unwrap_or(*made % COLORS)));
            *made += 1;
        }
        all.split_off(others.len())
    }

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
    /// New identities for `n` strategies beside those of the draft (`fresh`: instead of them).
    pub(super) fn identify(self, n: usize, fresh: bool) -> Vec<ArmId> {
        let others = if fresh { Vec::new() } else { self.arms.get_untracked() };
        self.internal.try_update_value(|i| ArmId::make(&mut i.arms_made, n, &others)).unwrap_or_default()
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
        let mut made = 0;
        let mut all = ArmId::make(&mut made, 3, &[]);
        assert_eq!(all.iter().map(|id| id.color()).collect::<Vec<_>>(), [0, 1, 2]);
        let gone = all.remove(0);
        let new = ArmId::make(&mut made, 1, &all)[0];
        assert_eq!(new.color(), 0);
        assert_ne!(new, gone);
    }
}
