//! First come, first served.

use std::{collections::VecDeque, task::Waker};

/// Who waits, in the order of arrival, each with its claim. Only the first may be served; whoever serves
/// it, or changes what it waits for, wakes it.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    next: u64,
    waiting: VecDeque<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    place: u64,
    claim: T,
    waker: Waker,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self { next: 0, waiting: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether the one at `place`, or a newcomer, would be served next.
    pub(crate) fn is_turn_of(&self, place: Option<u64>) -> bool {
        // A newcomer has no place, which equals the front of an empty queue alone.
        self.waiting.front().map(|first| first.place) == place
    }

    /// Keeps `place`, or gives out the last one, and wakes `waker` from now on.
    pub(crate) fn wait(&mut self, place: Option<u64>, claim: T, waker: &Waker) -> u64 {
        if let Some(at) = place.and_then(|place| self.find(place)) {
            let waiting = &mut self.waiting[at];
            waiting.waker.clone_from(waker);
            return waiting.place;
        }
        let place = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting { place, claim, waker: waker.clone() });
        place
    }

    /// Gives up `place`; returns the waker of the one that has become the first.
    pub(crate) fn leave(&mut self, place: u64) -> Option<Waker> {
        let at = self.find(place)?;
        self.waiting.remove(at);
        // A place further back changes nobody's turn.
        if at == 0 { self.first() } else { None }
    }

    pub(crate) fn first(&self) -> Option<Waker> {
        self.waiting.front().map(|first| first.waker.clone())
    }

    pub(crate) fn wakers(&self) -> Vec<Waker> {
        self.waiting.iter().map(|waiting| waiting.waker.clone()).collect()
    }

    /// The claims that are served before `place`, or before a newcomer.
    pub(crate) fn ahead_of(&self, place: Option<u64>) -> impl Iterator<Item = &T> {
        self.waiting
            .iter()
            .take_while(move |waiting| place.is_none_or(|place| waiting.place < place))
            .map(|waiting| &waiting.claim)
    }

    fn find(&self, place: u64) -> Option<usize> {
        // Places are given out in rising order and never reused, so the queue is sorted.
        self.waiting.binary_search_by_key(&place, |waiting| waiting.place).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_served_in_order_and_leaving_one_leaves_no_hole() {
        let mut queue = Queue::new();
        assert!(queue.is_turn_of(None));
        let places: Vec<u64> = ["a", "b", "c"].map(|name| queue.wait(None, name, Waker::noop())).into();
        assert!(queue.is_turn_of(Some(places[0])) && !queue.is_turn_of(None));
        assert_eq!(queue.wait(Some(places[2]), "ignored", Waker::noop()), places[2]);
        assert_eq!(queue.ahead_of(Some(places[2])).collect::<Vec<_>>(), [&"a", &"b"]);
        assert!(queue.leave(places[1]).is_none());
        assert!(queue.leave(places[0]).is_some());
        assert!(queue.is_turn_of(Some(places[2])));
        assert!(queue.leave(places[2]).is_none());
        assert!(queue.leave(places[2]).is_none());
        assert_eq!(queue.len(), 0);
    }
}
