// Tables as comma-separated values (RFC 4180), read and written.

/// The records of a text. Quoted values may hold commas, quotes and line breaks.
export function parseCsv(text) {
  const records = [];
  let record = [];
  let value = "";
  let quoted = false;
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const end = () => {
    record.push(value);
    value = "";
  };
  for (; at < text.length; at += 1) {
    const c = text[at];
    if (quoted) {
      if (c !== '"') value += c;
      else if (text[at + 1] === '"') {
        value += '"';
        at += 1;
      } else quoted = false;
    } else if (c === '"' && value === "") quoted = true;
    else if (c === ",") end();
    else if (c === "\n") {
      end();
      records.push(record);
      record = [];
    } else if (c !== "\r") value += c;
  }
  if (value !== "" || record.length > 0) {
    end();
    records.push(record);
  }
  return records;
}

function quote(value) {
  if (value === null || value === undefined) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/// Records as text, a line each.
export function writeCsv(records) {
  return records.map((record) => `${record.map(quote).join(",")}\n`).join("");
}
