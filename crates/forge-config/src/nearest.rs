//! What a mistyped name was meant to be.

/// The name among `known` that `wrong` was most likely meant to be: at most a third of it mistyped, two
/// letters that changed places counted as one. `None` if no name is as near; of several, the first.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().filter_map(|name| {
        let longer = wrong.len().max(name.len());
        let allowed = (longer / 3).max(1);
        // As many letters as one is longer are mistyped at least.
        let near = longer - wrong.len().min(name.len()) <= allowed;
        let distance = near.then(|| strsim::osa_distance(wrong, name))?;
        (distance <= allowed).then_some((distance, name))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_has_at_most_a_third_mistyped() {
        let known = ["violet", "red", "orange", "orange-red"];
        for (wrong, expected) in [
            ("viole", Some("violet")),
            ("voilet", Some("violet")),
            ("ornge", Some("orange")),
            ("red2", Some("red")),
            ("orange-rde", Some("orange-red")),
            ("mistral", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), expected, "{wrong}");
        }
    }
}
