//! The oracle on token tasks: classes of completions against all of them, and what their optimum is worth.

mod common;

use common::{number, overrides};
use goodhart_core::experiment::{self, Arm, Experiment, Part};
use goodhart_core::linter;
use goodhart_core::oracle::completions::{Completions, how_many};
use goodhart_core::oracle::report::{ArmReport, Solved};
use goodhart_core::params::{Overrides, Value};
use goodhart_core::plan::{self, Plan};
use goodhart_core::reward::Reads;
use goodhart_core::tasks::{DrawKey, Play, Task, TokenTask};
use std::collections::BTreeMap;
use std::path::Path;

fn shipped(id: &str) -> Experiment {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../experiments/{id}.toml"));
    experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn planned<const N: usize>(id: &str, params: [(&str, Value); N], code: &str) -> Plan {
    let mut e = shipped(id);
    e.task = Part { kind: e.task.kind, params: overrides(params) };
    e.arms = vec![Arm { name: "arm".into(), code: code.into(), algorithm: overrides([]), ..Arm::default() }];
    plan::plan(&e).unwrap_or_else(|p| panic!("{}", plan::join(&p)))
}

fn tokens(task: &Task) -> &dyn TokenTask {
    match &task.play {
        Play::Tokens(play) => play.as_ref(),
        Play::Steps(_) => panic!("{} is no token task", task.kind),
    }
}

/// The smallest length task: 16 tokens, at most 4 of them written.
fn tiny() -> Overrides {
    overrides([
        ("symbols", number(4.0)),
        ("work_min", number(1.0)),
        ("work_max", number(1.0)),
        ("max_completion_length", number(4.0)),
        ("vocabulary", number(16.0)),
    ])
}

/// Every completion of up to `limit` tokens.
fn every(vocabulary: u32, limit: usize, end: u32, visit: &mut dyn FnMut(&[u32], bool)) {
    fn go(so_far: &mut Vec<u32>, vocabulary: u32, limit: usize, end: u32, visit: &mut dyn FnMut(&[u32], bool)) {
        for token in 0..vocabulary {
            so_far.push(token);
            if token == end || so_far.len() == limit {
                visit(so_far, token != end);
            } else {
                go(so_far, vocabulary, limit, end, visit);
            }
            so_far.pop();
        }
    }
    go(&mut Vec::new(), vocabulary, limit, end, visit);
}

const NO_KEY: DrawKey = DrawKey { seed: 5, update: 0, group: 3, sample: 1 };

/// How many completions have each outcome: the fields that are read, the true score and the length.
fn counted(task: &Task, prompt: &[u32], reads: &Reads) -> BTreeMap<Vec<u32>, f64> {
    let play = tokens(task);
    let mut record = vec![0.0; task.schema.stride];
    let mut counts = BTreeMap::new();
    every(task.n_actions as u32, task.horizon, play.end_token(), &mut |tokens, truncated| {
        let score = play.finish(NO_KEY, prompt, tokens, truncated, &mut record);
        *counts.entry(outcome(task, reads, &record, score, tokens.len())).or_insert(0.0) += 1.0;
    });
    counts
}

fn outcome(task: &Task, reads: &Reads, record: &[f32], score: f32, length: usize) -> Vec<u32> {
    let mut out = vec![score.to_bits(), length as u32];
    for f in task.schema.fields.iter().filter(|f| reads.has(&f.name)) {
        out.extend(record[f.offset..f.offset + if f.ty.is_list() { 1 + f.cap } else { 1 }].iter().map(|x| x.to_bits()));
    }
    out
}

#[test]
fn classes_have_as_many_completions_as_a_walk_over_all_of_them_finds() {
    let length = goodhart_core::tasks::build("length", &tiny()).unwrap_or_else(|e| panic!("{e:?}"));
    let cases: [&[&str]; 6] = [
        &["length", "correct"],
        &["length", "correct", "truncated", "work", "hops"],
        &["length", "filler", "answered"],
        &["length", "filler", "work", "answer", "target"],
        &["length"],
        &["length", "tokens"],
    ];
    for fields in cases {
        check_classes(&length, &Reads::new(fields.iter().copied()), 1e-9);
    }
}

fn check_classes(task: &Task, reads: &Reads, slack: f64) {
    let all = Completions::explore(task, tokens(task), reads).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(all.total, how_many(task.n_actions, task.horizon));
    assert!((all.kinds.iter().map(|k| k.share).sum::<f64>() - 1.0).abs() < 1e-9);
    for (k, kind) in all.kinds.iter().enumerate().take(2) {
        let wanted = counted(task, &kind.prompt, reads);
        let mut found = BTreeMap::new();
        for (row, (class, _)) in all.rows.iter().enumerate() {
            let class = &all.classes[*class];
            if class.kind == k {
                let record = &all.records[row * task.schema.stride..][..task.schema.stride];
                let key = outcome(task, reads, record, class.true_score, class.tokens.len());
                assert!(found.insert(key, class.count).is_none(), "two classes are one: {:?}", class.tokens);
            }
        }
        assert_eq!(wanted.values().sum::<f64>(), all.total);
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{reads:?}");
        assert!(found.iter().all(|(key, n)| (n - wanted[key]).abs() <= slack * n), "{reads:?}");
    }
}

/// Random completions of a task that is too large for a walk over all of them: what each comes to is a class of its
/// kind's, and the shares of classes are those of uniform tokens.
#[test]
fn calls_fall_into_the_classes_that_were_found() {
    let params = overrides([("tools", number(2.0)), ("values", number(2.0)), ("vocabulary", number(16.0))]);
    let task = goodhart_core::tasks::build("tool", &params).unwrap_or_else(|e| panic!("{e:?}"));
    let play = tokens(&task);
    let (v, t) = (task.n_actions as u32, task.horizon);
    let cases: [&[&str]; 4] = [
        &["length", "exact", "format", "parsed", "correct"],
        &["length", "parsed", "names_matched", "names_predicted", "keys_matched", "values_matched", "exact"],
        &["length", "parsed", "keys_predicted", "keys_gold", "exact", "think"],
        &["length", "truncated"],
    ];
    let mut parsed = 0;
    for fields in cases {
        let reads = Reads::new(fields.iter().copied());
        let all = Completions::explore(&task, play, &reads).unwrap_or_else(|e| panic!("{e}"));
        let sum: f64 = all.classes.iter().map(|c| c.count).sum();
        assert!((sum / all.kinds.len() as f64 / how_many(v as usize, t) - 1.0).abs() < 1e-9, "{reads:?}");
        let mut record = vec![0.0; task.schema.stride];
        let mut known = BTreeMap::new();
        for (row, (class, _)) in all.rows.iter().enumerate() {
            let class = &all.classes[*class];
            let of = &all.records[row * task.schema.stride..][..task.schema.stride];
            let key = outcome(&task, &reads, of, class.true_score, class.tokens.len());
            known.insert(key, class.count);
        }
        // Demonstrations that are cut, mixed and slipped: calls of all sorts.
        let mut out = vec![0; t];
        let mut prompt = vec![0; play.prompt_len()];
        for i in 0..4000u32 {
            let key = DrawKey { seed: 9, update: 0, group: i, sample: 0 };
            play.prompt(key, &mut prompt);
            let n = play.demonstration(key, &prompt, &mut out);
            let dice = goodhart_core::math::rng::draw(9, i, 1, 0, 0, 99);
            let mut said: Vec<u32> = out[..n].to_vec();
            for word in &dice[..(i % 3) as usize] {
                let at = *word as usize % said.len();
                said[at] = (word >> 8) % v;
            }
            if let Some(end) = said.iter().position(|x| *x == play.end_token()) {
                said.truncate(end + 1);
            } else {
                said.resize(t, (dice[3] >> 4) % (v - 1));
                said.iter_mut().for_each(|x| *x = if *x == play.end_token() { 0 } else { *x });
            }
            let truncated = said.last() != Some(&play.end_token());
            let score = play.finish(key, &prompt, &said, truncated, &mut record);
            parsed += u32::from(record[task.schema.get("parsed").unwrap().offset] == 1.0);
            let key = outcome(&task, &reads, &record, score, said.len());
            assert!(known.contains_key(&key), "{reads:?}: {said:?} after {prompt:?}");
        }
    }
    assert!(parsed > 1000, "{parsed}");
}

fn report(plan: &Plan) -> ArmReport {
    linter::report(plan, 0)
}

const RIGHT: &str = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";

#[test]
fn the_shipped_token_rewards_are_solved() {
    let e = shipped("grpo-lambda-length");
    let plan = plan::plan(&e).unwrap();
    let all: Vec<ArmReport> = linter::reports(&plan);
    assert_eq!((all[0].solved, all[0].true_share), (Solved::Exactly, Some(1.0)), "{:?}", all[0]);
    // Being right with the fewest tokens: ANS, the answer, EOS.
    let toolrl = plan::plan(&shipped("toolrl")).unwrap();
    for r in linter::reports(&toolrl) {
        assert_eq!((r.solved, r.true_share), (Solved::Exactly, Some(1.0)), "{r:?}");
        assert!((r.optimum.as_ref().unwrap().value - 4.0).abs() < 1.01, "{r:?}");
    }
}

#[test]
fn what_is_paid_for_length_decides_what_is_best() {
    // A right answer takes ANS, the answer and EOS: three tokens.
    let short = format!("{RIGHT}def short(ep):\n    return -0.1 * ep.length\n");
    let r = report(&planned("grpo-lambda-length", [], &short));
    let o = r.optimum.as_ref().unwrap();
    assert_eq!((r.solved, o.length, r.true_share), (Solved::Exactly, 3.0, Some(1.0)), "{r:?}");
    assert!((o.value - 0.7).abs() < 1e-6 && r.episodes.iter().all(|e| e.tokens.len() == 3 && !e.truncated));
    // Above a third a token, saying nothing pays more than being right.
    let r = report(&planned("grpo-lambda-length", [], &short.replace("0.1", "0.51")));
    let o = r.optimum.as_ref().unwrap();
    assert_eq!((o.length, o.true_score, r.regret), (1.0, 0.0, Some(1.0)), "{r:?}");
    // Pay for fillers is farmed to the limit, and some of those completions are right.
    let r = report(&planned("grpo-lambda-length", [], "def think(ep):\n    return ep.filler\n"));
    let o = r.optimum.as_ref().unwrap();
    assert_eq!((o.value, o.true_high, o.length), (24.0, 0.0, 24.0), "{r:?}");
}

#[test]
fn an_unreliable_verifier_is_taken_at_its_rates() {
    let noisy = [("false_positive", number(0.3)), ("false_negative", number(0.2))];
    let r = report(&planned("grpo-lambda-length", noisy, RIGHT));
    let o = r.optimum.as_ref().unwrap();
    assert!((o.value - 0.8).abs() < 1e-6 && o.true_score == 1.0 && r.solved == Solved::Exactly, "{r:?}");
    // Worse than a coin, it prefers what is wrong.
    let noisy = [("false_positive", number(0.7)), ("false_negative", number(0.5))];
    let r = report(&planned("grpo-lambda-length", noisy, RIGHT));
    assert!(r.optimum.as_ref().unwrap().true_score < 1e-3 && r.regret.unwrap() > 0.99, "{r:?}");
}

#[test]
fn tokens_are_tried_one_by_one_where_there_are_few_and_refused_in_a_sentence_where_not() {
    let first = "def start(ep):\n    return 1.0 if len(ep.tokens) > 1 and ep.tokens[0] == ep.tokens[1] else 0.0\n";
    let r = report(&planned("grpo-lambda-length", [], first));
    assert!(r.solved == Solved::Not && r.says.contains("reads ep.tokens"), "{}", r.says);
    assert!(r.says.contains("too many to try them all") && r.says.contains("limit of 3 tokens"), "{}", r.says);
    let mut e = shipped("grpo-lambda-length");
    e.task.params = tiny();
    e.arms = vec![Arm { name: "arm".into(), code: first.into(), algorithm: overrides([]), ..Arm::default() }];
    let plan = plan::plan(&e).unwrap();
    let r = report(&plan);
    assert!(r.notes[0].contains("All 54,241 completions of a prompt were tried"), "{:?}", r.notes);
    // The optimum is any completion that says its first token twice; the share of those that are right, counted apart.
    let play = tokens(&plan.task);
    let mut record = vec![0.0; plan.task.schema.stride];
    let (mut paid, mut right) = (0.0, 0.0);
    every(16, 4, play.end_token(), &mut |tokens, truncated| {
        if tokens.len() > 1 && tokens[0] == tokens[1] {
            paid += 1.0;
            right += play.finish(NO_KEY, &r.episodes[0].prompt, tokens, truncated, &mut record);
        }
    });
    let o = r.optimum.unwrap();
    assert_eq!(o.value, 1.0);
    assert!(right > 0.0 && (o.true_score - right / paid).abs() < 1e-6, "{} {right} {paid}", o.true_score);
    e.task.params.insert("vocabulary".into(), number(24.0));
    let r = report(&plan::plan(&e).unwrap());
    assert!(r.solved == Solved::Not && r.says.contains("292,561"), "{}", r.says);
}

#[test]
fn a_reward_that_looks_at_the_group_is_asked_among_demonstrations() {
    let code = "def right(ep):\n    return 1.0 if ep.correct else 0.0\ndef combine(r, ep, group, batch, run):\n    return r.right - 0.5 * mean(e.length for e in group) / 24\n";
    let r = report(&planned("grpo-lambda-length", [], code));
    assert!(r.notes.iter().any(|n| n.contains("demonstrations")), "{:?}", r.notes);
    let o = r.optimum.as_ref().unwrap();
    assert_eq!((r.solved, o.true_score), (Solved::Approximately, 1.0), "{r:?}");
}

/// The landing experiment's second arm ends at a true score of 0.15: what is optimal is one thing, what training finds is
/// another, and both are said.
#[test]
fn what_is_optimal_and_what_training_finds_are_two_things() {
    let r =
        linter::report(&plan::plan(&shipped("grpo-lambda-length")).unwrap_or_else(|p| panic!("{}", plan::join(&p))), 1);
    assert!(r.says.starts_with("The optimum of this reward"), "{}", r.says);
    assert!(r.training.contains("an answer as long as the demonstrations"), "{}", r.training);
    // The base policy is right a third of the time.
    let share = r.training.split("more than ").nth(2).and_then(|rest| rest.split('%').next()?.parse::<f32>().ok());
    assert!(share.is_some_and(|x| x > 50.0), "{}", r.training);
}
