//! Whether a question is answered or refused: a logistic model over figures of its search that have no scale of their own,
//! and a threshold that fits an index.
//!
//! The fitted probability is right on average over indexes; where to cut differs by index, as common words of one match small talk. So
//! a threshold is set from lines that no document answers (a quantile of what they reach) or, where a bureau has questions
//! with known answers, from the share of these that may be refused.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::reader::{Content, grams};

/// Share of the off-topic lines that a threshold refuses.
pub const OFF_TOPIC_REFUSED: f64 = 0.95;

/// Lines of each sort from which weights are fitted anew; with fewer only the threshold is set.
const ENOUGH: usize = 100;

/// Strength of the quadratic penalty on weights: without it, lines that are told apart perfectly would have none that are best.
const PENALTY: f64 = 1e-4;

/// What a search by words says of its best passage.
pub struct Evidence<'a> {
    /// Score of the best record by words.
    pub lexical: f64,
    /// Saturation of the index's scoring: see [`crate::index::Scoring`].
    pub k1: f64,
    /// The question's tokens as the index counts them, as often as they stand in it.
    pub tokens: &'a [String],
    /// Weight of a token in the index: ln(1 + (N − n + ½) / (n + ½)).
    pub idf: &'a dyn Fn(&str) -> f64,
    /// Weight of a token that no passage has: ln(1 + (N + ½) / ½).
    pub idf_most: f64,
}

/// Figures of a question and the passage found for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    /// Score by words over the most that any text could reach, 0 to 1.
    pub coverage: f64,
    /// Share of the weight of the question's content that the passage has, 0 to 1. Content is neither a question word nor a
    /// word that says nothing.
    pub content_share: f64,
    /// ln(1 + the weight of that content in the passage, counted in tokens that no other passage has): a long question that
    /// matches in much is safer than a short one that matches in a word.
    pub evidence: f64,
}

/// Number of the signals.
const SIGNALS: usize = 3;

impl Signals {
    /// The figures of a question and a passage; those of nothing found are zeros.
    #[must_use]
    pub fn of(question: &str, passage: &str, search: &Evidence<'_>) -> Self {
        let most: f64 =
            search.tokens.iter().map(|token| (search.idf)(token)).sum::<f64>() * (search.k1 + 1.0);
        let there: BTreeSet<String> = grams(passage, Content::All).into_iter().collect();
        let (mut all, mut matched) = (0.0, 0.0);
        let asked: BTreeSet<String> = grams(question, Content::Only).into_iter().collect();
        for gram in asked {
            let weight = (search.idf)(&gram) / search.idf_most.max(f64::MIN_POSITIVE);
            all += weight;
            if there.contains(&gram) {
                matched += weight;
            }
        }
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Self {
            coverage: share(search.lexical, most),
            content_share: share(matched, all),
            evidence: matched.ln_1p(),
        }
    }

    fn values(self) -> [f64; SIGNALS] {
        [self.coverage, self.content_share, self.evidence]
    }
}

/// A model of which questions can be answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Weights of coverage, content share and evidence.
    pub weights: [f64; SIGNALS],
    /// Log-odds where all of them are 0.
    pub intercept: f64,
    /// Log-odds below which a question is refused.
    pub threshold: f64,
    /// Lines that weights or threshold were set from; 0 for the shipped model.
    pub lines: usize,
}

/// The shipped model: fitted on questions over encyclopaedia paragraphs, statutes and service guides that hold their answer,
/// over others that do not, and on small talk. The threshold is that of an index of 599 policies; an index should set its own.
/// There 3.3 % of 841 answerable questions were refused, and 99.1 % of 1,000 questions of an encyclopaedia and 91.2 % of 102
/// lines of small talk.
impl Default for Refusal {
    fn default() -> Self {
        Self { weights: [16.8611, 2.8242, 2.7919], intercept: -8.219, threshold: 0.769, lines: 0 }
    }
}

impl Refusal {
    /// Log-odds that the question can be answered.
    #[must_use]
    pub fn log_odds(&self, signals: &Signals) -> f64 {
        let products = self.weights.iter().zip(signals.values());
        self.intercept + products.map(|(weight, value)| weight * value).sum::<f64>()
    }

    /// Probability that the question can be answered.
    #[must_use]
    pub fn probability(&self, signals: &Signals) -> f64 {
        logistic(self.log_odds(signals))
    }

    /// Whether the question is refused.
    #[must_use]
    pub fn refuses(&self, signals: &Signals) -> bool {
        self.log_odds(signals) < self.threshold
    }

    /// The same weights with the threshold of an index, from lines that nothing in it answers: `share` of them are refused
    /// (see [`OFF_TOPIC_REFUSED`]). Without lines it stays as it is.
    #[must_use]
    pub fn with_off_topic(&self, lines: &[Signals], share: f64) -> Self {
        let mut odds: Vec<f64> = lines.iter().map(|line| self.log_odds(line)).collect();
        let threshold = quantile(&mut odds, share).unwrap_or(self.threshold);
        Self { threshold, lines: lines.len(), ..self.clone() }
    }
}

/// What a threshold refuses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Log-odds below which a question is refused.
    pub threshold: f64,
    /// Share of the questions without an answer that are refused.
    pub refused: f64,
    /// Share of those with an answer that are refused wrongly.
    pub refused_wrongly: f64,
}

/// A model fitted to an index, and what other thresholds would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The model.
    pub refusal: Refusal,
    /// Thresholds at each percent of questions refused wrongly, 0 to 20; empty without questions that have answers.
    pub curve: Vec<Point>,
}

/// Fits a model to lines with and without an answer in an index. With 100 lines of each sort the weights are fitted, each sort
/// counting the same; else only the threshold. Where there are lines with an answer, at most `wrongly` of them (a share) are
/// refused; else [`OFF_TOPIC_REFUSED`] of the others.
#[must_use]
pub fn calibrate(shipped: &Refusal, lines: &[(Signals, bool)], wrongly: f64) -> Calibration {
    let of = |answerable: bool| -> Vec<Signals> {
        lines.iter().filter(|line| line.1 == answerable).map(|line| line.0).collect()
    };
    let (own, other) = (of(true), of(false));
    let fitted =
        (own.len() >= ENOUGH && other.len() >= ENOUGH).then(|| fit(&own, &other)).flatten();
    let refusal = fitted.unwrap_or_else(|| shipped.clone());
    if own.is_empty() {
        let refusal = refusal.with_off_topic(&other, OFF_TOPIC_REFUSED);
        return Calibration { refusal, curve: Vec::new() };
    }
    let odds = |lines: &[Signals]| -> Vec<f64> {
        lines.iter().map(|line| refusal.log_odds(line)).collect()
    };
    let (mut own, other) = (odds(&own), odds(&other));
    let below = |odds: &[f64], threshold: f64| {
        let count = odds.iter().filter(|odds| **odds < threshold).count();
        count as f64 / odds.len().max(1) as f64
    };
    let mut point = |share: f64| {
        let threshold = quantile(&mut own, share).unwrap_or(refusal.threshold);
        Point {
            threshold,
            refused: below(&other, threshold),
            refused_wrongly: below(&own, threshold),
        }
    };
    let curve = (0..=20).map(|percent| point(f64::from(percent) / 100.0)).collect();
    let threshold = point(wrongly.clamp(0.0, 1.0)).threshold;
    Calibration { refusal: Refusal { threshold, lines: lines.len(), ..refusal }, curve }
}

/// Logistic regression by Newton's method, both sorts weighing the same.
fn fit(own: &[Signals], other: &[Signals]) -> Option<Refusal> {
    const WIDTH: usize = SIGNALS + 1;
    let row = |signals: &Signals| {
        let [a, b, c] = signals.values();
        [a, b, c, 1.0]
    };
    let weigh = |lines: &[Signals], label: f64| -> Vec<([f64; WIDTH], f64, f64)> {
        lines.iter().map(|line| (row(line), label, 1.0 / lines.len() as f64)).collect()
    };
    let rows = [weigh(own, 1.0), weigh(other, 0.0)].concat();
    let mut beta = [0.0; WIDTH];
    for _ in 0..100 {
        let mut slope = [0.0; WIDTH];
        let mut curve = [[0.0; WIDTH]; WIDTH];
        for i in 0..SIGNALS {
            slope[i] -= PENALTY * beta[i];
            curve[i][i] += PENALTY;
        }
        for (x, label, weight) in &rows {
            let p = logistic(x.iter().zip(&beta).map(|(x, b)| x * b).sum());
            for i in 0..WIDTH {
                slope[i] += weight * (label - p) * x[i];
                for j in 0..WIDTH {
                    curve[i][j] += weight * p * (1.0 - p) * x[i] * x[j];
                }
            }
        }
        let step = solve(curve, slope)?;
        beta.iter_mut().zip(&step).for_each(|(beta, step)| *beta += step);
        if step.iter().all(|step| step.abs() < 1e-10) {
            break;
        }
    }
    let [a, b, c, intercept] = beta;
    let finite = beta.iter().all(|beta| beta.is_finite());
    let lines = own.len() + other.len();
    finite.then_some(Refusal { weights: [a, b, c], intercept, threshold: 0.0, lines })
}

/// A linear system by elimination with pivots; `None` where it has no one solution.
fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let largest = |&x: &usize, &y: &usize| a[x][column].abs().total_cmp(&a[y][column].abs());
        let pivot = (column..N).max_by(largest)?;
        if a[pivot][column].abs() < 1e-14 {
            return None;
        }
        a.swap(column, pivot);
        b.swap(column, pivot);
        let (above, own) = (a[column], b[column]);
        for row in column + 1..N {
            let factor = a[row][column] / above[column];
            a[row].iter_mut().zip(&above).for_each(|(value, above)| *value -= factor * above);
            b[row] -= factor * own;
        }
    }
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|column| a[row][column] * b[column]).sum();
        b[row] = (b[row] - known) / a[row][row];
    }
    Some(b)
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The value with this share of the others below it, by linear interpolation; sorts them.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = share.clamp(0.0, 1.0) * (values.len().checked_sub(1)?) as f64;
    let low = *values.get(place.floor() as usize)?;
    let high = values.get(place.ceil() as usize).copied().unwrap_or(low);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: Refusal =
        Refusal { weights: [10.0, 2.0, 2.0], intercept: -5.0, threshold: 0.0, lines: 0 };

    fn signals(coverage: f64, content_share: f64, evidence: f64) -> Signals {
        Signals { coverage, content_share, evidence }
    }

    /// Deterministic lines: answerable ones lie higher, with some overlap.
    fn lines(count: usize) -> Vec<(Signals, bool)> {
        let mut state = 9_u64;
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1_u64 << 24) as f64
        };
        let line = |at: usize| {
            let up = if at.is_multiple_of(2) { 0.25 } else { 0.0 };
            let [a, b, c] = std::array::from_fn(|_| draw() * 0.6 + up);
            (signals(a, b, c * 2.0), at.is_multiple_of(2))
        };
        (0..count).map(line).collect()
    }

    #[test]
    fn signals_are_shares_of_what_could_be_found() {
        // Weights by hand: 居住证 is common, everything else is in no passage.
        let idf = |token: &str| if "居住证".contains(token) { 1.0 } else { 4.0 };
        let tokens: Vec<String> = ["居", "住", "居住", "几"].map(str::to_owned).to_vec();
        let search = Evidence { lexical: 5.0, k1: 1.0, tokens: &tokens, idf: &idf, idf_most: 4.0 };
        let found = Signals::of("居住几年？", "居住证", &search);
        assert!((found.coverage - 5.0 / 14.0).abs() < 1e-12);
        // Content: 居, 住, 居住 (found), 年 (not found); 几 is a question word.
        assert!((found.content_share - 3.0 / 7.0).abs() < 1e-12, "{found:?}");
        assert!((found.evidence - 0.75_f64.ln_1p()).abs() < 1e-12);
        let none = Evidence { tokens: &[], lexical: 0.0, ..search };
        assert_eq!(Signals::of("", "", &none), Signals::default());
    }

    #[test]
    fn off_topic_lines_set_the_threshold() {
        let lines: Vec<Signals> =
            (0..=100).map(|at| signals(f64::from(at) / 100.0, 0.0, 0.0)).collect();
        let fitted = SHIPPED.with_off_topic(&lines, 0.95);
        assert!((fitted.threshold - (0.95 * 10.0 - 5.0)).abs() < 1e-12);
        assert_eq!(lines.iter().filter(|line| fitted.refuses(line)).count(), 95);
        assert_eq!((fitted.weights, fitted.lines), (SHIPPED.weights, 101));
        assert_eq!(SHIPPED.with_off_topic(&[], 0.95).threshold, 0.0);
    }

    #[test]
    fn few_lines_set_only_the_threshold() {
        let lines = lines(40);
        let calibration = calibrate(&SHIPPED, &lines, 0.1);
        assert_eq!(calibration.refusal.weights, SHIPPED.weights);
        let wrongly =
            lines.iter().filter(|line| line.1 && calibration.refusal.refuses(&line.0)).count();
        assert!(wrongly <= 2, "{wrongly} of 20");
        assert_eq!(calibration.curve.len(), 21);
    }

    #[test]
    fn many_lines_fit_weights_where_the_likelihood_is_highest() {
        let lines = lines(600);
        let calibration = calibrate(&SHIPPED, &lines, 0.05);
        let fitted = &calibration.refusal;
        assert!(fitted.weights.iter().all(|weight| *weight > 0.0), "{fitted:?}");
        // No small change of a weight fits better: a logistic likelihood has one highest point.
        let loss = |model: &Refusal| {
            let fit: f64 = lines
                .iter()
                .map(|(signals, is)| {
                    let p = model.probability(signals);
                    -(if *is { p } else { 1.0 - p }).ln() / 300.0
                })
                .sum();
            fit + PENALTY / 2.0 * model.weights.iter().map(|w| w * w).sum::<f64>()
        };
        for at in 0..3 {
            for by in [-0.05, 0.05] {
                let mut other = fitted.clone();
                other.weights[at] += by;
                assert!(loss(&other) > loss(fitted));
            }
        }
        let curve = &calibration.curve;
        assert!(curve.windows(2).all(|pair| pair[0].refused <= pair[1].refused));
        assert!(
            curve.iter().enumerate().all(|(at, p)| p.refused_wrongly <= at as f64 / 100.0 + 1e-9)
        );
        assert!(curve[10].refused > 0.6, "{:?}", curve[10]);
    }

    #[test]
    fn lines_told_apart_perfectly_still_fit() {
        let lines: Vec<(Signals, bool)> = (0..300)
            .map(|at| (signals(if at % 2 == 0 { 0.9 } else { 0.1 }, 0.5, 1.0), at % 2 == 0))
            .collect();
        let calibration = calibrate(&SHIPPED, &lines, 0.0);
        assert!(lines.iter().all(|(signals, is)| calibration.refusal.refuses(signals) != *is));
        assert!(calibrate(&SHIPPED, &[], 0.1).curve.is_empty());
    }
}
