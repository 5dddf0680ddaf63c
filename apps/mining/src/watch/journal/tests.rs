//! The journal: what a change writes, what a restart finds, what is kept.

use super::*;

const RETENTION: Retention = Retention { age_ms: 1_000_000, events: 1000, outbox: 1000 };

fn route(sink: &str) -> Route {
    let sink = sink.to_owned();
    Route { sink, min_severity: Severity::Detection, only_new: false, cooldown_ms: 0 }
}

fn event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        camera: "north".to_owned(),
        scene: "belt".to_owned(),
        rule: "hole".to_owned(),
        zone: None,
        class: "hole".to_owned(),
        severity: Severity::Alert,
        track: Some(3),
        started: rfc3339(1000),
        ended: None,
        reason: None,
        top_score: 0.75,
        median_score: 0.5,
        bbox: Some([1.0, 2.0, 3.0, 4.0]),
        frame: [640, 480],
        snapshot: None,
        clip: None,
        model: "belt-damage 1".to_owned(),
    }
}

fn step(kind: ChangeKind, at_ms: i64, event: Event) -> Transition {
    Transition { kind, at_ms, event }
}

fn seqs(journal: &Journal, sink: &str) -> Vec<u64> {
    journal.outbox(sink, 0, 100).unwrap().iter().map(|delivery| delivery.change.seq).collect()
}

#[test]
fn a_change_is_numbered_kept_and_queued_for_every_sink() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new folder/events.sqlite");
    let routes = vec![route("file"), Route { only_new: true, ..route("hook") }];
    let journal = Journal::open(&path, RETENTION, routes.clone()).unwrap();
    let made = journal
        .commit(&[
            step(ChangeKind::New, 1000, event("a")),
            step(ChangeKind::New, 1001, event("b")),
            step(ChangeKind::Update, 1002, event("a")),
        ])
        .unwrap();
    let keys: Vec<_> = made.iter().map(|change| (change.seq, change.key.as_str())).collect();
    assert_eq!(keys, [(1, "a:1"), (2, "b:1"), (3, "a:2")]);
    assert_eq!(journal.changes_after(0, 10).unwrap(), made);
    assert_eq!(journal.changes_after(1, 1).unwrap(), made[1..2]);
    assert_eq!((seqs(&journal, "file"), seqs(&journal, "hook")), (vec![1, 2, 3], vec![1, 2]));
    journal.delivered("file", &[1, 2, 2]).unwrap();
    journal.failed("hook", 1, 9000, "refused").unwrap();
    let name = journal.name().to_owned();
    drop(journal);

    let journal = Journal::open(&path, RETENTION, routes).unwrap();
    assert_eq!((journal.name(), journal.latest()), (name.as_str(), 3));
    assert_eq!(seqs(&journal, "file"), [3]);
    let waiting = journal.outbox("hook", 0, 1).unwrap();
    assert_eq!((waiting[0].attempts, waiting[0].due_ms, waiting[0].since_ms), (1, 9000, 1000));
    let counts = journal.sink_counts().unwrap();
    assert_eq!((counts[0].delivered, counts[0].waiting), (2, 1));
    assert_eq!((counts[1].attempts, counts[1].error.as_deref()), (1, Some("refused")));
}

#[test]
fn open_events_are_ended_once_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.sqlite");
    let journal = Journal::open(&path, RETENTION, vec![route("file")]).unwrap();
    let ended = Event { ended: Some(rfc3339(1500)), ..event("b") };
    journal
        .commit(&[
            step(ChangeKind::New, 1000, event("a")),
            step(ChangeKind::New, 1000, event("b")),
            step(ChangeKind::End, 1500, ended),
        ])
        .unwrap();
    let twice = Journal::open(&path, RETENTION, Vec::new()).unwrap_err().to_string();
    assert!(twice.contains("another program"), "{twice}");
    // Nothing is done when it is dropped: a kill leaves no less.
    drop(journal);
    let again = Journal::open(&path, RETENTION, vec![route("file")]).unwrap();
    let made = again.interrupt_open(2000).unwrap();
    assert_eq!((made.len(), made[0].key.as_str()), (1, "a:2"));
    assert_eq!(made[0].event.reason, Some(EndReason::Interrupted));
    assert_eq!(again.interrupt_open(2001).unwrap(), []);
    assert_eq!(again.fired().unwrap(), [(("hole".into(), String::new(), "north".into()), 1000)]);
}

#[test]
fn a_batch_is_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.sqlite");
    let journal = Journal::open(&path, RETENTION, vec![route("file")]).unwrap();
    lock(&journal.writer)
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON changes WHEN new.event = 'c' \
             BEGIN SELECT raise(ABORT, 'disk full'); END",
        )
        .unwrap();
    let batch = [step(ChangeKind::New, 1, event("a")), step(ChangeKind::New, 1, event("c"))];
    assert!(journal.commit(&batch).is_err());
    assert_eq!((journal.changes_after(0, 10).unwrap(), seqs(&journal, "file")), (vec![], vec![]));
    assert_eq!(journal.latest(), 0);
    assert_eq!(journal.commit(&batch[..1]).unwrap().len(), 1);
}

#[test]
fn severity_and_cooldown_decide_for_the_whole_event() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.sqlite");
    let alerts = Route { min_severity: Severity::Alert, ..route("alerts") };
    let calm = Route { cooldown_ms: 500, ..route("calm") };
    let journal = Journal::open(&path, RETENTION, vec![alerts, calm]).unwrap();
    let quiet = Event { severity: Severity::Detection, ..event("q") };
    let other = Event { camera: "south".to_owned(), ..event("s") };
    journal
        .commit(&[
            step(ChangeKind::New, 1000, event("a")),
            step(ChangeKind::New, 1400, event("muted")),
            step(ChangeKind::Update, 1600, event("muted")),
            step(ChangeKind::New, 1450, other),
            step(ChangeKind::New, 1500, quiet.clone()),
            step(ChangeKind::End, 1700, quiet),
        ])
        .unwrap();
    assert_eq!(seqs(&journal, "alerts"), [1, 2, 3, 4]);
    assert_eq!(seqs(&journal, "calm"), [1, 4, 5, 6]);
    let counts = journal.sink_counts().unwrap();
    assert_eq!((counts[0].muted, counts[1].muted), (0, 1));
}

#[test]
fn the_journal_is_bounded_and_keeps_what_is_open_or_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.sqlite");
    let retention = Retention { age_ms: 1000, events: 4, outbox: 3 };
    let journal = Journal::open(&path, retention, vec![route("file")]).unwrap();
    for n in 0..10 {
        let id = format!("{n}");
        journal.commit(&[step(ChangeKind::New, 100 * n, event(&id))]).unwrap();
        if n != 2 {
            let over = Event { ended: Some(rfc3339(100 * n)), ..event(&id) };
            journal.commit(&[step(ChangeKind::End, 100 * n, over)]).unwrap();
        }
    }
    // Three changes wait: both of event 9, one of event 8.
    assert_eq!(journal.sink_counts().unwrap()[0].given_up, 16);
    let gone = journal.prune(900).unwrap();
    assert_eq!(gone.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["0", "1", "3", "4", "5"]);
    let gone = journal.prune(100_000).unwrap();
    assert_eq!(gone.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["6", "7"]);
    let page = journal.events(&EventQuery::default()).unwrap();
    assert_eq!(page.events.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["9", "8", "2"]);
    journal.settle("file", 19).unwrap();
    assert_eq!(journal.prune(100_000).unwrap().len(), 2);
    assert_eq!(journal.sink_counts().unwrap()[0].delivered, 3);
    assert_eq!((journal.latest(), journal.changes_after(0, 100).unwrap().len()), (19, 1));
}

#[test]
fn pages_follow_each_other_and_filters_hold() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(&dir.path().join("e.sqlite"), RETENTION, Vec::new()).unwrap();
    for n in 0..25 {
        let camera = if n % 2 == 0 { "north" } else { "south" };
        let severity = if n % 3 == 0 { Severity::Alert } else { Severity::Detection };
        let event = Event { camera: camera.to_owned(), severity, ..event(&format!("{n:02}")) };
        journal.commit(&[step(ChangeKind::New, n, event)]).unwrap();
    }
    let mut query = EventQuery { limit: Some(10), ..EventQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = journal.events(&query).unwrap();
        seen.extend(page.events.into_iter().map(|event| event.id));
        let Some(next) = page.next else { break };
        query.before = Some(next);
    }
    assert_eq!(seen, (0..25).rev().map(|n| format!("{n:02}")).collect::<Vec<_>>());
    let query = EventQuery {
        camera: Some("south".to_owned()),
        min_severity: Some(Severity::Alert),
        from_ms: Some(4),
        to_ms: Some(21),
        open: true,
        ..EventQuery::default()
    };
    let page = journal.events(&query).unwrap();
    assert_eq!(page.events.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["15", "09"]);
    assert_eq!((page.next, journal.event("15").unwrap().map(|e| e.id)), (None, Some("15".into())));
    let injected = EventQuery { camera: Some("' OR 1 --".to_owned()), ..EventQuery::default() };
    assert!(journal.events(&injected).unwrap().events.is_empty());
}

#[test]
fn foreign_and_newer_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.sqlite");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let refused = Journal::open(&path, RETENTION, Vec::new()).unwrap_err();
    assert!(refused.to_string().contains("another program"), "{refused}");
    let path = dir.path().join("noise.sqlite");
    std::fs::write(&path, [7_u8; 5000]).unwrap();
    assert!(Journal::open(&path, RETENTION, Vec::new()).is_err());
}

#[test]
fn waiting_ends_with_a_change_or_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(&dir.path().join("e.sqlite"), RETENTION, Vec::new()).unwrap();
    assert_eq!(journal.wait(0, Duration::from_millis(5)), 0);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| journal.wait(0, Duration::from_secs(20)));
        journal.commit(&[step(ChangeKind::New, 1, event("a"))]).unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
    });
}
