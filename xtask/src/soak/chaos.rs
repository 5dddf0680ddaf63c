//! Carries out what the schedule says, and looks whether the server takes it as it should.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use strata_testkit::kill::Dice;
use strata_testkit::load::Request;

use super::clock;
use super::fleet::Server;
use super::record::{Done, Record};
use super::schedule::{Event, Planned};
use super::traffic::{drawn, sleep};

/// Clients that go away at once.
const CROWD: usize = 12;
/// An event that comes later than this is left out, so that the restarts of the end take place.
const LATE: Duration = Duration::from_secs(45);
/// What such an event is called.
pub(crate) const LEFT_OUT: &str = "left out";
/// Two days and an hour.
const AHEAD: i64 = 2 * 86_400;
const BACK: i64 = -3600;

/// What events need.
pub(crate) struct Chaos<'a> {
    pub(crate) servers: &'a [Server],
    pub(crate) record: &'a Record,
    /// Where the servers' models lie.
    pub(crate) models: PathBuf,
    /// How long a state lasts: a full disk, a wrong clock, a cut file.
    pub(crate) hold: Duration,
    pub(crate) begun: Instant,
}

impl Chaos<'_> {
    /// Carries out the plan until told to stop.
    pub(crate) fn run(&self, plan: &[Planned], seed: u64, stop: &AtomicBool) {
        let mut dice = Dice::new(seed);
        for planned in plan {
            sleep(planned.at.saturating_sub(self.begun.elapsed()), stop);
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let late = self.begun.elapsed().saturating_sub(planned.at);
            if late > LATE && !planned.event.restarts() {
                self.leave_out(planned, late);
                continue;
            }
            self.one(planned, &mut dice, stop);
        }
    }

    /// On a machine that is slower than the plan, what follows would come too late.
    fn leave_out(&self, planned: &Planned, late: Duration) {
        let server = &self.servers[planned.server];
        self.record.done(Done {
            at: server.unit.now(),
            took: Duration::ZERO,
            server: server.unit.name(),
            event: LEFT_OUT,
            note: format!("{}: {:.0} s late", planned.event.name(), late.as_secs_f64()),
        });
    }

    fn one(&self, planned: &Planned, dice: &mut Dice, stop: &AtomicBool) {
        let server = &self.servers[planned.server];
        let (at, name) = (server.unit.now(), server.unit.name());
        let note = match self.carry_out(server, planned.event, dice, stop) {
            Ok(note) => note,
            Err(error) => {
                let what = format!("{}: {error:#}", planned.event.name());
                self.record.fault(at, name, what);
                format!("FAULT: {error:#}")
            }
        };
        let took = server.unit.now().saturating_sub(at);
        println!("{:7.1} s  strata-{name}: {}: {note}", at.as_secs_f64(), planned.event.name());
        let event = planned.event.name();
        self.record.done(Done { at, took, server: name, event, note });
    }

    fn carry_out(
        &self,
        server: &Server,
        event: Event,
        dice: &mut Dice,
        stop: &AtomicBool,
    ) -> Result<String> {
        match event {
            Event::Kill | Event::Terminate => restart(server, event == Event::Kill),
            Event::Reload => {
                server.models.iter().try_for_each(|model| load(server, model, 200).map(drop))?;
                Ok(format!("{} loaded anew", server.models.join(", ")))
            }
            Event::Hangup => {
                server.unit.signal("HUP")?;
                sleep(Duration::from_secs(2), stop);
                ready(server).map(|()| "still ready".to_owned())
            }
            Event::Truncate | Event::Replace => {
                let model = server.models[dice.roll() as usize % server.models.len()];
                self.spoil(server, model, event == Event::Truncate, stop)
            }
            Event::FullDisk => self.full_disk(server, stop),
            Event::ClockAhead => self.clock(server, AHEAD, stop),
            Event::ClockBack => self.clock(server, BACK, stop),
            Event::Vanish => vanish(server, dice),
        }
    }

    /// Cuts a model's file in place, or puts other bytes there; the server must refuse them and go on with what it has.
    fn spoil(&self, server: &Server, model: &str, cut: bool, stop: &AtomicBool) -> Result<String> {
        let folder = self.models.join(model);
        let file = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
        let file = file.into_iter().find(|path| path.extension().is_some_and(|e| e == "onnx"));
        let file = file.with_context(|| format!("{} has no model", folder.display()))?;
        let good = std::fs::read(&file)?;
        let part = file.with_extension("part");
        if cut {
            OpenOptions::new().write(true).open(&file)?.set_len(good.len() as u64 / 2)?;
        } else {
            // A model that is whole, and another than the card says.
            let mut other = good.clone();
            other.extend([0xba, 0x01, 0x00]);
            std::fs::write(&part, other)?;
            std::fs::rename(&part, &file)?;
        }
        let refused = load(server, model, 409);
        sleep(self.hold, stop);
        std::fs::write(&part, good)?;
        std::fs::rename(&part, &file)?;
        let said = refused?;
        load(server, model, 200)?;
        Ok(format!("{model} refused ({said}), then loaded from the right file"))
    }

    fn full_disk(&self, server: &Server, stop: &AtomicBool) -> Result<String> {
        let filled = server.fill()?;
        let while_full = submitted(server);
        sleep(self.hold, stop);
        let live = ready(server);
        server.make_room()?;
        live?;
        let while_full = while_full?;
        let begun = Instant::now();
        let after = loop {
            match submitted(server)? {
                Some(202) => break "a job was accepted again".to_owned(),
                None => break "answers went on".to_owned(),
                Some(503) if begun.elapsed() < Duration::from_secs(15) => {
                    std::thread::sleep(Duration::from_millis(500));
                }
                Some(status) => bail!("with room again, a job is answered with {status}"),
            }
        };
        let full = while_full.map_or(String::new(), |status| format!("a job got {status}; "));
        ensure!(matches!(while_full, None | Some(202 | 503)), "full: {full}");
        Ok(format!("{} MB filled; {full}with room, {after}", filled >> 20))
    }

    fn clock(&self, server: &Server, seconds: i64, stop: &AtomicBool) -> Result<String> {
        server.clock.set(seconds)?;
        sleep(clock::READ_AGAIN + self.hold, stop);
        let there = ready(server);
        server.clock.set(0)?;
        sleep(clock::READ_AGAIN, stop);
        there?;
        ready(server).map(|()| "ready all along".to_owned())
    }
}

fn restart(server: &Server, killed: bool) -> Result<String> {
    let status = server.unit.restart(killed)?;
    let outages = server.unit.outages();
    let outage = outages.last().context("no outage")?;
    Ok(format!("{status}; live after {:.2} s, ready after {:.2} s", outage.live_s, outage.ready_s))
}

fn ready(server: &Server) -> Result<()> {
    let (status, body) = answered(server, &Request::get(&server.unit.target("/v2/health/ready")))?;
    ensure!(status == 200, "not ready: {status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}

fn answered(server: &Server, request: &Request) -> Result<(u16, Vec<u8>)> {
    server.unit.ask(request).map_err(|failure| anyhow::anyhow!("no answer: {}", failure.name()))
}

/// Loads a model anew and expects this status; what the server says.
fn load(server: &Server, model: &str, expected: u16) -> Result<String> {
    let path = format!("/v2/repository/models/{model}/load");
    let (status, body) = answered(server, &Request::json(&server.unit.target(&path), "{}"))?;
    let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
    let said: String = reply["error"].as_str().unwrap_or("no error").chars().take(120).collect();
    ensure!(status == expected, "{model} loaded: {status} where {expected} is right: {said}");
    Ok(format!("{status}"))
}

/// The status of a job handed in and at once forgotten; none for a server without jobs.
fn submitted(server: &Server) -> Result<Option<u16>> {
    let Some(job) = server.jobs.first() else { return Ok(None) };
    let (status, body) = answered(server, &job.request)?;
    let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(id) = reply["id"].as_str().filter(|_| status == 202) {
        let cancel = server.unit.target(&format!("/v1/jobs/{id}/cancel"));
        let (status, _) = answered(server, &Request::json(&cancel, ""))?;
        ensure!(matches!(status, 200 | 409 | 503 | 500), "cancelled: {status}");
    }
    Ok(Some(status))
}

/// How a client goes away.
#[derive(Debug, Clone, Copy)]
enum Going {
    /// Half of the request was sent.
    Asking,
    /// The whole request was sent, and nothing read.
    Waiting,
    /// The beginning of the answer was read.
    Reading,
    /// No more is sent, and the answer is read to its end: not rude, but odd.
    HalfClosed,
}

/// Clients that go away in the middle of things, all at once.
fn vanish(server: &Server, dice: &mut Dice) -> Result<String> {
    let ways = [Going::Asking, Going::Waiting, Going::Reading, Going::HalfClosed];
    let clients: Vec<(Request, Going)> = (0..CROWD)
        .map(|number| {
            let stream = server.streams.get(number).map(|path| server.unit.target(path));
            let way = ways[dice.roll() as usize % ways.len()];
            match stream {
                Some(target) => (Request::get(&target), Going::Reading),
                None => (drawn(&server.asks, dice).0.request.clone(), way),
            }
        })
        .collect();
    let address = server.unit.start.address;
    std::thread::scope(|scope| {
        let going = |(request, way): &(Request, Going)| go(address, request, *way);
        let all: Vec<_> = clients.iter().map(|one| scope.spawn(move || going(one))).collect();
        all.into_iter().try_for_each(|one| {
            one.join().unwrap_or_else(|_| Err(std::io::Error::other("a client panicked")))
        })
    })?;
    ready(server).map(|()| format!("{CROWD} clients"))
}

fn go(address: std::net::SocketAddr, request: &Request, way: Going) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let bytes = request.bytes();
    let sent = match way {
        Going::Asking => &bytes[..bytes.len() / 2],
        Going::Waiting | Going::Reading | Going::HalfClosed => bytes,
    };
    // A server may refuse a request before it has all of it.
    let _ = stream.write_all(sent);
    match way {
        Going::Asking | Going::Waiting => {}
        Going::Reading => drop(stream.read(&mut [0; 64])),
        Going::HalfClosed => {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read(&mut [0; 64]);
        }
    }
    Ok(())
}

/// Whether a server's log tells of a panic.
pub(crate) fn panics(server: &Server) -> Result<Vec<String>> {
    let mut text = String::new();
    File::open(&server.unit.start.log)?.read_to_string(&mut text)?;
    Ok(text.lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect())
}
