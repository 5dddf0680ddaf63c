//! A tiny HTTP proxy: tunnels `CONNECT` requests to loopback addresses, or refuses them, and remembers them.

use std::io::BufReader;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Seen, read_request};

/// The proxy. Its thread ends with the process.
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Proxy {
    /// A proxy that sends every tunnel to `target`, whatever name was asked for: tests may use made-up hosts.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn to(target: SocketAddr) -> std::io::Result<Self> {
        Self::start(Some(target))
    }

    /// A proxy that refuses every tunnel with 403.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn refusing() -> std::io::Result<Self> {
        Self::start(None)
    }

    fn start(target: Option<SocketAddr>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let notes = Arc::clone(&notes);
                std::thread::spawn(move || {
                    let _ = tunnel(&stream, target, &notes);
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Ok(Self { address, seen })
    }

    /// The proxy's address, as an environment variable would give it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same with a user and a password.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.address)
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn tunnel(
    mut client: &TcpStream,
    target: Option<SocketAddr>,
    notes: &Mutex<Vec<Seen>>,
) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(client.try_clone()?);
    let Some(seen) = read_request(&mut reader)? else { return Ok(()) };
    let connect = seen.method == "CONNECT";
    notes.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    let Some(target) = target.filter(|_| connect) else {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    };
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut up_from, mut up_to) = (reader, server.try_clone()?);
    let up = std::thread::spawn(move || {
        let _ = std::io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(Shutdown::Write);
    });
    let copied = std::io::copy(&mut &server, &mut client).map(drop);
    let _ = client.shutdown(Shutdown::Both);
    let _ = up.join();
    copied
}
