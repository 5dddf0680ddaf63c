//! `watch` is killed at random moments, again and again: the journal loses nothing and has nothing twice,
//! the file of events has every change exactly once, the broker has each at least once and was told that
//! the program is gone.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod watch_support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use strata_mining::watch::event::{Change, ChangeKind, EndReason};
use strata_mining::watch::journal::{Journal, Retention};
use strata_mining::watch::{Setup, WatchConfig, start};
use strata_testkit::kill::{Dice, Ended, kill_after};
use strata_testkit::mqtt::{Broker, Message, Subscriber, brokers};
use watch_support::*;

const DIR: &str = "STRATA_WATCH_KILL_DIR";
const BROKER: &str = "STRATA_WATCH_KILL_BROKER";

fn killed_config(dir: &Path, broker: &str) -> WatchConfig {
    let more = format!(
        "[outputs]\njsonl = \"DIR/events.jsonl\"\n\
         [outputs.mqtt]\nurl = \"mqtt://{broker}\"\nprefix = \"killed\"\n"
    );
    let mut config = config(dir, &more);
    let rule = &mut config.rules[0];
    (rule.min_duration, rule.end_after, rule.min_frames) = (0.01, 0.02, 1);
    config.scenes[0].track.lost_seconds = Some(0.02);
    config
}

/// Not a test of its own: the program that is killed. Things come and go as fast as they can.
#[test]
fn child() {
    let (Ok(dir), Ok(broker)) = (std::env::var(DIR), std::env::var(BROKER)) else { return };
    let feeds = Arc::new(Feeds::default());
    let north = feeds.add("north");
    let setup = Setup::new(killed_config(Path::new(&dir), &broker), feeds as _);
    let watcher = start(setup, &Factory(Arc::default())).unwrap();
    for n in 0_u64.. {
        let score = if n % 20 < 10 { 0.9 } else { 0.0 };
        if north.send(Item::Frame(frame(score, 50))).is_err()
            || watcher.wait(Duration::from_millis(6))
        {
            break;
        }
    }
}

#[test]
fn nothing_is_lost_and_nothing_doubled_by_kills() {
    for broker in brokers().unwrap() {
        kills(&broker);
    }
}

fn kills(broker: &Broker) {
    let dir = tempfile::tempdir().unwrap();
    let address = broker.address().to_string();
    let listener = Subscriber::connect(broker.address(), "killed/#").unwrap();
    let (mut dice, seed) = Dice::from_clock();
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "child", "--nocapture"]).env(DIR, dir.path()).env(BROKER, &address);
        child.stdout(Stdio::null());
        let ended = if round % 2 == 0 {
            kill_at_work(&mut child, &dir.path().join("events.jsonl"), &mut dice)
        } else {
            // While it starts, and puts in order what the kill before left.
            kill_after(&mut child, dice.moment(Duration::from_millis(400))).unwrap()
        };
        assert_eq!(ended, Ended::Killed, "none ends by itself, seed {seed}");
    }
    // A last run puts everything in order and delivers what waits.
    let config = killed_config(dir.path(), &address);
    let feeds = Arc::new(Feeds::default());
    let north = feeds.add("north");
    let setup = Setup::new(config.clone(), Arc::clone(&feeds) as _);
    let watcher = start(setup, &Factory(Arc::default())).unwrap();
    until("it is opened", || feeds.opened.load(Ordering::Relaxed) > 0);
    let summary = watcher.finish().unwrap();
    assert!(summary.delivered, "seed {seed}: {:?}", summary.status.sinks);
    drop(north);

    let retention = Retention { age_ms: i64::MAX, events: u64::MAX, outbox: u64::MAX };
    let journal = Journal::open(&config.outputs.journal.path, retention, Vec::new()).unwrap();
    let changes = journal.changes_after(0, u32::MAX).unwrap();
    check_journal(&changes, seed);
    assert_eq!(lines(&dir.path().join("events.jsonl")), changes, "seed {seed}");
    let expected: BTreeSet<String> = changes.iter().map(|change| change.key.clone()).collect();
    let seen = listener.wait(|seen| keys(seen) == expected, PATIENCE);
    assert_eq!(keys(&seen), expected, "{} seed {seed}", broker.name());
    // Whoever said that it is there was followed by a last will or a clean end that it is gone.
    let said = |seen: &[Message]| -> Vec<String> {
        seen.iter().filter(|m| m.topic == "killed/available").map(Message::text).collect()
    };
    let gone = |seen: &[Message]| {
        let said = said(seen);
        let count = |what| said.iter().filter(|text| *text == what).count();
        count("online") > 1
            && count("offline") >= count("online")
            && said.last().is_some_and(|text| text == "offline")
    };
    let seen = listener.wait(gone, PATIENCE);
    assert!(gone(&seen), "{} seed {seed}: {:?}", broker.name(), said(&seen));
}

/// Kills a program at a random moment after it has delivered two more events.
fn kill_at_work(command: &mut Command, file: &Path, dice: &mut Dice) -> Ended {
    let count = || lines_in(file);
    let before = count();
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    until("two events are delivered", || count() >= before + 4);
    std::thread::sleep(dice.moment(Duration::from_millis(100)));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    if status.code().is_some() { Ended::ByItself(status) } else { Ended::Killed }
}

/// Whole lines of a file that another program is writing.
fn lines_in(file: &Path) -> usize {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn keys(seen: &[Message]) -> BTreeSet<String> {
    let events = seen.iter().filter(|message| message.topic == "killed/events");
    let changes = events.map(|message| serde_json::from_slice::<Change>(&message.payload).unwrap());
    changes.map(|change| change.key).collect()
}

/// Numbers without a gap; every event with one beginning and one end, in their order.
fn check_journal(changes: &[Change], seed: u64) {
    let mut events: BTreeMap<&str, Vec<(ChangeKind, u32)>> = BTreeMap::new();
    for (n, change) in changes.iter().enumerate() {
        assert_eq!(change.seq, n as u64 + 1, "seed {seed}");
        events.entry(&change.event.id).or_default().push((change.kind, change.sequence));
    }
    for (id, kinds) in &events {
        let count = |kind| kinds.iter().filter(|(k, _)| *k == kind).count();
        assert_eq!((count(ChangeKind::New), count(ChangeKind::End)), (1, 1), "{id} seed {seed}");
        assert_eq!((kinds[0].0, kinds.last().unwrap().0), (ChangeKind::New, ChangeKind::End));
        let numbers: Vec<u32> = kinds.iter().map(|(_, n)| *n).collect();
        assert_eq!(numbers, (1..=kinds.len() as u32).collect::<Vec<_>>(), "{id} seed {seed}");
    }
    let interrupted =
        changes.iter().filter(|c| c.event.reason == Some(EndReason::Interrupted)).count();
    eprintln!("{} changes of {} events, {interrupted} interrupted", changes.len(), events.len());
    assert!(events.len() > 3, "seed {seed}");
}
