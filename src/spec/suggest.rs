//! "Did you mean": the nearest of a few known words.

/// The candidate nearest to what was typed, unless all are far from it: one edit in three letters is a slip, more is
/// another word. Swapped neighbours count as one edit, capital letters as none.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let distance = |candidate: &'a str| (strsim::osa_distance(&given, candidate), candidate);
    let (edits, candidate) = candidates.into_iter().map(distance).min()?;
    (edits * 3 <= candidate.len().max(3)).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["block_time", "retarget", "half_life", "pow", "pos"];
        for (given, expected) in [
            ("blok_time", Some("block_time")),
            ("block_tmie", Some("block_time")),
            ("Retarget", Some("retarget")),
            ("halflife", Some("half_life")),
            ("pwo", Some("pow")),
            ("interval", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, known), expected, "{given}");
        }
        assert_eq!(nearest("pow", []), None);
    }
}
