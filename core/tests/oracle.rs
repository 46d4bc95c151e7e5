//! The oracle on the shipped tasks: what the optimum of a reward is and what it is worth.

use goodhart_core::experiment::{self, Experiment};
use goodhart_core::oracle;
use goodhart_core::oracle::report::{Report, Solved};
use goodhart_core::plan;
use std::path::Path;

fn shipped(id: &str) -> Experiment {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../experiments/{id}.toml"));
    experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn report(experiment: &Experiment, arm: usize) -> Report {
    oracle::solve(&plan::plan(experiment).unwrap(), arm)
}

#[test]
fn timing() {
    for id in ["coin-circling", "par"] {
        let e = shipped(id);
        for arm in 0..e.arms.len() {
            let start = std::time::Instant::now();
            let r = report(&e, arm);
            println!("{id} {} {:?}", r.arm, start.elapsed());
            println!("{:?} {} {:?}", r.solved, r.says, r.notes);
            let o = r.optimum.unwrap();
            println!("{:?}", (o.value, o.bound, o.true_score, o.true_low, o.true_high, o.length));
            println!("{:?} {:?} {:?}", r.true_share, r.regret, r.starc);
            assert_ne!(r.solved, Solved::Not);
        }
        println!("{:?}", oracle::distances(&plan::plan(&e).unwrap()));
    }
}
