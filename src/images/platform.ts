/** What an image runs on, in Node's words. */
export interface Platform {
  readonly os: "linux";
  readonly cpu: "x64" | "arm64";
}

const PLATFORMS: Readonly<Record<string, Platform>> = {
  "linux/amd64": { os: "linux", cpu: "x64" },
  "linux/arm64": { os: "linux", cpu: "arm64" },
};

/** Platforms as container tools write them. */
export const PLATFORM_NAMES = Object.keys(PLATFORMS);

/** The platform of the machine, as container tools write it. */
export function ownPlatform(): string {
  return process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
}

/** @param name one of PLATFORM_NAMES */
export function platformOf(name: string): Platform {
  return PLATFORMS[name]!;
}
