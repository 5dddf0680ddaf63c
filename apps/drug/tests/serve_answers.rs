//! The server gives the command line's answers: predictions, jobs, drawings, searches, tensors.
#![allow(clippy::unwrap_used, reason = "tests")]

mod screen_support;
mod serve_support;

use std::io::Read;
use std::path::Path;

use screen_support::{demo_library, has_runtime, program, screened, table, text};
use serde_json::{Value, json};
use serve_support::Server;
use strata_testkit::serve::encoded;

/// Molecules of the demo library with their names; some are broken on purpose.
fn molecules(rows: usize) -> Vec<(String, String)> {
    let demo = std::fs::read_to_string(demo_library()).unwrap();
    let mut all: Vec<(String, String)> = demo
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next().unwrap_or("").to_owned()))
        })
        .take(rows)
        .collect();
    all.push(("C1CC".to_owned(), "open-ring".to_owned()));
    all.push(("CN(C)(C)(C)C".to_owned(), "valence".to_owned()));
    all
}

fn csv_of(molecules: &[(String, String)]) -> String {
    let rows: Vec<String> = molecules.iter().map(|(s, id)| format!("\"{s}\",{id}")).collect();
    format!("smiles,id\n{}\n", rows.join("\n"))
}

/// A cell of JSON as the command line writes it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Compares numbers as numbers: 1.0 is 1.
fn same(a: &str, b: &str) -> bool {
    a == b || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if a == b)
}

#[test]
fn command_line_request_and_job_give_the_same_numbers() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let molecules = molecules(300);
    let input = dir.path().join("in.csv");
    std::fs::write(&input, csv_of(&molecules)).unwrap();
    let out = dir.path().join("out.csv");
    screened(&[text(&input), "--out", text(&out), "--quiet"]);
    let by_command = table(&out);

    let server = Server::start(dir.path(), &[]);
    let ask: Vec<Value> =
        molecules.iter().map(|(smiles, id)| json!({"smiles": smiles, "id": id})).collect();
    let reply = server.json("/v1/predict", &json!({ "smiles": ask })).expect(200).json();
    let names: Vec<&str> =
        reply["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, by_command.0, "the columns");
    let rows = reply["rows"].as_array().unwrap();
    assert_eq!(rows.len(), by_command.1.len());
    for (row, expected) in rows.iter().zip(&by_command.1) {
        for (name, expected) in names.iter().zip(expected) {
            let got = shown(&row[name]);
            assert!(same(&got, expected), "{name}: {got} by HTTP, {expected} by the command");
        }
    }
    assert_eq!(reply["failed"]["parse"], 1);
    assert_eq!(reply["provenance"]["models"].as_array().unwrap().len(), 4);

    // One molecule at a time, in other batches: the same predictions.
    let alone =
        server.json("/v1/predict", &json!({"smiles": [&molecules[7].0]})).expect(200).json();
    for name in names.iter().filter(|name| !["id", "rank"].contains(name)) {
        assert_eq!(alone["rows"][0][name], rows[7][name], "{name}");
    }

    let uploaded =
        server.post("/v1/jobs/screen?filename=in.csv", "text/csv", csv_of(&molecules).as_bytes());
    let job = server.job(uploaded.expect(202).json()["id"].as_str().unwrap());
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(job["summary"]["rows"], molecules.len());
    let path = format!("/v1/jobs/{}/files/result.csv", job["id"].as_str().unwrap());
    let by_job = server.get(&path).expect(200).body;
    assert_eq!(by_job, std::fs::read(&out).unwrap(), "the job's file is the command's");
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let packed = agent.get(server.url(&path)).header("accept-encoding", "gzip").call().unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.into_body().with_config().limit(1 << 30).read_to_vec().unwrap();
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, by_job, "the same packed");
}

#[test]
fn other_operations_are_the_commands_too() {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("demo.sfp");
    let run = |args: &[&str]| {
        let output = program().args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["index", text(&demo_library()), "--out", text(&library)]);
    let server = Server::start_cold(dir.path(), &["--drug-libraries", text(&library)]);
    let query = "CC(C)Cc1ccc(cc1)C(C)C(=O)O";

    let found = run(&["search", query, "--db", text(&library), "--top-k", "5", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let reply = server.json("/v1/search", &json!({"smiles": [query], "top_k": 5}));
    assert_eq!(reply.expect(200).json()["results"], found);

    let found = run(&["substructure", "S(=O)(=O)NC(=O)N", "--db", text(&library), "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let reply = server.json("/v1/substructure", &json!({"smarts": "S(=O)(=O)NC(=O)N"}));
    assert_eq!(reply.expect(200).json()["hits"], found["hits"]);

    let drawn = run(&["depict", query, "--highlight", "C(=O)O"]);
    let path = format!("/v1/depict?smiles={}&highlight={}", encoded(query), encoded("C(=O)O"));
    let reply = server.get(&path).expect(200);
    assert_eq!(reply.content_type, "image/svg+xml");
    assert_eq!(String::from_utf8(reply.body).unwrap().trim(), drawn.trim());

    let standard = run(&["standardize", "CC(=O)[O-].[Na+]"]);
    let reply = server.json("/v1/standardize", &json!({"smiles": ["CC(=O)[O-].[Na+]", "C1CC"]}));
    let reply = reply.expect(200).json();
    assert_eq!(reply["molecules"][0]["standard_smiles"], standard.trim());
    assert_eq!(reply["molecules"][1]["error_code"], "parse");

    let described = run(&["describe", query, "--json"]);
    let described: Value = serde_json::from_str(&described).unwrap();
    let described = described.get(0).unwrap_or(&described);
    let reply = server.json("/v1/describe", &json!({"smiles": query})).expect(200).json();
    assert_eq!(reply["description"]["descriptors"], described["descriptors"]);

    let scenario = run(&["scenarios", "cns-penetration"]);
    let reply = server.get("/v1/scenarios/cns-penetration").expect(200).json();
    assert_eq!(reply["toml"], scenario);
    server.get("/v1/scenarios/none").expect(404);
}

#[test]
fn a_file_of_the_server_is_no_query() {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("demo.sfp");
    let status = program()
        .args(["index", text(&demo_library()), "--out", text(&library)])
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    let server = Server::start_cold(dir.path(), &["--drug-libraries", text(&library)]);
    let file = demo_library();
    let reply =
        server.json("/v1/search", &json!({"smiles": [text(&file), "-"]})).expect(200).json();
    for result in reply["results"].as_array().unwrap() {
        assert_eq!(result["error_code"], "parse", "{result}");
    }
}

#[test]
fn tensors_in_json_and_bytes_give_the_golden_answer() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let shipped =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared-models/esol/golden.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(shipped).unwrap()).unwrap();
    let (input, output) = (&golden["inputs"]["features"], &golden["outputs"]["predictions"]);
    let expected: Vec<f64> =
        output["data"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let near = |got: &[f64]| {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(&expected) {
            assert!((got - expected).abs() <= 1e-5, "{got} {expected}");
        }
    };
    let tensor = |extra: Value| {
        let mut tensor =
            json!({"name": "features", "datatype": "FP32", "shape": input["shape"].clone()});
        tensor.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        tensor
    };
    let ask = json!({"id": "g", "inputs": [tensor(json!({"data": input["data"].clone()}))]});
    let reply = server.json("/v2/models/esol/infer", &ask).expect(200).json();
    assert_eq!((&reply["id"], &reply["model_version"]), (&json!("g"), &json!("1.0.0")));
    assert_eq!(reply["parameters"]["provider"], "CPUExecutionProvider");
    assert_eq!(reply["outputs"][0]["shape"], output["shape"]);
    let got: Vec<f64> = reply["outputs"][0]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    near(&got);

    let bytes: Vec<u8> = input["data"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|v| (v.as_f64().unwrap() as f32).to_le_bytes())
        .collect();
    let head = json!({
        "inputs": [tensor(json!({"parameters": {"binary_data_size": bytes.len()}}))],
        "outputs": [{"name": "predictions", "parameters": {"binary_data": true}}],
    })
    .to_string();
    let body = [head.as_bytes(), &bytes].concat();
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let mut answer = agent
        .post(server.url("/v2/models/esol/versions/1.0.0/infer"))
        .header("inference-header-content-length", head.len().to_string())
        .header("content-type", "application/octet-stream")
        .send(&body)
        .unwrap();
    let length = answer.headers()["inference-header-content-length"].to_str().unwrap();
    let length: usize = length.parse().unwrap();
    let body = answer.body_mut().read_to_vec().unwrap();
    let head: Value = serde_json::from_slice(&body[..length]).unwrap();
    let size = &head["outputs"][0]["parameters"]["binary_data_size"];
    assert_eq!(size, body.len() - length);
    let got: Vec<f64> = body[length..]
        .chunks_exact(4)
        .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
        .collect();
    near(&got);
}

#[test]
fn more_rows_than_a_batch_holds_are_cut_and_put_together() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = screen_support::tiny_model(dir.path());
    let all = ["--models-dir", text(&models), "--batching-max-rows", "7"];
    let server = Server::start(dir.path(), &all);
    let data: Vec<u32> = (0..100 * 64).map(|at| at * 37 % 11).collect();
    let infer = |rows: usize, data: &[u32]| {
        let tensor = json!({"name": "x", "shape": [rows, 64], "datatype": "FP32", "data": data});
        let reply = server.json("/v2/models/tiny/infer", &json!({"inputs": [tensor]}));
        reply.expect(200).json()["outputs"][0].clone()
    };
    let whole = infer(100, &data);
    assert_eq!(whole["shape"], json!([100, 2]));
    for (row, data) in data.chunks(64).enumerate().step_by(9) {
        let alone = infer(1, data);
        assert_eq!(alone["data"][0], whole["data"][2 * row]);
        assert_eq!(alone["data"][1], whole["data"][2 * row + 1]);
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
