//! The HTML report of a search for better analogues: the Pareto front, the best with their changed atoms marked,
//! the way to each, what became of the moves.

use std::fmt::Write as _;
use std::time::SystemTime;

use strata_chem::optimize::Candidate;
use strata_chem::{Mol, depict};

use super::chart::short;
use super::pareto::plots;
use super::{date, escape, thousands};
use crate::optimize::{Hit, Optimized, said, way};

/// Structures shown; more make a page nobody reads.
const MOST: usize = 60;

/// The report as one HTML page.
#[must_use]
pub fn optimized(result: &Optimized) -> String {
    let mut page = String::with_capacity(1 << 16);
    let input = escape(&result.provenance.input);
    page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    let _ = write!(
        page,
        "<title>Analogues of {input}</title><style>{}{}</style></head>\
         <body><header><p class=\"kicker\">Optimisation report</p><h1>Better analogues</h1>\
         <p class=\"sub\"><b>{input}</b> · {} · strata-drug {}</p></header><main>",
        include_str!("style.css"),
        include_str!("optimized.css"),
        date(SystemTime::now()),
        escape(&result.provenance.strata),
    );
    overview(&mut page, result);
    wanted(&mut page, result);
    plots(&mut page, result);
    best(&mut page, result);
    moves(&mut page, result);
    origins(&mut page, result);
    page.push_str("</main></body></html>\n");
    page
}

fn overview(page: &mut String, result: &Optimized) {
    page.push_str("<section class=\"tiles\">");
    let mut tile = |value: String, label: &str| {
        let _ = write!(page, "<div class=\"tile\"><b>{value}</b><span>{label}</span></div>");
    };
    let count = |count: usize| thousands(count as u64);
    tile(count(result.outcome.candidates.len()), "candidates scored");
    tile(count(result.outcome.ranking.len()), "within all limits");
    tile(count(result.outcome.front.len()), "on the Pareto front");
    tile(count(result.library.fragments), "fragments to draw on");
    tile(count(result.library.transformations), "matched-pair exchanges");
    page.push_str("</section>");
    page.push_str("<figure class=\"starts\">");
    let starts = result.outcome.candidates.iter().take_while(|c| c.step.parent.is_none());
    for start in starts.take(6) {
        let name = result.starts.get(start.start as usize).map_or("", String::as_str);
        let _ = write!(
            page,
            "<div>{}<figcaption>{}</figcaption></div>",
            drawing(start).unwrap_or_default(),
            escape(name)
        );
    }
    page.push_str("</figure>");
}

/// The goals, with the values of the start and of the best.
fn wanted(page: &mut String, result: &Optimized) {
    let (first, best) = (result.outcome.candidates.first(), result.hits.first());
    page.push_str(
        "<section><h2>What was asked for</h2><table><thead><tr><th>Goal</th><th class=\"n\">Start</th>\
         <th class=\"n\">Best</th><th class=\"n\">Weight</th></tr></thead><tbody>",
    );
    for goal in &result.goals {
        let value = |candidate: Option<&Candidate>| {
            let at = result.columns.iter().position(|name| *name == goal.name);
            let value = candidate.zip(at).and_then(|(c, at)| c.values.get(at).copied()?);
            value.map_or_else(|| "–".to_owned(), short)
        };
        let best = best.and_then(|hit| result.outcome.candidates.get(hit.id as usize));
        let _ = write!(
            page,
            "<tr><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&said(&goal.name, &goal.wanted)),
            value(first),
            value(best),
            goal.weight
        );
    }
    page.push_str("</tbody></table>");
    let provenance = &result.provenance;
    let scaffold = if provenance.keep_scaffold { "kept" } else { "free" };
    let _ = write!(
        page,
        "<p class=\"note\">Tanimoto similarity (ECFP4) to the start of at least {}; scaffold {scaffold}. \
         Fitness is the weighted geometric mean of the goals' desirabilities.</p></section>",
        provenance.similarity
    );
}

fn best(page: &mut String, result: &Optimized) {
    let shown = result.hits.len().min(MOST);
    let _ = write!(page, "<section><h2>The best {shown}</h2>");
    if shown == 0 {
        page.push_str("<p>No candidate keeps every limit.</p>");
    } else {
        page.push_str(
            "<p class=\"note\">Atoms that are new or changed since the start are marked.</p>",
        );
    }
    page.push_str("<div class=\"hits\">");
    for hit in result.hits.iter().take(MOST) {
        card(page, result, hit);
    }
    page.push_str("</div></section>");
}

fn card(page: &mut String, result: &Optimized, hit: &Hit) {
    let Some(candidate) = result.outcome.candidates.get(hit.id as usize) else { return };
    let front = if hit.front == 1 { "<span class=\"on-front\">Pareto front</span>" } else { "" };
    let _ = write!(
        page,
        "<article class=\"hit\"><h3><span class=\"rank\">{}</span>{front}<span class=\"score\">{:.3}</span></h3>\
         <figure>{}</figure><code class=\"smiles\">{}</code><div class=\"facts\">",
        hit.rank,
        candidate.fitness,
        drawing(candidate).unwrap_or_default(),
        escape(&candidate.smiles)
    );
    let _ = write!(page, "<div><span>Similarity</span>{}</div>", short(candidate.similarity));
    for goal in result.goals.iter().take(11) {
        let at = result.columns.iter().position(|name| *name == goal.name);
        let value = at.and_then(|at| candidate.values.get(at).copied()?);
        let value = value.map_or_else(|| "–".to_owned(), short);
        let _ = write!(page, "<div><span>{}</span>{value}</div>", escape(&goal.name));
    }
    page.push_str("</div>");
    let _ = write!(page, "<p class=\"way\">{}</p></article>", escape(&way(result, hit.id)));
}

/// The drawing of a candidate with its changed atoms marked.
fn drawing(candidate: &Candidate) -> Option<String> {
    let changed = (0u32..).zip(&candidate.changed).filter(|(_, changed)| **changed);
    let atoms: Vec<u32> = changed.map(|(at, _)| at).collect();
    depict::svg(&Mol::from_smiles(&candidate.smiles).ok()?, &atoms).ok()
}

fn moves(page: &mut String, result: &Optimized) {
    page.push_str(
        "<section><h2>What the moves brought</h2><table class=\"small\"><thead><tr><th>Move</th>\
         <th class=\"n\">Candidates</th><th class=\"n\">Kept alive</th></tr></thead><tbody>",
    );
    for count in result.outcome.moves.iter().filter(|count| count.made > 0) {
        let _ = write!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            count.step.name(),
            thousands(count.made),
            thousands(count.stayed)
        );
    }
    let tally = &result.outcome.tally;
    let _ = write!(
        page,
        "</tbody></table><p class=\"note\">Of {} changes tried {} had no place, {} were no molecule, {} were known, \
         {} too unlike the start, {} lost the scaffold, {} were turned away for size, oddity, alerts, charge or \
         accessibility.</p></section>",
        thousands(tally.tried),
        thousands(tally.impossible),
        thousands(tally.invalid),
        thousands(tally.known),
        thousands(tally.unlike),
        thousands(tally.scaffold),
        thousands(tally.unfit)
    );
}

fn origins(page: &mut String, result: &Optimized) {
    let provenance = &result.provenance;
    page.push_str("<section><h2>Provenance</h2><table class=\"small\"><tbody>");
    let mut row = |name: &str, value: &str| {
        let _ = write!(page, "<tr><th>{name}</th><td><code>{}</code></td></tr>", escape(value));
    };
    if let Some(scenario) = &provenance.scenario {
        row("Scenario", scenario);
    }
    for model in &provenance.models {
        row("Model", &format!("{} {} · {}", model.model, model.version, model.sha256));
    }
    let library = &result.library;
    row(
        "Moves from",
        &format!("{} · {} molecules · {}", library.name, library.molecules, library.sha256),
    );
    row("Budget and seed", &format!("{} · {}", provenance.budget, provenance.seed));
    page.push_str("</tbody></table></section>");
}
