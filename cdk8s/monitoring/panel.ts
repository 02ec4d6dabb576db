/** Panels of a Grafana dashboard, without their places. @see https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */

/** One query of a panel. */
export interface Query {
  readonly expr: string;
  /** Name of its lines; `{{label}}` stands for a label's value. */
  readonly legend: string;
}

export interface PanelOptions {
  readonly title: string;
  /** What a reader should make of it. */
  readonly description: string;
  /** A unit as Grafana names it: `reqps`, `percentunit`, `s`, `bytes`, `short`. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Lines on top of one another, for parts of a whole. @default false */
  readonly stacked?: boolean;
}

/** A panel as Grafana stores it, without its id and place. */
export interface Panel {
  readonly type: "timeseries";
  readonly title: string;
  readonly description: string;
  readonly datasource: typeof DATASOURCE;
  readonly fieldConfig: object;
  readonly options: object;
  readonly targets: readonly { readonly refId: string; readonly expr: string }[];
}

/** The data source that the reader chose. */
export const DATASOURCE = { type: "prometheus", uid: "$" + "{datasource}" } as const;

/** Lines over time, from zero up. */
export function timeseries({ title, description, unit, queries, stacked = false }: PanelOptions): Panel {
  return {
    type: "timeseries",
    title,
    description,
    datasource: DATASOURCE,
    fieldConfig: { defaults: { unit, min: 0, custom: lineStyle(stacked) }, overrides: [] },
    options: {
      legend: { displayMode: "table", placement: "bottom", calcs: ["lastNotNull", "max"] },
      tooltip: { mode: "multi", sort: "desc" },
    },
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}

function lineStyle(stacked: boolean): object {
  return {
    lineWidth: 1,
    fillOpacity: stacked ? 40 : 5,
    showPoints: "never",
    stacking: { mode: stacked ? "normal" : "none" },
  };
}
