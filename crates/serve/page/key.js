// The dialog that asks for a key; its elements are in the page.

import { key, setKey } from "./api.js";
import { $, problemBox } from "./dom.js";

/// Asks for a key; resolves to whether there is a new one.
export function askKey(problem) {
  const dialog = $("key-dialog");
  // Its remedy is a header: for programs. The field below is the one for people.
  $("key-why").replaceChildren(problem ? problemBox({ code: problem.code, detail: problem.detail }) : "");
  $("key-input").value = "";
  $("key-forget").hidden = !key();
  return new Promise((resolve) => {
    let given = false;
    $("key-form").onsubmit = (event) => {
      event.preventDefault();
      given = $("key-input").value.trim() !== "";
      if (given) setKey($("key-input").value.trim());
      dialog.close();
    };
    $("key-forget").onclick = () => {
      setKey("");
      dialog.close();
    };
    $("key-cancel").onclick = () => dialog.close();
    dialog.onclose = () => resolve(given);
    if (!dialog.open) dialog.showModal();
    $("key-input").focus();
  });
}
