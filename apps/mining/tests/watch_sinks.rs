//! Outputs of `watch` that fail: a broker that is killed and comes back, a receiver of webhooks that is
//! down, busy or refuses, a file cut in the middle of a line.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod watch_support;

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use strata_mining::watch::event::Change;
use strata_mining::watch::sinks::{Backoff, hmac_sha256};
use strata_testkit::mqtt::{Message, Subscriber, brokers};
use strata_testkit::webhook::{Answer, Receiver};
use watch_support::*;

/// Makes an event and its end: two changes.
fn happen(rig: &Rig) {
    for _ in 0..6 {
        rig.show(0.8);
    }
    for _ in 0..8 {
        rig.show(0.0);
    }
}

fn keys(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| change.key.clone()).collect()
}

#[test]
fn a_broker_that_is_killed_gets_everything_when_it_is_back() {
    for mut broker in brokers().unwrap() {
        let name = broker.name();
        let dir = tempfile::tempdir().unwrap();
        let more =
            format!("[outputs.mqtt]\nurl = \"mqtt://{}\"\nprefix = \"mine/1\"\n", broker.address());
        // Slow enough that a subscriber is there first when the broker is back.
        let slow = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(1) };
        let rig = Rig::with(config(dir.path(), &more), 1_700_000_000_000, (None, slow));
        let first = Subscriber::connect(broker.address(), "mine/1/#").unwrap();
        let _ = first.wait(|seen| seen.iter().any(|m| m.topic == "mine/1/available"), PATIENCE);
        happen(&rig);
        let online = |m: &Message| m.topic == "mine/1/north/status" && m.text() == "online";
        let all = first.wait(
            |seen| on(seen, "mine/1/north/person").len() >= 2 && seen.iter().any(online),
            PATIENCE,
        );
        assert_eq!(on(&all, "mine/1/events"), keys(&rig.changes()), "{name}");
        assert_eq!(on(&all, "mine/1/north/person"), keys(&rig.changes()), "{name}");
        assert!(all.iter().any(online), "{name}");

        broker.kill();
        happen(&rig);
        happen(&rig);
        until("the loss is seen", || {
            rig.handle.status().unwrap().sinks[0].connected == Some(false)
        });
        let address = broker.address();
        let subscriber = std::thread::spawn(move || {
            loop {
                match Subscriber::connect(address, "mine/1/#") {
                    Ok(subscriber) => return subscriber,
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        broker.restart().unwrap();
        let second = subscriber.join().unwrap();
        until("the outbox is empty", || rig.handle.status().unwrap().sinks[0].counts.waiting == 0);
        let changes = rig.changes();
        assert_eq!(changes.len(), 6, "{name}");
        let summary = rig.finish();
        assert!(summary.delivered, "{name}");
        let late = second.wait(
            |seen| seen.iter().any(|m| m.topic == "mine/1/available" && m.text() == "offline"),
            PATIENCE,
        );
        // What the broker had not acknowledged may be there twice, in order each time.
        let mut got: Vec<String> = on(&all, "mine/1/events");
        got.extend(on(&late, "mine/1/events"));
        let unique: BTreeSet<&String> = got.iter().collect();
        let expected = keys(&changes);
        assert_eq!(unique, expected.iter().collect(), "{name}");
        let mut order = got.clone();
        order.dedup();
        order.retain({
            let mut seen = BTreeSet::new();
            move |key| seen.insert(key.clone())
        });
        assert_eq!(order, expected, "{name}");
    }
}

/// Keys of the changes that came on a topic.
fn on(seen: &[Message], topic: &str) -> Vec<String> {
    let of = |m: &&Message| m.topic == topic;
    let changes: Vec<Change> =
        seen.iter().filter(of).map(|m| serde_json::from_slice(&m.payload).unwrap()).collect();
    keys(&changes)
}

fn hooked(dir: &std::path::Path, receiver: &Receiver, more: &str) -> Rig {
    let url = receiver.url("/hook");
    Rig::new(config(dir, &format!("[outputs.webhook]\nurl = \"{url}\"\n{more}")))
}

#[test]
fn webhooks_are_tried_again_in_order_until_they_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    receiver.answer([
        Answer::Status(500),
        Answer::Close,
        Answer::RetryAfter(429, "30".to_owned()),
        Answer::Status(204),
    ]);
    let rig = hooked(dir.path(), &receiver, "headers = { X-Site = \"mine 1\" }\n");
    happen(&rig);
    until("three attempts failed", || {
        rig.clock.advance(20);
        receiver.received().len() >= 3
    });
    until("it is told", || rig.handle.status().unwrap().sinks[0].counts.attempts == 3);
    // The receiver asked for thirty seconds.
    rig.clock.advance(29_000);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(receiver.received().len(), 3);
    assert_eq!(rig.handle.status().unwrap().sinks[0].counts.waiting, 2);
    rig.clock.advance(1100);
    until("all is delivered", || rig.handle.status().unwrap().sinks[0].counts.delivered == 2);
    let changes = rig.changes();
    let received = receiver.received();
    let got: Vec<Change> =
        received.iter().map(|call| serde_json::from_slice(&call.body).unwrap()).collect();
    assert_eq!(got[..4].iter().map(|change| change.seq).collect::<Vec<_>>(), [1, 1, 1, 1]);
    assert_eq!((&got[4], received.len()), (&changes[1], 5));
    assert_eq!(received[4].head.header("idempotency-key"), Some(changes[1].key.as_str()));
    assert_eq!(received[4].head.header("x-site"), Some("mine 1"));
    assert!(rig.finish().delivered);
}

#[test]
fn a_refusal_is_final_and_a_change_that_waits_too_long_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    receiver.answer([Answer::Status(422), Answer::Status(503)]);
    let rig = hooked(dir.path(), &receiver, "give_up_hours = 1.0\n");
    happen(&rig);
    until("the second is tried", || {
        rig.clock.advance(10);
        rig.handle.status().unwrap().sinks[0].counts.attempts > 0
    });
    let counts = rig.handle.status().unwrap().sinks[0].counts.clone();
    assert_eq!((counts.refused, counts.waiting), (1, 1));
    rig.clock.advance(3_700_000);
    until("it is given up", || rig.handle.status().unwrap().sinks[0].counts.given_up == 1);
    assert!(rig.finish().delivered);
}

#[test]
fn bodies_are_signed_and_secrets_come_from_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    // `PATH` is set everywhere, and this test may not set what others read.
    let rig = hooked(dir.path(), &receiver, "secret_env = \"PATH\"\nonly_new = true\n");
    happen(&rig);
    let call = receiver.wait(1, PATIENCE)[0].clone();
    let time = call.head.header("x-strata-timestamp").unwrap();
    let key = std::env::var("PATH").unwrap();
    let expected = hmac_sha256(key.as_bytes(), &[time.as_bytes(), b".", &call.body]);
    let signature = call.head.header("x-strata-signature").unwrap();
    assert_eq!(signature, format!("sha256={expected}"));
    assert!(rig.finish().delivered);
    assert_eq!(receiver.received().len(), 1, "ends are not for it");
}

#[test]
fn a_variable_that_is_not_set_is_told_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let more = "[outputs.mqtt]\nurl = \"mqtt://127.0.0.1\"\nuser = \"u\"\npassword_env = \"STRATA_NOT_SET\"\n";
    let config = config(dir.path(), more);
    let refused = strata_mining::watch::sinks::build(&config.outputs, None).err().unwrap();
    let text = refused.to_string();
    assert!(
        text.contains("outputs.mqtt.password_env") && text.contains("STRATA_NOT_SET"),
        "{text}"
    );
}

#[test]
fn half_a_line_is_cut_off_and_no_line_is_there_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    let config = config(dir.path(), "[outputs]\njsonl = \"DIR/events.jsonl\"\n");
    let rig = Rig::new(config.clone());
    happen(&rig);
    rig.finish();
    // As if killed in the middle of the third line.
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"journal\":\"half").unwrap();
    drop(file);
    let rig = Rig::at(config.clone(), 1_700_000_100_000);
    happen(&rig);
    until("it is delivered", || rig.handle.status().unwrap().sinks[0].counts.waiting == 0);
    assert_eq!(lines(&path), rig.changes());
    // Another program, as one that rotates logs, takes the file away.
    std::fs::rename(&path, dir.path().join("old.jsonl")).unwrap();
    happen(&rig);
    until("it is delivered", || rig.handle.status().unwrap().sinks[0].counts.waiting == 0);
    assert_eq!(lines(&path), rig.changes()[4..]);
    rig.finish();
}

#[test]
fn a_file_that_is_ahead_of_the_journal_settles_it() {
    use strata_mining::watch::journal::{Journal, Retention};
    use strata_mining::watch::sinks::{JsonlSink, routes};
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "[outputs]\njsonl = \"DIR/events.jsonl\"\n");
    let path = dir.path().join("events.jsonl");
    let quiet = Rig::new({
        let mut quiet = config.clone();
        quiet.outputs.jsonl = None;
        quiet
    });
    happen(&quiet);
    let changes = quiet.changes();
    quiet.finish();
    let retention = Retention { age_ms: i64::MAX, events: 100, outbox: 100 };
    let journal =
        Journal::open(&config.outputs.journal.path, retention, routes(&config.outputs)).unwrap();
    let event = |change: &Change| strata_mining::watch::event::Transition {
        kind: change.kind,
        at_ms: 1_700_000_200_000,
        event: strata_mining::watch::event::Event { id: "0".to_owned(), ..change.event.clone() },
    };
    let made = journal.commit(&changes.iter().map(event).collect::<Vec<_>>()).unwrap();
    // The first line reached the disk, and the program was killed before it told the journal.
    std::fs::write(&path, serde_json::to_string(&made[0]).unwrap() + "\n").unwrap();
    let mut sink = JsonlSink::new(&path);
    assert_eq!(sink.deliver(&journal).unwrap(), 1);
    assert_eq!(sink.deliver(&journal).unwrap(), 0);
    assert_eq!(lines(&path), made);
    assert_eq!(journal.sink_counts().unwrap()[0].delivered, 2);
}
