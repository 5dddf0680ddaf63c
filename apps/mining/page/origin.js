// Where an answer comes from: model, version, file, runtime.

import { el, served } from "./dom.js";
import { t } from "./words.js";

const code = (text) => el("code", { title: text, text });

/// `source` is a model as the server says it; `rows` are more lines, `[label, node]`.
export function originBox(source, rows = []) {
  const lines = [...rows];
  if (source) {
    lines.push([t("info.model"), `${source.model} ${source.version}`], [t("info.sha"), code(source.sha256)]);
    lines.push([t("info.provider"), served("span", source.provider)], [t("info.precision"), source.precision]);
    if (source.featuriser) lines.push([t("info.features"), code(`${source.featuriser.id} ${source.featuriser.hash}`)]);
    lines.push([t("info.runtime"), source.onnx_runtime], [t("info.strata"), source.strata]);
  }
  const cells = lines.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", {}, value)]);
  return el("details", { class: "origin" }, el("summary", { text: t("found.origin") }), el("dl", { class: "facts" }, ...cells));
}
