//! "Did you mean": the known name nearest to a mistyped one.

/// How many letters may differ before a suggestion would only confuse, per four letters of the longer name.
const EDITS_PER_FOUR: usize = 1;

/// The known name that `given` most likely was to be, if one is near: a start of exactly one name, or a few letters off.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    // A name that long is no typing error, and the comparison is quadratic.
    if given.is_empty() || given.chars().count() > 64 {
        return None;
    }
    let known: Vec<&str> = known.into_iter().collect();
    let mut started = known.iter().filter(|name| name.to_lowercase().starts_with(&given));
    if let (Some(only), None) = (started.next(), started.next()) {
        return Some(only);
    }
    known
        .into_iter()
        .map(|name| (edits(&given, &name.to_lowercase()), name))
        .filter(|(edits, name)| {
            let length = name.chars().count().max(given.chars().count());
            *edits <= (length * EDITS_PER_FOUR).div_ceil(4)
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// `did you mean …?`, if a known name is near.
pub fn did_you_mean<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(given, known).map(|name| format!("did you mean `{name}`?"))
}

/// How many insertions, removals, changes and swaps of neighbours turn one text into the other (the restricted
/// Damerau–Levenshtein distance).
fn edits(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let change = usize::from(one[i - 1] != other[j - 1]);
            let mut least = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + change);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = above;
        above = row;
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_each_slip_once() {
        for (one, other, distance) in
            [("", "", 0), ("", "ab", 2), ("chain", "chian", 1), ("head", "heads", 1), ("a", "b", 1)]
        {
            assert_eq!(edits(one, other), distance, "{one} {other}");
            assert_eq!(edits(other, one), distance, "{other} {one}");
        }
    }

    #[test]
    fn near_misses_are_suggested_and_strangers_are_not() {
        let known = ["chain_info", "chain_block", "mempool_info", "system_stop"];
        for (given, expected) in [
            ("chain_inof", Some("chain_info")),
            ("Chain_Info", Some("chain_info")),
            ("chain_blocks", Some("chain_block")),
            ("mem", Some("mempool_info")),
            ("chain_", None),
            ("weather", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, known), expected, "{given}");
        }
        assert_eq!(nearest(&"x".repeat(1000), known), None);
    }
}
