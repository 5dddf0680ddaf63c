//! A small broker in the process of the test: MQTT 3.1.1 with QoS 0 and 1, retained messages, wills,
//! keep-alive and passwords. Sessions are clean ones; nothing is kept for clients that are away.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Message;
use super::packet::{self, Fields, Packet, matches, wrong};

/// Packets that wait for a client; one that takes none is let go.
const WAITING: usize = 10_000;

/// What a broker does beside handing on.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The name and password it asks for.
    pub login: Option<(String, String)>,
}

/// The broker; it ends when dropped.
pub struct Embedded {
    address: SocketAddr,
    options: Options,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    options: Options,
    state: Mutex<State>,
    stop: AtomicBool,
    /// Takes messages of QoS 1 and does not say so.
    mute: AtomicBool,
}

#[derive(Default)]
struct State {
    clients: HashMap<u64, Client>,
    retained: BTreeMap<String, Message>,
    published: Vec<Message>,
    next: u64,
}

struct Client {
    id: String,
    stream: TcpStream,
    out: SyncSender<Vec<u8>>,
    filters: Vec<(String, u8)>,
    next: u16,
}

impl Embedded {
    /// Listens on a free port of the loopback address.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> io::Result<Self> {
        Self::with(Options::default())
    }

    /// As [`Self::start`].
    ///
    /// # Errors
    /// As there.
    pub fn with(options: Options) -> io::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut broker = Self { address, options, shared: Arc::default(), thread: None };
        broker.restart()?;
        Ok(broker)
    }

    /// Where it listens, also while it is down.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that clients published since it started, wills included, in order.
    #[must_use]
    pub fn published(&self) -> Vec<Message> {
        self.shared.lock().published.clone()
    }

    /// The ids of the clients that are connected.
    #[must_use]
    pub fn clients(&self) -> Vec<String> {
        self.shared.lock().clients.values().map(|client| client.id.clone()).collect()
    }

    /// From now on, whether it acknowledges messages of QoS 1; it hands them on in any case.
    pub fn acknowledge(&self, acknowledge: bool) {
        self.shared.mute.store(!acknowledge, Ordering::SeqCst);
    }

    /// Cuts every connection as a broken network does; wills are published.
    pub fn cut(&self) {
        for client in self.shared.lock().clients.values() {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
    }

    /// Is gone from one moment to the next, with everything it knew: no wills are published, and nobody
    /// listens at its address.
    pub fn kill(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.cut();
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.cut();
    }

    /// Begins anew at the same address, knowing nothing.
    ///
    /// # Errors
    /// Where the address has been taken.
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill_if_running();
        let listener = TcpListener::bind(self.address)?;
        self.address = listener.local_addr()?;
        let options = self.options.clone();
        self.shared = Arc::new(Shared { options, ..Shared::default() });
        let shared = Arc::clone(&self.shared);
        self.thread = Some(std::thread::spawn(move || accept(&listener, &shared)));
        Ok(())
    }

    fn kill_if_running(&mut self) {
        if self.thread.is_some() {
            self.kill();
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.kill_if_running();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // A client that breaks the rules is let go.
            let _ = converse(&shared, &stream);
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

/// What a client said of itself.
struct Hello {
    id: String,
    will: Option<Message>,
    keep_alive: Duration,
}

fn converse(shared: &Arc<Shared>, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reading = stream;
    let first = packet::read(&mut reading)?.ok_or_else(|| wrong("no CONNECT"))?;
    let hello = match shared.greet(&first)? {
        Ok(hello) => hello,
        Err(code) => return (&*stream).write_all(&packet::write(packet::CONNACK, 0, &[0, code])),
    };
    // A client is gone when it was silent for one and a half times what it promised (3.1.2.10).
    let silence = hello.keep_alive * 3 / 2;
    stream.set_read_timeout((!silence.is_zero()).then_some(silence))?;
    let number = shared.enter(&hello, stream)?;
    let will = match shared.listen(number, stream) {
        // It said goodbye.
        Ok(true) => None,
        Ok(false) | Err(_) => hello.will,
    };
    shared.leave(number, will);
    Ok(())
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads `CONNECT`, or says with which code it is refused.
    fn greet(&self, packet: &Packet) -> io::Result<Result<Hello, u8>> {
        let mut fields = Fields(&packet.body);
        if packet.kind != packet::CONNECT || fields.text()? != "MQTT" {
            return Err(wrong("no CONNECT"));
        }
        if fields.byte()? != 4 {
            return Ok(Err(1));
        }
        let flags = fields.byte()?;
        let keep_alive = Duration::from_secs(fields.number()?.into());
        let mut id = fields.text()?;
        if id.is_empty() {
            if flags & 2 == 0 {
                return Ok(Err(2));
            }
            "without a name".clone_into(&mut id);
        }
        let mut will = None;
        if flags & 4 != 0 {
            let (topic, payload) = (fields.text()?, fields.bytes()?.to_vec());
            let (qos, retain) = (flags >> 3 & 3, flags & 0x20 != 0);
            will = Some(Message { topic, payload, qos, retain });
        }
        let user = if flags & 0x80 != 0 { Some(fields.text()?) } else { None };
        let password = if flags & 0x40 != 0 { Some(fields.bytes()?) } else { None };
        if let Some((name, secret)) = &self.options.login {
            let (Some(user), Some(password)) = (user, password) else { return Ok(Err(5)) };
            if user != *name || password != secret.as_bytes() {
                return Ok(Err(4));
            }
        }
        Ok(Ok(Hello { id, will, keep_alive }))
    }

    fn enter(&self, hello: &Hello, stream: &TcpStream) -> io::Result<u64> {
        let (out, packets) = sync_channel(WAITING);
        let writing = stream.try_clone()?;
        std::thread::spawn(move || pass_on(&writing, &packets));
        let mut state = self.lock();
        // Who comes under a name that is in use takes its place (3.1.4).
        for other in state.clients.values().filter(|other| other.id == hello.id) {
            if other.id != "without a name" {
                let _ = other.stream.shutdown(Shutdown::Both);
            }
        }
        let _ = out.try_send(packet::write(packet::CONNACK, 0, &[0, 0]));
        state.next += 1;
        let (number, id, stream) = (state.next, hello.id.clone(), stream.try_clone()?);
        let client = Client { id, stream, out, filters: Vec::new(), next: 0 };
        state.clients.insert(number, client);
        Ok(number)
    }

    fn leave(&self, number: u64, will: Option<Message>) {
        let mut state = self.lock();
        state.clients.remove(&number);
        if let Some(will) = will
            && !self.stop.load(Ordering::SeqCst)
        {
            state.publish(&will);
        }
    }

    /// Serves a client until it goes; true where it said so.
    fn listen(&self, number: u64, mut stream: &TcpStream) -> io::Result<bool> {
        while let Some(packet) = packet::read(&mut stream)? {
            if self.stop.load(Ordering::SeqCst) {
                return Ok(false);
            }
            let mut fields = Fields(&packet.body);
            let mut state = self.lock();
            let answer = match packet.kind {
                packet::PUBLISH => {
                    let (qos, retain) = (packet.flags >> 1 & 3, packet.flags & 1 == 1);
                    let topic = fields.text()?;
                    if qos > 1 || topic.is_empty() || topic.contains(['+', '#']) {
                        return Err(wrong("a message of QoS 2, or with wildcards in its topic"));
                    }
                    let id = if qos == 1 { Some(fields.number()?) } else { None };
                    state.publish(&Message { topic, payload: fields.0.to_vec(), qos, retain });
                    let told = id.filter(|_| !self.mute.load(Ordering::SeqCst));
                    told.map(|id| packet::write(packet::PUBACK, 0, &id.to_be_bytes()))
                }
                packet::SUBSCRIBE => Some(state.subscribe(number, &mut fields)?),
                packet::UNSUBSCRIBE => Some(state.unsubscribe(number, &mut fields)?),
                packet::PINGREQ => Some(packet::write(packet::PINGRESP, 0, &[])),
                packet::DISCONNECT => return Ok(true),
                packet::PUBACK => None,
                _ => return Err(wrong("a packet that clients do not send")),
            };
            if let Some(answer) = answer {
                state.send(number, answer);
            }
            // Behind the answer, as clients expect it.
            if packet.kind == packet::SUBSCRIBE {
                state.retained_for(number, &packet.body)?;
            }
        }
        Ok(false)
    }
}

impl State {
    fn send(&mut self, number: u64, packet: Vec<u8>) {
        if let Some(client) = self.clients.get(&number)
            && client.out.try_send(packet).is_err()
        {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
    }

    fn publish(&mut self, message: &Message) {
        self.published.push(message.clone());
        if message.retain {
            if message.payload.is_empty() {
                self.retained.remove(&message.topic);
            } else {
                self.retained.insert(message.topic.clone(), message.clone());
            }
        }
        for client in self.clients.values_mut() {
            let most = client.filters.iter().filter(|(filter, _)| matches(filter, &message.topic));
            if let Some(qos) = most.map(|(_, qos)| *qos).max() {
                // Only what was retained before the subscription is marked so (3.3.1.3).
                client.hand_on(&Message {
                    qos: message.qos.min(qos),
                    retain: false,
                    ..message.clone()
                });
            }
        }
    }

    fn subscribe(&mut self, number: u64, fields: &mut Fields<'_>) -> io::Result<Vec<u8>> {
        let mut answer = fields.number()?.to_be_bytes().to_vec();
        let client = self.clients.get_mut(&number).ok_or_else(|| wrong("gone"))?;
        while !fields.0.is_empty() {
            let (filter, qos) = (fields.text()?, fields.byte()?.min(1));
            client.filters.retain(|(other, _)| *other != filter);
            client.filters.push((filter, qos));
            answer.push(qos);
        }
        Ok(packet::write(packet::SUBACK, 0, &answer))
    }

    fn unsubscribe(&mut self, number: u64, fields: &mut Fields<'_>) -> io::Result<Vec<u8>> {
        let answer = fields.number()?.to_be_bytes();
        let client = self.clients.get_mut(&number).ok_or_else(|| wrong("gone"))?;
        while !fields.0.is_empty() {
            let filter = fields.text()?;
            client.filters.retain(|(other, _)| *other != filter);
        }
        Ok(packet::write(packet::UNSUBACK, 0, &answer))
    }

    /// Hands on what is retained under the filters of a subscription.
    fn retained_for(&mut self, number: u64, subscription: &[u8]) -> io::Result<()> {
        let mut fields = Fields(subscription);
        fields.number()?;
        while !fields.0.is_empty() {
            let (filter, qos) = (fields.text()?, fields.byte()?.min(1));
            let Some(client) = self.clients.get_mut(&number) else { return Ok(()) };
            for kept in self.retained.values().filter(|kept| matches(&filter, &kept.topic)) {
                client.hand_on(&Message { qos: kept.qos.min(qos), ..kept.clone() });
            }
        }
        Ok(())
    }
}

impl Client {
    fn hand_on(&mut self, message: &Message) {
        let mut body = Vec::new();
        packet::push(&mut body, message.topic.as_bytes());
        if message.qos > 0 {
            self.next = self.next.wrapping_add(1).max(1);
            body.extend(self.next.to_be_bytes());
        }
        body.extend_from_slice(&message.payload);
        let flags = message.qos << 1 | u8::from(message.retain);
        if self.out.try_send(packet::write(packet::PUBLISH, flags, &body)).is_err() {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }
}

/// Writes what a client is to get, until it has gone.
fn pass_on(mut stream: &TcpStream, packets: &Receiver<Vec<u8>>) {
    let _ = stream.set_write_timeout(Some(Duration::from_secs(10)));
    while let Ok(packet) = packets.recv() {
        if stream.write_all(&packet).is_err() {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}
