//! How fast this machine searches, measured once.
//!
//! A chain spec may leave the first target to the machine (`initial_bits = "auto"`): it is resolved when the spec is
//! frozen, from a rate that is measured in a twentieth of a second and then kept in a file, by processor, kernel and
//! build. A wrong rate does no harm: retargeting corrects it within a few blocks.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::config::KernelChoice;
use crate::miner::kernels::Kernel;
use crate::types::target::Bits;
use crate::types::work::WorkHeader;

/// For how long the machine is measured.
const MEASURE: Duration = Duration::from_millis(50);

/// Tries between looks at the clock: well below a millisecond on a fast machine, a few on a slow one.
const BATCH: u32 = 1 << 11;

/// The most bytes of the file that are read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Rates that the file keeps at most; beyond, it begins anew.
const RATES_MAX: usize = 64;

/// Rates that make sense, in hashes per second: anything else in the file is somebody's mistake.
const SENSIBLE: std::ops::RangeInclusive<f64> = 1e2..=1e12;

/// The file that keeps the rate: `$XDG_CACHE_HOME/assay/hashrate.json`, else `~/.cache/assay/hashrate.json`. `variable`
/// looks an environment variable up; a relative `XDG_CACHE_HOME` counts as unset.
pub fn cache_file(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = path("XDG_CACHE_HOME").or_else(|| path("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("assay/hashrate.json"))
}

/// Hashes per second of one thread that does nothing else, with the fastest kernel: as the file says, else measured and
/// written there. A file that cannot be used costs a measurement and no more.
pub fn hashes_per_second(cache: Option<&Path>) -> f64 {
    let kernel = fastest();
    let key = key(kernel);
    let mut rates = cache.map(read).unwrap_or_default();
    if let Some(rate) = rates.get(&key).filter(|rate| SENSIBLE.contains(rate)) {
        return *rate;
    }
    let rate = measure(kernel, MEASURE).round();
    if let Some(path) = cache {
        if rates.len() >= RATES_MAX {
            rates.clear();
        }
        rates.insert(key, rate);
        if let Err(error) = write(path, &rates) {
            tracing::debug!("cannot keep the hash rate in {}: {error}", path.display());
        }
    }
    rate
}

/// Hashes per second of several miners on this machine together: each of `threads` threads takes the `share` of a core,
/// and there are no more than `cores`.
pub fn together(hashes_per_second: f64, threads: u64, share: f64, cores: usize) -> f64 {
    // Threads and cores are few: both are exact as floating point.
    hashes_per_second * (threads as f64 * share).min(cores as f64)
}

/// The kernel that searches unless another one is asked for.
fn fastest() -> &'static dyn Kernel {
    KernelChoice::Auto.kernel()
}

/// Hashes for a while.
fn measure(kernel: &dyn Kernel, length: Duration) -> f64 {
    // The hardest target there is: nothing is found, as in all but a vanishing part of a search.
    let bits = Bits(0x0101_0000);
    let target = bits.target().expect("the hardest bits are a target");
    let header =
        WorkHeader { version: 0, previous: [0; 32], merkle_root: [0; 32], time: 0, bits, nonce: 0 };
    let prepared = black_box(kernel.prepare(&header, &target));
    let mut candidates = Vec::new();
    // The first batch warms up.
    kernel.scan(&prepared, 0, BATCH, &mut candidates);
    let started = Instant::now();
    let mut nonce: u32 = BATCH;
    let mut hashes: u64 = 0;
    loop {
        let tried = kernel.scan(&prepared, nonce, BATCH, &mut candidates);
        candidates.clear();
        hashes += u64::from(tried);
        nonce = nonce.wrapping_add(BATCH);
        let elapsed = started.elapsed();
        if elapsed >= length {
            return hashes as f64 / elapsed.as_secs_f64(); // far below 2^53
        }
    }
}

/// What the rate depends on.
fn key(kernel: &dyn Kernel) -> String {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("{} / {} / {} {build}", processor(), kernel.name(), env!("CARGO_PKG_VERSION"))
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let read = || -> io::Result<String> {
        let mut text = String::new();
        // The first processor comes first; a machine may have hundreds.
        File::open("/proc/cpuinfo")?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn read(path: &Path) -> BTreeMap<String, f64> {
    let read = || -> io::Result<BTreeMap<String, f64>> {
        let mut text = String::new();
        File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    };
    read().unwrap_or_default()
}

fn write(path: &Path, rates: &BTreeMap<String, f64>) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    // Two devnets may start at once, each with its own temporary file.
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&temporary, serde_json::to_string_pretty(rates)? + "\n")?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_follows_the_environment() {
        let from = |pairs: &[(&str, &str)]| {
            cache_file(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
            })
        };
        let expected = |path: &str| Some(PathBuf::from(path));
        assert_eq!(
            from(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]),
            expected("/x/assay/hashrate.json")
        );
        assert_eq!(
            from(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]),
            expected("/h/.cache/assay/hashrate.json")
        );
        assert_eq!(from(&[("HOME", "")]), None);
    }

    #[test]
    fn a_rate_is_measured_once_and_then_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/hashrate.json");
        let first = hashes_per_second(Some(&path));
        assert!(SENSIBLE.contains(&first), "{first}");
        let key = key(fastest());
        assert_eq!(read(&path), BTreeMap::from([(key.clone(), first)]));

        let other = BTreeMap::from([(key.clone(), 12_345.0), ("another machine".to_owned(), 7.0)]);
        write(&path, &other).unwrap();
        assert_eq!(hashes_per_second(Some(&path)), 12_345.0);

        // What nobody can have measured is measured again, and the rest of the file stays.
        for nonsense in ["{\"another machine\": 7.0, \"KEY\": -1.0}", "not JSON"] {
            fs::write(&path, nonsense.replace("KEY", &key)).unwrap();
            assert!(SENSIBLE.contains(&hashes_per_second(Some(&path))));
            let kept = read(&path);
            assert!(SENSIBLE.contains(&kept[&key]));
            assert_eq!(kept.contains_key("another machine"), nonsense.contains("machine"));
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_costs_nothing_but_time() {
        assert!(SENSIBLE.contains(&hashes_per_second(Some(Path::new("/dev/null/hashrate.json")))));
        assert!(SENSIBLE.contains(&hashes_per_second(None)));
    }

    #[test]
    fn miners_share_the_cores() {
        assert_eq!(together(1000.0, 4, 0.1, 2), 400.0);
        assert_eq!(together(1000.0, 4, 1.0, 2), 2000.0);
        assert_eq!(together(1000.0, 0, 1.0, 2), 0.0);
    }
}
