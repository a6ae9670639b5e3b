"use strict";
// Sorting: a click sorts best first, another turns it round; what has no value stays last.
for (const button of document.querySelectorAll(".sortable th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const table = head.closest("table");
    const column = [...head.parentElement.children].indexOf(head);
    const numeric = column > 0;
    const natural = numeric && head.dataset.up === "1" ? "descending" : "ascending";
    const other = natural === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === natural ? other : natural;
    for (const th of head.parentElement.children) th.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    const turn = order === "ascending" ? 1 : -1;
    const key = (row) => row.children[column].dataset.sort;
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return turn * (numeric ? Number(x) - Number(y) : x.localeCompare(y));
    });
    table.tBodies[0].append(...rows);
  });
}

// The chosen model's places on the map and its words below the examples.
const SVG = "http://www.w3.org/2000/svg";
function mark(parent, name, attributes, label) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  const title = document.createElementNS(SVG, "title");
  title.textContent = label;
  node.append(title);
  parent.append(node);
}
for (const board of document.querySelectorAll(".board")) {
  const models = JSON.parse(board.querySelector(".points").textContent);
  const chooser = board.querySelector(".chooser");
  const marks = board.querySelector(".marks");
  const show = () => {
    const points = models[chooser.value];
    marks.replaceChildren();
    for (const [x, y, u, v, right, n, label] of points) {
      const text = `${label} (${n})`;
      const width = Math.min(6, 0.5 + Math.sqrt(n) / 2);
      mark(marks, "line", { x1: x, y1: y, x2: u, y2: v, "stroke-width": width, class: right ? "right" : "wrong" }, text);
    }
    for (const [x, y, u, v, right, n, label] of points) {
      const text = `${label} (${n})`;
      const radius = Math.min(6, 2 + Math.sqrt(n) / 2);
      mark(marks, "circle", { class: `said ${right ? "right" : "wrong"}`, cx: u, cy: v, r: radius }, text);
      mark(marks, "circle", { class: "true", cx: x, cy: y, r: 3.5 }, text);
    }
    const placed = points.reduce((sum, point) => sum + point[5], 0);
    board.querySelector(".placed").textContent = `${placed} of them were given a place`;
    for (const answer of board.querySelectorAll(".answer")) {
      answer.hidden = answer.dataset.model !== chooser.value;
    }
  };
  chooser.addEventListener("change", show);
  show();
}
