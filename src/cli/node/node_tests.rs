use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::cli::Cli;
use crate::types::Prefix;

/// Nobody is at the terminal.
struct Silent;

impl Prompter for Silent {
    fn ask(&mut self, _: &str) -> std::io::Result<secrecy::SecretString> {
        Err(std::io::Error::other("nobody is there"))
    }
}

/// Prepares what a command line asks for, in a home of its own.
fn prepared(line: &str) -> Result<NodeConfig, (Exit, String)> {
    let home = TempDir::new().unwrap();
    let words = ["assay", "node", "run"].into_iter().chain(line.split_whitespace());
    let cli = Cli::try_parse_from(words).map_err(|error| (Exit::Usage, error.to_string()))?;
    let crate::cli::Command::Node(args) = cli.command else { panic!("another command") };
    let Command::Run(args) = args.command;
    let unset = |_: &str| None;
    prepare(args.settings, args.resync, Some(home.path()), &unset, &mut Silent).map_err(|error| {
        (error.exit(), format!("{} / {}", error.message(), error.advice().unwrap_or_default()))
    })
}

fn dev(name: &str) -> Address {
    DevAccount::named(name).unwrap().address()
}

#[test]
fn a_name_is_enough_and_the_rest_has_defaults() {
    let config = prepared("--chain pow-dev").unwrap();
    assert_eq!(config.p2p.to_string(), "127.0.0.1:18545");
    assert_eq!(config.rpc.to_string(), "127.0.0.1:18544");
    assert!(config.mining.is_none() && config.bootnodes.is_empty() && !config.resync);
    assert!(config.first_start && config.datadir.ends_with("nodes/pow-dev"));
}

#[test]
fn mining_pays_a_development_account_unless_told_otherwise() {
    let mining = |line: &str| prepared(line).unwrap().mining.unwrap();
    let default = mining("--chain pow-dev --mine");
    assert_eq!((default.payout, default.threads.get()), (dev("alice"), 1));
    assert_eq!(default.throttle, Throttle::FULL);
    let address = dev("bob").encode(&Prefix::new("assay").unwrap());
    let told = mining(&format!(
        "--chain pow-dev --mine --payout {address} --miner-threads 2 --throttle 10%"
    ));
    assert_eq!((told.payout, told.threads.get(), told.throttle.share()), (dev("bob"), 2, 0.1));
    assert!(prepared("--chain pow-dev --payout carol").unwrap().mining.is_none());
    // An authority makes blocks without searching, and they pay whom it says.
    let told = prepared("--chain raft-3 --authority key --payout carol").unwrap();
    assert_eq!((told.authority_payout, told.mining.is_none()), (Some(dev("carol")), true));
    let silent = prepared("--chain raft-3 --authority key").unwrap();
    assert_eq!((silent.authority_payout, silent.mining.is_none()), (None, true));
}

#[test]
fn coins_are_staked_for_whom_is_named() {
    let config = prepared("--chain pos-dev --stake alice,bob --stake-reserve 5").unwrap();
    let stake = config.stake.unwrap();
    let owners: Vec<_> = stake.keys.iter().map(crate::types::Keypair::address).collect();
    assert_eq!((owners, stake.reserve.0), (vec![dev("alice"), dev("bob")], 500_000_000));
    assert!(config.stake_locks.ends_with("staking"));
    assert!(prepared("--chain pos-dev").unwrap().stake.is_none());
    let (exit, text) = prepared("--chain pow-dev --stake alice").unwrap_err();
    assert!(exit == Exit::Config && text.contains("rule pow has no stake"), "{text}");
}

#[test]
fn ports_and_addresses_are_taken_as_given() {
    let config = prepared(
        "--chain pow-dev --port 0 --rpc-port 0 --listen 0.0.0.0 --rpc-bind 0.0.0.0 --rpc-token-file t --resync",
    )
    .unwrap();
    assert_eq!(config.p2p.to_string(), "0.0.0.0:0");
    assert_eq!(config.rpc.to_string(), "0.0.0.0:0");
    assert!(config.resync && config.rpc_token_file == Some("t".into()));
}

#[test]
fn a_checkpoint_is_a_height_and_an_id() {
    let id = "ab".repeat(32);
    let config = prepared(&format!("--chain pow-dev --checkpoint 17:{id}")).unwrap();
    assert_eq!(config.checkpoint.unwrap().to_string(), format!("17:{id}"));
    let (exit, message) = prepared("--chain pow-dev --checkpoint 17").unwrap_err();
    assert!(exit == Exit::Usage && message.contains("expected HEIGHT:ID"), "{message}");
}

#[test]
fn what_cannot_be_is_refused_with_advice() {
    let many = vec!["/ip4/127.0.0.1/tcp/1"; 65].join(",");
    for (line, exit, part) in [
        ("--chain pow-dev --rpc-bind 0.0.0.0", Exit::Config, "--rpc-token-file"),
        (
            "--chain pow-dev --mine --payout alcie",
            Exit::Usage,
            "did you mean the development account `alice`?",
        ),
        ("--chain pow-dev --mine --payout btc1qqqq", Exit::Usage, "--payout:"),
        ("--chain raft-dev --mine", Exit::Usage, "--mine: under the rule raft nobody searches"),
        (&format!("--chain pow-dev --bootnodes {many}"), Exit::Usage, "65 bootnodes"),
    ] {
        let (actual, text) = prepared(line).unwrap_err();
        assert!(actual == exit && text.contains(part), "{line}: {actual:?} {text}");
    }
}

#[test]
fn public_keys_earn_nothing_on_a_chain_that_is_meant_to_last() {
    let text = crate::spec::find("pow-dev").unwrap();
    let address = dev("bob").encode(&Prefix::new("assay").unwrap());
    // The accounts of the spec are development accounts, which such a chain cannot have.
    let start = text.find("accounts = [").unwrap();
    let end = start + text[start..].find("]\n").unwrap() + 2;
    let own = Address::parse(&address, &Prefix::new("assay").unwrap()).unwrap();
    assert_eq!(own, dev("bob"));
    let text = format!("{}accounts = []\n{}", &text[..start], &text[end..])
        .replace("dev = true", "dev = false");
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("s.toml");
    std::fs::write(&file, text).unwrap();
    let file = file.display();
    for (line, part) in [
        (format!("--chain {file} --mine"), "no development chain"),
        (format!("--chain {file} --mine --payout alice"), "is a development account"),
        (format!("--chain {file} --mine --payout {address}"), "is a development account"),
    ] {
        let (exit, text) = prepared(&line).unwrap_err();
        assert!(exit == Exit::Usage && text.contains(part), "{line}: {text}");
    }
}
