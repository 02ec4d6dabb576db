import { writeFileSync } from "node:fs";
import path from "node:path";
import { escapeXml } from "../../src/testing/junit.js";
import { ROOT } from "../support/contract-fixture.js";
import { folderOf, importsOf, LAYERS, sourceFiles } from "../support/layers.js";

/** Where the picture is kept. */
export const PICTURE = path.join(ROOT, "docs/architecture.svg");

/** What a reader wants to know of each folder. */
const ABOUT: Readonly<Record<string, string>> = {
  generated: "what tools write",
  "src/contract": "messages, tensors, codec",
  "src/fleet": "the fleet file",
  "src/telemetry": "metrics, logs, traces",
  "src/serving": "admission, batches, workers",
  mesh: "Istio's objects",
  "src/grpc": "the wire",
  "src/client": "typed calls",
  "src/packaging": "images",
  "src/events": "a broker's bridge",
  cdk8s: "Kubernetes' objects",
  "src/testing": "golden cases, compare, stub",
  "src/kubectl": "roll-outs",
  "src/cli": "a file a command",
  "src/bin": "entries",
  models: "the example fleet",
};

const WIDTH = 1080;
const BOX = { height: 56, gap: 20 };
const ROW = 128;
const MARGIN = 24;

interface Box {
  readonly folder: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** The layers and what imports what, drawn from the source files as they are. */
export function architecturePicture(): string {
  const files = sourceFiles().filter((file) => ABOUT[folderOf(file) ?? ""] !== undefined);
  const boxes = placeBoxes();
  const height = Math.max(...[...boxes.values()].map(({ y }) => y)) + BOX.height + MARGIN;
  const arrows = edgesOf(files).map((edge) => arrow(edge, boxes));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Folders in layers; what is above imports what is below">
<style>
svg { background: #fff; font: 13px system-ui, sans-serif; }
rect { fill: #f6f8fb; stroke: #c4ccd9; } .name { font-weight: 600; fill: #1c2330; } .about { fill: #667085; font-size: 11px; }
path { fill: none; stroke: #3b6fd4; stroke-width: 1.5; opacity: .35; }
@media (prefers-color-scheme: dark) { svg { background: #12161d; } rect { fill: #1a202a; stroke: #3a4456; } .name { fill: #e7eaf0; } .about { fill: #98a2b3; } path { stroke: #7aa5ff; } }
</style>
${arrows.join("\n")}
${[...boxes.values()].map(drawBox).join("\n")}
</svg>
`;
}

/** The highest layer on top. */
function placeBoxes(): Map<string, Box> {
  const rows = LAYERS.map((folders) => folders.filter((folder) => ABOUT[folder] !== undefined))
    .filter((folders) => folders.length > 0)
    .reverse();
  const boxes = new Map<string, Box>();
  for (const [row, folders] of rows.entries()) {
    const width = Math.min(232, (WIDTH - 2 * MARGIN - (folders.length - 1) * BOX.gap) / folders.length);
    const left = (WIDTH - folders.length * width - (folders.length - 1) * BOX.gap) / 2;
    for (const [column, folder] of folders.entries()) {
      boxes.set(folder, { folder, x: left + column * (width + BOX.gap), y: MARGIN + row * ROW, width });
    }
  }
  return boxes;
}

/** Which folder imports which: `src/grpc src/serving`. How often would make the picture another one with each file. */
function edgesOf(files: readonly string[]): string[] {
  const edges = files.flatMap(importsOf).map(({ from, to }) => [folderOf(from), folderOf(to)] as const);
  return [...new Set(edges.filter(([from, to]) => from !== to).map((edge) => edge.join(" ")))].sort();
}

function arrow(edge: string, boxes: ReadonlyMap<string, Box>): string {
  const [from, to] = edge.split(" ").map((folder) => boxes.get(folder));
  if (!from || !to) return "";
  const [x1, x2] = [from.x + from.width / 2, to.x + to.width / 2].map(Math.round);
  const sameRow = from.y === to.y;
  const y1 = from.y + BOX.height;
  const y2 = sameRow ? to.y + BOX.height : to.y;
  const bend = sameRow ? 40 : (y2 - y1) / 2;
  const end = sameRow ? y2 + bend : y2 - bend;
  return `<path d="M${x1},${y1} C${x1},${y1 + bend} ${x2},${end} ${x2},${y2}"><title>${escapeXml(edge.replace(" ", " imports "))}</title></path>`;
}

function drawBox({ folder, x, y, width }: Box): string {
  const middle = Math.round(x + width / 2);
  return `<rect x="${Math.round(x)}" y="${y}" width="${Math.round(width)}" height="${BOX.height}" rx="8"/>
<text class="name" x="${middle}" y="${y + 24}" text-anchor="middle">${escapeXml(folder)}/</text>
<text class="about" x="${middle}" y="${y + 42}" text-anchor="middle">${escapeXml(ABOUT[folder]!)}</text>`;
}

/** Writes the picture anew: `make pictures`. */
if (process.argv[1] === import.meta.filename) writeFileSync(PICTURE, architecturePicture());
