//! Rollout, forward and backward of the transformer on a WebGPU device, against the CPU policy on the same tokens.
//! Tolerances: 2e-4 for log-probabilities, entropies and values; 1e-3 relative plus 2e-5 of the largest for gradients.

use crate::common::tokens;
use crate::device::context;
use crate::experiments::plan_of;
use crate::pass::floats;
use goodhart_core::engine::LaneId;
use goodhart_core::engine::gpu::{GpuContext, GpuEngine, Sizes};
use goodhart_core::math::rng::{draw, purpose, uniform};
use goodhart_core::plan::Plan;
use goodhart_core::policy::{Inputs, Policy};
use goodhart_core::tasks::DrawKey;
use std::sync::Arc;
use wasm_bindgen_test::wasm_bindgen_test;

const UPDATE: u32 = 3;
const GROUP: usize = 3;

struct Case {
    plan: Arc<Plan>,
    lanes: Vec<LaneId>,
    params: Vec<f32>,
    context: usize,
}

impl Case {
    fn new(heads: usize, estimator: &str) -> Self {
        let plan = plan_of(&format!(
            r#"{{"version": 1, "title": "test", "task": {{"kind": "length", "max_completion_length": 12}},
                "policy": {{"kind": "transformer", "d_model": 16, "layers": 2, "heads": {heads}}},
                "run": {{"updates": 10, "seeds": 2, "first_seed": 5, "groups": 3, "num_generations": {GROUP}}},
                "algorithm": {{"estimator": "{estimator}"}},
                "arms": [{{"name": "a", "code": "def r(ep):\n    return 1.0\n"}},
                         {{"name": "b", "code": "def r(ep):\n    return 2.0\n"}}]}}"#
        ));
        let policy = build(&plan);
        let lanes = [(0, 0), (1, 0), (0, 1)].map(|(arm, seed)| LaneId { arm, seed }).to_vec();
        let mut params = vec![0.0; lanes.len() * policy.n_params()];
        for (l, params) in params.chunks_exact_mut(policy.n_params()).enumerate() {
            policy.init(l as u32, params);
            // Far from the first policy, whose outputs are nearly all alike.
            let noise = |i: usize| uniform(draw(1, i as u32, l as u32, 0, 0, purpose::INIT)[0]) - 0.5;
            params.iter_mut().enumerate().for_each(|(i, p)| *p += 0.3 * noise(i));
        }
        let context = plan.interface.prompt_len + plan.task.horizon;
        Self { plan, lanes, params, context }
    }

    fn of_lane(&self, lane: usize) -> &[f32] {
        let n = self.params.len() / self.lanes.len();
        &self.params[lane * n..(lane + 1) * n]
    }
}

fn build(plan: &Plan) -> Box<dyn Policy> {
    plan.policy.build(&plan.policy_params, &plan.interface).expect("the plan's policy builds")
}

/// What a device sampled.
struct Sampled {
    tokens: Vec<u32>,
    /// (length, truncated, true score, -) of each sample.
    samples: Vec<f32>,
    /// (logp, entropy, value, logp of the reference) of each row.
    old: Vec<f32>,
    records: Vec<f32>,
}

/// A lane's samples on the CPU: for each row of a pass its sample and step, log-probabilities, entropy and value.
struct Replayed {
    policy: Box<dyn Policy>,
    rows: Vec<(usize, usize)>,
    logp: Vec<f64>,
    entropy: Vec<f64>,
    values: Vec<f32>,
}

fn replay(case: &Case, params: &[f32], tokens: &[u32], lengths: &[u32]) -> Replayed {
    let (plan, prompt) = (&case.plan, case.plan.interface.prompt_len);
    let actions = plan.task.n_actions;
    let mut policy = build(plan);
    let of = |i: usize| &tokens[i * case.context..(i + 1) * case.context];
    let prompts: Vec<u32> = (0..lengths.len()).step_by(GROUP).flat_map(|i| of(i)[..prompt].to_vec()).collect();
    let groups: Vec<u32> = (0..lengths.len()).map(|i| (i / GROUP) as u32).collect();
    let rows: Vec<(usize, usize)> = (0..plan.task.horizon)
        .flat_map(|t| (0..lengths.len()).filter(move |i| lengths[*i] as usize > t).map(move |i| (i, t)))
        .collect();
    let inputs: Vec<u32> = rows.iter().map(|(i, t)| of(*i)[prompt + t - usize::from(*t > 0)]).collect();
    let mut logits = vec![0.0; rows.len() * actions];
    let mut values = vec![0.0; if plan.interface.critic { rows.len() } else { 0 }];
    policy.reset(params, &prompts, &groups);
    policy.replay(params, lengths, Inputs::Tokens(&inputs), &mut logits, &mut values);
    let (mut logp, mut entropy) = (Vec::new(), Vec::new());
    for row in logits.chunks_exact(actions) {
        let top = row.iter().copied().fold(f32::MIN, f32::max);
        let sum: f64 = row.iter().map(|z| f64::from(z - top).exp()).sum();
        let own: Vec<f64> = row.iter().map(|z| f64::from(z - top) - sum.ln()).collect();
        entropy.push(-own.iter().map(|l| l.exp() * l).sum::<f64>());
        logp.extend(own);
    }
    values.resize(rows.len(), 0.0);
    Replayed { policy, rows, logp, entropy, values }
}

fn close(got: f32, want: f64, what: &str) {
    assert!((f64::from(got) - want).abs() <= 2e-4 * want.abs().max(1.0), "{what}: {got} against {want}");
}

/// Prompts, records and true scores are the task's, every token the one that its random number picks.
fn check_samples(case: &Case, shape: &Sizes, got: &Sampled) -> usize {
    let (plan, prompt_len) = (&case.plan, case.plan.interface.prompt_len);
    let (task, stride) = (tokens(&plan.task), plan.task.schema.stride);
    let (mut odd, mut seen) = (0, 0);
    for (l, lane) in case.lanes.iter().enumerate() {
        let own = l * shape.samples()..(l + 1) * shape.samples();
        let lengths: Vec<u32> = own.clone().map(|s| got.samples[s * 4] as u32).collect();
        let mut sure = vec![[0.0f64; 3]; lengths.len()];
        let pass =
            replay(case, case.of_lane(l), &got.tokens[own.start * case.context..own.end * case.context], &lengths);
        let key = |i: usize| DrawKey {
            seed: plan.seed(lane.seed),
            update: UPDATE,
            group: (i / GROUP) as u32,
            sample: (i % GROUP) as u32,
        };
        for (r, (i, t)) in pass.rows.iter().enumerate() {
            let (sample, key) = (own.start + i, key(*i));
            let token = got.tokens[sample * case.context + prompt_len + t] as usize;
            let logp = &pass.logp[r * plan.task.n_actions..(r + 1) * plan.task.n_actions];
            let old = &got.old[(sample * shape.steps + t) * 4..][..4];
            close(old[0], logp[token], "logp");
            close(old[1], pass.entropy[r], "entropy");
            let from_uniform = -(logp.len() as f64).ln() - logp.iter().sum::<f64>() / logp.len() as f64;
            let step = [pass.entropy[r], logp[token], from_uniform];
            sure[*i].iter_mut().zip(step).for_each(|(sum, x)| *sum += x);
            close(old[2], f64::from(pass.values[r]), "value");
            let u = uniform(draw(key.seed, key.update, key.group, key.sample, *t as u32, purpose::ACTION)[0]);
            let mut below = 0.0;
            let picked = logp.iter().position(|l| {
                below += l.exp();
                f64::from(u) < below
            });
            odd += usize::from(picked != Some(token));
            seen += 1;
        }
        for (i, length) in lengths.iter().enumerate() {
            let sample = own.start + i;
            let (prompt, said) = got.tokens[sample * case.context..(sample + 1) * case.context].split_at(prompt_len);
            let mut want = vec![0; prompt_len];
            task.prompt(key(i), &mut want);
            assert_eq!(prompt, want, "the prompt of sample {sample}");
            let said = &said[..*length as usize];
            let cut = said.last() != Some(&task.end_token());
            assert_eq!(got.samples[sample * 4 + 1], f32::from(u8::from(cut)), "sample {sample} is truncated");
            assert!(!cut || said.len() == shape.steps, "sample {sample} ends or is as long as can be");
            let mut record = vec![0.0; stride];
            let score = task.finish(key(i), &want, said, cut, &mut record);
            assert_eq!(got.samples[sample * 4 + 2], score, "the true score of sample {sample}");
            let own = plan.confidence.slots();
            let [entropy, logp, certainty] = sure[i];
            let want = [entropy / f64::from(*length), logp, certainty / f64::from(*length)];
            let filled = &got.records[sample * stride..][own.clone()];
            filled.iter().zip(want).for_each(|(got, want)| close(*got, want, "confidence"));
            for field in plan.task.schema.fields.iter().filter(|field| !own.contains(&field.offset)) {
                let filled = if field.ty.is_list() { 1 + record[field.offset] as usize } else { 1 };
                let slots = field.offset..field.offset + filled;
                assert_eq!(got.records[sample * stride..][slots.clone()], record[slots], "{}", field.name);
            }
        }
    }
    assert!(odd * 500 <= seen, "{odd} of {seen} tokens are not those that their random numbers pick");
    seen
}

/// Gradients from random coefficients, a third of the samples left out.
async fn check_gradients(case: &Case, engine: &mut GpuEngine, got: &Sampled) {
    let shape = engine.sizes().clone();
    let n = shape.params;
    let mut coefs = vec![0.0f32; shape.lanes * shape.rows() * 4];
    let mut want = vec![0.0f32; shape.lanes * n];
    for l in 0..shape.lanes {
        let own = l * shape.samples()..(l + 1) * shape.samples();
        let lengths: Vec<u32> = own.clone().map(|s| got.samples[s * 4] as u32).collect();
        let params = case.of_lane(l);
        let said = &got.tokens[own.start * case.context..own.end * case.context];
        let mut pass = replay(case, params, said, &lengths);
        let (mut dlogits, mut dvalues) = (Vec::new(), Vec::new());
        for (r, (i, t)) in pass.rows.iter().enumerate() {
            let (sample, actions) = (own.start + i, case.plan.task.n_actions);
            let mut c = [0.0; 4];
            if sample % 3 != 2 {
                let random = draw(9, sample as u32, *t as u32, 0, 0, 1).map(|w| uniform(w) - 0.5);
                c = [random[0], random[1], if shape.critic { random[2] } else { 0.0 }, 1.0];
            }
            coefs[(sample * shape.steps + t) * 4..][..4].copy_from_slice(&c);
            let token = said[i * case.context + case.plan.interface.prompt_len + t] as usize;
            dlogits.extend(pass.logp[r * actions..(r + 1) * actions].iter().enumerate().map(|(a, logp)| {
                let p = logp.exp();
                let taken = f64::from(u8::from(a == token));
                (f64::from(c[0]) * (taken - p) - f64::from(c[1]) * p * (logp + pass.entropy[r])) as f32
            }));
            if shape.critic {
                dvalues.push(c[2]);
            }
        }
        pass.policy.backward(params, &dlogits, &dvalues, &mut want[l * n..(l + 1) * n]);
    }
    engine.write("coefs", 0, &coefs.iter().map(|c| c.to_bits()).collect::<Vec<_>>()).unwrap();
    engine.run_stage("backward", UPDATE).unwrap();
    let grads = floats(&engine.read("grads", 0, want.len()).await.unwrap());
    let scale = want.iter().fold(0.0f32, |m, g| m.max(g.abs()));
    assert!(scale > 0.0);
    for (i, (g, w)) in grads.iter().zip(&want).enumerate() {
        assert!((g - w).abs() <= 1e-3 * w.abs() + 2e-5 * scale, "parameter {i}: {g} against {w}, most {scale}");
    }
}

async fn agrees(context: &GpuContext, case: &Case) {
    let mut engine = GpuEngine::new(context, case.plan.clone(), &case.lanes, None).await.unwrap();
    let words = |scale: f32| case.params.iter().map(|p| (p * scale).to_bits()).collect::<Vec<_>>();
    engine.write("params", 0, &words(1.0)).unwrap();
    engine.write("base_params", 0, &words(0.5)).unwrap();
    let shape = engine.sizes().clone();
    let all = shape.lanes * shape.samples();
    engine.run_stage("rollout", UPDATE).unwrap();
    engine.run_stage("reference", UPDATE).unwrap();
    engine.run_stage("forward", UPDATE).unwrap();
    let got = Sampled {
        tokens: engine.read("tokens", 0, all * case.context).await.unwrap(),
        samples: floats(&engine.read("samples", 0, all * 4).await.unwrap()),
        old: floats(&engine.read("policy_old", 0, all * shape.steps * 4).await.unwrap()),
        records: floats(&engine.read("records", 0, all * case.plan.task.schema.stride).await.unwrap()),
    };
    let again = floats(&engine.read("policy_new", 0, all * shape.steps * 4).await.unwrap());
    let seen = check_samples(case, &shape, &got);
    assert!(seen > all * 2, "most samples are of some length");
    // The policy looked at again is the policy that sampled; with the reference it is the other one.
    for l in 0..shape.lanes {
        let own = l * shape.samples()..(l + 1) * shape.samples();
        let lengths: Vec<u32> = own.clone().map(|s| got.samples[s * 4] as u32).collect();
        let base: Vec<f32> = case.of_lane(l).iter().map(|p| p * 0.5).collect();
        let said = &got.tokens[own.start * case.context..own.end * case.context];
        let pass = replay(case, &base, said, &lengths);
        for (r, (i, t)) in pass.rows.iter().enumerate() {
            let row = (own.start + i) * shape.steps + t;
            for k in 0..3 {
                close(again[row * 4 + k], f64::from(got.old[row * 4 + k]), "forward");
            }
            let token = said[i * case.context + case.plan.interface.prompt_len + t] as usize;
            close(got.old[row * 4 + 3], pass.logp[r * shape.actions + token], "logp of the reference");
        }
    }
    check_gradients(case, &mut engine, &got).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_transformer_agrees() {
    let Some(context) = context().await else { return };
    agrees(&context, &Case::new(2, "grpo")).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_transformer_with_a_value_head_agrees() {
    let Some(context) = context().await else { return };
    agrees(&context, &Case::new(1, "gae")).await;
}
