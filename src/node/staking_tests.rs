use tempfile::TempDir;

use super::*;
use crate::spec::{DevAccount, Spec, find};
use crate::types::Time;
use crate::types::target::Bits;

fn frozen(name: &str) -> FrozenSpec {
    let spec = Spec::parse(name, find(name).unwrap()).unwrap();
    spec.freeze(Time(1_000), || Bits(0x1f00_ffff))
}

fn owners(marks: &[u8]) -> BTreeSet<Address> {
    marks.iter().map(|mark| Keypair::from_secret(&[*mark; 32]).address()).collect()
}

fn files(folder: &TempDir) -> usize {
    fs::read_dir(folder.path()).unwrap().count()
}

#[test]
fn one_node_stakes_with_a_key_on_a_chain() {
    let folder = TempDir::new().unwrap();
    let node = |spec, name: &str| Staking::new(spec, folder.path(), Path::new(name));
    let spec = frozen("pos-dev");
    let (first, second) = (node(&spec, "/data/first"), node(&spec, "/data/second"));
    first.claim(&owners(&[1, 2])).unwrap();
    first.claim(&owners(&[2, 3])).unwrap();
    let error = second.claim(&owners(&[2, 4])).unwrap_err();
    assert!(error.to_string().contains("/data/first") && error.help().contains("stake stop"));
    assert_eq!(files(&folder), 3, "what was not got together is given back");
    second.claim(&owners(&[4])).unwrap();
    // On another chain the same key does no harm.
    let other = frozen("hybrid-dev");
    node(&other, "/data/other").claim(&owners(&[1])).unwrap();

    drop(first);
    second.claim(&owners(&[1, 2, 3])).unwrap();
    drop(second);
    assert_eq!(files(&folder), 0);
    // What a killed process left behind locks nobody out.
    let address = owners(&[1]).first().unwrap().encode(&spec.prefix);
    let genesis = spec.genesis_id().to_string();
    let left = folder.path().join(format!("{}-{address}.lock", &genesis[..GENESIS_DIGITS]));
    fs::write(&left, "process 1").unwrap();
    node(&spec, "/data/third").claim(&owners(&[1])).unwrap();
    assert!(!left.exists());
}

#[test]
fn keys_that_everybody_knows_are_locked_for_nobody() {
    let folder = TempDir::new().unwrap();
    let spec = frozen("pos-dev");
    let alice = BTreeSet::from([DevAccount::named("alice").unwrap().address()]);
    let (first, second) = (
        Staking::new(&spec, folder.path(), Path::new("a")),
        Staking::new(&spec, folder.path(), Path::new("b")),
    );
    first.claim(&alice).unwrap();
    second.claim(&alice).unwrap();
    assert_eq!(files(&folder), 0);
}

#[test]
fn without_stake_nobody_stakes() {
    let folder = TempDir::new().unwrap();
    let work = Staking::new(&frozen("pow-dev"), folder.path(), Path::new("a"));
    let error = work.claim(&owners(&[1])).unwrap_err();
    assert_eq!(error.to_string(), "rule pow has no stake: nobody's coins make blocks under it");
    let stake = Staking::new(&frozen("pos-dev"), folder.path(), Path::new("a"));
    let key = |n: usize| {
        let mut secret = [7; 32];
        secret[..8].copy_from_slice(&n.to_le_bytes());
        Keypair::from_secret(&secret).address()
    };
    let many = (0..=STAKERS_MAX).map(key).collect();
    assert!(matches!(stake.claim(&many), Err(StakeError::TooMany { given: 1025 })));
    assert_eq!(files(&folder), 0);
    let unwritable = folder.path().join("file");
    fs::write(&unwritable, "").unwrap();
    let blocked = Staking::new(&frozen("pos-dev"), &unwritable, Path::new("a"));
    assert!(matches!(blocked.claim(&owners(&[1])), Err(StakeError::Lock { .. })));
    stake.claim(&owners(&[1])).unwrap();
}
