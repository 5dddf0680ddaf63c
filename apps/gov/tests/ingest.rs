//! Ingestion as a person runs it: what is counted, what changes with its file, and broken files beside good ones.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Write;
use std::path::Path;

use serde_json::Value;
use support::*;

/// Counts of a file of a report: written, unchanged, of the same text, removed, failed.
fn counts(file: &Value) -> [u64; 5] {
    ["written", "unchanged", "duplicates", "removed", "failed"]
        .map(|key| file[key].as_u64().unwrap())
}

fn codes(file: &Value) -> Vec<&str> {
    file["troubles"].as_array().unwrap().iter().filter_map(|one| one["code"].as_str()).collect()
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap();
}

fn ids(index: &Path) -> Vec<String> {
    let list = json(0, &["documents", "--index", text(index), "--json", "--top", "1000"]);
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_samples_are_ingested_once() {
    let dir = tempfile::tempdir().unwrap();
    let index = copy(words(), dir.path());
    let (laws, notices) = (sample("laws"), sample("notices"));
    let (guides, cases) = (sample("guides"), sample("hotline/cases.jsonl"));
    let report = ingest(&index, &[&laws, &notices, &guides, &cases], &[]);
    assert_eq!(
        ["written", "unchanged", "removed", "failed"].map(|key| total(&report, key)),
        [0, 237, 0, 0]
    );
    let file = |name: &str| &report["files"][name];
    assert_eq!(file("laws/residence-permit.txt")["unchanged"], 1);
    assert_eq!(file("guides/services.xlsx")["unchanged"], 1);
    assert_eq!(file("hotline/cases.jsonl")["unchanged"], 150);
    // From another folder, by a pattern, and file by file: the documents are the same ones.
    let pattern = laws.join("*.md");
    let output = program()
        .current_dir(dir.path())
        .args(["ingest", "--index", text(&index), "--retriever", "none", text(&pattern)])
        .arg(laws.join("legal-aid.docx"))
        .output()
        .unwrap();
    assert!(output.status.success() && err(&output).contains("event"), "{}", err(&output));
    assert!(out(&output).contains("237 documents"), "{}", out(&output));
}

#[test]
fn vectors_of_two_models_never_meet() {
    let Some(index) = vectors() else { return };
    let dir = tempfile::tempdir().unwrap();
    let index = copy(index, dir.path());
    let notices = sample("notices");
    let output = run(&["ingest", text(&notices), "--index", text(&index), "--retriever", "none"]);
    assert_eq!(output.status.code(), Some(1));
    let said = err(&output);
    assert!(said.contains("made with model gov-retriever") && said.contains("new index"), "{said}");
    let report = ingest(&index, &[&notices], &["--retriever", "gov-retriever"]);
    assert_eq!(total(&report, "written"), 0);
}

#[test]
fn what_changed_is_replaced_and_what_went_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, index) = (dir.path().join("papers"), dir.path().join("index"));
    std::fs::create_dir(&folder).unwrap();
    let notice = |number: u32, words: &str| {
        format!("# 关于{words}的通知\n\n临办〔2024〕{number}号\n\n一、{words}自即日起实行。\n")
    };
    write(&folder.join("a.md"), notice(1, "停车收费"));
    write(&folder.join("b.md"), notice(2, "垃圾分类"));
    let row = |id: u32, words: &str| {
        format!("{{\"id\": \"case-{id}\", \"title\": \"{words}\", \"text\": \"{words}的情况\"}}\n")
    };
    write(&folder.join("cases.jsonl"), row(1, "路灯") + &row(2, "噪声") + &row(3, "积水"));
    let report = ingest(&index, &[&folder], &[]);
    assert_eq!(["written", "failed"].map(|key| total(&report, key)), [5, 0]);

    write(&folder.join("a.md"), notice(1, "停车优惠"));
    write(&folder.join("cases.jsonl"), row(1, "路灯") + &row(3, "积水和井盖"));
    let report = ingest(&index, &[&folder], &[]);
    let files = &report["files"];
    assert_eq!(counts(&files["papers/a.md"]), [1, 0, 0, 0, 0]);
    assert_eq!(counts(&files["papers/b.md"]), [0, 1, 0, 0, 0]);
    assert_eq!(counts(&files["papers/cases.jsonl"]), [1, 1, 0, 1, 0]);
    assert_eq!(ids(&index), ["case-1", "case-3", "papers/a.md", "papers/b.md"]);
    let find = |words: &str| ran(&["search", words, "--index", text(&index)]);
    assert!(!find("停车收费").contains("停车收费") && find("停车优惠").contains("停车优惠"));
    assert!(!find("噪声").contains("噪声") && find("井盖").contains("井盖"));

    // The same text in another file, and a file of two records of one identifier.
    write(&folder.join("copy.md"), notice(1, "停车优惠"));
    let report = ingest(&index, &[&folder], &[]);
    let copied = &report["files"]["papers/copy.md"];
    assert_eq!((counts(copied), codes(copied)), ([0, 0, 1, 0, 0], vec!["duplicate"]));
    assert!(copied["troubles"][0]["message"].as_str().unwrap().contains("papers/a.md"));
    write(&folder.join("cases.jsonl"), "");
    let report = ingest(&index, &[&folder], &["--keep-removed"]);
    assert_eq!(total(&report, "removed"), 0);

    // Another department's document of the same text is a document of its own.
    let labelled =
        ingest(&index, &[&folder.join("b.md")], &["--label", "公安局", "--id-prefix", "police/"]);
    assert_eq!(total(&labelled, "written"), 1);
    assert!(ids(&index).contains(&"police/papers/b.md".to_owned()));
    let output = run(&[
        "ingest",
        text(&dir.path().join("none")),
        "--index",
        text(&index),
        "--retriever",
        "none",
    ]);
    assert!(output.status.code() == Some(1) && err(&output).contains("none"), "{}", err(&output));
}

#[test]
fn broken_files_are_rows_of_the_report_and_the_rest_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, index) = (dir.path().join("in"), dir.path().join("index"));
    std::fs::create_dir(&folder).unwrap();
    let at = |name: &str| folder.join(name);
    let pdf = std::fs::read(sample("notices/extended-hours-2025.pdf")).unwrap();
    let docx = std::fs::read(sample("laws/legal-aid.docx")).unwrap();
    write(&at("good.pdf"), &pdf);
    write(&at("good.docx"), &docx);
    write(&at("cut.pdf"), &pdf[..pdf.len() / 3]);
    write(&at("cut.docx"), &docx[..docx.len() / 2]);
    write(&at("bomb.docx"), bomb());
    write(&at("empty.md"), b"");
    write(&at("blank.txt"), b"  \n\r\n\t ");
    let noise: Vec<u8> =
        (0..40_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    write(&at("noise.bin"), &noise);
    write(&at("noise.pdf"), &noise);
    write(&at("noise.xlsx"), &noise);
    let long = "这一行没有尽头".repeat((10 << 20) / 21);
    write(&at("long.txt"), &long);
    let record = "{\"id\": \"one\", \"title\": \"好的\", \"text\": \"好的记录\"}\n";
    let broken = "{\"id\": \"two\", \"text\": \n";
    let huge = format!("{{\"id\": \"three\", \"text\": \"{long}\"}}\n");
    write(
        &at("records.jsonl"),
        format!("{record}{broken}[1, 2]\n{huge}{}", record.replace("one", "four")),
    );
    let report = ingest(&index, &[&folder], &[]);
    let file = |name: &str| &report["files"][format!("in/{name}")];
    for name in ["good.pdf", "good.docx", "long.txt"] {
        let file = file(name);
        // A text beyond the longest document comes in parts.
        assert!(file["written"].as_u64() >= Some(1) && file["failed"] == 0, "{name}: {file}");
    }
    for name in [
        "cut.pdf",
        "cut.docx",
        "bomb.docx",
        "empty.md",
        "blank.txt",
        "noise.bin",
        "noise.pdf",
        "noise.xlsx",
    ] {
        let file = file(name);
        assert_eq!((&file["written"], &file["failed"]), (&0.into(), &1.into()), "{name}: {file}");
        let trouble = &file["troubles"][0];
        let (code, message) =
            (trouble["code"].as_str().unwrap(), trouble["message"].as_str().unwrap());
        assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}: {code}");
        assert!(message.chars().count() > 10, "{name}: {message}");
        // Another's library is no explanation for an official.
        assert!(!message.contains("Error(") && !message.contains("panicked"), "{name}: {message}");
    }
    let records = file("records.jsonl");
    assert!(ids(&index).contains(&"one".to_owned()) && ids(&index).contains(&"four".to_owned()));
    assert_eq!(records["failed"], codes(records).len(), "{records}");
    let lines: Vec<u64> = records["troubles"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["record"].as_u64())
        .collect();
    assert!(lines.starts_with(&[2, 3]), "{records}");
    // What could not be read in full takes nothing out.
    write(&at("records.jsonl"), format!("{}{broken}", record.replace("one", "five")));
    let report = ingest(&index, &[&folder], &[]);
    assert_eq!(counts(&report["files"]["in/records.jsonl"])[3], 0);
    assert!(ids(&index).contains(&"four".to_owned()));
    // Nothing but broken files is a failure; its text names file and reason.
    let output =
        run(&["ingest", text(&at("cut.docx")), "--index", text(&index), "--retriever", "none"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("in/cut.docx, record 1: "), "{}", out(&output));
}

/// A DOCX of a few kilobytes that unpacks to a thousand times as much.
fn bomb() -> Vec<u8> {
    const MIB: u32 = 64;
    let zeros = vec![b' '; 1 << 20];
    let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..MIB {
        deflated.write_all(&zeros).unwrap();
    }
    let data = deflated.finish().unwrap();
    let name = b"word/document.xml";
    let mut zip = Vec::new();
    let fields = |zip: &mut Vec<u8>| {
        // Deflated; the sizes are told honestly, the check is not.
        zip.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        zip.extend(0_u32.to_le_bytes());
        zip.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        zip.extend((MIB << 20).to_le_bytes());
        zip.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        zip.extend([0, 0]);
    };
    zip.extend(b"PK\x03\x04");
    fields(&mut zip);
    zip.extend(name);
    zip.extend(&data);
    let directory = zip.len();
    zip.extend(b"PK\x01\x02\x14\x00");
    fields(&mut zip);
    zip.extend([0; 14]);
    zip.extend(name);
    let size = zip.len() - directory;
    zip.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    zip.extend(u32::try_from(size).unwrap().to_le_bytes());
    zip.extend(u32::try_from(directory).unwrap().to_le_bytes());
    zip.extend([0, 0]);
    zip
}
