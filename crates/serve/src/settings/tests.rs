//! Tests of settings as a whole: which source counts, what is refused, the help, the default file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};

use super::*;

crate::settings_section! {
    /// An application's own.
    pub(super) struct LabSection in "lab" {
        /// A file to search.
        library: Option<PathBuf> = None;
        /// Neighbours.
        top_k: usize = 10, range 1..=100;
    }
}

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    settings: SettingsArgs<LabSection>,
    /// An argument of the program itself.
    #[arg(long)]
    own: bool,
}

/// Loads with these flags and variables.
fn load(flags: &[&str], variables: &[(&str, &str)]) -> Result<Loaded<LabSection>, SettingsError> {
    let program = Program::parse_from([&["lab"], flags].concat());
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    program.settings.load_from(&|name| variables.get(name).map(OsString::from))
}

/// The message that refuses these.
fn refused(flags: &[&str], variables: &[(&str, &str)]) -> String {
    load(flags, variables).unwrap_err().to_string()
}

/// A configuration file, and its folder, which goes when dropped.
fn config(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("strata.toml");
    fs::write(&path, text).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

#[test]
fn a_flag_counts_before_a_variable_before_the_file_before_the_default() {
    let (_folder, file) = config("[limits]\nrows = 1\njson_depth = 11\nconcurrent = 21\n");
    let loaded = load(
        &["--config", &file, "--limits-rows", "3"],
        &[("STRATA_LIMITS_ROWS", "2"), ("STRATA_LIMITS_JSON_DEPTH", "12")],
    )
    .unwrap();
    let limits = &loaded.settings.limits;
    assert_eq!((limits.rows, limits.json_depth, limits.concurrent), (3, 12, 21));
    assert_eq!(limits.request_timeout_s, 60);
    let changed: Vec<String> =
        loaded.changed().map(|s| format!("{} = {} {}", s.key, s.value, s.origin)).collect();
    assert_eq!(
        changed,
        [
            "limits.json_depth = 12 in the variable STRATA_LIMITS_JSON_DEPTH".to_owned(),
            "limits.rows = 3 with --limits-rows".to_owned(),
            format!("limits.concurrent = 21 {file}:4"),
        ]
    );
}

#[test]
fn nothing_given_means_the_defaults() {
    let loaded = load(&[], &[("STRATA_LIMITS_ROWS", "")]).unwrap();
    assert_eq!(loaded.settings, ServerSettings::default());
    assert_eq!(loaded.app, LabSection::default());
    assert_eq!((loaded.changed().count(), loaded.warnings.len()), (0, 0));
}

#[test]
fn the_file_can_be_named_by_a_variable_and_must_exist() {
    let (_folder, file) = config("[server]\nbind = \"127.0.0.1:1\"");
    let loaded = load(&[], &[("STRATA_CONFIG", &file)]).unwrap();
    assert_eq!(loaded.settings.server.bind.port(), 1);
    let missing = refused(&[], &[("STRATA_CONFIG", "/nowhere/strata.toml")]);
    assert!(
        missing.starts_with(
            "cannot read the configuration file /nowhere/strata.toml (named in the variable \
             STRATA_CONFIG): "
        ),
        "{missing}"
    );
}

#[test]
fn bind_has_a_plain_flag_and_two_variables() {
    let port = |flags: &[&str], variables: &[(&str, &str)]| {
        load(flags, variables).unwrap().settings.server.bind.port()
    };
    assert_eq!(port(&["--bind", "localhost:9"], &[]), 9);
    assert_eq!(port(&[], &[("STRATA_BIND", "127.0.0.1:7")]), 7);
    let both = [("STRATA_BIND", "127.0.0.1:7"), ("STRATA_SERVER_BIND", "127.0.0.1:8")];
    assert_eq!(port(&[], &both), 8);
}

#[test]
fn unusable_values_are_refused_together_each_with_its_source() {
    let (_folder, file) =
        config("[server]\nmax_conections = 5\n[limits]\nbody_bytes = \"a lot\"\nrows = \"9\"\n");
    let message = refused(
        &["--config", &file, "--models-intra-threads", "many"],
        &[("STRATA_LOG_FORMAT", "yaml"), ("STRATA_LAB_TOP_K", "101")],
    );
    let expected = [
        "settings:".to_owned(),
        format!("  server.max_conections ({file}:2): there is no such key; did you mean max_connections?"),
        format!("  limits.body_bytes = \"a lot\" ({file}:4): {NoByteSize}"),
        format!("  limits.rows = \"9\" ({file}:5): expected a whole number from 0 to {}", u64::MAX),
        format!(
            "  models.intra_threads = \"many\" (with --models-intra-threads): expected a whole \
             number from 0 to {}",
            u64::MAX
        ),
        "  log.format = \"yaml\" (in the variable STRATA_LOG_FORMAT): expected \"text\" or \"json\""
            .to_owned(),
        "  lab.top_k = \"101\" (in the variable STRATA_LAB_TOP_K): expected 1 to 100".to_owned(),
    ];
    assert_eq!(message.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn other_machines_are_served_only_with_keys_or_on_purpose() {
    let message = refused(&["--bind", "0.0.0.0:80"], &[]);
    assert!(
        message.starts_with("setting server.bind = \"0.0.0.0:80\" (with --bind): other machines")
    );
    assert!(message.contains("--auth-keys-file") && message.contains("--server-allow-anonymous"));
    assert!(load(&["--bind", "[::1]:80"], &[]).unwrap().warnings.is_empty());
    let open = load(&["--bind", "0.0.0.0:80", "--server-allow-anonymous"], &[]).unwrap();
    assert_eq!(open.warnings.len(), 1);
    let keys = load(&["--bind", "0.0.0.0:80", "--auth-keys-file", "keys.toml"], &[]).unwrap();
    assert!(keys.warnings[0].contains("unencrypted"), "{:?}", keys.warnings);
}

#[test]
fn contradictions_and_bad_texts_are_refused() {
    for (flags, told) in [
        (
            &["--tls-certificate", "c.pem"][..],
            "setting tls.key = \"\" (by default): the certificate",
        ),
        (&["--tls-key", "k.pem"], "setting tls.certificate = \"\" (by default): the private key"),
        (&["--log-filter", "a=b=c"], "setting log.filter = \"a=b=c\" (with --log-filter): "),
        (&["--models-devices", "cpu,abacus"], "setting models.devices = \"cpu,abacus\" (with "),
        (&["--trace-otlp-endpoint", "collector:4318"], "setting trace.otlp_endpoint = "),
        (&["--server-cors-origins", "https://a.org/"], "setting server.cors_origins = "),
        (&["--server-cors-origins", "a.org"], "setting server.cors_origins = [\"a.org\"] (with "),
    ] {
        let message = refused(flags, &[]);
        assert!(message.starts_with(told), "{message}");
    }
}

#[test]
fn traces_are_refused_by_a_program_without_them() {
    let flags = ["--trace-otlp-endpoint", "http://127.0.0.1:4318"];
    if crate::telemetry::trace::BUILT_IN {
        let settings = load(&flags, &[]).unwrap().settings;
        assert_eq!(settings.trace.otlp_endpoint.as_deref(), Some(flags[1]));
    } else {
        let message = refused(&flags, &[]);
        assert!(message.starts_with("setting trace.otlp_endpoint = "), "{message}");
        assert!(message.contains("build the program with --features otel"), "{message}");
    }
}

#[test]
fn switches_lists_and_sizes_as_flags() {
    let flags = ["--models-control", "--server-docs=false", "--limits-body-bytes", "1 MiB"];
    let lists = ["--models-extra-dirs", "a,b", "--models-extra-dirs", "c", "--own"];
    let loaded = load(&[&flags[..], &lists[..]].concat(), &[]).unwrap().settings;
    assert!(loaded.models.control && !loaded.server.docs);
    assert_eq!(loaded.limits.body_bytes, ByteSize::mib(1));
    assert_eq!(loaded.models.extra_dirs, ["a", "b", "c"].map(PathBuf::from));
}

#[test]
fn paths_in_a_file_start_from_its_folder() {
    let (folder, file) = config("[lab]\nlibrary = \"mine.sdf\"\n[jobs]\ndir = \"\"\n");
    let loaded = load(&["--config", &file], &[]).unwrap();
    assert_eq!(loaded.app.library, Some(folder.path().join("mine.sdf")));
    assert_eq!(loaded.settings.jobs.dir, None);
    let flag = load(&["--config", &file, "--lab-library", "x.sdf"], &[]).unwrap();
    assert_eq!(flag.app.library.as_deref(), Some(Path::new("x.sdf")));
}

#[test]
fn a_mistyped_variable_is_warned_of_and_others_are_left_alone() {
    let infos = ServerSettings::infos();
    let warning = check::mistyped("STRATA_LIMIT_ROW", &infos).unwrap();
    assert!(warning.ends_with("did you mean STRATA_LIMITS_ROWS?"), "{warning}");
    for fine in [
        "STRATA_LIMITS_ROWS",
        "STRATA_BIND",
        "STRATA_CONFIG",
        "STRATA_CACHE",
        "STRATA_MODELS",
        "STRATA_LOG",
        "STRATA_SERVER_PORT",
        "STRATA_SERVER_SERVICE_HOST",
        "STRATA_SHARED",
        "LIMITS_ROWS",
        "PATH",
    ] {
        assert_eq!(check::mistyped(fine, &infos), None);
    }
}

#[test]
fn a_later_refusal_names_the_source() {
    let loaded = load(&["--lab-library", "x.sdf"], &[]).unwrap();
    assert_eq!(
        loaded.refuse("lab.library", "there is no such file").to_string(),
        "setting lab.library = \"x.sdf\" (with --lab-library): there is no such file"
    );
}

#[test]
fn the_help_lists_every_flag_with_variable_and_default() {
    let mut command = Program::command();
    command.build();
    let help =
        command.render_long_help().to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let infos = ServerSettings::infos().into_iter().chain([LabSection::INFO]);
    for key in infos.flat_map(|section| section.keys) {
        assert!(help.contains(&format!("--{}", key.flag)), "{}", key.flag);
        assert!(help.contains(&format!("[env: {}]", key.variable)), "{}", key.variable);
    }
    assert!(help.contains("Where the server listens, and to whom:"), "{help}");
    assert!(help.contains("[env: STRATA_LIMITS_BODY_BYTES] [default: 16 MiB]"), "{help}");
    let short = command.render_help().to_string();
    assert!(short.contains("--bind") && !short.contains("--limits-body-bytes"), "{short}");
}

#[test]
fn the_default_file_holds_every_key_at_its_default() {
    let text = default_toml::<LabSection>();
    let table: toml::Table = text.parse().unwrap();
    for section in ServerSettings::infos().into_iter().chain([LabSection::INFO]) {
        for key in section.keys {
            let held = table[section.name].get(key.name);
            assert!(held.is_some(), "{}.{} is not in the default file", section.name, key.name);
        }
    }
    let (_folder, file) = config(&text);
    let loaded = load(&["--config", &file], &[]).unwrap();
    assert_eq!((loaded.settings, loaded.app), (ServerSettings::default(), LabSection::default()));
}

/// `config/default.toml` is made, not written: `STRATA_BLESS=1` makes it anew.
#[test]
fn the_default_file_in_the_repository_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/default.toml");
    let text = default_toml::<()>();
    if std::env::var_os("STRATA_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    let held = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(held, text, "run the tests once with STRATA_BLESS=1");
}
