//! What else the machine did meanwhile, as far as the system tells: Linux only.

use std::fs;

/// Processor time so far, in ticks of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Of all processors, whatever they did.
    total: u64,
    idle: u64,
    steal: u64,
    /// Of this process and its threads.
    own: u64,
    processors: u64,
}

/// What happened between two moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meanwhile {
    /// How many processors' worth of time others than this process used.
    pub others: f64,
    /// The share of the processors' time that another machine on the same hardware took.
    pub steal: f64,
}

impl Times {
    /// The times of now; `None` where the system does not tell.
    pub fn now() -> Option<Self> {
        let all = fs::read_to_string("/proc/stat").ok()?;
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(&all, &own)
    }

    /// From proc_stat(5) and proc_pid_stat(5), which count in the same ticks.
    fn parse(all: &str, own: &str) -> Option<Self> {
        let line = all.lines().next()?.strip_prefix("cpu ")?;
        // User, nice, system, idle, iowait, irq, softirq, steal. Guests count as users already.
        let ticks: Vec<u64> =
            line.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        let [_, _, _, idle, waiting, _, _, steal] = ticks[..] else { return None };
        let is_processor = |line: &&str| {
            line.strip_prefix("cpu")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let processors = all.lines().filter(is_processor).count() as u64; // a count fits 64 bits
        // Fields 14 and 15; the name in field 2 may hold anything, so they are counted from its end.
        let mut fields = own.rsplit_once(')')?.1.split_ascii_whitespace();
        let user: u64 = fields.nth(11)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let (total, idle) = (ticks.iter().sum(), idle + waiting);
        Some(Self { total, idle, steal, own: user + system, processors })
    }

    /// What happened since then; nothing if no tick went by.
    pub fn since(&self, before: &Self) -> Option<Meanwhile> {
        let total = self.total.checked_sub(before.total).filter(|ticks| *ticks > 0)?;
        let unused = self.idle.saturating_sub(before.idle);
        let stolen = self.steal.saturating_sub(before.steal);
        let own = self.own.saturating_sub(before.own);
        let others = total.saturating_sub(unused).saturating_sub(stolen).saturating_sub(own);
        // Ticks and processors are few: all of them are exact as floating point.
        let share = |ticks: u64| ticks as f64 / total as f64;
        Some(Meanwhile { others: share(others) * self.processors as f64, steal: share(stolen) })
    }
}

/// How many threads ran or wanted to on average in the last minute; `None` where the system does not tell.
pub fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(user: u64, idle: u64, steal: u64, own: u64) -> Times {
        let all = format!("cpu  {user} 0 0 {idle} 0 0 0 {steal} 0 0\ncpu0 1\ncpu1 1\nintr 5\n");
        let own = format!("7 (a) b) S 1 7 7 0 -1 0 9 0 0 0 {own} 0 0 0 20 0 9 0 5 6 7");
        Times::parse(&all, &own).unwrap()
    }

    #[test]
    fn what_others_did_is_what_neither_we_nor_nobody_did() {
        let meanwhile = times(250, 1050, 20, 110).since(&times(100, 1000, 10, 10)).unwrap();
        // Of 210 ticks on two processors 50 were idle and 10 stolen; 100 of the others were ours.
        assert_eq!(meanwhile.steal, 10.0 / 210.0);
        assert!((meanwhile.others - 2.0 * 50.0 / 210.0).abs() < 1e-12, "{meanwhile:?}");
        // Ticks are coarse: we may seem to have had more than there was.
        let ours = times(105, 1000, 10, 90).since(&times(100, 1000, 10, 10)).unwrap();
        assert_eq!(ours.others, 0.0);
        assert_eq!(times(1, 2, 3, 4).since(&times(1, 2, 3, 4)), None);
        assert_eq!(Times::parse("cpu  1 2 3\n", ""), None);
    }

    #[test]
    fn this_machine_tells() {
        if cfg!(target_os = "linux") {
            assert!(Times::now().is_some_and(|times| times.processors > 0));
            assert!(load_average().is_some_and(|load| load >= 0.0));
        }
    }
}
