//! Reading request bodies: never more than the limits, never longer than the time for it, unpacked
//! where they are packed.

use std::io::Read;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;

use crate::input::deeper_than;
use crate::operation::{Answer, Request, UploadSink};
use crate::problem::{Kind, Problem};

/// Limits on what comes in.
#[derive(Debug, Clone)]
pub(crate) struct BodyLimits {
    /// Bytes of a body as sent.
    pub(crate) body: usize,
    /// Bytes of a body unpacked.
    pub(crate) decompressed: usize,
    /// Nesting of JSON.
    pub(crate) json_depth: usize,
    /// Rows of a request.
    pub(crate) rows: usize,
    /// Pixels of a picture.
    pub(crate) pixels: u64,
    /// Time for a body to arrive; for an upload, the longest pause in it.
    pub(crate) body_timeout: Duration,
    /// Time for the answer.
    pub(crate) request_timeout: Duration,
}

/// Content type in lower case without parameters; empty where none is given.
pub(crate) fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = given.unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

fn too_large(bytes: usize, what: &str) -> Problem {
    let text = format!("the body is larger than {bytes} bytes{what}");
    Problem::new(Kind::TooLarge, "body-too-large", text)
        .with_remedy("send less at a time, or upload a file to a job")
}

fn too_slow(time: Duration) -> Problem {
    let text = format!("the body did not arrive within {} s", time.as_secs_f64());
    Problem::new(Kind::RequestTimeout, "body-too-slow", text)
}

fn broken(error: impl std::fmt::Display) -> Problem {
    Problem::new(Kind::BadRequest, "broken-body", format!("the body broke off: {error}"))
}

/// The whole body, unpacked.
pub(crate) async fn whole(
    body: Body,
    headers: &HeaderMap,
    limits: &BodyLimits,
) -> Result<Bytes, Problem> {
    let packing = Packing::of(headers)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > limits.body as u64) {
        discard(body).await;
        return Err(too_large(limits.body, ""));
    }
    let until = tokio::time::Instant::now() + limits.body_timeout;
    let mut body = body;
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let frame = tokio::time::timeout_at(until, body.frame()).await;
        let Some(frame) = frame.map_err(|_| too_slow(limits.body_timeout))? else { break };
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limits.body {
            discard(body).await;
            return Err(too_large(limits.body, ""));
        }
        // A body in one piece is not copied.
        match (first.is_empty(), rest.is_empty()) {
            (true, true) => first = data,
            (false, true) => {
                rest.reserve(length.unwrap_or(0).min(1 << 20) as usize);
                rest.extend_from_slice(&first);
                rest.extend_from_slice(&data);
                first = Bytes::new();
            }
            _ => rest.extend_from_slice(&data),
        }
    }
    let sent = if rest.is_empty() { first } else { rest.freeze() };
    if packing == Packing::None {
        return Ok(sent);
    }
    let most = limits.decompressed;
    let unpacked = tokio::task::spawn_blocking(move || packing.unpack(&sent, most)).await;
    unpacked.map_err(Problem::internal)?
}

/// Reads and drops what a client still sends, within reason, so that it gets to read the reply
/// instead of a broken connection.
pub(crate) async fn discard(mut body: Body) {
    const MOST: usize = 64 << 20;
    const LONGEST: Duration = Duration::from_secs(1);
    let read = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > MOST {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(LONGEST, read).await;
}

/// Hands a body to an upload as it arrives. It may take as long as it keeps coming.
pub(crate) async fn upload(
    mut sink: Box<dyn UploadSink>,
    mut body: Body,
    headers: &HeaderMap,
    limits: &BodyLimits,
) -> Answer {
    /// Bytes that are written at a time.
    const PIECE: usize = 256 << 10;
    // A library may be a .gz file; a packed transfer of it is another thing and not offered.
    if Packing::of(headers)? != Packing::None {
        return Err(unknown_packing("an upload").with_remedy("send the .gz file as it is"));
    }
    let mut piece = BytesMut::with_capacity(PIECE);
    let mut started = Instant::now();
    loop {
        let frame = tokio::time::timeout(limits.body_timeout, body.frame()).await;
        let frame = frame.map_err(|_| too_slow(limits.body_timeout))?;
        if let Some(frame) = frame {
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            piece.extend_from_slice(&data);
            // A trickle of bytes is not allowed to hold the upload open for ever.
            if piece.len() < PIECE {
                if started.elapsed() > limits.body_timeout.max(Duration::from_secs(1)) * 2 {
                    return Err(too_slow(limits.body_timeout * 2)
                        .with_remedy("send at least 256 KiB in that time"));
                }
                continue;
            }
            let written = tokio::task::block_in_place(|| sink.write(&piece));
            if let Err(problem) = written {
                discard(body).await;
                return Err(problem);
            }
            piece.clear();
            started = Instant::now();
        } else {
            return tokio::task::block_in_place(move || {
                sink.write(&piece)?;
                sink.finish()
            });
        }
    }
}

/// Refuses JSON that is nested too deep before anything is built from it.
pub(crate) fn check_depth(request: &Request, limit: usize) -> Result<(), Problem> {
    let json = match &request.inference_header_length {
        Some(length) => {
            let length = length.trim().parse().unwrap_or(0).min(request.body.len());
            &request.body[..length]
        }
        None => &request.body[..],
    };
    if !deeper_than(json, limit) {
        return Ok(());
    }
    let text = format!("the JSON is nested more than {limit} deep");
    Err(Problem::new(Kind::BadRequest, "json-too-deep", text))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Deflate,
}

impl Packing {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(given) = headers.get(header::CONTENT_ENCODING) else { return Ok(Self::None) };
        let given = given.to_str().unwrap_or("not readable").trim();
        // The names of codings have no case.
        match given.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::None),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(unknown_packing(given)),
        }
    }

    fn unpack(self, packed: &[u8], most: usize) -> Result<Bytes, Problem> {
        let mut out = Vec::new();
        let limit = most as u64 + 1;
        let read = match self {
            Self::None => return Ok(Bytes::copy_from_slice(packed)),
            Self::Gzip => MultiGzDecoder::new(packed).take(limit).read_to_end(&mut out),
            Self::Deflate => ZlibDecoder::new(packed).take(limit).read_to_end(&mut out),
        };
        read.map_err(|error| {
            let text = format!("the body cannot be unpacked: {error}");
            Problem::new(Kind::BadRequest, "broken-body", text)
        })?;
        if out.len() > most {
            return Err(too_large(most, " when it is unpacked"));
        }
        Ok(out.into())
    }
}

fn unknown_packing(name: &str) -> Problem {
    let text = format!("the content encoding {name} is not taken");
    Problem::new(Kind::UnsupportedMediaType, "content-encoding", text)
        .with_remedy("send gzip, deflate or the plain body")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::http::HeaderValue;

    use super::*;

    fn limits() -> BodyLimits {
        BodyLimits {
            body: 1000,
            decompressed: 5000,
            json_depth: 8,
            rows: 10,
            pixels: 100,
            body_timeout: Duration::from_millis(50),
            request_timeout: Duration::from_secs(1),
        }
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn gzip() -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))])
    }

    #[tokio::test]
    async fn bodies_are_unpacked_up_to_the_limit() {
        let small = packed(&[b'x'; 4000]);
        assert_eq!(whole(small.into(), &gzip(), &limits()).await.unwrap().len(), 4000);
        let bomb = whole(packed(&[0; 500_000]).into(), &gzip(), &limits()).await.unwrap_err();
        assert_eq!((bomb.kind, bomb.code.as_ref()), (Kind::TooLarge, "body-too-large"));
        assert!(bomb.detail.contains("unpacked"));
        let garbage = whole(vec![1, 2, 3].into(), &gzip(), &limits()).await.unwrap_err();
        assert_eq!(garbage.kind, Kind::BadRequest);
    }

    #[tokio::test]
    async fn a_large_body_is_refused_whether_it_says_so_or_not() {
        let none = HeaderMap::new();
        assert_eq!(whole(vec![0; 1000].into(), &none, &limits()).await.unwrap().len(), 1000);
        let large = whole(vec![0; 1001].into(), &none, &limits()).await.unwrap_err();
        assert_eq!(large.kind, Kind::TooLarge);
        let length = HeaderMap::from_iter([(
            header::CONTENT_LENGTH,
            HeaderValue::from_static("1000000000"),
        )]);
        assert_eq!(
            whole(Body::empty(), &length, &limits()).await.unwrap_err().kind,
            Kind::TooLarge
        );
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let slow = whole(Body::from_stream(never), &HeaderMap::new(), &limits()).await;
        assert_eq!(slow.unwrap_err().kind, Kind::RequestTimeout);
    }
}
