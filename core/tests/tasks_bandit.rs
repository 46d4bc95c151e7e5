//! The bandit: payoffs, proxies, the base policy, the verifier.

mod common;

use common::{list, number, overrides, play, scalar, steps, task};
use goodhart_core::tasks::{DrawKey, TaskView, build};

fn key(update: u32, sample: u32) -> DrawKey {
    DrawKey { seed: 5, update, group: update % 7, sample }
}

/// Payoffs, proxies and hacks of a view, context by context.
fn contexts(view: &TaskView) -> Vec<Vec<(f32, f32, bool)>> {
    let TaskView::Arms { arms, payoff, proxy, hack, .. } = view else { panic!("no arms") };
    let all: Vec<_> = payoff.iter().zip(proxy).zip(hack).map(|((p, q), h)| (*p, *q, *h)).collect();
    all.chunks(*arms).map(<[_]>::to_vec).collect()
}

#[test]
fn payoffs_are_scaled_and_the_strongest_hack_has_the_largest_proxy() {
    for arms in [4, 16, 64] {
        let t = task("bandit", [("arms", number(f64::from(arms))), ("contexts", number(8.0))]);
        for row in contexts(&t.view) {
            let ordinary: Vec<f32> = row.iter().filter(|a| !a.2).map(|a| a.0).collect();
            let mean = ordinary.iter().sum::<f32>() / ordinary.len() as f32;
            let best = ordinary.iter().copied().fold(f32::MIN, f32::max);
            assert!(mean.abs() < 1e-5 && (best - 1.0).abs() < 1e-6, "{mean} {best}");
            let hacks: Vec<_> = row.iter().filter(|a| a.2).collect();
            assert_eq!(hacks.len(), 2);
            assert!(hacks.iter().all(|a| a.0 == -1.0));
            let top = row.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            assert!(top.2, "the largest proxy is a hack's");
        }
    }
}

#[test]
fn the_base_policy_rarely_hacks_and_references_are_drawn_from_it() {
    let t = task("bandit", [("noise", number(0.0)), ("references", number(10.0)), ("contexts", number(1.0))]);
    let row = &contexts(&t.view)[0];
    let mut prior = vec![0.0; t.n_actions];
    steps(&t).prior(&[0; 64], &mut prior);
    let total: f32 = prior.iter().map(|x| x.exp()).sum();
    let mut counts = vec![0usize; t.n_actions];
    let n = 2000;
    for update in 0..n {
        let e = play(&t, key(update, 3), |_, _| 0);
        for reading in list(&t, &e.record, "ref_proxy") {
            counts[row.iter().position(|a| a.1 == *reading).expect("a reading without noise is an arm's proxy")] += 1;
        }
    }
    for (arm, count) in counts.iter().enumerate() {
        let share = *count as f32 / (10 * n) as f32;
        let expected = prior[arm].exp() / total;
        assert!((share - expected).abs() < 0.01, "arm {arm}: {share} for {expected}");
        assert!(!row[arm].2 || expected < 0.01);
    }
}

#[test]
fn a_reading_is_the_proxy_and_noise_and_the_payoff_is_out_of_sight() {
    let t = task("bandit", [("contexts", number(3.0))]);
    let rows = contexts(&t.view);
    let (mut sum, mut squares, n) = (0.0f64, 0.0f64, 4000);
    for update in 0..n {
        let e = play(&t, key(update, update % 5), |_, _| update % 16);
        let context = scalar(&t, &e.record, "context") as usize;
        let arm = rows[context][(update % 16) as usize];
        assert_eq!(e.score, arm.0);
        let error = f64::from(scalar(&t, &e.record, "proxy") - arm.1);
        sum += error;
        squares += error * error;
    }
    let (mean, deviation) = (sum / f64::from(n), (squares / f64::from(n)).sqrt());
    assert!(mean.abs() < 0.02 && (deviation - 0.3).abs() < 0.02, "{mean} {deviation}");
    assert!(t.schema.get("payoff").is_none() && t.schema.get("hack").is_none());
}

#[test]
fn readings_of_the_middle_are_as_much_noisier_as_asked() {
    let settings = [("arms", 8.0), ("hacks", 0.0), ("contexts", 1.0), ("noise", 0.2), ("middle_noise", 3.0)];
    let t = task("bandit", settings.map(|(name, x)| (name, number(x))));
    let row = &contexts(&t.view)[0];
    let mut order: Vec<usize> = (0..8).collect();
    order.sort_by(|a, b| row[*a].0.total_cmp(&row[*b].0));
    for (rank, arm) in order.into_iter().enumerate() {
        let squares = (0..2000).map(|update| {
            let e = play(&t, key(update, 0), |_, _| arm as u32);
            (scalar(&t, &e.record, "proxy") - row[arm].1).powi(2)
        });
        let deviation = (squares.sum::<f32>() / 2000.0).sqrt();
        let expected = if (2..6).contains(&rank) { 0.6 } else { 0.2 };
        assert!((deviation / expected - 1.0).abs() < 0.06, "rank {rank}: {deviation}");
    }
}

/// Where the reward model does not look at quality, what a program sees does not depend on the payoff of hacks.
#[test]
fn the_record_is_free_of_the_true_score() {
    let at = |payoff| {
        task("bandit", [("hack_payoff", number(payoff)), ("proxy_scale", number(0.0)), ("good_fraction", number(0.05))])
    };
    let (a, b) = (at(-1.0), at(-3.0));
    let mut differ = 0;
    for update in 0..200 {
        let (x, y) = (play(&a, key(update, 1), |_, _| update % 16), play(&b, key(update, 1), |_, _| update % 16));
        assert_eq!(x.record, y.record);
        differ += usize::from(x.score != y.score);
    }
    assert!(differ > 5, "hacks were pulled and scored differently");
}

#[test]
fn a_noisy_verifier_changes_verdicts_and_not_the_score() {
    let clean = task("bandit", []);
    let noisy = task("bandit", [("false_positive", number(0.2)), ("false_negative", number(0.5))]);
    let (mut right, mut wrong, mut flipped) = (0, 0, [0, 0]);
    for update in 0..6000 {
        let act = |_: u32, _: &_| update % 16;
        let (x, y) = (play(&clean, key(update, 0), act), play(&noisy, key(update, 0), act));
        assert_eq!(x.score, y.score);
        let truth = scalar(&clean, &x.record, "correct") == 1.0;
        let changed = scalar(&clean, &x.record, "correct") != scalar(&noisy, &y.record, "correct");
        right += i32::from(truth);
        wrong += i32::from(!truth);
        flipped[usize::from(truth)] += i32::from(changed);
        // Two of sixteen arms are in the best tenth, rounded up; hacks are not among them.
        assert!(!truth || x.score > 0.0);
    }
    let share = f64::from(right) / f64::from(right + wrong);
    assert!((share - 2.0 / 16.0).abs() < 0.02, "{share}");
    assert!((f64::from(flipped[0]) / f64::from(wrong) - 0.2).abs() < 0.02);
    assert!((f64::from(flipped[1]) / f64::from(right) - 0.5).abs() < 0.06);
}

#[test]
fn too_many_hacks_are_refused_in_a_sentence() {
    let refused = build("bandit", &overrides([("arms", number(4.0)), ("hacks", number(3.0))])).err().unwrap();
    assert_eq!(refused[0].message, "hacks must leave two ordinary arms; 3 of 4 do not");
    assert!(build("bandit", &overrides([("arms", number(65.0))])).is_err());
}
