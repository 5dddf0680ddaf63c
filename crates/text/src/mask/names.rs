//! Names of people, where a word says that one follows or a form of address stands behind.

use super::{Chars, Found, Kind};
use crate::structure::is_han_character as is_han;

/// Surnames of one character, by how many bear them (the 2020 census' first three hundred, less those that are
/// common words before a noun).
const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤康易乔赖文樊尚葛柳邢俞章毕鲁聂齐梅庄辛管左童倪祝申耿柯欧卓牛路涂焦娄翟蒲项翁单盛房佘詹伍裴栾冉岳谷凌甘苗边屈卜喻游阮蓝殷纪霍舒包华简戚席桂蒙霞窦佟应费滕宁柴景古米麻仇解封冼党滑芦寇敖鲍虞傅丘穆关车荆瞿祁骆班柏查阎巫褚牟晏匡宫桑连谈糜符宗冷习艾柴丛尤郎邬缪鄢占苟靳隋臧巩宣荣巴池姬盖";

const COMPOUND: [&str; 14] = [
    "欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯",
    "长孙", "端木",
];

/// Surnames that are also common words: only a label or a form of address makes them one.
const DOUBTFUL: &str =
    "应于任向常万方白易尚单管连宁高文包查解关车项路古冷党左石边武华简章盛房谈康荣米封景宗申金池游";

fn surname(text: &Chars, at: usize) -> usize {
    if COMPOUND.iter().any(|word| text.starts_with(at, word)) {
        return 2;
    }
    usize::from(SURNAMES.contains(text.at(at)))
}

/// Words that a name follows, with or without a colon.
const LABELS: [&str; 26] = [
    "姓名",
    "联系人",
    "投诉人",
    "举报人",
    "来电人",
    "反映人",
    "求助人",
    "申请人",
    "当事人",
    "被投诉人",
    "户主",
    "业主姓名",
    "联系人姓名",
    "车主",
    "患者",
    "收件人",
    "开户人",
    "户名",
    "法定代表人",
    "负责人",
    "经办人",
    "本人姓名",
    "监护人",
    "房东",
    "租客",
    "死者",
];

/// Words that a name follows at once.
const CALLED: [&str; 7] =
    ["我叫", "名叫", "我的名字是", "我的名字叫", "本人叫", "我姓名", "我是市民"];

/// Words that a name follows where it ends its clause.
const PERHAPS: [&str; 5] = ["我是", "叫", "名字", "户名", "名字是"];

/// Who is spoken of in a case.
const ROLES: [&str; 12] = [
    "市民",
    "居民",
    "村民",
    "业主",
    "来电人",
    "投诉人",
    "举报人",
    "群众",
    "家长",
    "乘客",
    "网民",
    "职工",
];

/// Forms of address behind a name.
const ADDRESSES: [&str; 11] =
    ["先生", "女士", "小姐", "师傅", "阿姨", "大爷", "大妈", "太太", "老板", "奶奶", "爷爷"];

/// Words that follow a name in a case.
const VERBS: [&str; 24] = [
    "反映",
    "来电",
    "投诉",
    "举报",
    "咨询",
    "致电",
    "求助",
    "表示",
    "称",
    "说",
    "先生",
    "女士",
    "住",
    "电话",
    "身份证",
    "家住",
    "反馈",
    "于",
    "向",
    "的",
    "因",
    "在",
    "手机",
    "联系",
];

pub(super) fn find(text: &Chars) -> Vec<Found> {
    let mut found = Vec::new();
    for at in 0..text.chars.len() {
        let (from, to) = match text.at(at) {
            '：' | ':' | '为' | '是' | '叫' | ' ' | '\u{3000}' | '民' | '人' | '主' | '众'
            | '长' | '客' | '工' | '名' | '字' => {
                let Some(name) = behind_word(text, at + 1) else { continue };
                name
            }
            '先' | '女' | '小' | '师' | '阿' | '大' | '太' | '老' | '奶' | '爷' => {
                let Some(name) = before_address(text, at) else { continue };
                name
            }
            _ => continue,
        };
        found.push(Found { kind: Kind::Name, from, to });
    }
    found
}

/// A name from a place on, behind a label, 我叫 or a role.
fn behind_word(text: &Chars, at: usize) -> Option<(usize, usize)> {
    let mark = text.back(at, 1);
    let labelled = {
        let mut end = at;
        while matches!(text.back(end, 1), '：' | ':' | '为' | '是' | ' ' | '\u{3000}')
            && at - end < 3
            && end > 0
        {
            end -= 1;
        }
        end < at && LABELS.iter().any(|word| text.ends_with(end, word))
    };
    if labelled
        || matches!(mark, '叫' | '是' | '民') && CALLED.iter().any(|word| text.ends_with(at, word))
    {
        let length = name_length(text, at)?;
        // `联系人：单位` names nobody.
        if (0..length).any(|by| "人位者应须的和及".contains(text.at(at + by))) {
            return None;
        }
        return Some((at, at + length));
    }
    if PERHAPS.iter().any(|word| text.ends_with(at, word)) && !DOUBTFUL.contains(text.at(at)) {
        let family = surname(text, at);
        let run = (0..5).take_while(|by| is_han(text.at(at + by))).count();
        if family > 0 && run > family && run <= family + 2 && text.at(at + family) != '某' {
            return Some((at, at + run));
        }
    }
    // `市民张伟反映`: only where a verb of a case follows, and no common word is meant.
    if !ROLES.iter().any(|word| text.ends_with(at, word)) || DOUBTFUL.contains(text.at(at)) {
        return None;
    }
    let family = surname(text, at);
    let addressed = ADDRESSES.iter().any(|word| text.starts_with(at + family, word));
    if family == 0 || text.at(at + family) == '某' || addressed {
        return None;
    }
    [family + 2, family + 1]
        .into_iter()
        .filter(|length| (0..*length).all(|by| is_han(text.at(at + by))))
        .find(|length| VERBS[..9].iter().any(|verb| text.starts_with(at + length, verb)))
        .map(|length| (at, at + length))
}

/// Characters of a name that begins at a place: surname and one or two more.
fn name_length(text: &Chars, at: usize) -> Option<usize> {
    let family = surname(text, at);
    if family == 0 || text.at(at + family) == '某' {
        return None;
    }
    let run = (0..family + 3).take_while(|by| is_han(text.at(at + by))).count();
    // A form of address right behind the surname.
    if ADDRESSES.iter().any(|word| text.starts_with(at + family, word)) {
        return Some(family);
    }
    if run <= family {
        return None;
    }
    if run <= family + 2 {
        let verb = run == family + 2
            && VERBS
                .iter()
                .any(|verb| verb.chars().count() == 1 && text.starts_with(at + family + 1, verb));
        return Some(if verb { family + 1 } else { run });
    }
    let next = |length: usize| VERBS.iter().any(|verb| text.starts_with(at + length, verb));
    let sure = |length: usize| {
        VERBS.iter().any(|verb| verb.chars().count() > 1 && text.starts_with(at + length, verb))
    };
    // A long run of characters behind a label is a sentence, unless a word of a case follows the name.
    if next(family + 1) && !sure(family + 2) {
        return Some(family + 1);
    }
    next(family + 2).then_some(family + 2)
}

/// A name before a form of address.
fn before_address(text: &Chars, at: usize) -> Option<(usize, usize)> {
    let word = ADDRESSES.iter().find(|word| text.starts_with(at, word))?;
    if text.at(at + word.chars().count()) == '们' {
        return None;
    }
    let family = |length: usize| {
        let start = at.checked_sub(length)?;
        let own = surname(text, start);
        let name = (0..length).all(|by| is_han(text.at(start + by)));
        (own > 0 && own <= length && length <= own + 2 && name).then_some(start)
    };
    // The longest that begins where a word ended, else the shortest.
    let bounded = |start: usize| {
        let before = text.back(start, 1);
        !is_han(before) || "人主民的是叫向和与给找由被了位家长客工众即系对".contains(before)
    };
    (1..=4)
        .rev()
        .filter_map(family)
        .find(|start| bounded(*start))
        .or_else(|| (1..=4).filter_map(family).next())
        .map(|start| (start, at))
}
