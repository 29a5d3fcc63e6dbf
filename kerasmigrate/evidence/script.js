"use strict";
(() => {
  const files = [...document.querySelectorAll("details.file")];
  const form = document.getElementById("filter");
  const path = document.getElementById("filter-path");
  const state = document.getElementById("filter-state");
  const count = document.getElementById("filter-count");

  function narrow() {
    const wanted = path.value.trim().toLowerCase();
    let shown = 0;
    for (const file of files) {
      const states = file.dataset.state.split(" ");
      const fits = file.dataset.path.includes(wanted) && (!state.value || states.includes(state.value));
      file.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${files.length} shown`;
  }

  function fold(open) {
    for (const file of files) {
      if (!file.hidden) file.open = open;
    }
  }

  // A link may lead to something that is folded or filtered away.
  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let each = target; each; each = each.parentElement) {
      each.hidden = false;
      if (each.tagName === "DETAILS") each.open = true;
    }
    if (target) target.scrollIntoView();
  }

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  path.addEventListener("input", narrow);
  state.addEventListener("change", narrow);
  document.getElementById("open-all").addEventListener("click", () => fold(true));
  document.getElementById("close-all").addEventListener("click", () => fold(false));
  addEventListener("hashchange", reveal);
  addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) reveal();
  });
  narrow();
  if (location.hash) reveal();
})();
