//! Replies without an end: bytes that are made when the client takes them, a limited number of them at
//! a time, ended when the server drains.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::watch;

use crate::problem::{Kind, Problem};
use crate::telemetry::Metrics;

/// The longest silence in a stream: something is sent then, so that proxies keep the connection and a
/// client that has gone is noticed.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// What is streamed. Nothing is made before it is asked for, so a slow client makes nothing pile up.
pub(crate) struct Feed {
    pub(crate) content_type: String,
    pub(crate) pieces: BoxStream<'static, Bytes>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Feed({})", self.content_type)
    }
}

impl Feed {
    /// Keeps something for as long as the client reads, and ends when the server does.
    pub(crate) fn holding<H: Send + 'static>(
        self,
        held: H,
        mut ending: watch::Receiver<bool>,
    ) -> Self {
        let ended = async move {
            // Where the sender is gone, so is the server.
            let _ = ending.wait_for(|ending| *ending).await.map(drop);
        };
        let pieces = self.pieces.take_until(Box::pin(ended)).map(move |piece| {
            let _held = &held;
            piece
        });
        Self { pieces: pieces.boxed(), ..self }
    }
}

/// The streams that are open.
pub(crate) struct Streams {
    open: AtomicUsize,
    most: usize,
    metrics: Arc<Metrics>,
}

/// One of them; closed when dropped.
pub(crate) struct Slot(Arc<Streams>);

impl Drop for Slot {
    fn drop(&mut self) {
        let left = self.0.open.fetch_sub(1, Ordering::AcqRel) - 1;
        self.0.metrics.streams(left.min(self.0.most));
    }
}

impl Streams {
    pub(crate) fn new(most: usize, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { open: AtomicUsize::new(0), most, metrics })
    }

    /// A place for one more.
    pub(crate) fn open(self: &Arc<Self>) -> Result<Slot, Problem> {
        let open = self.open.fetch_add(1, Ordering::AcqRel) + 1;
        let slot = Slot(Arc::clone(self));
        if open > self.most {
            let text = format!("{} streams are open already", self.most);
            return Err(Problem::new(Kind::TooManyRequests, "too-many-streams", text)
                .with_remedy("close one, or raise limits.streams")
                .retry(Duration::from_secs(5)));
        }
        self.metrics.streams(open);
        Ok(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endless(held: impl Send + 'static, ending: watch::Receiver<bool>) -> Feed {
        let pieces = futures_util::stream::pending().boxed();
        Feed { content_type: "text/plain".to_owned(), pieces }.holding(held, ending)
    }

    #[tokio::test]
    async fn a_stream_holds_its_place_until_it_ends_or_is_dropped() {
        let streams = Streams::new(2, Arc::new(Metrics::new()));
        let (end, ending) = watch::channel(false);
        let first = endless(streams.open().unwrap(), ending.clone());
        let mut second = endless(streams.open().unwrap(), ending);
        let refused = streams.open().map(drop).unwrap_err();
        assert_eq!(
            (refused.kind, refused.code.as_ref()),
            (Kind::TooManyRequests, "too-many-streams")
        );
        drop(first);
        drop(streams.open().unwrap());
        let silent = tokio::time::timeout(Duration::from_millis(10), second.pieces.next()).await;
        assert!(silent.is_err(), "it has neither ended nor brought anything");
        end.send(true).unwrap();
        assert_eq!(second.pieces.next().await, None);
    }
}
