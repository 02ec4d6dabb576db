/** A file of an image's layer. */
export interface ImageFile {
  /** Relative to the layer's folder, with slashes. */
  readonly path: string;
  readonly content: FileContent;
}

export type FileContent =
  /** A copy of an absolute path's; `sha256` in hex where it has to have that. */
  { readonly file: string; readonly sha256?: string } | { readonly bytes: Uint8Array };

/** A file with a text. */
export function textFile(path: string, text: string): ImageFile {
  return { path, content: { bytes: new TextEncoder().encode(text) } };
}

/** A file that is copied. */
export function copiedFile(path: string, file: string, sha256?: string): ImageFile {
  return { path, content: sha256 === undefined ? { file } : { file, sha256 } };
}
