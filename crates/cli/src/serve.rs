//! The command `serve`: an application's operations over HTTP.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use strata_core::runtime::DeviceList;
use strata_serve::settings::{Sections, ServerSettings, SettingsArgs, default_toml};
use strata_serve::telemetry::logs;
use strata_serve::{App, Kit};

use crate::{Globals, QUIET_LOG, say};

/// Serve over HTTP, with a page.
///
/// `S` are the application's own sections of the settings. What it serves it says itself, in its own
/// help.
#[derive(Debug, Clone, clap::Args)]
pub struct Args<S: Sections> {
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
    settings: SettingsArgs<S>,
}

/// Serves until it is told to stop. `build` puts the application together from the server's settings,
/// its own, and the folder of models.
///
/// # Errors
/// Settings that cannot be used, what `build` says, an address that is taken, and whatever ends the
/// server early.
pub fn run<S: Sections>(
    args: &Args<S>,
    globals: &Globals,
    build: impl FnOnce(ServerSettings, &S, Option<&Path>) -> anyhow::Result<(Kit, App)>,
) -> anyhow::Result<ExitCode> {
    if args.print_config {
        say(&default_toml::<S>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut loaded = args.settings.load()?;
    let devices = &mut loaded.settings.models.devices;
    if let Some(asked) =
        globals.device.as_ref().filter(|_| *devices == ServerSettings::default().models.devices)
    {
        *devices = asked.to_string();
    }
    // What opens models beside the server's pools uses the same devices.
    devices.parse::<DeviceList>()?.prefer();
    let (kit, app) = build(loaded.settings.clone(), &loaded.app, args.models_dir.as_deref())?;
    if args.print_openapi {
        let document = strata_serve::openapi_document(kit, app);
        say(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    // `--log` is every command's; here the settings have their own, which says more by default.
    let log = &loaded.settings.log;
    let filter = if globals.log == QUIET_LOG { &log.filter } else { &globals.log };
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
