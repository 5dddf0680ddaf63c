//! Tests of what is read from a page.

use crate::document::BlockKind;
use crate::read::html;
use crate::read::limits::ReadLimits;

fn lines(page: &str) -> Vec<String> {
    let [document] =
        html::read(page.as_bytes(), &ReadLimits::default()).unwrap().try_into().unwrap();
    let line = |block: &crate::document::Block| {
        let text = block.span.of(&document.text).unwrap().replace('\t', "|");
        match block.kind {
            BlockKind::Heading { level } => format!("h{level} {text}"),
            BlockKind::Row { header: true, .. } => format!("# {text}"),
            BlockKind::Row { .. } => format!("- {text}"),
            BlockKind::Paragraph => text,
        }
    };
    document.blocks.iter().map(line).collect()
}

#[test]
fn the_article_without_what_is_around_it() {
    let page = r#"<!DOCTYPE html><html><head><title>关于加强消防工作的通知_临江市人民政府门户网站</title>
        <meta name="PubDate" content="2024-03-01 10:00"><style>p{}</style><script>if (a<b) { document.write("<p>坏</p>") }</script></head>
        <body><nav><a href=/>首页</a></nav><ul><li><a href=/a>政务公开</a><li><a>办事服务</a></ul>
        <div class="TRS_Editor"><h1>关于加强消防工作的通知</h1><p>各区人民政府：</p>
        <p>&emsp;&emsp;一、提高
        认识。<br>二、落实<b>责任</b> ABC
        DEF。</p><ol start=3><li>自查</li><li>检查</li></ol><p hidden>还在</p><div style="display: none">打印</div></div>
        <footer>版权所有 京ICP备</footer></body></html>"#;
    assert_eq!(
        lines(page),
        [
            "h1 关于加强消防工作的通知",
            "各区人民政府：",
            "一、提高认识。",
            "二、落实责任 ABC DEF。",
            "3. 自查",
            "4. 检查",
            "还在"
        ]
    );
    let [document] =
        html::read(page.as_bytes(), &ReadLimits::default()).unwrap().try_into().unwrap();
    assert_eq!(document.title.as_deref(), Some("关于加强消防工作的通知"));
    assert_eq!(document.declared["published"], "2024-03-01");
}

#[test]
fn tables_are_rows_and_layouts_are_not() {
    let page = "<table><tr><td><table><tr><th>材料<th>份数<tr><td rowspan=2>身份证<td>1<tr><td>2</table></td></tr>\
        <tr><td>说明文字<td>另一栏</table>";
    assert_eq!(lines(page), ["# 材料|份数", "- 身份证|1", "- 身份证|2", "说明文字", "另一栏"]);
}

#[test]
fn charsets_come_from_the_page() {
    let page = "<html><head><meta charset=\"gb2312\"></head><body><p>龙湖区龘</p></body></html>";
    let bytes = encoding_rs::GB18030.encode(page).0;
    let [document] = html::read(&bytes, &ReadLimits::default()).unwrap().try_into().unwrap();
    assert_eq!(document.text, "龙湖区龘");
}

#[test]
fn hostile_nesting_and_attributes_are_linear() {
    let deep = "<table><tr><td>".repeat(50_000) + "甲";
    assert_eq!(lines(&deep), ["甲"]);
    let deep = "<div><b><i>".repeat(100_000) + "乙";
    assert_eq!(lines(&deep), ["乙"]);
    let mut wide = "<p ".to_owned();
    (0..300_000).for_each(|n| wide.push_str(&format!("a{n}=1 ")));
    wide.push_str(">丙</p>");
    assert!(lines(&wide).last().is_some_and(|line| line.ends_with('丙')));
    assert_eq!(lines(&("<a".repeat(100_000) + ">x<p>丁"))[..].last().unwrap(), "丁");
}
