//! Keys and models that change while a server runs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use strata_core::batching::Priority;
use strata_serve::keys::{self, NewKey, Scope};
use strata_testkit::onnx::Model;
use strata_testkit::{CardSpec, models, write_card};

use crate::app::{Server, Setup, until};
use crate::client::{Ask, Reply};
use crate::protocol::has_runtime;

fn key(file: &Path, name: &str, scopes: &[Scope]) -> String {
    let key = NewKey {
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        rate: None,
        priority: Priority::Normal,
        labels: Vec::new(),
    };
    keys::create(file, &key).unwrap()
}

fn secret(server: &Server, token: &str) -> Reply {
    let ask = Ask::get("/v1/secret").header("authorization", &format!("Bearer {token}"));
    server.send(&ask)
}

#[test]
fn keys_are_read_again() {
    let setup = Setup::new();
    let file = setup.dir.path().join("keys.toml");
    let old = key(&file, "old", &[Scope::Read]);
    let narrow = key(&file, "narrow", &[Scope::Infer]);
    let mut setup = setup;
    setup.settings.auth.keys_file = Some(file.clone());
    let server = setup.start();
    let missing = server.get("/v1/secret").expect(401);
    assert_eq!(missing.header("www-authenticate"), Some("Bearer realm=\"strata\""));
    assert_eq!(missing.json()["code"], "key");
    assert_eq!(server.get("/v1/server").status, 401);
    assert_eq!(server.get("/v2").status, 401);
    assert_eq!(server.get("/metrics").status, 401);
    assert_eq!(server.get("/v2/health/ready").status, 200);
    secret(&server, &old).expect(200);
    assert_eq!(secret(&server, &narrow).expect(403).json()["code"], "scope");
    assert_eq!(secret(&server, "strata_none").status, 401);
    let basic = Ask::get("/v1/secret").header("authorization", "Basic dXNlcjpwYXNz");
    assert_eq!(server.send(&basic).status, 401);

    let new = key(&file, "new", &[Scope::Read]);
    keys::remove(&file, "old").unwrap();
    assert_eq!(secret(&server, &new).status, 401, "not before it is told to");
    secret(&server, &old).expect(200);
    server.running().reload();
    secret(&server, &new).expect(200);
    assert_eq!(secret(&server, &old).status, 401);

    // A file that cannot be read leaves the keys as they are: nobody is let in, nobody locked out.
    std::fs::write(&file, "[[keys]]\nname = ").unwrap();
    server.running().reload();
    secret(&server, &new).expect(200);
    assert_eq!(server.get("/v1/secret").status, 401);
    std::fs::remove_file(&file).unwrap();
    server.running().reload();
    secret(&server, &new).expect(200);
    assert_eq!(server.get("/v1/secret").status, 401);
}

/// Writes a model under a version; returns when card and files lie there.
fn write(dir: &Path, name: &str, (version, model): (&str, &Model)) {
    let folder = write_card(dir, &CardSpec::new(name), model).unwrap();
    let card = folder.join("card.toml");
    let text = std::fs::read_to_string(&card).unwrap();
    let line = text.lines().find(|line| line.starts_with("version")).unwrap();
    std::fs::write(&card, text.replace(line, &format!("version = {version:?}"))).unwrap();
}

fn answer(server: &Server, model: &str) -> (u16, Value) {
    let input = json!({"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [3.0]});
    let reply = server.post(&format!("/v2/models/{model}/infer"), &json!({ "inputs": [input] }));
    let body = reply.json();
    (reply.status, json!([body["model_version"], body["outputs"][0]["data"][0]]))
}

fn polling() -> Setup {
    Setup::with(|s| s.models.reload_poll_s = 1)
}

#[test]
fn a_new_version_on_disk_is_picked_up() {
    if !has_runtime() {
        return;
    }
    let setup = polling();
    write(&setup.models(), "line", ("1.0.0", &models::linear(&[2.0], &[0.0])));
    let server = setup.start();
    assert_eq!(answer(&server, "line"), (200, json!(["1.0.0", 6.0])));
    write(&server.models(), "line", ("1.1.0", &models::linear(&[5.0], &[0.0])));
    until("the new version answers", || answer(&server, "line") == (200, json!(["1.1.0", 15.0])));
    let old = server.get("/v2/models/line/versions/1.0.0").expect(404);
    assert!(old.json()["error"].as_str().unwrap().contains("1.1.0"), "{}", old.text());
    let reloads = "strata_reloads_total{model=\"line\",result=\"success\"}";
    assert!(server.metric(reloads).is_some_and(|n| n >= 1.0));
    let text = server.get("/metrics").text();
    let infos: Vec<&str> = text.lines().filter(|l| l.starts_with("strata_model_info{")).collect();
    assert_eq!(infos.len(), 1, "{infos:?}");
    assert!(infos[0].contains("version=\"1.1.0\"") && infos[0].ends_with(" 1"), "{infos:?}");
}

#[test]
fn a_model_whose_card_comes_before_its_file_is_served_when_that_comes() {
    if !has_runtime() {
        return;
    }
    // How `cp -r` and `rsync` copy a folder: card.toml, then new.onnx.
    let server = polling().start();
    let aside = tempfile::tempdir().unwrap();
    write(aside.path(), "new", ("1.0.0", &models::linear(&[2.0], &[1.0])));
    let folder = server.models().join("new");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(aside.path().join("new/card.toml"), folder.join("card.toml")).unwrap();
    until("the card is seen", || server.get("/v2/models/new").text().contains("new.onnx"));
    std::thread::sleep(Duration::from_millis(1200));
    std::fs::copy(aside.path().join("new/new.onnx"), folder.join("new.onnx")).unwrap();
    until("it answers", || answer(&server, "new") == (200, json!(["1.0.0", 7.0])));
    assert_eq!(server.get("/v2/health/ready").status, 200);
}

#[test]
fn a_replacement_that_is_copied_slowly_is_taken_when_it_is_whole() {
    if !has_runtime() {
        return;
    }
    let setup = polling();
    write(&setup.models(), "line", ("1.0.0", &models::linear(&[2.0], &[0.0])));
    let server = setup.start();
    let aside = tempfile::tempdir().unwrap();
    write(aside.path(), "line", ("2.0.0", &models::linear(&[5.0], &[0.0])));
    let folder = server.models().join("line");
    std::fs::copy(aside.path().join("line/card.toml"), folder.join("card.toml")).unwrap();
    let failures = "strata_reloads_total{model=\"line\",result=\"failure\"}";
    until("the half of it is refused", || server.metric(failures).is_some_and(|n| n >= 1.0));
    assert_eq!(answer(&server, "line"), (200, json!(["1.0.0", 6.0])), "the old one goes on");
    std::fs::copy(aside.path().join("line/line.onnx"), folder.join("line.onnx")).unwrap();
    until("the new version answers", || answer(&server, "line") == (200, json!(["2.0.0", 15.0])));
}

#[test]
fn loading_a_model_without_its_file_does_not_say_that_it_worked() {
    let setup = Setup::with(|s| s.models.control = true);
    write(&setup.models(), "line", ("1.0.0", &models::linear(&[2.0], &[0.0])));
    std::fs::remove_file(setup.models().join("line/line.onnx")).unwrap();
    let server = setup.start();
    let reply = server.post("/v2/repository/models/line/load", &json!({})).expect(404);
    assert!(reply.json()["error"].as_str().unwrap().contains("line.onnx"), "{}", reply.text());
    assert_eq!(server.post("/v2/repository/models/none/load", &json!({})).status, 404);
}
