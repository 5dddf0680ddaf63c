// Where an answer comes from: models, their files, runtime, and the state of the index.

import { el, served } from "./dom.js";
import { t } from "./words.js";

const code = (text) => el("code", { title: text, text });

function list(lines) {
  const cells = lines.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", { text: name }), el("dd", {}, value)]);
  return el("dl", { class: "facts" }, ...cells);
}

/// The lines of a model, as the server tells of it.
export function modelFacts(source) {
  const lines = [
    [t("info.model"), `${source.model} ${source.version}`],
    [t("info.sha"), code(source.sha256)],
    [t("info.provider"), served("span", source.provider)],
    [t("info.precision"), source.precision],
    [t("info.runtime"), source.onnx_runtime],
    [t("info.strata"), source.strata],
  ];
  if (source.featuriser) lines.splice(4, 0, [t("info.features"), code(`${source.featuriser.id} ${source.featuriser.hash}`)]);
  return list(lines);
}

/// A fold with what an answer rests on; `rows` are lines of its own, `[label, text]`.
export function originBox(sources, rows = []) {
  return el("details", { class: "origin" }, el("summary", { text: t("origin") }), list(rows), ...sources.map(modelFacts));
}
