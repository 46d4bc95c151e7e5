use super::*;
use crate::engine_client::messages::{Choice, Start};
use crate::engine_client::session::tests::{experiment, lane, paused, ready, report, sent, started, told};
use goodhart_core::protocol::Event;

/// An experiment of arms that are called as their identities.
fn of(ids: &[u32]) -> Experiment {
    let mut e = experiment(2, 0);
    let arm = e.arms.remove(0);
    e.arms = ids.iter().map(|id| goodhart_core::experiment::Arm { name: id.to_string(), ..arm.clone() }).collect();
    e
}

/// Two workers that have trained strategies to some updates.
fn running(ids: &[u32], updates: [u32; 2]) -> Session {
    let (mut s, _) = Session::new(Choice::Cpu, 2);
    s.load(of(ids), ids.to_vec(), Start::default());
    for at in 0..2 {
        started(&mut s, at, None);
        ready(&mut s, at);
    }
    s.run(0);
    (0..2).for_each(|at| drop(report(&mut s, at, updates[at])));
    s
}

/// What a worker sends when it is asked for a checkpoint: the lanes of its only seed.
fn kept(s: &mut Session, at: usize, update: u32) -> Vec<Effect> {
    let arms = s.plan.as_ref().unwrap().crew.ids.len() as u32;
    let lanes = (0..arms).map(|arm| LaneState { tokens: (10 * arm) as f32, ..lane(arm, at as u32) }).collect();
    s.on_event(at, Event::Checkpointed { run: s.run, checkpoint: Checkpoint { update, lanes } })
}

/// Both workers rest at an update and send what they have.
fn gathered(s: &mut Session, update: u32) -> Vec<Effect> {
    paused(s, 0, update);
    assert_eq!(sent(&paused(s, 1, update)), [(0, "save"), (1, "save")]);
    let effects = kept(s, 0, update);
    assert!(sent(&effects).is_empty(), "the other one is still to come");
    kept(s, 1, update)
}

/// What is loaded: the names of the arms, and the lanes that it goes on with, as arm and what they were.
fn loaded(effects: &[Effect], at: usize) -> (Vec<String>, Vec<(u32, f32)>) {
    let load = effects.iter().find_map(|e| match e {
        Effect::Send(to, Command::Load { experiment, checkpoint, .. }) if *to == at => Some((experiment, checkpoint)),
        _ => None,
    });
    let (experiment, checkpoint) = load.expect("a load");
    let lanes = checkpoint.iter().flat_map(|c| &c.lanes).map(|l| (l.arm, l.tokens)).collect();
    (experiment.arms.iter().map(|a| a.name.clone()).collect(), lanes)
}

#[test]
fn a_value_head_joins_the_policies_as_they_are() {
    let mut s = running(&[1, 2], [6, 6]);
    let mut with = of(&[1, 2]);
    with.algorithm.insert("estimator".into(), goodhart_core::params::Value::Text("gae".into()));
    s.refit(with.clone(), vec![1, 2], 6);
    let effects = gathered(&mut s, 6);
    for at in 0..2 {
        assert_eq!(loaded(&effects, at).1, [(0, 0.0), (1, 10.0)], "both go on from their lanes");
    }
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Send(_, Command::Load { experiment, .. }) if **experiment == with))
    );
}

#[test]
fn a_run_that_is_over_goes_on_for_more_updates() {
    let mut s = running(&[1, 2], [200, 200]);
    for at in 0..2 {
        s.on_event(at, Event::Paused { run: s.run, update: 200, finished: true });
        kept(&mut s, at, 200);
    }
    let mut longer = of(&[1, 2]);
    longer.run.insert("updates".into(), goodhart_core::params::Value::Number(400.0));
    let effects = s.refit(longer, vec![1, 2], 200);
    for at in 0..2 {
        assert_eq!(loaded(&effects, at).1, [(0, 0.0), (1, 10.0)], "both go on from their lanes");
    }
    s.run(0);
    for at in 0..2 {
        let effects = ready(&mut s, at);
        assert!(sent(&effects).contains(&(at, "run")), "{effects:?}");
        assert!(!s.slots[at].finished);
    }
}

#[test]
fn those_that_stay_go_on_from_what_they_have_when_one_leaves() {
    let mut s = running(&[1, 2, 3], [9, 5]);
    let effects = s.regroup(of(&[1, 3]), vec![1, 3], Vec::new(), 5);
    assert!(effects.iter().all(|e| matches!(e, Effect::Send(_, Command::Pause { at: Some(5), .. }))), "{effects:?}");
    assert_eq!(effects.len(), 2);
    let effects = gathered(&mut s, 5);
    for at in 0..2 {
        assert_eq!(loaded(&effects, at), (vec!["1".into(), "3".into()], vec![(0, 0.0), (1, 20.0)]));
    }
    assert!(sent(&ready(&mut s, 0)).contains(&(0, "run")), "and all run on");
    let index = s.on_event(
        0,
        Event::Report {
            run: s.run,
            index: vec![goodhart_core::protocol::RowIndex { arm: 1, seed: 0, update: 5 }],
            values: vec![0.0],
            anatomy: None,
            updates_per_s: 1.0,
        },
    );
    assert!(
        told(index).iter().any(|t| matches!(t, ClientEvent::Rows { index, .. } if index[0].arm == 3)),
        "rows say whose they are"
    );
}

#[test]
fn one_that_joins_is_trained_alone_until_it_has_caught_up() {
    let mut s = running(&[1, 2], [6, 6]);
    s.regroup(of(&[1, 2, 9]), vec![1, 2, 9], Vec::new(), 6);
    let effects = gathered(&mut s, 6);
    assert_eq!(loaded(&effects, 0), (vec!["9".into()], vec![]));
    let said = told(effects);
    assert!(
        matches!(&said[..], [ClientEvent::Checkpoint { .. }, ClientEvent::CatchingUp { ids, of: 6, moves: true }] if ids == &[9]),
        "{said:?}"
    );
    for at in 0..2 {
        let effects = ready(&mut s, at);
        assert!(effects.iter().any(|e| matches!(e, Effect::Send(_, Command::Step { n: 6, .. }))), "{effects:?}");
    }
    report(&mut s, 0, 3);
    // An edit of one that waits is made when it is loaded again.
    assert!(s.set_program(2, 1, "new".into()).is_empty());
    let effects = gathered(&mut s, 6);
    assert_eq!(loaded(&effects, 1), (vec!["1".into(), "2".into(), "9".into()], vec![(0, 0.0), (1, 10.0), (2, 0.0)]));
    assert!(told(effects).iter().any(|t| matches!(t, ClientEvent::Together)));
    let effects = ready(&mut s, 0);
    assert_eq!(sent(&effects).iter().filter(|(_, c)| ["program", "run"].contains(c)).count(), 2, "{effects:?}");
    assert!(effects.iter().any(|e| matches!(e, Effect::Send(0, Command::SetProgram { arm: 1, .. }))));
}

#[test]
fn one_that_joins_a_run_at_rest_waits_until_the_run_goes_on() {
    let mut s = running(&[1], [4, 4]);
    s.pause(4);
    paused(&mut s, 0, 4);
    paused(&mut s, 1, 4);
    assert_eq!(sent(&s.regroup(of(&[1, 9]), vec![1, 9], Vec::new(), 4)), [(0, "save"), (1, "save")]);
    kept(&mut s, 0, 4);
    let said = told(kept(&mut s, 1, 4));
    assert!(
        matches!(said[..], [ClientEvent::Checkpoint { .. }, ClientEvent::CatchingUp { moves: false, .. }]),
        "{said:?}"
    );
    ready(&mut s, 0);
    let said = told(ready(&mut s, 1));
    assert!(
        said.iter().any(|t| matches!(t, ClientEvent::Paused { update: 4, .. })),
        "the run is where it was: {said:?}"
    );
    assert_eq!(sent(&s.step(2)), [(0, "step"), (1, "step")]);
    gathered(&mut s, 4);
    ready(&mut s, 0);
    let effects = ready(&mut s, 1);
    assert!(effects.iter().any(|e| matches!(e, Effect::Send(_, Command::Step { n: 2, .. }))), "{effects:?}");
}

#[test]
fn one_that_is_trained_anew_keeps_nothing_and_the_others_do() {
    let mut s = running(&[1, 2], [8, 8]);
    s.regroup(of(&[1, 2]), vec![1, 2], vec![2], 8);
    let effects = gathered(&mut s, 8);
    assert_eq!(loaded(&effects, 0), (vec!["2".into()], vec![]));
    ready(&mut s, 0);
    ready(&mut s, 1);
    let effects = gathered(&mut s, 8);
    assert_eq!(loaded(&effects, 0), (vec!["1".into(), "2".into()], vec![(0, 0.0), (1, 0.0)]));
}

#[test]
fn strategies_may_leave_and_join_while_one_catches_up() {
    let mut s = running(&[1, 2], [8, 8]);
    s.regroup(of(&[1, 2, 9]), vec![1, 2, 9], Vec::new(), 8);
    gathered(&mut s, 8);
    ready(&mut s, 0);
    ready(&mut s, 1);
    report(&mut s, 0, 3);
    assert!(s.regroup(of(&[2, 9, 5]), vec![2, 9, 5], Vec::new(), 8).is_empty(), "the one under way goes on");
    let effects = gathered(&mut s, 8);
    assert_eq!(loaded(&effects, 0).0, ["5"], "then the next");
    ready(&mut s, 0);
    ready(&mut s, 1);
    report(&mut s, 0, 1);
    // Nobody is left to wait for.
    let effects = s.regroup(of(&[2, 9]), vec![2, 9], Vec::new(), 8);
    assert_eq!(loaded(&effects, 0), (vec!["2".into(), "9".into()], vec![(0, 10.0), (1, 0.0)]));
}

#[test]
fn a_value_head_that_others_have_is_there_while_one_catches_up() {
    let critic = |mut e: Experiment| {
        e.arms[0].algorithm.insert("estimator".into(), goodhart_core::params::Value::Text("gae".into()));
        e
    };
    let mut s = running(&[1], [4, 4]);
    s.plan.as_mut().unwrap().crew.experiment = critic(of(&[1]));
    s.regroup(critic(of(&[1, 9])), vec![1, 9], Vec::new(), 4);
    let effects = gathered(&mut s, 4);
    assert_eq!(loaded(&effects, 0).0, ["9", "1"]);
    ready(&mut s, 0);
    ready(&mut s, 1);
    let effects = gathered(&mut s, 4);
    assert_eq!(loaded(&effects, 0).1, [(0, 0.0), (1, 0.0)], "each lane once");
}

#[test]
fn no_worker_runs_far_ahead_of_the_slowest() {
    let paces = |effects: Vec<Effect>| -> Vec<(usize, u32)> {
        let pace =
            |e: Effect| if let Effect::Send(at, Command::Pace { update, .. }) = e { Some((at, update)) } else { None };
        effects.into_iter().filter_map(pace).collect()
    };
    let (mut s, _) = Session::new(Choice::Cpu, 2);
    s.load(of(&[1]), vec![1], Start::default());
    started(&mut s, 0, None);
    started(&mut s, 1, None);
    let first = [paces(ready(&mut s, 0)), paces(ready(&mut s, 1))].concat();
    assert!(first.len() == 2 && first.iter().all(|(_, update)| *update < 10), "{first:?}");
    s.run(0);
    assert_eq!(paces(report(&mut s, 0, 2)), [], "the other one has nothing yet");
    let further = paces(report(&mut s, 1, 2));
    assert!(further.iter().any(|(at, update)| *at == 0 && *update > 2), "{further:?}");
}

#[test]
fn what_was_trained_beyond_the_screen_is_not_gone_on_from() {
    let mut s = running(&[1], [9, 5]);
    kept(&mut s, 0, 9);
    let effects = s.pause(5);
    assert!(effects.iter().all(|e| matches!(e, Effect::Send(_, Command::Pause { at: Some(5), .. }))));
    assert_eq!(sent(&paused(&mut s, 0, 5)), [(0, "save")], "its checkpoint was of later");
    let said = told(paused(&mut s, 1, 5));
    assert!(matches!(said[..], [ClientEvent::Paused { update: 5, .. }]), "{said:?}");
}
