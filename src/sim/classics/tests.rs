use super::*;

#[test]
fn shipped_stories_are_played_to_their_end_as_they_are_written() {
    for story in STORIES {
        let parts = play(story.text).unwrap_or_else(|error| panic!("{}: {error}", story.name));
        assert!(story.name.starts_with(story.classic.name()), "{}", story.name);
        let Some(Part::Line { line: first, .. }) =
            parts.iter().find(|it| matches!(it, Part::Line { .. }))
        else {
            panic!("{} does nothing", story.name);
        };
        assert_eq!(*first, format!("classic {}", story.classic.name()));
        // The record below each line is what comes of it.
        let told = parts.iter().flat_map(|part| match part {
            Part::Line { told, .. } => told.clone(),
            Part::Prose(_) => Vec::new(),
        });
        let written = story.text.lines().filter_map(|line| line.strip_prefix("    "));
        assert_eq!(told.collect::<Vec<_>>(), written.collect::<Vec<_>>(), "{}", story.name);
    }
}

#[test]
fn a_story_that_cannot_be_played_says_where_and_why() {
    let error = |story: &str| play(story).unwrap_err().to_string();
    assert_eq!(
        error("# prose\nprepare P1\n"),
        "line 2, `prepare P1`: a story begins with `classic` and a name"
    );
    assert_eq!(
        error("classic poker"),
        "line 1, `classic poker`: `poker` is none of the classics: synod, generals, two-generals"
    );
    let long = format!("classic synod\n{}", "show\n".repeat(LINES_MAX));
    assert!(error(&long).starts_with("the story has 501 lines, and at most 500 are played"));
    assert!(error(&"#".repeat(STORY_BYTES_MAX + 1)).contains("bytes"));
}
