import { escapeXml } from "../junit.js";

/** HTML that is safe as it is. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | readonly Html[];

/** A template whose values are escaped, unless they are HTML themselves: html`<td>${text}</td>`. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: strings.map((text, index) => text + (index < parts.length ? toHtml(parts[index]!) : "")).join("") };
}

function toHtml(part: Part): string {
  if (typeof part === "string") return escapeXml(part).replaceAll("&#10;", "\n");
  if (typeof part === "number") return String(part);
  return "html" in part ? part.html : part.map((one) => one.html).join("\n");
}

/** A page that needs nothing from anywhere: no script, no font, no picture. */
export function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`.html;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2330; --quiet: #667085; --line: #e3e7ee; --paper: #fff; --tile: #f6f8fb;
  --one: #3b6fd4; --other: #e08a1e; --good: #14804a; --bad: #c0322b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaf0; --quiet: #98a2b3; --line: #2c3442; --paper: #12161d;
  --tile: #1a202a; --one: #7aa5ff; --other: #f0a94b; --good: #4cc38a; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 12px; }
p { margin: 4px 0; } .quiet { color: var(--quiet); }
.verdict { margin: 16px 0; padding: 12px 16px; border-radius: 8px; border-left: 4px solid; background: var(--tile); }
.verdict.good { border-color: var(--good); } .verdict.bad { border-color: var(--bad); }
.verdict ul { margin: 4px 0 0; padding-left: 20px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; }
.tile { background: var(--tile); border-radius: 8px; padding: 12px 16px; }
.tile b { display: block; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--quiet); font-size: 13px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 8px 12px 8px 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
th { font-weight: 500; color: var(--quiet); font-size: 13px; } td.number, th.number { text-align: right; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } td code { overflow-wrap: anywhere; }
pre { background: var(--tile); border-radius: 8px; padding: 12px; overflow: auto; max-height: 320px; margin: 8px 0; }
details { border: 1px solid var(--line); border-radius: 8px; padding: 8px 14px; margin: 8px 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 0 16px; }
.legend { display: inline-flex; align-items: center; gap: 6px; margin-right: 16px; }
.legend i { width: 12px; height: 12px; border-radius: 3px; }
.one { background: var(--one); fill: var(--one); } .other { background: var(--other); fill: var(--other); }
svg { display: block; max-width: 100%; height: auto; } svg rect { opacity: .6; } svg text { fill: var(--quiet); font: 11px system-ui, sans-serif; }
svg path { fill: none; stroke-width: 2; } svg .axis { stroke: var(--line); stroke-width: 1; }
svg path.one { fill: none; stroke: var(--one); } svg path.other { fill: none; stroke: var(--other); }
.bad-text { color: var(--bad); }
`;
