//! How thresholds are set: on which half of the experiments, out of which, and how often a rule may ring for nothing.

use goodhart_core::metrics::alarms::AlarmKind;

/// On which half of the experiments a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Thresholds are set here.
    Tuning,
    /// And reported here.
    Reporting,
}

/// The half of an experiment, by a hash of its family: the shortest id that it begins with, so that variants of one
/// experiment are never on both sides.
pub fn half(id: &str, ids: &[String]) -> Half {
    let begins =
        |other: &&String| id == *other || id.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('-'));
    let family = ids.iter().filter(begins).min_by_key(|other| other.len()).map_or(id, |other| other);
    // FNV-1a; a bit from its middle.
    let hash = family
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    if hash >> 32 & 1 == 0 { Half::Tuning } else { Half::Reporting }
}

/// Thresholds that tuning tries, the strictest first. Failures of programs and numbers have nothing to tune.
pub const TRIES: &[(AlarmKind, &[f32])] = &[
    (AlarmKind::ProxyUpTrueDown, &[0.3, 0.2, 0.15, 0.1, 0.05, 0.02]),
    (AlarmKind::EntropyCollapse, &[0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]),
    (AlarmKind::DeadGroups, &[0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5]),
    (AlarmKind::KlBlowUp, &[10.0, 7.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.5]),
    (AlarmKind::KlOfSample, &[200.0, 100.0, 70.0, 50.0, 40.0, 30.0, 20.0, 10.0, 5.0]),
    (AlarmKind::LengthCollapse, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8]),
    (AlarmKind::LengthExplosion, &[4.0, 3.0, 2.5, 2.0, 1.7, 1.5, 1.3, 1.2, 1.1]),
    (AlarmKind::CutOff, &[0.8, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05]),
    (AlarmKind::RewardDrift, &[15.0, 10.0, 8.0, 5.0, 4.0, 3.0, 2.0]),
    (AlarmKind::RewardSaturated, &[0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]),
    (AlarmKind::RewardJump, &[10.0, 8.0, 5.0, 4.0, 3.0, 2.0, 1.0]),
    (AlarmKind::PartsDisagree, &[3.0, 2.0, 1.5, 1.0, 0.7, 0.5, 0.3, 0.2]),
    (AlarmKind::OftenClipped, &[0.4, 0.2, 0.1, 0.05, 0.02, 0.01]),
    (AlarmKind::GradientSpike, &[20.0, 10.0, 7.0, 5.0, 4.0, 3.0, 2.0]),
];

/// A threshold is set so that it rings for nothing in no more of the tuning half.
pub const MOST_FALSE: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_of_an_experiment_are_on_one_side() {
        let ids = ["co-reward", "co-reward-same-words", "co-rewarding", "toolrl", "toolrl-schedules"].map(String::from);
        assert_eq!(half("co-reward", &ids), half("co-reward-same-words", &ids));
        assert_eq!(half("toolrl", &ids), half("toolrl-schedules", &ids));
    }

    #[test]
    fn each_half_has_a_third_of_the_shipped_experiments_at_least() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|x| x == "toml"));
        let ids: Vec<String> = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        let tuning = ids.iter().filter(|id| half(id, &ids) == Half::Tuning).count();
        assert!(3 * tuning >= ids.len() && 3 * (ids.len() - tuning) >= ids.len(), "{tuning} of {}", ids.len());
    }
}
