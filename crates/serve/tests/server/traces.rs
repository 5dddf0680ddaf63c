//! Traces of requests, and what is said where a program has none.

use crate::app::Setup;

#[cfg(not(feature = "otel"))]
#[test]
fn a_program_without_traces_says_so_instead_of_losing_them() {
    let collector = "http://127.0.0.1:4318".to_owned();
    let setup = Setup::with(|s| s.trace.otlp_endpoint = Some(collector));
    let error = setup.try_listen().err().expect("it does not start").to_string();
    assert!(error.starts_with("trace.otlp_endpoint = \"http://127.0.0.1:4318\": "), "{error}");
    assert!(error.contains("without traces") && error.contains("--features otel"), "{error}");
}

#[cfg(feature = "otel")]
mod collected {
    use std::collections::BTreeMap;
    use std::io::Write;
    use std::net::{SocketAddr, TcpListener};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use serde_json::json;
    use strata_testkit::models;

    use super::Setup;
    use crate::app::{Server, count, until};
    use crate::client::{self, Ask};

    /// A span as the collector got it.
    #[derive(Debug, Clone, Default)]
    struct Span {
        name: String,
        kind: u64,
        trace: String,
        id: String,
        parent: String,
        start: u64,
        end: u64,
        status: u64,
        events: Vec<String>,
        attributes: BTreeMap<String, String>,
        resource: BTreeMap<String, String>,
    }

    /// Fields of a protobuf message: numbers and lengths-with-bytes, which is all that is used here.
    enum Field<'a> {
        Number(u64),
        Bytes(&'a [u8]),
    }

    fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let (mut value, mut shift) = (0, 0);
            loop {
                let byte = bytes[0];
                *bytes = &bytes[1..];
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return value;
                }
            }
        }
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let field = match tag & 7 {
                0 => Field::Number(varint(&mut bytes)),
                1 => {
                    let (number, rest) = bytes.split_at(8);
                    bytes = rest;
                    Field::Number(u64::from_le_bytes(number.try_into().unwrap()))
                }
                2 => {
                    let length = varint(&mut bytes) as usize;
                    let (content, rest) = bytes.split_at(length);
                    bytes = rest;
                    Field::Bytes(content)
                }
                5 => {
                    let (number, rest) = bytes.split_at(4);
                    bytes = rest;
                    Field::Number(u64::from(u32::from_le_bytes(number.try_into().unwrap())))
                }
                other => panic!("wire type {other}"),
            };
            all.push((tag >> 3, field));
        }
        all
    }

    /// The messages in a field of a message.
    fn messages(bytes: &[u8], number: u64) -> Vec<&[u8]> {
        let found = fields(bytes).into_iter().filter(|(n, _)| *n == number);
        let content = |(_, field)| match field {
            Field::Bytes(bytes) => bytes,
            Field::Number(number) => panic!("a number: {number}"),
        };
        found.map(content).collect()
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn attribute(bytes: &[u8]) -> (String, String) {
        let value = match fields(messages(bytes, 2)[0]).into_iter().next() {
            Some((1, Field::Bytes(value))) => text(value),
            Some((_, Field::Number(value))) => value.to_string(),
            _ => panic!("another kind of value"),
        };
        (text(messages(bytes, 1)[0]), value)
    }

    fn attributes(bytes: &[u8], number: u64) -> BTreeMap<String, String> {
        messages(bytes, number).into_iter().map(attribute).collect()
    }

    fn span(bytes: &[u8]) -> Span {
        let mut span = Span { attributes: attributes(bytes, 9), ..Span::default() };
        for (number, field) in fields(bytes) {
            match (number, field) {
                (1, Field::Bytes(id)) => span.trace = hex(id),
                (2, Field::Bytes(id)) => span.id = hex(id),
                (4, Field::Bytes(id)) => span.parent = hex(id),
                (5, Field::Bytes(name)) => span.name = text(name),
                (6, Field::Number(kind)) => span.kind = kind,
                (7, Field::Number(at)) => span.start = at,
                (8, Field::Number(at)) => span.end = at,
                (11, Field::Bytes(event)) => span.events.push(text(messages(event, 2)[0])),
                (15, Field::Bytes(status)) => {
                    for field in fields(status) {
                        if let (3, Field::Number(code)) = field {
                            span.status = code;
                        }
                    }
                }
                _ => {}
            }
        }
        span
    }

    /// The spans of an `ExportTraceServiceRequest`.
    fn spans(request: &[u8]) -> Vec<Span> {
        let mut all = Vec::new();
        for group in messages(request, 1) {
            let resource = attributes(messages(group, 1)[0], 1);
            let scopes = messages(group, 2);
            let inside = scopes.into_iter().flat_map(|scope| messages(scope, 2));
            all.extend(inside.map(|bytes| Span { resource: resource.clone(), ..span(bytes) }));
        }
        all
    }

    /// A collector that keeps what it is sent.
    struct Collector {
        address: SocketAddr,
        spans: Arc<Mutex<Vec<Span>>>,
    }

    impl Collector {
        fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let spans = Arc::new(Mutex::new(Vec::new()));
            let kept = Arc::clone(&spans);
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let (mut stream, kept) = (stream.unwrap(), Arc::clone(&kept));
                    std::thread::spawn(move || {
                        // What comes in has the form of an answer, but for its first line.
                        while let Some((first, reply)) = client::read_request(&mut stream) {
                            assert_eq!(first, "POST /v1/traces HTTP/1.1");
                            let kind = reply.header("content-type");
                            assert_eq!(kind, Some("application/x-protobuf"));
                            kept.lock().unwrap().extend(self::spans(&reply.body));
                            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                            if stream.write_all(answer).is_err() {
                                return;
                            }
                        }
                    });
                }
            });
            Self { address, spans }
        }

        fn setup(&self) -> Setup {
            Setup::with(|s| s.trace.otlp_endpoint = Some(format!("http://{}", self.address)))
        }

        /// Stops the server, which sends what is left; what came.
        fn end(&self, mut server: Server) -> Vec<Span> {
            server.seen.release();
            let running = server.running.take().unwrap();
            running.stop();
            running.wait().unwrap();
            self.spans.lock().unwrap().clone()
        }
    }

    fn of<'a>(spans: &'a [Span], name: &str) -> &'a Span {
        let mut found = spans.iter().filter(|span| span.name == name);
        let first = found.next().unwrap_or_else(|| panic!("no span {name} in {spans:#?}"));
        assert!(found.next().is_none(), "two spans {name}");
        first
    }

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    #[test]
    fn a_request_is_a_span_with_its_caller_s_as_parent() {
        let collector = Collector::start();
        let server = collector.setup().start();
        let parent = format!("00-{TRACE}-{PARENT}-01");
        let ask = Ask::post("/v1/echo?secret=1", &json!({"text": "x"}))
            .header("traceparent", &parent)
            .header("x-request-id", "r-1");
        server.send(&ask).expect(200);
        server.get("/v1/sum/1?b=x").expect(422);
        server.post("/v1/panic/computing", &json!({})).expect(500);
        for broken in ["", "00-0-0-01", "00-00000000000000000000000000000000-0000000000000000-01"] {
            let ask = Ask::get("/v1/draw/1").header("traceparent", broken);
            server.send(&ask).expect(200);
        }
        server.get("/nothing/here").expect(404);
        let spans = collector.end(server);
        let nothing = of(&spans, "other");
        assert_eq!(nothing.attributes["url.path"], "/nothing/here");
        assert!(!nothing.attributes.contains_key("http.route"));

        let echo = of(&spans, "echo");
        assert_eq!((echo.trace.as_str(), echo.parent.as_str()), (TRACE, PARENT));
        assert_eq!((echo.kind, echo.status), (2, 0), "a server's span without an error");
        assert!(echo.start > 0 && echo.end >= echo.start);
        for (key, value) in [
            ("http.request.method", "POST"),
            ("http.route", "/v1/echo"),
            ("url.path", "/v1/echo"),
            ("http.response.status_code", "200"),
            ("strata.caller", "anonymous"),
            ("strata.request_id", "r-1"),
        ] {
            assert_eq!(echo.attributes.get(key).map(String::as_str), Some(value), "{key}");
        }
        assert_eq!(echo.resource["service.name"], "strata-test");
        assert!(echo.resource.contains_key("service.version"));
        assert!(!format!("{spans:?}").contains("secret"), "no query leaves the server");

        let sum = of(&spans, "sum");
        assert_eq!((sum.status, sum.parent.as_str()), (0, ""), "the client's error is its own");
        assert_eq!(sum.attributes["error.type"], "invalid-parameter");
        let panic = of(&spans, "panic_computing");
        assert_eq!((panic.status, panic.attributes["error.type"].as_str()), (2, "internal"));

        let drawn: Vec<&Span> = spans.iter().filter(|span| span.name == "draw").collect();
        assert_eq!(drawn.len(), 3);
        for span in drawn {
            assert_eq!((span.trace.len(), span.parent.as_str()), (32, ""), "a trace of its own");
        }
    }

    #[test]
    fn a_trace_that_its_caller_does_not_sample_is_not_sent() {
        let collector = Collector::start();
        let server = collector.setup().start();
        let parent = format!("00-{TRACE}-{PARENT}-00");
        let ask = Ask::post("/v1/echo", &json!({"text": "x"})).header("traceparent", &parent);
        server.send(&ask).expect(200);
        server.get("/v1/sum/1?b=1").expect(200);
        let spans = collector.end(server);
        assert!(spans.iter().all(|span| span.name != "echo"), "{spans:?}");
        of(&spans, "sum");
    }

    #[test]
    fn batches_are_spans_below_their_request() {
        if !crate::protocol::has_runtime() {
            return;
        }
        let collector = Collector::start();
        let server = collector.setup().model("line", &models::linear(&[2.0], &[1.0])).start();
        let input = json!({"name": "x", "datatype": "FP32", "shape": [3, 1], "data": [1, 2, 3]});
        server.post("/v2/models/line/infer", &json!({ "inputs": [input] })).expect(200);
        let spans = collector.end(server);
        let (request, batch) = (of(&spans, "model_infer"), of(&spans, "batch"));
        assert_eq!((&batch.trace, &batch.parent), (&request.trace, &request.id));
        assert_eq!((batch.kind, batch.events.as_slice()), (1, &["running".to_owned()][..]));
        assert_eq!(batch.attributes["strata.batch_rows"], "3");
        assert_eq!(batch.attributes["strata.batch_items"], "1");
        let micros = |key: &str| batch.attributes[key].parse::<u64>().unwrap();
        let all = (batch.end - batch.start) / 1000;
        assert!(micros("strata.running_us") + micros("strata.queued_us") <= all + 2, "{batch:?}");
        assert_eq!(request.attributes["strata.batches"], "1");
    }

    #[test]
    fn a_client_that_goes_leaves_a_span() {
        let collector = Collector::start();
        let server = collector.setup().start();
        let mut stream = client::connect(server.address);
        client::write(&mut stream, &Ask::post("/v1/hold", &json!({})).keep().bytes());
        until("the work has begun", || count(&server.seen.started) == 1);
        drop(stream);
        until("it is told", || count(&server.seen.cancelled) == 1);
        let spans = collector.end(server);
        let hold = of(&spans, "hold");
        assert_eq!(hold.attributes["error.type"], "client-gone");
        assert!(!hold.attributes.contains_key("http.response.status_code"));
    }

    /// Requests against a server whose collector is not well: all answered, none of them slowly.
    fn unharmed(endpoint: String) {
        let mut server = Setup::with(|s| s.trace.otlp_endpoint = Some(endpoint)).start();
        let started = Instant::now();
        // More than the queue of spans holds.
        let mut stream = client::connect(server.address);
        for n in 0..3000 {
            client::write(&mut stream, &Ask::get(&format!("/v1/sum/{n}?b=1")).keep().bytes());
            assert_eq!(client::read(&mut stream, false).expect(200).json()["total"], n + 1);
        }
        let took = started.elapsed();
        assert!(took < Duration::from_secs(15), "{took:?} for 3000 requests");
        drop(stream);
        let running = server.running.take().unwrap();
        let started = Instant::now();
        running.stop();
        running.wait().unwrap();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(7), "{took:?} to end");
    }

    #[test]
    fn a_collector_that_is_not_there_changes_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        unharmed(format!("http://{address}"));
    }

    #[test]
    fn a_collector_that_never_answers_changes_nothing() {
        // Connections are accepted by the system and nobody reads them.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        unharmed(format!("http://{}", listener.local_addr().unwrap()));
    }
}
