// What a reader says of an answer: whether it helped, and a remark.

import { request } from "./api.js";
import { announce, el, problemBox } from "./dom.js";
import { t } from "./words.js";

export class Feedback {
  /// `node` has the buttons, `more` is where the remark is asked for.
  constructor(requestId, state) {
    Object.assign(this, { requestId, state, helpful: null });
    const button = (value, key) =>
      el("button", { type: "button", class: "thumb", "aria-pressed": "false", "data-helpful": String(value), text: t(key), onclick: () => this.choose(value) });
    this.buttons = [button(true, "feedback.yes"), button(false, "feedback.no")];
    this.node = el("span", { class: "row", role: "group", "aria-label": t("feedback.ask") }, el("span", { class: "soft small", text: t("feedback.ask") }), ...this.buttons);
    this.more = el("div", { class: "feedback", "aria-live": "polite" });
    if (state.noFeedback) this.off();
  }

  off() {
    for (const button of this.buttons) button.disabled = true;
    this.more.replaceChildren(el("p", { class: "soft small", text: t("feedback.off") }));
  }

  choose(value) {
    this.helpful = value;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.helpful === String(value)));
    const id = `remark-${this.requestId}`;
    const remark = el("textarea", { id, class: "prose short", rows: "2", maxlength: "1200" });
    const send = el("button", { type: "submit", text: t("feedback.send") });
    const form = el("form", { class: "remark" }, el("label", { for: id, text: t(value ? "feedback.remark.yes" : "feedback.remark.no") }), remark, send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send(remark.value.trim(), send);
    });
    this.more.replaceChildren(form);
    remark.focus();
  }

  async send(remark, button) {
    button.disabled = true;
    try {
      await request("/v1/feedback", { method: "POST", body: { request_id: this.requestId, helpful: this.helpful, remark } });
      for (const one of this.buttons) one.disabled = true;
      this.more.replaceChildren(el("p", { class: "good small", text: t("feedback.thanks") }));
      announce(t("feedback.thanks"));
    } catch (error) {
      button.disabled = false;
      if (error.code === "no-feedback") {
        this.state.noFeedback = true;
        this.off();
        announce(t("feedback.off"));
        return;
      }
      this.more.append(problemBox(error));
    }
  }
}
