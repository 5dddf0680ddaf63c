//! Strata beside MLServer: the same ONNX files, rows and form, both running, one loaded at a time.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::Bench;
use crate::bodies::{Form, Rows, difference, output_numbers};
use crate::duel::{Rounds, Side, duel, with};
use crate::figures::round;
use crate::server::{Process, Server, ask, free_ports, wait_ready};

pub(crate) const MODELS: [&str; 3] = ["esol", "hiv", "lipophilicity"];

pub(crate) fn run(bench: &Bench, mlserver: Option<&Path>) -> Result<()> {
    let Some(mlserver) = mlserver else {
        let why = "left out: name MLServer's program with --mlserver or STRATA_MLSERVER";
        println!("{}", json!({"what": "peers", "note": why}));
        return Ok(());
    };
    let ours = Server::start(bench, &[])?;
    let (process, address) = start(bench, mlserver, 1)?;
    for model in MODELS {
        let rows = Rows::golden(&bench.root, model)?;
        let requests = [ours.address, address].map(|at| rows.requests(at, Form::Json, 1));
        let [mine, theirs] = requests;
        let (mine, theirs) = (mine?, theirs?);
        let mut most = 0.0_f64;
        for (mine, theirs) in mine.iter().zip(&theirs) {
            let numbers = |at: SocketAddr, request| -> Result<Vec<f64>> {
                let (status, body) = ask(at, request)?;
                if status != 200 {
                    bail!("{status}: {}", String::from_utf8_lossy(&body));
                }
                output_numbers(&body).map_err(anyhow::Error::msg)
            };
            let (a, b) = (numbers(ours.address, mine)?, numbers(address, theirs)?);
            most = most.max(difference(&a, &b).map_err(anyhow::Error::msg)?);
        }
        let sides = [
            Side {
                name: "strata",
                address: ours.address,
                pid: ours.pid(),
                batches: Some(format!("model=\"{model}\"")),
                requests: mine,
            },
            Side {
                name: "mlserver",
                address,
                pid: process.0.id(),
                batches: None,
                requests: theirs,
            },
        ];
        let figures = duel(&sides, &Rounds::of(bench))?;
        let what = json!({
            "what": "peers", "operation": "infer", "model": model, "form": "json", "rows_a_request": 1,
            "largest_difference": round(most),
            "mlserver": "workers 0, adaptive batching of 32 rows within 2 ms, one thread a run",
        });
        println!("{}", with(figures, what));
    }
    Ok(())
}

/// MLServer with the same files at its best setting: models in the server's own process, adaptive batching.
pub(crate) fn start(
    bench: &Bench,
    mlserver: &Path,
    threads: usize,
) -> Result<(Process, SocketAddr)> {
    let bin = mlserver.parent().context("the program's folder")?;
    let folder = tempfile::tempdir_in(bench.folder.path())?.keep();
    let port = free_ports()?;
    let script = bench.root.join("bench/peers/serving/mlserver_model/make_model.py");
    let mut make = Command::new(bin.join("python"));
    make.arg(script).arg(&folder).args(
        MODELS.map(|model| {
            bench.root.join("shared-models").join(model).join(format!("{model}.onnx"))
        }),
    );
    make.args(["--port", &port.to_string(), "--workers", "0"]);
    make.args(["--batch-size", "32", "--batch-time", "0.002"]);
    make.args(["--threads", &threads.to_string()]);
    let made = make.stdout(Stdio::null()).status().context("python beside MLServer's program")?;
    if !made.success() {
        bail!("make_model.py failed: {made}");
    }
    let mut path = vec![bin.to_path_buf()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(mlserver);
    command.arg("start").arg(&folder).env("PATH", std::env::join_paths(path)?);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let process = Process(command.spawn().with_context(|| mlserver.display().to_string())?);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    for model in MODELS {
        wait_ready(address, &format!("/v2/models/{model}/ready")).context("MLServer")?;
    }
    Ok((process, address))
}
