//! Benchmarks by name: programs of ours whose figures are kept as one JSON file a run in `bench/runs/`.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::machine::{self, utc};
use crate::{process, workspace};

/// One benchmark: a cargo invocation whose standard output is one JSON object a line.
struct Bench {
    name: &'static str,
    title: &'static str,
    cargo: &'static [&'static str],
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "screen",
        title: "Screen the demo library with every shipped model, two threads",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-drug",
            "--example",
            "bench_screen",
        ],
    },
    Bench {
        name: "chem",
        title: "Parse, canonical SMILES and ECFP4 of the demo library, one thread",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-chem",
            "--example",
            "bench_chem",
            "--",
            LIBRARY,
            "5",
        ],
    },
    Bench {
        name: "props",
        title: "Descriptors, QED, alerts of the demo library, one thread",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-chem",
            "--example",
            "bench_props",
            "--",
            LIBRARY,
        ],
    },
    Bench {
        name: "optimize",
        title: "Penalised logP and QED near 200 starts, 1,000 candidates each, two threads",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-chem",
            "--example",
            "bench_optimize",
        ],
    },
    Bench {
        name: "fetch",
        title: "Download over loopback with digest and flush to disk",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-fetch",
            "--example",
            "throughput",
        ],
    },
    Bench {
        name: "serving",
        title: "The server under load: batching, overload, draining, reloading, idle connections, peers",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-drug",
            "--example",
            "bench_serve",
        ],
    },
    Bench {
        name: "overload",
        title: "The server at three times its capacity for a minute (a part of serving)",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-drug",
            "--example",
            "bench_serve",
            "--",
            "overload",
        ],
    },
    Bench {
        name: "virtual-screening",
        title: "DUD and MUV by similarity, ChEMBL's multitask model and their fusion; target fishing",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-drug",
            "--example",
            "vs_benchmark",
        ],
    },
    Bench {
        name: "cameras",
        title: "Eight replayed cameras for ten minutes, one stalling, one changing size, one dying",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-mining",
            "--example",
            "bench_cameras",
        ],
    },
    Bench {
        name: "vision",
        title: "Detection, pictures and memory banks against onnxruntime, OpenCV and torch",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-mining",
            "--example",
            "bench_vision",
        ],
    },
    Bench {
        name: "text",
        title: "Vectors of articles against fastembed and sentence-transformers, one and two threads",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-text",
            "--example",
            "bench_embed",
        ],
    },
    Bench {
        name: "retrieval",
        title: "58,637 articles into an index with vectors, and questions asked of it, one thread",
        cargo: &[
            "run",
            "--release",
            "--quiet",
            "--package",
            "strata-text",
            "--example",
            "bench_retrieval",
            "--",
            "--model",
            "gov-retriever",
        ],
    },
];

/// What the benchmarks run on that need molecules; its few broken rows are part of the work.
const LIBRARY: &str = "datasets/demo-library.smi";

/// Prints the benchmarks that are there.
pub(super) fn list() {
    for bench in BENCHES {
        println!("{:<18} {}", bench.name, bench.title);
    }
}

/// Runs the benchmarks of these names; `own` takes the place of a single one's usual arguments.
pub(super) fn main(names: &[String], own: &[String], save_them: bool) -> Result<()> {
    let root = workspace::root()?;
    let machine = machine::machine(&root);
    if !own.is_empty() && names.len() != 1 {
        bail!("arguments behind -- are for one benchmark: name it");
    }
    for bench in chosen(names)? {
        println!("=== {}: {}", bench.name, bench.title);
        let start = Instant::now();
        let figures = run(bench, own, &root)?;
        for figure in &figures {
            println!("{figure}");
        }
        let now = utc(machine::unix_seconds());
        let record = json!({
            "bench": bench.name, "title": bench.title, "date": now, "machine": machine,
            "arguments": own, "seconds": (start.elapsed().as_secs_f64() * 10.0).round() / 10.0, "figures": figures,
        });
        if save_them {
            let name = format!("{}-{}.json", now.replace(':', ""), bench.name);
            let path = root.join("bench/runs").join(name);
            save(&path, &record)?;
            println!("kept in {}", path.strip_prefix(&root).unwrap_or(&path).display());
        }
    }
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Bench>> {
    let find = |name: &String| {
        BENCHES.iter().find(|b| b.name == *name).with_context(|| {
            let known: Vec<&str> = BENCHES.iter().map(|b| b.name).collect();
            format!("there is no benchmark {name:?}; there are {}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}

fn run(bench: &Bench, own: &[String], root: &Path) -> Result<Vec<Value>> {
    let mut command = process::cargo();
    command.args(invocation(bench, own)).current_dir(root).stderr(Stdio::inherit());
    let output = command.output().with_context(|| process::shown(&command))?;
    if !output.status.success() {
        bail!("the benchmark {} failed: {}", bench.name, output.status);
    }
    parse(&String::from_utf8_lossy(&output.stdout))
        .with_context(|| format!("the benchmark {}", bench.name))
}

/// Arguments of cargo: the benchmark's usual ones, or its program with these.
fn invocation<'a>(bench: &Bench, own: &'a [String]) -> Vec<&'a str> {
    if own.is_empty() {
        return bench.cargo.to_vec();
    }
    let program = bench.cargo.iter().copied().take_while(|argument| *argument != "--");
    program.chain(["--"]).chain(own.iter().map(String::as_str)).collect()
}

/// Figures from JSON lines; at least one, or the benchmark measured nothing.
fn parse(text: &str) -> Result<Vec<Value>> {
    let figures: Vec<Value> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
        .collect::<Result<_>>()?;
    if figures.is_empty() {
        bail!("it printed no figure");
    }
    Ok(figures)
}

pub(crate) fn save(path: &Path, record: &impl serde::Serialize) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(record)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_must_be_json_and_some() {
        assert_eq!(parse("{\"a\":1}\n\n{\"a\":2}\n").unwrap().len(), 2);
        assert!(parse("").unwrap_err().to_string().contains("no figure"));
        assert!(parse("12 ms").unwrap_err().to_string().contains("no JSON"));
    }

    #[test]
    fn own_arguments_take_the_place_of_the_usual_ones() {
        let chem = chosen(&["chem".to_owned()]).unwrap()[0];
        assert_eq!(invocation(chem, &[]), chem.cargo);
        let own = ["other.smi".to_owned()];
        assert_eq!(invocation(chem, &own)[5..], ["--example", "bench_chem", "--", "other.smi"]);
    }

    #[test]
    fn unknown_benchmarks_list_the_known_ones() {
        let error = chosen(&["speed".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("speed") && error.contains("fetch"), "{error}");
    }
}
