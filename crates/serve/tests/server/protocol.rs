//! The Open Inference Protocol: what is there, and tensors of every type that comes.

use serde_json::{Value, json};
use strata_testkit::models;
use strata_testkit::onnx::{Dim, Dtype, Graph, Model, Node, Value as Port};

use crate::app::Setup;
use crate::client::{Ask, Reply};

pub(crate) fn has_runtime() -> bool {
    let there = strata_core::paths::ort_library().is_ok_and(|path| path.is_file());
    if !there {
        strata_testkit::skip("no ONNX Runtime library: run `cargo xtask setup`");
    }
    there
}

/// `out_… = in_…`, both `["N", 2]`, of each type that a test model can have.
fn every_type() -> Model {
    let shape = [Dim::from("N"), Dim::from(2)];
    let all =
        [("f32", Dtype::F32), ("i32", Dtype::I32), ("i64", Dtype::I64), ("bool", Dtype::Bool)];
    let port = |way: &str, (name, dtype): (&str, Dtype)| {
        Port::new(&format!("{way}_{name}"), dtype, &shape)
    };
    let node = |(name, _): (&str, Dtype)| {
        Node::new("Identity", &[&format!("in_{name}")], &[&format!("out_{name}")])
    };
    Model::new(Graph {
        nodes: all.map(node).to_vec(),
        inputs: all.map(|one| port("in", one)).to_vec(),
        outputs: all.map(|one| port("out", one)).to_vec(),
        ..Graph::default()
    })
}

fn models() -> Setup {
    Setup::new().model("types", &every_type()).model("line", &models::linear(&[2.0], &[1.0]))
}

fn error(reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.json()["error"].as_str().expect("an error").to_owned()
}

#[test]
fn metadata_names_every_type() {
    if !has_runtime() {
        return;
    }
    let server = models().start();
    let about = server.get("/v2").expect(200).json();
    assert_eq!(about["name"], "strata-test");
    assert!(about["extensions"].as_array().unwrap().contains(&json!("binary_tensor_data")));
    let metadata = server.get("/v2/models/types").expect(200).json();
    assert_eq!(metadata["platform"], "onnxruntime_onnx");
    assert_eq!(metadata["versions"], json!(["1.0.0"]));
    for (way, ports) in [("in", &metadata["inputs"]), ("out", &metadata["outputs"])] {
        let ports: Vec<Value> = ports.as_array().unwrap().clone();
        let expected = [("f32", "FP32"), ("i32", "INT32"), ("i64", "INT64"), ("bool", "BOOL")]
            .map(|(name, datatype)| {
                json!({"name": format!("{way}_{name}"), "datatype": datatype, "shape": [-1, 2]})
            });
        assert_eq!(ports, expected);
    }
    let facts = &metadata["parameters"];
    assert_eq!(facts["provider"], "CPUExecutionProvider");
    assert_eq!(facts["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(server.get("/v2/models/types/versions/1.0.0").expect(200).json(), metadata);
    let ready = server.get("/v2/models/types/versions/1.0.0/ready").expect(200).json();
    assert_eq!((&ready["ready"], &ready["version"]), (&json!(true), &json!("1.0.0")));
    let whole = server.get("/v2/health/ready").expect(200).json();
    assert_eq!(whole["models"].as_array().unwrap().len(), 2);
}

#[test]
fn tensors_of_every_type_come_back_as_they_went() {
    if !has_runtime() {
        return;
    }
    let server = models().start();
    let data = json!({
        "f32": [1.5, -0.25, 3.4028235e38, 0.0],
        "i32": [i32::MIN, i32::MAX, 0, -1],
        "i64": [i64::MIN, i64::MAX, 9_007_199_254_740_993_i64, -1],
        "bool": [true, false, false, true],
    });
    let types = [("f32", "FP32"), ("i32", "INT32"), ("i64", "INT64"), ("bool", "BOOL")];
    let input = |(name, datatype): (&str, &str)| {
        json!({
            "name": format!("in_{name}"), "datatype": datatype, "shape": [2, 2], "data": data[name],
        })
    };
    let ask = json!({"id": "all", "inputs": types.map(input)});
    let reply = server.post("/v2/models/types/infer", &ask).expect(200).json();
    assert_eq!((&reply["id"], &reply["model_name"]), (&json!("all"), &json!("types")));
    for (output, (name, datatype)) in reply["outputs"].as_array().unwrap().iter().zip(types) {
        assert_eq!(output["name"], format!("out_{name}"));
        assert_eq!((&output["datatype"], &output["shape"]), (&json!(datatype), &json!([2, 2])));
        for (got, sent) in
            output["data"].as_array().unwrap().iter().zip(data[name].as_array().unwrap())
        {
            match name {
                "f32" => assert_eq!(got.as_f64().unwrap() as f32, sent.as_f64().unwrap() as f32),
                _ => assert_eq!(got, sent, "{name}"),
            }
        }
    }
    // Only what is asked for, in that order.
    let mut some = ask.clone();
    some["outputs"] = json!([{"name": "out_bool"}, {"name": "out_f32"}]);
    let reply = server.post("/v2/models/types/infer", &some).expect(200).json();
    let names: Vec<&Value> =
        reply["outputs"].as_array().unwrap().iter().map(|output| &output["name"]).collect();
    assert_eq!(names, ["out_bool", "out_f32"]);
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    if !has_runtime() {
        return;
    }
    let server = models().start();
    for path in ["", "/ready", "/versions/1.0.0", "/versions/1.0.0/ready"] {
        let text = error(&server.get(&format!("/v2/models/none{path}")), 404);
        assert!(text.contains("none") && text.contains("line, types"), "{text}");
    }
    for path in ["", "/ready"] {
        let text = error(&server.get(&format!("/v2/models/line/versions/9{path}")), 404);
        assert!(text.contains("1.0.0"), "{text}");
    }
    let infer = |path: &str, body: &str| server.send(&Ask::new("POST", path).body(body));
    error(&infer("/v2/models/none/infer", "{}"), 404);
    error(&infer("/v2/models/line/versions/9/infer", "{}"), 404);
    let text = error(&infer("/v2/models/line/infer", ""), 400);
    assert!(text.contains("empty"), "{text}");
    error(&infer("/v2/models/line/infer", "{}"), 422);
    error(&infer("/v2/models/line/infer", "{\"inputs\":[]}"), 400);
    let csv =
        Ask::new("POST", "/v2/models/line/infer").header("content-type", "text/csv").body("1");
    error(&server.send(&csv), 415);
    // Loading and unloading are not offered unless the settings say so.
    error(&infer("/v2/repository/models/line/unload", "{}"), 404);
}

fn line(parameters: &Value) -> Value {
    let input = json!({"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [3.0]});
    json!({"parameters": parameters, "inputs": [input]})
}

#[test]
fn priority_and_timeout_are_heeded() {
    if !has_runtime() {
        return;
    }
    let server = models().start();
    let infer = |parameters: Value| server.post("/v2/models/line/infer", &line(&parameters));
    for parameters in [
        json!({}),
        json!({"priority": 0}),
        json!({"priority": 1}),
        json!({"priority": 7}),
        json!({"timeout": 0}),
        json!({"timeout": 20_000_000}),
        json!({"timeout": u64::MAX}),
        json!({"sequence_id": 5, "anything": "else"}),
    ] {
        let reply = infer(parameters.clone()).expect(200).json();
        assert_eq!(reply["outputs"][0]["data"], json!([7.0]), "{parameters}");
        assert_eq!(reply["parameters"]["batch_rows"], 1, "{reply}");
    }
    for parameters in
        [json!({"priority": "high"}), json!({"priority": -1}), json!({"timeout": "1s"})]
    {
        error(&infer(parameters), 400);
    }
    // 1 µs is over before anything can run.
    let late = infer(json!({"timeout": 1}));
    assert_eq!(late.header("retry-after"), Some("1"));
    error(&late, 503);
}

#[test]
fn the_index_lists_all_or_what_is_ready() {
    if !has_runtime() {
        return;
    }
    let setup = models().model("absent", &models::identity(1));
    std::fs::remove_file(setup.models().join("absent/absent.onnx")).unwrap();
    let server = setup.start();
    let index = |body: &str| {
        let ask = Ask::new("POST", "/v2/repository/index").body(body);
        let rows = server.send(&ask).expect(200).json();
        let row = |row: &Value| (row["name"].clone(), row["state"].clone());
        rows.as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let ready = [(json!("line"), json!("READY")), (json!("types"), json!("READY"))];
    let mut all = vec![(json!("absent"), json!("UNAVAILABLE"))];
    all.extend(ready.clone());
    for body in ["", "{}", "{\"ready\":false}"] {
        assert_eq!(index(body), all, "{body:?}");
    }
    assert_eq!(index("{\"ready\":true}"), ready);
    let bad = Ask::new("POST", "/v2/repository/index").body("{\"ready\":\"yes\"}");
    error(&server.send(&bad), 422);
    // A model that was never fetched is no reason for a server not to be ready.
    let text = error(&server.get("/v2/models/absent"), 404);
    assert!(text.contains("absent.onnx"), "{text}");
    assert!(!text.contains(server.dir.path().to_str().unwrap()), "no paths of the server: {text}");
}
