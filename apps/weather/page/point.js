// The forecast at a place: charts through time, of all members where there are several, and the values as a table.

import { getJson } from "./api.js";
import { fanChart, windChart } from "./chart.js";
import { $, announce, el, showProblem } from "./dom.js";
import { fullName, partsOf, utc } from "./names.js";
import { t } from "./words.js";

/// Charts of a run: the first of each list that it has.
const CHARTS = [
  ["temperature_2m", "temperature_1000hPa", "temperature_925hPa", "temperature_850hPa"],
  ["wind_speed_10m", "wind_speed_1000hPa", "wind_speed_925hPa", "wind_speed_850hPa"],
  ["pressure_msl", "surface_pressure"],
  ["temperature_850hPa"],
  ["geopotential_height_500hPa"],
  ["wind_speed_250hPa", "wind_speed_300hPa"],
];

export class Point {
  /// `onstep(hours)` when a time of a chart is chosen.
  constructor({ onstep }) {
    this.onstep = onstep;
    this.shown = null;
    this.asked = null;
  }

  /// Asks for a place's forecast.
  async ask(model, run, lat, lon, hours) {
    this.asked?.abort();
    this.asked = new AbortController();
    this.place = [lat, lon];
    this.hours = hours;
    const has = (name) => run.variables.some((one) => one.name === name);
    const chosen = [...new Set(CHARTS.map((names) => names.find(has)).filter(Boolean))];
    const directions = chosen.filter((name) => name.startsWith("wind_speed")).map((name) => name.replace("speed", "direction")).filter(has);
    const begin = Date.parse(run.run) / 3_600_000;
    const hour = (step) => new Date((begin + step) * 3_600_000).toISOString().slice(0, 16);
    const query = new URLSearchParams({
      latitude: lat,
      longitude: lon,
      hourly: [...chosen, ...directions].join(","),
      models: model.name,
      run: run.run,
      timeformat: "unixtime",
      wind_speed_unit: "ms",
      start_hour: hour(run.steps[0]),
      end_hour: hour(run.steps.at(-1)),
    });
    try {
      const path = run.members > 1 ? "ensemble" : "forecast";
      const reply = await getJson(`/v1/${path}?${query}`, this.asked.signal);
      this.shown = { model, run, reply, chosen };
      this.draw();
      announce(t("point.shown", { lat: String(lat), lon: String(lon) }));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.shown = null;
      $("charts").replaceChildren();
      showProblem($("point-problems"), error.detail ? error : reasonOf(error), $("lat"));
    }
  }

  /// Another run, or another language.
  redraw(model, run) {
    if (!this.place || !model || !run) return;
    if (this.shown?.run.run === run.run && this.shown.model.name === model.name) this.draw();
    else this.ask(model, run, ...this.place, this.hours);
  }

  /// The time that the map shows.
  now(hours) {
    this.hours = hours;
    for (const move of this.movers ?? []) move(hours);
  }

  draw() {
    const { model, run, reply, chosen } = this.shown;
    $("point-problems").replaceChildren();
    const { hourly, hourly_units: units } = reply;
    const begin = Date.parse(run.run) / 1000;
    const hours = hourly.time.map((time) => (time - begin) / 3600);
    const members = (name) => Object.keys(hourly).filter((key) => key === name || key.startsWith(`${name}_member`)).map((key) => hourly[key]);
    const days = { begin, earth: model.earth };
    this.movers = [];
    const charts = chosen.map((name) => {
      const chart = { title: `${fullName(name)} (${units[name]})`, hours, series: members(name), days, now: this.hours, zero: partsOf(name).base === "wind_speed", onstep: this.onstep };
      const direction = hourly[name.replace("speed", "direction")];
      const drawn = name.startsWith("wind_speed") && direction ? windChart(chart, direction) : fanChart(chart);
      this.movers.push(drawn.move);
      return drawn.node;
    });
    const fan = run.members > 1 ? [el("p", { class: "soft small", text: t("point.fan", { n: run.members }) })] : [];
    $("charts").replaceChildren(...fan, ...charts, this.table(hours));
  }

  /// The control's values at the steps of the run.
  table(hours) {
    const { model, run, reply, chosen } = this.shown;
    const steps = new Set(run.steps);
    const rows = hours.flatMap((hour, at) => {
      if (!steps.has(hour)) return [];
      const time = model.earth ? utc(new Date(reply.hourly.time[at] * 1000).toISOString()) : t("map.lead", { n: String(hour) });
      const cells = chosen.map((name) => el("td", { text: shortly(reply.hourly[name][at]) }));
      return [el("tr", {}, el("th", { scope: "row", text: time }), ...cells)];
    });
    const head = chosen.map((name) => el("th", { scope: "col", text: `${fullName(name)}, ${reply.hourly_units[name]}` }));
    const first = el("th", { scope: "col", text: t(model.earth ? "point.time" : "point.hours") });
    const table = el("table", {}, el("thead", {}, el("tr", {}, first, ...head)), el("tbody", {}, ...rows));
    const values = el("div", { class: "values", tabindex: "0", role: "region", "aria-label": t("point.table") }, table);
    return el("details", {}, el("summary", { text: t("point.table") }), values);
  }
}

const shortly = (value) => (value === null ? "–" : Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(1));

/// Forecasts say what is wrong as Open-Meteo does, without a code.
const reasonOf = (error) => (error.key ? error : { detail: String(error.message ?? error) });
