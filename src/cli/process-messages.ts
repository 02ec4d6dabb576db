/** What a process says to the first one. */
export type FromMember =
  /** Its models are ready: it can take connections. */
  | { readonly kind: "ready" }
  /** What it says of itself once it serves. */
  | { readonly kind: "serving"; readonly report: string }
  | { readonly kind: "taken"; readonly connection: number }
  /** One of the connections that it took is over. */
  | { readonly kind: "closed" }
  /** Services, by their full names, that do not serve in it. */
  | { readonly kind: "down"; readonly services: readonly string[] }
  /** It drains: no connection is to come any more. */
  | { readonly kind: "leaving" };

/** What the first process says to another. */
export type ToMember =
  /** Connections come from now on, from callers of this port. */
  | { readonly kind: "listening"; readonly port: number }
  /** Comes with a socket. */
  | { readonly kind: "connection"; readonly connection: number }
  /** Services that do not serve in one of the processes at least. */
  | { readonly kind: "down"; readonly services: readonly string[] };
