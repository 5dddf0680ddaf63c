//! `strata-mining`: the command line.

fn main() {}
