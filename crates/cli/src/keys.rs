//! The command `keys`: the keys that callers of `serve` present.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_core::batching::Priority;
use strata_serve::keys::{NewKey, Scope, create, list, remove};
use strata_serve::rate::Rate;

use crate::{Globals, say};

/// What the help of `keys` ends with, for the program of this name:
/// `#[command(after_help = keys::examples("strata-drug"))]`.
#[must_use]
pub fn examples(program: &str) -> String {
    format!(
        "Examples:
  {program} keys add lab-1 --file keys.toml
  {program} keys add dashboard --file keys.toml --scopes read,metrics
  {program} serve --bind 0.0.0.0:8080 --auth-keys-file keys.toml

A key is shown once, when it is made; the file holds its SHA-256 alone. A running server reads the
file again on SIGHUP."
    )
}

/// Make, list and remove the keys of a server.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Action {
    /// Make a key and print it.
    Add(Add),
    /// List names, scopes and rates.
    List {
        /// The file of keys.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove a key.
    Remove {
        /// Its name.
        name: String,
        /// The file of keys.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct Add {
    /// A name for it: who or what will use it.
    name: String,
    /// The file of keys; made where it isn't there.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// What it allows: read, infer, jobs, metrics, admin.
    #[arg(long, value_delimiter = ',', default_value = "read,infer,jobs")]
    scopes: Vec<Scope>,
    /// Requests a second, in the long run [default: as many as it likes].
    #[arg(long, value_name = "N")]
    per_second: Option<f64>,
    /// Requests at once.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "per_second")]
    burst: u32,
    /// Whether its requests go before or after those of others.
    #[arg(long, value_enum, default_value = "normal")]
    priority: PriorityName,
    /// What it may see beside what everybody may, such as a department's documents; may be repeated.
    #[arg(long, value_name = "NAME")]
    label: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum PriorityName {
    High,
    Normal,
    Low,
}

impl From<PriorityName> for Priority {
    fn from(name: PriorityName) -> Self {
        match name {
            PriorityName::High => Self::High,
            PriorityName::Normal => Self::Normal,
            PriorityName::Low => Self::Low,
        }
    }
}

/// Does it.
///
/// # Errors
/// Where the file cannot be read or written, or the name is taken or absent.
pub fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Add(add) => {
            let rate = add.per_second.map(|per_second| Rate { per_second, burst: add.burst });
            let priority = add.priority.into();
            let key =
                NewKey { name: add.name, scopes: add.scopes, rate, priority, labels: add.label };
            say(&format!("{}\n", create(&add.file, &key)?))?;
        }
        Action::List { file } => {
            for key in list(&file)? {
                let rate = key.rate.map_or("no limit".to_owned(), |rate| {
                    format!("{} a second, {} at once", rate.per_second, rate.burst)
                });
                let scopes = Scope::ALL.into_iter().filter(|scope| key.has(*scope));
                let scopes: Vec<&str> = scopes.map(Scope::as_str).collect();
                let labels = match key.labels.as_slice() {
                    [] => String::new(),
                    labels => format!("  sees {}", labels.join(", ")),
                };
                say(&format!("{:<24} {:<32} {rate}{labels}\n", key.name, scopes.join(",")))?;
            }
        }
        Action::Remove { name, file } => {
            remove(&file, &name)?;
            if !globals.quiet {
                say(&format!("{name} is removed; a running server forgets it on SIGHUP\n"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
