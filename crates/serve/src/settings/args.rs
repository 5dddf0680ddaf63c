//! Settings as command-line arguments, and the way from all sources to resolved settings.

use std::collections::BTreeMap;
use std::fs;
use std::marker::PhantomData;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::check;
use super::error::{Fault, Origin, SettingsError};
use super::file::ConfigFile;
use super::resolve::{Environment, Resolver, Setting};
use super::section::{Key, SectionInfo, Sections};
use super::server::ServerSettings;

const CONFIG: &str = "config";
const CONFIG_VARIABLE: &str = "STRATA_CONFIG";

/// Arguments of a server: `--config FILE` and a flag for each setting, those of the sections `A`
/// included. For `#[command(flatten)]`.
#[derive(Debug, Clone)]
pub struct SettingsArgs<A = ()> {
    config: Option<PathBuf>,
    flags: BTreeMap<&'static str, String>,
    sections: PhantomData<fn() -> A>,
}

/// Resolved settings.
#[derive(Debug, Clone)]
pub struct Loaded<A = ()> {
    /// The server's.
    pub settings: ServerSettings,
    /// The program's own.
    pub app: A,
    /// What is allowed but should be known; for the log.
    pub warnings: Vec<String>,
    /// Every key with its value and source, in the order of the file.
    pub all: Vec<Setting>,
}

impl<A> Loaded<A> {
    /// The settings that are not at their default.
    pub fn changed(&self) -> impl Iterator<Item = &Setting> {
        self.all.iter().filter(|setting| setting.origin != Origin::Default)
    }

    /// The refusal of a value that proved unusable later on, with its source. `key` is `section.key`.
    #[must_use]
    pub fn refuse(&self, key: &str, message: impl Into<String>) -> SettingsError {
        SettingsError::Refused(vec![fault(&self.all, key, message.into())])
    }
}

fn fault(all: &[Setting], key: &str, message: String) -> Fault {
    let setting = all.iter().find(|setting| setting.key == key);
    Fault {
        key: key.to_owned(),
        value: setting.map(|setting| setting.value.clone()),
        origin: setting.map_or(Origin::Default, |setting| setting.origin.clone()),
        message,
    }
}

impl<A> Default for SettingsArgs<A> {
    /// No arguments.
    fn default() -> Self {
        Self { config: None, flags: BTreeMap::new(), sections: PhantomData }
    }
}

impl<A: Sections> SettingsArgs<A> {
    /// Settings from these flags, the process's environment and the configuration file.
    ///
    /// # Errors
    /// A file that cannot be read, and every unknown key, unusable value and contradiction.
    pub fn load(&self) -> Result<Loaded<A>, SettingsError> {
        let mut loaded = self.load_from(&|name| std::env::var_os(name))?;
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        loaded.warnings.extend(names.filter_map(|name| check::mistyped(&name, &infos::<A>())));
        Ok(loaded)
    }

    /// As [`Self::load`], with this environment.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_from(&self, environment: &Environment<'_>) -> Result<Loaded<A>, SettingsError> {
        let file = self.file(environment)?;
        let mut from = Resolver {
            flags: &self.flags,
            environment,
            file: file.as_ref(),
            settings: Vec::new(),
            faults: file.as_ref().map_or_else(Vec::new, |file| file.unknown(&infos::<A>())),
        };
        let settings = ServerSettings::resolve(&mut from);
        let app = A::resolve(&mut from);
        let Resolver { settings: all, mut faults, .. } = from;
        // Defaults that stand in for faulty values could contradict others: first things first.
        if faults.is_empty() {
            let found = check::contradictions(&settings).into_iter();
            faults.extend(found.map(|(key, message)| fault(&all, key, message)));
        }
        if !faults.is_empty() {
            return Err(SettingsError::Refused(faults));
        }
        Ok(Loaded { warnings: check::warnings(&settings), settings, app, all })
    }

    fn file(&self, environment: &Environment<'_>) -> Result<Option<ConfigFile>, SettingsError> {
        let (path, origin) = match &self.config {
            Some(path) => (path.clone(), Origin::Flag(CONFIG)),
            None => match environment(CONFIG_VARIABLE).filter(|path| !path.is_empty()) {
                Some(path) => (PathBuf::from(path), Origin::Variable(CONFIG_VARIABLE)),
                None => return Ok(None),
            },
        };
        match fs::read_to_string(&path) {
            Ok(text) => ConfigFile::parse(&path, &text).map(Some),
            Err(source) => Err(SettingsError::Read { path, origin, source }),
        }
    }

    fn read(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Ok(Some(path)) = matches.try_get_one::<PathBuf>(CONFIG) {
            self.config = Some(path.clone());
        }
        for key in infos::<A>().iter().flat_map(|section| section.keys) {
            if let Ok(Some(values)) = matches.try_get_many::<String>(key.flag) {
                let values: Vec<&str> = values.map(String::as_str).collect();
                self.flags.insert(key.flag, values.join(","));
            }
        }
        Ok(())
    }
}

/// The server's sections, then the program's.
fn infos<A: Sections>() -> Vec<SectionInfo> {
    let mut infos = ServerSettings::infos();
    infos.extend(A::infos());
    infos
}

impl<A: Sections> clap::FromArgMatches for SettingsArgs<A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.read(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.read(matches)
    }
}

impl<A: Sections> clap::Args for SettingsArgs<A> {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help(format!("TOML file with settings [env: {CONFIG_VARIABLE}]"));
        let mut command = command.arg(config);
        for section in infos::<A>() {
            let heading = section.doc.trim_end_matches('.');
            command = command.args(section.keys.iter().map(|key| argument(key, heading)));
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(key: &Key, heading: &'static str) -> Arg {
    let help: Vec<&str> = key.help_lines().collect();
    let mut help = help.join(" ");
    if key.list {
        help += " Several are separated by commas.";
    }
    // As clap does with the help of its own arguments.
    help.truncate(help.trim_end_matches('.').len());
    if let Some(range) = key.range.first() {
        help += &format!(" [{}]", range());
    }
    help += &format!(" [env: {}]", key.variable);
    match (key.default)().trim_matches('"') {
        "" | "[]" => {}
        default => help += &format!(" [default: {default}]"),
    }
    let argument = Arg::new(key.flag)
        .long(key.flag)
        .value_name(key.value_name)
        .help(help)
        .help_heading(heading)
        .hide_short_help(!key.common)
        .action(if key.list { ArgAction::Append } else { ArgAction::Set });
    if key.switch {
        // `--flag` alone is yes; no is said as `--flag=false`.
        argument.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        argument
    }
}
