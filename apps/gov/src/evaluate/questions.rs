//! Questions with their right answers, one JSON object a line.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use strata_text::date::Date;

/// Why questions cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// The file.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line.
    #[error("{}, line {line}: {why}; give {{\"question\", \"relevant\": [id, …]}} or {{\"question\", \"docid\", \"answer\"}}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// A question with what is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The words.
    pub text: String,
    /// Identifiers of the documents that answer it.
    pub relevant: Vec<String>,
    /// Right answers; any of them counts.
    pub answers: Vec<String>,
    /// Address of the answer, such as `第三条第一款`.
    pub address: Option<String>,
    /// As of which day.
    pub as_of: Option<Date>,
    /// Departments of the asker.
    pub departments: Vec<String>,
    /// Whether the corpus holds an answer.
    pub answerable: bool,
}

/// A line of the file, as loosely as such files are written.
#[derive(Deserialize)]
struct Line {
    #[serde(alias = "query", alias = "text")]
    question: String,
    #[serde(default)]
    relevant: Vec<Value>,
    #[serde(default, alias = "doc", alias = "doc_id")]
    docid: Option<Value>,
    #[serde(default)]
    answer: Option<Value>,
    #[serde(default)]
    answers: Vec<String>,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    as_of: Option<Date>,
    #[serde(default, alias = "department")]
    departments: Option<Value>,
    #[serde(default)]
    answerable: Option<bool>,
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(word).collect(),
        value => word(value).into_iter().collect(),
    }
}

impl From<Line> for Question {
    fn from(line: Line) -> Self {
        let mut relevant: Vec<String> = line.relevant.iter().filter_map(word).collect();
        relevant.extend(line.docid.as_ref().and_then(word));
        // An answer in free words beside a list of documents is no span of a text.
        let free = !line.relevant.is_empty();
        let mut answers = line.answers;
        answers.extend(line.answer.iter().filter(|_| !free).flat_map(words));
        let answerable = line.answerable.unwrap_or(!relevant.is_empty() || !answers.is_empty());
        Self {
            text: line.question,
            relevant,
            answers,
            address: line.address,
            as_of: line.as_of,
            departments: line.departments.iter().flat_map(words).collect(),
            answerable,
        }
    }
}

/// Reads questions.
///
/// # Errors
/// [`QuestionError`], with the line.
pub fn read(path: &Path) -> Result<Vec<Question>, QuestionError> {
    let io = |source| QuestionError::Io { path: path.to_path_buf(), source };
    let file = std::io::BufReader::new(std::fs::File::open(path).map_err(io)?);
    let mut questions = Vec::new();
    for (line, text) in (1..).zip(file.lines()) {
        let text = text.map_err(io)?;
        if text.trim().is_empty() {
            continue;
        }
        let parsed: Line = serde_json::from_str(&text).map_err(|error| QuestionError::Line {
            path: path.to_path_buf(),
            line,
            why: error.to_string(),
        })?;
        questions.push(parsed.into());
    }
    Ok(questions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_questions_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.jsonl");
        let text = "{\"qid\": 3, \"question\": \"甲\", \"relevant\": [1, \"b\"], \"answer\": \"自由\"}\n\n\
                    {\"question\": \"乙\", \"docid\": \"d\", \"answer\": \"五日\", \"as_of\": \"2020-01-01\", \"department\": \"公安局\"}\n\
                    {\"question\": \"天气\"}\n";
        std::fs::write(&path, text).unwrap();
        let questions = read(&path).unwrap();
        assert_eq!(questions[0].relevant, ["1", "b"]);
        assert!(questions[0].answers.is_empty() && questions[0].answerable);
        assert_eq!(
            (questions[1].answers[0].as_str(), questions[1].as_of.is_some()),
            ("五日", true)
        );
        assert_eq!(questions[1].departments, ["公安局"]);
        assert!(!questions[2].answerable);
        std::fs::write(&path, "{\"question\": 3}").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("line 1"));
    }
}
