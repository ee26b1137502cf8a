"use strict";
// Buttons that copy the code beside them. Without this script they stay hidden, and the code can be selected.
for (const button of document.querySelectorAll("button.copy")) {
  const code = button.parentElement.querySelector("pre");
  const select = () => {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  const say = (text) => {
    button.textContent = text;
    window.setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  const byCommand = () => {
    select();
    say(document.execCommand("copy") ? "Copied" : "Selected");
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    if (!navigator.clipboard) {
      byCommand();
      return;
    }
    navigator.clipboard.writeText(code.textContent).then(() => say("Copied"), byCommand);
  });
}
// What a link leads to may be folded.
const unfold = () => {
  const target = document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
  const folded = target && target.querySelector(":scope > details");
  if (folded && target.tagName === "ARTICLE") {
    folded.open = true;
  }
};
window.addEventListener("hashchange", unfold);
unfold();
