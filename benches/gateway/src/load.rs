//! Load: a closed loop, in which each connection asks again when it was answered, and an open one, in which requests
//! come at their time whether the ones before were answered or not.

use std::{
    cell::RefCell,
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    sync::Notify,
    task::{LocalSet, yield_now},
};

use crate::client::{Bytes, Connection, Statuses};

/// What a load has measured.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) took: Vec<Duration>,
    pub(crate) content: Vec<Duration>,
    pub(crate) statuses: Statuses,
    /// Requests that got no whole answer.
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
}

impl Measured {
    pub(crate) fn good(&self) -> u64 {
        self.statuses.values().sum::<u64>() - self.failed
    }

    fn add(&mut self, outcome: std::io::Result<crate::client::Reply>) {
        match outcome {
            Ok(reply) => {
                *self.statuses.entry(reply.status).or_default() += 1;
                if reply.is_good() {
                    self.took.push(reply.took);
                    self.content.extend(reply.content);
                } else {
                    self.failed += 1;
                }
            }
            Err(_) => {
                *self.statuses.entry(0).or_default() += 1;
                self.failed += 1;
            }
        }
    }
}

/// A part of the values is at most this one.
pub(crate) fn percentile(values: &[Duration], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    let at = ((values.len() as f64 * part).ceil() as usize).clamp(1, values.len().max(1)) - 1;
    values.get(at).map_or(f64::NAN, |value| value.as_secs_f64() * 1e6)
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[length / 2],
        length => f64::midpoint(values[length / 2 - 1], values[length / 2]),
    }
}

/// So many calls over so many connections. Each begins a little after the one before, so that they do not go in step.
pub(crate) async fn closed(
    address: SocketAddr,
    request: &Bytes,
    connections: usize,
    calls: usize,
    stagger: Duration,
) -> Measured {
    let measured = Rc::new(RefCell::new(Measured::default()));
    let left = Rc::new(RefCell::new(calls));
    let begun = Instant::now();
    let clients = LocalSet::new();
    for at in 0..connections {
        let (measured, left, request) = (Rc::clone(&measured), Rc::clone(&left), request.clone());
        clients.spawn_local(async move {
            if !stagger.is_zero() {
                tokio::time::sleep(stagger * at as u32).await;
            }
            let mut connection = Connection::new(address);
            while take(&left) {
                let outcome = connection.exchange(&request, Instant::now()).await;
                measured.borrow_mut().add(outcome);
            }
        });
    }
    clients.await;
    let mut measured = measured.take();
    measured.seconds = begun.elapsed().as_secs_f64();
    measured
}

fn take(left: &RefCell<usize>) -> bool {
    let mut left = left.borrow_mut();
    let is_left = *left > 0;
    *left = left.saturating_sub(1);
    is_left
}

/// So many requests a second. A request's time counts from when it should have gone out, so that a server which is slow
/// is not asked less.
pub(crate) async fn open(
    address: SocketAddr,
    request: &Bytes,
    rate: f64,
    lasts: Duration,
    connections: usize,
) -> Measured {
    let measured = Rc::new(RefCell::new(Measured::default()));
    let due: Rc<RefCell<Option<VecDeque<Instant>>>> = Rc::new(RefCell::new(Some(VecDeque::new())));
    let came = Rc::new(Notify::new());
    let clients = LocalSet::new();
    let begun = Instant::now();
    for _ in 0..connections {
        let (measured, due, came) = (Rc::clone(&measured), Rc::clone(&due), Rc::clone(&came));
        let request = request.clone();
        clients.spawn_local(async move {
            let mut connection = Connection::new(address);
            loop {
                let next = match &mut *due.borrow_mut() {
                    Some(due) => due.pop_front().map(Some),
                    None => Some(None),
                };
                match next {
                    Some(Some(at)) => {
                        let outcome = connection.exchange(&request, at).await;
                        measured.borrow_mut().add(outcome);
                    }
                    Some(None) => break,
                    None => came.notified().await,
                }
            }
        });
    }
    let counted = Rc::clone(&measured);
    clients.spawn_local(async move {
        let mut sent = 0.0;
        // The clock of the runtime counts milliseconds, which is too coarse here.
        while begun.elapsed() < lasts {
            while sent / rate <= begun.elapsed().as_secs_f64() {
                let at = begun + Duration::from_secs_f64(sent / rate);
                if let Some(due) = &mut *due.borrow_mut() {
                    due.push_back(at);
                }
                came.notify_one();
                sent += 1.0;
            }
            yield_now().await;
        }
        // What is still waiting was not answered in its time.
        let late = due.borrow_mut().take().map_or(0, |due| due.len() as u64);
        if late > 0 {
            let mut measured = counted.borrow_mut();
            measured.failed += late;
            *measured.statuses.entry(0).or_default() += late;
        }
        came.notify_waiters();
    });
    clients.await;
    let mut measured = measured.take();
    measured.seconds = begun.elapsed().as_secs_f64();
    measured
}
