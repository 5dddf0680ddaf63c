//! `cargo xtask demo`: builds the programs and runs their main jobs on the libraries that ship with the workspace.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{process, serving, setup, workspace};

/// Options of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: setup::Args,
    /// Where results are written [default: `demo` in cargo's target folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the steps without running them
    #[arg(long)]
    dry_run: bool,
}

/// One step: a title for people and the command. `{out}` stands for the folder of results.
struct Step {
    title: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    /// The exit code of success; `inspect` tells by 2 that something is anomalous.
    code: i32,
}

/// The programs the steps use, which are cargo packages of the same name.
const PROGRAMS: &[&str] = &["strata-drug", "strata-mining", "strata-gov", "strata-weather"];

const STEPS: &[Step] = &[
    Step {
        title: "Build a fingerprint library of it",
        program: "strata-drug",
        args: &["index", "datasets/demo-library.smi", "--out", "{out}/library.sfp"],
        code: 0,
    },
    Step {
        title: "Find the ten molecules most similar to ibuprofen",
        program: "strata-drug",
        args: &[
            "search",
            "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
            "--db",
            "{out}/library.sfp",
            "--top-k",
            "10",
        ],
        code: 0,
    },
    Step {
        title: "Find the sulfonylureas in it",
        program: "strata-drug",
        args: &["substructure", "S(=O)(=O)NC(=O)N", "--db", "{out}/library.sfp"],
        code: 0,
    },
    Step {
        title: "Screen a library of molecules: solubility, toxicity, alerts, drug-likeness, ranked",
        program: "strata-drug",
        args: &[
            "screen",
            "datasets/demo-library.smi",
            "--profile",
            "oral-drug-screen",
            "--out",
            "{out}/screen.csv",
            "--report",
            "{out}/screen.html",
            "--top",
            "20",
            "--overwrite",
        ],
        code: 0,
    },
    Step {
        title: "Look for better analogues of a hit: drug-likeness up, logP from 1 to 3",
        program: "strata-drug",
        args: &[
            "optimize",
            "COc1ccc(cc1)C(=O)NCCc1c[nH]c2ccccc12",
            "--goal",
            "QED=max",
            "--goal",
            "MolLogP=1..3",
            "--similarity",
            "0.4",
            "--budget",
            "1000",
            "--out",
            "{out}/analogues.csv",
            "--report",
            "{out}/analogues.html",
            "--overwrite",
        ],
        code: 0,
    },
    Step {
        title: "Find damage of conveyor belts in pictures",
        program: "strata-mining",
        args: &["run", "belt-damage", "--save", "{out}/belt-damage"],
        code: 0,
    },
    Step {
        title: "Find foreign objects between the ore",
        program: "strata-mining",
        args: &["run", "foreign-object", "--save", "{out}/foreign-object"],
        code: 0,
    },
    Step {
        title: "Measure belts by geometry: edges, deviation, load",
        program: "strata-mining",
        args: &["run", "belt-deviation", "--save", "{out}/belt"],
        code: 0,
    },
    Step {
        title: "Make a memory bank of twelve normal pictures, and inspect four odd ones",
        program: "strata-mining",
        args: &["run", "surface-anomaly", "--save", "{out}/surface"],
        code: 2,
    },
    Step {
        title: "Watch a clip as a camera: events with snapshots",
        program: "strata-mining",
        args: &["watch", "{out}/camera.toml"],
        code: 0,
    },
    Step {
        title: "Put statutes, notices, service guides and hotline cases into an index",
        program: "strata-gov",
        args: &[
            "ingest",
            "datasets/gov/laws",
            "datasets/gov/notices",
            "datasets/gov/guides",
            "datasets/gov/hotline/cases.jsonl",
            "--index",
            "{out}/office",
        ],
        code: 0,
    },
    Step {
        title: "Ask it: the answer is quoted with its article",
        program: "strata-gov",
        args: &[
            "ask",
            "骑电动自行车可以带多大的孩子？",
            "--index",
            "{out}/office",
            "--as-of",
            "2025-06-01",
        ],
        code: 0,
    },
    Step {
        title: "The same question as of a day five years earlier",
        program: "strata-gov",
        args: &[
            "ask",
            "骑电动自行车可以带多大的孩子？",
            "--index",
            "{out}/office",
            "--as-of",
            "2020-06-01",
        ],
        code: 0,
    },
    Step {
        title: "A question that the documents do not answer is refused",
        program: "strata-gov",
        args: &["ask", "今天晚上吃什么好？", "--index", "{out}/office"],
        code: 2,
    },
    Step {
        title: "Find the department of a hotline case",
        program: "strata-gov",
        args: &["route", "拧开水龙头出来的水是黄的，还有股铁锈味", "--index", "{out}/office"],
        code: 0,
    },
    Step {
        title: "Check the citations of a draft",
        program: "strata-gov",
        args: &[
            "check",
            "datasets/gov/drafts/ebike-campaign.md",
            "--index",
            "{out}/office",
            "--as-of",
            "2025-06-01",
        ],
        code: 2,
    },
    Step {
        title: "Five days of weather on an idealised dry planet, by four models",
        program: "strata-weather",
        args: &[
            "forecast",
            "--model",
            "dry-planet",
            "--file",
            "datasets/weather/analysis.nc",
            "--lead-time",
            "120",
            "--steps",
            "12..120/12",
            "--path",
            "{out}/forecast.nc",
        ],
        code: 0,
    },
    Step {
        title: "Verify it against what happened there",
        program: "strata-weather",
        args: &[
            "verify",
            "{out}/forecast.nc",
            "--truth",
            "datasets/weather/truth.nc",
            "--climatology",
            "datasets/weather/climatology.nc",
            "--metrics",
            "rmse,acc",
        ],
        code: 0,
    },
    Step {
        title: "An ensemble at wind farms",
        program: "strata-weather",
        args: &["run", "wind-power", "--out", "{out}"],
        code: 0,
    },
];

/// Runs `demo`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let root = workspace::root()?;
    let target = process::target_dir(&root)?;
    let out = args.out.clone().unwrap_or_else(|| target.join("demo"));
    if args.dry_run {
        for step in STEPS {
            println!(
                "# {}\n{}\n",
                step.title,
                process::shown(&command(step, &root, &target, &out))
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    let library = setup::main(&args.setup)?;
    build(&root)?;
    if args.out.is_none() && out.exists() {
        // Events and pictures of an earlier demo would be told as this one's.
        std::fs::remove_dir_all(&out).with_context(|| format!("cannot empty {}", out.display()))?;
    }
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    write_camera(&root, &out)?;
    for (number, step) in STEPS.iter().enumerate() {
        let mut command = command(step, &root, &target, &out);
        command.env("ORT_DYLIB_PATH", &library);
        println!("\n=== {}/{}: {}", number + 1, STEPS.len(), step.title);
        println!("$ {}\n", process::shown(&command));
        let start = Instant::now();
        let status = process::stream(&mut command)?;
        if status.code() != Some(step.code) {
            bail!("step {} of the demo failed: {status}", number + 1);
        }
        println!("({:.1} s)", start.elapsed().as_secs_f64());
    }
    ask_server(&root, &target, &out, &library)?;
    println!(
        "\nResults are in {}: open screen.html and analogues.html in a browser, and look at the pictures in belt-damage, foreign-object, belt, surface and snapshots.",
        out.display()
    );
    println!(
        "Pages to work with: {} serve --drug-libraries {}",
        program(&target, "strata-drug").display(),
        out.join("library.sfp").display()
    );
    println!(
        "                    {} serve --gov-index {}",
        program(&target, "strata-gov").display(),
        out.join("office").display()
    );
    println!(
        "                    {} serve --weather-data {}",
        program(&target, "strata-weather").display(),
        out.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// A configuration that watches the shipped clip as if it was a camera.
fn write_camera(root: &Path, out: &Path) -> Result<()> {
    let clip = root.join("datasets/mining/foreign-object.avi");
    let text = format!(
        "[[camera]]\nname = \"belt\"\nsource = {:?}\nfps = 5.0\n\n\
         [[scene]]\nname = \"objects\"\nscenario = \"foreign-object\"\n\n\
         [outputs]\njsonl = \"events.jsonl\"\n\n\
         [outputs.journal]\npath = \"events.sqlite\"\n\n\
         [outputs.snapshots]\ndir = \"snapshots\"\n",
        clip.display().to_string()
    );
    let path = out.join("camera.toml");
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Serves the same over HTTP, asks it one question, and ends it as a system would.
fn ask_server(root: &Path, target: &Path, out: &Path, library: &Path) -> Result<()> {
    println!("\n=== The same over HTTP: serve, ask, end");
    let mut command = Command::new(program(target, "strata-drug"));
    command
        .current_dir(root)
        .args([
            "serve",
            "--bind",
            "127.0.0.1:0",
            "--drain-not-ready-s",
            "0",
            "--log-filter",
            "warn",
        ])
        .arg("--drug-libraries")
        .arg(out.join("library.sfp"))
        .arg("--jobs-dir")
        .arg(out.join("jobs"))
        .env("ORT_DYLIB_PATH", library);
    println!("$ {}", process::shown(&command));
    let server = serving::Server::start(&mut command)?;
    let start = Instant::now();
    while server.get("/v2/health/ready")?.0 != 200 {
        if start.elapsed().as_secs() > 60 {
            bail!("the server is not ready after a minute");
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    println!("ready on {} after {:.1} s", server.address(), start.elapsed().as_secs_f64());
    let body = r#"{"smiles":["CC(=O)Oc1ccccc1C(=O)O","CN1C=NC2=C1C(=O)N(C(=O)N2C)C"]}"#;
    println!("$ curl http://{}/v1/predict --json '{body}'", server.address());
    let (status, answer) = server.post("/v1/predict", body)?;
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    if status != 200 {
        bail!("the server answered {status}: {answer}");
    }
    for row in answer["rows"].as_array().into_iter().flatten() {
        let column = |name: &str| row[name].to_string();
        println!(
            "  {:<32} score {:<8} logS {:<9} QED {}",
            row["canonical_smiles"].as_str().unwrap_or_default(),
            column("score"),
            column("ESOL"),
            column("QED")
        );
    }
    server.end()
}

fn build(root: &Path) -> Result<()> {
    let mut cargo = process::cargo();
    cargo.args(["build", "--release"]).current_dir(root);
    for program in PROGRAMS {
        cargo.args(["--package", program]);
    }
    println!("building {} (the first time takes some minutes) …", PROGRAMS.join(", "));
    process::must(&mut cargo)
}

fn program(target: &Path, name: &str) -> PathBuf {
    target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn command(step: &Step, root: &Path, target: &Path, out: &Path) -> Command {
    let mut command = Command::new(program(target, step.program));
    command.current_dir(root);
    for arg in step.args {
        command.arg(arg.replace("{out}", &out.display().to_string()));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_name_programs_that_are_built_and_files_that_ship() {
        let root = workspace::root().unwrap();
        for step in STEPS {
            assert!(PROGRAMS.contains(&step.program), "{}", step.title);
            for arg in step.args.iter().filter(|a| a.starts_with("datasets/")) {
                assert!(root.join(arg).exists(), "{arg}");
            }
            let shown = process::shown(&command(step, &root, Path::new("t"), Path::new("o")));
            assert!(!shown.contains("{out}"), "{shown}");
        }
    }
}
