//! MQTT brokers for tests: a small one of our own that can be told to fail, and a real Mosquitto where it
//! is installed. Loopback only.

mod embedded;
mod mosquitto;
mod packet;
mod subscriber;

use std::io;
use std::net::SocketAddr;

pub use embedded::{Embedded, Options};
pub use mosquitto::Mosquitto;
pub use subscriber::Subscriber;

/// A message as it was published or handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// 0 or 1.
    pub qos: u8,
    /// Published to be kept, or handed on because it was.
    pub retain: bool,
}

impl Message {
    /// What it says, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

/// A broker of either kind; it ends when dropped.
pub enum Broker {
    /// Ours.
    Embedded(Embedded),
    /// The real one.
    Mosquitto(Mosquitto),
}

impl Broker {
    /// Which one it is, for messages of tests.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "embedded",
            Self::Mosquitto(_) => "mosquitto",
        }
    }

    /// Where it listens, also while it is down.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Embedded(broker) => broker.address(),
            Self::Mosquitto(broker) => broker.address(),
        }
    }

    /// Is gone from one moment to the next: no wills, and nobody listens at its address.
    pub fn kill(&mut self) {
        match self {
            Self::Embedded(broker) => broker.kill(),
            Self::Mosquitto(broker) => broker.kill(),
        }
    }

    /// Begins anew at the same address, knowing nothing.
    ///
    /// # Errors
    /// Where the address has been taken, or the program does not start.
    pub fn restart(&mut self) -> io::Result<()> {
        match self {
            Self::Embedded(broker) => broker.restart(),
            Self::Mosquitto(broker) => broker.restart(),
        }
    }
}

/// A broker of each kind there is, to run a test against all of them. Says so where Mosquitto is not
/// installed.
///
/// # Errors
/// Where one that is there does not start.
pub fn brokers() -> io::Result<Vec<Broker>> {
    let mut brokers = vec![Broker::Embedded(Embedded::start()?)];
    match mosquitto()? {
        Some(real) => brokers.push(Broker::Mosquitto(real)),
        None => {
            crate::skip("mosquitto is not installed; the embedded broker alone was tested with");
        }
    }
    Ok(brokers)
}

/// A real Mosquitto; `None` where it is not installed.
///
/// # Errors
/// Where it is and does not start.
pub fn mosquitto() -> io::Result<Option<Mosquitto>> {
    Mosquitto::find().map(|program| Mosquitto::start(&program)).transpose()
}

#[cfg(test)]
mod tests;
