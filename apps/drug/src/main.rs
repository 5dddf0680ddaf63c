//! Drug molecule screening.

fn main() {}
