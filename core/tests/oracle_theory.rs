//! What is proven of reward distances and of the map from rewards to policies, on small random processes.

use goodhart_core::math::rng::{below, draw, uniform};
use goodhart_core::oracle::model::{Edge, Model};
use goodhart_core::oracle::solve::{best, tempered, worth};
use goodhart_core::oracle::starc::{canonical, distance};

const GAMMA: f64 = 0.9;
const NODES: u32 = 6;
const ACTIONS: usize = 3;
const HORIZON: usize = 24;

fn number(seed: u32, i: u32, j: u32) -> f64 {
    f64::from(uniform(draw(seed, i, j, 0, 0, 99)[0])) * 2.0 - 1.0
}

/// Every action of every node leads to three nodes.
fn process(seed: u32) -> Model {
    let (mut first, mut edges) = (vec![0], Vec::new());
    for i in 0..NODES * ACTIONS as u32 {
        let words = draw(seed, i, 0, 0, 0, 98);
        let to = below(words[0], NODES);
        let weights = [0.6, 0.3, 0.1];
        edges.extend((0..3).map(|k| Edge {
            p: weights[k as usize],
            to: (to + k * (1 + below(words[1], 2))) % NODES,
            over: false,
        }));
        first.push(edges.len() as u32);
    }
    let starts = (0..NODES).map(|n| (n, 1.0 / f64::from(NODES))).collect();
    Model::new(ACTIONS, HORIZON, first, edges, starts)
}

/// The same payments at every step.
fn tiled(per_edge: &[f64]) -> Vec<f64> {
    tiled_to(per_edge, HORIZON)
}

fn random(model: &Model, seed: u32) -> Vec<f64> {
    tiled(&(0..model.edges.len() as u32).map(|e| number(seed, e, 1)).collect::<Vec<_>>())
}

/// Adds gamma phi(after) - phi(before), with phi 0 after the horizon.
fn shaped(model: &Model, r: &[f64], seed: u32, size: f64) -> Vec<f64> {
    let phi = |node: u32| size * number(seed, node, 2);
    let mut out = r.to_vec();
    let n = model.edges.len();
    for t in 0..HORIZON {
        for node in 0..NODES {
            for e in model.leaving(node) {
                let after = if t + 1 == HORIZON { 0.0 } else { phi(model.edges[e].to) };
                out[t * n + e] += GAMMA * after - phi(node);
            }
        }
    }
    out
}

/// Adds a lottery over where a step leads whose mean is nothing.
fn redistributed(model: &Model, r: &[f64], seed: u32, size: f64) -> Vec<f64> {
    let n = model.edges.len();
    let mut luck = vec![0.0; n];
    for node in 0..NODES {
        for action in 0..ACTIONS {
            let range = model.choices(node, action);
            let mean: f64 = range.clone().map(|e| model.edges[e].p * number(seed, e as u32, 3)).sum();
            range.for_each(|e| luck[e] = size * (number(seed, e as u32, 3) - mean));
        }
    }
    r.iter().enumerate().map(|(i, x)| x + luck[i % n]).collect()
}

fn starc(model: &Model, x: &[f64], y: &[f64]) -> f64 {
    distance(&canonical(model, x, GAMMA), &canonical(model, y, GAMMA))
}

#[test]
fn the_distance_forgets_scale_shaping_and_redistribution() {
    for seed in 0..20 {
        let model = process(seed);
        let r = random(&model, seed + 100);
        let scaled: Vec<f64> = r.iter().map(|x| 7.5 * x).collect();
        let other = redistributed(&model, &shaped(&model, &scaled, seed + 200, 30.0), seed + 300, 20.0);
        let d = starc(&model, &r, &other);
        assert!(d < 1e-6, "{d}");
        assert!(distance(&r, &other) > 0.1, "the numbers themselves differ");
        let opposite: Vec<f64> = other.iter().map(|x| -x).collect();
        assert!((starc(&model, &r, &opposite) - 1.0).abs() < 1e-6);
        let unrelated = starc(&model, &r, &random(&model, seed + 400));
        assert!((0.3..0.95).contains(&unrelated), "{unrelated}");
    }
}

fn ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
    let mut ranks = vec![0.0; x.len()];
    let mut i = 0;
    while i < order.len() {
        let mut j = i;
        while j < order.len() && x[order[j]] == x[order[i]] {
            j += 1;
        }
        order[i..j].iter().for_each(|k| ranks[*k] = (i + j - 1) as f64 / 2.0);
        i = j;
    }
    ranks
}

fn spearman(x: &[f64], y: &[f64]) -> f64 {
    let (x, y) = (ranks(x), ranks(y));
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let both: f64 = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum();
    let square = |v: &[f64], m: f64| v.iter().map(|x| (x - m) * (x - m)).sum::<f64>();
    both / (square(&x, mx) * square(&y, my)).sqrt()
}

#[test]
fn the_distance_ranks_rewards_by_regret_and_better_than_their_numbers_do() {
    let (mut ours, mut naive, mut regrets) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..200 {
        let model = process(seed % 10);
        let (r, other) = (random(&model, seed + 1000), random(&model, seed + 2000));
        let angle = std::f64::consts::PI * 0.5 * (1.0 + number(seed, 0, 4));
        let mixed: Vec<f64> = r.iter().zip(&other).map(|(x, y)| angle.cos() * x + angle.sin() * y).collect();
        let second = redistributed(&model, &shaped(&model, &mixed, seed + 3000, 2.0), seed + 4000, 1.0);
        let against: Vec<f64> = r.iter().map(|x| -x).collect();
        let (top, low) = (best(&model, &r, GAMMA, &[]).value, -best(&model, &against, GAMMA, &[]).value);
        let follows = worth(&model, &best(&model, &second, GAMMA, &[]).policy, &r, GAMMA);
        regrets.push((top - follows) / (top - low));
        ours.push(starc(&model, &r, &second));
        naive.push(distance(&r, &second));
    }
    let (ours, naive) = (spearman(&ours, &regrets), spearman(&naive, &regrets));
    println!("Spearman with regret: STARC {ours:.3}, L2 of the rewards {naive:.3}");
    assert!(ours >= 0.7 && ours > naive, "{ours} {naive}");
}

/// The optimum under an entropy bonus alone.
fn soft(model: &Model, r: &[f64], gamma: f64, alpha: f64) -> Vec<f64> {
    tempered(model, r, gamma, alpha, 0.0, &model.uniform())
}

fn total_variation(x: &[f64], y: &[f64]) -> f64 {
    x.chunks(ACTIONS)
        .zip(y.chunks(ACTIONS))
        .map(|(x, y)| 0.5 * x.iter().zip(y).map(|(x, y)| (x - y).abs()).sum::<f64>())
        .fold(0.0, f64::max)
}

#[test]
fn with_an_entropy_bonus_policies_move_no_further_than_the_bound() {
    let model = process(3);
    let mut tightest = 0.0f64;
    for i in 0..1000 {
        let alpha = [0.05, 0.2, 1.0][i as usize % 3];
        let size = [1e-3, 1e-2, 1e-1][(i as usize / 3) % 3];
        let r = random(&model, 5000 + i / 10);
        let change = tiled(&(0..model.edges.len() as u32).map(|e| size * number(6000 + i, e, 5)).collect::<Vec<_>>());
        let moved: Vec<f64> = r.iter().zip(&change).map(|(x, y)| x + y).collect();
        let far = change.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let tv = total_variation(&soft(&model, &r, GAMMA, alpha), &soft(&model, &moved, GAMMA, alpha));
        let bound = far / (2.0 * alpha * (1.0 - GAMMA));
        assert!(tv <= bound, "{tv} > {bound}");
        tightest = tightest.max(tv / bound);
    }
    assert!(tightest > 0.01, "{tightest}");
}

#[test]
fn without_one_they_jump_at_a_tie() {
    // One step, two actions that are paid the same but for epsilon.
    let over = Edge { p: 1.0, to: 0, over: true };
    let model = Model::new(2, 1, vec![0, 1, 2], vec![over; 2], vec![(0, 1.0)]);
    let paid = |epsilon: f64| [1.0, 1.0 + epsilon];
    let hard = |epsilon: f64| best(&model, &paid(epsilon), 1.0, &[]).policy;
    assert_eq!(hard(-5e-4), [1.0, 0.0]);
    assert_eq!(hard(0.0), [0.5, 0.5], "a tie is broken evenly");
    assert_eq!(hard(5e-4), [0.0, 1.0]);
    for alpha in [0.05, 0.2, 1.0] {
        let (x, y) = (soft(&model, &paid(-5e-4), 1.0, alpha), soft(&model, &paid(5e-4), 1.0, alpha));
        let tv = 0.5 * x.iter().zip(&y).map(|(x, y)| (x - y).abs()).sum::<f64>();
        assert!(tv > 0.0 && tv <= 1e-3 / (2.0 * alpha), "{tv}");
    }
}

#[test]
fn a_length_penalty_of_a_thousandth_flips_equally_rewarded_traces() {
    // From node 0 one action answers at once, the other after two more steps; both answers are right.
    let edge = |to, over| Edge { p: 1.0, to, over };
    let edges = vec![edge(1, false), edge(0, true), edge(2, false), edge(2, false), edge(0, true), edge(0, true)];
    let model = Model::new(2, 4, (0..=6).collect(), edges, vec![(0, 1.0)]);
    let first = |long: f64, penalty: f64| {
        let paid = [0.0, 1.0, 0.0, 0.0, 1.0 + long, 1.0 + long].map(|x| x - penalty);
        best(&model, &tiled_to(&paid, 4), 1.0, &[]).policy[..2].to_vec()
    };
    assert_eq!(first(0.0, 0.0), [0.5, 0.5], "a tie");
    assert_eq!(first(1e-4, 0.0), [1.0, 0.0], "a hair for the long one");
    assert_eq!(first(1e-4, 1e-3), [0.0, 1.0], "a thousandth a step against it");
}

fn tiled_to(per_edge: &[f64], horizon: usize) -> Vec<f64> {
    per_edge.iter().copied().cycle().take(per_edge.len() * horizon).collect()
}
