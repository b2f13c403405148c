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
#[path = "suggest_tests.rs"]
mod tests;
