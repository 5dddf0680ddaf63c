//! Data table: the wheels of ONNX Runtime that `setup` takes the library from, with their digests.
//!
//! Computed from the wheels of version 1.32.0 for CPython 3.12 as the package index serves them. The library is the
//! same file in the wheels of every Python version of one platform.

/// One platform's wheel.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    /// As in `std::env::consts::OS`.
    pub(crate) os: &'static str,
    /// As in `std::env::consts::ARCH`.
    pub(crate) arch: &'static str,
    /// pip's platform tag.
    pub(crate) platform: &'static str,
    /// File name of the wheel.
    pub(crate) wheel: &'static str,
    /// Size of the wheel.
    pub(crate) bytes: u64,
    /// Its SHA-256.
    pub(crate) sha256: &'static str,
    /// The libraries in it; the first is ONNX Runtime itself.
    pub(crate) libraries: &'static [Library],
}

/// One library inside a wheel.
#[derive(Debug, Clone)]
pub(crate) struct Library {
    /// Name of the entry in the wheel.
    pub(crate) entry: &'static str,
    /// Name in the cache.
    pub(crate) name: &'static str,
    /// Size when unpacked.
    pub(crate) bytes: u64,
    /// SHA-256 when unpacked.
    pub(crate) sha256: &'static str,
}

/// The pin of a platform, if there is one.
pub(crate) fn pin(os: &str, arch: &str) -> Option<&'static Pin> {
    PINS.iter().find(|pin| pin.os == os && pin.arch == arch)
}

/// Platforms with a pin, for messages.
pub(crate) fn supported() -> String {
    PINS.iter().map(|pin| format!("{} {}", pin.os, pin.arch)).collect::<Vec<_>>().join(", ")
}

const PINS: &[Pin] = &[
    Pin {
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_28_x86_64",
        wheel: "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        bytes: 27_780_211,
        sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
        libraries: &[
            Library {
                entry: "onnxruntime/capi/libonnxruntime.so.1.32.0",
                name: "libonnxruntime.so",
                bytes: 34_824_680,
                sha256: "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
            },
            Library {
                entry: "onnxruntime/capi/libonnxruntime_providers_shared.so",
                name: "libonnxruntime_providers_shared.so",
                bytes: 14_632,
                sha256: "8ef51f6bf2c621fc129f625b22241fa6f9a5870bc08eaf2fdd279169ec40d09a",
            },
        ],
    },
    Pin {
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_28_aarch64",
        wheel: "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_aarch64.whl",
        bytes: 23_196_724,
        sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
        libraries: &[
            Library {
                entry: "onnxruntime/capi/libonnxruntime.so.1.32.0",
                name: "libonnxruntime.so",
                bytes: 27_165_936,
                sha256: "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a",
            },
            Library {
                entry: "onnxruntime/capi/libonnxruntime_providers_shared.so",
                name: "libonnxruntime_providers_shared.so",
                bytes: 198_792,
                sha256: "f91fa2b0a2b8dba9cbc319254d342fa8201fd94b5912b9ce717f82e2207ee3d5",
            },
        ],
    },
    Pin {
        os: "macos",
        arch: "aarch64",
        platform: "macosx_14_0_arm64",
        wheel: "onnxruntime-1.32.0-cp312-cp312-macosx_14_0_arm64.whl",
        bytes: 22_519_308,
        sha256: "d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e",
        libraries: &[Library {
            entry: "onnxruntime/capi/libonnxruntime.1.32.0.dylib",
            name: "libonnxruntime.dylib",
            bytes: 35_272_344,
            sha256: "fa585fabbea65b823b9a8f7e27d46aee3989d1be7e36b528203d3a1fd613aae7",
        }],
    },
    Pin {
        os: "windows",
        arch: "x86_64",
        platform: "win_amd64",
        wheel: "onnxruntime-1.32.0-cp312-cp312-win_amd64.whl",
        bytes: 16_698_767,
        sha256: "efe7456952c243a05a53d5b8732953625144642c2f3989094277f6217f0c0c40",
        libraries: &[
            Library {
                entry: "onnxruntime/capi/onnxruntime.dll",
                name: "onnxruntime.dll",
                bytes: 22_668_640,
                sha256: "443c0065fcdba17618ddef05050308f4b471893c5c7da0337d6957c9073ad8a7",
            },
            Library {
                entry: "onnxruntime/capi/onnxruntime_providers_shared.dll",
                name: "onnxruntime_providers_shared.dll",
                bytes: 21_816,
                sha256: "b7ce00a1246473401b9b7fed2816852c1f9ecd70f2e68a136761c40d6523b712",
            },
        ],
    },
    Pin {
        os: "windows",
        arch: "aarch64",
        platform: "win_arm64",
        wheel: "onnxruntime-1.32.0-cp312-cp312-win_arm64.whl",
        bytes: 16_030_610,
        sha256: "64d394c69d561af3efd4d4f49dcac8f11d0ce135a20701c16d53b74056cd4cf8",
        libraries: &[
            Library {
                entry: "onnxruntime/capi/onnxruntime.dll",
                name: "onnxruntime.dll",
                bytes: 20_798_776,
                sha256: "a5c1951a7d495fa0c22a0865fe36981fe67f9d5dc7ba3893c20fa7266dd1e994",
            },
            Library {
                entry: "onnxruntime/capi/onnxruntime_providers_shared.dll",
                name: "onnxruntime_providers_shared.dll",
                bytes: 21_304,
                sha256: "f51b2f49604e9df7f6af648162d9d53d26b21a0008508c9953dd363462152b39",
            },
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use strata_core::paths::ORT_VERSION;
    use strata_fetch::Digest;

    #[test]
    fn every_pin_is_of_the_version_the_core_expects() {
        for pin in PINS {
            assert!(
                pin.wheel.starts_with(&format!("onnxruntime-{ORT_VERSION}-cp312-")),
                "{}",
                pin.wheel
            );
            assert!(pin.wheel.contains(pin.platform), "{}", pin.wheel);
            Digest::parse(pin.sha256).unwrap();
            for library in pin.libraries {
                Digest::parse(library.sha256).unwrap();
                assert!(library.entry.starts_with("onnxruntime/capi/"));
                assert!(!library.name.contains('/') && library.bytes > 10_000);
            }
            let main = pin.libraries[0].name;
            assert!(
                ["libonnxruntime.so", "libonnxruntime.dylib", "onnxruntime.dll"].contains(&main)
            );
        }
        let here = PINS.iter().filter(|p| p.os == std::env::consts::OS);
        for pin in here {
            assert_eq!(pin.libraries[0].name, strata_core::paths::ORT_LIBRARY);
        }
    }

    #[test]
    fn platforms_are_told_apart() {
        assert!(pin("linux", "x86_64").unwrap().wheel.contains("x86_64"));
        assert!(pin("linux", "aarch64").unwrap().wheel.contains("aarch64"));
        assert!(pin("plan9", "x86_64").is_none());
    }
}
