//! Streams of events and films as clients see them: many, slow, gone, too many, and when the server
//! drains; and what runs beside the server.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::batching::Priority;
use strata_serve::keys::{self, NewKey, Scope};
use strata_serve::settings::ServerSettings;
use strata_serve::{Event, Nothing, Operation, Screen, Service, Stop, Topic};

use crate::app::{Server, Setup, until};
use crate::client::{self, Ask};

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Alarm {
    camera: u32,
    text: String,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default)]
    camera: Option<u32>,
}

/// Events that are kept and told.
#[derive(Clone)]
struct Journal {
    topic: Topic<Alarm>,
    all: Arc<Mutex<Vec<(u64, Alarm)>>>,
}

impl Journal {
    fn new(kept: usize) -> Self {
        Self { topic: Topic::new(kept), all: Arc::default() }
    }

    fn add(&self, id: u64, text: &str) {
        let alarm = Alarm { camera: (id % 2) as u32, text: text.to_owned() };
        let mut all = self.all.lock().unwrap();
        all.push((id, alarm.clone()));
        self.topic.publish("alarm", Some(id), alarm).unwrap();
    }
}

fn operations(journal: &Journal, screen: &Screen) -> Vec<Operation> {
    let (events, bare, screen) = (journal.clone(), journal.topic.clone(), screen.clone());
    vec![
        Operation::get("events", "/v1/events")
            .about("Test", "Events", "")
            .scope(Scope::Read)
            .streams(move |_, which: Which, last| {
                let wanted = move |alarm: &Alarm| which.camera.is_none_or(|c| c == alarm.camera);
                let live = events.topic.subscribe_to(wanted);
                let all = Arc::clone(&events.all);
                Ok(live.resume(last, move |after| {
                    let all = all.lock().unwrap();
                    let behind = all.iter().filter(|(id, alarm)| *id > after && wanted(alarm));
                    behind.take(10).map(|(id, a)| Event::new("alarm", Some(*id), a)).collect()
                }))
            }),
        Operation::get("bare", "/v1/bare")
            .about("Test", "Events without a journal", "")
            .streams(move |_, _: Nothing, _| Ok(bare.subscribe())),
        Operation::get("film", "/v1/film")
            .about("Test", "A film", "")
            .films(move |_, _: Nothing| Ok(screen.film(60.0))),
    ]
}

struct Stage {
    server: Server,
    journal: Journal,
    screen: Screen,
}

fn stage(kept: usize, change: impl FnOnce(&mut ServerSettings)) -> Stage {
    let (journal, screen) = (Journal::new(kept), Screen::new("image/jpeg"));
    let mut setup = Setup::with(change);
    setup.operations = operations(&journal, &screen);
    Stage { server: setup.start(), journal, screen }
}

/// A client of a stream.
struct Listener(BufReader<TcpStream>);

impl Listener {
    /// Opens a stream; the head and the greeting have come when it returns.
    fn open(server: &Server, ask: Ask) -> Self {
        let mut listener = Self::begin(server, ask, "text/event-stream");
        while !listener.line().contains(": open") {}
        listener
    }

    /// One for whom the system takes next to nothing in advance.
    fn slow(server: &Server, ask: Ask) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            socket.connect(server.address).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(client::SOON)).unwrap();
        let mut listener = Self::talk(stream, ask, "text/event-stream");
        while !listener.line().contains(": open") {}
        listener
    }

    fn begin(server: &Server, ask: Ask, kind: &str) -> Self {
        Self::talk(client::connect(server.address), ask, kind)
    }

    fn talk(mut stream: TcpStream, ask: Ask, kind: &str) -> Self {
        client::write(&mut stream, &ask.header("accept-encoding", "gzip").bytes());
        let mut listener = Self(BufReader::new(stream));
        let head = std::iter::from_fn(|| Some(listener.line()).filter(|line| !line.is_empty()));
        let head = head.collect::<Vec<_>>().join("\n").to_lowercase();
        assert!(
            head.contains(" 200 ") && head.contains(&format!("content-type: {kind}")),
            "{head}"
        );
        assert!(head.contains("cache-control: no-store"), "{head}");
        assert!(!head.contains("content-encoding"), "a stream is not packed: {head}");
        listener
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
        line.trim_end().to_owned()
    }

    fn ids(&mut self, count: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            ids.extend(self.line().strip_prefix("id: ").map(|id| id.parse::<u64>().unwrap()));
        }
        ids
    }

    /// Reads to the end, which must come soon and be a proper one.
    fn ends(mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"0\r\n\r\n"), "{:?}", String::from_utf8_lossy(&rest));
    }
}

fn open(server: &Server) -> Option<f64> {
    server.metric("strata_streams")
}

#[test]
fn many_listen_and_come_back_where_they_were() {
    let Stage { server, journal, .. } = stage(64, |_| ());
    let ask = || Ask::get("/v1/events");
    let mut many: Vec<_> = (0..60).map(|_| Listener::open(&server, ask())).collect();
    let mut odd = Listener::open(&server, Ask::get("/v1/events?camera=1"));
    assert_eq!(open(&server), Some(61.0));
    (1..=5).for_each(|id| journal.add(id, "tear"));
    for listener in &mut many {
        assert_eq!(listener.ids(5), [1, 2, 3, 4, 5]);
    }
    assert_eq!(odd.ids(3), [1, 3, 5]);
    drop(many);
    until("their places are free", || open(&server) == Some(1.0));
    assert_eq!(journal.topic.listeners(), 1);
    (6..=40).for_each(|id| journal.add(id, "tear"));
    let mut back = Listener::open(&server, ask().header("last-event-id", "5"));
    assert_eq!(back.ids(35), (6..=40).collect::<Vec<_>>());
    journal.add(41, "hole");
    assert_eq!(back.ids(1), [41]);
    for wrong in ["x", "-1", "1.5", "99999999999999999999999"] {
        let refused = server.send(&ask().header("last-event-id", wrong)).expect(400);
        assert_eq!(refused.json()["code"], "last-event-id");
    }
    server.get("/v1/events?colour=red").expect(422);
}

#[test]
fn no_thread_is_held_for_a_stream() {
    // As many streams as there are threads and places to compute, many times over.
    let Stage { server, journal, .. } = stage(64, |s| s.limits.concurrent = 1);
    let mut all: Vec<_> =
        (0..50).map(|_| Listener::open(&server, Ask::get("/v1/events"))).collect();
    server.get("/v1/sum/1?b=1").expect(200);
    journal.add(1, "tear");
    all.iter_mut().for_each(|listener| assert_eq!(listener.ids(1), [1]));
}

#[test]
fn too_many_are_refused_and_a_key_needs_the_scope() {
    let Stage { server, .. } = stage(64, |s| s.limits.streams = 2);
    let first = Listener::open(&server, Ask::get("/v1/events"));
    let _second = Listener::open(&server, Ask::get("/v1/bare"));
    let refused = server.get("/v1/events").expect(429);
    assert_eq!(refused.json()["code"], "too-many-streams");
    assert_eq!(refused.header("retry-after"), Some("5"));
    drop(first);
    until("a place is free", || open(&server) == Some(1.0));
    let _third = Listener::open(&server, Ask::get("/v1/events"));

    let mut setup = Setup::new();
    let file = setup.dir.path().join("keys.toml");
    let token = |name: &str, scope| {
        let scopes = vec![scope];
        let key = NewKey {
            name: name.to_owned(),
            scopes,
            rate: None,
            priority: Priority::Normal,
            labels: Vec::new(),
        };
        format!("Bearer {}", keys::create(&file, &key).unwrap())
    };
    let (reads, infers) = (token("reads", Scope::Read), token("infers", Scope::Infer));
    setup.settings.auth.keys_file = Some(file.clone());
    setup.operations = operations(&Journal::new(4), &Screen::new("image/jpeg"));
    let server = setup.listen();
    let with = |key: &str| Ask::get("/v1/events").header("authorization", key);
    server.send(&Ask::get("/v1/events")).expect(401);
    server.send(&with(&infers)).expect(403);
    drop(Listener::open(&server, with(&reads)));
}

#[test]
fn a_slow_client_misses_events_and_is_told_or_caught_up() {
    let Stage { server, journal, .. } = stage(8, |_| ());
    let mut bare = Listener::slow(&server, Ask::get("/v1/bare"));
    let mut kept = Listener::slow(&server, Ask::get("/v1/events").header("last-event-id", "0"));
    let text = "x".repeat(128 << 10);
    // More than the system's buffers between server and client hold.
    (1..=100).for_each(|id| journal.add(id, &text));
    let mut told = false;
    let mut last = 0;
    while last < 100 {
        let line = bare.line();
        told |= line == "event: lagged";
        if let Some(id) = line.strip_prefix("id: ") {
            last = id.parse().unwrap();
        }
    }
    assert!(told, "whoever reads too late misses some");
    assert_eq!(kept.ids(100), (1..=100).collect::<Vec<_>>(), "a journal has them all");
}

#[test]
fn a_client_that_takes_nothing_is_dropped() {
    let Stage { server, journal, .. } = stage(8, |s| s.server.reply_timeout_s = 1);
    let _stuck = Listener::slow(&server, Ask::get("/v1/bare"));
    let text = "x".repeat(128 << 10);
    let started = Instant::now();
    let mut id = 0;
    until("its place is free", || {
        id += 1;
        journal.add(id, &text);
        journal.all.lock().unwrap().clear();
        open(&server) == Some(0.0)
    });
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn streams_end_when_the_server_drains() {
    let Stage { mut server, journal, screen } = stage(64, |_| ());
    screen.show(&b"picture"[..]);
    let events = Listener::open(&server, Ask::get("/v1/events").keep());
    let film = Listener::begin(&server, Ask::get("/v1/film"), "multipart/x-mixed-replace");
    journal.add(1, "tear");
    let started = Instant::now();
    let running = server.running.take().unwrap();
    running.stop();
    let ends = std::thread::spawn(move || film.ends());
    let mut events = events;
    assert_eq!(events.ids(1), [1]);
    running.wait().unwrap();
    ends.join().unwrap();
    events.ends();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_film_shows_the_newest_picture() {
    let Stage { server, screen, .. } = stage(64, |_| ());
    screen.show(&b"first"[..]);
    let mut film = Listener::begin(&server, Ask::get("/v1/film"), "multipart/x-mixed-replace");
    while film.line() != "first" {}
    screen.show(&b"second"[..]);
    while film.line() != "second" {}
    assert_eq!(screen.watchers(), 1);
    drop(film);
    until("nobody watches", || screen.watchers() == 0);
}

#[test]
fn the_document_describes_streams() {
    let Stage { server, .. } = stage(64, |_| ());
    let document = server.get("/openapi.json").expect(200).json();
    let events = &document["paths"]["/v1/events"]["get"];
    let content = &events["responses"]["200"]["content"]["text/event-stream"];
    assert_eq!(content["x-strata-event"]["$ref"], "#/components/schemas/Alarm");
    assert!(document["components"]["schemas"]["Alarm"]["properties"]["camera"].is_object());
    let names: Vec<_> =
        events["parameters"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["camera", "last-event-id"]);
    assert_eq!(events["x-strata-scope"], "read");
}

/// Counts until it is told to stop, or fails.
struct Watch(Arc<AtomicBool>, Option<&'static str>);

impl Service for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn run(self: Box<Self>, stop: &Stop) -> Result<(), String> {
        if let Some(why) = self.1 {
            return Err(why.to_owned());
        }
        while !stop.wait(Duration::from_millis(1)) {}
        // What it still has to do is waited for.
        std::thread::sleep(Duration::from_millis(100));
        self.0.store(true, Ordering::Release);
        Ok(())
    }
}

#[test]
fn services_run_beside_the_server_and_end_with_it() {
    let ended = Arc::new(AtomicBool::new(false));
    let mut setup = Setup::new();
    setup.services = vec![Box::new(Watch(Arc::clone(&ended), None))];
    let mut server = setup.start();
    let running = server.running.take().unwrap();
    running.stop();
    running.wait().unwrap();
    assert!(ended.load(Ordering::Acquire), "it was waited for");

    let mut setup = Setup::new();
    setup.services = vec![Box::new(Watch(ended, Some("the camera is gone")))];
    let server = setup.listen();
    until("it is said", || {
        server.running().readiness().1.iter().any(|w| w.contains("camera is gone"))
    });
    server.get("/v1/sum/1?b=1").expect(200);
}
