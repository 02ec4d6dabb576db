import sharp from "sharp";
import { TransformError } from "../src/contract/transform.js";

/**
 * Most pixels that the pictures of one request may have together. A picture of a few kilobytes can say that it is
 * 60 000 pixels wide: its header is read first, and nothing that would not fit is ever unpacked.
 */
export const MAX_PIXELS = 24_000_000;

/** A picture whose header has been read; its pixels have not. */
export interface PictureFile {
  /** How messages to the caller name it: "images[2]". */
  readonly field: string;
  readonly bytes: Uint8Array;
  /** Size in pixels once turned upright. */
  readonly width: number;
  readonly height: number;
}

/** Pixels row by row, `channels` bytes each. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** The size a picture is brought to while it is decoded. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

// A pod's processors belong to its workers: libvips shall not start a thread a processor in each. No picture comes
// twice, so nothing is worth caching.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Reads the headers of a request's pictures.
 * @throws TransformError where one is no PNG, JPEG or WebP file, or they have more than `MAX_PIXELS` together
 */
export async function openPictures(files: ReadonlyMap<string, Uint8Array>): Promise<PictureFile[]> {
  const pictures: PictureFile[] = [];
  let pixels = 0;
  for (const [field, bytes] of files) {
    const { width, height } = await readSize(field, bytes);
    pixels += width * height;
    if (pixels > MAX_PIXELS) {
      const got = files.size === 1 ? `${width} x ${height}` : `${pixels} with this one of ${width} x ${height}`;
      throw new TransformError(`${field}: expected at most ${MAX_PIXELS} pixels in one request, got ${got}`);
    }
    pictures.push({ field, bytes, width, height });
  }
  return pictures;
}

/**
 * Pixels of a picture, upright, on white where it is transparent, stretched to `size` where that is given.
 * @param channels 1 for grey, 3 for red, green, blue
 * @throws TransformError where the file is damaged
 */
export async function decodePicture(picture: PictureFile, channels: 1 | 3, size?: PixelSize): Promise<Pixels> {
  let image = sharp(picture.bytes, { limitInputPixels: MAX_PIXELS, failOn: "error" })
    .autoOrient()
    .flatten({ background: "white" });
  if (size && (size.width !== picture.width || size.height !== picture.height)) {
    image = image.resize(size.width, size.height, { fit: "fill", kernel: "linear" });
  }
  try {
    const { data, info } = await image
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels, data };
  } catch (error) {
    throw damaged(picture.field, error);
  }
}

async function readSize(field: string, bytes: Uint8Array): Promise<PixelSize> {
  if (!isPicture(bytes)) {
    const start = Buffer.from(bytes.subarray(0, 8)).toString("hex");
    const got = bytes.length === 0 ? "no bytes" : `${bytes.length} bytes that begin with ${start}`;
    throw new TransformError(`${field}: expected a PNG, JPEG or WebP file, got ${got}`);
  }
  try {
    // Of the header alone any size is read: the message shall say which.
    return (await sharp(bytes, { limitInputPixels: false }).metadata()).autoOrient;
  } catch (error) {
    throw damaged(field, error);
  }
}

/** By the first bytes: the many other formats that libvips reads (SVG, PDF, TIFF) are not let near it. */
function isPicture(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  return (
    head.startsWith("\x89PNG\r\n\x1a\n") ||
    head.startsWith("\xff\xd8\xff") ||
    (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP")
  );
}

function damaged(field: string, error: unknown): TransformError {
  const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
  return new TransformError(`${field}: expected a whole PNG, JPEG or WebP file, got a damaged one: ${line}`);
}
