//! Who found what, as bits.

/// A set of participants, by their places; at most 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[allow(clippy::exhaustive_structs, reason = "a set of bits stays one")]
pub struct Panel(pub u64);

impl Panel {
    /// The set of the first `count` participants.
    pub const fn of_first(count: usize) -> Self {
        Self(if count >= 64 { u64::MAX } else { (1 << count) - 1 })
    }

    /// The set of these places. Places of 64 and more are left out.
    pub fn of(places: impl IntoIterator<Item = usize>) -> Self {
        Self(places.into_iter().filter(|at| *at < 64).fold(0, |bits, at| bits | 1 << at))
    }

    /// The places in it, in order.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |at| self.0 >> at & 1 == 1)
    }

    /// How many are in it.
    pub const fn size(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether the two have nobody in common.
    pub const fn is_disjoint(self, other: Self) -> bool {
        self.0 & other.0 == 0
    }
}

/// Which participants found each issue. An issue that nobody found is one as well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detections {
    participants: usize,
    found_by: Vec<Panel>,
}

/// How often two participants found an issue: both, each alone, neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the four cells of a table of two by two")]
pub struct Pair {
    /// Issues that both found.
    pub both: usize,
    /// Issues that only the first found.
    pub first: usize,
    /// Issues that only the second found.
    pub second: usize,
    /// Issues that neither found.
    pub neither: usize,
}

impl Detections {
    /// The most participants.
    pub const MOST: usize = 64;

    /// The detections of so many participants: an entry for each issue, with those who found it. `None` with more than
    /// [`MOST`](Self::MOST) participants, or a place that no participant has.
    pub fn new(participants: usize, found_by: Vec<Panel>) -> Option<Self> {
        let everybody = Panel::of_first(participants);
        let known = participants <= Self::MOST && found_by.iter().all(|one| one.0 & !everybody.0 == 0);
        known.then_some(Self { participants, found_by })
    }

    /// How many participants there are.
    pub const fn participants(&self) -> usize {
        self.participants
    }

    /// Those who found each issue, in the order of the issues.
    pub fn found_by(&self) -> &[Panel] {
        &self.found_by
    }

    /// How many issues there are.
    pub fn issues(&self) -> usize {
        self.found_by.len()
    }

    /// How many issues somebody of the panel found.
    pub fn covered(&self, panel: Panel) -> usize {
        self.found_by.iter().filter(|one| !one.is_disjoint(panel)).count()
    }

    /// The table of two participants.
    pub fn pair(&self, first: usize, second: usize) -> Pair {
        let [one, other] = [Panel::of([first]), Panel::of([second])];
        let (mut pair, issues) = (Pair { both: 0, first: 0, second: 0, neither: 0 }, &self.found_by);
        for found in issues {
            match (found.is_disjoint(one), found.is_disjoint(other)) {
                (false, false) => pair.both += 1,
                (false, true) => pair.first += 1,
                (true, false) => pair.second += 1,
                (true, true) => pair.neither += 1,
            }
        }
        pair
    }
}
