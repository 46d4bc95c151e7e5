//! The page's side of the engine: the workers, and the session that says what they do.

mod edits;
mod load;
mod messages;
mod pace;
mod recover;
mod regroup;
mod session;
mod slot;
mod state;
mod watchdog;
mod worker;

pub use messages::{Bounds, Choice, ClientEvent, Effect, EngineView, Past, Start};
pub use state::Session;

use crate::browser::time;
use std::cell::RefCell;
use std::rc::Rc;
use worker::{EngineWorker, Incoming};

struct Inner {
    session: Session,
    workers: Vec<Option<EngineWorker>>,
    tell: Rc<dyn Fn(ClientEvent)>,
}

/// A handle on the engine; clones share it.
#[derive(Clone)]
pub struct Client(Rc<RefCell<Inner>>);

impl Client {
    /// Starts the first worker. `tell` is called with everything the page should know.
    pub fn start(choice: Choice, cores: usize, tell: impl Fn(ClientEvent) + 'static) -> Self {
        let (session, effects) = Session::new(choice, cores);
        let client = Self(Rc::new(RefCell::new(Inner { session, workers: Vec::new(), tell: Rc::new(tell) })));
        client.carry_out(effects);
        // The engine lives as long as the page.
        let watched = client.clone();
        time::every(watchdog::EVERY, move || watched.act(Session::tick));
        client
    }

    /// Does something with the session and carries out what follows.
    pub fn act(&self, f: impl FnOnce(&mut Session) -> Vec<Effect>) {
        let effects = {
            let session = &mut self.0.borrow_mut().session;
            session.at(time::now());
            f(session)
        };
        self.carry_out(effects);
    }

    fn carry_out(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Start(at) => self.start_worker(at),
                Effect::Stop(at) => {
                    if let Some(slot) = self.0.borrow_mut().workers.get_mut(at) {
                        *slot = None;
                    }
                }
                Effect::Send(at, command) => {
                    let refused = match self.0.borrow().workers.get(at) {
                        Some(Some(worker)) => worker.send(&command).err(),
                        _ => None,
                    };
                    if let Some(message) = refused {
                        self.crashed(at, message);
                    }
                }
                Effect::Tell(told) => {
                    let tell = self.0.borrow().tell.clone();
                    tell(told);
                }
            }
        }
    }

    fn start_worker(&self, at: usize) {
        let weak = Rc::downgrade(&self.0);
        let started = EngineWorker::start(move |incoming| {
            let Some(client) = weak.upgrade().map(Client) else { return };
            match incoming {
                Incoming::Event(event) => client.act(|s| s.on_event(at, event)),
                Incoming::Crashed(message) => client.crashed(at, message),
            }
        });
        match started {
            Ok(worker) => {
                let workers = &mut self.0.borrow_mut().workers;
                if workers.len() <= at {
                    workers.resize_with(at + 1, || None);
                }
                workers[at] = Some(worker);
            }
            Err(message) => self.crashed(at, message),
        }
    }

    /// Later, not now: what follows may drop the worker whose callback is running.
    fn crashed(&self, at: usize, message: String) {
        let client = self.clone();
        wasm_bindgen_futures::spawn_local(async move { client.act(|s| s.on_crash(at, message)) });
    }
}
