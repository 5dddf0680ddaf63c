//! Answers as people read them in a terminal.

use std::fmt::Write;

use crate::answer::{Answer, Citation, Outcome};
use crate::guide::Guided;

/// Characters of a passage that are shown.
const SHOWN: usize = 120;

/// `[1] 《劳动合同法》（2012修正）第三十九条 现行，2008-01-01起`.
pub(super) fn source_line(citation: &Citation) -> String {
    let mut line = format!("{} · {}", crate::answer::named(citation), citation.status.chinese());
    if let Some(from) = &citation.effective_from {
        let _ = write!(line, "，{from}起");
    }
    if let Some(page) = citation.page {
        let _ = write!(line, " · 第{page}页");
    }
    line
}

/// The beginning of a text, on one line.
pub(super) fn excerpt(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.chars().count() {
        0..=SHOWN => line,
        _ => line.chars().take(SHOWN - 1).chain(['…']).collect(),
    }
}

fn list(text: &mut String, heading: &str, citations: &[Citation]) {
    if citations.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{heading}");
    for citation in citations {
        let _ = writeln!(text, "  · {}\n    {}", source_line(citation), excerpt(&citation.quote));
    }
}

/// An answer or refusal.
pub(super) fn answer(answer: &Answer) -> String {
    let mut text = String::new();
    match answer.outcome {
        Outcome::Answered => {
            for span in &answer.spans {
                let _ = writeln!(text, "{} [{}]", span.text, span.citation);
            }
            let _ = writeln!(text, "\n依据");
            for (number, citation) in (1..).zip(&answer.citations) {
                let _ = writeln!(text, "  [{number}] {}", source_line(citation));
                let _ = writeln!(text, "      「{}」", citation.quote);
                let _ = writeln!(
                    text,
                    "      {}，第{}–{}字",
                    citation.source, citation.char_start, citation.char_end
                );
            }
            list(&mut text, "引用的条文", &answer.references);
            list(&mut text, "相关内容", &answer.related);
        }
        Outcome::Refused => {
            if let Some(refusal) = &answer.refusal {
                let _ = writeln!(text, "{}", refusal.handoff_zh);
            }
            list(&mut text, "最接近的内容（不构成答复）", &answer.related);
        }
    }
    let _ = writeln!(text, "\n{} · 把握 {:.0} %", answer.as_of, answer.confidence * 100.0);
    text
}

/// A service.
pub(super) fn guided(guided: &Guided) -> String {
    if guided.fields.is_empty() {
        return answer(&guided.answer);
    }
    let mut text = format!("{}\n", guided.service);
    let width = guided.fields.iter().map(|field| field.label.chars().count()).max().unwrap_or(0);
    for field in &guided.fields {
        let space = "　".repeat(width - field.label.chars().count());
        let _ = writeln!(text, "  {}{space}  {}", field.label, field.text);
    }
    if let Some(citation) = guided.answer.citations.first() {
        let _ = writeln!(text, "\n依据  {}", source_line(citation));
    }
    text
}
