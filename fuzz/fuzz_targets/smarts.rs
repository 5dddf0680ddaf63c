//! The fuzzing program of the target `smarts`.
#![no_main]

libfuzzer_sys::fuzz_target!(init: strata_fuzz::guard::install(), |data: &[u8]| {
    strata_fuzz::guard::run(strata_fuzz::smarts, data);
});
