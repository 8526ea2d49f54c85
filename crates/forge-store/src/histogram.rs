//! Counts of values in buckets that grow with the value. Histograms of parts add up to that of the whole.

/// Below this, each value has its own bucket; above, every power of two is split into this many.
const SPLIT: u64 = 16;
const BITS: u32 = SPLIT.trailing_zeros();

/// How often which value occurred. A value is known within 1/32 of itself, that is 3.2 %.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Histogram(Vec<(u16, i64)>);

impl Histogram {
    /// Adds `times` occurrences of `value`; a negative number takes them away.
    pub(crate) fn add(&mut self, value: u64, times: i64) {
        let bucket = bucket(value);
        match self.0.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => {
                self.0[at].1 = self.0[at].1.saturating_add(times);
                if self.0[at].1 == 0 {
                    self.0.remove(at);
                }
            }
            Err(at) => self.0.insert(at, (bucket, times)),
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let mut merged = Vec::with_capacity(self.0.len() + other.0.len());
        let mut ours = self.0.iter().copied().peekable();
        for &(bucket, times) in &other.0 {
            merged.extend(std::iter::from_fn(|| ours.next_if(|(our, _)| *our < bucket)));
            let same = ours.next_if(|(our, _)| *our == bucket).map_or(0, |(_, times)| times);
            let sum = times.saturating_add(same);
            merged.extend((sum != 0).then_some((bucket, sum)));
        }
        merged.extend(ours);
        self.0 = merged;
    }

    pub(crate) fn count(&self) -> i64 {
        self.0.iter().fold(0, |sum, (_, times)| sum.saturating_add(*times))
    }

    /// The value that `percent` percent of the values do not exceed (nearest rank).
    pub(crate) fn percentile(&self, percent: i64) -> Option<u64> {
        // Wide enough for a saturated count.
        let rank = (i128::from(self.count()) * i128::from(percent) + 99) / 100;
        let mut seen = 0_i64;
        let found = self.0.iter().find(|(_, times)| {
            seen = seen.saturating_add(*times);
            i128::from(seen) >= rank
        });
        found.map(|(bucket, _)| middle(*bucket))
    }

    /// How many values are at most `bound`.
    pub(crate) fn at_most(&self, bound: u64) -> i64 {
        self.0.iter().filter(|(bucket, _)| middle(*bucket) <= bound).map(|(_, times)| times).sum()
    }

    /// Pairs of varints: the distance from the bucket before, and the count.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 2);
        let mut last = 0;
        for (bucket, times) in &self.0 {
            write_varint(&mut bytes, u64::from(*bucket - last));
            write_varint(&mut bytes, u64::try_from(*times).unwrap_or(0));
            last = *bucket;
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Of damaged bytes, what can be read is taken.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Self {
        let mut buckets: Vec<(u16, i64)> = Vec::with_capacity(bytes.len() / 2);
        while let (Some(step), Some(times)) = (read_varint(&mut bytes), read_varint(&mut bytes)) {
            let last = buckets.last().map(|(bucket, _)| *bucket);
            let bucket = u16::try_from(step).ok().and_then(|step| last.unwrap_or(0).checked_add(step));
            let Some(bucket) = bucket.filter(|bucket| last.is_none_or(|last| last < *bucket)) else { break };
            buckets.push((bucket, i64::try_from(times).unwrap_or(i64::MAX)));
        }
        Self(buckets)
    }
}

fn bucket(value: u64) -> u16 {
    let shift = value.max(1).ilog2().saturating_sub(BITS);
    let bucket = u64::from(shift) * SPLIT + (value >> shift);
    u16::try_from(bucket).unwrap_or(u16::MAX)
}

/// The middle of the values of a bucket.
fn middle(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    // Damaged bytes may name a bucket beyond the last one.
    let shift = (bucket / SPLIT).saturating_sub(1).min(u64::from(63 - BITS));
    let least = (bucket - shift * SPLIT) << shift;
    least + ((1 << shift) >> 1)
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_is_known_within_a_thirty_second_of_itself(value in prop_oneof![0..5_000_u64, any::<u64>()]) {
            let known = middle(bucket(value));
            prop_assert!(known.abs_diff(value) <= value / 32, "{} for {}", known, value);
        }

        #[test]
        fn bytes_and_histogram_are_inverse(values in proptest::collection::vec(any::<u64>(), 0..50)) {
            let mut whole = Histogram::default();
            for value in &values {
                whole.add(*value, 1);
            }
            let mut back = Histogram::from_bytes(&whole.to_bytes());
            prop_assert_eq!(&back, &whole);
            for value in &values {
                back.add(*value, -1);
            }
            prop_assert_eq!(back, Histogram::default());
        }

        #[test]
        fn damaged_bytes_do_no_harm(bytes: Vec<u8>) {
            let mut histogram = Histogram::from_bytes(&bytes);
            histogram.merge(&histogram.clone());
            histogram.percentile(99);
        }
    }

    proptest! {
        #[test]
        fn the_histograms_of_parts_add_up(values in proptest::collection::vec(0..3_000_u64, 0..60), cut in 0..60_usize) {
            let of = |values: &[u64]| {
                let mut histogram = Histogram::default();
                for value in values {
                    histogram.add(*value, 1);
                }
                histogram
            };
            let (one, other) = values.split_at(cut.min(values.len()));
            let mut sum = of(one);
            sum.merge(&of(other));
            prop_assert_eq!(sum, of(&values));
        }
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        for value in 1..=10 {
            histogram.add(value, 1);
        }
        assert_eq!(
            [1, 50, 51, 95, 100].map(|percent| histogram.percentile(percent)),
            [1, 5, 6, 10, 10].map(Some)
        );
    }
}
