mod bad;
mod runs;

use super::*;

/// A scenario on shipped chain specs.
fn read(text: &str) -> Result<Scenario, SpecError> {
    Scenario::parse("test.toml", text, &|name| {
        crate::spec::find(name).map(str::to_owned).map_err(|error| error.to_string())
    })
}

/// Two miners for a minute, and more.
fn small(more: &str) -> String {
    format!("name = \"small\"\nduration = \"60s\"\n{more}\n[[nodes]]\ncount = 2\n")
}
