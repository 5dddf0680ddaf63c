//! The scenario's format: plain structs. Unknown keys are refused everywhere.

use serde::{Deserialize, Serialize};
use strata_text::document::DocumentKind;

/// A task, as data.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Name: what commands and requests call it.
    pub name: String,
    /// Version of the scenario.
    pub version: String,
    /// What is done.
    pub mode: Mode,
    /// Title for people.
    pub title: Words,
    /// What it is for and what it rests on.
    pub description: Words,
    /// What is looked through.
    #[serde(default)]
    pub corpus: Corpus,
    /// The models, by the names of their cards.
    #[serde(default)]
    pub models: ModelNames,
    /// How passages are found.
    #[serde(default)]
    pub retrieval: RetrievalTask,
    /// How an answer is made of them.
    #[serde(default)]
    pub answer: AnswerTask,
    /// Settings of `mode = "guide"`.
    #[serde(default)]
    pub guide: GuideTask,
    /// Settings of `mode = "route"`.
    #[serde(default)]
    pub route: RouteTask,
    /// Questions, cases or passages of drafts to try it with.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Where a draft to try it with is, in the repository.
    pub sample: Option<String>,
}

/// What a scenario does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Answers questions from laws and notices.
    Ask,
    /// Answers from service guides, field by field.
    Guide,
    /// Sends a hotline case to its department.
    Route,
    /// Checks the citations of a draft.
    Check,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ask => "ask",
            Self::Guide => "guide",
            Self::Route => "route",
            Self::Check => "check",
        })
    }
}

/// A text in two languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What is looked through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Corpus {
    /// Where a corpus to try it with is, in the repository.
    pub paths: Vec<String>,
    /// Kinds of documents; empty means all.
    pub kinds: Vec<DocumentKind>,
}

/// Models, by the names of their cards; a table that leaves one out does without it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelNames {
    /// Makes vectors of passages and questions.
    pub retriever: Option<String>,
    /// Puts the best passages in order again: a cross-encoder.
    pub reranker: Option<String>,
    /// Finds the answer within a passage.
    pub reader: Option<String>,
    /// Finds the department of a case.
    pub router: Option<String>,
}

impl Default for ModelNames {
    fn default() -> Self {
        Self {
            retriever: Some("gov-retriever".to_owned()),
            reranker: None,
            reader: Some("gov-reader".to_owned()),
            router: None,
        }
    }
}

/// How passages are found.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrievalTask {
    /// Passages that are found.
    pub top: usize,
    /// Passages each retriever gives to be put together.
    pub depth: usize,
    /// Passages of one notice or guide; articles are counted one by one.
    pub per_document: usize,
    /// Weight of words against meaning, from 0 (meaning alone) to 1 (words alone); absent weighs each question by itself.
    pub lexical_weight: Option<f32>,
    /// The first passages that are put in order again by how they fit the question: 20, as many as the weights were fitted on, or
    /// 0 to leave them as found.
    pub choose: usize,
}

impl Default for RetrievalTask {
    fn default() -> Self {
        Self { top: 10, depth: 1000, per_document: 3, lexical_weight: None, choose: 0 }
    }
}

/// How an answer is made.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerTask {
    /// Passages that are looked at, best first, until one has words to quote.
    pub read: usize,
    /// Most spans of an answer.
    pub max_spans: usize,
    /// Least probability that the corpus holds the answer; below it the question is refused.
    pub refuse_below: f32,
    /// Other passages that are shown beside the answer.
    pub related: usize,
    /// What a refused reader is told to do.
    pub handoff: Words,
}

impl Default for AnswerTask {
    fn default() -> Self {
        Self {
            read: 5,
            max_spans: 2,
            refuse_below: 0.5,
            related: 3,
            handoff: Words {
                zh: "未找到可以引用的依据。请拨打12345政务服务便民热线，由人工坐席为您解答。"
                    .to_owned(),
                en: "No text was found that answers this. Please call the 12345 hotline."
                    .to_owned(),
            },
        }
    }
}

/// What is shown of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuideTask {
    /// Labels of the fields, in the order they are shown; empty means all.
    pub fields: Vec<String>,
}

/// How a case finds its department.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouteTask {
    /// Least confidence; below it the case goes to people.
    pub min_confidence: f32,
    /// Departments that are proposed.
    pub top: usize,
    /// Who gets what is below the least confidence.
    pub fallback: String,
    /// File of the departments, JSON lines of `{name, aliases, duties, phone}`: what a department is also called, and its
    /// telephone.
    pub departments: Option<String>,
}

impl Default for RouteTask {
    fn default() -> Self {
        Self {
            min_confidence: 0.5,
            top: 3,
            fallback: "12345人工坐席".to_owned(),
            departments: None,
        }
    }
}
