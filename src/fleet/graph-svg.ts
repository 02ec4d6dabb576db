import { type BridgeNode, type ContractNode, type FleetGraph, trafficText } from "./graph.js";
import { formatMs } from "./units.js";

const BOX = { width: 232, height: 62 } as const;
const GAP = { across: 92, down: 22 } as const;
const MARGIN = 24;

/** A box of the picture. */
interface Box {
  readonly name: string;
  readonly contract: ContractNode | undefined;
  readonly bridge: BridgeNode | undefined;
  readonly x: number;
  readonly y: number;
}

/** A graph as an SVG picture: callers and bridges at the left, and each contract to the right of all that call it. */
export function toSvg(graph: FleetGraph): string {
  const boxes = placeBoxes(graph);
  const byName = new Map(boxes.map((box) => [box.name, box]));
  const width = Math.max(...boxes.map(({ x }) => x + BOX.width)) + MARGIN;
  const height = Math.max(...boxes.map(({ y }) => y + BOX.height)) + MARGIN;
  const edges = graph.edges.map(({ from, to, budgetMs }) => drawEdge(byName.get(from)!, byName.get(to)!, budgetMs));
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" role="img">`,
    `<title>Who calls whom in the fleet ${escaped(graph.fleet)}</title>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#5b6b7f"/></marker></defs>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...edges,
    ...boxes.map(drawBox),
    "</svg>",
  ].join("\n")}\n`;
}

function placeBoxes(graph: FleetGraph): Box[] {
  const columns = columnsOf(graph);
  const rows = new Map<number, number>();
  const names = [...sources(graph), ...graph.contracts.map(({ contract }) => contract)];
  return names.map((name) => {
    const column = columns.get(name)!;
    const row = rows.get(column) ?? 0;
    rows.set(column, row + 1);
    return {
      name,
      contract: graph.contracts.find(({ contract }) => contract === name),
      bridge: graph.bridges.find((bridge) => bridge.name === name),
      x: MARGIN + column * (BOX.width + GAP.across),
      y: MARGIN + row * (BOX.height + GAP.down),
    };
  });
}

function sources({ callers, bridges }: FleetGraph): string[] {
  return [...callers, ...bridges.map(({ name }) => name)];
}

/** The longest way from a caller to each box: the fleet file's rules let no chain of calls come back to its beginning. */
function columnsOf(graph: FleetGraph): Map<string, number> {
  const { contracts, edges } = graph;
  const columns = new Map<string, number>(sources(graph).map((source) => [source, 0]));
  const columnOf = (name: string): number => {
    const known = columns.get(name);
    if (known !== undefined) return known;
    const before = edges.filter(({ to }) => to === name).map(({ from }) => columnOf(from));
    const column = 1 + Math.max(0, ...before);
    columns.set(name, column);
    return column;
  };
  for (const { contract } of contracts) columnOf(contract);
  return columns;
}

function drawBox({ name, contract, bridge, x, y }: Box): string {
  const [fill, stroke] =
    contract === undefined
      ? ["#f3f5f8", "#8794a5"]
      : contract.kind === "model"
        ? ["#e8f1fb", "#2f6fb2"]
        : ["#fdf1e1", "#c07a1d"];
  const radius = contract === undefined ? BOX.height / 2 : 6;
  const text = (dy: number, content: string, more = "") =>
    `<text x="${x + BOX.width / 2}" y="${y + dy}" text-anchor="middle" fill="#1d2733"${more}>${escaped(content)}</text>`;
  const box = `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="${radius}" fill="${fill}" stroke="${stroke}"/>`;
  const facts = bridge ? `${bridge.from} to ${bridge.to}` : contract && contractText(contract);
  if (facts === undefined) return [box, text(36, name)].join("\n");
  return [box, text(27, name, ' font-weight="600"'), text(47, facts, ' font-size="11"')].join("\n");
}

function contractText({ traffic, deadlineMs }: ContractNode): string {
  return `${trafficText(traffic)}; deadline ${formatMs(deadlineMs)}`;
}

function drawEdge(from: Box, to: Box, budgetMs: number | undefined): string {
  const start = { x: from.x + BOX.width, y: from.y + BOX.height / 2 };
  const end = { x: to.x, y: to.y + BOX.height / 2 };
  const bend = (end.x - start.x) / 2;
  const line = `<path d="M${start.x} ${start.y} C${start.x + bend} ${start.y} ${end.x - bend} ${end.y} ${end.x} ${end.y}" fill="none" stroke="#5b6b7f" marker-end="url(#tip)"/>`;
  if (budgetMs === undefined) return line;
  const label = `<text x="${end.x - 12}" y="${end.y - 8}" text-anchor="end" fill="#5b6b7f" font-size="11">${formatMs(budgetMs)}</text>`;
  return `${line}\n${label}`;
}

function escaped(text: string): string {
  return text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
