//! Cross-references of a document's passages, and the citations of a draft.

use std::collections::HashMap;

use super::law;
use super::locate::{find_article, locate, resolve};
use super::mention::{Mention, Whose, mentions};
use super::scan::{head, is_blank};
use super::title::work_name;
use crate::address::{Address, Level, Number};
use crate::document::{Document, Unit, UnitKind};
use crate::span::Span;

/// A reference from a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it stands in [`Document::text`].
    pub span: Span,
    /// The other work in [`Document::work`]'s form; `None` is this document's.
    pub work: Option<String>,
    /// 发文字号, where one is given.
    pub number: Option<String>,
    /// The places; none means all of the other work.
    pub addresses: Vec<Address>,
}

/// A citation in a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// Where it stands in the text, a quote behind it not included.
    pub span: Span,
    /// The work in [`Document::work`]'s form; `None` where only a 发文字号 is given.
    pub work: Option<String>,
    /// 发文字号, where one is given.
    pub number: Option<String>,
    /// The places; none means all of the work.
    pub addresses: Vec<Address>,
    /// What it quotes word for word, without the marks.
    pub quote: Option<Span>,
}

/// The references of a passage, in order. 前款, 本条 and the like are resolved to addresses.
#[must_use]
pub fn references(document: &Document, unit: usize) -> Vec<Reference> {
    let Some((own, text)) =
        document.units.get(unit).and_then(|own| Some((own, own.span.of(&document.text)?)))
    else {
        return Vec::new();
    };
    let skip = if own.kind == UnitKind::Article && law::begins_article(text) {
        super::article::heading_len(text)
    } else {
        0
    };
    let mut names: Option<HashMap<String, String>> = None;
    let mut found: Vec<Reference> = Vec::new();
    for mention in mentions(text) {
        if mention.span.start < skip {
            continue;
        }
        let span = mention.span.shifted(own.span.start);
        let work = match &mention.whose {
            Whose::Named(name) => {
                let names = names.get_or_insert_with(|| abbreviations(&document.text));
                let work = names.get(name).unwrap_or(name).clone();
                (work != document.work).then_some(work)
            }
            _ => None,
        };
        if matches!(mention.whose, Whose::Named(_)) || mention.number.is_some() {
            found.push(Reference {
                span,
                work,
                number: mention.number,
                addresses: mention.addresses,
            });
            continue;
        }
        if mention.whose == Whose::ThatArticle {
            let that = found
                .last()
                .and_then(|last| Some((last.work.clone(), last.addresses.last()?.clone())));
            let Some((work, base)) = that.filter(|(_, base)| base.article.is_some()) else {
                continue;
            };
            let base = Address { paragraph: None, item: None, point: None, ..base };
            let addresses = mention.addresses.iter().map(|address| below(&base, address)).collect();
            found.push(Reference { span, work, number: None, addresses });
            continue;
        }
        let mut places = within(document, unit, own, &mention, span);
        if matches!(mention.whose, Whose::Unstated | Whose::ThisArticle)
            && own.kind == UnitKind::Article
        {
            let near = found.last().filter(|before| {
                !document
                    .text
                    .get(before.span.end..span.start)
                    .is_none_or(|between| between.contains(['。', '\n']))
            });
            match settle(document, own, places, near) {
                Settled::Own(own) => places = own,
                Settled::Of(work, places) => {
                    found.push(Reference { span, work, number: None, addresses: places });
                    continue;
                }
            }
        }
        if !places.is_empty() {
            found.push(Reference { span, work: None, number: None, addresses: places });
        }
    }
    found
}

enum Settled {
    Own(Vec<Address>),
    Of(Option<String>, Vec<Address>),
}

/// Where 款 and 项 belong that are named without their article or 款: to the article's own that has them, the last 款 before
/// the mention first; else to the article that was named last in the sentence (`刑法第二百三十六条…第三款第六项`).
fn settle(
    document: &Document,
    own: &Unit,
    places: Vec<Address>,
    near: Option<&Reference>,
) -> Settled {
    let article = own.address.article;
    let (places, others): (Vec<Address>, Vec<Address>) =
        places.into_iter().partition(|place| place.article.is_some() && place.article == article);
    if places.is_empty() {
        return Settled::Own(others);
    }
    if !others.is_empty() {
        let settled = settle(document, own, places, None);
        return match settled {
            Settled::Own(settled) | Settled::Of(_, settled) => {
                Settled::Own(settled.into_iter().chain(others).collect())
            }
        };
    }
    let there = |place: &Address| resolve(document, place).is_some();
    if places.iter().all(there) {
        return Settled::Own(places);
    }
    // A list without its 款: the 款 before the one it is mentioned in.
    let first =
        places.first().and_then(|place| place.paragraph).map_or(1, |paragraph| paragraph.value);
    for value in (1..first).rev() {
        let moved: Vec<Address> = places
            .iter()
            .map(|place| Address { paragraph: Some(Number::new(value)), ..place.clone() })
            .collect();
        if moved.iter().all(|place| place.item.is_some() && there(place)) {
            return Settled::Own(moved);
        }
    }
    let Some((near, base)) = near.and_then(|near| {
        Some((near, near.addresses.last().filter(|last| last.article.is_some())?))
    }) else {
        return Settled::Own(Vec::new());
    };
    let moved = places.iter().map(|place| Address {
        paragraph: place.paragraph.filter(|_| place.item.is_none()).or(base.paragraph),
        item: place.item,
        point: place.point,
        ..base.clone()
    });
    Settled::Of(near.work.clone(), moved.collect())
}

/// The addresses of a mention of this document's own places.
fn within(
    document: &Document,
    unit: usize,
    own: &Unit,
    mention: &Mention,
    span: Span,
) -> Vec<Address> {
    if own.kind != UnitKind::Article {
        // A notice has no 款 to count.
        return mention
            .addresses
            .iter()
            .filter(|address| address.article.is_some())
            .cloned()
            .collect();
    }
    let here = locate(document, unit, span).from_article();
    let article =
        Address { article: here.article, annex: here.annex.clone(), ..Address::default() };
    match &mention.whose {
        Whose::Before(level, count) => {
            let before: Vec<Address> = match level {
                Level::Article => articles_before(document, unit, *count),
                Level::Paragraph => {
                    numbers_before(here.paragraph.unwrap_or(Number::new(1)), *count)
                        .map(|number| Address { paragraph: Some(number), ..article.clone() })
                        .collect()
                }
                _ => here.item.map_or_else(Vec::new, |item| {
                    numbers_before(item, *count)
                        .map(|number| Address {
                            paragraph: here.paragraph,
                            item: Some(number),
                            ..article.clone()
                        })
                        .collect()
                }),
            };
            if mention.addresses.is_empty() {
                return before;
            }
            let Some(base) = before.last() else { return Vec::new() };
            mention.addresses.iter().map(|address| below(base, address)).collect()
        }
        Whose::Unstated | Whose::This | Whose::ThisArticle => mention
            .addresses
            .iter()
            .map(|address| {
                if address.article.is_some()
                    || address.chapter.or(address.section).or(address.book).is_some()
                {
                    return address.clone();
                }
                // An item without its 款 is one of the 款 it is mentioned in.
                let base = if address.paragraph.is_none() {
                    Address { paragraph: here.paragraph, ..article.clone() }
                } else {
                    article.clone()
                };
                below(&base, address)
            })
            .collect(),
        Whose::Named(_) | Whose::ThatArticle => mention.addresses.clone(),
    }
}

fn below(base: &Address, address: &Address) -> Address {
    Address {
        paragraph: address.paragraph.or(base.paragraph),
        item: address.item.or(base.item),
        point: address.point.or(base.point),
        ..base.clone()
    }
}

/// The numbers before one, in order.
fn numbers_before(number: Number, count: u32) -> impl Iterator<Item = Number> {
    (number.value.saturating_sub(count).max(1)..number.value).map(Number::new)
}

/// The articles before that of a passage, in order; in a record of one article by their numbers.
fn articles_before(document: &Document, unit: usize, count: u32) -> Vec<Address> {
    let Some(own) = document.units.get(unit).map(|unit| &unit.address) else { return Vec::new() };
    let mut found: Vec<Address> = Vec::new();
    for other in
        document.units.iter().take(unit).rev().filter(|other| other.kind == UnitKind::Article)
    {
        if other.address.annex != own.annex || found.len() >= count as usize {
            break;
        }
        let article = other.address.article;
        if article != own.article && found.last().is_none_or(|last| last.article != article) {
            found.push(Address { article, annex: own.annex.clone(), ..Address::default() });
        }
    }
    found.reverse();
    let inserted = own.article.is_some_and(|article| article.inserted > 0);
    if found.is_empty() && !inserted && find_article(document, own) == Some(unit) {
        let article = own.article.unwrap_or(Number::new(1));
        found = numbers_before(article, count)
            .map(|number| Address::of_article(number.value))
            .collect();
    }
    found
}

/// Names a text introduces: `《中华人民共和国价格法》（以下简称价格法）`, with `《》` or without. Texts do so where they begin.
fn abbreviations(text: &str) -> HashMap<String, String> {
    const BEGINNING: usize = 20_000;
    let text = head(text, BEGINNING);
    let mut names = HashMap::new();
    for (at, word) in text.match_indices("以下简称") {
        let behind = text[at + word.len()..]
            .trim_start_matches([':', '：', ' ', '“', '《', '"', '为', '〈']);
        let end = behind.find(['）', ')', '”', '》', '"', '，', '。', '；', '\n', '〉']);
        let Some(short) =
            end.map(|end| &behind[..end]).filter(|short| head(short, 20).len() == short.len())
        else {
            continue;
        };
        // The title directly before the bracket.
        let before = text[..at].trim_end_matches(['（', '(', ' ', '，']);
        let Some(inner) = before.strip_suffix('》') else { continue };
        let near = super::scan::tail(inner, 120);
        let title = match near.rfind('《') {
            Some(open) if !near[open..].contains('》') => &near[open + '《'.len_utf8()..],
            _ => continue,
        };
        names.insert(work_name(short), work_name(title));
    }
    names
}

/// The citations of a text: titles and short names of works with their places, 发文字号, and what is quoted from them.
/// References of the text to itself (`本办法第五条`) are no citations.
#[must_use]
pub fn citations(text: &str) -> Vec<Citation> {
    let mut names: Option<HashMap<String, String>> = None;
    mentions(text)
        .into_iter()
        .filter_map(|mention| {
            let work = match mention.whose {
                Whose::Named(name) => {
                    let names = names.get_or_insert_with(|| abbreviations(text));
                    Some(names.get(&name).cloned().unwrap_or(name))
                }
                _ if mention.number.is_some() => None,
                _ => return None,
            };
            let quote = quote_behind(text, mention.span.end);
            Some(Citation {
                span: mention.span,
                work,
                number: mention.number,
                addresses: mention.addresses,
                quote,
            })
        })
        .collect()
}

/// What stands behind a quote's mark in the rest of a sentence: `依照…第十条，经济补偿按年限，“每满一年…”`. Short quotes there are
/// names and terms rather than words of the law.
fn quote_later(rest: &str) -> Option<&str> {
    const LEAST: usize = 10;
    let end = rest.find(['。', '；', '\n', '《', '”', '条']).unwrap_or(rest.len());
    let at = rest.get(..end)?.find('“')? + '“'.len_utf8();
    let inner = rest.get(at..)?;
    let length = inner.chars().take_while(|c| *c != '”').take(LEAST).count();
    (length >= LEAST).then_some(inner)
}

/// The quote that follows a citation: `…第十条规定：“…”`, `…第十条“…”的规定`; or a long one later in the sentence.
fn quote_behind(text: &str, at: usize) -> Option<Span> {
    const LEADS: [&str; 12] = [
        "明确规定",
        "规定",
        "明确",
        "指出",
        "要求",
        "明文",
        "载明",
        "中",
        "的",
        "关于",
        "所称",
        "了",
    ];
    let mut rest = text[at..].trim_start_matches(is_blank);
    for _ in 0..3 {
        rest = LEADS.iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    }
    rest = rest.trim_start_matches(['：', ':', '，', ',', ' ', '\u{3000}']);
    let inner = rest.strip_prefix('“').or_else(|| quote_later(rest))?;
    let start = text.len() - inner.len();
    let mut depth = 1u32;
    for (i, c) in inner.char_indices().take(2000) {
        match c {
            '“' => depth += 1,
            '”' if depth <= 1 => return (i > 0).then(|| Span::new(start, start + i)),
            '”' => depth -= 1,
            _ => {}
        }
    }
    None
}
