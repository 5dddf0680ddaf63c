//! The program as a person runs it: commands, results and exit codes, on the sample documents.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use serde_json::Value;
use support::*;

/// Keys of a citation that are always there, in any order; the others come where the document has them.
const CITATION: [&str; 10] = [
    "doc_id",
    "title",
    "path",
    "quote",
    "char_start",
    "char_end",
    "status",
    "source",
    "score",
    "unit",
];
const MORE: [&str; 6] = ["文号", "issuer", "version", "page", "effective_from", "effective_to"];

fn assert_citation(citation: &Value) {
    let keys: Vec<&str> = citation.as_object().unwrap().keys().map(String::as_str).collect();
    for key in CITATION {
        assert!(keys.contains(&key), "no {key} in {citation}");
    }
    for key in keys {
        assert!(CITATION.contains(&key) || MORE.contains(&key), "{key} is new in {citation}");
    }
}

/// The text of a document, as `documents --show` prints it; places count its characters.
fn shown(index: &str, id: &str) -> String {
    ran(&["documents", "--index", index, "--show", id])
}

fn assert_verbatim(index: &str, citation: &Value) {
    let text = shown(index, citation["doc_id"].as_str().unwrap());
    let at = |key: &str| usize::try_from(citation[key].as_u64().unwrap()).unwrap();
    let (start, end) = (at("char_start"), at("char_end"));
    let quote: String = text.chars().skip(start).take(end - start).collect();
    assert_eq!(citation["quote"], quote.as_str());
}

#[test]
fn every_help_has_an_example() {
    for command in [
        &["run"][..],
        &["ingest"],
        &["ask"],
        &["search"],
        &["route"],
        &["check"],
        &["mask"],
        &["documents"],
        &["eval"],
        &["calibrate"],
        &["audit"],
        &["scenarios"],
        &["models"],
        &["serve"],
        &["keys"],
    ] {
        let help = ran(&[command, &["--help"]].concat());
        assert!(help.contains("Examples:"), "{command:?} --help has no example");
    }
    let help = ran(&["--help"]);
    assert!(help.contains("Examples:"));
    // What the help of the program lists is what was looked at.
    let listed = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_eq!(listed.lines().filter(|line| !line.is_empty()).count(), 15 + 1, "{listed}");
}

#[test]
fn models_run_on_the_devices_that_were_asked_for_and_on_no_other() {
    let Some(index) = vectors() else { return };
    let asked = ["search", "试用期最长多久", "--index", text(index), "--as-of", DAY, "--json"];
    let on = |devices: &str| run(&[&asked[..], &["--device", devices]].concat());
    let here = run(&asked);
    assert!(here.status.success(), "{}", err(&here));
    let elsewhere = on("cann");
    let why = err(&elsewhere);
    assert!(elsewhere.status.code() == Some(1) && why.contains("ORT_DYLIB_PATH"), "{why}");
    let preferred = on("cann,cpu");
    assert!(err(&preferred).contains("device not used"), "{}", err(&preferred));
    assert_eq!(out(&preferred), out(&here));
    let unknown = on("abacus");
    assert!(unknown.status.code() == Some(2) && err(&unknown).contains("tensorrt"));
    let by_variable = program().args(asked).env("STRATA_DEVICE", "cann").output().unwrap();
    assert_eq!(by_variable.status.code(), Some(1));
}

#[test]
fn a_search_finds_an_article_a_number_and_words() {
    let index = text(words());
    let search = |words: &str, more: &[&str]| {
        json(0, &[&["search", words, "--index", index, "--as-of", DAY, "--json"], more].concat())
    };
    let found = search("劳动合同法第三十九条", &["--top", "3"]);
    let first = &found["passages"][0];
    assert_eq!(first["doc_id"], "laws/labour-contract.md");
    assert_eq!(first["path"].as_array().unwrap().last().unwrap(), "第三十九条");
    assert_eq!((&found["exact"], found["passages"].as_array().unwrap().len()), (&1.into(), 3));
    found["passages"].as_array().unwrap().iter().for_each(|one| assert_verbatim(index, one));
    for (number, id) in [
        ("临政规〔2022〕5号", "notices/residence-2022.md"),
        ("临政规[2022]5号", "notices/residence-2022.md"),
        ("临江市人民政府令第41号", "notices/ebike-2024.md"),
    ] {
        let found = search(number, &[]);
        assert_eq!(found["passages"][0]["doc_id"], id, "{number}");
        assert!(found["exact"].as_u64() > Some(0), "{number}");
    }
    let found = search("经济补偿 工作年限 每满一年", &[]);
    let paths = found["passages"].as_array().unwrap().iter().take(3);
    assert!(paths.clone().any(|one| one["path"].to_string().contains("第四十七条")), "{found}");
    // What was in force then, and what was ever in force.
    let now = search("临江市人民政府令第12号", &[]);
    assert_eq!(now["exact"], 0, "a text that is not in force");
    let args =
        ["search", "临江市人民政府令第12号", "--index", index, "--as-of", "2020-06-01", "--json"];
    assert_eq!(json(0, &args)["passages"][0]["status"], "in_force");
    let ever = search("临江市人民政府令第12号", &["--history"]);
    assert_eq!(ever["passages"][0]["doc_id"], "notices/ebike-2019.md");
    assert_eq!(ever["passages"][0]["status"], "amended");
    let cases = search("路灯不亮", &["--kind", "hotline-case"]);
    let cases = cases["passages"].as_array().unwrap();
    assert!(!cases.is_empty() && cases.iter().all(|one| one["source"] == "hotline/cases.jsonl"));
    let output = run(&["search", "路灯", "--index", index, "--kind", "poem"]);
    assert!(output.status.code() == Some(2) && err(&output).contains("hotline-case"));
    let people = ran(&["search", "劳动合同法第三十九条", "--index", index, "--top", "1"]);
    assert!(people.contains("第三十九条 · 现行，2013-07-01起"), "{people}");
    let none = ran(&["search", "qqqqqq", "--index", index]);
    assert!(none.contains("nothing is found"), "{none}");
}

#[test]
fn an_answer_is_quoted_and_a_refusal_has_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let index = text(words());
    let task = plain(dir.path(), "policy-qa");
    let ask = |code: i32, question: &str| {
        let args = ["ask", question, "--index", index, "--as-of", DAY, "--json", "--scenario"];
        json(code, &[&args[..], &[text(&task)]].concat())
    };
    let answer = ask(0, "《中华人民共和国劳动合同法》第十九条怎么规定试用期？");
    assert_eq!((&answer["outcome"], &answer["as_of"]), (&"answered".into(), &DAY.into()));
    let cited = answer["citations"].as_array().unwrap();
    assert_eq!(cited[0]["doc_id"], "laws/labour-contract.md");
    assert_eq!(
        (&cited[0]["version"], &cited[0]["status"]),
        (&"2012修正".into(), &"in_force".into())
    );
    assert_eq!(cited[0]["path"][1], "第十九条", "{answer}");
    for list in ["citations", "references", "related"] {
        for citation in answer[list].as_array().unwrap() {
            assert_citation(citation);
            assert_verbatim(index, citation);
        }
    }
    assert!(answer["spans"][0]["citation"].as_u64() <= Some(cited.len() as u64));
    let notice = ask(0, "临政规〔2022〕5号说了什么？");
    assert_eq!(notice["citations"][0]["文号"], "临政规〔2022〕5号");
    let pages = ask(0, "临江市政务服务中心延时服务安排");
    let all = pages.to_string();
    assert!(all.contains("extended-hours-2025.pdf") && all.contains("\"page\":1"), "{all}");

    let refused = ask(2, "今天心情不太好，陪我聊聊天吧");
    assert_eq!(refused["outcome"], "refused");
    assert!(refused["citations"].as_array().unwrap().is_empty() && refused["spans"].is_array());
    assert_eq!(refused["refusal"]["code"], "not-in-corpus");
    assert!(refused["refusal"]["handoff_zh"].as_str().unwrap().contains("12345"));
    for wrong in ["", "   ", &"长".repeat(2001)] {
        let output = run(&["ask", wrong, "--index", index, "--scenario", text(&task)]);
        assert_eq!(output.status.code(), Some(1), "{wrong:?}");
        assert!(err(&output).contains("question"), "{}", err(&output));
    }
    let output = run(&["ask", "试用期", "--index", text(&dir.path().join("none"))]);
    assert!(output.status.code() == Some(1) && err(&output).contains("none"), "{}", err(&output));
    let output = run(&["ask", "试用期", "--index", index, "--as-of", "2021-13-01"]);
    assert!(output.status.code() == Some(2) && err(&output).contains("2021-13-01"));
    let output = run(&["ask", "试用期", "--index", index, "--scenario", "legal-check"]);
    assert!(err(&output).contains("is of mode check"), "{}", err(&output));
}

#[test]
fn documents_of_a_department_are_its_own() {
    let index = text(words());
    let list = |more: &[&str]| {
        let args = ["documents", "--index", index, "--json", "--top", "1000"];
        let found = json(0, &[&args[..], more].concat());
        let ids =
            found.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    let (all, police) = (list(&[]), list(&["--department", "公安局"]));
    assert_eq!(all.len(), 237);
    assert_eq!(police.len(), 235);
    assert!(police.contains(&"notices/police-orders-2024.md".to_owned()));
    let find = |more: &[&str]| {
        let args = ["search", "临公办〔2024〕46号", "--index", index, "--as-of", DAY, "--json"];
        json(0, &[&args[..], more].concat())["exact"].as_u64().unwrap()
    };
    assert_eq!((find(&[]), find(&["--department", "热线办"])), (0, 0));
    assert!(find(&["--department", "公安局"]) > 0 && find(&["--all-departments"]) > 0);
    // Of a county alone.
    let find = |region: &str| {
        let args = ["search", "停车收费", "--index", index, "--as-of", DAY, "--json", "--region"];
        json(0, &[&args[..], &[region]].concat()).to_string().contains("wanghu-parking-2024")
    };
    assert!(find("临江市望湖县") && !find("临江市城南区"));
}

#[test]
fn a_deleted_document_is_gone_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let copy = copy(words(), dir.path());
    let index = text(&copy);
    let find = || json(0, &["search", "劳动合同法第三十九条", "--index", index, "--json"]);
    assert_eq!(find()["exact"], 1);
    let (id, none) = ("laws/labour-contract.md", "laws/none.md");
    let said = ended(1, &["documents", "--index", index, "--delete", id, "--delete", none]);
    assert!(said.contains("1 of 2 documents deleted"), "{said}");
    assert!(!find().to_string().contains("labour-contract"));
    let output = run(&["documents", "--index", index, "--show", id]);
    assert!(output.status.code() == Some(1) && err(&output).contains(id), "{}", err(&output));
    // It comes back from its file.
    let report = ingest(&copy, &[&sample("laws")], &[]);
    assert_eq!((total(&report, "written"), total(&report, "unchanged")), (1, 10));
    assert_eq!(find()["exact"], 1);
}

#[test]
fn a_draft_is_checked_as_its_expected_findings_say() {
    let index = text(words());
    for (draft, expected) in [
        ("wage-reply.md", "wage-reply.json"),
        ("wage-reply.docx", "wage-reply.json"),
        ("service-pledge.md", "service-pledge.json"),
        ("ebike-campaign.md", "ebike-campaign.json"),
    ] {
        let expected: Value =
            serde_json::from_slice(&std::fs::read(sample("drafts").join(expected)).unwrap())
                .unwrap();
        let path = sample("drafts").join(draft);
        let day = expected["as_of"].as_str().unwrap();
        let found = json(2, &["check", text(&path), "--index", index, "--as-of", day, "--json"]);
        let found = found.as_array().unwrap();
        for wanted in expected["citations"].as_array().unwrap() {
            let cited = wanted["text"].as_str().unwrap();
            let one = found.iter().find(|one| one["text"] == cited);
            let one = one.unwrap_or_else(|| panic!("{draft}: {cited} is not found"));
            let verdict = match wanted["finding"].as_str().unwrap() {
                "ok" => "right",
                "superseded" => "amended",
                "no-such-article" => "no-such-address",
                same => same,
            };
            assert_eq!(one["verdict"], verdict, "{draft}: {one}");
            if let Some(right) = wanted["correct_text"].as_str() {
                assert!(one["source"]["quote"].as_str().unwrap().contains(right), "{one}");
            }
            if let Some(right) = wanted["correct_address"].as_str() {
                let path: Vec<&str> = one["source"]["path"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                assert!(path.concat().contains(right), "{right}: {one}");
            }
            if wanted["finding"] != "ok" {
                assert!(one["message"].as_str().is_some_and(|message| !message.is_empty()));
            }
        }
        // Nothing else of the draft is called wrong.
        let known = |one: &Value| {
            expected["citations"].as_array().unwrap().iter().any(|c| c["text"] == one["text"])
        };
        for one in found.iter().filter(|one| !known(one)) {
            assert_eq!(one["verdict"], "right", "{draft}: {one}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let good = dir.path().join("good.md");
    std::fs::write(&good, "依照《中华人民共和国行政许可法》第四十二条第一款办理。").unwrap();
    let said = ran(&["check", text(&good), "--index", index, "--as-of", DAY]);
    assert!(said.contains("✓") && said.contains("1 citations, 0 to look at"), "{said}");
}

#[test]
fn a_case_finds_its_department_and_personal_data_is_masked() {
    let index = text(words());
    let case = "我叫张伟，住幸福路12号3单元502室，电话13812345678，26路公交车等了半个多小时都不来，站台上也没有通知";
    let routed =
        json(0, &["route", case, "--index", index, "--json", "--scenario", "hotline-dispatch"]);
    let said = routed.to_string();
    assert!(!said.contains("13812345678") && !said.contains("张伟"), "{said}");
    assert_eq!(routed["department"], "交通运输局", "{routed}");
    assert!(routed["proposals"][0]["phone"].is_string() && !routed["fallback"].as_bool().unwrap());
    let odd = json(2, &["route", "qqqq", "--index", index, "--json"]);
    assert_eq!((&odd["fallback"], &odd["department"]), (&true.into(), &"12345人工坐席".into()));

    let masked = json(0, &["mask", case, "--json"]);
    let kinds: Vec<&str> =
        masked["found"].as_array().unwrap().iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds, ["name", "address", "phone"], "{masked}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("case.txt");
    std::fs::write(&file, case).unwrap();
    let said = ran(&["mask", "--file", text(&file)]);
    assert!(said.contains("［电话］") && !said.contains("13812345678"), "{said}");
    // What the sample cases hold of made-up people is not in the index.
    let people = lines(&sample("hotline/personal.jsonl"));
    for record in people.iter().take(8) {
        let text = shown(index, record["id"].as_str().unwrap());
        for personal in record["personal"].as_array().unwrap() {
            let word = personal["text"].as_str().unwrap();
            assert!(!text.contains(word), "{}: {word} is in {text}", record["id"]);
        }
    }
}

#[test]
fn scenarios_are_listed_and_their_mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let list = ran(&["scenarios"]);
    for name in ["policy-qa", "service-guide", "hotline-dispatch", "legal-check"] {
        assert!(list.contains(name) && ran(&["scenarios", name]).contains(name));
    }
    let good = plain(dir.path(), "service-guide");
    let said = ran(&["run", text(&good), "居住证去哪里办", "--index", text(words())]);
    assert!(said.contains("居住证申领"), "{said}");
    let wrong = scenario(dir.path(), "policy-qa", &[("top = 8", "top = 0")]);
    let output = run(&["run", text(&wrong)]);
    assert!(
        !output.status.success() && err(&output).contains("policy-qa.toml:"),
        "{}",
        err(&output)
    );
    let output = run(&["run", "no-such-scenario"]);
    assert!(err(&output).contains("no-such-scenario"), "{}", err(&output));
}

#[test]
fn scenarios_run_on_what_ships_with_them() {
    if !has_models() {
        return;
    }
    for (name, part) in [
        ("policy-qa", "《中华人民共和国劳动合同法》"),
        ("service-guide", "申请材料"),
        ("hotline-dispatch", "→ 交通运输局"),
        ("legal-check", "引文与原文不一致"),
    ] {
        let output = run(&["run", name]);
        let said = out(&output);
        let code = if name == "legal-check" { 2 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{name}: {}", err(&output));
        assert!(said.contains(part), "{name} does not say {part}: {said}");
    }
}

#[test]
fn an_edit_of_the_audit_log_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (log, index) = (dir.path().join("audit.jsonl"), text(words()));
    let task = plain(dir.path(), "policy-qa");
    for (code, question) in
        [(0, "劳动合同法第三十九条"), (2, "我叫张伟，电话13812345678，陪我聊天吧")]
    {
        let args = ["ask", question, "--index", index, "--scenario", text(&task), "--audit"];
        ended(code, &[&args[..], &[text(&log)]].concat());
    }
    ended(2, &["route", "qqqq", "--index", index, "--audit", text(&log)]);
    let said = ran(&["audit", "verify", text(&log)]);
    assert!(said.contains("3 entries hold"), "{said}");
    let entries = lines(&log);
    assert_eq!(entries[0]["cited"][0]["document"], "laws/labour-contract.md");
    assert_eq!(
        (&entries[0]["outcome"], &entries[1]["outcome"]),
        (&"answered".into(), &"refused".into())
    );
    assert!(!std::fs::read_to_string(&log).unwrap().contains("13812345678"));
    let last = entries[2]["hash"].as_str().unwrap();
    ran(&["audit", "verify", text(&log), "--last", last]);
    let whole = std::fs::read_to_string(&log).unwrap();
    for (from, to) in
        [("第三十九条", "第四十九条"), ("answered", "refused"), ("\"number\":2", "\"number\":3")]
    {
        assert!(whole.contains(from));
        std::fs::write(&log, whole.replacen(from, to, 1)).unwrap();
        let output = run(&["audit", "verify", text(&log)]);
        assert_eq!(output.status.code(), Some(1), "{from}");
        assert!(err(&output).contains("line "), "{}", err(&output));
        let output = run(&[
            "ask",
            "聊天",
            "--index",
            index,
            "--scenario",
            text(&task),
            "--audit",
            text(&log),
        ]);
        assert!(!output.status.success() && out(&output).is_empty(), "answered without its entry");
    }
    // A log cut at its end holds together, and is found by the hash that was noted.
    let two: String = whole.lines().take(2).map(|line| format!("{line}\n")).collect();
    std::fs::write(&log, two).unwrap();
    ran(&["audit", "verify", text(&log)]);
    let output = run(&["audit", "verify", text(&log), "--last", last]);
    assert!(err(&output).contains("entries are missing"), "{}", err(&output));
}
