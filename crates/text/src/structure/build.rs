//! A reader's text becomes a document.

use super::law::Seed;
use super::lines::{Line, lines};
use super::scan::{head, is_blank, trim};
use super::sections::{Base, sections};
use super::{Context, cases, guide, law, meta, relation, split_record, work_name};
use crate::address::{Address, parse_address};
use crate::document::{Document, DocumentKind, Extract, declared};
use crate::span::Span;

/// How documents are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildOptions {
    /// Put before identifiers, so that two corpora that both count from 1 do not meet.
    pub id_prefix: String,
    /// Kind where neither the file nor the text tells.
    pub kind: Option<DocumentKind>,
    /// Departments that may see documents which declare none; empty means everybody.
    pub labels: Vec<String>,
    /// Region of documents which name none.
    pub region: Option<String>,
    /// Characters from which a passage may end before a marked line.
    pub least: usize,
    /// Characters from which a passage ends before any line.
    pub most: usize,
    /// Characters no passage goes beyond, articles aside.
    pub cap: usize,
    /// Characters from which an article is cut into whole 款 and 项.
    pub article_chars: usize,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            id_prefix: String::new(),
            kind: None,
            labels: Vec::new(),
            region: None,
            least: 150,
            most: 500,
            cap: 800,
            article_chars: 1000,
        }
    }
}

/// Longest title taken from a text, in characters.
const TITLE: usize = 120;

/// Makes the document of an extract that came from `source`. Never fails; takes time in proportion to the text.
#[must_use]
pub fn build(mut extract: Extract, source: &str, options: &BuildOptions) -> Document {
    complete(&mut extract);
    let all = lines(&extract);
    let record = record_of(&extract);
    let kind = meta::kind(&extract, &all, record.is_some(), options.kind);
    let mut document = Document {
        id: format!(
            "{}{}",
            options.id_prefix,
            extract.id.as_deref().filter(|id| !id.is_empty()).unwrap_or(source)
        ),
        title: title_of(&extract, &all, source),
        kind,
        source: source.to_owned(),
        pages: std::mem::take(&mut extract.pages),
        notes: std::mem::take(&mut extract.notes),
        ..Document::default()
    };
    let (work, address) = record
        .map_or_else(|| (document.title.clone(), None), |(work, address)| (work, Some(address)));
    document.work = work_name(&work);
    meta::fill(&mut document, &extract, &all, address.is_some());
    if document.labels.is_empty() {
        document.labels.clone_from(&options.labels);
    }
    if document.region.is_none() {
        document.region.clone_from(&options.region);
    }
    let context =
        Context { text: &extract.text, title: &document.title, pages: &document.pages, options };
    document.units = units(&context, &extract, &all, kind, address.clone());
    document.relations = relation::relations(&document, &extract.text);
    if let Some(address) = address {
        extract.declared.insert(declared::ADDRESS.to_owned(), address.to_string());
    }
    document.attributes = meta::attributes(extract.declared);
    document.text = extract.text;
    document
}

fn units(
    context: &Context<'_>,
    extract: &Extract,
    all: &[Line],
    kind: DocumentKind,
    record: Option<Address>,
) -> Vec<crate::document::Unit> {
    let whole = trim(context.text, Span::new(0, context.text.len()));
    if whole.is_empty() {
        return Vec::new();
    }
    match kind {
        DocumentKind::HotlineCase => {
            let question =
                extract.declared.get(declared::QUESTION).map_or(context.title, String::as_str);
            cases::case_units(context, whole, question)
        }
        DocumentKind::ServiceGuide if all.iter().all(is_field) => {
            let spans: Vec<Span> = all.iter().map(|line| line.span).collect();
            guide::units(context, &spans)
        }
        DocumentKind::Law => law::units(context, all, &Seed(record)),
        _ if cases::has_pairs(context.text, all) => cases::pair_units(context, all),
        _ => sections(context, all, &Base::default()),
    }
}

/// Whether a line may be a field of a guide: tables and headings make sections.
fn is_field(line: &Line) -> bool {
    line.row.is_none() && line.heading.is_none_or(|level| level == 1)
}

/// Adds to the text what a record holds in fields only.
fn complete(extract: &mut Extract) {
    let fields = &extract.declared;
    let get = |key: &str| fields.get(key).map_or("", String::as_str);
    let (question, reply) = (get(declared::QUESTION), get(declared::REPLY));
    let added = if !question.is_empty() && !reply.is_empty() {
        cases::lines(
            question,
            reply,
            fields.get(declared::DEPARTMENT).map(String::as_str),
            &extract.text,
        )
    } else if guide::is_guide(fields) {
        if guide::is_field_list(fields, &extract.text) {
            extract.text.clear();
            extract.blocks.clear();
            extract.pages.clear();
        }
        guide::lines(fields, extract.title.as_deref(), &extract.text)
    } else {
        return;
    };
    if added.is_empty() {
        return;
    }
    if !extract.text.is_empty() && !extract.text.ends_with('\n') {
        extract.text.push('\n');
    }
    extract.text.push_str(&added);
}

/// The work and address of a record that is one article.
fn record_of(extract: &Extract) -> Option<(String, Address)> {
    let title = extract.title.as_deref().unwrap_or("");
    let given = extract.declared.get(declared::ADDRESS).and_then(|text| parse_address(text));
    if let Some(address) = given.filter(|address| address.article.is_some()) {
        let work = split_record(title).map_or(title, |(work, _)| work);
        return (!work.is_empty()).then(|| (work.to_owned(), address));
    }
    let (work, address) = split_record(title)?;
    Some((work.to_owned(), address))
}

/// The title in a first line: its parts between blanks, up to one that is a sentence.
fn headline(line: &str) -> String {
    let mut title = String::new();
    for part in line.split(is_blank).filter(|part| !part.is_empty()) {
        let sentence = part.contains(['，', '。', '；']) || head(part, 40).len() < part.len();
        if !title.is_empty() && (sentence || title.chars().count() + part.chars().count() > 80) {
            break;
        }
        title.push_str(if title.is_empty() { "" } else { " " });
        let end = part.find(['。', '！']).filter(|_| sentence).unwrap_or(part.len());
        title.push_str(&part[..end]);
    }
    head(&title, TITLE).to_owned()
}

/// The title: the file's, a service's name, a case's question, the first heading, the first line.
fn title_of(extract: &Extract, all: &[Line], source: &str) -> String {
    let clean = |text: &str| {
        let joined =
            text.split(is_blank).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        head(&joined, TITLE).to_owned()
    };
    if let Some(title) = extract.title.as_deref().map(clean).filter(|title| !title.is_empty()) {
        return title;
    }
    if let Some(name) =
        guide::name(&extract.declared).filter(|_| guide::is_guide(&extract.declared))
    {
        return clean(name);
    }
    if let Some(question) =
        extract.declared.get(declared::QUESTION).filter(|question| !question.trim().is_empty())
    {
        return head(&clean(question), 40).to_owned();
    }
    let shown = |line: &Line| line.span.of(&extract.text).unwrap_or("");
    let first = all.iter().take(8).find(|line| line.heading == Some(1)).or_else(|| {
        all.iter().take(4).find(|line| line.row.is_none() && !super::number::is_number(shown(line)))
    });
    // An order names what it puts in force: `《…条例》已经…通过，现予公布`.
    if first.is_some_and(|line| shown(line).ends_with('令') || shown(line).contains("令第")) {
        let named = all.iter().take(6).find_map(|line| {
            let text = shown(line);
            let (span, end) = super::scan::titles(text).into_iter().next()?;
            let passed =
                head(&text[end..], 8).contains("已") || head(&text[end..], 20).contains("公布");
            span.of(text).filter(|_| passed).map(clean)
        });
        if let Some(named) = named {
            return named;
        }
    }
    let title = first.map(|line| {
        let text = shown(line);
        if line.heading.is_some() { clean(text) } else { headline(text) }
    });
    title.filter(|title| !title.is_empty()).unwrap_or_else(|| clean(source))
}
