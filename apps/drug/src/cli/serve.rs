//! `serve`: the same over HTTP, with a page.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_serve::settings::{SettingsArgs, default_toml};
use strata_serve::telemetry::logs;

use crate::http::{self, DrugSection};

use super::Globals;
use super::common::say;

/// Serve predictions, search, drawings and screening jobs over HTTP, with a page.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug serve
  strata-drug serve --bind 127.0.0.1:9000 --drug-libraries vendor.sfp
  strata-drug serve --config server.toml
  strata-drug serve --print-config > server.toml

The page is at /, its API at /docs, models at /v2 (Open Inference Protocol), metrics at /metrics.
SIGTERM ends the server without losing a request; SIGHUP loads models and keys anew.")]
pub struct Args {
    /// Print the commented default configuration, and end.
    #[arg(long)]
    print_config: bool,
    /// Print the OpenAPI document, and end.
    #[arg(long)]
    print_openapi: bool,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs<DrugSection>,
}

/// Serves until it is told to stop.
///
/// # Errors
/// Settings that cannot be used, an address that is taken, and whatever ends the server early.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    if args.print_config {
        say(&default_toml::<DrugSection>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = args.settings.load()?;
    let (kit, app) = http::app(loaded.settings.clone(), &loaded.app, args.models_dir.as_deref())?;
    if args.print_openapi {
        let document = strata_serve::openapi_document(kit, app);
        say(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    // `--log` is every command's; here the settings have their own, which says more by default.
    let log = &loaded.settings.log;
    let filter = if globals.log == super::QUIET_LOG { &log.filter } else { &globals.log };
    logs::init(log.format, filter)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let scheme = if loaded.settings.tls.certificate.is_some() { "https" } else { "http" };
    let quiet = globals.quiet;
    strata_serve::run(kit, app, |address| {
        if !quiet {
            // Whoever closed standard output does not want to know.
            let _ = say(&format!("serving on {scheme}://{address}; Ctrl-C ends it\n"));
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
