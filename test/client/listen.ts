import { type Server, ServerCredentials } from "@grpc/grpc-js";

/** A grpc-js server of a test's own, listening. */
export interface ListeningServer {
  /** `127.0.0.1:port`. */
  readonly target: string;
  /** Cuts every call off. */
  close(): void;
}

/** Lets a server listen on a free port. */
export async function listen(
  server: Server,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Promise<ListeningServer> {
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return { target: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

/** A promise and the function that settles it. */
export function gate<Value = void>(): { readonly opened: Promise<Value>; readonly open: (value: Value) => void } {
  let open: (value: Value) => void = () => {};
  const opened = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
