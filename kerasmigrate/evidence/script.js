"use strict";
(() => {
  const files = [...document.querySelectorAll("details.file")];
  const form = document.getElementById("filter");
  const path = document.getElementById("filter-path");
  const state = document.getElementById("filter-state");
  const count = document.getElementById("filter-count");

  // The contents of a file are the text of a <noscript> until they are wanted.
  function fill(file) {
    const text = file.querySelector(":scope > noscript");
    if (text) text.outerHTML = text.textContent;
  }

  // Fill the rest while nobody waits, so that all can be searched for.
  function fillSlowly(next, deadline) {
    while (next < files.length && deadline.timeRemaining() > 5) fill(files[next++]);
    if (next < files.length) idle((later) => fillSlowly(next, later));
  }
  const idle = window.requestIdleCallback || ((run) => setTimeout(run, 50, { timeRemaining: () => 6 }));

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
      if (file.open) fill(file);
    }
  }

  // A link may lead to something that is folded or filtered away.
  function reveal() {
    const place = decodeURIComponent(location.hash.slice(1));
    const file = document.getElementById(place.match(/^file-\d+|$/)[0]);
    if (file) fill(file);
    const target = document.getElementById(place);
    for (let each = target; each; each = each.parentElement) {
      each.hidden = false;
      if (each.tagName === "DETAILS") each.open = true;
    }
    if (target) target.scrollIntoView();
  }

  for (const file of files) {
    file.querySelector("summary").addEventListener("click", () => fill(file));
    file.addEventListener("toggle", () => fill(file));
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
  addEventListener("beforeprint", () => files.forEach(fill));
  narrow();
  idle((deadline) => fillSlowly(0, deadline));
  if (location.hash) reveal();
})();
