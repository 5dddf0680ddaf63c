//! The engine of `watch` with streams fed by hand and a clock set by hand: events, shared passes,
//! streams that stall, die, panic and change their size, bounded queues, live pictures and zones.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod watch_support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use strata_mining::watch::config::{Units, ZoneConfig, Zones};
use strata_mining::watch::event::{ChangeKind, EndReason};
use strata_mining::watch::health::CameraState;
use strata_mining::watch::journal::EventQuery;
use strata_mining::watch::{Plan, WatchError};
use strata_vision::geometry::Size;
use strata_vision::video::{VideoLimits, open_video};
use watch_support::*;

use ChangeKind::{End, New};

#[test]
fn a_thing_makes_one_event_with_snapshot_clip_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let outputs = "[outputs]\njsonl = \"DIR/events.jsonl\"\n\
        snapshots = { dir = \"DIR/snapshots\" }\n\
        clips = { dir = \"DIR/clips\", before = 0.5, after = 0.5 }\n";
    let rig = Rig::new(config(dir.path(), outputs));
    let mut subscription = rig.handle.subscribe(None);
    for _ in 0..3 {
        rig.show(0.0);
    }
    for _ in 0..10 {
        rig.show(0.8);
    }
    let changes = subscription.next(PATIENCE).unwrap();
    let event = &changes[0].event;
    assert_eq!((changes.len(), changes[0].kind, changes[0].seq), (1, New, 1));
    assert_eq!((event.class.as_str(), event.scene.as_str()), ("person", "people"));
    // The frame that is looked at last is the one shown live, box and all.
    let live = rig.handle.live("north", 0, (80, 90)).unwrap().unwrap();
    assert!(live.jpeg.starts_with(&[0xff, 0xd8]) && live.number == 13);
    assert!(rig.handle.live("north", 13, (80, 90)).unwrap().is_none());
    assert!(rig.handle.live("south", 0, (80, 90)).unwrap().is_none());
    let status = rig.handle.status().unwrap();
    let north = &status.cameras[0];
    assert_eq!((north.state, north.analysed, north.open_events), (CameraState::Online, 13, 1));
    assert!(north.latency.p95_ms > 0.0 && north.size == Some([160, 120]));
    for _ in 0..8 {
        rig.show(0.0);
    }
    assert_eq!(rig.kinds(), [New, End]);
    let page = rig.handle.events(&EventQuery::default()).unwrap();
    let event = page.events[0].clone();
    assert_eq!(event.reason, Some(EndReason::Gone));
    let (snapshot, clip) =
        (rig.handle.snapshot_path(&event).unwrap(), rig.handle.clip_path(&event).unwrap());
    let all = rig.changes();
    let summary = rig.finish();
    assert!(summary.delivered && summary.changes == 2 && summary.overall.max_ms > 0.0);
    assert_eq!(lines(&dir.path().join("events.jsonl")), all);
    assert!(std::fs::read(snapshot).unwrap().starts_with(&[0xff, 0xd8]));
    let mut clip = open_video(&clip, &VideoLimits::default()).unwrap();
    let mut frames = 0;
    while clip.next_frame().unwrap().is_some() {
        frames += 1;
    }
    assert!((8..=12).contains(&frames), "half a second before and after at ten a second: {frames}");
}

#[test]
fn scenes_share_passes_and_each_is_run_once() {
    let dir = tempfile::tempdir().unwrap();
    let more = r#"
[[rule]]
name = "strange"
when = "anomaly"
min_duration = 0.0
min_frames = 1
[[scene]]
name = "again"
model = "eyes"
rules = ["person"]
[[scene]]
name = "tiled"
model = "eyes"
tile = 64
rules = ["person"]
[[scene]]
name = "strict"
bank = "DIR/strict.bank"
rules = ["strange"]
[[scene]]
name = "mild"
bank = "DIR/mild.bank"
rules = ["strange"]
"#;
    let config = config(dir.path(), more);
    let factory = Factory(std::sync::Arc::default());
    let plan = Plan::new(&config, &factory).unwrap();
    assert_eq!((plan.passes.len(), plan.load()), (3, (600.0, 1000.0)));
    assert!(plan.to_string().contains("pass 3: backbone 1, for strict, mild"), "{plan}");
    assert_eq!(factory.0.loads.load(Ordering::Relaxed), 0, "planning loads no model");
    let rig = Rig::new(config);
    assert_eq!(rig.models.loads.load(Ordering::Relaxed), 3);
    for _ in 0..5 {
        rig.show(0.4);
    }
    assert_eq!(rig.models.runs.load(Ordering::Relaxed), 15, "three passes for five scenes");
    let changes = rig.changes();
    assert_eq!(changes.len(), 1, "0.4 is an anomaly for the strict bank, and no sure person");
    let event = &changes[0].event;
    assert_eq!((event.scene.as_str(), event.class.as_str()), ("strict", "anomaly"));
    assert!((event.top_score - 0.8).abs() < 0.01 && event.bbox == Some([0.0, 0.0, 160.0, 120.0]));
    let status = rig.handle.status().unwrap();
    assert_eq!(status.passes[0].scenes, ["people", "again"]);
    assert_eq!((status.passes[0].runs, status.passes[2].frames), (5, 5));
    assert_eq!(rig.finish().status.cameras[0].open_events, 0);
}

#[test]
fn a_rule_with_a_class_that_the_model_does_not_know_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "");
    config.rules[0].classes = vec!["persn".to_owned()];
    let refused = Plan::new(&config, &Factory(std::sync::Arc::default())).unwrap_err();
    let expected =
        "scene \"people\": rule \"person\" names the class \"persn\", and eyes knows hole, person";
    assert!(
        matches!(refused, WatchError::Scene { .. }) && refused.to_string() == expected,
        "{refused}"
    );
}

#[test]
fn a_stalled_stream_ends_its_events_and_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::new(config(dir.path(), ""));
    for _ in 0..6 {
        rig.show(0.8);
    }
    assert_eq!(rig.kinds(), [New]);
    rig.clock.advance(19_000);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(rig.handle.status().unwrap().cameras[0].stalls, 0);
    rig.clock.advance(1500);
    until("the stall is seen", || rig.handle.status().unwrap().cameras[0].stalls == 1);
    until("the event is ended", || rig.kinds() == [New, End]);
    assert_eq!(rig.changes()[1].event.reason, Some(EndReason::Camera));
    rig.clock.advance(1000);
    until("it is opened anew", || rig.feeds.opened.load(Ordering::Relaxed) == 2);
    for _ in 0..6 {
        rig.show(0.8);
    }
    let north = rig.handle.status().unwrap().cameras[0].clone();
    assert_eq!((north.state, north.restarts, north.error), (CameraState::Online, 1, None));
    assert_eq!(rig.kinds(), [New, End, New], "another track, another event");
    rig.finish();
}

#[test]
fn readers_and_models_that_panic_are_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::new(config(dir.path(), ""));
    rig.show(0.8);
    for (n, item) in [Item::Panic, Item::Fail("cable"), Item::End].into_iter().enumerate() {
        rig.north.send(item).unwrap();
        until("the reader is gone", || {
            rig.handle.status().unwrap().cameras[0].state != CameraState::Online
        });
        until("it is opened anew", || {
            rig.clock.advance(10);
            rig.feeds.opened.load(Ordering::Relaxed) == n as u64 + 2
        });
        rig.show(0.8);
        assert_eq!(rig.handle.status().unwrap().cameras[0].state, CameraState::Online);
    }
    rig.models.panics.store(true, Ordering::Relaxed);
    rig.show(0.8);
    rig.models.panics.store(false, Ordering::Relaxed);
    let failed = rig.handle.status().unwrap();
    assert_eq!((failed.cameras[0].failed, failed.passes[0].failures), (1, 1));
    for _ in 0..6 {
        rig.show(0.8);
    }
    assert_eq!(rig.kinds(), [New]);
    assert_eq!(rig.finish().status.cameras[0].restarts, 3);
}

#[test]
fn a_dying_camera_leaves_the_others_alone() {
    let dir = tempfile::tempdir().unwrap();
    let more = "[[camera]]\nname = \"south\"\nsource = \"rtsp://nowhere\"\nstall_seconds = 1.0\n";
    let rig = Rig::new(config(dir.path(), more));
    until("it counts as dead", || {
        rig.clock.advance(5);
        rig.handle.camera_states()[1].1 == CameraState::Dead
    });
    let error = rig.handle.status().unwrap().cameras[1].error.clone();
    assert_eq!(error.as_deref(), Some("no such stream"));
    for _ in 0..6 {
        rig.show(0.8);
    }
    assert_eq!(rig.kinds(), [New]);
    rig.finish();
}

#[test]
fn another_size_ends_events_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::new(config(dir.path(), ""));
    for _ in 0..6 {
        rig.show(0.8);
    }
    for _ in 0..6 {
        rig.show_image(frame_of(Size::new(320, 240), 0.8, 50));
    }
    assert_eq!(rig.kinds(), [New, End, New]);
    let changes = rig.changes();
    assert_eq!(changes[1].event.reason, Some(EndReason::Camera));
    assert_eq!((changes[0].event.frame, changes[2].event.frame), ([160, 120], [320, 240]));
    rig.finish();
}

#[test]
fn a_flood_is_dropped_and_counted_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::new(config(dir.path(), ""));
    let gate = std::sync::Arc::clone(&rig.models.gate);
    let held = gate.lock().unwrap();
    for n in 1..=500 {
        rig.north.send(Item::Frame(frame(0.8, 50))).unwrap();
        until("it has come", || rig.handle.status().unwrap().cameras[0].received == n);
        rig.clock.advance(20);
    }
    let north = rig.handle.status().unwrap().cameras[0].clone();
    assert_eq!((north.waiting, north.analysed), (16, 0));
    assert_eq!(north.dropped, 500 - 16 - 1, "one is with the worker");
    assert!(north.dropped_fps > 10.0);
    drop(held);
    until("the rest is looked at", || rig.handle.status().unwrap().cameras[0].analysed == 17);
    rig.finish();
}

#[test]
fn zones_are_edited_while_it_runs_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let more =
        "[[zone]]\nname = \"door\"\npolygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]\n";
    let mut config = config(dir.path(), more);
    config.rules[0].zone = Some("door".to_owned());
    let path = dir.path().join("watch.zones.toml");
    let rig = Rig::with(config, 1_700_000_000_000, (Some(path.clone()), QUICK));
    for _ in 0..6 {
        rig.show(0.8);
    }
    assert_eq!(rig.kinds(), [New]);
    let zone = |corner: f32| ZoneConfig {
        name: "door".to_owned(),
        camera: None,
        polygon: Some(vec![[0.0, 0.0], [corner, 0.0], [corner, corner], [0.0, corner]]),
        line: None,
        units: Units::Relative,
    };
    let line = Some([[0.0, 0.0], [1.0, 1.0]]);
    let wrong = ZoneConfig { polygon: None, line, ..zone(0.0) };
    let refused = rig.handle.edit_zones(vec![wrong], &[]).unwrap_err().to_string();
    assert!(refused.contains("needs a polygon") && !path.exists(), "{refused}");
    rig.handle.edit_zones(vec![zone(0.2)], &[]).unwrap();
    assert_eq!(rig.kinds(), [New, End]);
    assert_eq!(rig.changes()[1].event.reason, Some(EndReason::Changed));
    for _ in 0..6 {
        rig.show(0.8);
    }
    assert_eq!(rig.kinds().len(), 2, "nothing is in the small zone");
    assert_eq!(Zones::read(&path).unwrap().all, [zone(0.2)]);
    assert_eq!(rig.handle.zones(), [zone(0.2)]);
    let written = rig.handle.edit_zones(Vec::new(), &[("door".to_owned(), None)]).unwrap_err();
    assert!(written.to_string().contains("configuration file"), "{written}");
    rig.finish();
}

#[test]
fn a_stop_ends_events_and_a_restart_keeps_the_cooldown() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "[outputs]\njsonl = \"DIR/events.jsonl\"\n");
    config.rules[0].cooldown = 60.0;
    let rig = Rig::new(config.clone());
    for _ in 0..6 {
        rig.show(0.8);
    }
    let handle = rig.handle.clone();
    let mut subscription = handle.subscribe(Some(1));
    handle.stop();
    let summary = rig.finish();
    assert!(summary.delivered && subscription.is_over());
    let last = subscription.next(Duration::ZERO).unwrap();
    assert_eq!((last.len(), last[0].event.reason), (1, Some(EndReason::Stopped)));
    drop((handle, subscription));
    let again = Rig::at(config, 1_700_000_000_000 + 10_000);
    for _ in 0..6 {
        again.show(0.8);
    }
    assert_eq!(
        (again.kinds(), again.handle.status().unwrap().cameras[0].suppressed > 0),
        (vec![New, End], true)
    );
    // In steps that are no stall.
    for _ in 0..5 {
        again.clock.advance(15_000);
        again.show(0.0);
    }
    for _ in 0..6 {
        again.show(0.8);
    }
    assert_eq!(again.kinds(), [New, End, New]);
    again.finish();
    let keys: Vec<_> = lines(&dir.path().join("events.jsonl")).into_iter().map(|l| l.seq).collect();
    assert_eq!(keys, [1, 2, 3, 4]);
}

#[test]
fn recordings_that_are_through_end_the_watch() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "");
    config.cameras[0].source = "clip.avi".to_owned();
    let mut rig = Rig::new(config);
    for _ in 0..6 {
        rig.show(0.8);
    }
    rig.north.send(Item::End).unwrap();
    let watcher = rig.watcher.take().unwrap();
    assert!(watcher.wait(PATIENCE));
    let summary = watcher.finish().unwrap();
    assert_eq!(summary.status.cameras[0].state, CameraState::Ended);
    assert_eq!(rig.kinds(), [New, End]);
}
