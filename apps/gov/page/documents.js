// Documents: what the index holds for the asker, adding and replacing files, taking documents out.

import { getJson, request } from "./api.js";
import { bare, days, standing } from "./citation.js";
import { $, announce, el, seldom, showProblem } from "./dom.js";
import { Uploads } from "./uploads.js";
import { t, word } from "./words.js";

const PAGE = 25;

export class Documents {
  constructor(state, { asker, reader, onlabels }) {
    Object.assign(this, { state, asker, reader, onlabels, list: null, offset: 0 });
    this.uploads = new Uploads(state, { ondone: () => this.load() });
    const find = seldom(250, () => this.turn(0));
    $("documents-find").addEventListener("input", find);
    $("documents-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.turn(0);
    });
    $("documents-before").addEventListener("click", () => this.turn(this.offset - PAGE));
    $("documents-after").addEventListener("click", () => this.turn(this.offset + PAGE));
    $("replace-file").addEventListener("change", () => this.replace($("replace-file").files[0]));
  }

  enter() {
    this.load();
  }

  leave() {
    return true;
  }

  forget() {
    this.list = null;
    this.draw();
  }

  redraw() {
    this.uploads.redraw();
    this.draw();
  }

  turn(offset) {
    this.offset = Math.max(0, offset);
    this.load();
  }

  async load() {
    this.stop?.abort();
    const stop = new AbortController();
    this.stop = stop;
    const query = this.asker.query;
    query.set("limit", String(PAGE));
    if (this.offset > 0) query.set("offset", String(this.offset));
    const find = $("documents-find").value.trim();
    if (find) query.set("find", find);
    try {
      this.list = await getJson(`/v1/documents?${query}`, stop.signal);
      $("documents-problems").replaceChildren();
      // The last document of a page was taken out.
      if (this.list.documents.length === 0 && this.offset > 0 && this.list.total > 0) return this.turn(this.offset - PAGE);
      this.onlabels(this.list.documents.flatMap(({ labels }) => labels));
      this.draw();
      if (find) announce($("documents-note").textContent);
    } catch (error) {
      if (error.name === "AbortError") return;
      showProblem($("documents-problems"), error, $("documents-find"));
    }
  }

  draw() {
    const { documents = [], total = 0 } = this.list ?? {};
    const vars = { n: total, from: this.offset + 1, to: this.offset + documents.length };
    $("documents-note").textContent = !this.list ? "" : total === 0 ? t($("documents-find").value.trim() ? "documents.notfound" : "documents.none") : t("documents.count", vars);
    $("documents-list").replaceChildren(...documents.map((one) => this.item(one)));
    $("documents-pages").hidden = total <= PAGE;
    $("documents-before").disabled = this.offset === 0;
    $("documents-after").disabled = this.offset + documents.length >= total;
  }

  item(one) {
    const title = bare(one.title || one.id);
    const name = el("button", { type: "button", class: "name", lang: "zh-CN", text: title, onclick: () => this.reader.open({ doc_id: one.id, title: one.title }) });
    const about = [word("kind", one.kind), one["文号"], one.version, days(one), t("documents.units", { n: one.units })];
    const labels = one.labels.length > 0 ? one.labels.map((label) => el("span", { class: "label", text: label })) : [el("span", { class: "soft small", text: t("documents.everybody") })];
    const replace = el("button", { type: "button", class: "quiet", "aria-label": t("documents.replace.of", { title }), text: t("documents.replace"), onclick: () => this.choose(one) });
    const remove = el("button", { type: "button", class: "quiet bad", "aria-label": t("documents.delete.of", { title }), text: t("documents.delete"), onclick: (event) => this.remove(one, event.currentTarget) });
    return el(
      "li",
      { class: "document", "data-id": one.id },
      el("div", { class: "document-main" }, el("div", { class: "names" }, name, standing(one)), el("p", { class: "soft small", text: about.filter(Boolean).join(" · ") }), el("p", { class: "row small" }, ...labels, el("code", { class: "soft", text: one.source }))),
      el("div", { class: "acts" }, replace, remove),
    );
  }

  /// A file takes the place of the one a document came from, and is seen by the same departments.
  choose(one) {
    this.replaced = one;
    $("replace-file").value = "";
    $("replace-file").click();
  }

  replace(file) {
    const one = this.replaced;
    if (file && one) this.uploads.add([{ file, name: one.source, labels: one.labels.join(",") }]);
  }

  remove(one, button) {
    const dialog = $("confirm-dialog");
    $("confirm-text").textContent = t("documents.delete.sure", { title: bare(one.title || one.id) });
    $("confirm-yes").onclick = async () => {
      dialog.close();
      try {
        const query = this.asker.query;
        query.delete("as_of");
        await request(`/v1/documents/${encodeURIComponent(one.id)}?${query}`, { method: "DELETE" });
        announce(t("documents.deleted", { title: bare(one.title || one.id) }));
        if (this.reader.place?.doc_id === one.id) this.reader.close();
        await this.load();
        $("documents-title").focus();
      } catch (error) {
        showProblem($("documents-problems"), error, button);
      }
    };
    $("confirm-no").onclick = () => dialog.close();
    dialog.showModal();
    $("confirm-no").focus();
  }

  /// Files that were dropped on the page.
  take(files) {
    this.uploads.take(files);
  }

}
