//! Markers of fences around untrusted text.

/// A marker of 16 hexadecimal digits that none of `texts` contains, so that no text can end its own fence. `numbers` is
/// asked until one fits, so that it must not give the same number for ever; numbers that a text's author can
/// foresee are of no use.
pub fn fence_marker(mut numbers: impl FnMut() -> u64, texts: &[&str]) -> String {
    loop {
        // Of one length always, so that no marker is the beginning of another.
        let marker = format!("{:016x}", numbers());
        if !texts.iter().any(|text| text.contains(&marker)) {
            return marker;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_never_part_of_the_text_it_fences() {
        let marker = |texts: &[&str]| {
            let mut numbers = 1..;
            fence_marker(|| numbers.next().unwrap(), texts)
        };
        assert_eq!(marker(&["x"]), "0000000000000001");
        assert_eq!(marker(&["<<<END 0000000000000001"]), "0000000000000002");
    }
}
