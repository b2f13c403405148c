use std::io::Write as _;
use std::time::Instant;

use super::*;

fn tail_of(content: &str, lines: usize) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.log");
    fs::write(&path, content).unwrap();
    let tail = Tail::open(&path, lines).unwrap();
    // What comes later is not among the last lines.
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"later\n").unwrap();
    let mut out = Vec::new();
    tail.print(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_last_lines_come_out() {
    let text = "one\ntwo\n\nfour\n";
    for (lines, expected) in [
        (0, ""),
        (1, "four\n"),
        (2, "\nfour\n"),
        (3, "two\n\nfour\n"),
        (4, text),
        (5, text),
        (usize::MAX, text),
    ] {
        assert_eq!(tail_of(text, lines), expected, "{lines} lines");
    }
    assert_eq!(tail_of("one\ntwo", 1), "two", "a last line need not be ended");
    assert_eq!(tail_of("", 3), "");
    assert_eq!(tail_of("\n", 1), "\n");
}

#[test]
fn lines_are_found_across_chunks() {
    let line = "x".repeat(CHUNK_BYTES / 3);
    let text: String = (0..10).map(|number| format!("{number}{line}\n")).collect();
    for lines in 1..=10 {
        let tail = tail_of(&text, lines);
        assert_eq!(tail.lines().count(), lines);
        assert!(tail.starts_with(&(10 - lines).to_string()));
    }
    // A line end that is the first byte of a chunk, and one that is the last.
    for shift in [-1_isize, 0, 1] {
        let last = "y".repeat(CHUNK_BYTES.checked_add_signed(shift).unwrap());
        assert_eq!(tail_of(&format!("first\n{last}"), 1), last);
    }
}

#[test]
fn one_older_log_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.log");
    for text in ["first", "second", "third"] {
        let (mut out, mut err) = turn_over(&path).unwrap();
        write!(out, "{text}").unwrap();
        write!(err, "!").unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "third!");
    assert_eq!(fs::read_to_string(beside(&path, ".1")).unwrap(), "second!");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn lines_that_were_turned_over_come_out_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.log");
    let last = |lines| {
        let mut out = Vec::new();
        Tail::open(&path, lines).unwrap().print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    fs::write(beside(&path, ".1"), "one\ntwo\nthree\n").unwrap();
    fs::write(&path, "four\nfive\n").unwrap();
    for (lines, expected) in [
        (0, ""),
        (2, "four\nfive\n"),
        (3, "three\nfour\nfive\n"),
        (5, "one\ntwo\nthree\nfour\nfive\n"),
        (9, "one\ntwo\nthree\nfour\nfive\n"),
    ] {
        assert_eq!(last(lines), expected, "{lines} lines");
    }
    fs::write(&path, "").unwrap();
    assert_eq!(last(1), "three\n", "nothing was written since");
    // The same file under both names: it has just been turned over.
    fs::remove_file(beside(&path, ".1")).unwrap();
    fs::write(&path, "four\n").unwrap();
    fs::hard_link(&path, beside(&path, ".1")).unwrap();
    assert_eq!(last(3), "four\n");
}

#[test]
fn a_screen_is_shown_more_than_a_message() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.log");
    assert_eq!(last_lines(&path, 3), Vec::<String>::new());
    fs::write(&path, "z\n".repeat(10_000)).unwrap();
    assert_eq!(last_lines(&path, 5000).len(), 5000);
    fs::write(&path, "z".repeat(100_000)).unwrap();
    assert_eq!(last_lines(&path, 1)[0].len() as u64, SCREEN_BYTES_MAX);
}

#[test]
fn a_quote_is_short_and_harmless() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.log");
    assert_eq!(quote(&path, 3), Vec::<String>::new());
    fs::write(&path, b"one\ntwo \x1b[31mred\x07\nthree \xff\n").unwrap();
    assert_eq!(quote(&path, 2), ["two [31mred", "three \u{fffd}"]);
    fs::write(&path, "z".repeat(100_000)).unwrap();
    let lines = quote(&path, 5);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].len() as u64, QUOTE_BYTES_MAX);
}

/// Takes so many bytes and then refuses, which ends a follower.
struct Until {
    taken: Vec<u8>,
    end: usize,
}

impl Write for Until {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.taken.len() >= self.end {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_log_is_followed_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.log");
    let (mut log, _) = turn_over(&path).unwrap();
    log.write_all(b"old\nlast\n").unwrap();
    let mut tail = Tail::open(&path, 1).unwrap();
    let writer = async {
        tokio::time::sleep(FOLLOW_INTERVAL * 2).await;
        log.write_all(b"more\n").unwrap();
        let (mut log, _) = turn_over(&path).unwrap();
        tokio::time::sleep(FOLLOW_INTERVAL * 2).await;
        log.write_all(b"new life\n").unwrap();
    };
    let expected = "last\nmore\nnew life\n";
    let mut out = Until { taken: Vec::new(), end: expected.len() };
    let started = Instant::now();
    let (result, ()) = tokio::join!(tail.follow(&mut out), writer);
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(String::from_utf8(out.taken).unwrap(), expected);
    assert!(started.elapsed() < Duration::from_secs(60), "it polled without end");
}
