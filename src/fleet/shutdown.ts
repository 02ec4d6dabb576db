/** What a server and the chart of its pod have to agree on about the server's end. */

/** How long open calls may take once a server is told to end, by default. */
export const DRAIN_SECONDS = 30;

/** How long workers may take to end after the drain: a run that has begun can't be stopped. */
export const CLOSE_LIMIT_SECONDS = 10;
