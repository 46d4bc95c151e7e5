//! The strategies of the draft, by identity.

use crate::browser::plain::write;
use crate::model::ArmId;
use crate::state::app::App;
use crate::state::draft::arm_ids::{Colors, MOST, SETTING, saved_colors};
use crate::state::run::phase::EditState;
use crate::storage::drafts;
use goodhart_core::experiment::Arm;
use leptos::prelude::*;

impl App {
    /// A new identity for one more strategy of the draft.
    pub(in crate::state) fn identify_one(self) -> Vec<ArmId> {
        let others = self.arms.get_untracked();
        self.internal.try_update_value(|i| i.dealt.make(&[None], &others)).unwrap_or_default()
    }

    /// New identities for the strategies of a draft that takes the place of the one on screen, in the colours that it was
    /// left with.
    pub(in crate::state) fn identify(self, arms: &[Arm]) -> Vec<ArmId> {
        let id = self.draft_id();
        let kept = saved_colors().into_iter().find(|colors| colors.draft == id).map(|colors| colors.arms);
        let color = |arm: &Arm| kept.iter().flatten().find(|(name, _)| *name == arm.name).map(|(_, color)| *color);
        let wanted: Vec<_> = arms.iter().map(color).collect();
        self.internal.try_update_value(|i| i.dealt.make(&wanted, &[])).unwrap_or_default()
    }

    /// Keeps the colours of the draft's strategies beside the draft.
    pub(in crate::state) fn save_colors(self) {
        let draft = self.draft_id();
        let names: Vec<String> = self.draft.with_untracked(|e| e.arms.iter().map(|arm| arm.name.clone()).collect());
        let arms: Vec<_> =
            names.into_iter().zip(self.arms.get_untracked()).map(|(n, id)| (n, id.color() as u32)).collect();
        let mut all = saved_colors();
        if all.first().is_some_and(|first| first.draft == draft && first.arms == arms) {
            return;
        }
        all.retain(|colors| colors.draft != draft);
        all.insert(0, Colors { draft, arms });
        all.truncate(MOST);
        drafts::set_setting(SETTING, Some(&write(&all)));
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
    pub(in crate::state) fn update_arm(self, id: ArmId, f: impl FnOnce(&mut Arm)) {
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

    /// The arms whose curves there are, with their names.
    pub fn runners(self) -> Vec<(ArmId, String)> {
        let ids = self.with_data(|d| d.ids.clone());
        untrack(|| ids.into_iter().map(|id| (id, self.name_of(id))).collect())
    }
}
