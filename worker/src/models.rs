//! The worker that trains reward models, started by the first run that learns any: burn is megabytes, and what it does
//! must not keep this worker's messages waiting.

use crate::edge;
use goodhart_core::engine::reward_models::FirstTraining;
use goodhart_core::engine::{Bases, LaneId};
use goodhart_core::plan::Plan;
use goodhart_core::protocol::wire;
use goodhart_core::protocol::{Event, TrainedOn, TrainingCommand, TrainingEvent};
use goodhart_core::reward_models::Job;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

const SCRIPT: &str = "./goodhart-reward-models_loader.js";

/// The same with WebGPU, several times as large: for runs on the WebGPU engine.
const GPU_SCRIPT: &str = "./goodhart-gpu-reward-models_loader.js";

/// Milliseconds without a word after which the one with WebGPU counts as failed; its first step compiles shaders.
const SILENCE: u32 = 120_000;

/// Trainings that are remembered.
const KEPT: usize = 64;

thread_local! {
    static TRAINER: RefCell<Option<Rc<Trainer>>> = const { RefCell::new(None) };
    /// The module with WebGPU did not load, found no device, or failed: the other one trains from then on.
    static NO_GPU: Cell<bool> = const { Cell::new(false) };
    /// What trainings before a run came to: the next run often begins with the same, as after an edit of a reward.
    static LEARNED: RefCell<VecDeque<Known>> = const { RefCell::new(VecDeque::new()) };
}

/// A training that was done. What a GPU might have trained is no answer to a run on the CPU.
struct Known {
    job: Job,
    gpu: bool,
    learned: Learned,
}

/// The weights of a job's models, and what trained them; None if there was nothing to train.
type Learned = (Vec<f32>, Option<TrainedOn>);

/// The worker, and what it has said and nobody has heard yet.
struct Trainer {
    worker: Worker,
    /// It is the one with WebGPU.
    gpu: bool,
    heard: Rc<Heard>,
    next: Cell<u32>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_error: Closure<dyn Fn(ErrorEvent)>,
}

#[derive(Default)]
struct Heard {
    events: RefCell<VecDeque<Result<TrainingEvent, String>>>,
    waiting: RefCell<Option<js_sys::Function>>,
}

impl Heard {
    fn put(&self, event: Result<TrainingEvent, String>) {
        self.events.borrow_mut().push_back(event);
        if let Some(resolve) = self.waiting.borrow_mut().take() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    }

    async fn next(&self) -> Result<TrainingEvent, String> {
        loop {
            if let Some(event) = self.events.borrow_mut().pop_front() {
                return event;
            }
            let promise = js_sys::Promise::new(&mut |resolve, _| *self.waiting.borrow_mut() = Some(resolve));
            let _ = JsFuture::from(promise).await;
        }
    }

    /// The same, unless it takes too long.
    async fn soon(self: Rc<Self>) -> Result<TrainingEvent, String> {
        let late = || Err("the training of the reward models does not answer".into());
        edge::within(SILENCE, async move { self.next().await }).await.unwrap_or_else(late)
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

impl Trainer {
    /// Starts the worker and waits until it runs; `gpu` asks for the one with WebGPU.
    async fn start(gpu: bool) -> Result<Rc<Self>, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let refused = |_| "the browser refused to start the worker that learns reward models".to_string();
        let worker = Worker::new_with_options(if gpu { GPU_SCRIPT } else { SCRIPT }, &options).map_err(refused)?;
        let heard = Rc::new(Heard::default());
        let to = heard.clone();
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            let bytes = message.data().dyn_into::<js_sys::Uint8Array>();
            let event = bytes.map_err(|_| "the worker that learns reward models spoke no message".to_string());
            to.put(event.and_then(|bytes| wire::decode(&bytes.to_vec()).map_err(|e| e.to_string())));
        });
        let to = heard.clone();
        let on_error = Closure::<dyn Fn(ErrorEvent)>::new(move |e: ErrorEvent| {
            e.prevent_default();
            // Where a script could not be fetched the event has no message at all.
            let message = js_sys::Reflect::get(&e, &"message".into()).ok().and_then(|m| m.as_string());
            let message = message.unwrap_or_else(|| "its file did not come".into());
            let message = message.trim_start_matches("Uncaught ");
            to.put(Err(format!("the module that learns reward models did not load or stopped: {message}")));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let this =
            Rc::new(Self { worker, gpu, heard, next: Cell::new(0), _on_message: on_message, _on_error: on_error });
        match this.hear().await? {
            TrainingEvent::Started => Ok(this),
            _ => Err("the worker that learns reward models answered before it was asked".into()),
        }
    }

    async fn hear(&self) -> Result<TrainingEvent, String> {
        if self.gpu { self.heard.clone().soon().await } else { self.heard.next().await }
    }

    /// The weights of a job's models; `tell` hears of its steps, and stops the training by answering false.
    async fn train(&self, job: &Job, mut tell: impl FnMut(u32) -> bool) -> Result<(Vec<f32>, TrainedOn), String> {
        let asked = self.next.get();
        self.next.set(asked.wrapping_add(1));
        let bytes = wire::encode(&TrainingCommand::Train { id: asked, gpu: self.gpu, job: Box::new(job.clone()) });
        let array = js_sys::Uint8Array::from(bytes.as_slice());
        let sent = self.worker.post_message_with_transfer(&array, &js_sys::Array::of1(&array.buffer()));
        sent.map_err(|_| "a message to the worker that learns reward models was refused".to_string())?;
        loop {
            match self.hear().await? {
                TrainingEvent::Progress { id, step, .. } if id == asked && !tell(step) => {
                    return Err("another run took the place of this one".into());
                }
                TrainingEvent::Trained { id, weights, on } if id == asked => return Ok((weights, on)),
                TrainingEvent::Failed { id, message } if id == asked => return Err(message),
                _ => {}
            }
        }
    }
}

/// Trains in the worker, which is started if need be; it does not outlive a failure.
async fn ask(job: &Job, gpu: bool, tell: impl FnMut(u32) -> bool) -> Result<(Vec<f32>, TrainedOn), String> {
    let running = TRAINER.with_borrow(Clone::clone).filter(|trainer| trainer.gpu == gpu);
    let trainer = match running {
        Some(trainer) => trainer,
        None => Trainer::start(gpu).await?,
    };
    TRAINER.with_borrow_mut(|kept| *kept = Some(trainer.clone()));
    let trained = trainer.train(job, tell).await;
    if trained.is_err() {
        TRAINER.with_borrow_mut(|kept| *kept = None);
    }
    trained
}

/// Trains; with `gpu` on a GPU, if it does so faster. Where that fails the CPU trains, now and from then on.
async fn train(job: &Job, gpu: bool, mut tell: impl FnMut(u32) -> bool) -> Result<Learned, String> {
    if job.is_empty() {
        return Ok((job.weights(), None));
    }
    if !gpu || NO_GPU.get() {
        return ask(job, false, tell).await.map(|(weights, on)| (weights, Some(on)));
    }
    let mut superseded = false;
    let tried = ask(job, true, |step| {
        superseded = !tell(step);
        !superseded
    });
    let (trained, why) = match tried.await {
        Ok((weights, on)) => {
            let without = on.gpu_ms.is_none().then(|| "its module found no device, or the device failed".into());
            ((weights, on), without)
        }
        Err(message) if superseded => return Err(message),
        // What fails on either, such as a training that diverges, is no fault of the GPU.
        Err(message) => (ask(job, false, tell).await?, Some(message)),
    };
    if let Some(why) = why {
        NO_GPU.set(true);
        let message =
            format!("The CPU trains the reward models from now on, and nothing is lost. WebGPU could not: {why}");
        edge::post(&Event::Notice { run: edge::remembered().0, message });
    }
    Ok((trained.0, Some(trained.1)))
}

/// Trains, unless the same job was done before.
async fn learn(job: &Job, gpu: bool, tell: impl FnMut(u32) -> bool) -> Result<Learned, String> {
    let known = |all: &VecDeque<Known>| {
        let done = all.iter().find(|known| known.gpu == gpu && known.job == *job);
        done.map(|known| known.learned.clone())
    };
    if let Some(learned) = LEARNED.with_borrow(known) {
        return Ok(learned);
    }
    let learned = train(job, gpu, tell).await?;
    LEARNED.with_borrow_mut(|all| {
        all.push_back(Known { job: job.clone(), gpu, learned: learned.clone() });
        if all.len() > KEPT {
            all.pop_front();
        }
    });
    Ok(learned)
}

/// The models of some seeds before a run, with progress on screen: weights by seed; none if the run learns none. With
/// `gpu` a GPU may train them.
pub async fn first(
    run: u32,
    plan: &Arc<Plan>,
    seeds: &[u32],
    bases: Option<&Bases>,
    gpu: bool,
) -> Result<Vec<(u32, Vec<f32>)>, String> {
    let Some(models) = &plan.reward_models else { return Ok(Vec::new()) };
    let of = models.params.steps * seeds.len() as u32;
    let (mut learned, mut reports, mut trained_on) = (Vec::new(), Vec::new(), None);
    for (i, seed) in seeds.iter().enumerate() {
        let Some(start) = FirstTraining::new(plan, *seed as usize, bases)? else { continue };
        edge::post(&Event::ModelsProgress { run, step: models.params.steps * i as u32, of });
        let tell = |step| {
            edge::post(&Event::ModelsProgress { run, step: models.params.steps * i as u32 + step, of });
            !edge::is_superseded()
        };
        let (weights, on) = learn(start.job(), gpu, tell).await?;
        trained_on = trained_on.or(on);
        let (weights, report) = start.finish(weights);
        learned.push((*seed, weights));
        reports.extend(report);
    }
    edge::post(&Event::Models { run, reports, on: trained_on });
    Ok(learned)
}

/// A training in the middle of a run: the weights of a lane's models.
pub async fn again(jobs: Vec<(LaneId, Job)>, gpu: bool) -> Result<Vec<(LaneId, Vec<f32>)>, String> {
    let mut learned = Vec::new();
    for (lane, job) in jobs {
        learned.push((lane, train(&job, gpu, |_| !edge::is_superseded()).await?.0));
    }
    Ok(learned)
}
