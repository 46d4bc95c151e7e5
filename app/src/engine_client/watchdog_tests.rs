use super::*;
use crate::engine_client::messages::{Choice, Start};
use goodhart_core::experiment::{Arm, Experiment, Part};
use goodhart_core::params::Value;
use goodhart_core::protocol::{Checkpoint, Command, EngineInfo, Event, RowIndex};

fn experiment() -> Experiment {
    let part = |kind: &str| Part { kind: kind.into(), params: [].into() };
    let arm = Arm { name: "a".into(), code: "old".into(), algorithm: [].into(), ..Arm::default() };
    Experiment {
        run: [("seeds".to_string(), Value::Number(2.0))].into(),
        ..Experiment::new("t", part("bandit"), part("table"), vec![arm])
    }
}

fn ready(s: &mut Session, at: usize) -> Vec<Effect> {
    let engine = EngineInfo { kind: EngineKind::Cpu, adapter: None };
    s.on_event(at, Event::Ready { run: s.run, engine })
}

fn report(s: &mut Session, at: usize, update: u32) {
    report_at(s, at, update, 1.0);
}

fn report_at(s: &mut Session, at: usize, update: u32, updates_per_s: f32) {
    let index = vec![RowIndex { arm: 0, seed: at as u32, update: update - 1 }];
    s.on_event(at, Event::Report { run: s.run, index, values: vec![0.0], anatomy: None, updates_per_s });
}

fn checkpoint(s: &mut Session, at: usize, update: u32) {
    s.on_event(at, Event::Checkpointed { run: s.run, checkpoint: Checkpoint { update, lanes: Vec::new() } });
}

fn alive(s: &mut Session, at: usize) {
    s.on_event(at, Event::Alive { run: s.run });
}

/// Two CPU workers in training, both at update 5 with a checkpoint of update 4.
fn running() -> Session {
    let (mut s, _) = Session::new(Choice::Cpu, 2);
    s.load(experiment(), vec![7], Start::default());
    for at in 0..2 {
        s.on_event(at, Event::Started { adapter: None });
        ready(&mut s, at);
    }
    s.run(0);
    for at in 0..2 {
        report(&mut s, at, 5);
        checkpoint(&mut s, at, 4);
    }
    s
}

/// Lets time pass, with signs of life of some workers, until something is to be done, or for so many milliseconds.
fn pass(s: &mut Session, ms: f64, alive_ones: &[usize]) -> (f64, Vec<Effect>) {
    let start = s.now;
    while s.now - start < ms {
        s.at(s.now + EVERY as f64);
        alive_ones.iter().for_each(|at| alive(s, *at));
        let effects = s.tick();
        if !effects.is_empty() {
            return (s.now - start, effects);
        }
    }
    (ms, Vec::new())
}

fn started(effects: &[Effect]) -> Vec<usize> {
    effects.iter().filter_map(|e| if let Effect::Start(at) = e { Some(*at) } else { None }).collect()
}

fn loads(effects: &[Effect]) -> Vec<(usize, Option<u32>)> {
    let load = |e: &Effect| match e {
        Effect::Send(at, Command::Load { checkpoint, .. }) => Some((*at, checkpoint.as_ref().map(|c| c.update))),
        _ => None,
    };
    effects.iter().filter_map(load).collect()
}

fn answered(effects: &[Effect]) -> Option<u32> {
    effects
        .iter()
        .find_map(|e| if let Effect::Tell(ClientEvent::Answered { update }) = e { Some(*update) } else { None })
}

#[test]
fn a_worker_that_falls_silent_is_begun_anew_from_its_checkpoint_and_trains_on() {
    let mut s = running();
    let (after, effects) = pass(&mut s, 60_000.0, &[0]);
    assert_eq!(started(&effects), [1]);
    assert!((SILENCE..SILENCE + 500.0).contains(&after), "{after}");
    assert!(
        matches!(&effects[..], [.., Effect::Tell(ClientEvent::Moved { message, .. })] if message.contains("stopped answering"))
    );
    let effects = s.on_event(1, Event::Started { adapter: None });
    assert_eq!(loads(&effects), [(1, Some(4))]);
    let runs = ready(&mut s, 1).iter().any(|e| matches!(e, Effect::Send(1, Command::Run { .. })));
    assert!(runs);
}

#[test]
fn a_worker_that_is_slow_but_lives_is_left_alone() {
    let mut s = running();
    assert!(pass(&mut s, 60_000.0, &[0, 1]).1.is_empty(), "an update of a minute");
    // One that was silent for two seconds before may be for longer than another.
    for _ in 0..5 {
        pass(&mut s, 2000.0, &[0]);
        alive(&mut s, 1);
    }
    assert!(pass(&mut s, 6000.0, &[0]).1.is_empty());
    assert_eq!(started(&pass(&mut s, 6000.0, &[0]).1), [1]);
}

#[test]
fn a_page_that_slept_does_not_blame_its_workers() {
    let mut s = running();
    s.at(s.now + 100_000.0);
    assert!(s.tick().is_empty());
    assert!(pass(&mut s, SILENCE - 500.0, &[]).1.is_empty());
}

#[test]
fn one_that_is_lost_while_it_begins_anew_is_begun_once_more_but_not_for_ever() {
    let mut s = running();
    let mut stuck = None;
    for round in 0..=MAX_FAILURES {
        // Before its module runs, then while it builds its engine.
        let (_, effects) = pass(&mut s, 600_000.0, &[0]);
        stuck = effects
            .iter()
            .find_map(|e| if let Effect::Tell(ClientEvent::Stuck(why)) = e { Some(why.clone()) } else { None });
        assert_eq!(stuck.is_some(), round == MAX_FAILURES, "round {round}: {effects:?}");
        if round == 1 {
            s.on_event(1, Event::Started { adapter: None });
        }
    }
    assert!(stuck.unwrap_or_default().contains("answer"));
}

#[test]
fn workers_with_short_updates_are_waited_for_after_a_pause_unless_they_fall_silent() {
    let mut s = running();
    (0..2).for_each(|at| report_at(&mut s, at, 900, 1000.0));
    s.pause(900);
    let (_, effects) = pass(&mut s, 60_000.0, &[0, 1]);
    assert_eq!(answered(&effects), Some(900));
    assert!(pass(&mut s, 10.0 * GIVE_UP, &[0, 1]).1.is_empty(), "a machine that is busy with something else");
    assert_eq!(started(&pass(&mut s, 2.0 * SILENCE, &[0]).1), [1]);
}

#[test]
fn a_pause_is_answered_at_once_and_a_worker_that_trains_on_is_ended() {
    let mut s = running();
    report(&mut s, 0, 6);
    s.pause(5);
    s.on_event(0, Event::Paused { run: s.run, update: 6, finished: false });
    let (after, effects) = pass(&mut s, 60_000.0, &[0, 1]);
    assert!(after <= 200.0, "{after}");
    assert_eq!(answered(&effects), Some(5), "what is on screen");
    let (_, effects) = pass(&mut s, 60_000.0, &[0, 1]);
    assert_eq!(started(&effects), [1], "it lives, and does not stop");
    assert_eq!(loads(&s.on_event(1, Event::Started { adapter: None })), [(1, Some(4))]);
    let effects = ready(&mut s, 1);
    assert!(
        !effects.iter().any(|e| matches!(e, Effect::Send(_, Command::Run { .. } | Command::Step { .. }))),
        "at rest"
    );
    assert!(pass(&mut s, 60_000.0, &[0, 1]).1.is_empty());
}

#[test]
fn what_is_asked_after_a_pause_takes_it_back() {
    let mut s = running();
    s.pause(5);
    s.run(0);
    assert!(pass(&mut s, 60_000.0, &[0, 1]).1.is_empty());
}

#[test]
fn a_worker_that_does_not_begin_the_next_run_is_begun_anew_for_it() {
    let mut s = running();
    assert_eq!(loads(&s.load(experiment(), vec![7], Start::default())), [(0, None), (1, None)]);
    alive(&mut s, 0);
    // It lives, and says so of the run before.
    let old = s.run - 1;
    let mut effects = Vec::new();
    let start = s.now;
    while effects.is_empty() && s.now - start < 60_000.0 {
        s.at(s.now + EVERY as f64);
        alive(&mut s, 0);
        s.on_event(1, Event::Alive { run: old });
        effects = s.tick();
    }
    assert_eq!(started(&effects), [1]);
    assert!(s.now - start < GIVE_UP + 300.0);
    assert_eq!(loads(&s.on_event(1, Event::Started { adapter: None })), [(1, None)]);
    let (_, effects) = pass(&mut s, GIVE_UP + 1000.0, &[0]);
    assert!(effects.is_empty(), "one that has just been begun is given its time");
}
