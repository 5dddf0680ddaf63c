//! Loops that run in the widest registers of the processor.

/// Compiles functions for 512-bit and for 256-bit registers beside those that every processor has, and calls the widest that there are:
/// the same operations in the same order, four times or twice as many at once.
macro_rules! wide {
    ($(
        $(#[$about:meta])*
        fn $name:ident $(<const $flag:ident: bool>)? ($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block
    )*) => {$(
        $(#[$about])*
        fn $name $(<const $flag: bool>)? ($($arg: $type),*) $(-> $out)? {
            #[inline(always)]
            fn plain $(<const $flag: bool>)? ($($arg: $type),*) $(-> $out)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn of_512 $(<const $flag: bool>)? ($($arg: $type),*) $(-> $out)? {
                    plain $(::<$flag>)? ($($arg),*)
                }
                #[target_feature(enable = "avx2")]
                fn of_256 $(<const $flag: bool>)? ($($arg: $type),*) $(-> $out)? {
                    plain $(::<$flag>)? ($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                {
                    // SAFETY: the processor has what the function is compiled for.
                    #[allow(unsafe_code, reason = "calls of functions for some processors are unsafe")]
                    return unsafe { of_512 $(::<$flag>)? ($($arg),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has what the function is compiled for.
                    #[allow(unsafe_code, reason = "calls of functions for some processors are unsafe")]
                    return unsafe { of_256 $(::<$flag>)? ($($arg),*) };
                }
            }
            plain $(::<$flag>)? ($($arg),*)
        }
    )*};
}

pub(super) use wide;
