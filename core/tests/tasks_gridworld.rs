//! The gridworld: maps, distances, coins, keys, and what records say.

mod common;

use common::{Episode, list, number, overrides, play, scalar, steps, task, text};
use goodhart_core::math::rng::{below, draw};
use goodhart_core::tasks::kit::grid_map::GridMap;
use goodhart_core::tasks::{DrawKey, STATE_WORDS, Task, TaskView, build};
use proptest::prelude::*;

const UP: u32 = 0;
const DOWN: u32 = 1;
const LEFT: u32 = 2;
const RIGHT: u32 = 3;

fn key(sample: u32) -> DrawKey {
    DrawKey { seed: 3, update: 4, group: 1, sample }
}

fn random(task: &Task, sample: u32) -> Episode {
    play(task, key(sample), |t, _| below(draw(77, sample, t, 0, 0, 0)[0], 4))
}

/// Fewest steps to a goal from (key, cell) by sweeping Bellman's equation until nothing changes; the map is read anew.
fn by_value_iteration(map: &GridMap) -> Vec<Option<u32>> {
    let (rows, cols) = (map.rows as i32, map.cols as i32);
    let at = |r: i32, c: i32| {
        if r < 0 || c < 0 || r >= rows || c >= cols { '#' } else { map.cells[(r * cols + c) as usize] }
    };
    let n = map.cells.len();
    let mut value = vec![u32::MAX; 2 * n];
    for _ in 0..=2 * n {
        for s in 0..2 * n {
            let cell = (s % n) as i32;
            let has_key = s >= n || map.cells[s % n] == 'K';
            let (r, c) = (cell / cols, cell % cols);
            value[s] = match at(r, c) {
                'G' => 0,
                '#' | 'L' => u32::MAX,
                _ => [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
                    .into_iter()
                    .filter(|(r, c)| at(*r, *c) != '#' && (at(*r, *c) != 'D' || has_key))
                    .map(|(r, c)| {
                        let then_key = has_key || at(r, c) == 'K';
                        value[(r * cols + c) as usize + usize::from(then_key) * n].saturating_add(1)
                    })
                    .min()
                    .unwrap_or(u32::MAX)
                    .min(value[s]),
            };
        }
    }
    value.into_iter().map(|d| (d != u32::MAX).then_some(d)).collect()
}

/// Maps of any size with any characters that a map knows, most of them floor.
fn a_map() -> impl Strategy<Value = String> {
    (1usize..=16, 1usize..=16)
        .prop_flat_map(|(rows, cols)| {
            let cell = prop_oneof![
                12 => Just('.'), 4 => Just('#'), 1 => Just('S'), 1 => Just('G'), 1 => Just('L'), 1 => Just('K'), 1 => Just('D')
            ];
            (Just(cols), prop::collection::vec(cell, rows * cols), prop::collection::vec((0..rows * cols, 0usize..3), 3))
        })
        .prop_map(|(cols, mut cells, puts)| {
            for (at, what) in puts {
                cells[at] = ['S', 'G', 'C'][what];
            }
            cells.chunks(cols).map(|row| row.iter().collect::<String>()).collect::<Vec<_>>().join("/")
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_a_map_or_a_sentence(map in "[#.SGLCKD/ x]{0,60}") {
        match build("gridworld", &overrides([("map", text(&map))])) {
            Ok(_) => {}
            Err(errors) => prop_assert!(!errors.is_empty() && errors.iter().all(|e| e.name == "map" && e.message.len() > 20)),
        }
    }

    #[test]
    fn distances_agree_with_value_iteration(map in a_map()) {
        let cells: Vec<Vec<char>> = map.split('/').map(|row| row.chars().collect()).collect();
        let map = GridMap { rows: cells.len(), cols: cells[0].len(), cells: cells.concat() };
        prop_assert_eq!(map.distances(), by_value_iteration(&map));
    }

    #[test]
    fn records_stay_in_bounds_and_potentials_telescope(
        map in a_map(), slip in 0u32..3, respawn in 0u32..4, horizon in 1u32..=64, sample in 0u32..100,
    ) {
        let settings = [
            ("map", text(&map)),
            ("slip", number(f64::from(slip) / 2.0)),
            ("coin_respawn", number(f64::from(respawn))),
            ("horizon", number(f64::from(horizon))),
        ];
        let Ok(t) = build("gridworld", &overrides(settings)) else { return Ok(()) };
        let e = random(&t, sample);
        prop_assert!(e.record.iter().all(|x| x.is_finite()));
        let cells = list(&t, &e.record, "cells");
        let potential = list(&t, &e.record, "potential");
        let bumps = list(&t, &e.record, "bumps");
        let (actions, coins) = (list(&t, &e.record, "actions"), list(&t, &e.record, "coins"));
        let length = e.length as usize;
        prop_assert_eq!(scalar(&t, &e.record, "length"), e.length as f32);
        prop_assert_eq!((cells.len(), potential.len(), list(&t, &e.record, "distance").len()), (length + 1, length + 1, length + 1));
        prop_assert_eq!((actions.len(), coins.len(), bumps.len()), (length, length, length));
        let observation = steps(&t).observation();
        for (state, features, prior) in &e.seen {
            prop_assert!((*state as usize) < observation.states && *prior == 0.0);
            prop_assert_eq!(features.len(), observation.active);
            prop_assert!(features.windows(2).all(|w| w[0] < w[1]) && (features[features.len() - 1] as usize) < observation.features);
        }
        let TaskView::Grid { cols, cells: map, .. } = &t.view else { panic!("no grid") };
        for i in 0..length {
            let (a, b) = (cells[i] as i32, cells[i + 1] as i32);
            let (dr, dc) = (a / *cols as i32 - b / *cols as i32, a % *cols as i32 - b % *cols as i32);
            prop_assert_eq!(dr.abs() + dc.abs(), 1 - bumps[i] as i32);
            prop_assert!(map[b as usize] != '#');
            prop_assert!(coins[i] == 0.0 || map[b as usize] == 'C');
        }
        prop_assert!(potential.iter().all(|p| (-1.0..=0.0).contains(p)));
        let shaped: f32 = potential.windows(2).map(|w| w[1] - w[0]).sum();
        prop_assert!((shaped - (potential[length] - potential[0])).abs() < 1e-4);
        let goal = map[cells[length] as usize] == 'G';
        prop_assert_eq!(e.score, f32::from(u8::from(goal)));
        prop_assert_eq!(scalar(&t, &e.record, "goal"), e.score);
        prop_assert_eq!(potential[length] == 0.0, goal);
    }
}

/// Walks down the distances of the record to come.
fn shortest(task: &Task) -> Episode {
    play(task, key(0), |t, state| {
        let distance = |action| {
            let (mut next, mut record) = (*state, vec![0.0; task.schema.stride]);
            steps(task).step(key(0), t, action, &mut next, &mut record);
            record[task.schema.get("distance").unwrap().offset + 2 + t as usize]
        };
        (0..4).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap()
    })
}

#[test]
fn walking_down_the_distances_reaches_the_goal_in_as_many_steps() {
    for map in ["", "S.D.G/..#../K.#..", "S.LG/..L./...."] {
        let t = if map.is_empty() { task("gridworld", []) } else { task("gridworld", [("map", text(map))]) };
        let e = shortest(&t);
        assert_eq!(e.score, 1.0);
        assert_eq!(list(&t, &e.record, "distance")[0], e.length as f32, "{map}");
        assert_eq!(scalar(&t, &e.record, "truncated"), 0.0);
    }
}

#[test]
fn a_door_needs_the_key() {
    let t = task("gridworld", [("map", text("KSDG"))]);
    let e = play(&t, key(0), |t, _| [RIGHT, LEFT, RIGHT, RIGHT, RIGHT][t as usize]);
    assert_eq!(list(&t, &e.record, "cells"), [1.0, 1.0, 0.0, 1.0, 2.0, 3.0]);
    assert_eq!(list(&t, &e.record, "bumps"), [1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(list(&t, &e.record, "distance"), [4.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
    assert_eq!((e.score, scalar(&t, &e.record, "key")), (1.0, 1.0));
    assert!(e.seen[0].0 != e.seen[3].0 && e.seen[0].0 == e.seen[1].0, "the key is part of the state");
    assert_eq!((e.seen[0].1.clone(), e.seen[3].1.clone()), (vec![1, 4], vec![1, 5]));
}

#[test]
fn coins_come_back_when_they_should() {
    let coins = |respawn: f64, moves: [u32; 2]| {
        let t =
            task("gridworld", [("map", text("S.C.G")), ("coin_respawn", number(respawn)), ("horizon", number(9.0))]);
        let e = play(&t, key(0), |t, _| if t < 2 { RIGHT } else { moves[t as usize % 2] });
        list(&t, &e.record, "coins").to_vec()
    };
    assert_eq!(coins(2.0, [LEFT, RIGHT]), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(coins(3.0, [LEFT, RIGHT]), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(coins(0.0, [LEFT, RIGHT]), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        coins(1.0, [UP, DOWN]),
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "a coin is taken by stepping on it"
    );
}

#[test]
fn lava_ends_an_episode_without_the_goal() {
    let t = task("gridworld", [("map", text("LSG"))]);
    let e = play(&t, key(0), |_, _| LEFT);
    assert_eq!((e.length, e.score), (1, 0.0));
    assert_eq!(["lava", "goal", "truncated"].map(|f| scalar(&t, &e.record, f)), [1.0, 0.0, 0.0]);
    assert_eq!(list(&t, &e.record, "potential"), [-1.0, -1.0]);
}

#[test]
fn slips_go_elsewhere_at_their_rate_and_groups_start_alike() {
    let t = task("gridworld", [("map", text("S...../.G..../....S.")), ("slip", number(0.3)), ("horizon", number(1.0))]);
    let n = 6000;
    let mut strayed = 0;
    for sample in 0..n {
        let e = play(&t, key(sample), |_, _| RIGHT);
        let cells = list(&t, &e.record, "cells");
        assert_eq!(scalar(&t, &e.record, "start"), cells[0]);
        assert_eq!(cells[0], list(&t, &random(&t, 0).record, "cells")[0], "one start a group");
        strayed += i32::from(cells[1] != cells[0] + 1.0);
    }
    assert!((f64::from(strayed) / f64::from(n) - 0.3).abs() < 0.02, "{strayed}");
    let starts: std::collections::BTreeSet<u32> = (0..50)
        .map(|group| {
            let mut state = [0; STATE_WORDS];
            steps(&t).begin(DrawKey { group, ..key(0) }, &mut state, &mut vec![0.0; t.schema.stride]);
            state[0]
        })
        .collect();
    assert_eq!(starts.into_iter().collect::<Vec<_>>(), [0, 16]);
}

#[test]
fn a_noisy_verifier_does_not_touch_the_score() {
    let t = task("gridworld", [("map", text("SG")), ("false_positive", number(1.0)), ("false_negative", number(1.0))]);
    let won = play(&t, key(0), |_, _| RIGHT);
    let lost = play(&t, key(0), |_, _| UP);
    assert_eq!((won.score, scalar(&t, &won.record, "correct"), scalar(&t, &won.record, "goal")), (1.0, 0.0, 1.0));
    assert_eq!((lost.score, scalar(&t, &lost.record, "correct"), lost.length), (0.0, 1.0, 32));
}

#[test]
fn the_view_says_where_the_table_of_the_start_lies() {
    for map in ["S.G", "SCG.K", "SCGC"] {
        let t = task("gridworld", [("map", text(map))]);
        let TaskView::Grid { first_state, .. } = &t.view else { panic!("no grid") };
        assert_eq!(random(&t, 0).seen[0].0 as usize, *first_state, "the start is cell 0 of {map}");
    }
}

#[test]
fn bad_maps_are_refused_in_a_sentence() {
    let said = |map: &str| {
        let errors = build("gridworld", &overrides([("map", text(map))])).err().unwrap_or_default();
        errors.into_iter().map(|e| e.message).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(said("..G"), "map needs a start: put an S on it");
    assert_eq!(said("S.."), "map needs a goal: put a G on it");
    assert_eq!(said("S#G"), "the goal cannot be reached from the start in row 1, column 1");
    assert_eq!(said("SDG"), "the goal cannot be reached from the start in row 1, column 1");
    assert_eq!(said("SLG"), "the goal cannot be reached from the start in row 1, column 1");
    assert_eq!(said("S.G/.."), "every row of map must be as long as the first (3 cells); row 2 has 2");
    assert_eq!(said("SCCCCCG"), "map can hold at most 4 coins, not 5");
    assert_eq!(
        said("S?G"),
        "map cannot hold \"?\"; use # wall, . floor, S start, G goal, L lava, C coin, K key, D door"
    );
    assert_eq!(said(&format!("S{}G", ".".repeat(15))), "map can be at most 16 x 16 cells, not 1 x 17");
    assert_eq!(said("SGLKDC./......."), "");
}
