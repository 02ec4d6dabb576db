import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { decodePicture, MAX_PIXELS, openPictures } from "../../models/picture.js";
import { TransformError } from "../../src/contract/transform.js";

describe("openPictures()", () => {
  it("reads the size of PNG, JPEG and WebP files, turned upright", async () => {
    const picture = sharp({ create: { width: 30, height: 20, channels: 3, background: "blue" } });
    const files = new Map([
      ["png", await picture.clone().png().toBuffer()],
      ["jpeg", await picture.clone().jpeg().toBuffer()],
      ["webp", await picture.clone().webp().toBuffer()],
      ["turned", await picture.clone().jpeg().withMetadata({ orientation: 6 }).toBuffer()],
    ]);
    const sizes = (await openPictures(files)).map(({ field, width, height }) => [field, width, height]);
    assert.deepEqual(sizes, [
      ["png", 30, 20],
      ["jpeg", 30, 20],
      ["webp", 30, 20],
      ["turned", 20, 30],
    ]);
  });

  it("refuses a file that says it is larger than the limit before a pixel is unpacked", async () => {
    const bomb = hugePng(60_000, 60_000);
    const before = process.memoryUsage().rss;
    await refuses({ image: bomb }, /^image: expected at most 24000000 pixels in one request, got 60000 x 60000$/);
    assert.ok(process.memoryUsage().rss - before < 100e6);
  });

  it("counts the pixels of a request's pictures together", async () => {
    const half = await sharp({ create: { width: 4000, height: 3001, channels: 3, background: "white" } })
      .png()
      .toBuffer();
    assert.ok(4000 * 3001 < MAX_PIXELS && 2 * 4000 * 3001 > MAX_PIXELS);
    await refuses(
      { "images[0]": half, "images[1]": half },
      /^images\[1\]: expected at most 24000000 pixels .* got 24008000 with/,
    );
  });

  it("refuses what is no picture, or one in a format that is not for callers", async () => {
    const gif = await sharp({ create: { width: 3, height: 3, channels: 3, background: "white" } })
      .gif()
      .toBuffer();
    await refuses({ image: Buffer.alloc(0) }, /^image: expected a PNG, JPEG or WebP file, got no bytes$/);
    await refuses(
      { image: Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>") },
      /^image: .* begin with 3c73766720786d6c$/,
    );
    await refuses(
      { image: gif },
      /^image: expected a PNG, JPEG or WebP file, got \d+ bytes that begin with 474946383961/,
    );
    await refuses({ image: gif.fill(0xff, 0, 3) }, /^image: expected a (whole )?PNG, JPEG or WebP file, got/);
  });
});

describe("decodePicture()", () => {
  it("gives grey and colour of the right shades, on white where the picture is transparent", async () => {
    const pixels = Buffer.from([255, 0, 0, 255, 0, 0, 255, 255, 0, 0, 0, 0, 128, 128, 128, 255]);
    const png = await sharp(pixels, { raw: { width: 4, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    const [picture] = await openPictures(new Map([["image", png]]));
    const colour = await decodePicture(picture!, 3);
    assert.deepEqual([...colour.data], [255, 0, 0, 0, 0, 255, 255, 255, 255, 128, 128, 128]);
    const grey = await decodePicture(picture!, 1);
    assert.deepEqual([grey.width, grey.height, grey.data.length], [4, 1, 4]);
    assert.equal(grey.data[2], 255);
    assert.equal(grey.data[3], 128);
  });

  it("turns a picture upright and stretches it to the size asked for", async () => {
    // Left half black, right half white; turned by a quarter clockwise, the upper half is black.
    const pixels = Buffer.from(Array.from({ length: 16 * 16 }, (_, index) => (index % 16 < 8 ? 0 : 255)));
    const turned = await sharp(pixels, { raw: { width: 16, height: 16, channels: 1 } })
      .png()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const [picture] = await openPictures(new Map([["image", turned]]));
    const { width, height, data } = await decodePicture(picture!, 1, { width: 4, height: 32 });
    assert.deepEqual([width, height, data.length], [4, 32, 128]);
    assert.deepEqual([data[0], data[3], data[127]], [0, 0, 255]);
  });

  it("refuses a file that ends in the middle, and one whose pixels are garbage", async () => {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, index) => (index * 7919) % 251));
    for (const format of ["png", "jpeg", "webp"] as const) {
      const file = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
        [format]()
        .toBuffer();
      await refusesToDecode(file.subarray(0, file.length / 2));
    }
    const png = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toBuffer();
    await refusesToDecode(png.fill(0x55, 60, png.length - 20));
  });
});

async function refuses(files: Record<string, Buffer>, message: RegExp): Promise<void> {
  await assert.rejects(openPictures(new Map(Object.entries(files))), (error: unknown) => {
    assert.ok(error instanceof TransformError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

async function refusesToDecode(file: Buffer): Promise<void> {
  const decode = async () => decodePicture((await openPictures(new Map([["image", file]])))[0]!, 3);
  await assert.rejects(decode, (error: unknown) => {
    assert.ok(error instanceof TransformError, String(error));
    assert.match(error.message, /^image: expected a whole PNG, JPEG or WebP file, got a damaged one: ./);
    return true;
  });
}

/** The start of a PNG file of that size: its header is whole, its pixels are a lie. */
function hugePng(width: number, height: number): Buffer {
  const header = Buffer.alloc(17);
  header.write("IHDR");
  header.writeUInt32BE(width, 4);
  header.writeUInt32BE(height, 8);
  header.writeUInt8(8, 12);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk(header),
    chunk(Buffer.concat([Buffer.from("IDAT"), Buffer.alloc(64)])),
    chunk(Buffer.from("IEND")),
  ]);
}

function chunk(typeAndData: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(typeAndData.length - 4);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(typeAndData));
  return Buffer.concat([length, typeAndData, checksum]);
}
