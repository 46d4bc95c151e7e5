//! One file a task; what only that task needs stands in a folder of its name.

pub(super) mod bandit;
pub(super) mod chain;
pub(super) mod drive;
pub(super) mod essay;
pub(super) mod gridworld;
pub(super) mod judge;
pub(super) mod length;
pub(super) mod pointmass;
pub(super) mod quiz;
pub(super) mod rooms;
pub(super) mod route;
pub(super) mod steps;
pub(super) mod tool;
