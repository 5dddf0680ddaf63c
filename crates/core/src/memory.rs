//! The C library's allocator, tuned for programs of few large buffers and many threads.

/// Lets all threads share one arena of glibc's allocator. By default each thread gets one of its own, and what one
/// frees no other uses: a reader that decodes and a worker that drops hold the memory of both. Pictures are few and large, so the
/// lock costs nothing that can be measured. To be called before threads start; elsewhere it does nothing.
#[allow(unsafe_code, reason = "glibc has no safe wrapper for it")]
pub fn share_arena() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes two numbers, and is called while the program has one thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
