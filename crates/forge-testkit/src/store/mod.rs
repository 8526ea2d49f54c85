//! The contract of stores, as tests. [`store_contract!`](crate::store_contract) makes one test of each scenario.
//!
//! Most scenarios open several stores in one place, as several processes share a file. Time is that of the
//! subject's clock, and futures are waited for without a runtime.

pub mod access;
pub mod accounts;
pub mod budget;
pub mod journal;
pub mod prompts;
pub mod queue;
pub mod responses;

use std::{
    any::Any,
    fmt,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use forge_core::time::ManualTimer;

/// A place that nothing was stored in yet. Each scenario needs a fresh one.
pub struct Subject<S> {
    clock: ManualTimer,
    open: Box<dyn Fn() -> Arc<S> + Send + Sync>,
    /// The last field, and so dropped last: a folder must not go while a store is open in it.
    _place: Box<dyn Any + Send + Sync>,
}

impl<S> Subject<S> {
    /// A place whose clock is `clock`. Each store that `open` opens there is on its own, as those of several
    /// processes are, if stores of this kind can be shared at all.
    pub fn new(clock: ManualTimer, open: impl Fn() -> Arc<S> + Send + Sync + 'static) -> Self {
        Self { clock, open: Box::new(open), _place: Box::new(()) }
    }

    /// The same subject, which keeps the place until its stores are closed.
    pub fn within(self, place: impl Any + Send + Sync) -> Self {
        Self { _place: Box::new(place), ..self }
    }

    /// A store in the place. Those that were opened before stay open.
    pub fn open(&self) -> Arc<S> {
        (self.open)()
    }

    /// The clock of all its stores.
    pub fn clock(&self) -> &ManualTimer {
        &self.clock
    }
}

impl<S> fmt::Debug for Subject<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future that needs no runtime. No door to storage does.
pub fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Has `count` threads do the same at once, on two stores, which stand for two processes; returns what came
/// of it, by thread.
fn at_once<S: Send + Sync + 'static, T: Send + 'static>(
    subject: &Subject<S>,
    count: usize,
    work: impl Fn(Arc<S>, usize) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let (stores, work) = ([subject.open(), subject.open()], Arc::new(work));
    let threads: Vec<_> = (0..count)
        .map(|at| {
            let (store, work) = (Arc::clone(&stores[at % 2]), Arc::clone(&work));
            thread::spawn(move || work(store, at))
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}
