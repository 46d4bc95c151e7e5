//! The edge to the browser: messages in and out, the clock, giving way to other tasks, and panics.

use crate::checkpoints::Checkpoints;
use goodhart_core::engine::Checkpoint;
use goodhart_core::protocol::wire;
use goodhart_core::protocol::{Command, Event};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent};

thread_local! {
    static INBOX: RefCell<VecDeque<Command>> = const { RefCell::new(VecDeque::new()) };
    /// Resolves the promise of whoever waits for a command.
    static WAITING: RefCell<Option<js_sys::Function>> = const { RefCell::new(None) };
    static CHANNEL: RefCell<Option<MessageChannel>> = const { RefCell::new(None) };
    static LAST: RefCell<Checkpoints> = const { RefCell::new(Checkpoints::none()) };
    /// When something was last sent.
    static SENT: Cell<f64> = const { Cell::new(0.0) };
}

/// Milliseconds between two signs of life.
const BEAT: i32 = 500;

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Sends an event to the page.
pub fn post(event: &Event) {
    let array = js_sys::Uint8Array::from(wire::encode(event).as_slice());
    let transfer = js_sys::Array::of1(&array.buffer());
    // Posting fails only when the page is gone.
    let _ = scope().post_message_with_transfer(&array, &transfer);
    SENT.set(now());
}

/// A sign of life from the middle of long work, if the last word was a while ago.
pub fn beat() {
    if now() - SENT.get() >= f64::from(BEAT) {
        post(&Event::Alive { run: LAST.with_borrow(Checkpoints::run) });
    }
}

/// Signs of life for as long as messages can be taken in.
pub fn beat_regularly() {
    let handler = Closure::<dyn FnMut()>::new(beat);
    let callback = handler.as_ref().unchecked_ref();
    let _ = scope().set_interval_with_callback_and_timeout_and_arguments_0(callback, BEAT);
    handler.forget();
}

/// Puts every message from now on into the inbox.
pub fn listen() {
    let handler = Closure::<dyn FnMut(MessageEvent)>::new(|message: MessageEvent| {
        let Ok(array) = message.data().dyn_into::<js_sys::Uint8Array>() else { return };
        match wire::decode::<Command>(&array.to_vec()) {
            Ok(command) => {
                INBOX.with_borrow_mut(|inbox| inbox.push_back(command));
                if let Some(resolve) = WAITING.with_borrow_mut(Option::take) {
                    let _ = resolve.call0(&JsValue::NULL);
                }
            }
            Err(e) => {
                let run = LAST.with_borrow(Checkpoints::run);
                post(&Event::Failed { run, message: e.to_string(), checkpoint: None });
            }
        }
    });
    scope().set_onmessage(Some(handler.as_ref().unchecked_ref()));
    handler.forget();
}

/// The next command that has arrived, if any.
pub fn next_command() -> Option<Command> {
    INBOX.with_borrow_mut(VecDeque::pop_front)
}

/// Whether another run waits to be loaded.
pub fn is_superseded() -> bool {
    INBOX.with_borrow(|inbox| inbox.iter().any(|command| matches!(command, Command::Load { .. })))
}

/// Waits until a command arrives.
pub async fn wait_for_command() {
    if INBOX.with_borrow(|inbox| !inbox.is_empty()) {
        return;
    }
    let promise = js_sys::Promise::new(&mut |resolve, _| WAITING.with_borrow_mut(|w| *w = Some(resolve)));
    let _ = JsFuture::from(promise).await;
}

/// Lets messages in, without the delay that nested timers have.
pub async fn give_way() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        CHANNEL.with_borrow_mut(|channel| {
            if channel.is_none() {
                *channel = MessageChannel::new().ok();
            }
            match channel {
                Some(channel) => {
                    channel.port1().set_onmessage(Some(&resolve));
                    let _ = channel.port2().post_message(&JsValue::NULL);
                }
                None => drop(resolve.call0(&JsValue::NULL)),
            }
        });
    });
    let _ = JsFuture::from(promise).await;
}

/// Waits at least some milliseconds; commands interrupt nothing but are there afterwards.
pub async fn sleep(ms: u32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let _ = scope().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms as i32);
    });
    let _ = JsFuture::from(promise).await;
}

/// What a future gives within some milliseconds; None if it takes longer.
pub async fn within<T: 'static>(ms: u32, future: impl Future<Output = T> + 'static) -> Option<T> {
    let slot = Rc::new(RefCell::new(None));
    let filled = slot.clone();
    let done = wasm_bindgen_futures::future_to_promise(async move {
        *filled.borrow_mut() = Some(future.await);
        Ok(JsValue::NULL)
    });
    let late = wasm_bindgen_futures::future_to_promise(async move {
        sleep(ms).await;
        Ok(JsValue::NULL)
    });
    let _ = JsFuture::from(js_sys::Promise::race(&js_sys::Array::of2(&done, &late))).await;
    slot.take()
}

/// Bytes that this module has of the browser; they never become fewer.
pub fn memory() -> usize {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size(0) << 16;
    #[cfg(not(target_arch = "wasm32"))]
    0
}

/// Milliseconds of a clock that only goes forward.
pub fn now() -> f64 {
    scope().performance().map_or(0.0, |p| p.now())
}

/// Vendor and architecture of the adapter, such as "nvidia ampere": browsers leave the description that wgpu reads empty.
pub async fn adapter_name() -> Option<String> {
    let get = |from: &JsValue, key: &str| js_sys::Reflect::get(from, &key.into()).ok().filter(|v| !v.is_undefined());
    let gpu = get(&get(&js_sys::global(), "navigator")?, "gpu")?;
    let options = js_sys::Object::new();
    js_sys::Reflect::set(&options, &"powerPreference".into(), &"high-performance".into()).ok()?;
    let request: js_sys::Function = get(&gpu, "requestAdapter")?.dyn_into().ok()?;
    let promise: js_sys::Promise = request.call1(&gpu, &options).ok()?.dyn_into().ok()?;
    let info = get(&JsFuture::from(promise).await.ok()?, "info")?;
    let words: Vec<String> = ["vendor", "architecture", "device"]
        .iter()
        .filter_map(|key| get(&info, key)?.as_string())
        .filter(|word| !word.is_empty())
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Another run is in hand, with where it begins if that is known.
pub fn begin(run: u32, checkpoint: Option<Checkpoint>) {
    LAST.set(Checkpoints::begin(run, checkpoint));
}

/// Keeps what the page would need to go on elsewhere.
pub fn remember(checkpoint: Checkpoint) {
    LAST.with_borrow_mut(|last| last.keep(checkpoint));
}

/// The run in hand and its last checkpoint.
pub fn remembered() -> (u32, Option<Checkpoint>) {
    LAST.with_borrow(Checkpoints::last)
}

/// Forgets the checkpoints from after an update.
pub fn forget_after(update: u32) {
    LAST.with_borrow_mut(|last| last.forget_after(update));
}

/// Where to go back to for an update; see `Checkpoints::before`.
pub fn before(at: u32) -> Option<(Checkpoint, u32)> {
    LAST.with_borrow(|last| last.before(at))
}

/// A panic is a bug; the page hears of it with the last checkpoint, so that it costs nobody their run.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        let last = LAST.try_with(|last| last.try_borrow().map(|last| last.last()).ok());
        let (run, checkpoint) = last.ok().flatten().unwrap_or_default();
        post(&Event::Failed { run, message: format!("the engine stopped at an internal error: {info}"), checkpoint });
    }));
}
