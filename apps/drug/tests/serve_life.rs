//! The server's life: draining, reloading, dying, keys, overload.
#![allow(clippy::unwrap_used, reason = "tests")]

mod screen_support;
mod serve_support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use screen_support::{has_runtime, library, program, screened, text, tiny_model};
use serde_json::{Value, json};
use serve_support::Server;
use strata_testkit::load::{self, Failure, Plan, Request, Until};

/// Requests of the tiny model, and what it answers.
fn tiny_requests(server: &Server) -> (Vec<Request>, Vec<Value>) {
    let target = server.target("/v2/models/tiny/infer");
    let body = |seed: u32| {
        let data: Vec<u32> = (0..64).map(|at| (at * seed) % 7).collect();
        json!({"inputs": [{"name": "x", "shape": [1, 64], "datatype": "FP32", "data": data}]})
    };
    let bodies: Vec<Value> = (1..9).map(body).collect();
    let answers = bodies.iter().map(|body| {
        let reply = server.json("/v2/models/tiny/infer", body).expect(200).json();
        reply["outputs"].clone()
    });
    let answers = answers.collect();
    let request = |body: &Value| Request::json(&target, &body.to_string());
    (bodies.iter().map(request).collect(), answers)
}

/// A load that checks every answer of 200 against the one the server gave when nobody else asked.
fn checked(server: &Server, clients: usize, until: Until) -> Plan {
    let (requests, answers) = tiny_requests(server);
    let mut plan = Plan::new(server.address, requests, clients, until);
    plan.resend = true;
    plan.check = Some(Arc::new(move |index, status, body| {
        if status != 200 {
            return Ok(());
        }
        let reply: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        match reply["outputs"] == answers[index] {
            true => Ok(()),
            false => Err(format!("{} instead of {}", reply["outputs"], answers[index])),
        }
    }));
    plan
}

#[test]
fn answers_do_not_depend_on_who_else_asks() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model(dir.path());
    let server = Server::start(dir.path(), &["--models-dir", text(&models)]);
    let report = load::run(checked(&server, 16, Until::Requests(4000))).unwrap();
    assert_eq!(report.wrong, 0, "{:?}", report.first_wrong);
    assert_eq!(report.count(200), 4000, "{:?}", report.statuses);
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    let batches = figure(&metrics, "strata_batch_rows_count{model=\"tiny\"}");
    assert!(batches < 3900.0, "{batches} batches for 4,000 requests: nothing was shared");
}

fn figure(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("no {name}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn sigterm_under_load_loses_no_request() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model(dir.path());
    for _ in 0..3 {
        let server = Server::start(
            dir.path(),
            &["--models-dir", text(&models), "--drain-not-ready-s", "1", "--drain-finish-s", "10"],
        );
        let plan = checked(&server, 8, Until::Elapsed(Duration::from_secs(20)));
        let load = load::start(plan).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        server.signal("TERM");
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(server.get("/v2/health/ready").status, 503, "not ready while it leaves");
        assert_eq!(server.get("/v2/health/live").status, 200, "alive while it leaves");
        assert_eq!(server.wait(), Some(0));
        load.stop();
        let report = load.finish();
        assert_eq!(report.wrong, 0, "{:?}", report.first_wrong);
        // After the end nobody listens; a kept connection may be closed before a request on it.
        let fine = |failure: &Failure| matches!(failure, Failure::Connect | Failure::Closed);
        let lost: u64 = report.failures.iter().filter(|(f, _)| !fine(f)).map(|(_, n)| *n).sum();
        assert_eq!(lost, 0, "{:?} {:?}", report.failures, report.statuses);
        assert!(report.statuses.keys().all(|s| [200, 503].contains(s)), "{:?}", report.statuses);
    }
}

#[test]
fn reloading_under_load_fails_no_request_and_a_broken_model_is_not_taken() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model(dir.path());
    let server =
        Server::start(dir.path(), &["--models-dir", text(&models), "--models-control=true"]);
    let load = load::start(checked(&server, 4, Until::Elapsed(Duration::from_secs(60)))).unwrap();
    let admin = |path: &str| server.post(path, "application/json", b"{}");
    for _ in 0..20 {
        admin("/v2/repository/models/tiny/load").expect(200);
    }
    // A card whose file has other bytes than it says: refused, and the old one goes on.
    let file = fs::read_dir(models.join("tiny")).unwrap().flatten();
    let onnx = file.map(|f| f.path()).find(|p| p.extension().is_some_and(|e| e == "onnx")).unwrap();
    let good = fs::read(&onnx).unwrap();
    fs::write(&onnx, [good.as_slice(), b"more"].concat()).unwrap();
    let refused = admin("/v2/repository/models/tiny/load").expect(409).json();
    assert!(refused["error"].as_str().unwrap().contains("tiny"), "{refused}");
    server.json("/v2/repository/index", &json!({})).expect(200);
    assert_eq!(server.get("/v2/models/tiny/ready").status, 200, "the old one goes on");
    fs::write(&onnx, good).unwrap();
    admin("/v2/repository/models/tiny/load").expect(200);
    load.stop();
    let report = load.finish();
    assert_eq!(report.wrong, 0, "{:?}", report.first_wrong);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    assert_eq!(
        report.statuses.keys().copied().collect::<Vec<u16>>(),
        [200],
        "{:?}",
        report.statuses
    );

    admin("/v2/repository/models/tiny/unload").expect(200);
    assert_eq!(server.get("/v2/models/tiny/ready").status, 404);
    admin("/v2/repository/models/none/load").expect(404);
}

#[test]
fn versions_lie_side_by_side() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model(dir.path());
    let other = dir.path().join("other");
    copy(&models.join("tiny"), &other.join("tiny"));
    let card = other.join("tiny/card.toml");
    let text_of = fs::read_to_string(&card).unwrap();
    let line = text_of.lines().find(|line| line.starts_with("version")).unwrap().to_owned();
    fs::write(&card, text_of.replace(&line, "version = \"9.9.9\"")).unwrap();
    let server = Server::start(
        dir.path(),
        &["--models-dir", text(&models), "--models-extra-dirs", text(&other)],
    );
    let metadata = server.get("/v2/models/tiny").expect(200).json();
    assert_eq!(metadata["versions"].as_array().unwrap().len(), 2, "{metadata}");
    assert_eq!(metadata["versions"][1], "9.9.9");
    let newer = server.get("/v2/models/tiny/versions/9.9.9").expect(200).json();
    assert_eq!(newer["parameters"]["version"], "9.9.9");
    server.get("/v2/models/tiny/versions/1.2.3").expect(404);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_job_outlives_kill_9_and_gives_the_command_s_bytes() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model(dir.path());
    let input = library(dir.path(), 6000);
    let out = dir.path().join("out.csv");
    let models_args = ["--models-dir", text(&models), "--models", "tiny"];
    screened(&[&[text(&input), "--out", text(&out), "--quiet"][..], &models_args].concat());

    let args = ["--models-dir", text(&models)];
    let server = Server::start(dir.path(), &args);
    let path = "/v1/jobs/screen?filename=library.smi&models=tiny";
    let submitted = server.post(path, "application/octet-stream", &fs::read(&input).unwrap());
    let id = submitted.expect(202).json()["id"].as_str().unwrap().to_owned();
    let started = Instant::now();
    loop {
        let job = server.get(&format!("/v1/jobs/{id}")).expect(200).json();
        let done = job["progress"]["done"].as_u64().unwrap_or(0);
        if job["state"] == "running" && (500..5500).contains(&done) {
            break;
        }
        assert_ne!(job["state"], "done", "it was over before it could be killed");
        assert!(started.elapsed() < Duration::from_secs(60), "{job}");
    }
    server.signal("KILL");
    server.wait();

    let server = Server::start(dir.path(), &args);
    let job = server.job(&id);
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(job["attempt"], 2);
    let got = server.get(&format!("/v1/jobs/{id}/files/result.csv")).expect(200).body;
    assert!(got == fs::read(&out).unwrap(), "the resumed job's bytes are the command's");
    server.get(&format!("/v1/jobs/{id}/files/%2e%2e%2finput.smi")).expect(404);
    server.delete(&format!("/v1/jobs/{id}")).expect(204);
    server.get(&format!("/v1/jobs/{id}")).expect(404);
}

#[test]
fn a_running_job_can_be_cancelled() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model(dir.path());
    let server = Server::start(dir.path(), &["--models-dir", text(&models)]);
    let input = fs::read(library(dir.path(), 20_000)).unwrap();
    let path = "/v1/jobs/screen?filename=library.smi&models=tiny";
    let job = server.post(path, "text/plain", &input).expect(202).json();
    let id = job["id"].as_str().unwrap();
    server.post(&format!("/v1/jobs/{id}/cancel"), "application/json", b"").expect(200);
    assert_eq!(server.job(id)["state"], "cancelled");
    let bad = server.post("/v1/jobs/screen?scenario=none", "text/plain", b"CCO").expect(422).json();
    assert_eq!(bad["errors"][0]["field"], "scenario");
    server.post("/v1/jobs/screen", "image/png", b"x").expect(415);
    server.post("/v1/jobs/screen", "text/plain", b"").expect(422);
}

#[test]
fn keys_open_what_they_are_for() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model(dir.path());
    let keys = dir.path().join("keys.toml");
    let key = |name: &str, scopes: &str, more: &[&str]| {
        let output = program()
            .args(["keys", "add", name, "--file", text(&keys), "--scopes", scopes])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let reader = key("reader", "read", &[]);
    let slow = key("slow", "infer,jobs", &["--per-second", "0.01", "--burst", "2"]);
    assert!(!fs::read_to_string(&keys).unwrap().contains(&reader), "tokens are kept hashed");
    let server = Server::start(
        dir.path(),
        &["--models-dir", text(&models), "--auth-keys-file", text(&keys)],
    );
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let get = |path: &str, token: &str| {
        let answer = agent.get(server.url(path)).header("authorization", format!("Bearer {token}"));
        answer.call().unwrap()
    };
    assert_eq!(server.get("/v2/health/live").status, 200, "health needs no key");
    assert_eq!(server.get("/").status, 200, "the page needs none either: it asks for one");
    assert_eq!(server.get("/v1/scenarios").expect(401).json()["code"], "key");
    assert_eq!(get("/v1/scenarios", "strata_wrong").status(), 401);
    assert_eq!(get("/v1/scenarios", &reader).status(), 200);
    assert_eq!(get("/v1/jobs", &reader).status(), 403);
    assert_eq!(get("/v1/jobs", &slow).status(), 200);
    assert_eq!(get("/v1/jobs", &slow).status(), 200);
    let refused = get("/v1/jobs", &slow);
    assert_eq!(refused.status(), 429);
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
}

#[test]
fn a_full_queue_is_said_and_nothing_else_goes_wrong() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model(dir.path());
    let server = Server::start(
        dir.path(),
        &[
            "--models-dir",
            text(&models),
            "--batching-queue-items",
            "2",
            "--batching-max-rows",
            "1",
            "--models-sessions",
            "1",
        ],
    );
    let report = load::run(checked(&server, 32, Until::Elapsed(Duration::from_secs(2)))).unwrap();
    assert_eq!(report.wrong, 0, "{:?}", report.first_wrong);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    let statuses: Vec<u16> = report.statuses.keys().copied().collect();
    assert_eq!(statuses, [200, 429], "{:?}", report.statuses);
}

#[test]
fn settings_that_cannot_be_are_refused_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("server.toml");
    fs::write(&config, "[server]\nbindd = \"127.0.0.1:1\"\n").unwrap();
    let refused = |args: &[&str]| {
        let output = program().arg("serve").args(args).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let text_of = refused(&["--config", text(&config)]);
    assert!(text_of.contains("bindd") && text_of.contains("bind"), "{text_of}");
    assert!(refused(&["--bind", "0.0.0.0:0"]).contains("allow"));
    let text_of = refused(&["--drug-libraries", "none.sfp"]);
    assert!(text_of.contains("drug.libraries") && text_of.contains("none.sfp"), "{text_of}");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/default.toml");
    let printed = program().args(["serve", "--print-config"]).output().unwrap().stdout;
    let printed = String::from_utf8(printed).unwrap();
    let kept = fs::read_to_string(kept).unwrap();
    assert!(printed.starts_with(&kept), "config/default.toml is the head of what is printed");
    assert!(printed.contains("[drug]"));
}
