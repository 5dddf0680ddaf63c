//! Tests of the brokers: the same for ours and for a real one.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::packet::{self, Fields, matches, push};
use super::*;

const SOON: Duration = Duration::from_secs(20);

/// A publisher that does as it is told, packet by packet.
struct Client(TcpStream);

impl Client {
    /// Connects; what the broker says of it.
    fn connect(address: SocketAddr, id: &str, keep_alive: u16, will: Option<&str>) -> (Self, u8) {
        Self::login(address, (id, keep_alive, will), None)
    }

    fn login(
        address: SocketAddr,
        (id, keep_alive, will): (&str, u16, Option<&str>),
        login: Option<(&str, &str)>,
    ) -> (Self, u8) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut body = Vec::new();
        push(&mut body, b"MQTT");
        let will_flags = if will.is_some() { 0x2c } else { 0 };
        let login_flags = if login.is_some() { 0xc0 } else { 0 };
        body.extend([4, 2 | will_flags | login_flags]);
        body.extend(keep_alive.to_be_bytes());
        push(&mut body, id.as_bytes());
        if let Some(topic) = will {
            push(&mut body, topic.as_bytes());
            push(&mut body, b"offline");
        }
        if let Some((name, password)) = login {
            push(&mut body, name.as_bytes());
            push(&mut body, password.as_bytes());
        }
        stream.write_all(&packet::write(packet::CONNECT, 0, &body)).unwrap();
        let answer = packet::read(&mut stream).unwrap().unwrap();
        assert_eq!(answer.kind, packet::CONNACK);
        (Self(stream), answer.body[1])
    }

    fn publish(&mut self, topic: &str, text: &str, qos: u8, retain: bool) {
        let mut body = Vec::new();
        push(&mut body, topic.as_bytes());
        if qos > 0 {
            body.extend([0x12, 0x34]);
        }
        body.extend_from_slice(text.as_bytes());
        let flags = qos << 1 | u8::from(retain);
        self.0.write_all(&packet::write(packet::PUBLISH, flags, &body)).unwrap();
        if qos > 0 {
            let answer = packet::read(&mut self.0).unwrap().unwrap();
            assert_eq!((answer.kind, &answer.body[..]), (packet::PUBACK, &[0x12, 0x34][..]));
        }
    }

    fn say(&mut self, kind: u8) {
        self.0.write_all(&packet::write(kind, 0, &[])).unwrap();
    }
}

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|m| format!("{}={}", m.topic, m.text())).collect()
}

#[test]
fn filters_name_topics_as_the_standard_says() {
    for (filter, topic, is) in [
        ("a/b", "a/b", true),
        ("a/b", "a/b/c", false),
        ("a/+", "a/b", true),
        ("a/+", "a", false),
        ("a/+", "a/b/c", false),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        ("a/#", "a", true),
        ("a/#", "a/b/c", true),
        ("#", "a/b", true),
        ("#", "$SYS/uptime", false),
        ("+/uptime", "$SYS/uptime", false),
        ("$SYS/#", "$SYS/uptime", true),
    ] {
        assert_eq!(matches(filter, topic), is, "{filter} {topic}");
    }
}

#[test]
fn lengths_are_those_of_the_standard() {
    for (length, bytes) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (2_097_152, 4)] {
        let written = packet::write(packet::PUBLISH, 2, &vec![7; length]);
        assert_eq!(written.len(), 1 + bytes + length);
        let read = packet::read(&mut &written[..]).unwrap().unwrap();
        assert_eq!((read.kind, read.flags, read.body.len()), (packet::PUBLISH, 2, length));
    }
    assert!(packet::read(&mut &[0x30, 0xff, 0xff, 0xff, 0xff, 1][..]).is_err());
    assert!(Fields(&[0, 9, b'x']).text().is_err());
}

#[test]
fn messages_reach_those_who_asked_for_them() {
    for broker in brokers().unwrap() {
        let (mut client, code) = Client::connect(broker.address(), "belt", 60, None);
        assert_eq!(code, 0, "{}", broker.name());
        client.publish("mine/belt/1/state", "kept", 1, true);
        client.publish("mine/belt/2/state", "to be forgotten", 1, true);
        client.publish("mine/belt/2/state", "", 1, true);
        let one = Subscriber::connect(broker.address(), "mine/+/1/#").unwrap();
        let all = Subscriber::connect(broker.address(), "#").unwrap();
        let kept = all.wait(|all| !all.is_empty(), SOON);
        assert_eq!(texts(&kept), ["mine/belt/1/state=kept"], "{}", broker.name());
        assert!(kept[0].retain && kept[0].qos == 1);
        client.publish("mine/belt/1/event", "tear", 1, false);
        client.publish("mine/belt/3/event", "hole", 0, false);
        client.publish("mine/belt/1/event", "end", 1, false);
        client.say(packet::PINGREQ);
        assert_eq!(packet::read(&mut client.0).unwrap().unwrap().kind, packet::PINGRESP);
        let heard = one.wait(|heard| heard.len() >= 3, SOON);
        let mine = ["mine/belt/1/state=kept", "mine/belt/1/event=tear", "mine/belt/1/event=end"];
        assert_eq!(texts(&heard), mine, "{}", broker.name());
        assert!(!heard[1].retain);
        assert_eq!(all.wait(|heard| heard.len() >= 4, SOON).len(), 4);
    }
}

#[test]
fn a_will_is_published_for_those_who_go_without_a_word() {
    for broker in brokers().unwrap() {
        let all = Subscriber::connect(broker.address(), "#").unwrap();
        let address = broker.address();
        let (mut polite, _) = Client::connect(address, "polite", 60, Some("will/polite"));
        polite.say(packet::DISCONNECT);
        drop(polite);
        drop(Client::connect(address, "cut", 60, Some("will/cut")));
        let cut = all.wait(|heard| !heard.is_empty(), SOON);
        assert_eq!(texts(&cut), ["will/cut=offline"], "{}", broker.name());
        // Mosquitto looks for the silent every five seconds only.
        if let Broker::Embedded(_) = broker {
            let (_silent, _) = Client::connect(address, "silent", 1, Some("will/silent"));
            let silent = all.wait(|heard| heard.len() > 1, SOON);
            assert_eq!(texts(&silent[1..]), ["will/silent=offline"]);
        }
        // A will that is retained is there for those who come later.
        let late = Subscriber::connect(address, "will/cut").unwrap();
        assert!(late.wait(|heard| !heard.is_empty(), SOON)[0].retain);
    }
}

#[test]
fn an_outage_cuts_everybody_off_and_ends_at_the_same_address() {
    for mut broker in brokers().unwrap() {
        let address = broker.address();
        let (mut client, _) = Client::connect(address, "belt", 60, Some("will"));
        client.publish("kept", "before", 1, true);
        broker.kill();
        assert!(TcpStream::connect(address).is_err(), "{}", broker.name());
        assert_eq!(client.0.read(&mut [0]).unwrap_or(0), 0, "the connection is cut");
        broker.restart().unwrap();
        let all = Subscriber::connect(address, "#").unwrap();
        let (mut again, code) = Client::connect(address, "belt", 60, None);
        assert_eq!(code, 0);
        again.publish("now", "after", 1, false);
        let heard = all.wait(|heard| !heard.is_empty(), SOON);
        assert_eq!(texts(&heard), ["now=after"], "{}: it knows nothing of before", broker.name());
    }
}

#[test]
fn the_embedded_one_can_be_difficult() {
    let login = Some(("belt".to_owned(), "secret".to_owned()));
    let broker = Embedded::with(Options { login }).unwrap();
    let ask = |login| Client::login(broker.address(), ("c", 60, None), login).1;
    assert_eq!((ask(None), ask(Some(("belt", "guess"))), ask(Some(("belt", "secret")))), (5, 4, 0));

    let broker = Embedded::start().unwrap();
    let (mut client, _) = Client::connect(broker.address(), "c", 60, Some("will"));
    assert_eq!(broker.clients(), ["c"]);
    broker.acknowledge(false);
    client.0.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut body = Vec::new();
    push(&mut body, b"topic");
    body.extend([0, 1, b'x']);
    client.0.write_all(&packet::write(packet::PUBLISH, 2, &body)).unwrap();
    assert!(packet::read(&mut client.0).is_err(), "nothing is acknowledged");
    broker.cut();
    let started = std::time::Instant::now();
    while broker.published().len() < 2 && started.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(texts(&broker.published()), ["topic=x", "will=offline"]);
    // Who takes a name that is in use takes its place.
    let (mut first, _) = Client::connect(broker.address(), "same", 60, None);
    let (_second, _) = Client::connect(broker.address(), "same", 60, None);
    assert_eq!(first.0.read(&mut [0]).unwrap_or(0), 0);
    // Nonsense ends the connection, not the broker.
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x10, 0x00], &[0x10, 4, 0, 9, 1, 1]] {
        let mut stream = TcpStream::connect(broker.address()).unwrap();
        stream.write_all(nonsense).unwrap();
        // Some of it promises more.
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }
    assert_eq!(Client::connect(broker.address(), "sound", 60, None).1, 0);
}
