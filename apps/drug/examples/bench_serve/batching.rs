//! What batching gains: the server as it is against the same program with one row a run.

use anyhow::{Context as _, Result};
use serde_json::json;
use strata_testkit::load::Request;

use crate::bodies::{Form, Rows, molecules, predictions};
use crate::duel::{Rounds, Side, duel, with};
use crate::figures::round;
use crate::server::{Server, ask};
use crate::{Bench, dense};

const MODELS: [&str; 3] = ["lipophilicity", "esol", "hiv"];

/// The two servers.
struct Pair([Server; 2]);

impl Pair {
    fn start(bench: &Bench, args: &[&str]) -> Result<Self> {
        let single = [args, &["--batching-max-rows", "1"]].concat();
        Ok(Self([Server::start(bench, args)?, Server::start(bench, &single)?]))
    }

    /// Requests are made for each address; `label` is that of the batches in the metrics.
    fn duel(
        &self,
        bench: &Bench,
        label: &str,
        requests: impl Fn(&Server) -> Result<Vec<Request>>,
    ) -> Result<serde_json::Value> {
        let side = |name, server: &Server| -> Result<Side> {
            Ok(Side {
                name,
                address: server.address,
                pid: server.pid(),
                batches: Some(format!("model=\"{label}\"")),
                requests: requests(server)?,
            })
        };
        let sides = [side("batched", &self.0[0])?, side("one by one", &self.0[1])?];
        duel(&sides, &Rounds::of(bench))
    }
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let pair = Pair::start(bench, &[])?;
    for model in MODELS {
        let rows = Rows::golden(&bench.root, model)?;
        let right = right(&pair, &rows)?;
        for form in [Form::Json, Form::Binary] {
            let figures = pair.duel(bench, model, |s| rows.requests(s.address, form, 1))?;
            let what = json!({
                "what": "batching", "operation": "infer", "model": model, "form": form.name(),
                "rows_a_request": 1, "largest_difference_to_golden": round(right),
            });
            println!("{}", with(figures, what));
        }
    }
    let smiles = molecules(&bench.root)?;
    let figures = pair.duel(bench, "screen", |s| predictions(s.address, &smiles, 1))?;
    println!(
        "{}",
        with(figures, json!({"what": "batching", "operation": "predict", "rows_a_request": 1}))
    );
    drop(pair);

    let folder = dense::write(bench.folder.path())?;
    let folder = folder.to_str().context("a folder's name is no text")?;
    let pair = Pair::start(bench, &["--models-dir", folder])?;
    let rows = dense::rows();
    let figures = pair.duel(bench, dense::NAME, |s| rows.requests(s.address, Form::Binary, 1))?;
    let held = figures["ratio_per_second"]["median"].as_f64().is_some_and(|ratio| ratio >= 3.0);
    let what = json!({
        "what": "batching", "operation": "infer", "model": "2048-2048-2048-2048-16, dense", "form": "binary",
        "rows_a_request": 1, "bar": "at least 3 times the requests a second", "held": held,
    });
    println!("{}", with(figures, what));
    Ok(())
}

/// Every row once on both servers: what is measured has to be right. The largest difference.
fn right(pair: &Pair, rows: &Rows) -> Result<f64> {
    let mut most = 0.0_f64;
    for server in &pair.0 {
        for (first, request) in rows.requests(server.address, Form::Json, 1)?.iter().enumerate() {
            let (status, body) = ask(server.address, request)?;
            let found = match status {
                200 => rows.check(first, &body),
                _ => Err(String::from_utf8_lossy(&body).into_owned()),
            };
            most = most
                .max(found.map_err(|why| anyhow::anyhow!("{} row {first}: {why}", rows.model))?);
        }
    }
    Ok(most)
}
