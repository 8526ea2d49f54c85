use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// Which of the requests that a rule selects it acts on, counted from 1.
///
/// Written as `3`, `"2..5"` (both ends included), `"4.."` or `{ every: 3 }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nth {
    /// Only this one.
    Exactly(u64),
    /// From the first number to the second, both included; without a second, from there on.
    Range(u64, Option<u64>),
    /// Each one whose number is a multiple of this.
    Every(u64),
}

impl Nth {
    pub(crate) fn includes(self, count: u64) -> bool {
        match self {
            Self::Exactly(n) => count == n,
            Self::Range(from, to) => count >= from && to.is_none_or(|to| count <= to),
            Self::Every(n) => n != 0 && count.is_multiple_of(n),
        }
    }

    /// Whether there is no request that it includes.
    pub(super) fn never(self) -> bool {
        match self {
            Self::Exactly(n) | Self::Every(n) => n == 0,
            Self::Range(from, to) => to.is_some_and(|to| to < from.max(1)),
        }
    }
}

impl<'de> Deserialize<'de> for Nth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NthVisitor)
    }
}

struct NthVisitor;

impl<'de> Visitor<'de> for NthVisitor {
    type Value = Nth;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a range such as \"2..5\", or { every: n }")
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Nth, E> {
        Ok(Nth::Exactly(n))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Nth, E> {
        u64::try_from(n).map(Nth::Exactly).map_err(|_| E::invalid_value(de::Unexpected::Signed(n), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Nth, E> {
        let invalid = || E::invalid_value(de::Unexpected::Str(text), &self);
        let number = |part: &str| part.trim().parse::<u64>().map_err(|_| invalid());
        let Some((from, to)) = text.split_once("..") else {
            return number(text).map(Nth::Exactly);
        };
        let to = match to.trim().trim_start_matches('=') {
            "" => None,
            to => Some(number(to)?),
        };
        Ok(Nth::Range(number(from)?, to))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Nth, A::Error> {
        let entry = map.next_entry::<String, u64>()?;
        match entry {
            Some((key, n)) if key == "every" && n > 0 => Ok(Nth::Every(n)),
            _ => Err(de::Error::custom("expected { every: n } with n above 0")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(nth: Nth) -> Vec<u64> {
        (1..=7).filter(|count| nth.includes(*count)).collect()
    }

    #[test]
    fn each_form_selects_its_requests() {
        let read = |text: &str| serde_yaml::from_str::<Nth>(text).unwrap();
        assert_eq!(counted(read("3")), [3]);
        assert_eq!(counted(read("2..5")), [2, 3, 4, 5]);
        assert_eq!(counted(read("6..")), [6, 7]);
        assert_eq!(counted(read("every: 3")), [3, 6]);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["-1", "a..b", "every: 0", "each: 2", "[1]"] {
            assert!(serde_yaml::from_str::<Nth>(text).is_err(), "{text}");
        }
    }
}
