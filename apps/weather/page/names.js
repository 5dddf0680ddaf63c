// Names of variables: `temperature_850hPa` is a base at a pressure, `wind_speed_10m` one near the ground.

import { has, t } from "./words.js";

/// `{base, hpa}`; the pressure of what lies at the ground is 0.
export function partsOf(name) {
  const upper = /^(.+)_(\d+)hPa$/.exec(name);
  if (upper) return { base: upper[1], hpa: Number(upper[2]), height: "" };
  const near = /^(.+)_(\d+)m$/.exec(name);
  return near ? { base: near[1], hpa: 0, height: near[2] } : { base: name, hpa: 0, height: "" };
}

/// A base's name for people.
export const baseName = (base) => (has(`var.${base}`) ? t(`var.${base}`) : base);

/// A level's name: a pressure, a height, or the ground.
export function levelName({ hpa, height }) {
  if (hpa) return t("map.hpa", { n: String(hpa) });
  return height ? `${height} m` : t("map.surface");
}

/// A variable's name for people, with its level.
export function fullName(name) {
  const parts = partsOf(name);
  return parts.hpa || parts.height ? `${baseName(parts.base)} ${levelName(parts)}` : baseName(parts.base);
}

/// A time of the server, `2024-05-01 06:00`.
export const utc = (rfc3339) => rfc3339.slice(0, 16).replace("T", " ");

/// When a step holds: a date on Earth; on another planet so many days of the model after its run began.
export function validName(model, run, hours) {
  if (!model.earth) return t("map.valid.model", { day: String(Math.floor(hours / 24) + 1), hour: String(hours % 24) });
  return t("map.valid", { time: utc(new Date(Date.parse(run.run) + hours * 3_600_000).toISOString()) });
}
