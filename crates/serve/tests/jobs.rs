//! Jobs from the outside: what a server can do with them, and what survives its end.

#[cfg(test)]
mod jobs {
    mod kill;
    mod life;
    mod queue;
    mod restart;
    mod support;
    mod uploads;
}
