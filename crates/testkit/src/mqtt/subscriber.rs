//! A client that listens: it sees with its own eyes what a broker hands on, whichever broker it is.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Message;
use super::packet::{self, Fields, push, wrong};

#[derive(Default)]
struct Heard {
    messages: Mutex<Vec<Message>>,
    more: Condvar,
}

/// A subscription with QoS 1; ended when dropped.
pub struct Subscriber {
    stream: TcpStream,
    heard: Arc<Heard>,
    thread: Option<JoinHandle<()>>,
}

impl Subscriber {
    /// Connects and subscribes; what is published when this has returned is heard, and what is retained.
    ///
    /// # Errors
    /// No broker there, or one that refuses.
    pub fn connect(address: SocketAddr, filter: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut body = Vec::new();
        push(&mut body, b"MQTT");
        // Level 4, a clean session, no keep-alive, and an id of the broker's choice.
        body.extend([4, 2, 0, 0]);
        push(&mut body, b"");
        stream.write_all(&packet::write(packet::CONNECT, 0, &body))?;
        match packet::read(&mut stream)? {
            Some(answer) if answer.kind == packet::CONNACK && answer.body == [0, 0] => {}
            _ => return Err(wrong("the broker did not accept the connection")),
        }
        let mut body = vec![0, 1];
        push(&mut body, filter.as_bytes());
        body.push(1);
        stream.write_all(&packet::write(packet::SUBSCRIBE, 2, &body))?;
        let heard = Arc::new(Heard::default());
        // Retained messages may come before the answer.
        loop {
            let packet = packet::read(&mut stream)?.ok_or_else(|| wrong("the broker hung up"))?;
            match packet.kind {
                packet::SUBACK if packet.body.get(2).is_some_and(|code| *code < 0x80) => break,
                packet::PUBLISH => take(&packet, &heard, &mut stream)?,
                _ => return Err(wrong("the broker did not accept the subscription")),
            }
        }
        stream.set_read_timeout(None)?;
        let mut reading = stream.try_clone()?;
        let listening = Arc::clone(&heard);
        let thread = std::thread::spawn(move || {
            while let Ok(Some(packet)) = packet::read(&mut reading) {
                if packet.kind == packet::PUBLISH
                    && take(&packet, &listening, &mut reading).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self { stream, heard, thread: Some(thread) })
    }

    /// What was heard so far, in order.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.heard.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until enough has been heard, or the time is over; what was heard.
    #[must_use]
    pub fn wait(&self, enough: impl Fn(&[Message]) -> bool, patience: Duration) -> Vec<Message> {
        let until = Instant::now() + patience;
        let mut messages = self.heard.messages.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || enough(&messages) {
                return messages.clone();
            }
            let waited = self.heard.more.wait_timeout(messages, left);
            messages = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.stream.write_all(&packet::write(packet::DISCONNECT, 0, &[]));
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn take(packet: &packet::Packet, heard: &Heard, stream: &mut TcpStream) -> io::Result<()> {
    let mut fields = Fields(&packet.body);
    let (qos, retain) = (packet.flags >> 1 & 3, packet.flags & 1 == 1);
    let topic = fields.text()?;
    let id = if qos > 0 { Some(fields.number()?) } else { None };
    let message = Message { topic, payload: fields.0.to_vec(), qos, retain };
    heard.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    heard.more.notify_all();
    match id {
        Some(id) => stream.write_all(&packet::write(packet::PUBACK, 0, &id.to_be_bytes())),
        None => Ok(()),
    }
}
