import { readFileSync } from "node:fs";
import path from "node:path";
import { bareBytes, base64Json, openInference, type Wire } from "./wires.js";

/** Each peer has a folder in it. */
export const PEERS_FOLDER = path.join("bench", "peers");

/** Another server that ONNX models can be served with. */
export interface Peer {
  /** What `--only` takes. */
  readonly name: string;
  /** What it is written in, which decides how it is installed. */
  readonly language: "Python" | "Rust";
  /** Where its files are: requirements.txt and server.py, or a crate. */
  readonly folder: string;
  readonly title: string;
  readonly wire: Wire;
  /** Whether it can join calls into one run. */
  readonly batching: boolean;
  /** Settings of PEER_WORKERS that are tried; the fastest is measured. 0: runs go on in the server's own process. */
  readonly workers: readonly number[];
}

/** All that are measured. A new one is a line here, and a folder. */
export const PEERS: readonly Peer[] = (
  [
    { name: "mlserver", title: "MLServer", wire: openInference, batching: true, workers: [0, 2] },
    { name: "kserve", title: "KServe (Python)", wire: openInference, batching: false, workers: [0, 2] },
    { name: "pytriton", title: "PyTriton (Triton)", wire: openInference, batching: true, workers: [1, 2] },
    { name: "ray", title: "Ray Serve", wire: openInference, batching: true, workers: [1, 2] },
    { name: "bentoml", title: "BentoML", wire: base64Json, batching: true, workers: [1, 2] },
    { name: "litserve", title: "LitServe", wire: bareBytes, batching: true, workers: [1, 2] },
    { name: "tonic", language: "Rust", title: "Rust, tonic", wire: openInference, batching: false, workers: [1, 2] },
  ] as const
).map((peer) => ({ language: "Python", ...peer, folder: path.join(PEERS_FOLDER, peer.name) }));

/** What a peer is made of, in its folder; the first has the version that is pinned. */
export function filesOf({ language, folder }: Peer): string[] {
  const names = {
    Python: ["requirements.txt", "server.py"],
    Rust: ["Cargo.toml", "build.rs", "src/main.rs", "src/open_inference.rs", "src/sessions.rs"],
  }[language];
  return names.map((name) => path.join(folder, name));
}

/** Those that no package registry has, and why. */
export const ABSENT: readonly { readonly title: string; readonly reason: string }[] = [
  {
    title: "Triton with its ONNX Runtime back end",
    reason:
      "NVIDIA gives it out as a container image alone; PyTriton's package has Triton with the Python back end only",
  },
  { title: "OpenVINO Model Server", reason: "given out as a container image and an archive; in no package registry" },
];

/** The version that is pinned: the first line of its requirements, or of the package of its name. */
export function versionOf(peer: Peer): string {
  const text = readFileSync(filesOf(peer)[0]!, "utf8");
  const pin = peer.language === "Python" ? /^[^#\s]+==(\S+)/m : new RegExp(`^${peer.name} = "=(\\S+)"`, "m");
  return pin.exec(text)![1]!;
}
