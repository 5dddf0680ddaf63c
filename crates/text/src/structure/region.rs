//! The region a document applies to, by the names in its title or of its issuer: `广东省`, `广东省广州市`, `临江市`.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::region_table::REGIONS;
use super::scan::{is_blank, is_han};

/// The region that a title or an issuing body begins with. Of a city of the table the province comes before it.
#[must_use]
pub fn find(name: &str) -> Option<String> {
    let mut name = name.trim_start_matches(|c| {
        is_blank(c) || matches!(c, '《' | '〈' | '中' | '共') && !is_blank(c)
    });
    for office in ["国家税务总局", "国家统计局", "中国人民银行", "海关总署"] {
        name = name.strip_prefix(office).unwrap_or(name);
    }
    for (full, short, cities) in REGIONS {
        let Some(rest) = name.strip_prefix(full).or_else(|| short_of(name, short)) else {
            continue;
        };
        let rest = rest.trim_start_matches(is_blank);
        let city = leading_city(rest, cities, true);
        return Some(city.map_or_else(|| full.to_owned(), |city| format!("{full}{city}")));
    }
    for (full, city) in
        name.chars().next().and_then(|first| CITIES.get(&first)).into_iter().flatten()
    {
        if let Some(city) = leading_city(name, city, false) {
            return Some(format!("{full}{city}"));
        }
    }
    unlisted(name)
}

/// Province and city of the table, by the city's first character: a name is compared with few of its hundreds.
static CITIES: LazyLock<FxHashMap<char, Vec<(&str, &str)>>> = LazyLock::new(|| {
    let mut by_first: FxHashMap<char, Vec<(&str, &str)>> = FxHashMap::default();
    for (full, _, cities) in REGIONS {
        for city in cities.split(' ') {
            if let Some(first) = city.chars().next() {
                by_first.entry(first).or_default().push((full, city));
            }
        }
    }
    by_first
});

/// A region that was named, with the province before a city of the table: `广州市白云区` is `广东省广州市白云区`. What is not
/// known stays as it was named.
#[must_use]
pub fn whole(named: &str) -> String {
    let named = named.trim();
    let Some(found) = find(named) else { return named.to_owned() };
    // The name goes on behind the part of it that is known.
    let ends = found.char_indices().filter_map(|(at, _)| found.get(at..));
    let rest = ends.filter_map(|end| named.strip_prefix(end)).next();
    found.clone() + rest.unwrap_or_default()
}

/// Whether what applies to `region` applies at `place`: everywhere without a region, else to the place itself and what
/// lies in it. Both may be written short (`广州市` for `广东省广州市`).
#[must_use]
pub fn covers(region: Option<&str>, place: &str) -> bool {
    let Some(region) = region else { return true };
    if place.starts_with(region) {
        return true;
    }
    whole(place).starts_with(&whole(region))
}

/// A short name at the beginning, where it is no part of another word (`北京路` is a street).
fn short_of<'a>(name: &'a str, short: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(short)?;
    let road = rest.starts_with(['路', '街', '大', '话', '菜']) && !rest.starts_with("大力");
    // 海南藏族自治州 lies in 青海, 吉林市 in 吉林.
    let city = rest.starts_with("藏族") || rest.starts_with('市') && short == "吉林";
    (!road && !city).then_some(rest)
}

fn leading_city(name: &str, cities: &str, province_known: bool) -> Option<String> {
    cities.split(' ').filter(|city| !city.is_empty()).find_map(|city| {
        let rest = name.strip_prefix(city)?;
        let full = city.chars().count() > 3 && city.ends_with(['州', '盟', '区']);
        if full {
            return Some(city.to_owned());
        }
        (rest.starts_with('市')
            || province_known && rest.starts_with(is_han) && city.chars().count() > 2)
            .then(|| format!("{city}市"))
    })
}

/// A city, county or district at the beginning that the table does not have.
fn unlisted(name: &str) -> Option<String> {
    let mut chars = name.char_indices();
    let first: Vec<(usize, char)> = chars.by_ref().take(6).collect();
    let at = first.iter().position(|(_, c)| matches!(c, '市' | '县' | '区' | '旗' | '盟'))?;
    let (end, suffix) = *first.get(at)?;
    let own = &name[..end];
    let known = (2..=4).contains(&at) && own.chars().all(is_han);
    const COMMON: [&str; 24] = [
        "城", "本", "全", "我", "各", "关于", "设区", "自治", "社", "园", "地", "保护", "开发",
        "试验", "超", "股", "上", "都", "农贸", "灾", "林", "景", "牧", "该",
    ];
    if !known
        || COMMON
            .iter()
            .any(|word| own.ends_with(word) || own.starts_with("关于") || own.starts_with("中国"))
    {
        return None;
    }
    let rest = &name[end + suffix.len_utf8()..];
    let office =
        ["人民", "政府", "委", "局", "办", "应急", "公安", "教育", "民政", "人力", "卫生", "住房"]
            .iter()
            .any(|word| rest.starts_with(word));
    (suffix == '市' || office).then(|| format!("{own}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_by_title_and_issuer() {
        for (name, region) in [
            ("广东省人民政府办公厅", Some("广东省")),
            ("广州市公安局", Some("广东省广州市")),
            ("广东省广州市白云区人民政府", Some("广东省广州市")),
            ("内江外出务工人员可网上快捷申报", None),
            ("重庆市人民政府办公厅", Some("重庆市")),
            ("《北京市生活垃圾管理条例》", Some("北京市")),
            ("临江市电动自行车管理办法", Some("临江市")),
            ("广西壮族自治区新型冠状病毒", Some("广西壮族自治区")),
            ("国家税务总局重庆市税务局", Some("重庆市")),
            ("海南藏族自治州人民政府", Some("青海省海南藏族自治州")),
            ("吉林市人民政府", Some("吉林省吉林市")),
            ("城市道路管理条例", None),
            ("中华人民共和国城市房地产管理法", None),
            ("国务院办公厅", None),
            ("上海航运交易所管理规定", Some("上海市")),
            ("关于加强市场监管的通知", None),
            ("自然保护区条例", None),
            ("", None),
        ] {
            assert_eq!(find(name).as_deref(), region, "{name}");
        }
    }

    #[test]
    fn a_named_region_is_kept_whole() {
        for (named, whole_one) in [
            ("临江市望湖县", "临江市望湖县"),
            ("广州市", "广东省广州市"),
            ("广州市白云区", "广东省广州市白云区"),
            ("广东省广州市白云区", "广东省广州市白云区"),
            ("广东", "广东省"),
            ("火星基地", "火星基地"),
        ] {
            assert_eq!(whole(named), whole_one, "{named}");
        }
    }

    #[test]
    fn what_applies_where() {
        assert!(covers(Some("临江市"), "临江市望湖县"));
        assert!(!covers(Some("临江市望湖县"), "临江市城南区"));
        assert!(covers(Some("广州市"), "广东省广州市白云区"));
        assert!(covers(None, "临江市"));
        assert!(covers(Some("广东省"), "广州市"));
        assert!(covers(Some("广东省"), "广东省广州市"));
        assert!(covers(Some("广东省广州市"), "广州市"));
        assert!(!covers(Some("广东省广州市"), "广东省"));
        assert!(!covers(Some("福建省"), "广州市"));
        assert!(covers(Some("临江市"), "临江市"));
    }
}
