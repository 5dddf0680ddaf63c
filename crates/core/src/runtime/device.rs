//! Devices by name, lists of them by preference, and the execution provider behind each. Asking for
//! a device that isn't there is an error unless the list names another one.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use serde::{Deserialize, Serialize};

use super::RuntimeError;

/// Where a model can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The processor.
    Cpu,
    /// NVIDIA's GPUs through CUDA.
    Cuda,
    /// NVIDIA's GPUs through TensorRT.
    TensorRt,
    /// Intel's processors, GPUs and NPUs through OpenVINO.
    OpenVino,
    /// Huawei's Ascend NPUs through CANN.
    Cann,
    /// Apple's Neural Engine and GPUs through Core ML.
    CoreMl,
}

impl Device {
    /// Every device.
    pub const ALL: [Self; 6] =
        [Self::Cpu, Self::Cuda, Self::TensorRt, Self::OpenVino, Self::Cann, Self::CoreMl];
    /// Their names, in the same order.
    pub const NAMES: [&'static str; 6] = ["cpu", "cuda", "tensorrt", "openvino", "cann", "coreml"];

    /// Name as users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// ONNX Runtime's name of the execution provider.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Self::Cpu => ep::CPU::NAME,
            Self::Cuda => ep::CUDA::NAME,
            Self::TensorRt => ep::TensorRT::NAME,
            Self::OpenVino => ep::OpenVINO::NAME,
            Self::Cann => ep::CANN::NAME,
            Self::CoreMl => ep::CoreML::NAME,
        }
    }

    /// Whether the loaded library was built with this device's provider. That is all it tells:
    /// drivers and hardware show only when a session is made. Needs the runtime to be loaded.
    pub(super) fn compiled_in(self) -> bool {
        let found = match self {
            Self::Cpu => Ok(true),
            Self::Cuda => ep::CUDA::is_available(),
            Self::TensorRt => ep::TensorRT::is_available(),
            Self::OpenVino => ep::OpenVINO::is_available(),
            Self::Cann => ep::CANN::is_available(),
            Self::CoreMl => ep::CoreML::is_available(),
        };
        found.unwrap_or(false)
    }

    /// The provider, set to report a failure instead of leaving the work to the processor.
    pub(super) fn dispatch(self, arena: bool) -> ExecutionProviderDispatch {
        match self {
            Self::Cpu => ep::CPU::default().with_arena_allocator(arena).build(),
            Self::Cuda => ep::CUDA::default()
                // Numbers of 19 bits miss what cards promise of their golden examples.
                .with_tf32(false)
                // An exhaustive search is made again for every new shape, which tiles and batches have many of.
                .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
                // Several sessions share a GPU: each takes what it needs, not the next power of two.
                .with_arena_extend_strategy(ep::ArenaExtendStrategy::SameAsRequested)
                .build(),
            Self::TensorRt => ep::TensorRT::default().build(),
            Self::OpenVino => ep::OpenVINO::default().build(),
            Self::Cann => ep::CANN::default().build(),
            Self::CoreMl => ep::CoreML::default().build(),
        }
        .error_on_failure()
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Device {
    type Err = RuntimeError;

    fn from_str(name: &str) -> Result<Self, RuntimeError> {
        let lower = name.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|device| device.name() == lower)
            .ok_or_else(|| RuntimeError::UnknownDevice { name: name.to_owned() })
    }
}

/// Devices in order of preference; never empty, no device twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceList(Vec<Device>);

impl DeviceList {
    /// The devices, the preferred one first.
    #[must_use]
    pub fn as_slice(&self) -> &[Device] {
        &self.0
    }

    /// Makes these the devices of all pools of this program that name none, as `--device` asks for; false where that was
    /// done before, which stands.
    pub fn prefer(self) -> bool {
        PREFERRED.set(self).is_ok()
    }
}

/// What [`DeviceList::prefer`] was told.
static PREFERRED: OnceLock<DeviceList> = OnceLock::new();

impl Default for DeviceList {
    /// The processor alone, unless the program [prefers](DeviceList::prefer) others.
    fn default() -> Self {
        PREFERRED.get().cloned().unwrap_or_else(|| Self(vec![Device::Cpu]))
    }
}

impl From<Device> for DeviceList {
    fn from(device: Device) -> Self {
        Self(vec![device])
    }
}

impl FromStr for DeviceList {
    type Err = RuntimeError;

    /// Reads a list such as `cuda,cpu`: the first device that works is taken.
    fn from_str(text: &str) -> Result<Self, RuntimeError> {
        let mut devices = Vec::new();
        for name in text.split(',') {
            let device = name.parse()?;
            if !devices.contains(&device) {
                devices.push(device);
            }
        }
        Ok(Self(devices))
    }
}

impl fmt::Display for DeviceList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|device| device.name()).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_devices() {
        for (device, name) in Device::ALL.into_iter().zip(Device::NAMES) {
            assert_eq!(device.to_string(), name);
            assert_eq!(name.parse::<Device>().unwrap(), device);
        }
    }

    #[test]
    fn a_list_keeps_its_order() {
        let list: DeviceList = " CUDA, cpu,cuda".parse().unwrap();
        assert_eq!(list.as_slice(), [Device::Cuda, Device::Cpu]);
        assert_eq!(list.to_string(), "cuda,cpu");
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        for text in ["gpu", "", "cuda,,cpu", "cpu;cuda"] {
            let message = text.parse::<DeviceList>().unwrap_err().to_string();
            assert!(message.contains("cpu, cuda, tensorrt"), "{message}");
        }
    }
}
