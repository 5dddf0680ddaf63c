//! `serve`: the server of [`crate::http`], with what every server has.

use std::process::ExitCode;

use strata_cli::Globals;

use crate::http::WeatherSection;

/// The arguments.
pub(super) type Args = strata_cli::serve::Args<WeatherSection>;

/// Serves until it is told to stop.
///
/// # Errors
/// Settings that cannot be used, an address that is taken, and whatever ends the server early.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    strata_cli::serve::run(args, globals, |settings, weather, models_dir| {
        Ok(crate::http::app(settings, weather, models_dir)?)
    })
}
