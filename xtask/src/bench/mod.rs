//! `cargo xtask bench`: suites that measure us beside others on the same work (`--suite`), benchmarks of our own by name,
//! and what changed between two runs (`compare A B`).

mod answers;
mod case;
mod compare;
pub(crate) mod machine;
mod named;
mod record;
mod run;
mod side;
mod stats;
mod suite;
mod summary;
mod table;
mod venv;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::workspace;
pub(crate) use named::save;
use suite::Suite;

/// Options of `bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Benchmarks by name, as --list shows them; or `compare A B`, two run folders or files
    names: Vec<String>,
    /// Suite of bench/suites to run; all of them where neither suite nor name is given
    #[arg(long = "suite", value_name = "NAME")]
    suites: Vec<String>,
    /// Run only these cases of the suites
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// One round, small sizes: to see that it works
    #[arg(long)]
    quick: bool,
    /// List suites with their cases, and benchmarks
    #[arg(long)]
    list: bool,
    /// Print the figures without keeping them
    #[arg(long)]
    no_save: bool,
    /// Take the programs of ours as they lie in the target folder
    #[arg(long)]
    no_build: bool,
    /// The Python that makes the peers' environments
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// Compare two files of answers by this check, as JSON, and print the agreement as JSON
    #[arg(long, hide = true, value_name = "CHECK", num_args = 3)]
    agreement: Vec<String>,
    /// Arguments for the benchmark itself, in place of its usual ones; they are kept with its figures
    #[arg(last = true)]
    own: Vec<String>,
}

/// Runs `bench`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let root = workspace::root()?;
    if let [check, ours, theirs] = &args.agreement[..] {
        println!("{}", answers::agreement_of_files(check, ours.as_ref(), theirs.as_ref())?);
        return Ok(ExitCode::SUCCESS);
    }
    if args.list {
        return list(&root).map(|()| ExitCode::SUCCESS);
    }
    match &args.names[..] {
        [word, rest @ ..] if word == "compare" => {
            let [before, after] = rest else { bail!("usage: cargo xtask bench compare A B") };
            print!("{}", compare::text(before.as_ref(), after.as_ref())?);
            Ok(ExitCode::SUCCESS)
        }
        [] => suites(args, &root),
        names if args.suites.is_empty() => {
            named::main(names, &args.own, !args.no_save).map(|()| ExitCode::SUCCESS)
        }
        _ => bail!("give suites or names of benchmarks, not both"),
    }
}

fn list(root: &Path) -> Result<()> {
    println!("Suites (--suite NAME):");
    for suite in suite::all(root)? {
        println!("{:<10} {}", suite.name, suite.title);
        for case in &suite.cases {
            let peers: Vec<&str> = case.peers.iter().map(|peer| peer.name.as_str()).collect();
            println!("    {:<24} {} [{}]", case.name, case.title, peers.join(", "));
        }
    }
    println!("Benchmarks (by name):");
    named::list();
    Ok(())
}

fn suites(args: &Args, root: &Path) -> Result<ExitCode> {
    let machine = machine::machine(root);
    let date = machine::utc(machine::unix_seconds());
    let name = format!("{}-{}", date.replace(':', ""), machine::slug(&machine));
    let folder = root.join("bench/runs").join(name);
    let bench = run::Bench::new(
        root,
        run::Options {
            quick: args.quick,
            build: !args.no_build,
            python: args.python.clone(),
            cases: args.cases.clone(),
        },
    )?;
    let mut good = true;
    for suite in chosen(suite::all(root)?, &args.suites)? {
        let run = bench.suite(&suite, &date)?;
        let text = table::markdown(&run);
        println!("\n{text}");
        if !args.no_save {
            let path = folder.join(format!("{}.json", suite.name));
            named::save(&path, &run)?;
            std::fs::write(path.with_extension("md"), &text)
                .with_context(|| path.display().to_string())?;
            println!("kept in {}", path.strip_prefix(root).unwrap_or(&path).display());
        }
        good &= run.is_good();
    }
    if !good {
        eprintln!("error: a side failed or its answers differ: see the table");
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(suites: Vec<Suite>, names: &[String]) -> Result<Vec<Suite>> {
    let known: Vec<String> = suites.iter().map(|suite| suite.name.clone()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        bail!("there is no suite {name:?}; there are {}", known.join(", "));
    }
    Ok(suites.into_iter().filter(|s| names.is_empty() || names.contains(&s.name)).collect())
}
