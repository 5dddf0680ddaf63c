//! An answer as text: verbatim quotes with their addresses and `[n]`, for the command line and for chat.

use super::ask::{Answer, Outcome};
use super::citation::Citation;

/// The answer's text. Everything between the marks 「 and 」 is verbatim.
#[must_use]
pub fn render(answer: &Answer) -> String {
    match answer.outcome {
        Outcome::Refused => {
            answer.refusal.as_ref().map(|refusal| refusal.handoff_zh.clone()).unwrap_or_default()
        }
        Outcome::Answered => {
            let lines = answer.citations.iter().zip(1..).map(|(citation, number)| {
                format!("{}规定：「{}」[{number}]", named(citation), citation.quote)
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// `《劳动合同法》（2012修正）第三十九条第一款`.
#[must_use]
pub fn named(citation: &Citation) -> String {
    let mut text = format!("《{}》", citation.title.trim_matches(['《', '》']));
    let mark = [citation.number.as_deref(), citation.version.as_deref()];
    let mark: Vec<&str> = mark.into_iter().flatten().collect();
    if !mark.is_empty() {
        text += &format!("（{}）", mark.join("，"));
    }
    text + &citation.address()
}
