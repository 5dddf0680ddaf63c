//! The server gives the command line's answers: detections, anomalies, belts; and says what is wrong
//! with a picture.
#![allow(clippy::unwrap_used, reason = "tests")]

mod serve_support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use serve_support::{
    Server, bank, ended, has_runtime, models, picture, png, program, ran, text, with_square,
};
use strata_vision::encode::{self, JpegOptions};
use strata_vision::image::{DecodeLimits, decode};

/// Rows that a command wrote, a line of JSON each.
fn rows(path: &Path) -> Vec<Value> {
    let written = std::fs::read_to_string(path).unwrap();
    written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Whether two rows say the same: numbers to a millionth, the rest exactly. What only the reply has
/// (provenance, say) does not count.
fn same(row: &Value, reply: &Value) -> bool {
    match (row, reply) {
        (Value::Object(row), Value::Object(reply)) => {
            row.iter().all(|(key, value)| reply.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(row), Value::Array(reply)) => {
            row.len() == reply.len() && row.iter().zip(reply).all(|(a, b)| same(a, b))
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-6 * a.abs().max(1.0)
        }
        (row, reply) => row == reply,
    }
}

/// Some pictures in a folder.
fn pictures(dir: &Path) -> PathBuf {
    let folder = dir.join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, size, rgb) in [
        ("a.png", (64, 48), [200, 40, 90]),
        ("b.png", (40, 90), [30, 220, 10]),
        ("c.png", (320, 240), [160, 150, 10]),
        ("d.png", (33, 31), [10, 10, 10]),
    ] {
        let bytes = png(&picture(size, rgb, 7));
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    std::fs::write(folder.join("e.png"), b"no picture at all").unwrap();
    folder
}

#[test]
fn detections_are_the_commands() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (models, folder) = (models(dir.path()), pictures(dir.path()));
    let out = dir.path().join("found.jsonl");
    ran(&[
        "detect",
        text(&folder),
        "--model",
        "tiny-detector",
        "--models-dir",
        text(&models),
        "--out",
        text(&out),
        "--conf",
        "0.1",
        "--quiet",
    ]);
    let server = Server::start(&models, &[]);
    let rows = rows(&out);
    assert_eq!(rows.len(), 5);
    let mut found = 0;
    for row in &rows {
        let name = row["image"].as_str().unwrap();
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let path = format!("/v1/detect?model=tiny-detector&conf=0.1&name={name}");
        let reply = server.post(&path, &bytes);
        if let Some(error) = row.get("error") {
            let code = format!("picture-{}", error["code"].as_str().unwrap().replace('_', "-"));
            assert_eq!(Value::from(reply.problem(422, &code)), error["message"]);
            continue;
        }
        let reply = reply.expect(200).json();
        assert!(same(row, &reply), "{row}\n{reply}");
        found += reply["objects"].as_array().unwrap().len();
        assert_eq!(reply["provenance"]["model"], "tiny-detector");
        assert_eq!(reply["provenance"]["featuriser"]["id"], "vision/1");
        assert_eq!(reply["settings"]["usual_confidence"], 0.25);
    }
    assert_eq!(found, 6, "two in each of three pictures");
}

#[test]
fn what_to_look_for_is_the_callers() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = models(dir.path());
    let scenario = dir.path().join("ours.toml");
    let toml = "name = \"ours\"\ntitle = \"Ours\"\ntitle_zh = \"我们的\"\nversion = \"2.0.0\"\ndescription = \"A test.\"\n\
         mode = \"detect\"\nmodel = \"tiny-detector\"\n[detect]\nconfidence = 0.6\n";
    std::fs::write(&scenario, toml).unwrap();
    let server = Server::start(&models, &["--mining-scenarios", text(&scenario)]);
    let bytes = png(&picture((64, 48), [200, 100, 0], 1));
    let labels = |path: &str| -> Vec<String> {
        let reply = server.post(path, &bytes).expect(200).json();
        let objects = reply["objects"].as_array().unwrap();
        objects.iter().map(|object| object["label"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(labels("/v1/detect?scenario=ours"), ["red"]);
    assert_eq!(labels("/v1/detect?scenario=ours&conf=0.1"), ["red", "green"]);
    assert_eq!(labels("/v1/detect?scenario=ours&conf=0.1&classes=green"), ["green"]);
    assert_eq!(labels("/v1/detect?model=tiny-detector&conf=0.9"), [""; 0]);
    let reply = server.post("/v1/detect?scenario=ours", &bytes).expect(200).json();
    assert_eq!(reply["scenario"]["version"], "2.0.0");
    assert_eq!(reply["objects"][0]["label_zh"], "红");

    let listed = server.get("/v1/scenarios").expect(200).json();
    let ours =
        listed["scenarios"].as_array().unwrap().iter().find(|one| one["name"] == "ours").unwrap();
    assert_eq!(
        (&ours["ready"], &ours["classes"][1]["name_zh"]),
        (&Value::from(true), &Value::from("绿"))
    );
    assert_eq!(listed["models"][0]["name"], "tiny-detector");
    let detail = server.get("/v1/scenarios/ours").expect(200).json();
    assert_eq!(detail["toml"], toml);
    assert_eq!(detail["provenance"]["model"], "tiny-detector");
    server.get("/v1/scenarios/none").problem(404, "no-scenario");
    let built_in = server.get("/v1/scenarios/belt-deviation").expect(200).json();
    assert_eq!(built_in["toml"], ran(&["scenarios", "belt-deviation"]));

    for (query, status, code, word) in [
        ("", 422, "invalid-value", "neither"),
        ("?scenario=none", 422, "invalid-value", "belt-damage"),
        ("?scenario=belt-deviation", 422, "invalid-value", "/v1/belt"),
        ("?scenario=surface-anomaly", 422, "invalid-value", "/v1/inspect"),
        ("?model=none", 422, "invalid-value", "none"),
        ("?model=tiny-features", 422, "invalid-value", "tiny-features"),
        ("?model=tiny-detector&conf=2", 422, "invalid-value", "0 to 1"),
        ("?model=tiny-detector&conf=NaN", 422, "invalid-value", "0 to 1"),
        ("?model=tiny-detector&classes=blue", 422, "invalid-value", "red, green"),
        ("?model=tiny-detector&tile=8", 422, "invalid-value", "too small"),
        ("?model=tiny-detector&colour=red", 422, "invalid-parameter", "colour"),
    ] {
        let said = server.post(&format!("/v1/detect{query}"), &bytes).problem(status, code);
        assert!(said.contains(word), "{query}: {said}");
    }
    server.post("/v1/detect?model=tiny-detector", b"").problem(400, "no-body");
}

#[test]
fn tiles_are_looked_at_as_the_command_does() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = models(dir.path());
    let file = dir.path().join("wide.png");
    let bytes = png(&with_square(picture((200, 64), [60, 60, 60], 3), (140, 0, 60), [255, 0, 0]));
    std::fs::write(&file, &bytes).unwrap();
    let out = dir.path().join("found.jsonl");
    ran(&[
        "detect",
        text(&file),
        "--model",
        "tiny-detector",
        "--models-dir",
        text(&models),
        "--out",
        text(&out),
        "--tile",
        "64",
        "--quiet",
    ]);
    let server = Server::start(&models, &[]);
    let reply = server.post("/v1/detect?model=tiny-detector&tile=64&name=wide.png", &bytes);
    let (row, reply) = (&rows(&out)[0], reply.expect(200).json());
    assert!(same(row, &reply), "{row}\n{reply}");
    assert!(row["objects"].as_array().unwrap().len() > 1, "{row}");
    assert_eq!(reply["settings"]["tile"], 64);
}

#[test]
fn anomalies_are_the_commands_and_normals_can_be_added() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = models(dir.path());
    let bank = bank(dir.path(), &models);
    let odd = with_square(picture((64, 48), [100, 100, 100], 99), (20, 10, 16), [250, 20, 20]);
    let (odd, normal) = (png(&odd), png(&picture((64, 48), [100, 100, 100], 50)));
    let (file, out) = (dir.path().join("odd.png"), dir.path().join("scores.jsonl"));
    std::fs::write(&file, &odd).unwrap();
    let inspect =
        ["inspect", text(&file), "--bank", text(&bank), "--models-dir", text(&models), "--out"];
    ended(2, &[&inspect[..], &[text(&out), "--quiet"]].concat());

    let server = Server::start(&models, &["--mining-banks", text(&bank)]);
    let first = server.post("/v1/inspect?bank=plate&name=odd.png", &odd).expect(200).json();
    let row = &rows(&out)[0];
    assert!(same(row, &first), "{row}\n{first}");
    assert_eq!(first["anomalous"], true);
    assert!(!first["regions"].as_array().unwrap().is_empty(), "{first}");
    let map = &first["map"];
    let (wide, high) = (map["columns"].as_u64().unwrap(), map["rows"].as_u64().unwrap());
    assert_eq!((wide, high), (64, 48));
    let values: Vec<f64> =
        map["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert_eq!(values.len() as u64, wide * high);
    let hottest =
        (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap() as u64;
    let (x, y) = (hottest % wide, hottest / wide);
    assert!((16..40).contains(&x) && (6..30).contains(&y), "the heat is at {x}, {y}");
    let calm = server.post("/v1/inspect?bank=plate", &normal).expect(200).json();
    assert_eq!(
        (&calm["anomalous"], &calm["image"]),
        (&Value::from(false), &Value::from("picture"))
    );

    // The picture is normal after all.
    let listed = server.get("/v1/banks").expect(200).json();
    assert_eq!(
        (&listed["banks"][0]["ready"], &listed["banks"][0]["normals"]),
        (&Value::from(true), &Value::from(8))
    );
    let add = "/v1/banks/plate/normals?name=odd%2Fone.png";
    let added = server.post(add, &odd).expect(200).json();
    assert_eq!(added["normals"], 9);
    assert!(added["kept"].as_u64().unwrap() > 0, "{added}");
    server.post(add, &odd).problem(409, "normal-known");
    let second = server.post("/v1/inspect?bank=plate&name=odd.png", &odd).expect(200).json();
    assert!(
        second["score"].as_f64().unwrap() < 1e-3 * first["score"].as_f64().unwrap(),
        "{second}"
    );
    assert_eq!(
        (&second["anomalous"], &second["threshold"]),
        (&Value::from(false), &first["threshold"])
    );
    assert_ne!(second["bank"]["sha256"], first["bank"]["sha256"]);
    assert_eq!(second["bank"]["sha256"], added["bank"]["sha256"]);
    // It is in the file: the command says the same.
    let again = dir.path().join("again.jsonl");
    ran(&[&inspect[..], &[text(&again), "--quiet"]].concat());
    assert!(same(&rows(&again)[0], &second), "{second}");

    let detail = server.get("/v1/banks/plate").expect(200).json();
    let names: Vec<&str> =
        detail["normals"].as_array().unwrap().iter().map(|n| n["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), names[8]), (9, "odd/one.png"));
    server.delete("/v1/banks/plate/normals/odd%2Fone.png").expect(204);
    server.delete("/v1/banks/plate/normals/odd%2Fone.png").problem(404, "no-normal");
    let third = server.post("/v1/inspect?bank=plate&name=odd.png", &odd).expect(200).json();
    assert!(same(&first["score"], &third["score"]), "as before: {third}");
    assert_eq!(third.get("threshold"), None, "what it promised holds no more");
    server.post("/v1/inspect?bank=none", &odd).problem(404, "no-bank");
    server.get("/v1/banks/none").problem(404, "no-bank");
    server.post("/v1/banks/plate/normals?name=x", b"GIF89a").expect(422);
    server.post("/v1/banks/plate/normals?name=", &odd).problem(422, "invalid-value");
    assert_eq!(
        server.get("/v1/banks/plate").expect(200).json()["normals"].as_array().unwrap().len(),
        8
    );
}

#[test]
fn belts_are_the_commands() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/mining/belt");
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("models");
    std::fs::create_dir_all(&models).unwrap();
    let out = dir.path().join("belt.jsonl");
    ran(&["belt", text(&samples), "--out", text(&out), "--quiet"]);
    let server = Server::start(&models, &[]);
    for row in rows(&out) {
        let name = row["image"].as_str().unwrap();
        let bytes = std::fs::read(samples.join(name)).unwrap();
        let reply = server.post(&format!("/v1/belt?name={name}"), &bytes).expect(200).json();
        assert!(same(&row, &reply), "{row}\n{reply}");
        // Load hides the right edge of the overflowing belt: no edge is made up, but load over it is overflow, and the
        // baseline's width tells the deviation.
        let belt = &reply["belt"];
        assert_eq!(belt["found"], name != "overflowing.jpg", "{name}");
        assert_eq!(belt["hidden"]["side"].as_str(), (name == "overflowing.jpg").then_some("right"));
        assert_eq!(belt["overflow"].as_array().unwrap().is_empty(), name != "overflowing.jpg");
        assert!(belt["deviation"]["share"].is_number(), "{belt}");
        assert!(belt["tears"].as_array().unwrap().is_empty(), "{belt}");
        assert_eq!(reply["scenario"]["name"], "belt-deviation");
        let drawn = server.post_for("/v1/belt", "image/jpeg", &bytes).expect(200);
        assert_eq!(drawn.content_type, "image/jpeg");
        let image = decode(&drawn.body, &DecodeLimits::default()).unwrap();
        assert_eq!(image.width(), row["width"].as_u64().unwrap() as u32);
    }
    server.post("/v1/belt?scenario=belt-damage", b"x").problem(422, "invalid-value");
}

#[test]
fn pictures_come_back_drawn_on() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = models(dir.path());
    let bank = bank(dir.path(), &models);
    let server = Server::start(&models, &["--mining-banks", text(&bank)]);
    let plain = picture((96, 64), [180, 40, 40], 5);
    let bytes = png(&plain);
    for (path, accept) in [
        ("/v1/detect?model=tiny-detector", "image/png"),
        ("/v1/detect?model=tiny-detector", "image/jpeg, application/json;q=0.1"),
        ("/v1/inspect?bank=plate", "image/png"),
        ("/v1/picture", "image/jpeg"),
    ] {
        let reply = server.post_for(path, accept, &bytes).expect(200);
        let kind = accept.split(',').next().unwrap();
        assert_eq!(reply.content_type, kind);
        let image = decode(&reply.body, &DecodeLimits::default()).unwrap();
        assert_eq!(image.size(), plain.size());
        let far = |(a, b): (&u8, &u8)| a.abs_diff(*b) > 60;
        let changed = image.data().iter().zip(plain.data()).filter(|pair| far(*pair)).count();
        assert_eq!(changed > 50, path != "/v1/picture", "{path}: {changed} values differ");
    }
    let reply = server.post_for("/v1/detect?model=tiny-detector", "*/*", &bytes).expect(200);
    assert_eq!(reply.content_type, "application/json");
}

/// A picture file of a size that it does not have.
fn pretended_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&[8, 2, 0, 0, 0]);
    let crc = crc32(&bytes[12..]);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes.extend_from_slice(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    bytes
}

/// CRC-32 of PNG chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn what_is_wrong_with_a_picture_is_said() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = models(dir.path());
    let server = Server::start(
        &models,
        &["--limits-body-bytes", "8MiB", "--limits-image-pixels", "1000000"],
    );
    let good = encode::jpeg(&picture((120, 80), [120, 90, 60], 2), JpegOptions::default()).unwrap();
    let cut = &good[..good.len() / 2];
    let zero = pretended_png(0, 10);
    let huge = pretended_png(50_000, 50_000);
    let large = png(&picture((1001, 1000), [0, 0, 0], 1));
    let mut corrupt = png(&picture((64, 64), [10, 200, 30], 4));
    let middle = corrupt.len() / 2;
    corrupt[middle..middle + 40].fill(0xff);
    let path = "/v1/detect?model=tiny-detector&name=shift-3.jpg";
    for (what, bytes, status, code) in [
        ("text", &b"hello"[..], 422, "picture-unknown-format"),
        ("cut", cut, 422, "picture-truncated"),
        ("corrupt", &corrupt, 422, "picture-corrupt"),
        ("zero", &zero, 422, "picture-zero-size"),
        ("huge", &huge, 413, "picture-too-large"),
        ("more pixels than the server takes", &large, 413, "picture-too-large"),
    ] {
        let reply = server.post(path, bytes);
        let problem: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            (reply.status, problem["code"].as_str()),
            (status, Some(code)),
            "{what}: {problem}"
        );
        let said = problem["detail"].as_str().unwrap();
        assert!(said.starts_with("shift-3.jpg"), "{what}: {said}");
        assert!(problem["remedy"].as_str().unwrap().contains("JPEG"), "{problem}");
        // Every operation on pictures says the same.
        server.post("/v1/belt?name=shift-3.jpg", bytes).problem(status, code);
    }
    let body = vec![0_u8; (8 << 20) + 1];
    server.post(path, &body).expect(413);
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(server.url(path)).header("content-type", "text/plain");
    assert_eq!(request.send(&good[..]).unwrap().status(), 415);

    // What is unusual but sound is read.
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/vision/tests/data");
    let unusual = std::fs::read_dir(&data)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let unusual: Vec<PathBuf> = unusual.unwrap_or_default();
    let mut seen = Vec::new();
    for file in unusual.into_iter().filter(|file| file.is_file()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&file).unwrap();
        let Ok(expected) = decode(&bytes, &DecodeLimits::default()) else { continue };
        let reply = server.post(path, &bytes).expect(200).json();
        assert_eq!(reply["width"].as_u64().unwrap() as u32, expected.width(), "{name}");
        seen.push(name);
    }
    for name in
        ["cmyk_adobe.jpg", "cmyk.tif", "rgb16.png", "grey16.tif", "animated.gif", "animated.webp"]
    {
        assert!(seen.iter().any(|seen| seen == name), "{name} is not among {seen:?}");
    }
}

#[test]
fn the_document_is_the_one_in_the_repository() {
    let output = program().args(["serve", "--print-openapi"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = String::from_utf8(output.stdout).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("STRATA_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "the API changed: look at it, then run this test with STRATA_BLESS=1");
    let document: Value = serde_json::from_str(&made).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
        }
    }
}
