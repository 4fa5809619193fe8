"use strict";
// Everything is on the page without this script: charts as pictures, and all rows of the table. It draws the charts at
// the width of the window with values on hovering; it filters, sorts and saves.
(() => {
  const byId = (id) => document.getElementById(id);
  const { columns, saved, rows } = JSON.parse(byId("results").textContent);
  const charts = JSON.parse(byId("charts").textContent);
  const parts = () => ["model", "benchmark"].map((what) => byId(`filter-${what}`).value.trim().toLowerCase());

  // --- charts: drawn when they come near, since a page may have many
  const views = [];
  const errors = 1; // are logged, and that a filter leaves nothing is none
  const options = { ast: true, actions: false, renderer: "svg", tooltip: { theme: "page" }, logLevel: errors };

  function setParts(view) {
    const [model, benchmark] = parts();
    for (const [name, part] of [["model_part", model], ["benchmark_part", benchmark]]) {
      if (name in view.getState().signals) view.signal(name, part);
    }
    return view.runAsync();
  }

  async function draw(place) {
    const drawn = document.createElement("div");
    drawn.className = "drawn";
    place.append(drawn);
    const { view } = await vegaEmbed(drawn, { ...charts[place.dataset.chart], width: place.clientWidth }, options);
    await setParts(view);
    place.querySelector(".static").remove();
    views.push(view);
    new ResizeObserver(() => place.clientWidth && view.width(place.clientWidth).runAsync()).observe(place);
  }

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        draw(target);
      }
    },
    { rootMargin: "600px" },
  );
  for (const place of document.querySelectorAll("[data-chart]")) near.observe(place);

  // --- filter: whatever names a model or a benchmark is shown if its names hold what was typed
  const named = [...document.querySelectorAll("[data-model], [data-benchmark]")].map((element) => ({
    element,
    model: element.dataset.model?.toLowerCase(),
    benchmark: element.dataset.benchmark?.toLowerCase(),
  }));
  const groups = [...document.querySelectorAll("[data-group]")];
  const body = document.querySelector("#table tbody");
  const holds = (name, part) => name === undefined || name.includes(part);

  function filter() {
    const [model, benchmark] = parts();
    for (const one of named) {
      one.element.toggleAttribute("hidden", !(holds(one.model, model) && holds(one.benchmark, benchmark)));
    }
    for (const group of groups) {
      const isShown = (what) => group.querySelector(`[data-${what}]:not([hidden])`);
      group.toggleAttribute("hidden", !(isShown("model") && isShown("benchmark")));
    }
    views.forEach(setParts);
    const shown = [...body.rows].filter((row) => !row.hidden).length;
    byId("shown").textContent = `${shown} of ${rows.length} jobs`;
  }

  byId("filter").hidden = false;
  byId("filter").addEventListener("input", filter);
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  if (byId("filter-model").value || byId("filter-benchmark").value) filter(); // kept by the browser on reload

  // --- sort: numbers as numbers, empty cells last in both directions
  const headers = [...document.querySelectorAll("#table th[data-column]")];

  function sort(header) {
    const column = columns.indexOf(header.dataset.column);
    const downwards = header.getAttribute("aria-sort") === "ascending";
    const value = (row) => rows[row.dataset.row][column];
    const words = new Intl.Collator("en", { numeric: true });
    const compare = (one, other) =>
      typeof one === "number" && typeof other === "number" ? one - other : words.compare(one, other);
    const all = [...body.rows];
    const filled = all.filter((row) => value(row) !== null);
    const empty = all.filter((row) => value(row) === null);
    filled.sort((one, other) => (downwards ? -1 : 1) * compare(value(one), value(other)));
    body.append(...filled, ...empty);
    for (const other of headers) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", downwards ? "descending" : "ascending");
  }

  for (const header of headers) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    header.replaceChildren(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sort(header));
  }

  // --- save: all rows and columns, with all digits
  const quoted = (cell) => {
    const text = cell === null ? "" : String(cell);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  byId("save").hidden = false;
  byId("save").addEventListener("click", () => {
    const text = [columns, ...rows].map((cells) => cells.slice(0, saved).map(quoted).join(",") + "\r\n").join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = "scores.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });

  // --- on paper everything is unfolded
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => folded.forEach((details) => (details.open = false)));
})();
