//! The batch of the watched lane, as both engines give it to the views.

/// The last update of a lane, kept for views.
#[derive(Clone, Debug, Default)]
pub struct WatchedBatch {
    pub records: Vec<f32>,
    pub lengths: Vec<u32>,
    pub truncated: Vec<u8>,
    pub true_scores: Vec<f32>,
    pub actions: Vec<u32>,
    pub prompts: Vec<u32>,
    pub advantages: Vec<f32>,
    pub rewards: Vec<f32>,
    pub components: Vec<f32>,
    pub errors: Vec<u32>,
}
