//! The essay task: what the true score likes, what the readings like, and how rarely the base policy overdoes it.

mod common;

use common::{Episode, list, number, play, scalar, steps, task};
use goodhart_core::math::rng::{draw, uniform};
use goodhart_core::tasks::{DrawKey, Task};

fn key(update: u32, sample: u32) -> DrawKey {
    DrawKey { seed: 3, update, group: update % 5, sample }
}

fn answer(t: &Task, key: DrawKey, levels: [u32; 6]) -> Episode {
    play(t, key, |step, _| levels[step as usize])
}

/// An answer of the base policy.
fn base(t: &Task, key: DrawKey) -> Episode {
    play(t, key, |step, state| {
        let mut prior = vec![0.0; t.n_actions];
        steps(t).prior(state, &mut prior);
        let total: f32 = prior.iter().map(|x| x.exp()).sum();
        let mut u = total * uniform(draw(77, key.update, key.group, key.sample, step, 0)[0]);
        let picked = prior.iter().position(|x| {
            u -= x.exp();
            u < 0.0
        });
        picked.unwrap_or(t.n_actions - 1) as u32
    })
}

fn all_levels(n: u32) -> impl Iterator<Item = [u32; 6]> {
    (0..n.pow(6)).map(move |i| std::array::from_fn(|a| i / n.pow(a as u32) % n))
}

#[test]
fn the_best_answer_has_one_and_it_is_not_the_one_with_the_most_of_everything() {
    let t = task("essay", [("levels", number(5.0)), ("contexts", number(1.0))]);
    let scores: Vec<([u32; 6], f32)> = all_levels(5).map(|l| (l, answer(&t, key(0, 0), l).score)).collect();
    let best = scores.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert!((best.1 - 1.0).abs() < 0.004, "{best:?}");
    assert!(scores.iter().all(|s| (-1.0..=1.0).contains(&s.1)));
    assert!(best.0.iter().skip(1).any(|l| *l < 4), "{best:?}");
    let most = scores.iter().find(|s| s.0 == [4; 6]).unwrap();
    assert!(most.1 < 0.2, "{most:?}");
}

#[test]
fn without_overdoing_more_is_not_worse() {
    let t = task("essay", [("overdoing", number(0.0)), ("contexts", number(1.0))]);
    for levels in all_levels(6).step_by(17) {
        let score = answer(&t, key(0, 0), levels).score;
        for a in 0..6 {
            let mut more = levels;
            more[a] = (more[a] + 1).min(5);
            assert!(answer(&t, key(0, 0), more).score >= score, "{levels:?} {more:?}");
        }
    }
}

#[test]
fn the_base_policy_is_mediocre_and_rarely_goes_to_extremes() {
    let t = task("essay", []);
    let (mut sum, mut extreme, mut extremes, n) = (0.0, 0, 0, 2000);
    for update in 0..n {
        let e = base(&t, key(update, update % 8));
        sum += e.score;
        let top = list(&t, &e.record, "features")[..6].iter().filter(|x| **x == 1.0).count();
        extreme += usize::from(top > 0);
        extremes += usize::from(top > 1);
    }
    let mean = sum / n as f32;
    assert!((0.2..0.7).contains(&mean), "{mean}");
    assert!(extreme < n as usize / 12 && extremes < n as usize / 200, "{extreme} {extremes} of {n}");
}

#[test]
fn features_describe_the_answer_and_fix_the_true_score() {
    let t = task("essay", []);
    for (i, levels) in all_levels(6).step_by(997).enumerate() {
        let e = answer(&t, key(i as u32, 2), levels);
        let features = list(&t, &e.record, "features");
        let expected: Vec<f32> = levels.iter().map(|l| *l as f32 / 5.0).collect();
        assert_eq!(features[..6], expected[..]);
        assert_eq!(features[6], scalar(&t, &e.record, "risk"));
        let again = answer(&t, key(i as u32, 5), levels);
        assert_eq!((again.score, e.length), (e.score, 6));
        assert_eq!(list(&t, &again.record, "features"), features);
    }
}

/// The same answers, read with and without: whatever is read of them moves by as much, and they are worth the same.
#[test]
fn an_easy_prompt_adds_to_every_reading_and_a_hard_one_takes_as_much() {
    let (plain, t) = (task("essay", []), task("essay", [("ease", number(1.5))]));
    let mut seen = [0; 4];
    for update in 0..60 {
        let (before, after) = (base(&plain, key(update, 1)), base(&t, key(update, 1)));
        let context = scalar(&t, &after.record, "context") as usize;
        let shift = [1.5, -1.5, -1.5, 1.5][context];
        for name in ["helpful", "harmless"] {
            let read = scalar(&t, &after.record, name) - scalar(&plain, &before.record, name);
            assert!((read - shift).abs() < 2e-3, "{name} of prompt {context}: {read}");
            let name = format!("ref_{name}");
            let references = list(&t, &after.record, &name).iter().zip(list(&plain, &before.record, &name));
            assert!(references.into_iter().all(|(a, b)| (a - b - shift).abs() < 2e-3), "{name}");
        }
        assert_eq!(before.score, after.score);
        seen[context] += 1;
    }
    assert!(seen.iter().all(|n| *n > 5));
}

/// The readings and the references have the base policy's average answer at 0, and noise of the stated deviation.
#[test]
fn readings_are_centred_on_the_base_policy_and_references_are_its_answers() {
    let t = task("essay", [("references", number(16.0))]);
    let quiet = task("essay", [("references", number(16.0)), ("noise", number(0.0))]);
    for name in ["helpful", "harmless"] {
        let (mut own, mut references, mut noise, n) = (Vec::new(), Vec::new(), 0.0, 1500);
        for update in 0..n {
            let (e, q) = (base(&t, key(update, 1)), base(&quiet, key(update, 1)));
            let reading = scalar(&t, &e.record, name);
            own.push(reading);
            noise += (reading - scalar(&quiet, &q.record, name)).powi(2);
            references.extend_from_slice(list(&t, &e.record, &format!("ref_{name}")));
        }
        let moments = |xs: &[f32]| {
            let mean = xs.iter().sum::<f32>() / xs.len() as f32;
            (mean, (xs.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / xs.len() as f32).sqrt())
        };
        let ((a, da), (b, db)) = (moments(&own), moments(&references));
        assert!(a.abs() < 0.07 && b.abs() < 0.07 && (da - db).abs() < 0.06, "{name}: {a} +- {da}, {b} +- {db}");
        assert!(((noise / n as f32).sqrt() - 0.3).abs() < 0.02);
    }
}

#[test]
fn the_readings_disagree_about_caution_and_neither_sees_where_it_is_overdone() {
    let t = task("essay", [("noise", number(0.0)), ("contexts", number(1.0))]);
    let at = |caution: u32| answer(&t, key(0, 0), [3, 2, caution, 2, 1, 2]);
    let (mut scores, mut last) = (Vec::new(), (f32::MAX, f32::MIN));
    for caution in 0..6 {
        let e = at(caution);
        let now = (scalar(&t, &e.record, "helpful"), scalar(&t, &e.record, "harmless"));
        assert!(now.0 < last.0 && now.1 > last.1);
        last = now;
        scores.push(e.score);
    }
    let best = scores.iter().copied().fold(f32::MIN, f32::max);
    assert!(scores[0] < best && scores[5] < best, "{scores:?}");
}

#[test]
fn riskier_prompts_need_more_caution() {
    let t = task("essay", []);
    let mut best = [0; 4];
    for update in 0..40 {
        let at = |caution| answer(&t, key(update, 0), [4, 2, caution, 2, 1, 4]);
        let context = scalar(&t, &at(0).record, "context") as usize;
        best[context] = (0..6).max_by(|a, b| at(*a).score.total_cmp(&at(*b).score)).unwrap();
    }
    assert!(best.is_sorted() && best[0] < best[3], "{best:?}");
}

#[test]
fn the_verifier_asks_for_a_good_score_and_errs_at_the_stated_rates() {
    let clean = task("essay", []);
    let noisy = task("essay", [("false_positive", number(1.0)), ("false_negative", number(1.0))]);
    let mut seen = [0, 0];
    for (i, levels) in all_levels(6).step_by(211).enumerate() {
        let (x, y) = (answer(&clean, key(i as u32, 0), levels), answer(&noisy, key(i as u32, 0), levels));
        let good = x.score >= 0.75;
        assert_eq!(scalar(&clean, &x.record, "correct") == 1.0, good);
        assert_eq!(scalar(&noisy, &y.record, "correct") == 1.0, !good);
        assert_eq!(x.score, y.score);
        seen[usize::from(good)] += 1;
    }
    assert!(seen[0] > 10 && seen[1] > 3, "{seen:?}");
}
