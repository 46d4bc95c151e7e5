//! The chain and the four rooms: maps, ends, televisions.

mod common;

use common::{Episode, list, number, overrides, play, scalar, steps, task};
use goodhart_core::math::rng::{below, draw};
use goodhart_core::tasks::{DrawKey, STATE_WORDS, State, Task, TaskView, build};
use std::collections::{BTreeSet, VecDeque};

fn key(group: u32, sample: u32) -> DrawKey {
    DrawKey { seed: 8, update: 2, group, sample }
}

fn random(t: &Task, group: u32, sample: u32) -> Episode {
    play(t, key(group, sample), |step, _| below(draw(6, group, sample, step, 0, 0)[0], t.n_actions as u32))
}

fn check(t: &Task, e: &Episode) {
    let o = steps(t).observation();
    for (state, features, _) in &e.seen {
        assert!((*state as usize) < o.states && features.len() == o.active);
        assert!(features.windows(2).all(|w| w[0] < w[1]) && (features[o.active - 1] as usize) < o.features);
    }
    let n = e.length as usize;
    assert_eq!((list(t, &e.record, "cells").len(), list(t, &e.record, "tv").len()), (n + 1, n));
    assert_eq!(scalar(t, &e.record, "goal"), e.score);
    assert_eq!(scalar(t, &e.record, "goal") == 0.0 && n == t.horizon, scalar(t, &e.record, "truncated") == 1.0);
}

#[test]
fn walking_down_the_chain_reaches_the_goal_and_chance_does_not() {
    let t = task("chain", []);
    let e = play(&t, key(0, 0), |_, _| 1);
    assert_eq!((e.length, e.score), (31, 1.0));
    assert_eq!(list(&t, &e.record, "cells").to_vec(), (0..32).map(|c| c as f32).collect::<Vec<_>>());
    let found = (0..2000).map(|s| random(&t, 0, s)).inspect(|e| check(&t, e)).filter(|e| e.score == 1.0).count();
    assert!(found < 20, "{found} of 2000");
}

#[test]
fn the_distractor_ends_an_episode_without_the_goal() {
    let t = task("chain", [("distractor", number(3.0)), ("cells", number(10.0))]);
    let e = play(&t, key(0, 0), |_, _| 0);
    assert_eq!((e.length, e.score, scalar(&t, &e.record, "distractor")), (3, 0.0, 1.0));
    let e = play(&t, key(0, 0), |_, _| 1);
    assert_eq!((e.length, e.score, scalar(&t, &e.record, "distractor")), (6, 1.0, 0.0));
    let errors = build("chain", &overrides([("cells", number(4.0)), ("distractor", number(3.0))])).err().unwrap();
    assert_eq!(errors[0].message, "distractor (3) must leave a way to the goal in a chain of 4 cells");
}

#[test]
fn a_television_shows_every_channel_and_leaves_the_agent_where_it_is() {
    for kind in ["chain", "rooms"] {
        let t = task(kind, [("channels", number(6.0))]);
        let tv = t.n_actions as u32 - 1;
        assert_eq!(t.action_names[tv as usize], "television");
        let e = play(&t, key(0, 0), |_, _| tv);
        let shown: BTreeSet<i32> = list(&t, &e.record, "tv").iter().map(|c| *c as i32).collect();
        assert_eq!(shown, (1..=6).collect());
        let cells: BTreeSet<i32> = list(&t, &e.record, "cells").iter().map(|c| *c as i32).collect();
        assert_eq!(cells.len(), 1);
        let states: BTreeSet<u32> = e.seen.iter().map(|s| s.0).collect();
        assert_eq!(states.len(), 7, "a channel is a state of its own, and so is none");
        (0..50).for_each(|s| check(&t, &random(&t, s, 0)));
    }
}

/// Steps to the goal by breadth-first search over the task's own moves.
fn shortest(t: &Task, group: u32) -> Option<usize> {
    let mut start = [0; STATE_WORDS];
    let mut record = vec![0.0; t.schema.stride];
    steps(t).begin(key(group, 0), &mut start, &mut record);
    let mut seen = BTreeSet::from([start[0]]);
    let mut queue: VecDeque<(State, usize)> = VecDeque::from([(start, 0)]);
    while let Some((state, d)) = queue.pop_front() {
        for action in 0..4 {
            let mut next = state;
            if steps(t).step(key(group, 0), 0, action, &mut next, &mut record) {
                return Some(d + 1);
            }
            if seen.insert(next[0]) {
                queue.push_back((next, d + 1));
            }
        }
    }
    None
}

#[test]
fn every_map_has_a_way_to_the_goal_in_the_room_across() {
    for size in [5.0, 9.0, 13.0, 16.0] {
        let t = task("rooms", [("size", number(size)), ("shared_structure", number(0.0))]);
        let mut ways = BTreeSet::new();
        for group in 0..200 {
            ways.insert(shortest(&t, group).expect("a way"));
            let e = random(&t, group, 1);
            check(&t, &e);
            let other = random(&t, group, 2);
            assert_eq!(list(&t, &e.record, "cells")[0], list(&t, &other.record, "cells")[0], "one start a group");
            assert_eq!(scalar(&t, &e.record, "goal_cell"), scalar(&t, &other.record, "goal_cell"));
            let rooms = list(&t, &e.record, "rooms");
            assert!(e.score == 0.0 || rooms[0] + rooms[rooms.len() - 1] == 3.0, "the goal is across");
        }
        assert!(ways.len() > 3 && *ways.iter().max().unwrap() <= 64, "{ways:?}");
    }
}

#[test]
fn groups_share_the_map_as_often_as_asked() {
    let starts = |share: f64| {
        let t = task("rooms", [("shared_structure", number(share))]);
        let all: Vec<_> = (0..400).map(|group| random(&t, group, 0)).collect();
        let shared = all.iter().filter(|e| scalar(&t, &e.record, "shared") == 1.0).count();
        let goals: BTreeSet<i32> = all.iter().map(|e| scalar(&t, &e.record, "goal_cell") as i32).collect();
        (shared, goals.len())
    };
    assert_eq!(starts(1.0), (400, 1));
    let (shared, goals) = starts(0.0);
    assert!(shared == 0 && goals > 60, "{goals}");
    let (shared, _) = starts(0.5);
    assert!((160..240).contains(&shared), "{shared}");
}

#[test]
fn the_view_is_the_shared_map() {
    let t = task("rooms", []);
    let TaskView::Grid { rows, cols, cells, .. } = &t.view else { panic!("no grid") };
    assert_eq!((*rows, *cols), (13, 13));
    let e = random(&t, 0, 0);
    for cell in list(&t, &e.record, "cells") {
        assert!(cells[*cell as usize] != '#');
    }
    assert_eq!(cells[list(&t, &e.record, "cells")[0] as usize], 'S');
    assert_eq!(cells[scalar(&t, &e.record, "goal_cell") as usize], 'G');
    assert_eq!(cells.iter().filter(|c| **c == '#').count(), 25 - 4, "two walls with four doors");
}
