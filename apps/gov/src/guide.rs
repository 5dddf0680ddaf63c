//! Service guides: which service is meant, and its materials, time limit, place and the rest, each quoted from its guide.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::runtime::RunOptions;
use strata_text::document::{Document, DocumentKind};
use strata_text::span::Span;

use crate::answer::{Answer, Ask, Citation, Ground, Outcome, QuotedSpan, ask};
use crate::desk::{Desk, DeskError};
use crate::scenario::GuideTask;

/// A field of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// Its label: `办理材料`.
    pub label: String,
    /// Its words, exactly as the guide has them.
    pub text: String,
    /// First character in the document's text.
    pub char_start: usize,
    /// The character behind the last.
    pub char_end: usize,
}

/// A service, or a refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Guided {
    /// The answer to the question itself.
    #[serde(flatten)]
    pub answer: Answer,
    /// The service's name; empty for a refusal.
    pub service: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// Answers from service guides.
///
/// # Errors
/// As [`ask`].
pub fn guide(
    desk: &Desk,
    question: &Ask,
    task: &GuideTask,
    run: &RunOptions,
) -> Result<Guided, DeskError> {
    let mut question = question.clone();
    question.search.kinds = vec![DocumentKind::ServiceGuide];
    let mut answer = ask(desk, &question, run)?;
    let none = |answer| Guided { answer, service: String::new(), fields: Vec::new() };
    let Some(first) = answer.citations.first().filter(|_| answer.outcome == Outcome::Answered)
    else {
        return Ok(none(answer));
    };
    let snapshot = desk.snapshot();
    let Some(document) = snapshot.document(&first.doc_id, &question.search.viewer)? else {
        return Ok(none(answer));
    };
    let service = document.title.clone();
    let ground = Ground {
        snapshot: &snapshot,
        viewer: &question.search.viewer,
        as_of: question.search.as_of,
    };
    if let Some(field) = named(&question.search.text, &fields(&document, &[])) {
        answer_by(ground, &document, &field, &mut answer);
    }
    Ok(Guided { answer, service, fields: fields(&document, &task.fields) })
}

/// What people call the fields of a guide: words of a question, and what the field's label has.
const CALLED: [(&[&str], &str); 8] = [
    (&["材料", "带什么", "带啥", "资料", "证件", "准备什么"], "材料"),
    (&["多久", "几天", "多长时间", "时限", "多少天", "几个工作日"], "时限"),
    (&["哪里办", "去哪", "在哪", "哪儿", "地点", "地址", "窗口"], "地点"),
    (&["多少钱", "收费", "费用", "要钱", "交钱", "免费"], "收费"),
    (&["电话", "联系方式", "咨询"], "电话"),
    (&["条件", "资格", "符合什么", "能不能", "可以办"], "条件"),
    (&["流程", "步骤", "怎么办理", "程序"], "流程"),
    (&["上班", "几点", "办公时间", "周末"], "时间"),
];

/// The field that a question names; none where it names several or none.
fn named(question: &str, fields: &[Field]) -> Option<Field> {
    let asked = |words: &&[&str]| words.iter().any(|word| question.contains(word));
    let mut labels = CALLED.iter().filter(|(words, _)| asked(words)).map(|(_, label)| *label);
    let (label, None) = (labels.next()?, labels.next()) else { return None };
    fields.iter().find(|field| field.label.contains(label)).cloned()
}

/// Answers with a field of the service that was found.
fn answer_by(ground: Ground<'_>, document: &Document, field: &Field, answer: &mut Answer) {
    let span = Span::from_chars(&document.text, field.char_start..field.char_end);
    let unit =
        span.and_then(|span| document.units.iter().position(|unit| unit.span.contains(span)));
    let (Some(span), Some(unit)) = (span, unit) else { return };
    let score = answer.citations.first().map_or(0.0, |citation| citation.score);
    let Some(citation) = Citation::new(ground, document, (unit, span), score) else { return };
    answer.spans = vec![QuotedSpan {
        text: field.text.clone(),
        citation: 1,
        char_start: field.char_start,
        char_end: field.char_end,
    }];
    answer.citations = vec![citation];
}

/// The fields of a guide, `label：text` a line, in the order that is asked for. A label is asked for by any part of it.
fn fields(document: &Document, wanted: &[String]) -> Vec<Field> {
    let mut at = 0;
    let mut all = Vec::new();
    for line in document.text.split('\n') {
        let start = at;
        at += line.len() + 1;
        let Some((label, value)) = line.split_once('：') else { continue };
        let from = start + label.len() + '：'.len_utf8();
        let span = Span::new(from, from + value.len()).trimmed(&document.text);
        let (Some(text), Some(chars)) = (span.of(&document.text), span.chars(&document.text))
        else {
            continue;
        };
        // What follows a long text and a colon is no field.
        if text.is_empty() || label.chars().count() > 12 {
            continue;
        }
        all.push(Field {
            label: label.trim().to_owned(),
            text: text.to_owned(),
            char_start: chars.start,
            char_end: chars.end,
        });
    }
    if wanted.is_empty() {
        return all;
    }
    let mut chosen: Vec<Field> = Vec::new();
    for word in wanted {
        for field in all.iter().filter(|field| field.label.contains(word.as_str())) {
            if !chosen.contains(field) {
                chosen.push(field.clone());
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_a_field() {
        let document = Document {
            text: "居住证申领办事指南\n申请材料：身份证；租房合同\n办理时限：15个工作日\n咨询电话：12345\n".to_owned(),
            ..Document::default()
        };
        let all = fields(&document, &[]);
        assert_eq!(all.len(), 3);
        let said = |question: &str| named(question, &all).map(|field| field.text);
        assert_eq!(said("办居住证要带什么材料？").as_deref(), Some("身份证；租房合同"));
        assert_eq!(said("居住证多久能拿到").as_deref(), Some("15个工作日"));
        assert_eq!(said("居住证是什么"), None);
        assert_eq!(said("要带什么材料，多久能拿到"), None);
        let chosen = fields(&document, &["时限".to_owned(), "材料".to_owned()]);
        assert_eq!(chosen[0].label, "办理时限");
    }
}
