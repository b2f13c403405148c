use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// A process that does nothing, ended by its handle whatever the test does.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap())
    }

    fn process(&self) -> Process {
        Process::with_pid(self.0.id()).unwrap().unwrap()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for(process: &Process, state: ProcessState) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while process.state() != state {
        assert!(Instant::now() < deadline, "{process:?} is {:?}", process.state());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_process_is_followed_from_running_to_paused_to_gone() {
    let sleeper = Sleeper::start();
    let process = sleeper.process();
    assert_eq!(process.state(), ProcessState::Running);
    assert!(process.signal(Signal::STOP).unwrap());
    wait_for(&process, ProcessState::Paused);
    assert!(process.is_alive());
    assert!(process.signal(Signal::CONT).unwrap());
    wait_for(&process, ProcessState::Running);
    assert!(process.signal(Signal::KILL).unwrap());
    // Nobody has waited for it yet: a zombie is gone all the same.
    wait_for(&process, ProcessState::Stopped);
    assert!(!process.signal(Signal::TERM).unwrap());
}

#[test]
fn a_number_that_was_given_out_again_is_left_alone() {
    let sleeper = Sleeper::start();
    let process = sleeper.process();
    let earlier = Process { started_ticks: process.started_ticks - 1, ..process.clone() };
    let other_boot = Process { boot: "another".to_owned(), ..process.clone() };
    for stale in [earlier, other_boot] {
        assert_eq!(stale.state(), ProcessState::Stopped);
        assert!(!stale.signal(Signal::KILL).unwrap());
    }
    assert_eq!(process.state(), ProcessState::Running);
}

#[test]
fn impossible_numbers_name_no_process() {
    for pid in [0, u32::MAX] {
        assert_eq!(Process::with_pid(pid).unwrap(), None);
        let process = Process { pid, started_ticks: 0, boot: boot().unwrap() };
        assert!(!process.signal(Signal::KILL).unwrap());
    }
}

#[test]
fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
    let line = |letter: &str, threads: u64| {
        // The numbers are the numbers of the fields, but for field 20.
        let numbers =
            |range: std::ops::Range<u64>| range.map(|n| format!(" {n}")).collect::<String>();
        format!("7 (a) Z (b) {letter}{} {threads}{}", numbers(4..20), numbers(21..53))
    };
    for (letter, threads, state) in [
        ("S", 1, ProcessState::Running),
        ("R", 9, ProcessState::Running),
        ("T", 9, ProcessState::Paused),
        ("Z", 1, ProcessState::Stopped),
        ("Z", 0, ProcessState::Stopped),
        // The first thread has ended and others have not.
        ("Z", 2, ProcessState::Running),
    ] {
        assert_eq!(parse_stat(&line(letter, threads)), Some((22, state)), "{letter} {threads}");
    }
    for broken in
        ["", "7", "7 (a)", "7 (a) S 1 2 3", "7 (a) S a b c d e f g h i j k l m n o p q r s"]
    {
        assert_eq!(parse_stat(broken), None, "{broken}");
    }
}
