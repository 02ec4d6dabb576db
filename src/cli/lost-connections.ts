import type { ChildProcess } from "node:child_process";

/** What Node's cluster sends along with a connection, and what the process answers once it has it. */
interface HandOver {
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

/** A connection as Node's cluster holds it until it has been taken. */
interface Connection {
  close(): void;
}

/**
 * Closes connections that a process was handed and died before it had them: Node's cluster keeps them open for ever, and
 * their callers would wait for an answer until their deadlines. So they connect anew.
 * @see https://github.com/nodejs/node/blob/v20.x/lib/internal/cluster/round_robin_handle.js handoff: its reply never comes
 */
export function closeLostConnections(child: ChildProcess): void {
  const handed = new Map<number, Connection>();
  const send = child.send as (message: HandOver, connection?: Connection, ...rest: unknown[]) => boolean;
  const sendNoted: typeof send = (message, connection, ...rest) => {
    if (message.act === "newconn" && connection && message.seq !== undefined) handed.set(message.seq, connection);
    return send.call(child, message, connection, ...rest);
  };
  child.send = sendNoted as ChildProcess["send"];
  child.on("internalMessage", ({ ack }: HandOver) => {
    if (ack !== undefined) handed.delete(ack);
  });
  child.on("exit", () => {
    for (const connection of handed.values()) connection.close();
  });
}
