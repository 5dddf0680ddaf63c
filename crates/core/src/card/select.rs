//! Choosing a variant: the caller asks for `fast`, `balanced` or `best`, the machine decides which
//! file that is.

use std::cmp::Reverse;
use std::str::FromStr;

use super::{CardError, Latency, ModelCard, Precision, Variant};

/// What is known about the machine a variant is chosen for.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Device the model will run on, by its name (`cpu`, `cuda` …).
    pub device: String,
    /// Memory that may be used, where that is known.
    pub memory_bytes: Option<u64>,
    /// Precisions to take, the preferred one first; empty leaves it to the device.
    pub precisions: Vec<Precision>,
}

impl Machine {
    /// A machine with this device and nothing else known.
    #[must_use]
    pub fn new(device: &str) -> Self {
        Self { device: device.to_owned(), memory_bytes: None, precisions: Vec::new() }
    }

    /// Place of a precision in this machine's order of preference; `None`: don't take it.
    fn rank(&self, precision: Precision) -> Option<usize> {
        use Precision::{Bf16, Fp16, Fp32, Fp64, Int4, Int8};
        if !self.precisions.is_empty() {
            return self.precisions.iter().position(|p| *p == precision);
        }
        // CPUs compute half precision by way of float32; accelerators are built for it.
        let order = match self.device.as_str() {
            "cpu" => [Fp32, Int8, Int4, Fp64, Bf16, Fp16],
            _ => [Fp16, Bf16, Fp32, Int8, Int4, Fp64],
        };
        order.iter().position(|p| *p == precision)
    }
}

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fast" => Ok(Self::Fast),
            "balanced" => Ok(Self::Balanced),
            "best" => Ok(Self::Best),
            _ => Err(format!("{text:?} is no latency class; use fast, balanced or best")),
        }
    }
}

/// A chosen variant.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// The variant.
    pub variant: &'a Variant,
    /// Why it isn't of the class asked for, when it isn't.
    pub fallback: Option<String>,
}

impl ModelCard {
    /// The variant for this class on this machine; the nearest class when there is none, the better
    /// one of two equally near. Whether its file is present plays no part: the same question gets
    /// the same answer on a machine that has yet to fetch it.
    ///
    /// # Errors
    /// [`CardError::NoVariant`] when the machine can run none of them.
    pub fn select(&self, wanted: Latency, machine: &Machine) -> Result<Selection<'_>, CardError> {
        let mut refused = Vec::new();
        let mut fitting = Vec::new();
        for variant in &self.variants {
            match self.refusal(variant, machine) {
                Some(reason) => refused.push(format!("{} {reason}", variant.name)),
                None => fitting.push(variant),
            }
        }
        let nearest = fitting.into_iter().min_by_key(|variant| {
            let distance = (variant.latency as i8 - wanted as i8).abs();
            let made_for_it = !variant.devices.is_empty();
            let rank = machine.rank(variant.precision);
            (distance, Reverse(variant.latency), Reverse(made_for_it), rank, self.size(variant))
        });
        let Some(variant) = nearest else {
            let (model, reason) = (self.name.clone(), refused.join("; "));
            return Err(CardError::NoVariant { model, reason });
        };
        let fallback = (variant.latency != wanted).then(|| {
            let mut text = format!(
                "{} has no {wanted} variant for {}: took {} ({})",
                self.name, machine.device, variant.name, variant.latency
            );
            if !refused.is_empty() {
                text.push_str("; refused: ");
                text.push_str(&refused.join("; "));
            }
            text
        });
        Ok(Selection { variant, fallback })
    }

    /// Size of a variant's model file in bytes.
    #[must_use]
    pub fn size(&self, variant: &Variant) -> u64 {
        self.file(&variant.file).map_or(0, |file| file.bytes)
    }

    fn refusal(&self, variant: &Variant, machine: &Machine) -> Option<String> {
        if !variant.devices.is_empty() && !variant.devices.contains(&machine.device) {
            let devices = variant.devices.join(", ");
            return Some(format!("is for {devices}, not {}", machine.device));
        }
        if machine.rank(variant.precision).is_none() {
            return Some(format!("has precision {:?}, which was not asked for", variant.precision));
        }
        let needed = variant.memory_bytes.unwrap_or_else(|| self.size(variant));
        match machine.memory_bytes {
            Some(memory) if needed > memory => {
                Some(format!("needs {needed} bytes of memory, there are {memory}"))
            }
            _ => None,
        }
    }
}
