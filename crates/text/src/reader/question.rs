//! What a question asks for: its types, its question word, the noun it is about.

use std::sync::LazyLock;

use regex::Regex;

use super::passage::Text;

/// Types by name, with patterns over the folded question; a question may be of several.
pub(crate) const TYPES: [(&str, &str); 16] = [
    ("who", "谁|何人|哪位|哪几位|哪些人|什么人|哪个人|哪一位"),
    (
        "when",
        "何时|什么时候|什么时间|哪一?年|哪几年|哪一?天|几月|几号|几点|哪一?日|哪个月|何年|时间|日期|年份|哪个世纪|时期|年代",
    ),
    (
        "duration",
        "多久|多长时间|多少[天年月日周]|多少个?(?:小时|工作日|月|分钟)|几[天年周]|几个(?:小时|月|工作日)|期限|时限",
    ),
    (
        "where",
        "哪里|哪儿|何处|何地|什么地方|什么地点|在哪|位于|哪个(?:城市|国家|省|市|县|地区|地方)|哪国|哪座|地点|地址",
    ),
    (
        "number",
        "多少|几[个名位家项种次人只条部座场届所级度]|多大|多高|多长|多远|多重|几岁|人数|比例|数量|第几|多深|多宽",
    ),
    ("money", "多少[钱元]|金额|费用|补贴|补助|标准|价格|罚款|多少万元|资金|贷款"),
    ("phone", "电话|热线|号码|传真|联系方式"),
    (
        "title",
        "哪[部本首份篇张]|哪一[部本首份篇张]|什么(?:书|歌|小说|电影|文件|作品)|哪些(?:作品|文件|法律|法规)|依据",
    ),
    ("name", "名称|名字|叫什么|别名|简称|全称|称为什么|原名|又称|英文名|学名|称号|称作"),
    ("list", "哪些|哪几|有什么|有何|分别|包括|几个方面|哪[三四两五]|什么措施|什么条件"),
    ("why", "为什么|为何|原因|因何|由于什么|因为什么|缘由|怎么会"),
    ("how", "如何|怎么|怎样|怎麽|方式|方法|途径|怎么样|怎么办"),
    ("what", "什么是|是什么|指什么|是指|定义|含义|意思|是怎样的"),
    ("yes", "是否|吗|能否|可否|能不能|可不可以|是不是|有没有|要不要"),
    (
        "effect",
        "影响|作用|意义|结果|后果|目的|特点|特征|特色|区别|用途|功能|优点|好处|要求|规定|情况|内容",
    ),
    ("which", "哪(?:个|一|家|种|项|所|座|支|只|场|届|条|类|国|省|市|区|县|块|艘|架|队|颗)|什么"),
];

/// The question word itself, longest first: it parts what stands left of the answer from what stands right of it.
const WORD: &str = "什么时候|什么时间|什么地方|什么原因|多长时间|为什么|怎么样|怎么办|哪一年|哪一天|哪一位|哪些人|哪几个|\
    什么样的?|哪些|哪里|哪儿|哪个|哪位|哪种|哪家|哪几[个种位项]?|哪[一年天国部本首所座支场届条类]?|什么|多少|多久|\
    多[大高长远重深宽]|何时|何处|何地|何人|为何|如何|怎样|怎么|怎麽|谁|是否|能否|可否|几|吗|何";

/// Units that say nothing of the answer.
const STOP: &str = "的了是在和与及有吗呢么吧请问被其这该个些哪什谁何怎如样为";

/// Most units of the noun asked about.
const FOCUS: usize = 3;

static PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| TYPES.iter().filter_map(|(_, pattern)| Regex::new(pattern).ok()).collect());
static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(WORD).ok());

/// A question cut into units, with what is known of it.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) text: Text,
    /// For each of [`TYPES`].
    pub(crate) types: Vec<bool>,
    /// For each unit, whether it is neither part of a question word nor a stop unit.
    pub(crate) content: Vec<bool>,
    /// Units of the question word; at the end of the question where there is none.
    pub(crate) word: (usize, usize),
    /// Units of the noun asked about, up to three.
    pub(crate) focus: (usize, usize),
}

impl Question {
    /// Understands a question.
    pub(crate) fn ask(raw: &str) -> Self {
        let text = Text::cut(raw);
        let folded: String = text.folded.iter().collect();
        let types = PATTERNS.iter().map(|pattern| pattern.is_match(&folded)).collect();
        let stop = |u: usize| text.single(u).is_some_and(|c| STOP.contains(c));
        let mut content: Vec<bool> = (0..text.len()).map(|u| !stop(u)).collect();
        let mut word = (text.len(), text.len());
        let chars = |byte: usize| folded.get(..byte).map_or(0, |before| before.chars().count());
        let found = WORDS.iter().flat_map(|words| words.find_iter(&folded));
        for (at, found) in found.enumerate() {
            let (start, end) = (chars(found.start()), chars(found.end()));
            let first = text.ends.partition_point(|&behind| behind <= start);
            let behind = text.starts.partition_point(|&begin| begin < end);
            if first < behind {
                content[first..behind].fill(false);
                if at == 0 {
                    word = (first, behind);
                }
            }
        }
        let focus = focus(&content, word);
        Self { text, types, content, word, focus }
    }
}

/// The content units right behind the question word, else the last ones before it.
fn focus(content: &[bool], word: (usize, usize)) -> (usize, usize) {
    let after = content[word.1..].iter().take(FOCUS).take_while(|&&is| is).count();
    if after > 0 {
        return (word.1, word.1 + after);
    }
    let end = content[..word.0].iter().rposition(|&is| is).map_or(0, |last| last + 1);
    let before = content[..end].iter().rev().take(FOCUS).take_while(|&&is| is).count();
    (end - before, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(PATTERNS.len(), TYPES.len());
        assert!(WORDS.is_some());
    }

    #[test]
    fn questions_are_understood() {
        let asked = |raw: &str| {
            let question = Question::ask(raw);
            let types: Vec<&str> = (TYPES.iter().zip(&question.types))
                .filter_map(|((name, _), is)| is.then_some(*name))
                .collect();
            let focus: String =
                (question.focus.0..question.focus.1).flat_map(|u| question.text.unit(u)).collect();
            (types.join(" "), question.word, focus)
        };
        assert_eq!(asked("谁可以申请？"), ("who".to_owned(), (0, 1), "可以申".to_owned()));
        assert_eq!(asked("有效期是几年？"), ("duration".to_owned(), (4, 5), "年".to_owned()));
        assert_eq!(asked("电话"), ("phone".to_owned(), (2, 2), "电话".to_owned()));
        assert_eq!(asked("？"), (String::new(), (0, 0), String::new()));
    }
}
