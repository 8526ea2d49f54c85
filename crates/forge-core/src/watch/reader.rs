//! Whoever follows the events of a server.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use super::{
    log::{EventLog, Gone, Published},
    server::EventsLost,
};

/// Follows the events of a log. It holds none of them back: those that it does not take in time are gone, and it is told.
#[derive(Debug)]
pub struct Reader {
    log: EventLog,
    after: u64,
    /// Its number among the readers of the log.
    number: u64,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.log.leave(self.number);
    }
}

/// What a reader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "every reader has to know of what it has lost")]
pub enum Followed {
    /// The next events, without a gap before or between them; at least one.
    Events(Vec<Published>),
    /// These were gone before the reader came to them. It goes on behind them.
    Lost(EventsLost),
}

impl Reader {
    /// Follows what comes after the event of this number; 0 begins with the first of all.
    ///
    /// # Errors
    /// The next event is gone, or the number is above all that were given.
    pub fn new(log: EventLog, after: u64) -> Result<Self, Gone> {
        let number = log.enter(after)?;
        Ok(Self { log, after, number })
    }

    /// What is there now; `None` if nothing is.
    pub fn take(&mut self) -> Option<Followed> {
        let found = self.log.after(self.after);
        self.followed(found)
    }

    /// What comes next; `None` once the log is closed. Whoever gives the wait up loses nothing.
    pub async fn next(&mut self) -> Option<Followed> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What comes next; where nothing is there, the task is woken by the next event.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Followed>> {
        let Some(found) = self.log.after_or_wait(self.number, self.after, cx.waker()) else {
            return Poll::Ready(None);
        };
        self.followed(found).map_or(Poll::Pending, |followed| Poll::Ready(Some(followed)))
    }

    fn followed(&mut self, (first, events): (u64, Vec<Published>)) -> Option<Followed> {
        let last = events.last()?.seq;
        let expected = self.after + 1;
        if first > expected {
            self.after = first - 1;
            return Some(Followed::Lost(EventsLost { from: expected, to: self.after }));
        }
        self.after = last;
        Some(Followed::Events(events))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering::Relaxed},
        },
        task::Wake,
    };

    use chrono::DateTime;
    use futures_util::FutureExt as _;
    use serde_json::Value;

    use super::*;
    use crate::watch::{Event, ServerDraining, ServerReloaded};

    fn publish(log: &EventLog, times: u64) {
        (0..times).for_each(|_| log.publish(DateTime::UNIX_EPOCH, ServerReloaded {}));
    }

    /// The numbers of what is there for the reader, and what it has lost before.
    fn taken(reader: &mut Reader) -> (Vec<u64>, Vec<(u64, u64)>) {
        let (mut numbers, mut lost) = (Vec::new(), Vec::new());
        while let Some(followed) = reader.take() {
            match followed {
                Followed::Events(events) => numbers.extend(events.iter().map(|event| event.seq)),
                Followed::Lost(EventsLost { from, to }) => lost.push((from, to)),
            }
        }
        (numbers, lost)
    }

    #[test]
    fn an_event_is_written_as_its_type_says() {
        let log = EventLog::default();
        log.publish(DateTime::UNIX_EPOCH, ServerDraining {});
        let mut reader = Reader::new(log, 0).unwrap();
        let Some(Followed::Events(events)) = reader.take() else { panic!("it is there") };
        let written: Value = serde_json::from_slice(&events[0].json).unwrap();
        let event = Event::new(1, DateTime::UNIX_EPOCH, ServerDraining {});
        assert_eq!(written, serde_json::to_value(&event).unwrap());
        assert_eq!((written["type"].as_str(), events[0].name), (Some(events[0].name), event.what.name()));
    }

    #[test]
    fn every_reader_gets_every_number_once() {
        let log = EventLog::default();
        let mut early = Reader::new(log.clone(), 0).unwrap();
        publish(&log, 300);
        let mut late = Reader::new(log.clone(), 290).unwrap();
        assert_eq!(taken(&mut early), ((1..=300).collect(), Vec::new()));
        assert_eq!(taken(&mut late), ((291..=300).collect(), Vec::new()));
        publish(&log, 2);
        assert_eq!((taken(&mut early).0, taken(&mut late).0), (vec![301, 302], vec![301, 302]));
    }

    #[test]
    fn numbers_that_are_gone_or_were_never_given_are_refused_with_the_first_one() {
        let log = EventLog::with_limits(10, usize::MAX);
        assert_eq!(Reader::new(log.clone(), 1).unwrap_err(), Gone { after: 1, first: 1 });
        publish(&log, 25);
        for after in [0, 14, 26, u64::MAX] {
            assert_eq!(Reader::new(log.clone(), after).unwrap_err(), Gone { after, first: 16 });
        }
        let mut reader = Reader::new(log.clone(), 15).unwrap();
        assert_eq!(taken(&mut reader).0, (16..=25).collect::<Vec<_>>());
        assert_eq!(taken(&mut Reader::new(log, 25).unwrap()), Default::default());
    }

    #[test]
    fn a_reader_that_never_reads_holds_nothing_back_and_is_told_what_it_lost() {
        let log = EventLog::with_limits(usize::MAX, 1_000);
        let mut reader = Reader::new(log.clone(), 0).unwrap();
        publish(&log, 10_000);
        assert!(log.bytes() <= 1_000, "{log:?}");
        let (numbers, lost) = taken(&mut reader);
        assert_eq!(lost, [(1, numbers[0] - 1)]);
        assert_eq!(numbers, (numbers[0]..=10_000).collect::<Vec<_>>());
    }

    #[test]
    fn the_newest_event_is_there_however_large() {
        let log = EventLog::with_limits(0, 0);
        publish(&log, 3);
        assert_eq!(taken(&mut Reader::new(log, 2).unwrap()).0, [3]);
    }

    #[test]
    fn those_that_wait_are_woken_and_a_wait_that_is_given_up_loses_nothing() {
        let log = EventLog::default();
        let mut readers: Vec<_> = (0..3).map(|_| Reader::new(log.clone(), 0).unwrap()).collect();
        assert!(readers[0].next().now_or_never().is_none());
        let woken = Arc::new(Woken::default());
        for reader in &mut readers {
            assert!(reader.poll_next(&mut Context::from_waker(&Arc::clone(&woken).into())).is_pending());
        }
        publish(&log, 1);
        assert_eq!(woken.0.load(Relaxed), 3, "each wakes the one task that waits for all of them");
        for reader in &mut readers {
            let got = reader.next().now_or_never();
            assert!(matches!(got, Some(Some(Followed::Events(events))) if events[0].seq == 1));
        }
        publish(&log, 1);
        assert_eq!(woken.0.load(Relaxed), 3, "nobody waits any more");
        log.close();
        assert!(matches!(readers[0].next().now_or_never(), Some(Some(Followed::Events(_)))));
        assert_eq!(readers[0].next().now_or_never(), Some(None), "it has read what was there");
    }

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn events_of_several_threads_have_one_order() {
        let log = EventLog::default();
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| publish(&log, 500)))));
        let (numbers, lost) = taken(&mut Reader::new(log, 0).unwrap());
        assert_eq!((numbers, lost), ((1..=2_000).collect(), Vec::new()));
    }
}
