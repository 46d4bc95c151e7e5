//! `goodhart alarms` on logs and on experiments, and what `goodhart check` says of alarms.

mod common;

use common::{assert_refused, folder, goodhart};
use std::fmt::Write;
use std::path::Path;

fn written(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().into()
}

/// KL of a run by logging step, one row in ten steps.
fn kl(row: usize) -> f32 {
    if row < 20 { 0.1 } else { 12.0 }
}

#[test]
fn a_csv_log_rings_what_it_shows_and_says_what_it_lacks() {
    let folder = folder("alarms_csv");
    let mut text = String::from("step,my reward,train/kl,completions/mean_length\n");
    for row in 0..40 {
        let _ = writeln!(text, "{},0.5,{},3", 10 * row, kl(row));
    }
    let log = written(&folder, "log.csv", &text);
    let said = goodhart(&["alarms", &log, "--column", "reward=my reward"], "");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("40 rows, steps 0 to 390\n"), "{}", said.out);
    assert!(
        said.out.contains("KL blow-up rings at step 2") && said.out.contains("rings for nothing in"),
        "{}",
        said.out
    );
    assert!(said.out.contains("Entropy collapse (needs entropy)"), "{}", said.out);
    assert!(said.out.contains("Reward drift (needs reward_std)"), "the reward is there: {}", said.out);
    // A playground's rule is no rule for a log.
    assert!(!said.out.contains("Proxy up"), "{}", said.out);
    let unmapped = goodhart(&["alarms", &log], "");
    assert!(unmapped.out.contains("Reward drift (needs reward, reward_std)"), "{}", unmapped.out);
}

#[test]
fn a_trainer_state_is_a_log() {
    let folder = folder("alarms_state");
    let entry =
        |row: usize| format!("{{\"step\": {}, \"loss\": 0.1, \"grad_norm\": 1.0, \"kl\": {}}}", 10 * row, kl(row));
    let entries: Vec<String> = (0..40).map(entry).chain(["{\"train_runtime\": 5.0}".into()]).collect();
    let state = format!("{{\"global_step\": 400, \"log_history\": [{}]}}", entries.join(","));
    let said = goodhart(&["alarms", &written(&folder, "trainer_state.json", &state)], "");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("40 rows") && said.out.contains("KL blow-up rings at step 2"), "{}", said.out);
}

#[test]
fn what_goodhart_run_writes_is_a_log() {
    let folder = folder("alarms_own");
    let experiment = written(&folder, "bandit.toml", &bandit(""));
    let out = folder.join("out");
    let ran = goodhart(&["run", &experiment, "--engine", "cpu", "--out", out.to_str().unwrap()], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let said = goodhart(&["alarms", out.join("metrics.jsonl").to_str().unwrap()], "");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("verifier: 30 rows") && said.out.contains("nothing: 30 rows"), "{}", said.out);
    assert!(said.out.contains("Dead groups rings at step 10"), "{}", said.out);
}

#[test]
fn what_is_no_log_is_refused_in_one_line() {
    let folder = folder("alarms_refused");
    let log = written(&folder, "log.csv", "a,b\n1,2\n");
    for (args, part) in [
        (vec!["alarms", "nowhere.csv"], "cannot be read"),
        (vec!["alarms", &log], "no rule knows any of its columns (a, b)"),
        (vec!["alarms", &log, "--column", "kl=c"], "it has no column \"c\" to be kl"),
        (vec!["alarms", &log, "--column", "kll=a"], "did you mean \"kl\"?"),
        (vec!["alarms", &log, "--write"], "this is a log"),
        (vec!["alarms", &log, &log], "one log"),
        (vec!["alarms", "experiments", "--column", "kl=a"], "about a log's columns"),
        (vec!["alarms", "experiments/par.toml", "--seeds", "5"], "multiple of 4"),
        (vec!["alarms", "experiments/par.toml", "--write"], "the one folder of experiments"),
    ] {
        assert_refused(&goodhart(&args, ""), part);
    }
}

/// Two arms, the second of which is paid for nothing, and what is said of it.
fn bandit(said: &str) -> String {
    format!(
        "version = 1\ntitle = \"A small bandit\"\n[task]\nkind = \"bandit\"\narms = 8\n[policy]\nkind = \"table\"\n\
         [run]\nupdates = 30\nseeds = 2\ngroups = 4\nnum_generations = 8\n[algorithm]\nlearning_rate = 0.1\n\
         [[arms]]\nname = \"verifier\"\ncode = \"\"\"\ndef correct(ep):\n    return 1.0 if ep.correct else 0.0\n\"\"\"\n\
         [[arms]]\nname = \"nothing\"\n{said}\ncode = \"\"\"\ndef nothing(ep):\n    return 0.0\n\"\"\"\n\
         [[claims]]\nsays = \"Nothing is paid.\"\nmetric = \"proxy_reward\"\nstatistic = \"final\"\narm = \"nothing\"\n\
         comparison = \"<=\"\nthreshold = 0.5\n"
    )
}

#[test]
fn experiments_are_measured_together() {
    let folder = folder("alarms_experiments");
    written(&folder, "bandit.toml", &bandit(""));
    let said = goodhart(&["alarms", folder.to_str().unwrap(), "--seeds", "4"], "");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("Tuning half: ") && said.out.contains("dead_groups"), "{}", said.out);
}

#[test]
fn what_an_experiment_says_of_its_alarms_is_checked() {
    let folder = folder("alarms_check");
    let check = |said: &str| goodhart(&["check", &written(&folder, "bandit.toml", &bandit(said))], "");
    let holds = check("rings = [\"dead_groups\"]\nsilent = [\"cut_off\"]");
    assert_eq!(holds.code, 0, "{}{}", holds.out, holds.err);
    assert!(holds.out.contains("holds: dead_groups rings in nothing (rang at update 10)"), "{}", holds.out);
    assert!(holds.out.contains("holds: cut_off is silent in nothing (rang never)"), "{}", holds.out);
    let fails = check("silent = [\"dead_groups\"]");
    assert_eq!(fails.code, 1);
    assert!(fails.out.contains("FAIL: contradicted: dead_groups is silent in nothing"), "{}", fails.out);
    assert_refused(
        &check("rings = [\"dead_group\"]"),
        "there is no alarm \"dead_group\"; did you mean \"dead_groups\"?",
    );
    assert_refused(&check("rings = [\"cut_off\"]\nsilent = [\"cut_off\"]"), "that it rings and that it is silent");
}
