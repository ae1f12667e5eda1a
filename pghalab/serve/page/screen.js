// The presenter's screen as rows of text: nothing that comes is ever read as markup or as a terminal's commands.

// What every monospaced font has at the width of one cell; anything else gets a box of its own.
const USUAL = /^[\u0020-\u00ff\u2500-\u259f]*$/u;
const LINE = 1.18; // heights of a letter, as in page.css

export class Screen {
  constructor(element) {
    this.element = element;
    this.rows = [];
    this.cursor = document.createElement("div");
    this.cursor.id = "cursor";
    this.cursor.hidden = true;
    element.append(this.cursor);
    this.columns = 80;
    this.larger = false;
    this.ratio = 0;
  }

  show({ size: [columns, lines], cursor, rows }) {
    const another = columns !== this.columns || lines !== this.rows.length;
    this.columns = columns;
    while (this.rows.length > lines) this.rows.pop().remove();
    while (this.rows.length < lines) {
      const row = document.createElement("div");
      row.className = "row";
      this.rows.push(row);
      this.element.insertBefore(row, this.cursor);
    }
    for (const [line, runs] of Object.entries(rows)) {
      this.rows[line]?.replaceChildren(...runs.flatMap(([text, look, cells]) => pieces(text, look, cells)));
    }
    this.cursor.hidden = cursor === null;
    if (cursor !== null) {
      this.cursor.style.left = `${cursor[0]}ch`;
      this.cursor.style.top = `${cursor[1] * LINE}em`;
    }
    if (another) this.fit();
  }

  // As large as the window allows; with larger text one scrolls.
  fit() {
    if (!this.ratio) this.ratio = widthOfCell(this.element);
    const frame = this.element.parentElement;
    const wide = (frame.clientWidth - 8) / (this.columns * this.ratio);
    const high = (innerHeight - frame.offsetTop - 24) / (this.rows.length * LINE);
    const size = this.larger ? Math.max(wide, 14) : Math.max(4, Math.min(wide, Math.max(high, wide / 2)));
    const wanted = `${Math.floor(size * 20) / 20}px`;
    if (this.element.style.fontSize !== wanted) this.element.style.fontSize = wanted;
  }
}

function widthOfCell(beside) {
  const probe = document.createElement("span");
  probe.style.fontSize = "100px";
  probe.style.position = "absolute";
  probe.style.visibility = "hidden";
  probe.textContent = "0".repeat(100);
  beside.append(probe);
  const width = probe.getBoundingClientRect().width / 10000;
  probe.remove();
  return width || 0.6;
}

function pieces(text, look, cells) {
  const letters = Array.from(text);
  if (cells !== undefined) return [piece(text, look, cells)];
  if (USUAL.test(text)) return [piece(text, look, letters.length)];
  const made = [];
  let usual = "";
  for (const letter of [...letters, ""]) {
    if (letter !== "" && USUAL.test(letter)) {
      usual += letter;
      continue;
    }
    if (usual !== "") made.push(piece(usual, look, Array.from(usual).length));
    usual = "";
    if (letter !== "") made.push(piece(letter, look, 1));
  }
  return made;
}

function piece(text, look, cells) {
  const made = document.createElement("span");
  made.textContent = text;
  made.style.width = `${cells}ch`;
  if (look !== "") {
    const [front, back, letters] = look.split("|");
    if (front) made.style.color = front;
    if (back) made.style.backgroundColor = back;
    for (const letter of letters) made.classList.add(letter);
  }
  return made;
}
