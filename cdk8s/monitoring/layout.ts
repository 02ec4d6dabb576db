import type { Panel } from "./panel.js";

/** Panels under a heading. */
export interface PanelRow {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Grafana's grid has so many columns. */
const COLUMNS = 24;
const PANELS_IN_LINE = 3;
const WIDTH = COLUMNS / PANELS_IN_LINE;
const HEIGHT = 8;
const HEADING_HEIGHT = 1;

/** Gives headings and panels their ids and places: three panels in a line, in the order given. */
export function layOut(rows: readonly PanelRow[]): object[] {
  const placed: object[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    placed.push({
      id: placed.length + 1,
      type: "row",
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: HEADING_HEIGHT },
    });
    y += HEADING_HEIGHT;
    for (const [index, panel] of panels.entries()) {
      const line = Math.floor(index / PANELS_IN_LINE);
      const gridPos = { x: (index % PANELS_IN_LINE) * WIDTH, y: y + line * HEIGHT, w: WIDTH, h: HEIGHT };
      placed.push({ id: placed.length + 1, ...panel, gridPos });
    }
    y += Math.ceil(panels.length / PANELS_IN_LINE) * HEIGHT;
  }
  return placed;
}
