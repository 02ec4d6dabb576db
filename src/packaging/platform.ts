/** What an image is built for. */
export interface Platform {
  /** As engines name it, `linux/amd64`. */
  readonly name: string;
  /** The processor as Node and npm name it. */
  readonly arch: "x64" | "arm64";
}

/** What ONNX Runtime has libraries for. */
const PLATFORMS: readonly Platform[] = [
  { name: "linux/amd64", arch: "x64" },
  { name: "linux/arm64", arch: "arm64" },
];

/** @throws Error where ONNX Runtime knows no such platform */
export function parsePlatform(name: string): Platform {
  const platform = PLATFORMS.find((candidate) => candidate.name === name);
  if (platform) return platform;
  throw new Error(`expected ${PLATFORMS.map((known) => known.name).join(" or ")}, got ${JSON.stringify(name)}`);
}

/** Linux on this machine's processor. */
export function ownPlatform(): Platform {
  return PLATFORMS.find(({ arch }) => arch === process.arch) ?? PLATFORMS[0]!;
}

/** Whether packages that are installed on this machine run on the platform: it is Linux with the C library of GNU. */
export function isOwnPlatform({ arch }: Platform): boolean {
  return process.platform === "linux" && process.arch === arch && hasGnuLibrary();
}

function hasGnuLibrary(): boolean {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}
