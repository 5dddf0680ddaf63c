//! Pictures of requests: read within the server's limits, sent back drawn on.

use schemars::JsonSchema;
use serde::Deserialize;
use strata_serve::{Bytes, Call, Operation, PICTURES, Problem, Reply, Upload};
use strata_vision::encode::{self, JpegOptions};
use strata_vision::image::{DecodeLimits, Image, decode};

use super::problems::{of_decode, too_long};

/// Content types of pictures that are sent back.
pub(super) const JPEG: &str = "image/jpeg";
pub(super) const PNG: &str = "image/png";

/// Longest name of a picture, in bytes.
const LONGEST: usize = 512;

/// What a picture is called where the request does not say.
const UNNAMED: &str = "picture";

/// A picture's name, for the row.
pub(super) fn name(given: Option<String>) -> Result<String, Problem> {
    match given.filter(|name| !name.trim().is_empty()) {
        Some(name) if name.len() > LONGEST => Err(too_long("name", LONGEST)),
        Some(name) => Ok(name),
        None => Ok(UNNAMED.to_owned()),
    }
}

/// Limits of decoding: those of the kit, and no more pixels than the server takes.
pub(super) fn limits(max_pixels: u64) -> DecodeLimits {
    let usual = DecodeLimits::default();
    DecodeLimits { max_pixels: usual.max_pixels.min(max_pixels), ..usual }
}

/// Reads a picture.
pub(super) fn read(call: &Call, name: &str, bytes: &[u8]) -> Result<Image, Problem> {
    decode(bytes, &limits(call.max_pixels)).map_err(|error| of_decode(name, &error))
}

/// A picture as a reply of this content type.
pub(super) fn reply<O>(kind: &'static str, image: &Image) -> Result<Reply<O>, Problem> {
    let bytes = match kind {
        PNG => encode::png(image),
        _ => encode::jpeg(image, JpegOptions::default()),
    };
    let bytes: Bytes = bytes.map_err(Problem::internal)?.into();
    Ok(Reply::Bytes { content_type: if kind == PNG { PNG } else { JPEG }, bytes })
}

/// Which picture.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PictureAsk {
    /// Name of the picture, for messages.
    name: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    let show = |call: &Call, ask: PictureAsk, upload: Upload| {
        let name = name(ask.name)?;
        let image = read(call, &name, &upload.bytes)?;
        encode::jpeg(&image, JpegOptions::default()).map_err(Problem::internal)
    };
    vec![
        Operation::post("picture", "/v1/picture")
            .about(
                "Pictures",
                "A picture as the models see it",
                "As JPEG: turned as its EXIF says, its first frame, in 8 bits. For browsers, which do not \
                 read TIFF.",
            )
            .takes(PICTURES)
            .draws(JPEG, show),
    ]
}
