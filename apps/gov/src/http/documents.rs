//! `/v1/documents`: what the index holds, adding and replacing documents, taking them out.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_serve::keys::Scope;
use strata_serve::{Call, DOCUMENTS, Kind, Operation, Problem, Upload};
use strata_text::document::Document;

use super::ask::{Asker, day};
use super::office::{Office, lock};
use super::problems::{no_document, of_index};
use super::who;
use crate::audit::Record;
use crate::ingest::{AsWhom, FileReport, TAKEN, put};
use crate::shelf::Shelved;

/// Documents of a page of the list.
const MOST: usize = 500;

/// Longest name of a file.
const LONGEST: usize = 400;

/// Which documents.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListAsk {
    /// In the title, the number or the identifier.
    #[serde(default)]
    find: String,
    /// The first, from 0.
    #[serde(default)]
    offset: usize,
    /// How many, at most 500; 50 where it is left out.
    #[serde(default)]
    limit: Option<usize>,
    /// The day that `status` is of.
    #[serde(default)]
    as_of: Option<String>,
    /// Department of the asker.
    #[serde(default)]
    department: Option<String>,
}

/// Which document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DocumentAsk {
    /// Its identifier.
    id: String,
    /// The day that `status` is of.
    #[serde(default)]
    as_of: Option<String>,
    /// Department of the asker.
    #[serde(default)]
    department: Option<String>,
}

/// A file to be taken.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PutAsk {
    /// Its name, which is the identifier of a file of one document.
    name: String,
    /// Departments that may see it, with commas between; everybody where it is left out.
    #[serde(default)]
    labels: Option<String>,
}

/// Documents of an index.
#[derive(Debug, Serialize, JsonSchema)]
struct DocumentList {
    /// Those of the page.
    documents: Vec<Shelved>,
    /// Those that the asker may see and that fit, in all.
    total: usize,
}

/// A document in full.
#[derive(Debug, Serialize, JsonSchema)]
struct DocumentReply {
    /// In short.
    #[serde(flatten)]
    info: Shelved,
    /// Issuing body.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// Its text; every place of every citation is a place in this, in characters.
    text: String,
    /// Identifiers of the other versions of the work, oldest first.
    versions: Vec<String>,
}

/// What became of a file.
#[derive(Debug, Serialize, JsonSchema)]
struct PutReply {
    /// Counts and troubles.
    #[serde(flatten)]
    report: FileReport,
    /// Identifiers of the documents.
    ids: Vec<String>,
}

/// What was taken out.
#[derive(Debug, Serialize, JsonSchema)]
struct DeleteReply {
    /// Documents.
    deleted: usize,
}

pub(super) fn operations(office: &Arc<Office>) -> Vec<Operation> {
    let [list, one, add, delete] = std::array::from_fn(|_| Arc::clone(office));
    vec![
        Operation::get("documents", "/v1/documents")
            .about("Documents", "What the index holds", "Only what the asker may see, and counts of only that.")
            .scope(Scope::Read)
            .computes(move |call, ask: ListAsk| listed(&list, call, &ask)),
        Operation::get("document", "/v1/documents/{id}")
            .about("Documents", "A document with its text", "")
            .scope(Scope::Read)
            .computes(move |call, ask: DocumentAsk| shown(&one, call, &ask)),
        Operation::post("put_document", "/v1/documents")
            .about(
                "Documents",
                "Add or replace documents",
                "The body is a file of any format that `strata-gov ingest` reads. A document of the same identifier is replaced. Needs \
                 the scope `jobs`.",
            )
            .scope(Scope::Jobs)
            .takes(DOCUMENTS)
            .computes(move |call, ask: PutAsk, upload| added(&add, call, &ask, &upload)),
        Operation::delete("delete_document", "/v1/documents/{id}")
            .about("Documents", "Take a document out", "It is gone from every answer at once. Needs the scope `jobs`.")
            .scope(Scope::Jobs)
            .computes(move |call, ask: DocumentAsk| deleted(&delete, call, &ask)),
    ]
}

fn asker(as_of: Option<&String>, department: Option<&String>) -> Asker {
    Asker {
        as_of: as_of.cloned(),
        departments: department.filter(|name| !name.is_empty()).cloned().into_iter().collect(),
        region: None,
    }
}

fn listed(office: &Office, call: &Call, ask: &ListAsk) -> Result<DocumentList, Problem> {
    let asker = asker(ask.as_of.as_ref(), ask.department.as_ref());
    let limit = ask.limit.unwrap_or(50);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::field("limit", format!("{limit} is not from 1 to {MOST}")));
    }
    let viewer = who::viewer(call, &asker.departments);
    let snapshot = office.index()?.snapshot();
    let day = day(&asker)?;
    let (documents, total) = snapshot.documents(&viewer, ask.offset, limit, Some(&ask.find));
    let documents = documents.into_iter().map(|summary| Shelved::new(summary, day)).collect();
    Ok(DocumentList { documents, total })
}

fn shown(office: &Office, call: &Call, ask: &DocumentAsk) -> Result<DocumentReply, Problem> {
    let asker = asker(ask.as_of.as_ref(), ask.department.as_ref());
    let viewer = who::viewer(call, &asker.departments);
    let snapshot = office.index()?.snapshot();
    let none = || no_document(&ask.id);
    let document = snapshot.document(&ask.id, &viewer).map_err(|error| of_index(&error))?;
    let document: Arc<Document> = document.ok_or_else(none)?;
    let summary = snapshot.summary(&ask.id, &viewer).ok_or_else(none)?;
    let mut versions = snapshot.versions(&document.work, &viewer);
    versions.sort_by_key(|version| version.validity.from);
    Ok(DocumentReply {
        info: Shelved::new(summary, day(&asker)?),
        issuer: document.issuer.clone(),
        text: document.text.clone(),
        versions: versions.into_iter().map(|version| version.id.to_string()).collect(),
    })
}

fn added(office: &Office, call: &Call, ask: &PutAsk, upload: &Upload) -> Result<PutReply, Problem> {
    let name = ask.name.trim();
    let plain = !name.chars().any(char::is_control);
    if name.is_empty() || name.len() > LONGEST || !plain {
        let what = format!("a name is 1 to {LONGEST} bytes without control characters");
        return Err(Problem::field("name", what));
    }
    let labels = ask.labels.as_deref().unwrap_or_default().split(',').map(str::trim);
    let labels: Vec<String> = labels.filter(|l| !l.is_empty()).map(str::to_owned).collect();
    let embedder = office.embedder()?;
    let index = office.index()?;
    let _one = lock(&office.writing);
    let viewer = who::writer(call, &labels);
    let as_whom = AsWhom { labels, viewer: &viewer };
    let put = put(&index, embedder.as_ref(), (name, &upload.bytes), as_whom);
    let (report, ids) = put.map_err(|error| match error {
        crate::ingest::IngestError::Index(error) => of_index(&error),
        other => Problem::internal(other),
    })?;
    if ids.is_empty() && report.duplicates == 0 {
        let taken = report.troubles.iter().find(|trouble| trouble.code == TAKEN);
        if let Some(trouble) = taken {
            return Err(Problem::new(Kind::Conflict, TAKEN, &trouble.message));
        }
        let why = report.troubles.first().map(|trouble| trouble.message.clone());
        let why = why.unwrap_or_else(|| "there is no document in it".to_owned());
        return Err(Problem::new(Kind::Unprocessable, "document-unreadable", why).with_remedy(
            "send PDF, DOCX, XLSX, PPTX, HTML, EML, Markdown, text, CSV or JSON lines",
        ));
    }
    office.log(
        call,
        Record {
            action: "ingest".to_owned(),
            question: name.to_owned(),
            outcome: format!("{} documents", ids.len()),
            ..Record::default()
        },
    )?;
    Ok(PutReply { report, ids })
}

fn deleted(office: &Office, call: &Call, ask: &DocumentAsk) -> Result<DeleteReply, Problem> {
    let asker = asker(None, ask.department.as_ref());
    let viewer = who::viewer(call, &asker.departments);
    let index = office.index()?;
    // Who may not see a document cannot take it out, nor learn that it is there.
    if index.snapshot().summary(&ask.id, &viewer).is_none() {
        return Err(no_document(&ask.id));
    }
    let _one = lock(&office.writing);
    let mut writer = index.writer().map_err(|error| of_index(&error))?;
    let deleted = writer.delete(&[ask.id.as_str()]);
    writer.commit().map_err(|error| of_index(&error))?;
    office.log(
        call,
        Record {
            action: "delete".to_owned(),
            question: ask.id.clone(),
            outcome: format!("{deleted} documents"),
            ..Record::default()
        },
    )?;
    Ok(DeleteReply { deleted })
}
