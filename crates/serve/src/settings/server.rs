//! The settings every Strata server has, section by section. This file is the reference: the help,
//! the environment variables and `config/default.toml` are made from it.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use strata_core::runtime::PoolConfig;

use super::resolve::Resolver;
use super::section::{Section, SectionInfo};
use super::units::ByteSize;
use super::value::{FileValue, SettingValue, quoted};
use crate::settings_section;

/// Longest time in seconds that a setting takes: a day.
const DAY_S: u64 = 86_400;

settings_section! {
    /// Where the server listens, and to whom.
    pub struct ServerSection in "server" {
        /// Address and port to listen on. Anything but a loopback address such as 127.0.0.1 can be
        /// reached from other machines, and then needs [auth] keys_file or allow_anonymous.
        bind: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            flag "bind", env "STRATA_BIND", common true;
        /// Serve other machines without asking for keys.
        allow_anonymous: bool = false, common true;
        /// Connections at a time; more are closed at once.
        max_connections: usize = 4096, range 1..=1_000_000;
        /// Seconds a client has to send the head of a request, and a connection is kept without one.
        header_timeout_s: u64 = 10, range 1..=DAY_S;
        /// Seconds a client may take nothing of its reply before the connection is closed.
        reply_timeout_s: u64 = 60, range 1..=DAY_S;
        /// Names this server goes by besides localhost, where it asks for no keys on a loopback
        /// address: a proxy in front of it may pass on its own. Others are refused, because a name
        /// that a stranger owns can be made to point to this machine.
        hosts: Vec<String> = Vec::new();
        /// Threads that handle connections; 0 is one a core.
        threads: usize = 0, range 0..=1024;
        /// Web pages of other sites that may call this server, such as "https://lab.example.org";
        /// "*" is any, and none turns CORS off.
        cors_origins: Vec<String> = Vec::new();
        /// Serve the description of the API (OpenAPI) and its page.
        docs: bool = true;
    }
}

settings_section! {
    /// Encryption; off without a certificate.
    pub struct TlsSection in "tls" {
        /// PEM file with the server's certificate, then those that vouch for it.
        certificate: Option<PathBuf> = None, common true;
        /// PEM file with the certificate's private key.
        key: Option<PathBuf> = None, common true;
    }
}

settings_section! {
    /// Who may call.
    pub struct AuthSection in "auth" {
        /// File with the keys that callers present; without one, nobody is asked.
        keys_file: Option<PathBuf> = None, common true;
    }
}

settings_section! {
    /// How much a request may take.
    pub struct LimitsSection in "limits" {
        /// Bytes of a request's body.
        body_bytes: ByteSize = ByteSize::mib(16), range ByteSize::kib(1)..=ByteSize::gib(64);
        /// Bytes of a file sent for a job.
        upload_bytes: ByteSize = ByteSize::gib(2), range ByteSize::kib(1)..=ByteSize::tib(64);
        /// Bytes of a compressed body once it is decompressed.
        decompressed_bytes: ByteSize = ByteSize::mib(64), range ByteSize::kib(1)..=ByteSize::gib(64);
        /// Levels of lists and objects in JSON.
        json_depth: usize = 32, range 4..=128;
        /// Items in one request.
        rows: usize = 1000, range 1..=10_000_000;
        /// Pixels of one picture.
        image_pixels: u64 = 50_000_000, range 1..=10_000_000_000;
        /// Seconds a client has to send a body of body_bytes.
        body_timeout_s: u64 = 30, range 1..=DAY_S;
        /// Seconds until a request is answered or given up.
        request_timeout_s: u64 = 60, range 1..=DAY_S;
        /// Operations that compute at a time; 0 is two a core.
        concurrent: usize = 0, range 0..=65_536;
        /// Streams of events or pictures open at a time; more are refused with status 429.
        streams: usize = 256, range 1..=1_000_000;
    }
}

settings_section! {
    /// How requests for the same model are run together.
    pub struct BatchingSection in "batching" {
        /// Rows in one run of a model; larger requests are cut.
        max_rows: usize = 64, range 1..=1_000_000;
        /// Microseconds a run waits for more rows while a session is free.
        max_delay_us: u64 = 500, range 0..=10_000_000;
        /// Full runs that wait for one model; requests beyond them are refused with status 429. It
        /// bounds how long a request waits under overload. Predictions from molecules, which are
        /// long work in small pieces, may wait for four times as many.
        queue_runs: usize = 4, range 1..=100_000;
        /// Requests that wait for one model, whatever their size; more are refused with status 429.
        queue_items: usize = 1024, range 1..=1_000_000;
        /// Milliseconds a request waits before it is refused with status 503.
        queue_timeout_ms: u64 = 5000, range 1..=86_400_000;
        /// Share of a run that may be padding, where rows of different lengths run together.
        max_padding: f64 = 0.25, range 0.0..=1.0;
    }
}

settings_section! {
    /// Models and what runs them.
    pub struct ModelsSection in "models" {
        /// Sessions of each model, each with its own threads; 0 is one a core, four at most.
        sessions: usize = 0, range 0..=PoolConfig::LIMIT;
        /// Threads in a session; 0 is ONNX Runtime's choice.
        intra_threads: usize = 1, range 0..=PoolConfig::LIMIT;
        /// Devices in order of preference, as in "cuda,cpu".
        devices: String = "cpu".to_owned(), common true;
        /// Allow loading and unloading models over HTTP.
        control: bool = false;
        /// Further folders of models, such as other versions to serve side by side.
        extra_dirs: Vec<PathBuf> = Vec::new();
        /// Seconds between looks for changed models; 0 is only on SIGHUP or over HTTP.
        reload_poll_s: u64 = 0, range 0..=DAY_S;
    }
}

settings_section! {
    /// Work that outlives a request.
    pub struct JobsSection in "jobs" {
        /// Folder of jobs and their results; empty is strata-jobs in the cache folder.
        dir: Option<PathBuf> = None, common true;
        /// Jobs that run at a time.
        workers: usize = 1, range 1..=64;
        /// Days that finished jobs and their results are kept; 0 keeps them.
        keep_days: u64 = 30, range 0..=36_500;
        /// Jobs that wait; more are refused with status 429.
        max_queued: u64 = 100, range 1..=1_000_000;
    }
}

settings_section! {
    /// How the server ends on SIGTERM.
    pub struct DrainSection in "drain" {
        /// Seconds of serving on while readiness says no, so that balancers turn away first.
        not_ready_s: u64 = 5, range 0..=3600;
        /// Seconds then left to requests that are under way.
        finish_s: u64 = 25, range 0..=3600;
    }
}

settings_section! {
    /// The log, on standard error.
    pub struct LogSection in "log" {
        /// text for people, json for machines: one object a line.
        format: LogFormat = LogFormat::Text, common true;
        /// What is logged, such as "info" or "warn,strata_serve=debug".
        filter: String = "info".to_owned(), common true;
        /// Log a line a request.
        access: bool = true;
    }
}

settings_section! {
    /// Traces.
    pub struct TraceSection in "trace" {
        /// Collector that takes OTLP over HTTP, such as "http://127.0.0.1:4318"; empty is off. Needs
        /// a program that was built with the feature otel.
        otlp_endpoint: Option<String> = None;
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// A line a message, for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

impl SettingValue for LogFormat {
    const VALUE_NAME: &'static str = "text|json";

    fn from_file(value: &FileValue) -> Result<Self, String> {
        match value {
            FileValue::Text(text) => Self::from_text(text),
            _ => Err("expected \"text\" or \"json\"".to_owned()),
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("expected \"text\" or \"json\"".to_owned()),
        }
    }

    fn to_toml(&self) -> String {
        quoted(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// Declares [`ServerSettings`], so that no section can be left out of one of its parts.
macro_rules! server_settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $section:ty,)+) => {
        /// Everything a server is told. The fields are the sections of the configuration file.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct ServerSettings {
            $($(#[doc = $doc])+ pub $field: $section,)+
        }

        impl ServerSettings {
            /// The sections, in the order of the file.
            #[must_use]
            pub fn infos() -> Vec<SectionInfo> {
                vec![$(<$section as Section>::INFO),+]
            }

            pub(super) fn resolve(from: &mut Resolver<'_>) -> Self {
                Self { $($field: <$section as Section>::resolve(from),)+ }
            }
        }
    };
}

server_settings! {
    /// Where the server listens, and to whom.
    server: ServerSection,
    /// Encryption.
    tls: TlsSection,
    /// Who may call.
    auth: AuthSection,
    /// How much a request may take.
    limits: LimitsSection,
    /// How requests for the same model are run together.
    batching: BatchingSection,
    /// Models and what runs them.
    models: ModelsSection,
    /// Work that outlives a request.
    jobs: JobsSection,
    /// How the server ends.
    drain: DrainSection,
    /// The log.
    log: LogSection,
    /// Traces.
    trace: TraceSection,
}

/// Cores this process may use.
fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

fn or_if_zero(value: usize, otherwise: impl FnOnce() -> usize) -> usize {
    if value == 0 { otherwise() } else { value }
}

impl ServerSection {
    /// Threads that handle connections.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        or_if_zero(self.threads, cores)
    }
}

impl LimitsSection {
    /// Operations that compute at a time.
    #[must_use]
    pub fn concurrent_count(&self) -> usize {
        or_if_zero(self.concurrent, || 2 * cores())
    }
}

impl JobsSection {
    /// How long finished jobs are kept; `None` until somebody deletes them.
    #[must_use]
    pub fn keep(&self) -> Option<Duration> {
        (self.keep_days > 0).then(|| Duration::from_secs(self.keep_days * DAY_S))
    }
}

impl ModelsSection {
    /// Sessions of each model.
    #[must_use]
    pub fn session_count(&self) -> usize {
        or_if_zero(self.sessions, || cores().min(4))
    }
}
