//! `goodhart run`, `check`, `link` and `show` on a small experiment.

mod common;

use common::{assert_refused, folder, goodhart};
use serde_json::Value;

const BANDIT: &str = r#"# A small bandit
version = 1
title = "A small bandit"
charts = ["true_score"]

[task]
kind = "bandit"
arms = 8

[policy]
kind = "table"

[run]
updates = 30
seeds = 3
groups = 4
num_generations = 8

[algorithm]
learning_rate = 0.1

[[arms]]
name = "verifier"
code = """
def correct(ep):
    return 1.0 if ep.correct else 0.0
"""

[[arms]]
name = "nothing"
code = """
def nothing(ep):
    return 0.0
"""
"#;

const CLAIMS: &str = r#"
[[claims]]
says = "Being paid for nothing teaches nothing." # measured, not assumed
metric = "rewards/nothing/mean"
statistic = "final"
arm = "nothing"
comparison = "<="
threshold = 0.5

[[claims]]
says = "Being paid for nothing earns something."
metric = "proxy_reward"
statistic = "final"
arm = "nothing"
comparison = ">="
threshold = 0.5
"#;

/// The experiment in a file of that folder.
fn written(folder: &std::path::Path, text: &str) -> String {
    let file = folder.join("experiment.toml");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_string()
}

fn digest(out: &str) -> &str {
    out.lines().find_map(|line| line.strip_prefix("digest ")).unwrap()
}

#[test]
fn a_run_writes_one_object_for_each_arm_seed_and_update() {
    let folder = folder("run");
    let file = written(&folder, BANDIT);
    let out = folder.join("out");
    let args = ["run", &file, "--engine", "cpu", "--updates", "5", "--seeds", "2", "--out", out.to_str().unwrap()];
    let said = goodhart(&args, "");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("arm ") && said.out.contains("verifier"), "{}", said.out);

    let rows: Vec<Value> = std::fs::read_to_string(out.join("metrics.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 5 * 2 * 2);
    let places: Vec<_> = rows.iter().map(|r| (r["step"].as_u64(), r["seed"].as_u64(), r["arm"].as_str())).collect();
    assert_eq!(places[0], (Some(0), Some(0), Some("verifier")));
    assert_eq!(places[19], (Some(4), Some(1), Some("nothing")));
    for row in &rows {
        for name in ["true_score", "proxy_reward", "frac_reward_zero_std", "completions/mean_length"] {
            assert!(row[name].is_number(), "{name} in {row}");
        }
        assert_eq!(row["rewards/correct/mean"].is_number(), row["arm"] == "verifier");
    }

    let summary: Value = serde_json::from_slice(&std::fs::read(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["verdict"][0]["arm"], "verifier");
    assert_eq!(summary["digest"], digest(&said.out));
    let files: Vec<_> = std::fs::read_dir(&out).unwrap().collect();
    assert_eq!(files.len(), 2, "nothing half-written stays");
}

#[test]
fn the_numbers_do_not_depend_on_the_threads() {
    let file = written(&folder("threads"), BANDIT);
    let on = |threads: &str| {
        let said = goodhart(&["run", &file, "--engine", "cpu", "--threads", threads], "");
        assert_eq!(said.code, 0, "{}", said.err);
        digest(&said.out).to_string()
    };
    assert_eq!(on("1"), on("3"));
}

#[test]
fn what_cannot_be_run_is_refused_in_one_line_and_writes_nothing() {
    let folder = folder("refused");
    let out = folder.join("out");
    let broken = BANDIT.replace("ep.correct", "ep.corect");
    let said = goodhart(&["run", &written(&folder, &broken), "--out", out.to_str().unwrap()], "");
    assert_refused(&said, "corect");
    assert_refused(&said, "did you mean `correct`?");
    assert!(!out.join("metrics.jsonl").exists());
    assert_refused(&goodhart(&["run", &written(&folder, "version = 1\ntitle = ")], ""), "experiment.toml");
    assert_refused(&goodhart(&["run", &written(&folder, &BANDIT.replace("version = 1", "version = 99"))], ""), "99");
    assert_refused(&goodhart(&["run", "no-such-file.toml"], ""), "no-such-file.toml");
    assert_refused(&goodhart(&["run", "cli"], ""), "is a folder");
    let odd = BANDIT.replace("learning_rate = 0.1", "learning_rate = { a = 1 }");
    assert_refused(&goodhart(&["run", &written(&folder, &odd)], ""), "a number, true or false, text or a list");
    // A file is in the way of the results; that is said before anything is trained.
    let (good, taken) = (written(&folder, BANDIT), folder.join("experiment.toml"));
    let said = goodhart(&["run", &good, "--updates", "100000", "--out", taken.to_str().unwrap()], "");
    assert_refused(&said, "experiment.toml cannot be made");
    assert_refused(&goodhart(&["run", "#g1.damaged"], ""), "damaged");
    assert_refused(&goodhart(&["run", &written(&folder, BANDIT), "--updates", "0"], ""), "updates");
}

#[test]
fn a_check_fails_with_its_worst_claim_and_records_what_it_measured() {
    let folder = folder("check");
    let file = written(&folder, &format!("{BANDIT}{CLAIMS}"));
    let said = goodhart(&["check", "--engine", "cpu", "--write", &file], "");
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.contains("holds") && said.out.contains("FAIL: contradicted"), "{}", said.out);
    let together =
        "1 of 2 claims hold, 1 of them also after Holm's correction for 2 claims; by chance alone 0.05 would hold";
    assert!(said.out.contains(together), "{}", said.out);
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.starts_with("# A small bandit\n") && after.contains("# measured, not assumed"));
    assert_eq!(after.matches("measured = { value = 0.0, half_width = 0.0, seeds = 3, date = ").count(), 2, "{after}");

    let good = CLAIMS.split("[[claims]]").nth(1).unwrap();
    let file = written(&folder, &format!("{BANDIT}\n[[claims]]{good}"));
    assert_eq!(goodhart(&["check", "--engine", "cpu", &file], "").code, 0);
    let said = goodhart(&["check", "--seeds", "1", &file], "");
    assert_eq!(said.code, 1, "no claim holds with one seed");
    assert!(said.out.contains("FAIL: undecided: one seed has no interval"), "{}", said.out);
    for expected in ["refuted = true", "undecided = true"] {
        let file = written(&folder, &format!("{BANDIT}\n[[claims]]{good}{expected}\n"));
        let said = goodhart(&["check", &file], "");
        assert!(said.code == 1 && said.out.contains("FAIL: holds, though the file says"), "{}", said.out);
    }
    let other = CLAIMS.split("[[claims]]").nth(2).unwrap();
    let file = written(&folder, &format!("{BANDIT}\n[[claims]]{other}refuted = true\n"));
    let said = goodhart(&["check", &file], "");
    assert!(said.code == 0 && said.out.contains("contradicted, as the file says"), "{}", said.out);
    let both = format!("{BANDIT}\n[[claims]]{other}refuted = true\nundecided = true\n");
    assert_refused(&goodhart(&["check", &written(&folder, &both)], ""), "both refuted and undecided");
    assert_refused(&goodhart(&["check", &written(&folder, BANDIT)], ""), "no claims");
    let unknown = format!("{BANDIT}\n[[claims]]{}", good.replace("rewards/nothing/mean", "luck"));
    assert_refused(&goodhart(&["check", &written(&folder, &unknown)], ""), "luck");
}

#[test]
fn a_folder_is_checked_together_and_recorded() {
    let parent = folder("gallery");
    let folder = parent.join("experiments");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(parent.join("docs")).unwrap();
    let good = CLAIMS.split("[[claims]]").nth(1).unwrap();
    for (id, title) in [("one", "The first"), ("two", "The second")] {
        let text = format!("{BANDIT}\n[[claims]]{good}").replace("A small bandit", title);
        let text = text.replace("version = 1", &format!("version = 1\nid = \"{id}\""));
        std::fs::write(folder.join(format!("{id}.toml")), text).unwrap();
    }
    let path = folder.to_str().unwrap();
    let said = goodhart(&["check", path], "");
    assert_eq!(said.code, 0, "{}", said.err);
    let recorded: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("outcomes.json")).unwrap()).unwrap();
    let curve = recorded["two"]["arms"][1]["curve"].as_array().unwrap();
    assert_eq!((curve.len(), recorded["one"]["digest"] == recorded["two"]["digest"]), (24, true));
    let page = std::fs::read_to_string(parent.join("docs/results.md")).unwrap();
    assert!(page.contains("[The second](#the-second)") && page.contains("| holds |"), "{page}");
    assert!(page.contains("| not measured on held-out seeds | |"), "{page}");
    // The second time the digests are known; a shortened check leaves the records alone.
    let said = goodhart(&["check", path, "--seeds", "2"], "");
    assert_eq!(said.code, 0, "{}", said.err);
    let said = goodhart(&["check", path], "");
    assert!(said.out.matches(", as on ").count() == 2, "{}", said.out);
    // A metric that the record does not know changes nothing; one with other numbers is named.
    let mut older = recorded;
    for (id, column) in [("one", None), ("two", Some("1234abcd"))] {
        older[id]["digest"] = "0".into();
        let columns = older[id]["columns"].as_object_mut().unwrap();
        match column {
            None => _ = columns.remove("entropy").unwrap(),
            Some(other) => columns["entropy"] = other.into(),
        }
    }
    std::fs::write(folder.join("outcomes.json"), older.to_string()).unwrap();
    let said = goodhart(&["check", path], "");
    assert!(said.out.contains(" are the same, others came or went\n"), "{}", said.out);
    assert!(said.out.contains(" are the same, changed are entropy\n"), "{}", said.out);
    assert_refused(&goodhart(&["check", parent.join("docs").to_str().unwrap()], ""), "no experiments");
}

#[test]
fn held_out_seeds_are_recorded_beside_the_tuned_ones() {
    let parent = folder("held-out");
    let folder = parent.join("experiments");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(parent.join("docs")).unwrap();
    let learns = "\n[[claims]]\nsays = \"It learns.\"\nmetric = \"true_score\"\nstatistic = \"change\"\narm = \"verifier\"\ncomparison = \">=\"\nthreshold = 0.05\n";
    let text = format!("{BANDIT}{learns}").replace("version = 1", "version = 1\nid = \"one\"");
    let file = folder.join("one.toml");
    std::fs::write(&file, &text).unwrap();
    let path = folder.to_str().unwrap();
    let read = |name: &str| std::fs::read_to_string(parent.join(name)).unwrap();
    let record = || serde_json::from_str::<Value>(&read("experiments/outcomes.json")).unwrap()["one"].take();
    let held_out = ["check", path, "--seeds-from", "1000"];
    assert_refused(&goodhart(&held_out, ""), "check it without --seeds-from first");
    assert_eq!(goodhart(&["check", path], "").code, 0);
    let tuned = record();
    assert!(tuned["held_out"].is_null() && tuned["claims"][0]["held_out"].is_null());

    // Seeds of neither kind are tried and not recorded.
    assert_eq!(goodhart(&["check", path, "--seeds-from", "7"], "").code, 0);
    assert_eq!(record(), tuned);
    assert_refused(&goodhart(&["check", path, "--seeds-from", "7", "--write"], ""), "at least 1000");

    let said = goodhart(&held_out, "");
    assert!(
        said.code == 0 && said.out.contains("(3 seeds, each with a task of its own; from seed 1000, held out;"),
        "{} {}",
        said.out,
        said.err
    );
    let both = record();
    assert_eq!(
        (both["digest"].as_str(), both["claims"][0]["value"].as_f64()),
        (tuned["digest"].as_str(), tuned["claims"][0]["value"].as_f64())
    );
    assert_eq!((both["held_out"]["first_seed"].as_u64(), both["held_out"]["seeds"].as_u64()), (Some(1000), Some(3)));
    assert_ne!(both["held_out"]["digest"], both["digest"], "other seeds, other numbers");
    assert_eq!(both["claims"][0]["held_out"]["outcome"], "holds");
    assert!(read("docs/results.md").contains("1 of 1 hold (3 seeds from 1000)"), "{}", read("docs/results.md"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "the file has the tuned numbers only");
    assert!(goodhart(&held_out, "").out.contains(", as on "), "the digest of the held-out seeds is known");

    // The same numbers keep what was held out; a threshold that was moved does not.
    assert_eq!(goodhart(&["check", path], "").code, 0);
    assert_eq!(record(), both);
    std::fs::write(&file, text.replace("threshold = 0.05", "threshold = 0.04")).unwrap();
    assert_eq!(goodhart(&["check", path], "").code, 0);
    assert!(record()["held_out"].is_null() && record()["claims"][0]["held_out"].is_null());
}

#[test]
fn power_says_how_many_seeds_a_difference_needs() {
    let file = written(&folder("power"), BANDIT);
    let power = |args: &[&str]| goodhart(&[&["power", &file, "--engine", "cpu"], args].concat(), "");
    let row = |args: &[&str]| -> Vec<String> {
        let said = power(args);
        assert_eq!(said.code, 0, "{}", said.err);
        let line = said.out.lines().find(|line| line.ends_with("nothing - verifier")).unwrap();
        line.split_whitespace().map(String::from).collect()
    };
    let seeds = |args: &[&str]| -> [u32; 2] { [0, 1].map(|i| row(args)[i].parse().unwrap()) };
    let ([small, small_careful], [large, _]) = (seeds(&["--difference", "0.02"]), seeds(&["--difference", "0.2"]));
    assert!(small > large && small_careful > small, "{small} {small_careful} {large}");
    assert!(power(&[]).out.contains("too large or too small by chance"));
    assert!(power(&["--seeds", "4"]).out.contains("what the 4 seeds of this run find"));
    assert_refused(&power(&["--difference", "0"]), "above 0");
    assert_refused(&power(&["--seeds", "2"]), "fewer than 3 seeds");
    assert_refused(&power(&["--metric", "luck"]), "luck");
}

#[test]
fn a_link_shows_the_same_experiment_and_runs_the_same() {
    let folder = folder("link");
    let file = written(&folder, BANDIT);
    let link = goodhart(&["link", &file], "").out;
    let shown = goodhart(&["show", link.trim()], "");
    assert_eq!(shown.code, 0, "{}", shown.err);
    let again = written(&folder, &shown.out);
    assert_eq!(goodhart(&["link", &again], "").out, link);
    let address = format!("https://example.org/play/{}", link.trim());
    let args = |source| ["run", source, "--engine", "cpu", "--updates", "4"];
    let (one, other) = (goodhart(&args(&address), ""), goodhart(&args(&again), ""));
    assert_eq!(digest(&one.out), digest(&other.out));
}

#[test]
fn lint_points_at_what_is_wrong() {
    let folder = folder("lint");
    let program = folder.join("p.py");
    std::fs::write(&program, "def pay(ep):\n    return ep.proxi\n").unwrap();
    let path = program.to_str().unwrap();
    let said = goodhart(&["lint", "--program", path, "--task", "bandit"], "");
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("proxi") && said.err.contains("proxy") && said.err.contains("p.py:2:"), "{}", said.err);
    std::fs::write(&program, "def pay(ep):\n    return ep.proxy\n").unwrap();
    assert_eq!(goodhart(&["lint", "--program", path], "").code, 0);
    assert_refused(&goodhart(&["lint", "--program", path, "--task", "chess"], ""), "chess");
    assert_refused(&goodhart(&["lint"], ""), "required");
    assert_refused(&goodhart(&["lint", "--program", "none.py"], ""), "none.py");
}

#[test]
fn a_quick_bench_measures_every_stage() {
    let said = goodhart(&["bench", "--quick", "--json", "--engine", "cpu", "--only", "bandit"], "");
    assert_eq!(said.code, 0, "{}", said.err);
    let rows: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((rows[0]["bench"].as_str(), rows[0]["lanes"].as_u64()), (Some("bandit"), Some(64)));
    assert!(rows[0]["updates_per_s"].as_f64().unwrap() > 0.0 && rows[0]["steps_per_s"].as_f64().unwrap() > 0.0);
    for stage in ["rollout", "score", "combine", "advantage", "loss", "backward", "optimize", "measure"] {
        assert!(rows[0]["stages_ms"][stage].is_number(), "{stage}");
    }
    assert_refused(&goodhart(&["bench", "--only", "chess"], ""), "bandit");
}

/// The cliff is learned in a fraction of a second; a moment of training solves nothing.
#[test]
fn the_bench_says_after_how_many_steps_a_task_is_solved() {
    let said = goodhart(&["bench", "--solve", "--json", "--only", "cliff"], "");
    assert_eq!(said.code, 0, "{}", said.err);
    let rows: Value = serde_json::from_str(&said.out).unwrap();
    let solved = rows[0]["solved"].as_array().unwrap();
    assert_eq!((rows[0]["seeds"].as_u64(), solved.len()), (Some(4), 4), "{rows}");
    assert!(solved.iter().all(|seed| (20_000.0..150_000.0).contains(&seed["steps"].as_f64().unwrap())), "{rows}");
    let said = goodhart(&["bench", "--solve", "--quick", "--json", "--only", "cliff"], "");
    let rows: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(rows[0]["solved"].as_array().unwrap().len(), 0, "{rows}");
    assert_refused(&goodhart(&["bench", "--solve", "--only", "chess"], ""), "cartpole");
}

/// Pays for a coin that comes back, and for a potential.
const COIN: &str = r#"version = 1
title = "t"
task = { kind = "gridworld" }
policy = { kind = "table" }
algorithm = { estimator = "gae", gamma = 0.97 }

[[arms]]
name = "coin"
code = """
def goal(ep):
    return 1.0 if ep.goal else 0.0
def coin(ep, t):
    return 0.25 * ep.coins[t]
"""

[[arms]]
name = "goal"
code = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n"
"#;

#[test]
fn every_seed_has_a_task_of_its_own_to_solve() {
    let file = written(&folder("solve-seeds"), BANDIT);
    let of = |seed: &str| {
        let said = goodhart(&["solve", &file, "--json", "--seed", seed], "");
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        said.out
    };
    assert_eq!(of("0"), goodhart(&["solve", &file, "--json"], "").out);
    assert_ne!(of("0"), of("1"));
    let one = written(&folder("solve-one"), &BANDIT.replace("seeds = 3", "seeds = 3\ninstances = 1"));
    let of = |seed: &str| goodhart(&["solve", &one, "--seed", seed], "").out;
    assert_eq!(of("0"), of("1"));
}

#[test]
fn solve_and_lint_say_what_a_reward_is_worth_before_training() {
    let file = written(&folder("solve"), COIN);
    let said = goodhart(&["solve", &file], "");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.contains("coin: The optimum of this reward earns 0% of what you want."), "{}", said.out);
    let all: Value = serde_json::from_str(&goodhart(&["solve", &file, "--json"], "").out).unwrap();
    assert_eq!(all["arms"][0]["solved"], "exactly");
    let found: Vec<_> = all["arms"][0]["findings"].as_array().unwrap().iter().map(|f| f["check"].clone()).collect();
    assert!(found.contains(&"positive_cycle".into()) && found.contains(&"not_potential".into()), "{found:?}");
    assert_eq!(all["distances"]["names"][2], "true objective");
    let said = goodhart(&["lint", &file], "");
    assert_eq!(said.code, 0, "warnings are no errors");
    assert!(said.err.contains("warning: a loop of 2 steps pays 0.25") && said.err.contains("coin:3:5"), "{}", said.err);
}
