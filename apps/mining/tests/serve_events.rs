//! A server that watches cameras: their state and pictures, events from the journal and as they come,
//! zones that are drawn on the page.
#![allow(clippy::unwrap_used, reason = "tests")]

mod serve_support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use serve_support::{Server, has_runtime, models, picture, png, text};
use strata_vision::image::{DecodeLimits, decode};

/// Two cameras: a red thing comes and goes before the one, the other sees grey and cannot be reached in
/// the end. The file of the configuration.
fn cameras(dir: &Path) -> PathBuf {
    let folder = dir.join("red");
    std::fs::create_dir_all(&folder).unwrap();
    for frame in 0..20_u32 {
        let rgb = if frame < 10 { [220, 30, 30] } else { [20, 20, 20] };
        let bytes = png(&picture((160, 90), rgb, frame));
        std::fs::write(folder.join(format!("{frame:02}.png")), bytes).unwrap();
    }
    let config = dir.join("cameras.toml");
    let toml = format!(
        r#"
[[camera]]
name = "north"
source = {folder:?}
fps = 10
loop = true

[[camera]]
name = "gone"
source = {missing:?}

[[zone]]
name = "everywhere"
polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]

[[scene]]
name = "things"
model = "tiny-detector"
rules = ["red-thing"]
# The thing is away for less than the usual two seconds: without this it would be the same thing again.
track = {{ lost_seconds = 0.2 }}

[[rule]]
name = "red-thing"
classes = ["red"]
min_duration = 0.1
min_frames = 2
cooldown = 0
end_after = 0.3
update = 0

[outputs.journal]
path = {journal:?}

[outputs.snapshots]
dir = {snapshots:?}
"#,
        missing = dir.join("missing"),
        journal = dir.join("events.sqlite"),
        snapshots = dir.join("snapshots"),
    );
    std::fs::write(&config, toml).unwrap();
    config
}

fn started(dir: &Path) -> (Server, PathBuf) {
    let (models, config) = (models(dir), cameras(dir));
    let server = Server::start(&models, &["--mining-watch", text(&config)]);
    server.until("watching", |server| {
        let list = server.get("/v1/cameras").expect(200).json();
        list["cameras"][0]["state"] == "online"
    });
    (server, models)
}

/// A stream of events as a client reads it: name, id, data.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(server: &Server, query: &str, last: Option<u64>) -> Self {
        let mut connection = TcpStream::connect(server.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let last = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /v1/events/stream{query} HTTP/1.1\r\nhost: {}\r\n{last}\r\n",
            server.address
        );
        connection.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(connection);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        Self(reader)
    }

    fn next(&mut self) -> (String, u64, Value) {
        let (mut name, mut id) = (String::new(), 0);
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            let line = line.trim_end();
            if let Some(value) = line.strip_prefix("event: ") {
                name = value.to_owned();
            } else if let Some(value) = line.strip_prefix("id: ") {
                id = value.parse().unwrap();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (name, id, serde_json::from_str(data).unwrap());
            }
        }
    }
}

#[test]
fn events_come_once_and_are_kept() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (server, models) = started(dir.path());
    let mut stream = Stream::open(&server, "", None);
    let mut heard: Vec<(String, u64, String)> = Vec::new();
    while heard.iter().filter(|(name, ..)| name == "end").count() < 2 {
        let (name, id, change) = stream.next();
        assert_eq!((&change["type"], &change["seq"]), (&json!(name), &json!(id)));
        assert_eq!(change["event"]["camera"], "north");
        heard.push((name, id, change["event"]["id"].as_str().unwrap().to_owned()));
    }
    assert!(heard.windows(2).all(|pair| pair[0].1 < pair[1].1), "{heard:?}");
    let news: Vec<&str> =
        heard.iter().filter(|(name, ..)| name == "new").map(|(_, _, id)| id.as_str()).collect();
    assert!(news.len() >= 2 && news[0] != news[1], "{heard:?}");

    // Whoever was away gets what was missed, each change once.
    let from = heard[0].1;
    let mut resumed = Stream::open(&server, "?camera=north", Some(from));
    for expected in &heard[1..] {
        let (name, id, change) = resumed.next();
        assert_eq!(
            (&name, id, change["event"]["id"].as_str().unwrap()),
            (&expected.0, expected.1, &*expected.2)
        );
    }

    // The journal has them, youngest first, a page at a time.
    let all = server.get("/v1/events?limit=1000").expect(200).json();
    let ids: Vec<&str> =
        all["events"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a > b) && news.iter().all(|id| ids.contains(id)), "{ids:?}");
    let first = server.get("/v1/events?limit=1").expect(200).json();
    let next = first["next"].as_str().unwrap();
    let second = server.get(&format!("/v1/events?limit=1&before={next}")).expect(200).json();
    assert!(
        second["events"][0]["id"].as_str().unwrap() < first["events"][0]["id"].as_str().unwrap()
    );
    for (query, some) in [
        ("camera=north", true),
        ("camera=gone", false),
        ("class=red", true),
        ("class=green", false),
        ("min_severity=alert", true),
        ("from_ms=4102444800000", false),
        ("to_ms=4102444800000", true),
    ] {
        let page = server.get(&format!("/v1/events?{query}")).expect(200).json();
        assert_eq!(!page["events"].as_array().unwrap().is_empty(), some, "{query}");
    }
    server.get("/v1/events?min_severity=red").problem(422, "invalid-parameter");

    let event = server.get(&format!("/v1/events/{}", news[0])).expect(200).json();
    assert_eq!(
        (&event["event"]["class"], &event["event"]["frame"]),
        (&json!("red"), &json!([160, 90]))
    );
    let shot = server.get(&format!("/v1/events/{}/snapshot", news[0])).expect(200);
    assert_eq!(shot.content_type, "image/jpeg");
    assert_eq!(decode(&shot.body, &DecodeLimits::default()).unwrap().width(), 160);
    server.get("/v1/events/none").problem(404, "no-event");
    server.get("/v1/events/none/snapshot").problem(404, "no-event");
    let metrics = String::from_utf8(server.get("/metrics").expect(200).body).unwrap();
    for name in [
        "strata_mining_frames_total{camera=\"north\",outcome=\"analysed\"}",
        "strata_mining_events_total{camera=\"north\",severity=\"alert\"}",
        "strata_mining_camera_online{camera=\"north\"} 1",
        "strata_mining_latency_seconds{camera=\"north\",quantile=\"0.95\"}",
    ] {
        assert!(metrics.contains(name), "no {name} in\n{metrics}");
    }

    // Stopped in good order and started again: the events are there, and a stream goes on behind them.
    let last = heard.last().unwrap().1;
    drop((stream, resumed));
    assert_eq!(server.stop(), Some(0));
    let server =
        Server::start(&models, &["--mining-watch", text(&dir.path().join("cameras.toml"))]);
    server.until("watching", |server| server.get("/v1/events").status == 200);
    assert_eq!(server.get(&format!("/v1/events/{}", news[0])).expect(200).json(), event);
    let (_, id, _) = Stream::open(&server, "", Some(last)).next();
    assert!(id > last, "{id} after {last}");
}

#[test]
fn cameras_show_what_they_see() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = started(dir.path());
    let list = server.get("/v1/cameras").expect(200).json();
    assert_eq!(list["watching"], true);
    let names: Vec<&Value> =
        list["cameras"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["north", "gone"]);
    assert_eq!(list["cameras"][0]["size"], json!([160, 90]));
    server.until("told", |server| {
        let gone = server.get("/v1/cameras").json()["cameras"][1].clone();
        gone["error"].as_str().is_some_and(|error| error.contains("missing"))
    });

    let frame = server.get("/v1/cameras/north/frame").expect(200);
    assert_eq!(frame.content_type, "image/jpeg");
    let image = decode(&frame.body, &DecodeLimits::default()).unwrap();
    assert_eq!((image.width(), image.height()), (160, 90));
    // Asked for again with its tag, there is another picture soon, and until then the same is not sent.
    let asked = Instant::now();
    let newer = loop {
        let again = server.get_unless("/v1/cameras/north/frame", &frame.etag);
        if again.status == 200 {
            break again;
        }
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert!(asked.elapsed() < Duration::from_secs(20), "no other picture");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_ne!(newer.etag, frame.etag);
    server.get("/v1/cameras/gone/frame").problem(503, "no-picture-yet");
    server.get("/v1/cameras/south/frame").problem(404, "no-camera");

    // The film: at least three different pictures.
    let mut connection = TcpStream::connect(server.address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = "GET /v1/cameras/north/live?fps=10 HTTP/1.1";
    write!(connection, "{request}\r\nhost: {}\r\n\r\n", server.address).unwrap();
    let mut film = BufReader::new(connection);
    let (mut lines, mut pictures) = (0, 0);
    while pictures < 3 {
        let mut line = Vec::new();
        assert!(film.read_until(b'\n', &mut line).unwrap() > 0, "the film ended");
        lines += 1;
        pictures += usize::from(line.starts_with(b"Content-Type: image/jpeg"));
        assert!(lines < 100_000, "no pictures");
    }
    server.get("/v1/cameras/north/live?fps=0").problem(422, "invalid-value");
}

#[test]
fn zones_are_drawn_checked_and_kept() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (server, models) = started(dir.path());
    let path = "/v1/cameras/north/zones";
    let zones = |server: &Server| server.get(path).expect(200).json()["zones"].clone();
    let before = zones(&server);
    assert_eq!((&before[0]["name"], &before[0]["shared"]), (&json!("everywhere"), &json!(true)));
    let left = json!({"name": "left", "polygon": [[0.0, 0.0], [0.4, 0.0], [0.4, 1.0]]});
    let gate = json!({"name": "gate", "line": [[0.1, 0.5], [0.9, 0.5]]});
    let put = server.put(path, &json!({"zones": [left, gate]})).expect(200).json();
    assert_eq!(put["zones"], zones(&server));
    let own = |zones: &Value| -> Vec<String> {
        let own = zones.as_array().unwrap().iter().filter(|zone| zone["camera"] == "north");
        own.map(|zone| zone["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(own(&zones(&server)), ["left", "gate"]);
    assert_eq!(own(&server.get("/v1/cameras/gone/zones").expect(200).json()["zones"]), [""; 0]);
    // What is missing is removed.
    let put = server.put(path, &json!({"zones": [gate]})).expect(200).json();
    assert_eq!(own(&put["zones"]), ["gate"]);

    let two = json!([[0.1, 0.1], [0.5, 0.5]]);
    for (zone, field) in [
        (json!({"name": "x", "polygon": two}), "/zones/0"),
        (json!({"name": "x", "line": [[0.1, 0.1], [0.1, 0.1]]}), "/zones/0"),
        (json!({"name": "x", "polygon": two, "line": two}), "/zones/0"),
        (json!({"name": "x"}), "/zones/0"),
        (json!({"name": "x", "polygon": [[0, 0], [1, 0], [3, 1]]}), "/zones/0"),
        (json!({"name": " ", "line": two}), "/zones/0/name"),
        (json!({"name": "x", "line": two, "camera": "gone"}), "/zones/0/camera"),
    ] {
        let reply = server.put(path, &json!({"zones": [zone]}));
        let problem = reply.expect(422).json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let twice = json!({"zones": [{"name": "a", "line": two}, {"name": "a", "line": two}]});
    server.put(path, &twice).problem(422, "invalid-value");
    server.put(path, &json!({"zones": [], "more": 1})).expect(422);
    server.put("/v1/cameras/south/zones", &json!({"zones": []})).problem(404, "no-camera");
    assert_eq!(own(&zones(&server)), ["gate"], "what was refused changed nothing");

    assert_eq!(server.stop(), Some(0));
    let server =
        Server::start(&models, &["--mining-watch", text(&dir.path().join("cameras.toml"))]);
    server.until("watching", |server| server.get(path).status == 200);
    assert_eq!(own(&zones(&server)), ["gate"], "they are kept");
}

#[test]
fn a_server_without_cameras_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&models(dir.path()), &[]);
    let list = server.get("/v1/cameras").expect(200).json();
    assert_eq!((&list["watching"], &list["cameras"]), (&json!(false), &json!([])));
    for path in ["/v1/events", "/v1/events/stream", "/v1/events/x"] {
        let said = server.get(path).problem(404, "no-cameras");
        assert!(said.contains("no cameras"), "{said}");
    }
    server.get("/v1/cameras/north/frame").problem(404, "no-camera");
    let page = server.get("/").expect(200);
    assert!(page.content_type.starts_with("text/html"));
    for asset in
        ["/base.css", "/page.css", "/page.js", "/language.js", "/api.js", "/zones.js", "/icon.svg"]
    {
        assert!(!server.get(asset).expect(200).body.is_empty(), "{asset}");
    }
}

#[test]
fn a_watch_that_cannot_start_is_told_of() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = models(dir.path());
    let config = cameras(dir.path());
    let wrong =
        std::fs::read_to_string(&config).unwrap().replace("tiny-detector", "absent-detector");
    std::fs::write(&config, wrong).unwrap();
    let mut command = serve_support::program();
    command.args(["serve", "--bind", "127.0.0.1:0", "--models-dir", text(&models)]);
    command.args(["--mining-watch", text(&dir.path().join("none.toml"))]);
    let output = command.output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("mining.watch"), "{output:?}");

    let server = Server::start_cold(&models, &["--mining-watch", text(&config)]);
    server.until("told", |server| server.get("/v1/cameras").json()["trouble"].is_string());
    let trouble = server.get("/v1/cameras").json()["trouble"].as_str().unwrap().to_owned();
    assert!(trouble.contains("absent-detector"), "{trouble}");
    let ready = server.get("/v2/health/ready");
    assert!(
        ready.status == 503 && String::from_utf8_lossy(&ready.body).contains("watch"),
        "{ready:?}"
    );
    server.get("/v1/events").problem(503, "watch-failed");
    // Pictures are looked at all the same.
    let bytes = png(&picture((32, 32), [200, 0, 0], 1));
    server.post("/v1/detect?model=tiny-detector", &bytes).expect(200);
}
