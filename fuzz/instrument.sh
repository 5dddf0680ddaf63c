#!/bin/sh
# Compiles a crate of the workspace so that libFuzzer sees what an input reaches: cargo calls it as RUSTC_WORKSPACE_WRAPPER, with
# the compiler and its arguments. Registry crates stay as they are, so that the pinned compiler has little to do.
case " $* " in
*" --crate-name build_script_"* | *" --crate-type proc-macro "* | *" -vV "*) exec "$@" ;;
esac
exec "$@" -Copt-level=1 -Cdebug-assertions=on -Coverflow-checks=on -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing
