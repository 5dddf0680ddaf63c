//! Events to an MQTT broker (3.1.1), at least once: a change leaves the outbox when the broker has
//! acknowledged it, and its `key` lets a receiver drop what it has seen.
//!
//! | topic | what | retained |
//! | --- | --- | --- |
//! | `PREFIX/available` | `online`; `offline` on a clean stop, and as the last will | yes |
//! | `PREFIX/events` | every change | no |
//! | `PREFIX/CAMERA/CLASS` | the changes of a camera and class | as configured |
//! | `PREFIX/CAMERA/status` | `online`, `stalled`, `dead`, `ended` | yes |

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::{
    Client, Connection, Event, LastWill, MqttOptions, Outgoing, Packet, QoS, TlsConfiguration,
    Transport,
};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::{Backoff, Sink, SinkError, SinkState, Surroundings, hmac_sha256, variable};
use crate::watch::config::MqttConfig;
use crate::watch::event::Change;

const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };
/// Seconds to make a connection.
const CONNECT: u64 = 5;
/// Messages that wait for their acknowledgement at once.
const IN_FLIGHT: u16 = 32;
/// How long the connection is listened to before the outbox is looked at again.
const LISTEN: Duration = Duration::from_millis(20);
/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// More than any message is long.
const MAX_PACKET: usize = 1 << 20;

/// A broker that gets every change.
#[derive(Debug)]
pub struct MqttSink {
    options: MqttOptions,
    prefix: String,
    qos: QoS,
    retain: bool,
    backoff: Backoff,
}

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{0}")]
    Connection(#[from] Box<rumqttc::ConnectionError>),
    #[error("{0}")]
    Client(#[from] Box<rumqttc::ClientError>),
    #[error("{0}")]
    Journal(#[from] super::JournalError),
    #[error("the client is gone")]
    Gone,
    #[error("an event cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// A message between us and the broker.
struct Sent {
    /// The change of which this is the last message.
    seq: Option<u64>,
    /// Its number on the wire, once it is there.
    packet: Option<u16>,
    acknowledged: bool,
}

impl MqttSink {
    /// A sink to this broker.
    ///
    /// # Errors
    /// An environment variable that is not set, an address that cannot be parsed, or certificates
    /// that cannot be read.
    pub fn new(config: &MqttConfig) -> Result<Self, SinkError> {
        let value = |key: &str, detail: &str| SinkError::Value {
            key: format!("outputs.mqtt.{key}"),
            detail: detail.to_owned(),
        };
        let (tls, place) = match config.url.split_once("://") {
            Some(("mqtt", place)) => (false, place),
            Some(("mqtts", place)) => (true, place),
            _ => return Err(value("url", "it must begin with mqtt:// or mqtts://")),
        };
        let place = place.trim_end_matches('/');
        if place.contains(['/', '@', '?']) {
            let detail = "write host and port only; user and password_env are keys of their own";
            return Err(value("url", detail));
        }
        let default = if tls { 8883 } else { 1883 };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !port.ends_with(']') => {
                (host, port.parse().map_err(|_| value("url", "its port is not a number"))?)
            }
            _ => (place, default),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(value("url", "it has no host"));
        }
        // Two programs on one host that watch into different prefixes are two clients.
        let id = config.client_id.clone().unwrap_or_else(|| {
            let machine = std::env::var("HOSTNAME").unwrap_or_default();
            let mark = hmac_sha256(b"", &[machine.as_bytes(), b"/", config.prefix.as_bytes()]);
            format!("strata-{}", &mark[..12])
        });
        let mut options = MqttOptions::new(id, host, port);
        options.set_keep_alive(Duration::from_secs(u64::from(config.keep_alive)));
        // What is not acknowledged is sent again from the outbox, so that the broker need not remember us.
        options.set_clean_session(true).set_inflight(IN_FLIGHT);
        options.set_max_packet_size(MAX_PACKET, MAX_PACKET);
        let will = LastWill::new(
            format!("{}/available", config.prefix),
            "offline",
            QoS::AtLeastOnce,
            true,
        );
        options.set_last_will(will);
        if let Some(user) = &config.user {
            let password = config.password_env.as_ref();
            let password = password.map(|name| variable("outputs.mqtt.password_env", name));
            options.set_credentials(user, password.transpose()?.unwrap_or_default());
        }
        if tls {
            options.set_transport(Transport::tls_with_config(tls_config(config)?));
        }
        let qos = if config.qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
        let (prefix, retain) = (config.prefix.clone(), config.retain);
        Ok(Self { options, prefix, qos, retain, backoff: BACKOFF })
    }

    /// Other waits after failures, as a test needs them.
    #[must_use]
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Delivers over one connection until it is lost (an error) or the program has stopped.
    fn session(&self, around: &Surroundings, state: &SinkState) -> Result<(), Lost> {
        // Twice what is in flight, so that handing over a message never waits.
        let (client, mut connection) =
            Client::new(self.options.clone(), usize::from(IN_FLIGHT) * 2);
        let mut network = connection.eventloop.network_options();
        network.set_connection_timeout(CONNECT);
        connection.eventloop.set_network_options(network);
        let mut talk =
            Talk { sink: self, client, sent: VecDeque::new(), read: 0, told: HashMap::new() };
        talk.receive(&mut connection, Duration::from_secs(CONNECT + 1))?;
        state.up();
        talk.publish("available", b"online".to_vec(), true)?;
        loop {
            let stopping = around.life.is_stopping();
            talk.tell_cameras(around)?;
            let waiting = talk.fill(around)?;
            if stopping && (!waiting && talk.sent.is_empty() || around.life.is_over()) {
                return talk.farewell(&mut connection);
            }
            let done = talk.receive(&mut connection, LISTEN)?;
            around.journal.delivered("mqtt", &done)?;
        }
    }
}

/// A conversation with the broker.
struct Talk<'a> {
    sink: &'a MqttSink,
    client: Client,
    sent: VecDeque<Sent>,
    /// Number of the last change that was taken from the outbox.
    read: u64,
    /// What the broker was told of each camera.
    told: HashMap<String, &'static str>,
}

impl Talk<'_> {
    fn push(&mut self, message: Message, seq: Option<u64>) -> Result<(), Lost> {
        let Message { topic, body, qos, retain } = message;
        self.client.try_publish(topic, qos, retain, body).map_err(Box::new)?;
        self.sent.push_back(Sent { seq, packet: None, acknowledged: false });
        Ok(())
    }

    fn publish(&mut self, topic: &str, body: Vec<u8>, retain: bool) -> Result<(), Lost> {
        let topic = format!("{}/{topic}", self.sink.prefix);
        self.push(Message { topic, body, qos: QoS::AtLeastOnce, retain }, None)
    }

    fn tell_cameras(&mut self, around: &Surroundings) -> Result<(), Lost> {
        for (camera, status) in (around.cameras)() {
            if self.sent.len() >= usize::from(IN_FLIGHT) {
                break;
            }
            if self.told.get(&camera) != Some(&status) {
                self.publish(&format!("{}/status", level(&camera)), status.into(), true)?;
                self.told.insert(camera, status);
            }
        }
        Ok(())
    }

    /// Hands over what waits, as far as there is room; whether there is more.
    fn fill(&mut self, around: &Surroundings) -> Result<bool, Lost> {
        let room = usize::from(IN_FLIGHT).saturating_sub(self.sent.len()) / 2;
        if room == 0 {
            return Ok(true);
        }
        let deliveries = around.journal.outbox("mqtt", self.read, room)?;
        let more = deliveries.len() == room;
        for delivery in deliveries {
            let Change { seq, event, .. } = &delivery.change;
            let body = serde_json::to_vec(&delivery.change)?;
            let place =
                format!("{}/{}/{}", self.sink.prefix, level(&event.camera), level(&event.class));
            let (qos, retain) = (self.sink.qos, self.sink.retain);
            let all = format!("{}/events", self.sink.prefix);
            self.push(Message { topic: all, body: body.clone(), qos, retain: false }, None)?;
            self.push(Message { topic: place, body, qos, retain }, Some(*seq))?;
            self.read = *seq;
        }
        Ok(more)
    }

    /// Listens for at most `most`: the changes that the broker now has.
    fn receive(&mut self, connection: &mut Connection, most: Duration) -> Result<Vec<u64>, Lost> {
        let until = Instant::now() + most;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match connection.recv_timeout(left) {
                Ok(Ok(Event::Incoming(Packet::ConnAck(_)))) => break,
                Ok(Ok(event)) => {
                    self.note(&event);
                    let ready = self.settled();
                    if !ready.is_empty() {
                        return Ok(ready);
                    }
                }
                Ok(Err(error)) => return Err(Box::new(error).into()),
                Err(rumqttc::RecvTimeoutError::Timeout) => break,
                Err(rumqttc::RecvTimeoutError::Disconnected) => return Err(Lost::Gone),
            }
            if left.is_zero() {
                break;
            }
        }
        Ok(Vec::new())
    }

    fn note(&mut self, event: &Event) {
        match event {
            // Messages reach the wire in the order they were handed over.
            Event::Outgoing(Outgoing::Publish(packet)) => {
                if let Some(sent) = self.sent.iter_mut().find(|sent| sent.packet.is_none()) {
                    sent.packet = Some(*packet);
                    // Without quality of service nothing comes back.
                    sent.acknowledged = *packet == 0;
                }
            }
            Event::Incoming(Packet::PubAck(ack)) => {
                let of = |sent: &&mut Sent| sent.packet == Some(ack.pkid) && !sent.acknowledged;
                if let Some(sent) = self.sent.iter_mut().find(of) {
                    sent.acknowledged = true;
                }
            }
            _ => {}
        }
    }

    /// Takes what is acknowledged from the front: changes are done in their order.
    fn settled(&mut self) -> Vec<u64> {
        let mut done = Vec::new();
        while self.sent.front().is_some_and(|sent| sent.acknowledged) {
            done.extend(self.sent.pop_front().and_then(|sent| sent.seq));
        }
        done
    }

    fn farewell(mut self, connection: &mut Connection) -> Result<(), Lost> {
        let until = Instant::now() + FAREWELL;
        self.publish("available", b"offline".to_vec(), true)?;
        while !self.sent.is_empty() && Instant::now() < until {
            self.receive(connection, LISTEN)?;
        }
        self.client.try_disconnect().map_err(Box::new)?;
        // The broker closes; either is a good end.
        let _ = self.receive(connection, LISTEN);
        Ok(())
    }
}

struct Message {
    topic: String,
    body: Vec<u8>,
    qos: QoS,
    retain: bool,
}

/// A name as one level of a topic.
fn level(name: &str) -> String {
    name.replace(['/', '+', '#', '\0'], "_")
}

fn tls_config(config: &MqttConfig) -> Result<TlsConfiguration, SinkError> {
    let mut roots = RootCertStore::empty();
    match &config.ca_file {
        Some(path) => {
            let of = |error: String| SinkError::File {
                path: path.clone(),
                error: std::io::Error::other(error),
            };
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| of(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| of(error.to_string()))?;
                roots.add(certificate).map_err(|error| of(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let detail = "there is no certificate to trust; give outputs.mqtt.ca_file".to_owned();
        return Err(SinkError::Value { key: "outputs.mqtt.ca_file".to_owned(), detail });
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SinkError::Value {
            key: "outputs.mqtt.url".to_owned(),
            detail: error.to_string(),
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConfiguration::Rustls(Arc::new(client)))
}

impl Sink for MqttSink {
    fn name(&self) -> &str {
        "mqtt"
    }

    fn run(&mut self, around: &Surroundings, state: &SinkState) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let Err(lost) = self.session(around, state) else { return };
            // A connection that held for a while was a good one.
            failures = if began.elapsed() > BACKOFF.most { 1 } else { failures + 1 };
            let wait = self.backoff.random(failures);
            state.down(&lost.to_string());
            tracing::warn!(error = %lost, failures, ?wait, "no connection to the MQTT broker");
            if around.life.wait(wait) && (around.life.is_over() || failures > 1) {
                return;
            }
        }
    }
}
