//! Service guides: fields of a record as labelled lines (`办理地点：…`), one passage or one per group of fields.

use std::collections::BTreeMap;

use super::scan::{head, is_blank, is_han};
use super::sections::cut;
use super::{BuildOptions, Context};
use crate::document::{Unit, UnitKind};
use crate::span::Span;

/// Fields of services in the order of a guide: label, and the names they come under in records, the label included.
const FIELDS: [(&str, &[&str]); 25] = [
    ("事项名称", &["TASK_NAME", "task_name", "service_name", "名称", "事项"]),
    ("事项类型", &["TASK_TYPE_TEXT", "matter_type", "service_type", "办件类型"]),
    (
        "实施部门",
        &["DEPT_NAME", "dept_name", "实施主体", "办理部门", "责任部门", "受理部门", "department"],
    ),
    ("服务对象", &["service_object_name", "适用对象", "办理对象"]),
    ("受理条件", &["accept_standard", "办理条件", "申请条件", "条件"]),
    ("申请材料", &["material_intro", "materials", "材料", "办理材料", "所需材料"]),
    ("办理流程", &["handle_process", "流程", "办理程序", "步骤"]),
    ("法定办结时限", &["handle_time", "法定时限"]),
    ("承诺办结时限", &["handle_time_limit", "承诺时限", "办理时限", "时限", "办结时限"]),
    ("收费标准", &["charge", "fee", "收费", "费用", "收费依据", "是否收费"]),
    ("办理地点", &["handle_location", "地点", "办公地址", "地址", "location"]),
    ("办理时间", &["office_hours", "办公时间", "工作时间", "受理时间"]),
    ("咨询电话", &["consult_phone", "电话", "联系电话", "phone"]),
    ("投诉电话", &["complain_phone", "监督电话", "监督投诉电话"]),
    ("办理依据", &["legal_basis", "依据", "法律依据", "设定依据"]),
    ("办理结果", &["result_name", "结果", "审批结果", "证照名称"]),
    ("是否支持快递", &["courier_service"]),
    ("是否支持网上预约", &["online_book"]),
    ("网上预约地址", &["online_book_addr"]),
    ("办理平台", &["bear_paltform", "bear_platform"]),
    ("在线办理网址", &["URL", "url", "网址", "网上办理"]),
    ("协办部门", &["co_department", "联办机构"]),
    ("行使层级", &["matter_level", "district"]),
    ("所在地区", &["AREA_CODE_TEXT"]),
    ("主题分类", &["theme_category", "主题"]),
];

/// Names of fields that only a service has.
const SURE: [&str; 14] = [
    "TASK_NAME",
    "task_name",
    "service_name",
    "accept_standard",
    "material_intro",
    "handle_location",
    "handle_time_limit",
    "事项名称",
    "申请材料",
    "办理地点",
    "承诺时限",
    "承诺办结时限",
    "受理条件",
    "办理时限",
];

/// Whether the declared fields are those of a service.
pub(crate) fn is_guide(declared: &BTreeMap<String, String>) -> bool {
    SURE.iter().filter(|key| declared.contains_key(**key)).count() >= 2
}

/// Whether lines are those of a service guide: at least four of its labels begin one.
pub(crate) fn reads_as_guide<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = 0u32;
    for line in lines {
        let line = line.trim_start_matches(|c: char| {
            is_blank(c) || "#*-一二三四五六七八九十、（）.0123456789".contains(c)
        });
        let found = FIELDS.iter().position(|(label, keys)| {
            keys.iter().chain([label]).any(|name| {
                name.chars().count() >= 4
                    && line.strip_prefix(name).is_some_and(|rest| {
                        rest.trim_matches(is_blank).is_empty()
                            || rest.starts_with(['：', ':', '\t'])
                    })
            })
        });
        if let Some(found) = found {
            seen |= 1 << found;
        }
    }
    seen.count_ones() >= 4
}

/// The name of a service among declared fields.
pub(crate) fn name(declared: &BTreeMap<String, String>) -> Option<&str> {
    let (label, keys) = FIELDS[0];
    field(declared, label, keys)
}

/// The department of a service among declared fields.
pub(crate) fn department(declared: &BTreeMap<String, String>) -> Option<&str> {
    let (label, keys) = FIELDS[2];
    field(declared, label, keys)
}

fn field<'a>(
    declared: &'a BTreeMap<String, String>,
    label: &str,
    keys: &[&str],
) -> Option<&'a str> {
    keys.iter().chain([&label]).find_map(|key| declared.get(*key).and_then(|value| given(value)))
}

/// A value that says something.
fn given(value: &str) -> Option<&str> {
    let value = value.trim_matches(is_blank);
    (!matches!(value, "" | "无" | "null" | "None" | "-" | "--" | "暂无" | "[]")).then_some(value)
}

/// Whether a text is no more than the fields of its record, one a line, by the names they have there.
pub(crate) fn is_field_list(declared: &BTreeMap<String, String>, text: &str) -> bool {
    text.lines().filter(|line| !line.trim().is_empty()).all(|line| {
        line.split_once('：').is_some_and(|(name, _)| declared.contains_key(name.trim()))
    })
}

/// The labelled lines of a service's declared fields; what is already in `text` is not said twice. `title` is the service's
/// name where no field is.
pub(crate) fn lines(
    declared: &BTreeMap<String, String>,
    title: Option<&str>,
    text: &str,
) -> String {
    let mut out = String::new();
    let mut said = Vec::new();
    let known = FIELDS.map(|(label, keys)| (label, field(declared, label, keys)));
    // Fields the table does not have, where their names are words.
    let others = declared.iter().filter(|(name, _)| {
        name.chars().any(is_han)
            && !FIELDS.iter().any(|(label, keys)| label == name || keys.contains(&name.as_str()))
    });
    let others = others.map(|(name, value)| (name.as_str(), given(value)));
    for (label, value) in known.into_iter().chain(others) {
        let value = value.or(title.filter(|_| label == FIELDS[0].0));
        let Some(value) = value else { continue };
        let value = strip_label(value, label);
        let repeats =
            matches!(label, "事项类型" | "法定办结时限" | "承诺办结时限" | "所在地区" | "行使层级");
        if value.is_empty()
            || text.contains(value) && value.chars().count() > 4
            || !repeats && said.contains(&value)
        {
            continue;
        }
        said.push(value);
        out.push_str(label);
        out.push('：');
        // A field is a line: addresses of parts and passages rely on it.
        for piece in value
            .split('\n')
            .map(|piece| piece.trim_matches(is_blank))
            .filter(|piece| !piece.is_empty())
        {
            if !out.ends_with('：') {
                out.push('；');
            }
            out.push_str(piece);
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

/// A value without its own label: `办理地点：广州市…`.
fn strip_label<'a>(value: &'a str, label: &str) -> &'a str {
    let rest = value.strip_prefix(label).and_then(|rest| rest.strip_prefix(['：', ':']));
    rest.unwrap_or(value).trim_matches(is_blank)
}

/// The field a line of a guide begins with: `办理地点` of `办理地点：…`.
pub(crate) fn label(line: &str) -> Option<&str> {
    let (label, _) = line.split_once(['：', '\t'])?;
    let label = label.trim_matches(is_blank);
    (!label.is_empty() && head(label, 12).len() == label.len()).then_some(label)
}

/// The lines of a text in which a span lies, with the byte each begins at.
pub(crate) fn spans(text: &str, within: Span) -> impl Iterator<Item = Span> {
    let mut at = within.start;
    within.of(text).unwrap_or("").split('\n').map(move |line| {
        let span = Span::new(at, at + line.len());
        at += line.len() + 1;
        span
    })
}

/// The passages of a guide's lines: as many lines as fit, with the name of the service as context.
pub(crate) fn units(context: &Context<'_>, spans: &[Span]) -> Vec<Unit> {
    let BuildOptions { most, cap, .. } = *context.options;
    let mut units: Vec<Unit> = Vec::new();
    let mut chars = 0;
    let unit = |span: Span, first: bool| Unit {
        kind: UnitKind::Section,
        span,
        // The first passage names the service itself.
        context: if first { String::new() } else { context.title.to_owned() },
        page: context.page(span.start),
        ..Unit::default()
    };
    for span in spans {
        let own = span.of(context.text).map_or(0, |shown| shown.chars().count());
        if own > cap {
            for piece in cut(context.text, *span, most) {
                let mut made = unit(piece, units.is_empty());
                // What field it is, for the pieces behind the first.
                let label = span
                    .of(context.text)
                    .and_then(|shown| shown.split_once('：'))
                    .map(|(label, _)| head(label, 12));
                if piece.start > span.start
                    && let Some(label) = label
                {
                    made.context = format!("{} {label}", context.title);
                }
                units.push(made);
            }
            chars = cap;
            continue;
        }
        match units.last_mut() {
            Some(last) if chars + own <= most => {
                last.span.end = span.end;
                chars += own;
            }
            _ => {
                let first = units.is_empty();
                units.push(unit(*span, first));
                chars = own;
            }
        }
    }
    units
}
