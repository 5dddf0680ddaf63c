//! Requests that are too much: gigabytes, bombs, floods of headers, deep nesting.

use std::io::Write;
use std::time::Duration;

use flate2::{Compress, Compression, Crc, FlushCompress};

use super::{Aim, Attack, Step, Want};

const MIB: usize = 1024 * 1024;

/// All of this module; the aim is a path that takes a `POST` of JSON.
///
/// # Errors
/// Where the bomb cannot be made.
pub fn all(aim: &Aim) -> std::io::Result<Vec<Attack>> {
    Ok([bodies(aim), bombs(aim)?, head_floods(aim), nesting(aim, 10_000)].concat())
}

fn repeat(bytes: Vec<u8>, times: u64) -> Step {
    Step::Repeat { bytes, times, pause: Duration::ZERO }
}

/// Bodies that are announced or sent without end.
#[must_use]
pub fn bodies(aim: &Aim) -> Vec<Attack> {
    let head = |lines: &str| {
        Step::Send(aim.head("POST", &format!("Content-Type: application/json\r\n{lines}\r\n")))
    };
    let attack = |name: &str, lines: &str, step: Step| {
        Attack::new(name, Want::RefusalOrEnd, vec![head(lines), step])
    };
    let spaces = vec![b' '; 64 * 1024];
    let chunk = [b"10000\r\n", &spaces[..], b"\r\n"].concat();
    let chunked = "Transfer-Encoding: chunked\r\n";
    let extended = format!("1;{}\r\n \r\n", "a".repeat(4096));
    let trailer = format!("X: {}\r\n", "a".repeat(1024));
    let nothing = Step::Pause(Duration::from_millis(1));
    vec![
        attack("a gigabyte", "Content-Length: 1000000000\r\n", repeat(spaces, 15_259)),
        attack("nine exabytes announced", "Content-Length: 9223372036854775807\r\n", nothing),
        attack("a gigabyte in chunks", chunked, repeat(chunk, 15_259)),
        attack(
            "a gigabyte in chunks of a byte",
            chunked,
            repeat(b"1\r\n \r\n".repeat(10_000), 16_667),
        ),
        attack("chunks with long extensions", chunked, repeat(extended.into_bytes(), 100_000)),
        Attack::new(
            "a flood of trailers",
            Want::RefusalOrEnd,
            vec![
                head(chunked),
                Step::Send(b"0\r\n".to_vec()),
                repeat(trailer.into_bytes(), 100_000),
            ],
        ),
    ]
}

/// A gzip member that unpacks to `mib` MiB: `opening`, then spaces. Made at once: one block is packed and repeated.
///
/// # Errors
/// Where the compressor fails.
pub fn gzip_bomb(opening: &[u8], mib: usize) -> std::io::Result<Vec<u8>> {
    let mut packer = Compress::new(Compression::best(), false);
    let mut pack = |data: &[u8], flush: FlushCompress| {
        let mut packed = Vec::with_capacity(data.len() + 1024);
        packer.compress_vec(data, &mut packed, flush)?;
        Ok::<_, std::io::Error>(packed)
    };
    let spaces = vec![b' '; MIB];
    let start = pack(opening, FlushCompress::Full)?;
    // After a full flush a block refers to nothing before it: the second one can be repeated.
    let block = pack(&spaces, FlushCompress::Full)?;
    let end = pack(b"", FlushCompress::Finish)?;
    let (mut sum, mut one) = (Crc::new(), Crc::new());
    sum.update(opening);
    one.update(&spaces);
    let mut bomb = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff".to_vec();
    bomb.write_all(&start)?;
    for _ in 0..mib {
        bomb.write_all(&block)?;
        sum.combine(&one);
    }
    bomb.write_all(&end)?;
    bomb.write_all(&sum.sum().to_le_bytes())?;
    // The length is kept modulo 2^32.
    bomb.write_all(&((opening.len() + mib * MIB) as u32).to_le_bytes())?;
    Ok(bomb)
}

/// Packed bodies that unpack to gigabytes, or to nothing.
///
/// # Errors
/// Where the bomb cannot be made.
pub fn bombs(aim: &Aim) -> std::io::Result<Vec<Attack>> {
    let kind = "Content-Type: application/json\r\n";
    let packed = |name: &str, coding: &str, body: &[u8]| {
        let lines = format!("{kind}Content-Encoding: {coding}\r\n");
        Attack::send(name, Want::Refusal, aim.post(&lines, body))
    };
    let bomb = gzip_bomb(b"{\"inputs\":[", 4096)?;
    let twice = gzip_bomb(b"", 1)?;
    let cut = gzip_bomb(b"{}", 1)?;
    let mut wrong = cut.clone();
    let sum = wrong.len() - 8;
    wrong[sum] ^= 1;
    Ok(vec![
        packed("4 GiB in a gzip body", "gzip", &bomb),
        packed("many gzip members", "gzip", &twice.repeat(200)),
        packed("a gzip body that is not gzip", "gzip", b"{\"inputs\":[]}"),
        packed("a gzip body that is cut", "gzip", &cut[..cut.len() / 2]),
        packed("a gzip body with a wrong checksum", "gzip", &wrong),
        packed("an empty gzip body", "gzip", b""),
        packed("a coding that does not exist", "x-nothing", b"{}"),
        packed("a coding twice", "gzip, gzip", &cut),
    ])
}

/// Heads that are too long.
#[must_use]
pub fn head_floods(aim: &Aim) -> Vec<Attack> {
    let attack = |name: &str, steps: Vec<Step>| Attack::new(name, Want::RefusalOrEnd, steps);
    let long = "a".repeat(MIB);
    let many: String = (0..10_000).map(|n| format!("X-{n}: a\r\n")).collect();
    let whole = |lines: &str| vec![Step::Send(aim.head("GET", &format!("{lines}\r\n")))];
    let (host, path) = (&aim.target.host, &aim.target.path);
    vec![
        attack("10,000 headers", whole(&many)),
        attack("10,000 headers of one name", whole(&"Cookie: a=b\r\n".repeat(10_000))),
        attack("a header's value of a MiB", whole(&format!("X: {long}\r\n"))),
        attack("a header's name of a MiB", whole(&format!("{long}: x\r\n"))),
        attack(
            "a target of a MiB",
            vec![Step::Send(format!("GET {path}?{long} HTTP/1.1\r\nHost: {host}\r\n\r\n").into())],
        ),
        attack("a method of a MiB", vec![Step::Send(format!("{long} / HTTP/1.1\r\n\r\n").into())]),
        attack(
            "headers without end",
            vec![Step::Send(aim.head("GET", "")), repeat(b"X: a\r\n".repeat(1000), 100_000)],
        ),
        attack("a line without end", vec![repeat(vec![b'a'; 64 * 1024], 15_259)]),
    ]
}

/// JSON nested `depth` deep: lists, objects, and both as the data of a tensor.
#[must_use]
pub fn nesting(aim: &Aim, depth: usize) -> Vec<Attack> {
    let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let tensor = format!(
        "{{\"inputs\":[{{\"name\":\"features\",\"datatype\":\"FP32\",\"shape\":[1,1],\"data\":{lists}}}]}}"
    );
    let parameters = format!("{{\"parameters\":{objects},\"inputs\":[]}}");
    let bodies = [
        ("nested lists", lists.clone()),
        ("nested objects", objects),
        ("nested lists that stay open", "[".repeat(depth)),
        ("nested data of a tensor", tensor),
        ("nested parameters", parameters),
        ("nested lists in an unknown field", format!("{{\"unknown\":{lists}}}")),
    ];
    let kind = "Content-Type: application/json\r\n";
    let attack = |(name, body): (&str, String)| {
        Attack::send(name, Want::Refusal, aim.post(kind, body.as_bytes()))
    };
    bodies.into_iter().map(attack).collect()
}
