//! A thousand random askers and documents with random labels: whatever is asked, and however, nothing of a document that
//! the asker may not see comes back: no words, no identifier, no count, no score that tells of it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use strata_core::runtime::RunOptions;
use strata_gov::answer::{Ask, SearchAsk, ask, search};
use strata_gov::check::{Verdict, check};
use strata_gov::desk::{Desk, open_or_create};
use strata_gov::models::Folder;
use strata_gov::route::route;
use strata_gov::scenario::Loaded;
use strata_testkit::kill::Dice;
use strata_testkit::serve::{Server, encoded};
use strata_text::date::Date;
use strata_text::document::{Document, Extract, declared};
use strata_text::index::{Index, Prepared, Viewer};
use strata_text::structure::{self, BuildOptions};
use support::*;

const LABELS: [&str; 6] = ["公安局", "民政局", "教育局", "税务局", "信访局", "热线办"];
const DOCUMENTS: usize = 120;
const ASKERS: usize = 1000;
/// Askers who come over HTTP too.
const CALLERS: usize = 40;

fn labels(dice: &mut Dice, most: u64) -> Vec<String> {
    let count = dice.roll() % (most + 1);
    let some: BTreeSet<&str> =
        (0..count).map(|_| LABELS[(dice.roll() >> 8) as usize % LABELS.len()]).collect();
    some.into_iter().map(str::to_owned).collect()
}

/// The word that stands in one document alone, wherever words can stand.
fn mark(number: usize) -> String {
    format!("zq{number:04}qz")
}

fn number_of(number: usize) -> String {
    format!("临测发〔2024〕{}号", number + 100)
}

/// A document: a law, a notice, a guide or a case in turn; the last twenty are versions of one work.
fn document(number: usize, labels: &[String]) -> Document {
    let mark = mark(number);
    let mut own = BTreeMap::new();
    let mut set = |key: &str, value: &str| own.insert(key.to_owned(), value.to_owned());
    set(declared::LABELS, &labels.join(","));
    let (title, text) = match number {
        100.. => {
            let title = "临江市共同管理办法".to_owned();
            set(declared::KIND, "law");
            set(declared::EFFECTIVE_FROM, &format!("20{:02}-01-01", number - 95));
            (
                title.clone(),
                format!(
                    "{title}\n第一条　为了共同管理{mark}，制定本办法。\n第二条　共同管理的期限为{mark}日。\n"
                ),
            )
        }
        _ if number.is_multiple_of(4) => {
            let title = format!("临江市{mark}管理办法");
            set(declared::KIND, "law");
            (
                title.clone(),
                format!(
                    "{title}\n第一条　为了管理{mark}，制定本办法。\n第二条　申请的期限为{mark}日，见本办法第一条。\n"
                ),
            )
        }
        _ if number % 4 == 1 => {
            set(declared::KIND, "notice");
            set(declared::NUMBER, &number_of(number));
            let title = format!("关于{mark}的通知");
            (
                title.clone(),
                format!(
                    "{title}\n{}\n一、申请的材料\n提交{mark}材料。\n二、申请的期限\n期限为{mark}日。\n",
                    number_of(number)
                ),
            )
        }
        _ if number % 4 == 2 => {
            set(declared::KIND, "service-guide");
            set(declared::DEPARTMENT, &format!("{mark}局"));
            let title = format!("{mark}办事指南");
            (title.clone(), format!("{title}\n申请材料：{mark}材料\n办理时限：{mark}日\n"))
        }
        _ => {
            set(declared::KIND, "hotline-case");
            set(declared::DEPARTMENT, &format!("{mark}局"));
            set(declared::QUESTION, &format!("路灯不亮，申请的期限{mark}"));
            set(declared::REPLY, &format!("已修好{mark}"));
            (format!("路灯{mark}"), format!("路灯不亮，申请的期限{mark}\n已修好{mark}\n"))
        }
    };
    let extract = Extract {
        id: Some(id(number)),
        title: Some(title),
        text,
        declared: own,
        ..Extract::default()
    };
    structure::build(extract, &format!("file-{mark}"), &BuildOptions::default())
}

fn id(number: usize) -> String {
    format!("papers/{}.md", mark(number))
}

/// Puts documents into a new index, with vectors where models can run.
fn index(dir: &Path, documents: &[Document], models: Option<&Folder>) -> Arc<Index> {
    let none = Folder::new(None, 1);
    let retriever = models.map(|_| "gov-retriever");
    let (index, embedder) = open_or_create(dir, models.unwrap_or(&none), retriever).unwrap();
    let mut writer = index.writer().unwrap();
    for document in documents {
        let passages: Vec<String> =
            (0..document.units.len()).map(|unit| document.passage(unit)).collect();
        let passages: Vec<&str> = passages.iter().map(String::as_str).collect();
        let run = RunOptions::default();
        let vectors = embedder.as_ref().map(|one| one.passages(&passages, &run).unwrap());
        writer.put(&Prepared { document: document.clone(), vectors, digest: [0; 32] }).unwrap();
    }
    writer.commit().unwrap();
    drop(writer);
    Arc::new(index)
}

struct World {
    documents: Vec<Document>,
    loaded: Loaded,
    routing: Loaded,
    models: Option<Folder>,
    day: Date,
    /// Marks that were met: what may be seen is seen.
    met: Cell<usize>,
}

impl World {
    fn new(dir: &Path, dice: &mut Dice) -> Self {
        let documents = (0..DOCUMENTS).map(|number| document(number, &labels(dice, 2))).collect();
        let models = has_models().then(|| Folder::new(Some(&root().join("shared-models")), 1));
        Self {
            documents,
            loaded: Loaded::find(text(&open_task(dir, models.is_some()))).unwrap(),
            routing: Loaded::find("hotline-dispatch").unwrap(),
            models,
            day: DAY.parse().unwrap(),
            met: Cell::new(0),
        }
    }

    fn desks(&self, index: &Arc<Index>) -> [Desk; 2] {
        let none = Folder::new(None, 1);
        let models = self.models.as_ref().unwrap_or(&none);
        [&self.loaded, &self.routing].map(|loaded| {
            let mut scenario = loaded.scenario.clone();
            if self.models.is_none() {
                scenario.models.router = None;
            }
            Desk::new(Arc::clone(index), models, &scenario).unwrap()
        })
    }

    fn ask(&self, text: &str, viewer: &Viewer) -> Ask {
        let retrieval = &self.loaded.scenario.retrieval;
        Ask {
            search: SearchAsk {
                text: text.to_owned(),
                as_of: self.day,
                history: false,
                viewer: viewer.clone(),
                region: None,
                kinds: Vec::new(),
                top: 20,
                depth: retrieval.depth,
                per_record: 3,
                lexical_weight: None,
                choose: retrieval.choose,
            },
            task: self.loaded.scenario.answer.clone(),
        }
    }

    /// Nothing of what a viewer may not see is in a text; what was asked is taken out of it before.
    fn holds(&self, said: &str, asked: &str, viewer: &Viewer) {
        let said = said.replace(asked, "");
        for (at, _) in said.match_indices("zq") {
            self.met.set(self.met.get() + 1);
            let number: usize = said[at + 2..at + 6].parse().unwrap();
            let own = &self.documents[number];
            assert!(
                viewer.sees(&own.labels),
                "{viewer:?} asked {asked:?} and got {}: {said}",
                own.id
            );
        }
    }
}

/// A task that answers whatever it finds.
fn open_task(dir: &Path, models: bool) -> std::path::PathBuf {
    let mut change = vec![
        ("name = \"policy-qa\"", "name = \"open-qa\""),
        ("refuse_below = 0.5", "refuse_below = 0.0"),
    ];
    if !models {
        change.extend([("retriever = \"gov-retriever\"\n", ""), ("reader = \"gov-reader\"\n", "")]);
    }
    scenario(dir, "policy-qa", &change)
}

fn said(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

/// What is asked of a document that may be hidden, and of all.
fn questions(number: usize) -> [String; 6] {
    let mark = mark(number);
    [
        mark.clone(),
        "申请的期限是几日".to_owned(),
        format!("{}说了什么", number_of(number)),
        format!("临江市{mark}管理办法第二条"),
        "临江市共同管理办法第二条".to_owned(),
        format!("{mark}要提交什么材料"),
    ]
}

#[test]
fn nobody_learns_of_what_is_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let (mut dice, seed) = Dice::from_clock();
    eprintln!("seed {seed}");
    let world = World::new(dir.path(), &mut dice);
    let whole = index(&dir.path().join("whole"), &world.documents, world.models.as_ref());
    let [desk, routing] = world.desks(&whole);
    let snapshot = whole.snapshot();
    let run = RunOptions::default();
    let mut seen_hidden = 0;
    for asker in 0..ASKERS {
        let viewer = Viewer::with_labels(labels(&mut dice, 3));
        let visible: BTreeSet<&str> = world
            .documents
            .iter()
            .filter(|d| viewer.sees(&d.labels))
            .map(|d| d.id.as_str())
            .collect();
        let number = (dice.roll() >> 8) as usize % DOCUMENTS;
        let hidden = !viewer.sees(&world.documents[number].labels);
        seen_hidden += usize::from(hidden);
        for question in &questions(number)[..if asker % 4 == 0 { 6 } else { 2 }] {
            let mut asked = world.ask(question, &viewer);
            asked.search.history = asker % 2 == 0;
            let found = search(&desk, &asked.search, &run).unwrap();
            world.holds(&said(&found), question, &viewer);
            if hidden && *question == number_of(number) + "说了什么" {
                assert_eq!(found.exact, 0, "{question}");
            }
            let answer = ask(&desk, &asked, &run).unwrap();
            world.holds(&said(&answer), question, &viewer);
        }
        let case = world.ask("路灯不亮，申请的期限", &viewer).search;
        let routed = route(&routing, &case, &world.routing.scenario.route, &run).unwrap();
        world.holds(&said(&routed), &case.text, &viewer);
        let (listed, total) = snapshot.documents(&viewer, 0, usize::MAX, None);
        let ids: BTreeSet<&str> = listed.iter().map(|one| &*one.id).collect();
        assert_eq!((&ids, total), (&visible, visible.len()));
        assert_eq!(snapshot.counts(&viewer).0, visible.len());
        let (_, found) = snapshot.documents(&viewer, 0, 10, Some(&mark(number)));
        assert_eq!(found, usize::from(!hidden));
        assert_eq!(snapshot.document(&id(number), &viewer).unwrap().is_none(), hidden);
        let draft =
            format!("依照《临江市{}管理办法》第二条和{}办理。", mark(number), number_of(number));
        for finding in check(&desk, &draft, &viewer, world.day).unwrap() {
            let known = finding.verdict != Verdict::UnknownWork;
            assert!(!hidden || !known, "{viewer:?}: {finding:?}");
            world.holds(&said(&finding.source), "", &viewer);
        }
    }
    assert!(world.met.get() > ASKERS * 100, "{} marks", world.met.get());
    assert!(seen_hidden > ASKERS / 10, "only {seen_hidden} asked for what is hidden");
}

#[test]
fn a_score_tells_nothing_of_what_is_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let (mut dice, seed) = Dice::from_clock();
    eprintln!("seed {seed}");
    let world = World::new(dir.path(), &mut dice);
    // A text's standing may follow from a newer version that only others see: law, not a secret. It is left out here.
    let documents = &world.documents[..100];
    let whole = index(&dir.path().join("whole"), documents, world.models.as_ref());
    let [desk, _] = world.desks(&whole);
    for round in 0..8 {
        let viewer = Viewer::with_labels(labels(&mut dice, 3));
        let visible: Vec<Document> =
            documents.iter().filter(|d| viewer.sees(&d.labels)).cloned().collect();
        let own = index(&dir.path().join(format!("own-{round}")), &visible, world.models.as_ref());
        let [alone, _] = world.desks(&own);
        for question in &questions(round * 7) {
            let asked = world.ask(question, &viewer).search;
            let run = RunOptions::default();
            let (all, few) =
                (search(&desk, &asked, &run).unwrap(), search(&alone, &asked, &run).unwrap());
            assert_eq!(said(&all), said(&few), "{viewer:?} asked {question}");
        }
    }
}

#[test]
fn nobody_learns_of_what_is_hidden_over_http() {
    let dir = tempfile::tempdir().unwrap();
    let (mut dice, seed) = Dice::from_clock();
    eprintln!("seed {seed}");
    let world = World::new(dir.path(), &mut dice);
    let path = dir.path().join("whole");
    drop(index(&path, &world.documents, world.models.as_ref()));
    let task = open_task(dir.path(), world.models.is_some());
    let retriever = if world.models.is_some() { "gov-retriever" } else { "none" };
    let args = [
        "--gov-index",
        text(&path),
        "--gov-scenarios",
        text(&task),
        "--gov-retriever",
        retriever,
        "--drain-not-ready-s",
        "0",
    ];
    let server = Server::start(program(), &args);
    for _ in 0..CALLERS {
        let own = labels(&mut dice, 1);
        let viewer = Viewer::with_labels(own.iter().cloned());
        let number = (dice.roll() >> 8) as usize % DOCUMENTS;
        let hidden = !viewer.sees(&world.documents[number].labels);
        let question = &questions(number)[(dice.roll() >> 8) as usize % 6];
        let asker = json!({ "as_of": DAY, "departments": own });
        let post = |path: &str, body: Value| server.json(path, &body).expect(200).text();
        let body = json!({ "question": question, "scenario": "open-qa", "asker": asker });
        world.holds(&post("/v1/ask", body), question, &viewer);
        let body = json!({ "query": question, "history": true, "top": 50, "asker": asker });
        world.holds(&post("/v1/search", body), question, &viewer);
        let said = json!([{ "role": "user", "content": question }]);
        for stream in [false, true] {
            let body = json!({ "model": "open-qa", "messages": said, "departments": own, "as_of": DAY, "stream": stream });
            world.holds(&post("/v1/chat/completions", body), question, &viewer);
        }
        world.holds(&post("/v1/route", json!({ "text": "路灯不亮", "asker": asker })), "", &viewer);
        let draft = format!("依照《临江市{}管理办法》第二条办理。", mark(number));
        let reply = post("/v1/check", json!({ "text": draft, "asker": asker }));
        if hidden {
            assert!(reply.contains("unknown-work"), "{reply}");
        }
        world.holds(&reply, &format!("临江市{}管理办法", mark(number)), &viewer);
        let label = own.first().map(String::as_str).unwrap_or_default();
        let department = encoded(label);
        let list =
            server.get(&format!("/v1/documents?limit=500&department={department}")).expect(200);
        world.holds(&list.text(), "", &viewer);
        let visible = world.documents.iter().filter(|d| viewer.sees(&d.labels)).count();
        assert_eq!(list.json()["total"], visible);
        let find = format!("/v1/documents?find={}&department={department}", mark(number));
        assert_eq!(server.get(&find).expect(200).json()["total"], usize::from(!hidden));
        let get = |id: &str, method: &str| {
            server.send(
                method,
                &format!("/v1/documents/{}?department={department}", encoded(id)),
                &[],
                b"",
            )
        };
        if !hidden {
            world.holds(&get(&id(number), "GET").expect(200).text(), "", &viewer);
            continue;
        }
        // What is hidden and what is not there are answered alike.
        for method in ["GET", "DELETE"] {
            let none = "papers/zqnoneqz.md";
            let (one, other) = (get(&id(number), method), get(none, method));
            let plain = |reply: &strata_testkit::serve::Reply, id: &str| {
                let mut problem = reply.json();
                problem.as_object_mut().unwrap().remove("instance");
                problem.to_string().replace(id, "ID").replace(&encoded(id), "ID")
            };
            assert_eq!((one.status, other.status), (404, 404));
            assert_eq!(plain(&one, &id(number)), plain(&other, none));
        }
    }
    assert!(world.met.get() > CALLERS * 100, "{} marks", world.met.get());
    assert_eq!(server.stop(), Some(0));
}
