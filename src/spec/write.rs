//! Writing a chain spec as TOML that people read.

use super::settings::{Entry, Owner, Settings};

/// Where comments start, unless the line is longer.
const COMMENT_COLUMN: usize = 34;

/// A file with a comment at its head, the entries in their sections, and after each what it is.
pub(super) fn write(head: &[String], settings: &Settings, entries: &[Entry]) -> String {
    let mut text = String::new();
    for line in head {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    let mut section = "";
    text.push('\n');
    for entry in entries {
        if entry.section != section {
            if section == "genesis" {
                accounts(&mut text, settings);
            }
            section = entry.section;
            text.push_str(&format!("\n[{section}]\n"));
        }
        // The list of accounts is written as a whole, at the end of its section.
        if entry.key.starts_with("accounts[") {
            continue;
        }
        let line = format!("{} = {}", entry.key, entry.value);
        let local = if entry.consensus { "" } else { " (local)" };
        text.push_str(&format!("{line:<COMMENT_COLUMN$}  # {}{local}\n", entry.about));
    }
    text
}

fn accounts(text: &mut String, settings: &Settings) {
    if settings.accounts.is_empty() {
        return text.push_str("accounts = []\n");
    }
    text.push_str("accounts = [\n");
    for account in &settings.accounts {
        text.push_str(&format!("    {},", settings.account(account)));
        if let Owner::Dev(dev) = account.owner {
            text.push_str(&format!("  # {}", dev.address().encode(&settings.prefix)));
        }
        text.push('\n');
    }
    text.push_str("]\n");
}
