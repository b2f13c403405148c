//! `assay node run`.
pub mod settings;
/// x
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: settings::Settings,
}
pub fn run(args: Args, globals: &super::Globals) -> Result<super::Exit, super::CliError> { Ok(super::Exit::Ok)}
