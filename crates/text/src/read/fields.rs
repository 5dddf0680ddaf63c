//! Named values (a JSON record, a row under a header, front matter) to a document: which of them is the title, the
//! text, the number, and what is only shown.

use std::collections::BTreeMap;

use super::build::clean;
use super::problem::Problem;
use crate::document::{Block, BlockKind, Extract, declared};
use crate::span::Span;

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Id,
    Title,
    Text,
    /// A key of [`declared`].
    Declared(&'static str),
}

/// Names in lower case, the most telling first.
const NAMES: [(Role, &[&str]); 16] = [
    (Role::Id, &["id", "_id", "docid", "doc_id", "uuid", "qid"]),
    (
        Role::Title,
        &[
            "title",
            "标题",
            "name",
            "名称",
            "文件名称",
            "法规名称",
            "subject",
            "事项名称",
            "task_name",
        ],
    ),
    (
        Role::Text,
        &[
            "text", "正文", "content", "contents", "内容", "全文", "条文", "body", "context",
            "passage", "文本",
        ],
    ),
    (Role::Declared(declared::NUMBER), &["number", "发文字号", "文号", "doc_number", "文件编号"]),
    (
        Role::Declared(declared::ISSUER),
        &["issuer", "发文机关", "发布机关", "制定机关", "发文单位", "颁布单位"],
    ),
    (
        Role::Declared(declared::PUBLISHED),
        &[
            "published",
            "发布日期",
            "公布日期",
            "成文日期",
            "发文日期",
            "publish_date",
            "pub_date",
            "date",
            "日期",
        ],
    ),
    (
        Role::Declared(declared::EFFECTIVE_FROM),
        &["effective_from", "施行日期", "生效日期", "实施日期", "effective_date"],
    ),
    (Role::Declared(declared::EFFECTIVE_TO), &["effective_to", "失效日期", "废止日期"]),
    (Role::Declared(declared::REGION), &["region", "适用地区", "地区", "区域"]),
    (Role::Declared(declared::LABELS), &["labels", "可见部门"]),
    (Role::Declared(declared::KIND), &["kind"]),
    (Role::Declared(declared::VERSION), &["version", "版本"]),
    (Role::Declared(declared::ADDRESS), &["address", "条号"]),
    (
        Role::Declared(declared::QUESTION),
        &["question", "问题", "诉求", "诉求内容", "来电内容", "query"],
    ),
    (
        Role::Declared(declared::REPLY),
        &["reply", "answer", "答复", "回复", "答案", "答复内容", "回复内容", "办理结果"],
    ),
    (
        Role::Declared(declared::DEPARTMENT),
        &["department", "承办单位", "办理部门", "部门", "dept_name", "dept"],
    ),
];

/// The role of a name, and its place among the names of that role.
fn role(name: &str) -> Option<(Role, usize)> {
    let name = name.trim().to_lowercase();
    NAMES.iter().find_map(|(role, names)| Some((*role, names.iter().position(|n| *n == name)?)))
}

/// Whether a record with these names has a text of its own, so that each row of a table is a document.
pub(super) fn holds_records<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let mut question = false;
    for name in names {
        match role(name) {
            Some((Role::Text, _)) => return true,
            Some((Role::Declared(key), _)) if key == declared::QUESTION => question = true,
            _ => {}
        }
    }
    question
}

/// A value as its file gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text, a number, true or false.
    Scalar(String),
    /// Several of them.
    List(Vec<String>),
    /// Null.
    Nothing,
    /// Something with an inside of its own.
    Other,
}

/// Takes labels out of a value. Whoever may see a document must not become everybody by a mistake of form.
fn labels(value: &Value) -> Result<String, Problem> {
    match value {
        Value::Scalar(text) => Ok(text.trim().to_owned()),
        Value::List(items) => Ok(items.join(",")),
        Value::Nothing => Ok(String::new()),
        Value::Other => Err(Problem::new(
            "bad-labels",
            "`labels` is no list of departments; write \"labels\": [\"公安局\"], or leave it out for everybody",
        )),
    }
}

/// The document of a record; pairs are in the file's order.
pub(super) fn document(pairs: Vec<(String, Value)>) -> Result<Extract, Problem> {
    let mut taken: BTreeMap<Role, (usize, usize)> = BTreeMap::new();
    let mut has_text_name = false;
    for (at, (name, value)) in pairs.iter().enumerate() {
        let Some((role, rank)) = role(name) else { continue };
        has_text_name |= role == Role::Text;
        let usable = match value {
            Value::Scalar(text) => !text.trim().is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Nothing => false,
            Value::Other => role == Role::Declared(declared::LABELS),
        };
        if usable && taken.get(&role).is_none_or(|&(best, _)| rank < best) {
            taken.insert(role, (rank, at));
        }
    }
    let mut extract = Extract::default();
    let mut rest = Vec::new();
    for (at, (name, value)) in pairs.into_iter().enumerate() {
        let role = taken.iter().find(|(_, (_, chosen))| *chosen == at).map(|(role, _)| *role);
        match role {
            Some(Role::Declared(declared::LABELS)) => {
                extract.declared.insert(declared::LABELS.to_owned(), labels(&value)?);
            }
            Some(Role::Text) => extract.text = joined(value, "\n").unwrap_or_default(),
            Some(Role::Id) => extract.id = joined(value, " "),
            Some(Role::Title) => extract.title = joined(value, " ").map(|title| one_line(&title)),
            Some(Role::Declared(key)) => {
                if let Some(text) = joined(value, "，") {
                    extract.declared.insert(key.to_owned(), text);
                }
            }
            None => {
                if let Some(text) = joined(value, "，").filter(|text| !text.trim().is_empty()) {
                    rest.push((name, text));
                }
            }
        }
    }
    if extract.text.trim().is_empty() {
        compose(&mut extract, &rest, has_text_name)?;
    }
    for (name, text) in rest {
        extract.declared.entry(name.trim().to_owned()).or_insert(text);
    }
    Ok(extract)
}

/// Gives a text to a record without one: its question and reply, else all its fields by name, as a service guide's.
fn compose(
    extract: &mut Extract,
    rest: &[(String, String)],
    has_text_name: bool,
) -> Result<(), Problem> {
    let said = [declared::QUESTION, declared::REPLY].map(|key| extract.declared.get(key).cloned());
    let [question, reply] = said;
    if question.is_some() || reply.is_some() {
        let parts: Vec<String> = [question, reply].into_iter().flatten().collect();
        extract.text = clean(&parts.join("\n")).into_owned();
        return Ok(());
    }
    if has_text_name || rest.is_empty() {
        return Err(Problem::new(
            "no-text",
            "the record has no text; name its text `text`, or its question and answer `question` and `reply`",
        ));
    }
    for (name, value) in rest {
        if !extract.text.is_empty() {
            extract.text.push('\n');
        }
        let start = extract.text.len();
        extract.text.push_str(&format!("{}：{}", one_line(name), one_line(value)));
        extract
            .blocks
            .push(Block { kind: BlockKind::Paragraph, span: Span::new(start, extract.text.len()) });
    }
    Ok(())
}

fn joined(value: Value, separator: &str) -> Option<String> {
    let text = match value {
        Value::Scalar(text) => text,
        Value::List(items) => items.join(separator),
        Value::Nothing | Value::Other => return None,
    };
    Some(clean(&text).into_owned())
}

/// Without line breaks and double spaces.
pub(super) fn one_line(text: &str) -> String {
    let text = clean(text);
    let mut out = String::with_capacity(text.len());
    for word in text.split(['\n', '\t', ' ']).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars(pairs: &[(&str, &str)]) -> Vec<(String, Value)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), Value::Scalar((*v).to_owned()))).collect()
    }

    #[test]
    fn names_of_many_makers() {
        let document = document(scalars(&[
            ("文号", "临政发〔2024〕5号"),
            ("名称", "关于加强消防安全工作的通知"),
            ("正文", "各区人民政府：\r\n一、提高认识。"),
            ("公布日期", "2024年3月1日"),
            ("src", "公报"),
            ("content", "另一份"),
        ]))
        .unwrap();
        assert_eq!(document.title.as_deref(), Some("关于加强消防安全工作的通知"));
        assert_eq!(document.text, "各区人民政府：\n一、提高认识。");
        assert_eq!(document.declared["number"], "临政发〔2024〕5号");
        assert_eq!(document.declared["published"], "2024年3月1日");
        assert_eq!(
            (document.declared["src"].as_str(), document.declared["content"].as_str()),
            ("公报", "另一份")
        );
    }

    #[test]
    fn cases_and_guides_get_a_text() {
        let case = document(scalars(&[
            ("question", "路灯不亮"),
            ("reply", "已报修。"),
            ("部门", "城管局"),
        ]))
        .unwrap();
        assert_eq!(
            (case.text.as_str(), case.declared["department"].as_str()),
            ("路灯不亮\n已报修。", "城管局")
        );
        let guide = document(scalars(&[
            ("事项名称", "身份证补领"),
            ("办理时限", "20个工作日"),
            ("地点", "政务\n大厅"),
        ]))
        .unwrap();
        assert_eq!(guide.text, "办理时限：20个工作日\n地点：政务 大厅");
        assert_eq!(guide.blocks.len(), 2);
        assert_eq!(
            document(scalars(&[("title", "空"), ("text", " ")])).unwrap_err().code,
            "no-text"
        );
    }

    #[test]
    fn unreadable_labels_are_refused() {
        let record = |labels| {
            document(vec![("text".into(), Value::Scalar("甲".into())), ("labels".into(), labels)])
        };
        assert_eq!(record(Value::Other).unwrap_err().code, "bad-labels");
        assert_eq!(
            record(Value::List(vec!["公安局".into(), "民政局".into()])).unwrap().declared["labels"],
            "公安局,民政局"
        );
        assert_eq!(record(Value::Nothing).unwrap().declared.get("labels"), None);
    }
}
