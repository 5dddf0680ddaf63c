//! How rare units and pairs of units are: a small table that is shipped with the reader.

use rustc_hash::FxHashMap;

/// Inverse document frequencies.
#[derive(Debug)]
pub(crate) struct Idf {
    weights: FxHashMap<Box<str>, f64>,
}

impl Idf {
    /// Reads a table: the number of documents, then a line `gram<TAB>documents that have it` a gram.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| format!("is not UTF-8: {error}"))?;
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let documents: u32 =
            first.parse().map_err(|_| format!("line 1: {first:?} is no number of documents"))?;
        let top = (f64::from(documents) + 1.0).ln();
        if documents == 0 {
            return Err("line 1: it counts no document".to_owned());
        }
        let mut weights = FxHashMap::default();
        for (at, line) in lines.enumerate() {
            let read = line.split_once('\t').and_then(|(gram, df)| Some((gram, df.parse().ok()?)));
            let (gram, df): (&str, u32) =
                read.ok_or_else(|| format!("line {}: {line:?} is no gram and count", at + 2))?;
            weights.insert(gram.into(), (top - (f64::from(df) + 1.0).ln()) / top);
        }
        Ok(Self { weights })
    }

    /// (ln(N + 1) − ln(df + 1)) / ln(N + 1): 1 for a gram that no document has, 0 for one that all have.
    pub(crate) fn of(&self, gram: impl Iterator<Item = char>) -> f64 {
        let gram: String = gram.collect();
        self.weights.get(gram.as_str()).copied().unwrap_or(1.0)
    }

    /// How much oftener two units stand together than by chance: (ln(N + 1) + ln(df(ab) + 1) − ln(df(a) + 1) − ln(df(b) + 1))
    /// ÷ ln(N + 1), within −1 and 1. An edge between units of a high bond cuts a word.
    pub(crate) fn bond(&self, first: &[char], second: &[char]) -> f64 {
        let of = |gram: &[char]| self.of(gram.iter().copied());
        let both = self.of(first.iter().chain(second).copied());
        (of(first) + of(second) - both).clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_grams_weigh_more() {
        let idf = Idf::parse("9\n法\t9\n劳动\t1\n".as_bytes()).unwrap();
        assert_eq!(idf.of("法".chars()), 0.0);
        assert!((idf.of("劳动".chars()) - (1.0 - 2_f64.ln() / 10_f64.ln())).abs() < 1e-12);
        assert_eq!(idf.of("无".chars()), 1.0);
        let bonds = Idf::parse("9\n劳\t1\n动\t1\n劳动\t1\n".as_bytes()).unwrap();
        assert!((bonds.bond(&['劳'], &['动']) - (1.0 - 2_f64.ln() / 10_f64.ln())).abs() < 1e-12);
        assert_eq!(bonds.bond(&['无'], &['有']), 1.0);
        for (text, what) in
            [("", "line 1"), ("0\n", "no document"), ("3\n法\n", "line 2"), ("3\n法\tx", "line 2")]
        {
            let error = Idf::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
    }
}
