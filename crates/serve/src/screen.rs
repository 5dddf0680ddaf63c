//! Pictures that change: the newest of a camera, to be asked for or to be watched. Only the newest is
//! kept; who is slow misses pictures, and nothing piles up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::watch;

use crate::stream::{Feed, HEARTBEAT};

/// Content type of a film as the document names it.
pub(crate) const MULTIPART: &str = "multipart/x-mixed-replace";
/// Between the pictures. No JPEG contains it but by intent, and the lengths are said.
const BOUNDARY: &str = "strata-picture";

#[derive(Debug, Clone)]
struct Picture {
    number: u64,
    bytes: Bytes,
}

#[derive(Debug)]
struct Shared {
    content_type: &'static str,
    /// Tells pictures of this screen from those of another, such as the one before a restart.
    salt: String,
    newest: watch::Sender<Option<Picture>>,
    born: Instant,
    /// Milliseconds after `born` when somebody last asked, and 1; 0 is never.
    asked: AtomicU64,
}

/// Shows the newest picture of something, encoded. Clones show the same.
#[derive(Debug, Clone)]
pub struct Screen(Arc<Shared>);

impl Screen {
    /// Nothing is shown yet; pictures will be of this content type, such as `image/jpeg`.
    #[must_use]
    pub fn new(content_type: &'static str) -> Self {
        let (salt, born, asked) = (crate::random::id(), Instant::now(), AtomicU64::new(0));
        Self(Arc::new(Shared { content_type, salt, newest: watch::Sender::new(None), born, asked }))
    }

    /// Shows another picture in place of the one before.
    pub fn show(&self, picture: impl Into<Bytes>) {
        let bytes = picture.into();
        self.0.newest.send_modify(|newest| {
            let number = newest.as_ref().map_or(0, |picture| picture.number + 1);
            *newest = Some(Picture { number, bytes });
        });
    }

    /// Whether anybody watches, or asked for a picture within this time: otherwise there is no need to
    /// encode one.
    #[must_use]
    pub fn wanted(&self, within: Duration) -> bool {
        let asked = self.0.asked.load(Ordering::Relaxed);
        let since = (self.now() + 1).saturating_sub(asked);
        self.watchers() > 0 || (asked > 0 && u128::from(since) <= within.as_millis())
    }

    /// How many watch the film.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.0.newest.receiver_count()
    }

    /// The pictures as a film of at most so many a second (0.1 to 60).
    #[must_use]
    pub fn film(&self, most_per_second: f32) -> Film {
        let rate = if most_per_second.is_finite() { most_per_second.clamp(0.1, 60.0) } else { 5.0 };
        Film { screen: self.clone(), pause: Duration::from_secs_f32(1.0 / rate) }
    }

    /// The newest picture and its tag.
    pub(crate) fn newest(&self) -> Option<(String, Bytes)> {
        self.0.asked.store(self.now() + 1, Ordering::Relaxed);
        let newest = self.0.newest.borrow();
        let picture = newest.as_ref()?;
        Some((format!("\"{}-{}\"", self.0.salt, picture.number), picture.bytes.clone()))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}

/// A screen as it is watched.
#[derive(Debug, Clone)]
pub struct Film {
    screen: Screen,
    pause: Duration,
}

impl Film {
    pub(crate) fn feed(self) -> Feed {
        let Self { screen, pause } = self;
        let mut newest = screen.0.newest.subscribe();
        newest.mark_changed();
        let kind = screen.0.content_type;
        let start = (newest, None::<tokio::time::Instant>);
        let parts = stream::unfold(start, move |(mut newest, last)| async move {
            if let Some(last) = last {
                tokio::time::sleep_until(last + pause).await;
            }
            loop {
                // In silence the newest picture is sent again: the client sees that the line is up.
                if let Ok(Err(_)) = tokio::time::timeout(HEARTBEAT, newest.changed()).await {
                    return None;
                }
                let picture = newest.borrow_and_update().clone();
                if let Some(picture) = picture {
                    let part = part(kind, &picture.bytes);
                    return Some((part, (newest, Some(tokio::time::Instant::now()))));
                }
            }
        });
        let first = Bytes::from(format!("--{BOUNDARY}\r\n"));
        let pieces = stream::once(std::future::ready(first)).chain(parts).fuse().boxed();
        Feed { content_type: format!("{MULTIPART}; boundary={BOUNDARY}"), pieces }
    }
}

/// A picture with the boundary behind it: browsers show it when they see that it is whole.
fn part(content_type: &str, picture: &[u8]) -> Bytes {
    let head = format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", picture.len());
    let tail = format!("\r\n--{BOUNDARY}\r\n");
    let mut part = BytesMut::with_capacity(head.len() + picture.len() + tail.len());
    part.extend_from_slice(head.as_bytes());
    part.extend_from_slice(picture);
    part.extend_from_slice(tail.as_bytes());
    part.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_picture_wins() {
        let screen = Screen::new("image/jpeg");
        assert!(screen.newest().is_none());
        let mut film = screen.film(60.0).feed();
        assert_eq!(film.pieces.next().await.unwrap(), "--strata-picture\r\n");
        for text in ["one", "two", "three"] {
            screen.show(text.as_bytes().to_vec());
        }
        let part = film.pieces.next().await.unwrap();
        let text = String::from_utf8(part.to_vec()).unwrap();
        assert!(text.contains("Content-Length: 5\r\n\r\nthree\r\n--strata-picture\r\n"), "{text}");
        screen.show("four");
        assert!(film.pieces.next().await.unwrap().windows(4).any(|four| four == b"four"));
        let (tag, bytes) = screen.newest().unwrap();
        assert_eq!(bytes, "four");
        assert_ne!(tag, Screen::new("image/jpeg").0.salt);
        screen.show("four");
        assert_ne!(screen.newest().unwrap().0, tag, "another picture has another tag");
    }

    #[test]
    fn pictures_are_wanted_while_somebody_looks() {
        let screen = Screen::new("image/jpeg");
        let minute = Duration::from_secs(60);
        assert!(!screen.wanted(minute));
        let film = screen.film(f32::NAN).feed();
        assert!(screen.wanted(minute) && screen.watchers() == 1);
        drop(film);
        assert!(!screen.wanted(minute));
        let _ = screen.newest();
        assert!(screen.wanted(minute), "somebody has just asked");
        std::thread::sleep(Duration::from_millis(20));
        assert!(!screen.wanted(Duration::from_millis(5)));
    }
}
