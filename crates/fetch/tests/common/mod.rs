//! What the tests of this folder share: a server, a folder, a quick and impatient request, a watching observer.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)] // Each test program uses a part of it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use strata_fetch::{Digest, Progress, Proxies, Request, Snapshot};
use strata_testkit::http::{Reply, Server};

/// Bytes that repeat nowhere near each other, so that a shifted or doubled piece changes the digest.
pub fn body(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        })
        .collect()
}

pub struct Bench {
    pub server: Server,
    pub folder: tempfile::TempDir,
    pub body: Vec<u8>,
}

impl Bench {
    pub fn new(body: Vec<u8>) -> Self {
        Self { server: Server::start().unwrap(), folder: tempfile::tempdir().unwrap(), body }
    }

    pub fn script(&self, replies: Vec<Reply>) {
        self.server.script("/file", replies);
    }

    pub fn url(&self) -> String {
        self.server.url("/file")
    }

    pub fn dest(&self) -> PathBuf {
        self.folder.path().join("deep/er/file.bin")
    }

    /// The destination, its folder made.
    pub fn made_dest(&self) -> PathBuf {
        std::fs::create_dir_all(self.dest().parent().unwrap()).unwrap();
        self.dest()
    }

    pub fn part(&self) -> PathBuf {
        self.made_dest().with_file_name("file.bin.part")
    }

    pub fn part_len(&self) -> Option<u64> {
        std::fs::metadata(self.part()).ok().map(|m| m.len())
    }

    pub fn request(&self) -> Request {
        let mut request = Request::new(self.dest(), Digest::of(&self.body));
        request.bytes = Some(self.body.len() as u64);
        request.urls = vec![self.url()];
        request.proxies = Proxies::none();
        request.ca_file = None;
        request.retry.retries = 2;
        request.retry.min_progress = 1;
        request.retry.base_wait = Duration::from_millis(2);
        request.retry.max_wait = Duration::from_secs(2);
        request
    }

    /// The file is there, right, and alone.
    pub fn assert_done(&self) {
        assert_eq!(std::fs::read(self.dest()).unwrap(), self.body);
        let folder = self.dest().parent().unwrap().to_owned();
        let names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["file.bin"]);
    }
}

#[derive(Default)]
pub struct Watcher {
    pub last: Option<(u64, Option<u64>)>,
    pub retries: Vec<String>,
    pub waits: Vec<Duration>,
    pub given_up: Vec<String>,
    pub stop_at: Option<u64>,
}

impl Progress for Watcher {
    fn update(&mut self, snapshot: &Snapshot<'_>) -> ControlFlow<()> {
        self.last = Some((snapshot.bytes, snapshot.total));
        match self.stop_at {
            Some(at) if snapshot.bytes >= at => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn retrying(&mut self, reason: &str, wait: Duration) {
        self.retries.push(reason.to_owned());
        self.waits.push(wait);
    }

    fn next_source(&mut self, reason: &str) {
        self.given_up.push(reason.to_owned());
    }
}
