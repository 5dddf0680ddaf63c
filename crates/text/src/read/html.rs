//! Web pages: the article without navigation, scripts and styles; headings, lists, tables. Tags are taken from the HTML
//! Standard's tokenizer one by one, so that no nesting, however deep, costs more than its length.

mod page;

use std::cell::RefCell;

use html5ever::TokenizerResult;
use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use page::Page;

use super::build::Builder;
use super::encoding::{Charset, decode};
use super::limits::ReadLimits;
use super::problem::Problem;
use crate::document::Extract;

/// Attributes of one tag; the tokenizer compares each with all others.
const ATTRIBUTES: usize = 1_000;

/// Reads a page.
pub(super) fn read(bytes: &[u8], limits: &ReadLimits) -> Result<Vec<Extract>, Problem> {
    let (text, notes) = decode(bytes, stated(bytes));
    let mut builder = Builder::new(limits);
    notes.into_iter().for_each(|note| builder.note(note));
    parse(&text).write(&mut builder, true)?;
    Ok(builder.finish())
}

/// Reads a piece of HTML into a document of another format.
pub(super) fn fragment(text: &str, builder: &mut Builder) -> Result<(), Problem> {
    parse(text).write(builder, false)
}

/// The charset that the page states in its head.
fn stated(bytes: &[u8]) -> Option<Charset> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).to_lowercase();
    let label = head.split_once("charset=")?.1.trim_start_matches(['"', '\'', ' ']);
    let end = label
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-_:".contains(c)))
        .unwrap_or(label.len());
    Charset::named(&label[..end])
}

fn parse(text: &str) -> Page {
    let sink = Sink(RefCell::new(Page::default()));
    let tokenizer =
        Tokenizer::new(sink, TokenizerOpts { exact_errors: false, ..TokenizerOpts::default() });
    let queue = BufferQueue::default();
    for piece in tamed(text) {
        queue.push_back(StrTendril::from(piece));
        while let TokenizerResult::Script(()) = tokenizer.feed(&queue) {}
    }
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

/// The text, with a `>` put into tags of more attributes than any page has.
fn tamed(text: &str) -> Vec<&str> {
    let (mut pieces, mut from, mut words) = (Vec::new(), 0, None);
    for (at, byte) in text.bytes().enumerate() {
        words = match (byte, words) {
            (b'<', _) => Some(0),
            (b'>', _) => None,
            (b'=' | b' ' | b'\t' | b'\n' | b'/' | b'"' | b'\'', Some(count))
                if count >= 2 * ATTRIBUTES =>
            {
                pieces.push(&text[from..at]);
                pieces.push("'\">");
                from = at;
                None
            }
            (b'=' | b' ' | b'\t' | b'\n' | b'/' | b'"' | b'\'', Some(count)) => Some(count + 1),
            (_, words) => words,
        };
    }
    pieces.push(&text[from..]);
    pieces
}

struct Sink(RefCell<Page>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => page.text(&text),
            Token::TagToken(tag) => return tag_seen(&mut page, &tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn tag_seen(page: &mut Page, tag: &Tag) -> TokenSinkResult<()> {
    let name: &str = &tag.name;
    if tag.kind == TagKind::EndTag {
        page.end(name);
        return TokenSinkResult::Continue;
    }
    let attribute = |wanted: &str| {
        tag.attrs.iter().find(|a| &*a.name.local == wanted).map(|a| a.value.to_string())
    };
    page.start(name, &attribute, tag.self_closing);
    // A tree builder would tell the tokenizer that what follows is no markup.
    match name {
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
            TokenSinkResult::RawData(RawKind::Rawtext)
        }
        "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
        _ => TokenSinkResult::Continue,
    }
}
