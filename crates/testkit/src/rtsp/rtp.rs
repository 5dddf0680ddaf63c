//! RTP packets of the test camera: H.264 (RFC 6184, single units and fragments) and JPEG (RFC 2435),
//! and the description of its stream (RFC 4566).

use std::time::Duration;

use super::{RtspFrames, base64};

/// Bytes of a packet's payload.
const PAYLOAD: usize = 1200;
const CLOCK: f64 = 90_000.0;
const SOURCE: u32 = 0xBEEF;

/// The stream's description.
pub(super) fn sdp(frames: &RtspFrames) -> String {
    let media = match frames {
        RtspFrames::H264(units) => {
            let set = |kind: u8| {
                let unit =
                    units.iter().flatten().find(|u| u.first().is_some_and(|b| b & 0x1F == kind));
                base64(unit.map_or(&[], Vec::as_slice))
            };
            format!(
                "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
                 a=fmtp:96 packetization-mode=1;sprop-parameter-sets={},{}\r\n",
                set(7),
                set(8)
            )
        }
        RtspFrames::Jpeg(_) => "m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n".to_owned(),
        RtspFrames::H265 => "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n".to_owned(),
    };
    format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n{media}a=control:track\r\n")
}

/// Counts packets.
pub(super) struct Sender {
    sequence: u16,
    payload_type: u8,
}

impl Sender {
    pub(super) fn new(frames: &RtspFrames) -> Self {
        let payload_type = if matches!(frames, RtspFrames::Jpeg(_)) { 26 } else { 96 };
        Self { sequence: 0, payload_type }
    }

    /// The interleaved packets of a frame.
    pub(super) fn frame(&mut self, frames: &RtspFrames, number: usize, time: Duration) -> Vec<u8> {
        let payloads = match frames {
            RtspFrames::H264(units) if !units.is_empty() => h264(&units[number % units.len()]),
            RtspFrames::Jpeg(pictures) if !pictures.is_empty() => {
                jpeg(&pictures[number % pictures.len()])
            }
            _ => Vec::new(),
        };
        let stamp = (time.as_secs_f64() * CLOCK) as u64 as u32;
        let mut out = Vec::new();
        for (n, payload) in payloads.iter().enumerate() {
            let mark = u8::from(n + 1 == payloads.len()) << 7;
            let mut packet = vec![0x80, mark | self.payload_type];
            packet.extend_from_slice(&self.sequence.to_be_bytes());
            packet.extend_from_slice(&stamp.to_be_bytes());
            packet.extend_from_slice(&SOURCE.to_be_bytes());
            packet.extend_from_slice(payload);
            self.sequence = self.sequence.wrapping_add(1);
            out.extend_from_slice(&interleaved(0, &packet));
        }
        out
    }

    /// An RTCP sender report and a good-bye.
    pub(super) fn bye(&self) -> Vec<u8> {
        let mut packet = vec![0x80, 200, 0, 6];
        packet.extend_from_slice(&SOURCE.to_be_bytes());
        packet.extend_from_slice(&[0; 20]);
        packet.extend_from_slice(&[0x81, 203, 0, 1]);
        packet.extend_from_slice(&SOURCE.to_be_bytes());
        interleaved(1, &packet)
    }
}

fn interleaved(channel: u8, packet: &[u8]) -> Vec<u8> {
    let mut out = vec![b'$', channel];
    out.extend_from_slice(&(packet.len() as u16).to_be_bytes());
    out.extend_from_slice(packet);
    out
}

fn h264(units: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for unit in units.iter().filter(|u| !u.is_empty()) {
        if unit.len() <= PAYLOAD {
            payloads.push(unit.clone());
            continue;
        }
        let (head, body) = (unit[0], &unit[1..]);
        let count = body.len().div_ceil(PAYLOAD);
        for (n, part) in body.chunks(PAYLOAD).enumerate() {
            let ends = u8::from(n == 0) << 7 | u8::from(n + 1 == count) << 6;
            let mut payload = vec![head & 0xE0 | 28, ends | head & 0x1F];
            payload.extend_from_slice(part);
            payloads.push(payload);
        }
    }
    payloads
}

/// Takes a JPEG apart: sampling, size, quantisation tables and scan go into RFC 2435's own header.
fn jpeg(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut tables, mut at) = (Vec::new(), 2);
    let (mut kind, mut width, mut height) = (1, 0, 0);
    while at + 4 <= bytes.len() && bytes[at + 1] != 0xDA {
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        let segment = &bytes[at + 4..at + 2 + length];
        match bytes[at + 1] {
            0xDB => segment.chunks(65).for_each(|table| tables.extend_from_slice(&table[1..])),
            0xC0 => {
                height = u16::from_be_bytes([segment[1], segment[2]]).div_ceil(8) as u8;
                width = u16::from_be_bytes([segment[3], segment[4]]).div_ceil(8) as u8;
                kind = u8::from(segment[7] == 0x22);
            }
            _ => {}
        }
        at += 2 + length;
    }
    let scan_head = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
    let scan = &bytes[at + 2 + scan_head..bytes.len() - 2];
    let mut payloads = Vec::new();
    for (n, part) in scan.chunks(PAYLOAD).enumerate() {
        let offset = ((n * PAYLOAD) as u32).to_be_bytes();
        let mut payload = vec![0, offset[1], offset[2], offset[3], kind, 255, width, height];
        if n == 0 {
            payload.extend_from_slice(&[0, 0]);
            payload.extend_from_slice(&(tables.len() as u16).to_be_bytes());
            payload.extend_from_slice(&tables);
        }
        payload.extend_from_slice(part);
        payloads.push(payload);
    }
    payloads
}
