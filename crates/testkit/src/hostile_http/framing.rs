//! Requests that break or bend HTTP/1.1: garbage, ambiguous lengths (request smuggling), odd targets, headers that are
//! none, connections that end in the middle.

use std::time::Duration;

use super::{Aim, Attack, Step, Want};

/// The request that an ambiguous body smuggles: a server that answers it too read the body as a request.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n";

/// The tables of this module but [`expectations`]; the aim is a path that answers `GET` with 200 and is fit for any
/// number of calls.
#[must_use]
pub fn all(aim: &Aim) -> Vec<Attack> {
    [garbage(aim), lengths(aim), chunked_bodies(aim), heads(aim), connections(aim)].concat()
}

/// Bytes that are not HTTP/1.1.
#[must_use]
pub fn garbage(aim: &Aim) -> Vec<Attack> {
    // A TLS client that took the port for another: record header, ClientHello.
    let hello = [b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".as_slice(), &[0x5a; 160]].concat();
    let noise: Vec<u8> =
        (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let path = &aim.target.path;
    let none = Want::RefusalOrEnd;
    vec![
        Attack::send("random bytes", none, noise),
        Attack::send("TLS hello on a plain port", none, hello),
        Attack::send("zeros", none, vec![0; 1024]),
        Attack::send("HTTP/2 preface", none, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Attack::send("HTTP/0.9", none, format!("GET {path}\r\n\r\n")),
        Attack::send("HTTP/3.7", none, format!("GET {path} HTTP/3.7\r\nHost: a\r\n\r\n")),
        Attack::send("no version", none, format!("GET {path} \r\nHost: a\r\n\r\n")),
        Attack::send(
            "lower-case protocol",
            none,
            format!("GET {path} http/1.1\r\nHost: a\r\n\r\n"),
        ),
        Attack::send("an empty method", none, format!(" {path} HTTP/1.1\r\nHost: a\r\n\r\n")),
        Attack::send(
            "NUL in the target",
            none,
            format!("GET {path}\0x HTTP/1.1\r\nHost: a\r\n\r\n"),
        ),
        Attack::send("CR alone ends lines", none, format!("GET {path} HTTP/1.1\rHost: a\r\r")),
    ]
}

/// A `POST` whose length is ambiguous or none, followed by a request that must never be answered.
fn ambiguous(aim: &Aim, name: &str, want: Want, lines: &str, body: &str) -> Attack {
    let head = aim.head("POST", &format!("Content-Type: application/json\r\n{lines}\r\n"));
    Attack::send(name, want, [&head, body.as_bytes(), SMUGGLED.as_bytes()].concat())
}

/// Request smuggling by lengths: two lengths, or a length and chunks.
#[must_use]
pub fn lengths(aim: &Aim) -> Vec<Attack> {
    let refused =
        |name: &str, lines: &str, body: &str| ambiguous(aim, name, Want::RefusalOrEnd, lines, body);
    // RFC 9112, 6.3: chunked wins over a length; the server may refuse, and has to end the connection.
    let both = |name: &str, lines: &str| ambiguous(aim, name, Want::OneThenEnd, lines, "0\r\n\r\n");
    let long = "Content-Length: 6\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        both("length, then chunked", &format!("{long}{chunked}")),
        both("chunked, then length", &format!("{chunked}{long}")),
        refused("two different lengths", &format!("{long}Content-Length: 5\r\n"), "{\"a\":1"),
        refused("a list of lengths", "Content-Length: 6, 5\r\n", "{\"a\":1"),
        refused("a length with a sign", "Content-Length: +6\r\n", "{\"a\":1"),
        refused("a negative length", "Content-Length: -1\r\n", ""),
        refused("a hexadecimal length", "Content-Length: 0x6\r\n", "{\"a\":1"),
        refused("a length with a fraction", "Content-Length: 6.0\r\n", "{\"a\":1"),
        refused("an empty length", "Content-Length: \r\n", ""),
        refused("a length beyond 64 bits", "Content-Length: 18446744073709551622\r\n", "{\"a\":1"),
        refused("a space before the colon", "Content-Length : 6\r\n", "{\"a\":1"),
        refused("a folded length", "Content-Length:\r\n 6\r\n", "{\"a\":1"),
        refused("NUL in the length", "Content-Length: 6\0\r\n", "{\"a\":1"),
    ]
}

/// Request smuggling by transfer codings and chunk sizes.
#[must_use]
pub fn chunked_bodies(aim: &Aim) -> Vec<Attack> {
    let coding = |name: &str, value: &str| {
        let lines = format!("Transfer-Encoding: {value}\r\n");
        ambiguous(aim, name, Want::RefusalOrEnd, &lines, "0\r\n\r\n")
    };
    let body = |name: &str, body: &str| {
        ambiguous(aim, name, Want::RefusalOrEnd, "Transfer-Encoding: chunked\r\n", body)
    };
    vec![
        coding("an unknown coding", "xchunked"),
        coding("chunked is not last", "chunked, identity"),
        coding("a coding in quotes", "\"chunked\""),
        coding("a coding with a vertical tab", "\u{b}chunked"),
        body("a chunk size of no number", "xyz\r\n{}\r\n0\r\n\r\n"),
        body("a negative chunk size", "-2\r\n{}\r\n0\r\n\r\n"),
        body("a chunk size with 0x", "0x2\r\n{}\r\n0\r\n\r\n"),
        body("a chunk size beyond 64 bits", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
        body("a chunk longer than its size", "1\r\n{}\r\n0\r\n\r\n"),
        body("a chunk size that ends with a line feed alone", "2\n{}\r\n0\r\n\r\n"),
        body("an empty chunk size", "\r\n{}\r\n0\r\n\r\n"),
        // In HTTP/1.0 there are no chunks: the body may not be taken for a request.
        Attack::send(
            "chunks in HTTP/1.0",
            Want::RefusalOrEnd,
            format!(
                "POST {} HTTP/1.0\r\nHost: a\r\n{}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
                aim.target.path, aim.extra
            ),
        ),
    ]
}

/// Heads that are not sound, and targets that are unusual.
#[must_use]
pub fn heads(aim: &Aim) -> Vec<Attack> {
    let (host, path, extra) = (&aim.target.host, &aim.target.path, &aim.extra);
    let close = "Connection: close\r\n\r\n";
    let get = |name: &str, want: Want, lines: &str| {
        Attack::send(name, want, aim.head("GET", &format!("{lines}{close}")))
    };
    let line = |name: &str, want: Want, line: &str| {
        Attack::send(name, want, format!("{line}\r\nHost: {host}\r\n{extra}{close}"))
    };
    let absolute = format!("GET http://{host}{path} HTTP/1.1");
    let foreign = "GET http://169.254.169.254/latest/meta-data HTTP/1.1";
    vec![
        get("a header without a colon", Want::RefusalOrEnd, "no colon here\r\n"),
        get("a header without a name", Want::RefusalOrEnd, ": value\r\n"),
        get("a space in a header's name", Want::RefusalOrEnd, "X Y: value\r\n"),
        get("NUL in a header's value", Want::RefusalOrEnd, "X: a\0b\r\n"),
        get("a folded header", Want::RefusalOrEnd, "X: a\r\n b\r\n"),
        get("bytes beyond ASCII in a value", Want::Survival, "X: \u{e4}\u{4e2d}\r\n"),
        get("two hosts", Want::Survival, "Host: other\r\n"),
        get("an upgrade to HTTP/2", Want::Either, "Upgrade: h2c\r\nConnection: Upgrade\r\n"),
        get("an unknown expectation", Want::Either, "Expect: the-unexpected\r\n"),
        Attack::send("no host", Want::Survival, format!("GET {path} HTTP/1.1\r\n{extra}{close}")),
        line("an absolute target", Want::Either, &absolute),
        line("an absolute target elsewhere", Want::Survival, foreign),
        line("CONNECT", Want::RefusalOrEnd, "CONNECT 127.0.0.1:22 HTTP/1.1"),
        line("an asterisk for a target", Want::Survival, "OPTIONS * HTTP/1.1"),
        line("TRACE", Want::RefusalOrEnd, &format!("TRACE {path} HTTP/1.1")),
        line("an unknown method", Want::RefusalOrEnd, &format!("BREW {path} HTTP/1.1")),
        line("a path that climbs", Want::Refusal, "GET /../../../../etc/passwd HTTP/1.1"),
        line(
            "an encoded path that climbs",
            Want::Refusal,
            "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1",
        ),
        line("a path of broken escapes", Want::Refusal, "GET /v2/models/%zz%f HTTP/1.1"),
        line("a path that is not UTF-8", Want::Refusal, "GET /v2/models/%ff%fe/ready HTTP/1.1"),
        line("NUL in an escaped path", Want::Refusal, "GET /v2/models/a%00b HTTP/1.1"),
        line("a path with two slashes", Want::Refusal, "GET //v2//models HTTP/1.1"),
    ]
}

/// Several requests at once, and connections that end half.
#[must_use]
pub fn connections(aim: &Aim) -> Vec<Attack> {
    let get = aim.head("GET", "\r\n");
    let begun =
        aim.head("POST", "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\"");
    vec![
        Attack::send("20 requests at once", Want::Answers(20), get.repeat(20)),
        Attack::new(
            // A server that stops work for clients who have gone cannot tell this from one who has.
            "the writing half ends after a request",
            Want::Survival,
            vec![Step::Send(get.clone()), Step::EndWriting],
        ),
        Attack::new(
            "the writing half ends in a head",
            Want::RefusalOrEnd,
            vec![Step::Send(get[..get.len() / 2].to_vec()), Step::EndWriting],
        ),
        Attack::new(
            "the writing half ends in a body",
            Want::RefusalOrEnd,
            vec![Step::Send(begun), Step::EndWriting],
        ),
        Attack::new("the writing half ends at once", Want::RefusalOrEnd, vec![Step::EndWriting]),
        Attack::new(
            "a request byte by byte",
            Want::Answer,
            get.iter()
                .flat_map(|b| [Step::Send(vec![*b]), Step::Pause(Duration::from_millis(1))])
                .collect(),
        ),
        Attack::send(
            "empty lines before a request",
            Want::Either,
            [b"\r\n\r\n", &get[..]].concat(),
        ),
    ]
}

/// `Expect: 100-continue` with a body that answers 200 when it is sent; and with a length of a gigabyte, which a server
/// should refuse before the body.
#[must_use]
pub fn expectations(aim: &Aim, body: &[u8]) -> Vec<Attack> {
    let head = |length: usize| {
        let lines =
            "Content-Type: application/json\r\nExpect: 100-continue\r\nConnection: close\r\n";
        aim.head("POST", &format!("{lines}Content-Length: {length}\r\n\r\n"))
    };
    let wait = Step::AwaitInterim(Duration::from_secs(5));
    vec![
        Attack::new(
            "a body after 100 Continue",
            Want::Answer,
            vec![Step::Send(head(body.len())), wait.clone(), Step::Send(body.to_vec())],
        ),
        Attack::new(
            "a body that does not wait for 100 Continue",
            Want::Answer,
            vec![Step::Send([head(body.len()), body.to_vec()].concat())],
        ),
        Attack::new(
            "a gigabyte announced with an expectation",
            Want::RefusalOrEnd,
            vec![Step::Send(head(1_000_000_000)), wait],
        ),
    ]
}
