import { readFileSync } from "node:fs";
import path from "node:path";
import {
  type Authenticator,
  credsAuthenticator,
  type NodeConnectionOptions,
  type TlsOptions,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { MountedSecret } from "./mounted-secret.js";

/** How a NATS is reached. */
export interface NatsAccess {
  /** `nats://host:port`. */
  readonly servers: readonly string[];
  /** Name of the connection, for the server's operators. */
  readonly name: string;
  /**
   * A mounted secret: `user.creds`, or `token`, or `username` and `password`; and `ca.crt`, `tls.crt`, `tls.key`. They are
   * read at each connection, so that they may change.
   */
  readonly credentials?: string | undefined;
  readonly tls?: boolean | undefined;
}

const RECONNECT_MS = 500;

/**
 * What the client of NATS is told: it never gives up, and says who it is anew each time.
 * @throws Error where the folder of the credentials holds none
 */
export function natsOptions({ servers, name, credentials, tls = false }: NatsAccess): NodeConnectionOptions {
  return {
    servers: [...servers],
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    waitOnFirstConnect: true,
    ignoreAuthErrorAbort: true,
    ...(credentials !== undefined && { authenticator: authenticatorOf(credentials) }),
    ...(tls && { tls: tlsOf(credentials) }),
  };
}

function authenticatorOf(folder: string): Authenticator[] {
  const secret = new MountedSecret(folder);
  if (secret.has("user.creds")) return [credsAuthenticator(() => readFileSync(path.join(folder, "user.creds")))];
  if (secret.has("token")) return [tokenAuthenticator(secret.text("token"))];
  if (secret.has("username")) return [usernamePasswordAuthenticator(secret.text("username"), secret.text("password"))];
  if (secret.has("ca.crt") || secret.has("tls.crt")) return [];
  throw new Error(`${folder}: expected user.creds, token, or username and password; there is none of them`);
}

function tlsOf(folder: string | undefined): TlsOptions {
  const secret = new MountedSecret(folder);
  const [caFile, certFile, keyFile] = ["ca.crt", "tls.crt", "tls.key"].map((key) => secret.pathOf(key));
  return { ...(caFile && { caFile }), ...(certFile && { certFile }), ...(keyFile && { keyFile }) };
}
