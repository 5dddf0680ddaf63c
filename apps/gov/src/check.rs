//! A draft's citations against the index: works that are not known, articles that do not exist, texts that are repealed
//! or amended, and quotes that are not what the article says.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_text::address::Address;
use strata_text::date::Date;
use strata_text::document::{Document, Status};
use strata_text::index::{Filter, IndexError, Summary, Viewer};
use strata_text::span::Span;
use strata_text::structure;

use crate::answer::{Citation, Ground, StatusName};
use crate::desk::Desk;

/// Longest draft, in bytes.
pub const LONGEST: usize = 4 << 20;

/// What was found of a citation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The text is in force and says what is quoted.
    Right,
    /// The index has no such work.
    UnknownWork,
    /// The work has no such article, paragraph or item.
    NoSuchAddress,
    /// The text is repealed.
    Repealed,
    /// A newer version took its place, and says something else there.
    Amended,
    /// The text is not in force yet.
    NotYet,
    /// Another article of the work says what is quoted.
    WrongArticle,
    /// The work does not say what is quoted.
    Misquoted,
}

impl Verdict {
    /// As an office says it.
    #[must_use]
    pub fn chinese(self) -> &'static str {
        match self {
            Self::Right => "引用正确",
            Self::UnknownWork => "索引中没有该文件",
            Self::NoSuchAddress => "没有该条款",
            Self::Repealed => "已废止",
            Self::Amended => "已修改",
            Self::NotYet => "尚未施行",
            Self::WrongArticle => "引文出自其他条款",
            Self::Misquoted => "引文与原文不一致",
        }
    }
}

/// A citation of the draft, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The citation, as the draft has it.
    pub text: String,
    /// First character in the draft.
    pub char_start: usize,
    /// The character behind the last.
    pub char_end: usize,
    /// Work, as the draft names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
    /// Address: `第三十九条第二款`.
    pub address: String,
    /// What was found.
    pub verdict: Verdict,
    /// For people, with what to do.
    pub message: String,
    /// What the draft quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// What the text says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Citation>,
}

/// Checks the citations of a draft, in order.
///
/// # Errors
/// A damaged index.
pub fn check(
    desk: &Desk,
    draft: &str,
    viewer: &Viewer,
    as_of: Date,
) -> Result<Vec<Finding>, IndexError> {
    let snapshot = desk.snapshot();
    let judge = Judge { ground: Ground { snapshot: &snapshot, viewer, as_of } };
    let mut findings = Vec::new();
    for citation in structure::citations(draft) {
        let quote = citation.quote.and_then(|span| span.of(draft));
        let text = citation.span.of(draft).unwrap_or_default();
        let chars = citation.span.chars(draft).unwrap_or_default();
        let none = [Address::default()];
        let addresses = match citation.addresses.as_slice() {
            [] => &none[..],
            some => some,
        };
        for address in addresses {
            let named = Named {
                text,
                chars: chars.clone(),
                work: citation.work.as_deref(),
                number: citation.number.as_deref(),
                address,
                quote,
            };
            findings.push(judge.one(&named)?.finding(&named));
        }
    }
    Ok(findings)
}

struct Judged {
    verdict: Verdict,
    message: String,
    source: Option<Citation>,
}

impl Judged {
    fn new(verdict: Verdict, message: impl Into<String>) -> Self {
        Self { verdict, message: message.into(), source: None }
    }

    fn finding(self, named: &Named<'_>) -> Finding {
        Finding {
            text: named.text.to_owned(),
            char_start: named.chars.start,
            char_end: named.chars.end,
            work: named.work.map(str::to_owned),
            address: named.address.to_string(),
            verdict: self.verdict,
            message: self.message,
            quote: named.quote.map(str::to_owned),
            source: self.source,
        }
    }
}

/// A citation as a draft has it, of one address.
struct Named<'a> {
    text: &'a str,
    chars: Range<usize>,
    work: Option<&'a str>,
    number: Option<&'a str>,
    address: &'a Address,
    quote: Option<&'a str>,
}

struct Judge<'a> {
    ground: Ground<'a>,
}

impl Judge<'_> {
    fn one(&self, named: &Named<'_>) -> Result<Judged, IndexError> {
        let Named { work, number, address, quote, .. } = *named;
        let name = work.or(number).unwrap_or_default();
        let versions = self.versions(work, number);
        let status = |version: &&Summary| {
            structure::status(version.validity, version.superseded, self.ground.as_of)
        };
        // The version in force on the day, or the newest where none is.
        let in_force = versions.iter().find(|version| status(version) == Status::InForce);
        let newest = versions.iter().max_by_key(|version| version.validity.from);
        let Some(version) = in_force.or(newest) else {
            let message = format!("索引中没有《{name}》，无法核对；请先收录该文件");
            return Ok(Judged::new(Verdict::UnknownWork, message));
        };
        let status = status(&version);
        let Some(document) = self.ground.snapshot.document(&version.id, self.ground.viewer)? else {
            return Ok(Judged::new(Verdict::UnknownWork, format!("索引中没有《{name}》")));
        };
        let place = match address.is_empty() {
            true => Some((0, None)),
            false => structure::resolve(&document, address).and_then(|span| {
                let unit = document
                    .units
                    .iter()
                    .position(|unit| unit.span.start <= span.start && span.start < unit.span.end)?;
                Some((unit, Some(span)))
            }),
        };
        let Some((unit, span)) = place else {
            if status == Status::InForce {
                let message = format!("《{}》没有{address}；请核对条款序号", document.title);
                return Ok(Judged::new(Verdict::NoSuchAddress, message));
            }
            return Ok(self.of_status(&document, status, None, None));
        };
        let source = span.and_then(|span| Citation::new(self.ground, &document, (unit, span), 1.0));
        // An article can end before its law does.
        let status = match (status, self.ground.standing(&document.id, unit)) {
            (Status::InForce, Some((_, status))) => status,
            (status, _) => status,
        };
        let judged = self.of_status(&document, status, span, quote);
        let elsewhere = quote.filter(|_| judged.verdict == Verdict::Misquoted);
        if let Some(right) = elsewhere.and_then(|quote| self.elsewhere(&document, quote)) {
            let message = format!("引文出自{}；请改正条款序号", right.address());
            return Ok(Judged { verdict: Verdict::WrongArticle, message, source: Some(right) });
        }
        Ok(Judged { source, ..judged })
    }

    /// Where else a document says what is quoted.
    fn elsewhere(&self, document: &Document, quote: &str) -> Option<Citation> {
        // A word or two stand in many places.
        const LEAST: usize = 6;
        let long = quote.chars().count() >= LEAST;
        let (unit, whole) =
            document.units.iter().enumerate().filter(|_| long).find_map(|(at, unit)| {
                says(unit.span.of(&document.text)?, quote).then_some((at, unit.span))
            })?;
        let text = whole.of(&document.text)?;
        let exact = text.find(quote).map(|at| Span::new(at, at + quote.len()).shifted(whole.start));
        Citation::new(self.ground, document, (unit, exact.unwrap_or(whole)), 1.0)
    }

    /// The version of a work in force on the day, by its title and mark.
    fn in_force(&self, work: &str) -> Option<String> {
        let Ground { snapshot, viewer, as_of } = self.ground;
        let versions = snapshot.versions(work, viewer);
        let version = versions.into_iter().find(|version| {
            let status = structure::status(version.validity, version.superseded, as_of);
            status == Status::InForce
        })?;
        let mark = version.version.or(version.number).unwrap_or_default();
        Some(format!("《{}》（{mark}）", version.title))
    }

    /// The versions of a work, by 发文字号 or name.
    fn versions(&self, work: Option<&str>, number: Option<&str>) -> Vec<Summary> {
        let Ground { snapshot, viewer, as_of } = self.ground;
        if let Some(number) = number {
            let all = Filter { include_not_in_force: true, ..Filter::new(viewer.clone(), as_of) };
            let found = snapshot.by_number(number, &all);
            if !found.is_empty() {
                return found;
            }
        }
        work.map(|work| snapshot.versions(work, viewer)).unwrap_or_default()
    }

    fn of_status(
        &self,
        document: &Document,
        status: Status,
        span: Option<Span>,
        quote: Option<&str>,
    ) -> Judged {
        let (title, day) = (&document.title, self.ground.as_of);
        match status {
            Status::Repealed => {
                return Judged::new(
                    Verdict::Repealed,
                    format!("《{title}》在{}已废止，不能作为依据", day.chinese()),
                );
            }
            Status::Amended => {
                let newer = self.in_force(&document.work).unwrap_or_default();
                let day = day.chinese();
                let what = format!("《{title}》在{day}已被新版本取代；请引用现行版本{newer}");
                return Judged::new(Verdict::Amended, what);
            }
            Status::NotYet => {
                return Judged::new(
                    Verdict::NotYet,
                    format!("《{title}》在{}尚未施行", day.chinese()),
                );
            }
            Status::InForce => {}
        }
        if let Some(quote) = quote
            && let Some(text) = span.map_or(Some(document.text.as_str()), |s| s.of(&document.text))
            && !says(text, quote)
        {
            let message = "引文与现行文本不一致；请按原文改正";
            return Judged::new(Verdict::Misquoted, message);
        }
        Judged::new(Verdict::Right, StatusName::from(status).chinese())
    }
}

/// Whether a text has the words of a quote: space aside, half-width and full-width marks the same, and what a quote leaves
/// out by an ellipsis left out.
fn says(text: &str, quote: &str) -> bool {
    let plain = |text: &str| -> String {
        let marks = |c| match c {
            ',' => '，',
            ';' => '；',
            ':' => '：',
            '(' => '（',
            ')' => '）',
            c => c,
        };
        text.chars().filter(|c| !c.is_whitespace()).map(marks).collect()
    };
    let text = plain(text);
    let mut rest = text.as_str();
    for part in plain(quote).split("……").filter(|part| !part.is_empty()) {
        // A quote in the middle of a sentence ends in marks of its own.
        let part = part.trim_end_matches(['。', '，', '；', '、']);
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_the_words_of_the_text() {
        let text = "试用期包含在劳动合同期限内。劳动合同仅约定试用期的，试用期不成立，该期限为劳动合同期限。";
        for quote in [
            "试用期包含在劳动合同期限内",
            "仅约定试用期的,试用期不成立。",
            "试用期包含……该期限为劳动合同期限",
        ] {
            assert!(says(text, quote), "{quote}");
        }
        for quote in ["试用期不包含在劳动合同期限内", "该期限为劳动合同期限……试用期包含"]
        {
            assert!(!says(text, quote), "{quote}");
        }
    }
}
