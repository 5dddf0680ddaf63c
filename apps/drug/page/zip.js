// Files in one ZIP archive, stored as they are: models and tables hardly shrink.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/// CRC-32, as ZIP and PNG have it.
export function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/// Little-endian numbers, each as `[bytes, value]`.
function numbers(fields) {
  const out = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) out.setUint16(at, value, true);
    else out.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(out.buffer);
}

/// An archive of `files` as `{name, bytes}`; names are taken as UTF-8, and the time as 1 January 1980.
export function zip(files) {
  const parts = [];
  const listed = [];
  let offset = 0;
  const put = (...more) => {
    for (const part of more) {
      parts.push(part);
      offset += part.length;
    }
  };
  for (const { name, bytes } of files) {
    const word = new TextEncoder().encode(name);
    const common = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, word.length], [2, 0]];
    listed.push(numbers([[4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), word);
    put(numbers([[4, 0x04034b50], ...common]), word, bytes);
  }
  const start = offset;
  put(...listed);
  put(numbers([[4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, offset - start], [4, start], [2, 0]]));
  return new Blob(parts, { type: "application/zip" });
}
