//! Replies as HTTP writes them.

use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;

use crate::operation::{Errors, Output};
use crate::problem::{Kind, Problem};
use crate::stream::Feed;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

pub(crate) fn of(output: Output) -> Response {
    match output {
        Output::Json(json) => whole(StatusCode::OK, JSON, json),
        Output::Bytes { content_type, bytes, headers } => {
            let mut response = whole(StatusCode::OK, &content_type, bytes);
            for (name, value) in headers {
                set(&mut response, HeaderName::from_static(name), &value);
            }
            response
        }
        Output::Status { status, json, location } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let mut response = whole(status, JSON, json);
            if let Some(location) = location {
                set(&mut response, header::LOCATION, &location);
            }
            response
        }
        Output::File { path, content_type, name } => file(&path, &content_type, &name),
        Output::Unchanged { tag } => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            set(&mut response, header::ETAG, &tag);
            set(&mut response, header::CACHE_CONTROL, "private, no-cache");
            response
        }
        Output::Stream(Feed { content_type, pieces }) => {
            let pieces = pieces.map(Ok::<_, std::convert::Infallible>);
            let mut response = Response::new(Body::from_stream(pieces));
            set(&mut response, header::CONTENT_TYPE, &content_type);
            set(&mut response, header::CACHE_CONTROL, "no-store");
            set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
            // Proxies of the nginx kind pass on what comes when it comes.
            set(&mut response, HeaderName::from_static("x-accel-buffering"), "no");
            response
        }
        Output::Empty => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
    }
}

pub(crate) fn of_problem(problem: &Problem, request_id: &str, errors: Errors) -> Response {
    let status = match (errors, problem.kind) {
        (Errors::Reason, Kind::Unprocessable) => Kind::BadRequest.status(),
        (_, kind) => kind.status(),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (kind, body) = match errors {
        Errors::Oip => (JSON, problem.to_oip_json()),
        Errors::Reason => (JSON, problem.to_reason_json()),
        Errors::Details => (PROBLEM, problem.to_json(request_id)),
    };
    let mut response = whole(status, kind, body);
    if let Some(seconds) = problem.retry_seconds() {
        set(&mut response, header::RETRY_AFTER, &seconds.to_string());
    }
    if problem.kind == Kind::Unauthorized {
        set(&mut response, header::WWW_AUTHENTICATE, "Bearer realm=\"strata\"");
    }
    response
}

fn whole(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Response {
    let body = body.into();
    let length = body.len();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, content_type);
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    set(&mut response, header::CACHE_CONTROL, "no-store");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    // A value that no header can hold, such as a line break in a name, is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A file in pieces, so that a large result takes no memory.
fn file(path: &Path, content_type: &str, name: &str) -> Response {
    const PIECE: usize = 64 << 10;
    let opened = std::fs::File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (length, file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let problem = Problem::not_found("no-result", format!("the result is gone: {error}"));
            return of_problem(&problem, "-", Errors::Details);
        }
    };
    let pieces = futures_util::stream::unfold(tokio::fs::File::from_std(file), |mut file| async {
        let mut piece = bytes::BytesMut::with_capacity(PIECE);
        match file.read_buf(&mut piece).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(piece.freeze()), file)),
            Err(error) => Some((Err(error), file)),
        }
    });
    // Compression asks once more after the end, which an unfolded stream does not survive.
    let mut response = Response::new(Body::from_stream(pieces.fuse()));
    set(&mut response, header::CONTENT_TYPE, content_type);
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    set(&mut response, header::CACHE_CONTROL, "no-store");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' })
        .collect();
    set(&mut response, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{plain}\""));
    response
}
