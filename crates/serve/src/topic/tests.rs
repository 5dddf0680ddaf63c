//! Tests of events: how they are written, who is sent what, and what a slow client gets.

use std::sync::Mutex;
use std::time::Duration;

use super::*;

#[derive(Debug, Clone, Serialize)]
struct Seen {
    camera: u32,
    text: &'static str,
}

fn seen(camera: u32) -> Seen {
    Seen { camera, text: "tear\nin the belt" }
}

async fn next(feed: &mut Feed) -> String {
    let piece = tokio::time::timeout(Duration::from_secs(20), feed.pieces.next()).await;
    String::from_utf8(piece.expect("in time").expect("not the end").to_vec()).unwrap()
}

/// The ids of the next events.
async fn ids(feed: &mut Feed, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let text = next(feed).await;
        let id = text.lines().find_map(|line| line.strip_prefix("id: "));
        ids.push(id.unwrap_or_else(|| panic!("no id: {text}")).parse().unwrap());
    }
    ids
}

/// A journal: what was written behind an id, three at a time.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<u64>>>);

impl Journal {
    fn add(&self, topic: &Topic<Seen>, id: u64) {
        self.0.lock().unwrap().push(id);
        topic.publish("new", Some(id), seen(1)).unwrap();
    }

    fn past(&self) -> impl FnMut(u64) -> Result<Vec<Event>, Problem> + Send + 'static {
        let journal = Arc::clone(&self.0);
        move |after| {
            let all = journal.lock().unwrap();
            let page = all.iter().filter(|id| **id > after).take(3);
            page.map(|id| Event::new("new", Some(*id), &seen(1))).collect()
        }
    }
}

#[tokio::test]
async fn an_event_is_written_as_the_standard_says() {
    let topic = Topic::new(4);
    let mut feed = topic.subscribe().feed();
    assert_eq!(feed.content_type, "text/event-stream");
    assert_eq!(next(&mut feed).await, "retry: 2000\n: open\n\n");
    topic.publish("new\nid: 9", Some(7), seen(3)).unwrap();
    let text = next(&mut feed).await;
    assert_eq!(
        text,
        "event: newid: 9\nid: 7\ndata: {\"camera\":3,\"text\":\"tear\\nin the belt\"}\n\n"
    );
    topic.publish("tick", None, seen(4)).unwrap();
    assert!(next(&mut feed).await.starts_with("event: tick\ndata: {"));
    drop(topic);
    assert_eq!(feed.pieces.next().await, None);
    assert_eq!(feed.pieces.next().await, None);
}

#[tokio::test]
async fn everybody_gets_what_he_wants() {
    let topic = Topic::new(16);
    let mut all = topic.subscribe().feed();
    let mut second = topic.subscribe_to(|seen: &Seen| seen.camera == 2).feed();
    assert_eq!(topic.listeners(), 2);
    next(&mut all).await;
    next(&mut second).await;
    for id in 0..6 {
        topic.publish("new", Some(id), seen(id as u32 % 3)).unwrap();
    }
    assert_eq!(ids(&mut all, 6).await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(ids(&mut second, 2).await, [2, 5]);
    drop(all);
    assert_eq!(topic.listeners(), 1);
}

#[tokio::test]
async fn who_is_too_slow_is_told_how_much_was_missed() {
    let topic = Topic::new(4);
    let mut feed = topic.subscribe().feed();
    next(&mut feed).await;
    for id in 1..=10 {
        topic.publish("new", Some(id), seen(1)).unwrap();
    }
    assert_eq!(next(&mut feed).await, "event: lagged\ndata: {\"missed\":6}\n\n");
    assert_eq!(ids(&mut feed, 4).await, [7, 8, 9, 10]);
}

#[tokio::test]
async fn who_comes_back_gets_what_came_meanwhile_once_each() {
    let (topic, journal) = (Topic::new(64), Journal::default());
    (1..=8).for_each(|id| journal.add(&topic, id));
    let subscription = topic.subscribe();
    // Published after the subscription and before the past is looked up: in both.
    (9..=10).for_each(|id| journal.add(&topic, id));
    let mut feed = subscription.resume(Some(2), journal.past()).feed();
    next(&mut feed).await;
    assert_eq!(ids(&mut feed, 8).await, [3, 4, 5, 6, 7, 8, 9, 10]);
    journal.add(&topic, 11);
    assert_eq!(ids(&mut feed, 1).await, [11]);
    // Nothing was seen: what comes from now on.
    let mut fresh = topic.subscribe().resume(None, journal.past()).feed();
    next(&mut fresh).await;
    journal.add(&topic, 12);
    assert_eq!(ids(&mut fresh, 1).await, [12]);
}

#[tokio::test]
async fn who_is_too_slow_is_sent_the_rest_from_the_journal() {
    let (topic, journal) = (Topic::new(4), Journal::default());
    let mut feed = topic.subscribe().resume(None, journal.past()).feed();
    next(&mut feed).await;
    journal.add(&topic, 1);
    assert_eq!(ids(&mut feed, 1).await, [1]);
    (2..=40).for_each(|id| journal.add(&topic, id));
    let first = ids(&mut feed, 20).await;
    // Still behind, and it goes on.
    (41..=60).for_each(|id| journal.add(&topic, id));
    let rest = ids(&mut feed, 39).await;
    assert_eq!([first, rest].concat(), (2..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_journal_that_began_anew_keeps_nobody_waiting() {
    let (topic, journal) = (Topic::new(16), Journal::default());
    let mut feed = topic.subscribe().resume(Some(1_000_000), journal.past()).feed();
    next(&mut feed).await;
    journal.add(&topic, 1);
    assert_eq!(ids(&mut feed, 1).await, [1]);
}

#[tokio::test]
async fn what_nobody_has_any_more_is_said() {
    let topic = Topic::new(4);
    let mut feed = topic.subscribe().resume(Some(0), |_| Ok(Vec::new())).feed();
    next(&mut feed).await;
    for id in 1..=10 {
        topic.publish("new", Some(id), seen(1)).unwrap();
    }
    assert_eq!(next(&mut feed).await, "event: lagged\ndata: {\"missed\":6}\n\n");
    assert_eq!(ids(&mut feed, 4).await, [7, 8, 9, 10]);
}

#[tokio::test]
async fn a_past_that_leads_nowhere_or_fails_ends() {
    let topic = Topic::new(16);
    let same = |_| Ok(vec![Event::new("new", Some(5), &seen(1)).unwrap()]);
    let mut feed = topic.subscribe().resume(Some(5), same).feed();
    next(&mut feed).await;
    topic.publish("new", Some(6), seen(1)).unwrap();
    assert_eq!(ids(&mut feed, 1).await, [6]);
    let fails = |_| Err(Problem::internal("the disk is gone"));
    let mut feed = topic.subscribe().resume(Some(5), fails).feed();
    next(&mut feed).await;
    assert_eq!(feed.pieces.next().await, None);
}

#[tokio::test]
async fn silence_is_broken_by_comments() {
    let topic = Topic::<Seen>::new(4);
    let mut feed = topic.subscribe().heartbeat(Duration::from_millis(5)).feed();
    next(&mut feed).await;
    assert_eq!(next(&mut feed).await, ":\n\n");
    assert_eq!(next(&mut feed).await, ":\n\n");
    // Giving up a wait loses nothing that comes later.
    topic.publish("new", Some(1), seen(1)).unwrap();
    let mut text = next(&mut feed).await;
    while text == ":\n\n" {
        text = next(&mut feed).await;
    }
    assert!(text.starts_with("event: new\nid: 1\n"), "{text}");
}
