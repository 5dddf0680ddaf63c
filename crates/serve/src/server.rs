//! The server's life: listen, load and warm up, serve, and leave without losing a request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::stall::Stalling;
use crate::state::{Phase, State};

/// Bytes of a request's head; more is refused with 431.
const HEAD_BYTES: usize = 64 << 10;
const HEADERS: usize = 100;

/// How a server ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drain {
    pub(crate) not_ready: Duration,
    pub(crate) finish: Duration,
}

/// How long a connection may still bring a request when the server closes: a client that has just
/// connected is told that it came too late, instead of finding the connection broken.
const PARTING: Duration = Duration::from_millis(250);
/// Connections that are one too many and get to read why.
const MOST_TURNED_AWAY: usize = 256;

/// What the listener needs to know.
pub(crate) struct Listening {
    pub(crate) state: Arc<State>,
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) max_connections: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) reply_timeout: Duration,
    pub(crate) drain: Drain,
}

/// Connections that the system keeps until they are accepted. With the usual 128 a burst of clients
/// overflows it, and each of them waits a second before it tries again.
const BACKLOG: u32 = 4096;

/// Opens the listening socket; to be called within a runtime.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that was just stopped leaves connections behind that would keep the address.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What had not ended when the server did.
#[derive(Debug)]
pub(crate) struct Left {
    /// Requests that were taken and not answered.
    pub(crate) requests: usize,
    /// Services that did not stop.
    pub(crate) services: Vec<&'static str>,
}

/// Serves until `stop` says so, then drains.
pub(crate) async fn serve(
    listening: Listening,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
) -> io::Result<Left> {
    let listening = Arc::new(listening);
    let connections = Arc::new(AtomicUsize::new(0));
    let (close, closing) = watch::channel(false);
    let accepting =
        tokio::spawn(accept(Arc::clone(&listening), listener, (Arc::clone(&connections), closing)));
    // The sender is dropped when nobody can ask to stop any more: then this never ends by itself.
    while !*stop.borrow_and_update() {
        if stop.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
    let state = &listening.state;
    tracing::info!(seconds = listening.drain.not_ready.as_secs_f64(), "stopping: not ready");
    state.set_phase(Phase::Leaving);
    tokio::time::sleep(listening.drain.not_ready).await;
    state.set_phase(Phase::Refusing);
    tracing::info!(in_flight = state.in_flight.load(Ordering::Acquire), "stopping: finishing");
    let until = tokio::time::Instant::now() + listening.drain.finish;
    state.services.stop();
    if let Some(jobs) = state.jobs.clone() {
        let finish = listening.drain.finish;
        let parked = tokio::task::spawn_blocking(move || jobs.shutdown(finish));
        let _ = tokio::time::timeout_at(until, parked).await;
    }
    let _ = tokio::time::timeout_at(until, empty(state)).await;
    let requests = state.in_flight.load(Ordering::SeqCst);
    let services = tokio::task::spawn_blocking({
        let state = Arc::clone(state);
        move || state.services.wait(until.into_std())
    });
    let services = services.await.unwrap_or_default();
    // New connections are still served, with a refusal, while idle ones are let go. Only then is the
    // socket closed.
    let _ = close.send(true);
    let _ = accepting.await;
    let last_words = async {
        while connections.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), last_words).await;
    Ok(Left { requests, services })
}

/// Waits until no request is being served.
async fn empty(state: &State) {
    loop {
        let left = state.left.notified();
        if state.in_flight.load(Ordering::SeqCst) == 0 {
            return;
        }
        let _ = tokio::time::timeout(Duration::from_millis(100), left).await;
    }
}

async fn accept(
    listening: Arc<Listening>,
    listener: TcpListener,
    (connections, mut closing): (Arc<AtomicUsize>, watch::Receiver<bool>),
) {
    let heard = closing.clone();
    let mut told = std::pin::pin!(parting(&mut closing));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told.as_mut() => break,
        };
        match accepted {
            Ok((stream, _)) => admit(&listening, stream, &connections, &heard),
            Err(error) => {
                // Out of descriptors, say: those that are open go on, and some will close.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // What the system had already accepted gets an answer too.
    while let Some(Ok((stream, _))) = futures_util::FutureExt::now_or_never(listener.accept()) {
        admit(&listening, stream, &connections, &heard);
    }
}

/// Ends a while after the server began to close.
async fn parting(closing: &mut watch::Receiver<bool>) {
    // The reference it gives must not be held across the pause.
    let _ = closing.wait_for(|closing| *closing).await.map(drop);
    tokio::time::sleep(PARTING).await;
}

/// A connection that is open.
struct Open {
    count: Arc<AtomicUsize>,
    state: Arc<State>,
}

impl Drop for Open {
    fn drop(&mut self) {
        let left = self.count.fetch_sub(1, Ordering::AcqRel) - 1;
        self.state.metrics.connections(left);
    }
}

fn admit(
    listening: &Arc<Listening>,
    stream: TcpStream,
    connections: &Arc<AtomicUsize>,
    closing: &watch::Receiver<bool>,
) {
    let open = connections.fetch_add(1, Ordering::AcqRel) + 1;
    let state = Arc::clone(&listening.state);
    let guard = Open { count: Arc::clone(connections), state };
    if open > listening.max_connections {
        listening.state.metrics.connection_refused();
        if open <= listening.max_connections + MOST_TURNED_AWAY {
            tokio::spawn(turn_away(stream, guard));
        }
        return;
    }
    listening.state.metrics.connections(open);
    // Replies are whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let (listening, closing) = (Arc::clone(listening), closing.clone());
    tokio::spawn(async move {
        let _open = guard;
        match listening.tls.clone() {
            None => converse(&listening, stream, closing).await,
            Some(tls) => {
                let shaken = tokio::time::timeout(listening.header_timeout, tls.accept(stream));
                match shaken.await {
                    Ok(Ok(stream)) => converse(&listening, stream, closing).await,
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_) => tracing::debug!("TLS handshake timed out"),
                }
            }
        }
    });
}

/// Answers a connection that is one too many, and lets it read that.
async fn turn_away(mut stream: TcpStream, _open: Open) {
    const BODY: &str = "{\"error\":\"too many connections; try again in a moment\"}";
    let reply = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let parting = async {
        stream.write_all(reply.as_bytes()).await?;
        stream.shutdown().await?;
        // What it sends must be read, or the reply is lost with the connection.
        let mut dropped = [0; 4096];
        while stream.read(&mut dropped).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(PARTING, parting).await;
}

async fn converse<S>(listening: &Listening, stream: S, mut closing: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Not with `pipeline_flush`: hyper then takes a body's pieces however many wait to be sent, and a
    // slow client's film or file would pile up in memory.
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(listening.header_timeout)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    let service = TowerToHyperService::new(listening.router.clone());
    let stream = Stalling::new(stream, listening.reply_timeout);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = parting(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
