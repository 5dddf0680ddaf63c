//! The bill of this workspace against what CycloneDX 1.5 requires, and the small decisions in it.

use std::collections::BTreeSet;

use super::*;

/// What the schema of CycloneDX 1.5 requires of a component and of what hangs on it; collects the references.
fn check_component(value: &Value, references: &mut BTreeSet<String>) {
    const KINDS: [&str; 12] = [
        "application",
        "framework",
        "library",
        "container",
        "platform",
        "operating-system",
        "device",
        "device-driver",
        "firmware",
        "file",
        "machine-learning-model",
        "data",
    ];
    let name =
        value["name"].as_str().filter(|n| !n.is_empty()).unwrap_or_else(|| panic!("{value}"));
    assert!(KINDS.contains(&value["type"].as_str().unwrap()), "{name}: type");
    if let Some(scope) = value.get("scope") {
        assert!(["required", "optional", "excluded"].contains(&scope.as_str().unwrap()), "{name}");
    }
    for hash in value["hashes"].as_array().into_iter().flatten() {
        assert_eq!(hash["alg"], "SHA-256", "{name}");
        let content = hash["content"].as_str().unwrap();
        assert!(content.len() == 64 && content.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
    }
    for licence in value["licenses"].as_array().into_iter().flatten() {
        let choice = licence.as_object().unwrap();
        assert_eq!(choice.len(), 1, "{name}: a licence or an expression, not both");
        if let Some(licence) = choice.get("license") {
            assert!(licence.get("id").is_some() != licence.get("name").is_some(), "{name}");
        }
    }
    for reference in value["externalReferences"].as_array().into_iter().flatten() {
        assert!(reference["url"].is_string() && reference["type"].is_string(), "{name}");
    }
    if let Some(reference) = value["bom-ref"].as_str() {
        assert!(references.insert(reference.to_owned()), "{reference} stands twice");
    }
    for part in value["components"].as_array().into_iter().flatten() {
        check_component(part, references);
    }
}

fn check_bill(bill: &Value) -> BTreeSet<String> {
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&json!("CycloneDX"), &json!("1.5")));
    assert!(bill["version"].as_u64().unwrap() >= 1);
    let serial = bill["serialNumber"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
    let lengths: Vec<usize> = serial.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
    let mut references = BTreeSet::new();
    check_component(&bill["metadata"]["component"], &mut references);
    for part in bill["components"].as_array().unwrap() {
        check_component(part, &mut references);
    }
    let mut seen = BTreeSet::new();
    for dependency in bill["dependencies"].as_array().unwrap() {
        let of = dependency["ref"].as_str().unwrap();
        assert!(references.contains(of) && seen.insert(of.to_owned()), "{of}");
        let on: Vec<&str> = dependency["dependsOn"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_str().unwrap())
            .collect();
        assert_eq!(on.iter().collect::<BTreeSet<_>>().len(), on.len(), "{of}: one named twice");
        assert!(on.iter().all(|r| references.contains(*r)), "{of} depends on what is not listed");
    }
    references
}

#[test]
fn the_workspaces_bill_holds_what_the_schema_requires_and_everything_that_ships() {
    let root = workspace::root().unwrap();
    let host = graph::host().unwrap();
    let written = text(&root, &host).unwrap();
    assert_eq!(written, text(&root, &host).unwrap(), "the same tree, the same bytes");
    let bill: Value = serde_json::from_str(&written).unwrap();
    let references = check_bill(&bill);
    for program in PROGRAMS {
        assert!(references.iter().any(|r| r.starts_with(&format!("pkg:cargo/{program}@"))));
    }
    let lock = Lock::read(&root).unwrap().unwrap();
    for model in &lock.models {
        for file in &model.files {
            assert!(references.contains(&format!("model:{}/{}", model.name, file.path)));
        }
    }
    let all = bill["components"].as_array().unwrap();
    let named = |name: &str| all.iter().find(|c| c["name"] == name);
    // Every crate of the registry carries the digest that cargo checks it by.
    for part in
        all.iter().filter(|c| c["purl"].as_str().is_some_and(|p| p.starts_with("pkg:cargo/")))
    {
        let ours = part["name"].as_str().unwrap().starts_with("strata-");
        assert_eq!(part.get("hashes").is_none(), ours, "{}", part["name"]);
        assert_ne!(part["licenses"], licences("see the crate's files"), "{}", part["name"]);
    }
    assert_eq!(named("ort").unwrap()["scope"], "required");
    assert_eq!(named("serde_derive").unwrap()["scope"], "excluded", "it only builds");
    assert!(named("strata-testkit").is_none() && named("xtask").is_none(), "tests do not ship");
    assert_eq!(named("onnxruntime").unwrap()["version"], ORT_VERSION);
    assert_eq!(named("SQLite").unwrap()["licenses"][0]["license"]["id"], "blessing");
}

#[test]
fn licences_are_told_apart() {
    assert_eq!(licences("MIT"), json!([{"license": {"id": "MIT"}}]));
    assert_eq!(
        licences("(MIT OR Apache-2.0) AND Unicode-3.0"),
        json!([{"expression": "(MIT OR Apache-2.0) AND Unicode-3.0"}])
    );
    let own = "MIT (weights); the data sets' own licences";
    assert_eq!(licences(own), json!([{"license": {"name": own}}]));
}

#[test]
fn the_serial_number_follows_the_content_and_time_is_only_the_given_one() {
    assert_eq!(serial("a"), serial("a"));
    assert_ne!(serial("a"), serial("b"));
    assert_eq!(epoch(None).unwrap(), None);
    assert_eq!(epoch(Some("1700000000")).unwrap().unwrap(), "2023-11-14T22:13:20Z");
    assert!(epoch(Some("yesterday")).unwrap_err().to_string().contains("SOURCE_DATE_EPOCH"));
}

#[test]
fn platforms_have_their_own_runtime() {
    let windows = runtime("x86_64-pc-windows-msvc");
    assert_eq!(windows["components"][0]["name"], "onnxruntime.dll");
    assert_eq!(runtime("aarch64-apple-darwin")["components"][0]["name"], "libonnxruntime.dylib");
    assert!(runtime("riscv64gc-unknown-linux-gnu").get("components").is_none());
}
