//! The command `assay`: everything it does lives in the library's `cli` room.

use std::process::ExitCode;

fn main() -> ExitCode {
    assay::cli::main(std::env::args_os())
}
