//! `strata-gov` in a soak: questions, searches, routes, citations, chats whole and in pieces, vectors; documents that come
//! and go.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{Ask, Asking, Disk, Like, Part, Site, made, text};
use strata_testkit::load::Request;

/// The day that the sample questions are meant for.
const DAY: &str = "2025-06-01";

pub(super) fn part(site: &Site, folder: &Path, disk: &Disk) -> Result<Part> {
    let index = text(&disk.folder().join("office"));
    let sources = ["laws", "notices", "guides", "hotline/cases.jsonl"];
    let sources: Vec<String> = sources.map(|name| format!("datasets/gov/{name}")).to_vec();
    let mut args = vec!["ingest", "--quiet", "--index", &index];
    args.extend(sources.iter().map(String::as_str));
    made(site, "gov", &args)?;
    Ok(Part {
        name: "gov",
        args: vec![
            "--gov-index".to_owned(),
            index,
            "--gov-audit".to_owned(),
            text(&folder.join("audit.jsonl")),
            "--jobs-dir".to_owned(),
            text(&folder.join("jobs")),
            "--models-control=true".to_owned(),
        ],
        models: &["gov-reader", "gov-router", "gov-retriever"],
        streams: &[],
        documents: true,
        asks,
        jobs: |_, _| Ok(Vec::new()),
    })
}

fn asks(a: &Asking<'_>) -> Result<Vec<Ask>> {
    let asker = json!({ "as_of": DAY });
    let question = "《中华人民共和国劳动合同法》第十九条怎么规定试用期？";
    let ask = |question: &str| json!({ "question": question, "asker": asker });
    let draft = String::from_utf8(a.read("datasets/gov/drafts/ebike-campaign.md")?)?;
    let case = "我叫张伟，电话13812345678，26路公交车等了半个多小时都不来";
    let mut chat = json!({
        "model": "policy-qa", "as_of": DAY, "messages": [{ "role": "user", "content": question }],
    });
    let whole = a.json("chat", 3, "/v1/chat/completions", &chat);
    chat["stream"] = true.into();
    let target = a.unit.target("/v1/chat/completions");
    let request = Request::json(&target, &chat.to_string());
    let texts = json!(["路边停车收费标准", "养犬登记"]);
    Ok(vec![
        a.json("ask", 8, "/v1/ask", &ask("骑电动自行车可以带多大的孩子？")),
        a.json("ask an article", 5, "/v1/ask", &ask(question)),
        a.json("ask what is refused", 3, "/v1/ask", &ask("今天晚上吃什么好？")),
        a.json(
            "search",
            8,
            "/v1/search",
            &json!({ "query": "电动自行车 充电", "top": 7, "asker": asker }),
        ),
        a.json("route", 5, "/v1/route", &json!({ "text": case, "asker": asker })),
        a.json("check", 3, "/v1/check", &json!({ "text": draft, "asker": asker })),
        a.json("mask", 4, "/v1/mask", &json!({ "text": case })),
        whole,
        Ask { name: "chat in pieces", weight: 5, like: Like::Chat, request },
        a.json("embeddings", 4, "/v1/embeddings", &json!({ "input": texts })),
        a.json("rerank", 2, "/rerank", &json!({ "query": "停车要交多少钱", "texts": texts })),
        a.json("bad question", 2, "/v1/ask", &json!({ "question": "" })),
        a.get("no such document", 2, Like::Json, "/v1/documents/none.md"),
    ])
}
