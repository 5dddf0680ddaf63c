//! Jobs over HTTP: what an upload must be, who sees a job, and waiting for news.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strata_core::batching::Priority;
use strata_serve::jobs::{JobContext, JobFailure, JobKind, JobOutput, ResultFile};
use strata_serve::keys::{self, NewKey, Scope};
use strata_serve::settings::ByteSize;
use strata_serve::{JobDoor, Problem, UploadParameters};

use crate::app::{Server, Setup, until};
use crate::client::Ask;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    filename: String,
    /// Runs until it is stopped.
    #[serde(default)]
    forever: bool,
}

impl UploadParameters for Parameters {
    fn file_name(&self) -> &str {
        &self.filename
    }
}

/// Counts the bytes of a file.
struct Count;

impl JobKind for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn run(&self, job: &JobContext<'_>) -> Result<JobOutput, JobFailure> {
        while job.params()["forever"] == true {
            if job.stop().load(Ordering::Acquire) {
                return Err(JobFailure::Interrupted);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let bytes = std::fs::read(job.input().expect("a file")).unwrap().len();
        std::fs::write(job.out_dir().join("count.txt"), bytes.to_string()).unwrap();
        let file = ResultFile {
            name: "count.txt".to_owned(),
            content_type: "text/plain".to_owned(),
            title: "Count".to_owned(),
        };
        Ok(JobOutput { files: vec![file], summary: json!({ "bytes": bytes }) })
    }
}

fn counting() -> Setup {
    let mut setup = Setup::with(|s| s.limits.upload_bytes = ByteSize::mib(16));
    let check = |parameters: &Parameters| match parameters.filename.as_str() {
        "" => Err(Problem::field("filename", "it is empty")),
        _ => Ok(()),
    };
    let (place, about) = (("count", "/v1/jobs/count"), ("Count bytes", ""));
    setup.jobs = vec![JobDoor::upload(Arc::new(Count), place, about, &["text/plain"], check)];
    setup
}

fn upload(query: &str, body: Vec<u8>) -> Ask {
    let path = format!("/v1/jobs/count?{query}");
    Ask::new("POST", &path).header("content-type", "text/plain").body(body)
}

fn state(server: &Server, id: &str) -> String {
    let job = server.get(&format!("/v1/jobs/{id}")).expect(200).json();
    job["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_becomes_a_job_and_a_result() {
    let server = counting().start();
    let taken = server.send(&upload("filename=a.txt", vec![b'x'; 3 << 20])).expect(202);
    let id = taken.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(taken.header("location"), Some(format!("/v1/jobs/{id}").as_str()));
    until("it is done", || state(&server, &id) == "done");
    let job = server.get(&format!("/v1/jobs/{id}")).json();
    assert_eq!(job["summary"]["bytes"], 3 << 20);
    let result = server.get(&format!("/v1/jobs/{id}/files/count.txt")).expect(200);
    assert_eq!(result.text(), (3 << 20).to_string());
    let disposition = result.header("content-disposition").unwrap();
    assert_eq!(disposition, "attachment; filename=\"a-count.txt\"", "named after its input");
    server.send(&Ask::new("DELETE", &format!("/v1/jobs/{id}"))).expect(204);
    server.get(&format!("/v1/jobs/{id}")).expect(404);
}

#[test]
fn a_large_upload_that_is_refused_still_gets_to_read_why() {
    let server = counting().start();
    let large = || vec![b'x'; 12 << 20];
    for (ask, status, code) in [
        (upload("filename=", large()), 422, "invalid-value"),
        (upload("name=x", large()), 422, "invalid-parameter"),
        (upload("filename=x", vec![b'x'; 20 << 20]), 413, "upload-too-large"),
        (upload("filename=x", large()).header("content-encoding", "gzip"), 415, "content-encoding"),
        (upload("filename=x", Vec::new()), 422, "empty-file"),
        (
            Ask::new("POST", "/v1/jobs/count?filename=x")
                .header("content-type", "image/png")
                .body(large()),
            415,
            "content-type",
        ),
    ] {
        let reply = server.send(&ask).expect(status);
        assert_eq!(reply.json()["code"], code);
    }
    assert_eq!(server.get("/v1/jobs").expect(200).json()["jobs"], json!([]), "none is left behind");
}

#[test]
fn a_key_sees_its_own_jobs() {
    let mut setup = counting();
    let file = setup.dir.path().join("keys.toml");
    let token = |name: &str, scopes: &[Scope]| {
        let (name, scopes) = (name.to_owned(), scopes.to_vec());
        let key =
            NewKey { name, scopes, rate: None, priority: Priority::Normal, labels: Vec::new() };
        format!("Bearer {}", keys::create(&file, &key).unwrap())
    };
    let ann = token("ann", &[Scope::Jobs]);
    let bob = token("bob", &[Scope::Jobs]);
    let root = token("root", &[Scope::Jobs, Scope::Admin]);
    setup.settings.auth.keys_file = Some(file.clone());
    let server = setup.start();
    let with = |ask: Ask, key: &str| server.send(&ask.header("authorization", key));
    let job = with(upload("filename=a", b"abc".to_vec()), &ann).expect(202).json();
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    for (key, status) in [(&ann, 200), (&bob, 404), (&root, 200)] {
        with(Ask::get(&path), key).expect(status);
        let listed = with(Ask::get("/v1/jobs"), key).expect(200).json();
        assert_eq!(listed["jobs"].as_array().unwrap().len(), usize::from(status == 200));
    }
    with(Ask::new("POST", &format!("{path}/cancel")), &bob).expect(404);
    with(Ask::new("DELETE", &path), &bob).expect(404);
    with(Ask::get(&format!("{path}/files/count.txt")), &bob).expect(404);
}

#[test]
fn waiting_for_news_ends_when_there_is_some_and_when_the_server_stops() {
    let mut server = counting().start();
    let job = server.send(&upload("filename=a&forever=true", b"abc".to_vec())).expect(202).json();
    let id = job["id"].as_str().unwrap().to_owned();
    until("it runs", || state(&server, &id) == "running");
    let version = server.get(&format!("/v1/jobs/{id}")).json()["version"].as_u64().unwrap();
    let look = Ask::get(&format!("/v1/jobs/{id}?version={version}"));
    let news = server.send_aside(look.clone());
    std::thread::sleep(Duration::from_millis(300));
    assert!(!news.is_finished(), "there is no news yet");
    server.send(&Ask::new("POST", &format!("/v1/jobs/{id}/cancel"))).expect(200);
    let news = news.join().unwrap().expect(200).json();
    assert!(news["version"].as_u64().unwrap() > version, "{news}");

    let second =
        server.send(&upload("filename=b&forever=true", b"abc".to_vec())).expect(202).json();
    let id = second["id"].as_str().unwrap().to_owned();
    until("it runs", || state(&server, &id) == "running");
    let version = server.get(&format!("/v1/jobs/{id}")).json()["version"].as_u64().unwrap();
    let waits = server.send_aside(Ask::get(&format!("/v1/jobs/{id}?version={version}")));
    until("it waits", || server.metric("strata_in_flight") == Some(2.0));
    let started = Instant::now();
    let running = server.running.take().unwrap();
    running.stop();
    running.wait().unwrap();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    waits.join().unwrap().expect(200);
}
