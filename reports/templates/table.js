"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const ROW = 32, SPARE = 12;
  const byId = (id) => document.getElementById(id);
  const box = byId("box"), body = byId("rows"), head = byId("head"), count = byId("count"), find = byId("find");
  const table = box.querySelector("table"), detail = byId("detail"), shownColumns = data.columns.filter((c) => c.width);
  const text = (column, row) => (column.words ? column.words[column.index[row]] : column.values[row]);
  const rank = (column, row) => (column.words ? column.index[row] : column.values[row]);
  const make = (name, content) => {
    const node = document.createElement(name);
    if (content !== undefined) node.textContent = content;
    return node;
  };
  const choices = new Map();
  let shown = Uint32Array.from({ length: data.rows }, (_, row) => row), current = -1, sorted = null, direction = 1;

  function spacer(height) {
    const line = make("tr"), cell = line.insertCell();
    line.className = "spacer";
    line.setAttribute("aria-hidden", "true");
    cell.colSpan = shownColumns.length;
    cell.style.height = height + "px";
    return line;
  }
  function draw() {
    const held = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.row : undefined;
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - SPARE);
    const last = Math.min(shown.length, first + Math.ceil(box.clientHeight / ROW) + 2 * SPARE);
    const lines = [];
    if (first > 0) lines.push(spacer(first * ROW));
    for (let place = first; place < last; place++) {
      const row = shown[place], line = make("tr");
      line.setAttribute("aria-rowindex", String(place + 2));
      if (row === current) line.setAttribute("aria-current", "true");
      for (const column of shownColumns) {
        const cell = line.insertCell(), value = text(column, row);
        cell.title = value;
        if (column.opens) {
          const button = make("button", value);
          button.type = "button";
          button.dataset.row = String(row);
          button.addEventListener("click", () => open(row));
          cell.append(button);
        } else if (column.chip) {
          const chip = make("span", value);
          chip.className = "chip " + column.chip[value];
          cell.append(chip);
        } else cell.textContent = value;
      }
      lines.push(line);
    }
    if (last < shown.length) lines.push(spacer((shown.length - last) * ROW));
    body.replaceChildren(...lines);
    table.setAttribute("aria-rowcount", String(shown.length + 1));
    if (held !== undefined) {
      const again = body.querySelector('button[data-row="' + Number(held) + '"]');
      if (again) again.focus({ preventScroll: true });
    }
  }
  function open(row) {
    current = row;
    const list = make("dl");
    for (const column of data.columns) list.append(make("dt", column.label), make("dd", text(column, row)));
    detail.replaceChildren(make("h3", "Selected row"), list);
    detail.hidden = false;
    draw();
  }
  function select() {
    const want = find.value.trim().toLowerCase(), keep = [], hits = new Map();
    const has = (value) => value.toLowerCase().includes(want);
    for (const column of data.columns) if (column.words) hits.set(column, column.words.map(has));
    const limits = [...choices].filter(([, field]) => field.value !== "").map(([column, field]) => [column, Number(field.value)]);
    for (let row = 0; row < data.rows; row++) {
      if (limits.some(([column, index]) => column.index[row] !== index)) continue;
      if (want && !data.columns.some((c) => (c.words ? hits.get(c)[c.index[row]] : has(c.values[row])))) continue;
      keep.push(row);
    }
    shown = Uint32Array.from(keep);
    arrange();
    box.scrollTop = 0;
    count.textContent = shown.length.toLocaleString("en") + " of " + data.rows.toLocaleString("en") + " rows";
    draw();
  }
  function arrange() {
    if (!sorted) return;
    const column = sorted;
    shown.sort((a, b) => {
      const x = rank(column, a), y = rank(column, b);
      return (x < y ? -1 : x > y ? 1 : a - b) * direction;
    });
  }
  function sort(column) {
    direction = sorted === column ? -direction : 1;
    sorted = column;
    shownColumns.forEach((other, place) => {
      head.cells[place].setAttribute("aria-sort", other !== column ? "none" : direction > 0 ? "ascending" : "descending");
    });
    arrange();
    draw();
  }
  for (const column of shownColumns) {
    const cell = make("th"), button = make("button", column.label);
    cell.scope = "col";
    cell.style.width = column.width;
    cell.setAttribute("aria-sort", "none");
    button.type = "button";
    button.addEventListener("click", () => sort(column));
    cell.append(button);
    head.append(cell);
  }
  for (const column of data.columns.filter((c) => c.choose && c.words)) {
    const label = make("label", column.label), field = make("select"), all = make("option", "All");
    all.value = "";
    field.append(all);
    column.words.forEach((word, index) => {
      const option = make("option", word);
      option.value = String(index);
      field.append(option);
    });
    field.addEventListener("change", select);
    choices.set(column, field);
    label.append(field);
    byId("choices").append(label);
  }
  find.addEventListener("input", select);
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  };
  box.addEventListener("scroll", later, { passive: true });
  addEventListener("resize", later);
  document.documentElement.dataset.ready = "yes";
  select();
  sort(shownColumns[0]);
})();
