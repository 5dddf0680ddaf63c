//! Mails: the body as a document with subject, sender and date; each attachment as documents of its own.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::build::Builder;
use super::encoding::decode;
use super::problem::{Problem, note};
use super::{Context, from_bytes, html};
use crate::document::{Extract, declared};

/// Key of [`Extract::declared`] with the name of the attachment that a document was.
const ATTACHMENT: &str = "attachment";
/// Key of [`Extract::declared`] with the subject of the mail it was attached to.
const MAIL: &str = "mail";

/// Reads a mail.
pub(super) fn read(
    bytes: &[u8],
    context: Context<'_>,
) -> Result<Vec<Result<Extract, Problem>>, Problem> {
    let message = MessageParser::default()
        .parse(bytes)
        .ok_or_else(|| Problem::damaged("it is no mail: there are no headers"))?;
    message_documents(&message, context)
}

fn message_documents(
    message: &Message<'_>,
    context: Context<'_>,
) -> Result<Vec<Result<Extract, Problem>>, Problem> {
    let mut out: Vec<Result<Extract, Problem>> =
        body(message, context)?.into_iter().map(Ok).collect();
    let subject = message.subject().unwrap_or_default().to_owned();
    for part in message.attachments() {
        if out.len() >= context.limits.documents {
            let message = format!(
                "more than {} documents in one mail; the rest is left out",
                context.limits.documents
            );
            out.push(Err(Problem::new("too-many", message)));
            break;
        }
        let name = part.attachment_name().unwrap_or("attachment").to_owned();
        // A logo in the text of a mail is no document.
        let inline = part.content_disposition().is_none_or(|d| d.ctype() == "inline");
        let is_image = part.content_type().is_some_and(|t| t.ctype() == "image");
        if inline && is_image {
            continue;
        }
        if context.nesting >= context.limits.nesting {
            out.push(Err(Problem::new(
                "bomb",
                format!("{name}: mails within mails, too deep; save it apart"),
            )));
            continue;
        }
        let deeper = Context { nesting: context.nesting + 1, ..context };
        let room = context.limits.documents.saturating_sub(out.len());
        let raw = undeclared(message, part).map(|bytes| PartType::Binary(bytes.into()));
        for mut item in
            attachment(raw.as_ref().unwrap_or(&part.body), &name, deeper).into_iter().take(room)
        {
            match &mut item {
                Ok(document) => {
                    document.declared.entry(ATTACHMENT.to_owned()).or_insert_with(|| name.clone());
                    document.declared.entry(MAIL.to_owned()).or_insert_with(|| subject.clone());
                }
                Err(problem) => problem.message = format!("{name}: {}", problem.message),
            }
            out.push(item);
        }
    }
    Ok(out)
}

/// The bytes of a text that does not say its charset: the library takes it for UTF-8, which many mails are not.
fn undeclared(message: &Message<'_>, part: &MessagePart<'_>) -> Option<Vec<u8>> {
    let stated = part.content_type().is_some_and(|kind| kind.attribute("charset").is_some());
    if stated || !matches!(part.body, PartType::Text(_) | PartType::Html(_)) {
        return None;
    }
    let raw = message.raw_message.get(part.offset_body as usize..part.offset_end as usize)?;
    match part.encoding {
        Encoding::None => Some(raw.to_vec()),
        Encoding::Base64 => base64_decode(raw),
        Encoding::QuotedPrintable => quoted_printable_decode(raw),
    }
}

fn attachment(
    body: &PartType<'_>,
    name: &str,
    context: Context<'_>,
) -> Vec<Result<Extract, Problem>> {
    let bytes: &[u8] = match body {
        PartType::Message(message) => {
            return message_documents(message, context)
                .unwrap_or_else(|problem| vec![Err(problem)]);
        }
        // Text is already decoded, and UTF-8 now.
        PartType::Text(text) => text.as_bytes(),
        PartType::Html(text) => {
            let read = html_document(text, context);
            return read.map_or_else(
                |problem| vec![Err(problem)],
                |parts| parts.into_iter().map(Ok).collect(),
            );
        }
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes,
        PartType::Multipart(_) => return Vec::new(),
    };
    match from_bytes(name, bytes, context) {
        Ok(records) => records.items.collect(),
        Err(error) => vec![Err(Problem::new(error.code(), error.to_string()))],
    }
}

fn html_document(text: &str, context: Context<'_>) -> Result<Vec<Extract>, Problem> {
    let mut builder = Builder::new(context.limits);
    html::fragment(text, &mut builder)?;
    Ok(builder.finish())
}

/// The mail itself; none where it has neither subject nor text.
fn body(message: &Message<'_>, context: Context<'_>) -> Result<Vec<Extract>, Problem> {
    let mut builder = Builder::new(context.limits);
    let about = builder.about();
    let subject =
        message.subject().map(super::fields::one_line).filter(|subject| !subject.is_empty());
    about.id = message.message_id().map(str::to_owned);
    about.title.clone_from(&subject);
    if let Some(date) = message.date().filter(|date| date.is_valid()) {
        let day = format!("{:04}-{:02}-{:02}", date.year, date.month, date.day);
        about.declared.insert(declared::PUBLISHED.to_owned(), day);
    }
    for (key, address) in [("from", message.from()), ("to", message.to())] {
        let people: Vec<String> = address
            .into_iter()
            .flat_map(mail_parser::Address::iter)
            .take(50)
            .map(|one| {
                let address = one.address().unwrap_or_default();
                one.name().map_or_else(|| address.to_owned(), |name| format!("{name} <{address}>"))
            })
            .filter(|text| !text.is_empty())
            .collect();
        if !people.is_empty() {
            about.declared.insert(key.to_owned(), people.join("，"));
        }
    }
    let parts = |ids: &[mail_parser::MessagePartId]| -> Vec<usize> {
        ids.iter().map(|&id| id as usize).collect()
    };
    // HTML tells headings and tables; its twin in plain text is left.
    let chosen = if message.html_body.is_empty() {
        parts(&message.text_body)
    } else {
        parts(&message.html_body)
    };
    for id in chosen {
        let Some(part) = message.parts.get(id) else { continue };
        if part.is_encoding_problem {
            let message = "a part of the mail is damaged; ask for it again".to_owned();
            builder.note(note(None, "bad-bytes", message));
        }
        let own = undeclared(message, part).map(|bytes| decode(&bytes, None).0);
        match &part.body {
            PartType::Html(text) => html::fragment(own.as_deref().unwrap_or(text), &mut builder)?,
            PartType::Text(text) => builder.paragraph(own.as_deref().unwrap_or(text))?,
            _ => {}
        }
    }
    if builder.written() == 0 {
        match subject {
            Some(subject) => builder.paragraph(&subject)?,
            None => return Ok(Vec::new()),
        }
    }
    Ok(builder.finish())
}
