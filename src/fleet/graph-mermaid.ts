import { type FleetGraph, trafficText } from "./graph.js";
import { formatMs } from "./units.js";

/** A graph as a Mermaid flowchart, which GitHub and many editors draw. */
export function toMermaid({ callers, bridges, contracts, edges }: FleetGraph): string {
  const names = [...callers, ...bridges.map(({ name }) => name), ...contracts.map(({ contract }) => contract)];
  const ids = new Map(names.map((name, at) => [name, `n${at}`]));
  const lines = [
    "flowchart LR",
    ...callers.map((caller) => `  ${ids.get(caller)}([${quote(caller)}])`),
    ...bridges.map(({ name, from, to }) => `  ${ids.get(name)}>${quote(`${name}<br/>${from} to ${to}`)}]`),
    ...contracts.map(({ contract, kind, deadlineMs, traffic }) => {
      const text = quote(`${contract}<br/>${trafficText(traffic)}<br/>deadline ${formatMs(deadlineMs)}`);
      return kind === "composition" ? `  ${ids.get(contract)}{{${text}}}` : `  ${ids.get(contract)}[${text}]`;
    }),
    ...edges.map(({ from, to, budgetMs }) => {
      const label = budgetMs === undefined ? "" : `|${quote(formatMs(budgetMs))}|`;
      return `  ${ids.get(from)} -->${label} ${ids.get(to)}`;
    }),
  ];
  return `${lines.join("\n")}\n`;
}

function quote(text: string): string {
  return `"${text.replaceAll('"', "#quot;")}"`;
}
