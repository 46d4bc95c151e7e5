//! What can go wrong.

use serde::{Deserialize, Serialize};

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    ProxyUpTrueDown,
    EntropyCollapse,
    DeadGroups,
    KlBlowUp,
    KlOfSample,
    LengthCollapse,
    LengthExplosion,
    CutOff,
    RewardDrift,
    RewardSaturated,
    RewardJump,
    PartsDisagree,
    OftenClipped,
    GradientSpike,
    NotFinite,
    ProgramErrors,
}
