//! Runs a parser so that whatever a stranger's bytes do to it ends here: on a thread with a stack of known size, with
//! a panic turned into a problem of this one file.

use super::problem::Problem;

/// Address space, not memory: a page of it is taken when it is touched.
const STACK: usize = 64 << 20;

/// What `work` gives; a panic in it becomes the problem `reader-failed`.
pub(super) fn run<T: Send>(
    what: &str,
    work: impl FnOnce() -> Result<T, Problem> + Send,
) -> Result<T, Problem> {
    let joined = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("reader".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|error| {
                Problem::new("reader-failed", format!("{what}: no thread to read it on: {error}"))
            })?;
        Ok(thread.join())
    })?;
    joined.unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(Problem::new(
            "reader-failed",
            format!(
                "{what}: the parser stopped on it ({reason}); save it again in its program, or as another format"
            ),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_problem_of_the_file() {
        let problem = run::<()>("a.pdf", || panic!("index out of bounds")).unwrap_err();
        assert_eq!(problem.code, "reader-failed");
        assert!(problem.message.contains("index out of bounds"), "{}", problem.message);
        assert_eq!(run("a.pdf", || Ok(7)), Ok(7));
    }
}
