//! What reward models see before a run: answers of the base policy or of another writer, all or those that come to an
//! answer, and truncations of them.

use goodhart_core::engine::reward_models::FirstTraining;
use goodhart_core::experiment::Experiment;
use goodhart_core::plan::{self, Plan};
use goodhart_core::reward_models::Job;
use std::sync::Arc;

/// Two seeds of the judge task, whose texts a sequence encoder reads.
fn planned(settings: &str) -> Result<Arc<Plan>, String> {
    let text = format!(
        r#"{{"version": 1, "title": "t", "task": {{"kind": "judge", "depth": 3, "horizon": 12, "skill": 0.0}},
            "policy": {{"kind": "table"}}, "run": {{"updates": 2, "groups": 8, "num_generations": 16, "seeds": 2}},
            "reward_models": {{"encoder": "sequence", "inputs": "tokens", "objective": "classification", "count": 2,
                "pairs": 400, "normalize": false{settings}}},
            "arms": [{{"name": "a", "code": "def r(ep):\n    return ep.rm\n"}}]}}"#
    );
    let experiment: Experiment = serde_json::from_str(&text).unwrap();
    plan::plan(&experiment).map(Arc::new).map_err(|problems| plan::join(&problems))
}

fn first(settings: &str, seed: usize) -> Job {
    let plan = planned(settings).unwrap();
    FirstTraining::new(&plan, seed, None).unwrap().expect("the experiment learns reward models").job().clone()
}

/// The texts of a job's rows: each has its length first.
fn texts(job: &Job) -> Vec<Vec<u32>> {
    let rows = job.rows.chunks_exact(job.shape.width);
    rows.map(|row| row[1..=row[0] as usize].iter().map(|x| *x as u32).collect()).collect()
}

fn share_of_right(job: &Job) -> f32 {
    let targets = &job.models[0].examples.targets;
    targets.iter().sum::<f32>() / targets.len() as f32
}

// Three openers, four kinds of work, the answer, the end.
const ANSWER: u32 = 7;
const END: u32 = 8;

#[test]
fn a_skilled_writer_is_right_where_the_policy_in_training_is_not() {
    let (own, skilled) = (first("", 1), first(r#", "writer": "skill = 4, stop_prior = -2""#, 1));
    assert!(
        share_of_right(&own) < 0.1 && share_of_right(&skilled) > 0.7,
        "{} {}",
        share_of_right(&own),
        share_of_right(&skilled)
    );
    // It writes for the same instance of the task: the seed's own.
    let work = |job: &Job| texts(job).into_iter().find(|text| text.len() == 5 && text[4] == END).unwrap();
    let (here, there) = (work(&skilled), work(&first(r#", "writer": "skill = 4""#, 0)));
    assert_ne!(here, there, "another seed has other problems");
    assert_eq!(first(r#", "writer": " ""#, 1), own, "no settings are no other writer");
}

#[test]
fn answers_that_come_to_none_can_be_left_out() {
    let (all, answered) = (first("", 0), first(r#", "answered": true"#, 0));
    let has_answer = |text: &Vec<u32>| text.contains(&ANSWER);
    let kept: Vec<Vec<u32>> = texts(&all).into_iter().filter(has_answer).collect();
    assert!(kept.len() < texts(&all).len(), "bare openers are among them");
    assert_eq!(texts(&answered), kept);
    assert_eq!(answered.models[0].examples.len(), 400, "as many examples of fewer answers");
}

#[test]
fn truncations_are_rejected_by_the_models_that_see_them() {
    let whole = first(r#", "answered": true"#, 0);
    let settings = r#", "answered": true, "truncated": 0.25, "truncated_at": 2"#;
    let all = first(settings, 0);
    let last = first(&format!(r#"{settings}, "hardened": "last""#), 0);
    let n = texts(&whole).len();
    let longer = texts(&whole).into_iter().filter(|text| text.len() > 2);
    let cut: Vec<Vec<u32>> = longer.map(|text| text[..2].to_vec()).collect();
    assert_eq!(texts(&last)[..n], texts(&whole)[..]);
    assert_eq!(texts(&last)[n..], cut[..]);
    let of_cut = |job: &Job, model: usize| {
        let examples = &job.models[model].examples;
        let cut = examples.first.iter().zip(&examples.targets).filter(|(row, _)| **row as usize >= n);
        let targets: Vec<f32> = cut.map(|(_, target)| *target).collect();
        assert!(targets.iter().all(|target| *target == 0.0));
        (targets.len(), examples.len())
    };
    assert_eq!([of_cut(&last, 0), of_cut(&last, 1)], [(0, 400), (100, 400)]);
    assert_eq!([of_cut(&all, 0), of_cut(&all, 1)], [(100, 400); 2]);
    assert_eq!(last.models[0].examples, whole.models[0].examples, "who sees none learns from what it did");
}

#[test]
fn models_that_compare_prefer_an_answer_to_its_own_truncation() {
    let text = r#"{"version": 1, "title": "t", "task": {"kind": "judge"}, "policy": {"kind": "table"},
        "run": {"updates": 2, "groups": 8, "num_generations": 16},
        "reward_models": {"encoder": "sequence", "inputs": "tokens", "truncated": 1.0, "pairs": 60},
        "arms": [{"name": "a", "code": "def r(ep):\n    return ep.rm\n"}]}"#;
    let compares = |text: &str| plan::plan(&serde_json::from_str(text).unwrap()).map(Arc::new);
    let plan = compares(text).unwrap();
    let job = FirstTraining::new(&plan, 0, None).unwrap().unwrap().job().clone();
    let (texts, examples) = (texts(&job), &job.models[0].examples);
    assert_eq!((examples.first.len(), examples.second.len()), (60, 60));
    for (better, worse) in examples.first.iter().zip(&examples.second) {
        let (whole, cut) = (&texts[*better as usize], &texts[*worse as usize]);
        assert!(cut.len() == 1 && whole.len() > 1 && whole[0] == cut[0], "{whole:?} {cut:?}");
    }
    let refused = compares(&text.replace("\"pairs\"", "\"answered\": true, \"pairs\"")).err().unwrap();
    assert!(refused[0].message.contains("bradley_terry compares the answers of a group"), "{refused:?}");
}

#[test]
fn what_cannot_be_first_data_is_refused_with_a_sentence() {
    for (settings, part) in [
        (r#", "writer": "skill""#, "writer has settings such as skill = 2, not \"skill\""),
        (r#", "writer": "skil = 2""#, "writer: there is no setting \"skil\"; did you mean \"skill\"?"),
        (r#", "writer": "horizon = 20""#, "writer may not change the sizes of the task"),
        (r#", "truncated_at": 0"#, "truncated_at must be between 1 and 64"),
    ] {
        let message = planned(settings).err().expect("refused");
        assert!(message.starts_with("reward_models: ") && message.contains(part), "{message}");
    }
}
