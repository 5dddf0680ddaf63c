//! Versions of works in order of time: each is closed by the next, and by what repeals it.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::number;
use crate::address::{Address, parse_address};
use crate::date::Date;
use crate::document::{Document, DocumentKind, Relation, RelationKind, Status, Validity, declared};

/// What the order of versions needs to know of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkVersion {
    /// [`Document::id`].
    pub doc_id: String,
    /// [`Document::work`].
    pub work: String,
    /// Kind: only laws and notices have versions.
    pub kind: DocumentKind,
    /// The article, where the document is no more than that: it has its own row of versions.
    pub part: Option<Address>,
    /// Region or issuing body: works of one name in two cities are two works.
    pub scope: Option<String>,
    /// 发文字号.
    pub number: Option<String>,
    /// Day of publication.
    pub published: Option<Date>,
    /// The days it is in force by its own text.
    pub validity: Validity,
    /// What it does to others.
    pub relations: Vec<Relation>,
}

impl WorkVersion {
    /// Of a document.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let scope = match document.kind {
            // 关于…的通知 of two offices are two works.
            DocumentKind::Notice => document.issuer.clone().or_else(|| document.region.clone()),
            _ => document.region.clone(),
        };
        Self {
            doc_id: document.id.clone(),
            work: document.work.clone(),
            kind: document.kind,
            part: document.attributes.get(declared::ADDRESS).and_then(|text| parse_address(text)),
            scope,
            number: document.number.clone(),
            published: document.published,
            validity: document.validity,
            relations: document.relations.clone(),
        }
    }

    fn start(&self) -> Option<Date> {
        self.validity.from.or(self.published)
    }

    /// The day its text dates from: what came later to change it may not be in it.
    fn dated(&self) -> Option<Date> {
        self.published.or(self.validity.from)
    }
}

/// Why something ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason", content = "by")]
pub enum Ending {
    /// A newer version took its place: that document.
    Superseded(String),
    /// That document repealed it.
    Repealed(String),
    /// Its own text says until when it holds.
    Expired,
}

/// How long a document holds, all that is known considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// [`Document::id`].
    pub doc_id: String,
    /// The days.
    pub validity: Validity,
    /// Why it ends, where it does.
    pub status_reason: Option<Ending>,
    /// Articles, 款 or items that end before the document does.
    pub parts: Vec<PartInterval>,
}

impl Interval {
    /// Whether a newer version ends it.
    #[must_use]
    pub const fn superseded(&self) -> bool {
        matches!(self.status_reason, Some(Ending::Superseded(_)))
    }

    /// The days a passage at `address` holds, where they differ from the document's.
    #[must_use]
    pub fn of_part(&self, address: &Address) -> Option<Validity> {
        let place = address.from_article();
        let mut own = self
            .parts
            .iter()
            .filter(|part| part.address.covers(&place) || place.covers(&part.address))
            .peekable();
        own.peek()?;
        Some(own.fold(self.validity, |validity, part| validity.and(part.validity)))
    }

    fn close(&mut self, to: Date, why: Ending) {
        if self.validity.to.is_none_or(|own| to < own) {
            self.validity.to = Some(to);
            self.status_reason = Some(why);
        }
    }
}

/// A part of a document that ends earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartInterval {
    /// The place.
    pub address: Address,
    /// The days.
    pub validity: Validity,
    /// Why it ends.
    pub status_reason: Ending,
}

/// What versions of one work share: work, article where it is a record, scope.
type Series<'a> = (&'a str, Option<&'a Address>, Option<&'a str>);

/// How long each of `works` holds, in their order. It needs all documents of the works concerned, and those that have
/// relations to them; takes time in proportion to their number, sorting aside.
///
/// A version ends when the next begins; one without a date counts as older than dated ones, as a stale citation is worse
/// than none. A repeal ends the versions that were there before it. Amendments of articles end those articles in versions
/// that are known to be older than the amendment: a consolidated text has them in it.
#[must_use]
pub fn chain(works: &[WorkVersion]) -> Vec<Interval> {
    let mut intervals: Vec<Interval> = works
        .iter()
        .map(|version| Interval {
            doc_id: version.doc_id.clone(),
            validity: version.validity,
            status_reason: version.validity.to.map(|_| Ending::Expired),
            parts: Vec::new(),
        })
        .collect();
    let mut groups: BTreeMap<Series<'_>, Vec<usize>> = BTreeMap::new();
    let mut by_work: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut by_number: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, version) in works.iter().enumerate() {
        if !has_versions(version) {
            continue;
        }
        let key = (version.work.as_str(), version.part.as_ref(), version.scope.as_deref());
        if is_succeeded(version) {
            groups.entry(key).or_default().push(at);
        }
        by_work.entry(&version.work).or_default().push(at);
        if let Some(number) = &version.number {
            by_number.entry(number).or_default().push(at);
        }
    }
    for group in groups.into_values().filter(|group| group.len() > 1) {
        succeed(works, group, &mut intervals);
    }
    for by in works {
        for relation in &by.relations {
            let target = relation.target.as_str();
            let numbered = number::normalise(target).unwrap_or_default();
            let hit =
                by_work.get(target).into_iter().chain(by_number.get(numbered.as_str())).flatten();
            for &at in hit {
                if works[at].doc_id != by.doc_id {
                    apply(&works[at], by, relation, &mut intervals[at]);
                }
            }
        }
    }
    intervals
}

const fn has_versions(version: &WorkVersion) -> bool {
    matches!(version.kind, DocumentKind::Law | DocumentKind::Notice) && !version.work.is_empty()
}

/// Whether a later document of the same name takes its place. Notices of unknown origin may share a name by chance.
const fn is_succeeded(version: &WorkVersion) -> bool {
    matches!(version.kind, DocumentKind::Law) || version.scope.is_some()
}

/// Closes each version of one work by the next.
fn succeed(works: &[WorkVersion], mut group: Vec<usize>, intervals: &mut [Interval]) {
    group.sort_by_key(|&at| (works[at].start(), works[at].dated(), &works[at].doc_id));
    // From the newest back: the next version with a later beginning, or a later publication.
    let mut next: Option<usize> = None;
    let mut same: Vec<usize> = Vec::new();
    for &at in group.iter().rev() {
        let key = (works[at].start(), works[at].dated());
        if let Some(&peer) = same.first()
            && (works[peer].start(), works[peer].dated()) != key
        {
            next = Some(peer);
            same.clear();
        }
        if let Some(next) = next
            && let Some(start) = works[next].start()
        {
            intervals[at].close(start, Ending::Superseded(works[next].doc_id.clone()));
        }
        same.push(at);
    }
}

/// What a document does to another.
fn apply(target: &WorkVersion, by: &WorkVersion, relation: &Relation, interval: &mut Interval) {
    let Some(from) = relation.from.or(by.start()) else {
        // When is not known: the whole of what is repealed is taken for gone, of a part nothing is said.
        if relation.kind == RelationKind::Repeals
            && relation.address.is_none()
            && target.work != by.work
        {
            let day = target.start().or_else(|| Date::new(1, 1, 1));
            if let Some(day) = day {
                interval.close(day, Ending::Repealed(by.doc_id.clone()));
            }
        }
        return;
    };
    let older = target.dated().map(|dated| dated < from && by.dated().is_none_or(|by| dated < by));
    let applies = match relation.kind {
        // A new law of the same name repeals the old one; an undated text of that name may be the new one.
        RelationKind::Repeals if relation.address.is_none() => {
            older.unwrap_or(target.work != by.work)
        }
        _ => older.unwrap_or(false),
    };
    if !applies {
        return;
    }
    let why = match relation.kind {
        RelationKind::Amends => Ending::Superseded(by.doc_id.clone()),
        RelationKind::Repeals => Ending::Repealed(by.doc_id.clone()),
    };
    let Some(address) = &relation.address else {
        interval.close(from, why);
        return;
    };
    let place = address.from_article();
    match &target.part {
        Some(own) if place.covers(own) || own.covers(&place) => interval.close(from, why),
        Some(_) => {}
        None => interval.parts.push(PartInterval {
            address: place,
            validity: Validity { from: None, to: Some(from) },
            status_reason: why,
        }),
    }
}

/// How a text stands on a day: `superseded` says that a newer version is what ends it.
#[must_use]
pub fn status(validity: Validity, superseded: bool, as_of: Date) -> Status {
    if validity.to.is_some_and(|to| to <= as_of) {
        return if superseded { Status::Amended } else { Status::Repealed };
    }
    if validity.from.is_some_and(|from| as_of < from) { Status::NotYet } else { Status::InForce }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<Date> {
        Some(text.parse().unwrap())
    }

    fn law(id: &str, work: &str, from: Option<Date>) -> WorkVersion {
        WorkVersion {
            doc_id: id.to_owned(),
            work: work.to_owned(),
            kind: DocumentKind::Law,
            published: from,
            validity: Validity { from, to: None },
            ..WorkVersion::default()
        }
    }

    fn repeals(target: &str, address: Option<&str>) -> Relation {
        Relation {
            kind: RelationKind::Repeals,
            target: target.to_owned(),
            address: address.map(|text| text.parse().unwrap()),
            from: None,
        }
    }

    #[test]
    fn a_version_ends_when_the_next_begins() {
        let works = [
            law("c", "办法", day("2024-01-01")),
            law("a", "办法", day("2019-01-01")),
            law("b", "办法", day("2021-01-01")),
            law("other", "条例", day("2020-01-01")),
            law("undated", "办法", None),
        ];
        let chained = chain(&works);
        let to = |at: usize| chained[at].validity.to;
        assert_eq!(
            [to(0), to(1), to(2), to(3), to(4)],
            [None, day("2021-01-01"), day("2024-01-01"), None, day("2019-01-01")]
        );
        assert_eq!(chained[1].status_reason, Some(Ending::Superseded("b".to_owned())));
        let as_of = |at: usize, text: &str| {
            status(chained[at].validity, chained[at].superseded(), day(text).unwrap())
        };
        assert_eq!(as_of(1, "2020-06-01"), Status::InForce);
        assert_eq!(as_of(1, "2021-01-01"), Status::Amended);
        assert_eq!(as_of(0, "2021-01-01"), Status::NotYet);
    }

    #[test]
    fn a_repeal_ends_what_was_there_before() {
        let mut new = law("new", "新办法", day("2022-01-01"));
        new.relations = vec![
            repeals("旧办法", None),
            repeals("临政发〔2010〕5号", None),
            repeals("半办法", Some("第三条")),
        ];
        let mut numbered = law("numbered", "某规定", day("2010-01-01"));
        numbered.number = Some("临政发〔2010〕5号".to_owned());
        let works = [
            new,
            law("old", "旧办法", day("2015-01-01")),
            law("again", "旧办法", day("2023-01-01")),
            numbered,
            law("half", "半办法", day("2015-01-01")),
        ];
        let chained = chain(&works);
        assert_eq!(chained[1].validity.to, day("2022-01-01"));
        assert_eq!(chained[1].status_reason, Some(Ending::Repealed("new".to_owned())));
        assert_eq!(chained[2].validity.to, None);
        assert_eq!(chained[3].validity.to, day("2022-01-01"));
        assert_eq!(chained[4].validity.to, None);
        let part = chained[4].of_part(&"第三条".parse().unwrap()).unwrap();
        assert_eq!(part, Validity { from: day("2015-01-01"), to: day("2022-01-01") });
        assert_eq!(chained[4].of_part(&"第四条".parse().unwrap()), None);
    }

    #[test]
    fn articles_as_records_have_versions_of_their_own() {
        let mut works: Vec<WorkVersion> = Vec::new();
        for (id, article, date) in [
            ("1a", "第一条", "2010-01-01"),
            ("1b", "第一条", "2020-01-01"),
            ("2a", "第二条", "2010-01-01"),
        ] {
            works.push(WorkVersion {
                part: Some(article.parse().unwrap()),
                ..law(id, "办法", day(date))
            });
        }
        let chained = chain(&works);
        assert_eq!(chained[0].validity.to, day("2020-01-01"));
        assert_eq!(chained[1].validity.to, None);
        assert_eq!(chained[2].validity.to, None);
    }

    #[test]
    fn a_law_does_not_repeal_itself() {
        let mut own = law("own", "管理条例", day("2002-02-01"));
        own.relations = vec![repeals("管理条例", None)];
        let works =
            [own, law("old", "管理条例", day("1997-01-01")), law("undated", "管理条例", None)];
        let chained = chain(&works);
        assert_eq!(chained[0].validity.to, None);
        assert_eq!(chained[1].validity.to, day("2002-02-01"));
    }
}
