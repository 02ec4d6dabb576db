import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot } from "../../fleet/package-root.js";

/** A file of the page. */
export interface Asset {
  readonly type: string;
  readonly of: "page" | "uplot";
  readonly file: string;
}

/** The page's files by path: our own, and the chart library's as its package has them. */
export const ASSETS: Readonly<Record<string, Asset>> = {
  "/": { type: "text/html; charset=utf-8", of: "page", file: "index.html" },
  "/page.css": { type: "text/css", of: "page", file: "page.css" },
  "/page.js": { type: "text/javascript", of: "page", file: "page.js" },
  "/picture.js": { type: "text/javascript", of: "page", file: "picture.js" },
  "/charts.js": { type: "text/javascript", of: "page", file: "charts.js" },
  "/actions.js": { type: "text/javascript", of: "page", file: "actions.js" },
  "/uplot.js": { type: "text/javascript", of: "uplot", file: "uPlot.esm.js" },
  "/uplot.css": { type: "text/css", of: "uplot", file: "uPlot.min.css" },
};

/** A file's content. */
export function assetOf({ of, file }: Asset): Buffer {
  return readFileSync(join(of === "page" ? join(packageRoot(), "src/kubectl/dashboard/page") : uplotFolder(), file));
}

function uplotFolder(): string {
  return dirname(createRequire(import.meta.url).resolve("uplot/dist/uPlot.esm.js"));
}
