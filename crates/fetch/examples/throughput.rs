//! How fast a download runs against the machine's own loopback: one JSON line a size.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // A measuring program: it prints figures and may stop.

use std::time::Instant;

use strata_fetch::{Digest, Proxies, Request, Silent, fetch, hash_file};
use strata_testkit::http::{Reply, Server};

fn main() {
    let server = Server::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for megabytes in [1_usize, 64, 256] {
        let body: Vec<u8> = (0..megabytes << 20).map(|i| (i ^ (i >> 8)) as u8).collect();
        server.script("/file", vec![Reply::file(&body)]);
        let mut request = Request::new(folder.path().join("file"), Digest::of(&body));
        request.bytes = Some(body.len() as u64);
        request.urls = vec![server.url("/file")];
        request.proxies = Proxies::none();
        request.ca_file = None;
        let mut rates: Vec<f64> = (0..5)
            .map(|_| {
                let _ = std::fs::remove_file(&request.dest);
                let start = Instant::now();
                fetch(&request, &mut Silent).unwrap();
                megabytes as f64 / start.elapsed().as_secs_f64()
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        let start = Instant::now();
        hash_file(&request.dest).unwrap();
        let hashing = megabytes as f64 / start.elapsed().as_secs_f64();
        println!(
            "{{\"mib\": {megabytes}, \"runs\": 5, \"mib_per_s_median\": {:.0}, \"mib_per_s_min\": {:.0}, \
             \"hash_mib_per_s\": {hashing:.0}}}",
            rates[2], rates[0]
        );
    }
}
