// The fleet's traffic as a picture: who calls, the contract, and its revisions; lines as wide as the share of the calls.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 460;
const ROW = 44;
const NODE = { width: 120, height: 28 };
const WIDEST = 14;

function shape(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Names are longer than their boxes: their ends tell more. */
function short(text) {
  return text.length <= 17 ? text : `…${text.slice(-16)}`;
}

function node(x, y, text, stroke) {
  const box = {
    x,
    y,
    width: NODE.width,
    height: NODE.height,
    rx: 5,
    class: "node",
    ...(stroke && { style: `stroke: ${stroke}` }),
  };
  const label = shape("text", { x: x + NODE.width / 2, y: y + 18, "text-anchor": "middle" }, short(text));
  return shape("g", {}, shape("title", {}, text), shape("rect", box), label);
}

function line(from, to, { width, color, dashed = false }) {
  const middle = (from.x + to.x) / 2;
  const d = `M${from.x},${from.y} C${middle},${from.y} ${middle},${to.y} ${to.x},${to.y}`;
  const style = `fill: none; stroke: ${color}; stroke-width: ${width}; stroke-opacity: 0.75`;
  return shape("path", { d, style, ...(dashed && { "stroke-dasharray": "4 4" }) });
}

/** Draws a contract into a figure. */
export function drawPicture(figure, { contract, callers, revisions, shadow }, colorOf) {
  const rows = Math.max(callers.length, revisions.length, 1);
  const height = rows * ROW + 8;
  const yOf = (index, count) => (height - count * ROW) / 2 + index * ROW + (ROW - NODE.height) / 2;
  const columns = [4, (WIDTH - NODE.width) / 2, WIDTH - NODE.width - 4];
  const centre = (height - NODE.height) / 2;
  const middle = { left: { x: columns[1], y: centre + 14 }, right: { x: columns[1] + NODE.width, y: centre + 14 } };
  const parts = [];
  for (const [index, caller] of callers.entries()) {
    const y = yOf(index, callers.length);
    parts.push(line({ x: columns[0] + NODE.width, y: y + 14 }, middle.left, { width: 2, color: "var(--faint)" }));
    parts.push(node(columns[0], y, caller));
  }
  for (const [index, { revision, weight, seen }] of revisions.entries()) {
    const y = yOf(index, revisions.length);
    const share = seen ?? weight;
    const copied = shadow?.revision === revision;
    if (share > 0 || copied) {
      const width = copied ? 2 : Math.max(1, (share / 100) * WIDEST);
      parts.push(line(middle.right, { x: columns[2], y: y + 14 }, { width, color: colorOf(index), dashed: copied }));
    }
    parts.push(node(columns[2], y, `${revision} ${Math.round(share)}%`, colorOf(index)));
  }
  parts.push(node(columns[1], centre, contract));
  const words = revisions.map(({ revision, weight, seen }) => `${revision} ${Math.round(seen ?? weight)}%`).join(", ");
  const text = `Calls of ${callers.join(", ") || "nobody"} to ${contract} go to ${words}.`;
  const picture = shape(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${height}`, width: "100%", role: "img", "aria-label": text },
    ...parts,
  );
  const caption = document.createElement("figcaption");
  caption.textContent = "Lines are as wide as the share of the calls; copies are dashed.";
  figure.replaceChildren(picture, caption);
}
