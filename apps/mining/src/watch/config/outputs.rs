//! The part of the configuration that says where events go.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::watch::event::Severity;

/// Where events go.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputsConfig {
    /// A file of one JSON object a line.
    pub jsonl: Option<PathBuf>,
    /// An MQTT broker.
    pub mqtt: Option<MqttConfig>,
    /// Addresses that are called.
    #[serde(deserialize_with = "one_or_many")]
    pub webhook: Vec<WebhookConfig>,
    /// The record of all events.
    pub journal: JournalConfig,
    /// A picture of each event.
    pub snapshots: Option<SnapshotConfig>,
    /// Seconds before and after each event.
    pub clips: Option<ClipConfig>,
}

/// The record of all events: the truth that every other output is delivered from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// The SQLite file.
    pub path: PathBuf,
    /// Days that an event is kept, with its snapshot and clip.
    pub keep_days: f64,
    /// Events kept at most.
    pub keep_events: u64,
    /// Changes that may wait for an output that cannot be reached; the oldest are given up, counted.
    pub outbox: u64,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("events.sqlite"),
            keep_days: 30.0,
            keep_events: 100_000,
            outbox: 100_000,
        }
    }
}

/// An MQTT broker (3.1.1).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttConfig {
    /// `mqtt://host:1883` or `mqtts://host:8883`.
    pub url: String,
    /// First part of every topic.
    #[serde(default = "strata")]
    pub prefix: String,
    /// Name of this client, unique at the broker; from the host's and the prefix when left out.
    #[serde(default)]
    pub client_id: Option<String>,
    /// 0 at most once, 1 at least once.
    #[serde(default = "one")]
    pub qos: u8,
    /// The broker keeps the last event of each camera and class.
    #[serde(default)]
    pub retain: bool,
    /// User.
    #[serde(default)]
    pub user: Option<String>,
    /// Environment variable with the password.
    #[serde(default)]
    pub password_env: Option<String>,
    /// Certificates (PEM) trusted for `mqtts://`; the system's when left out.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Seconds between signs of life.
    #[serde(default = "thirty")]
    pub keep_alive: u16,
    /// Least severity.
    #[serde(default = "detection")]
    pub min_severity: Severity,
}

/// An address that is called with `POST` for every change.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// `http://…` or `https://…`.
    pub url: String,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are in environment variables.
    #[serde(default)]
    pub headers_env: BTreeMap<String, String>,
    /// Environment variable with the key that bodies are signed with: HMAC-SHA256 in
    /// `X-Strata-Signature: sha256=…` over `X-Strata-Timestamp`, a full stop and the body.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// Least severity.
    #[serde(default)]
    pub min_severity: Severity,
    /// Only beginnings of events.
    #[serde(default)]
    pub only_new: bool,
    /// Seconds for one call.
    #[serde(default = "ten")]
    pub timeout: f64,
    /// Seconds between two calls for new events of the same rule and camera.
    #[serde(default)]
    pub cooldown: f64,
    /// Hours after which a call that never succeeded is given up.
    #[serde(default = "day")]
    pub give_up_hours: f64,
}

/// A picture of each event.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotConfig {
    /// The folder.
    pub dir: PathBuf,
    /// JPEG quality, 1 to 100.
    #[serde(default = "quality")]
    pub quality: u8,
}

/// Seconds before and after each event, as an AVI of JPEG frames.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipConfig {
    /// The folder.
    pub dir: PathBuf,
    /// Seconds before.
    #[serde(default = "five")]
    pub before: f64,
    /// Seconds after.
    #[serde(default = "five")]
    pub after: f64,
    /// JPEG quality, 1 to 100.
    #[serde(default = "quality")]
    pub quality: u8,
    /// Width that frames are made smaller to, in pixels.
    #[serde(default = "width")]
    pub width: u32,
    /// Most memory that a camera's past seconds take, in MiB.
    #[serde(default = "memory")]
    pub memory_mib: u32,
}

fn strata() -> String {
    "strata".to_owned()
}
fn one() -> u8 {
    1
}
fn thirty() -> u16 {
    30
}
fn detection() -> Severity {
    Severity::Detection
}
fn ten() -> f64 {
    10.0
}
fn five() -> f64 {
    5.0
}
fn day() -> f64 {
    24.0
}
fn quality() -> u8 {
    80
}
fn width() -> u32 {
    640
}
fn memory() -> u32 {
    8
}

/// A table, or an array of tables.
fn one_or_many<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Either<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a table or an array of tables")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            Ok(vec![T::deserialize(MapAccessDeserializer::new(map))?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }
    deserializer.deserialize_any(Either(PhantomData))
}
