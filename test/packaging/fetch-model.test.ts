import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DownloadObserver } from "../../src/packaging/download.js";
import { type FetchOptions, fetchModel } from "../../src/packaging/fetch-model.js";
import { ObjectStore, type StoreKeys } from "../../src/packaging/object-store.js";
import { externalDataModel, lookupModel, scaleModel } from "../support/onnx-builder.js";
import { type Failure, FlakyLine } from "./flaky-line.js";
import { BUCKET, KEYS, needsS3Store, PUBLIC_BUCKET, S3Store } from "./s3-store.js";

/** About 2 MB: more than a connection's buffers hold. */
const LARGE = lookupModel(Array.from({ length: 500_000 }, (_, index) => index));
const SMALL = scaleModel({ factor: 2 });
const QUIET: FetchOptions = {
  observe: () => ({ received: () => undefined, retrying: () => undefined }),
  firstWaitMs: 1,
};

describe("fetchModel()", function () {
  this.timeout(20_000);
  let store: S3Store;
  let folder: string;
  let target: string;
  let line: FlakyLine | undefined;

  before(needsS3Store);
  before(async () => {
    store = await S3Store.start();
  });
  after(async () => {
    await store?.stop();
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-fetch-"));
    target = path.join(folder, "model.onnx");
  });
  afterEach(() => {
    line?.close();
    line = undefined;
    rmSync(folder, { recursive: true });
  });

  interface Wanted {
    readonly key: string;
    readonly bytes: Uint8Array;
    readonly keys?: StoreKeys | undefined;
    readonly endpoint?: string;
    readonly bucket?: string;
  }

  const fetchTo = (wanted: Wanted, options: FetchOptions = QUIET) => {
    const keys = "keys" in wanted ? wanted.keys : KEYS;
    const from = new ObjectStore({ endpoint: wanted.endpoint ?? store.endpoint, region: "us-east-1", keys });
    const sha256 = digest(wanted.bytes);
    return fetchModel(
      { store: from, object: { bucket: wanted.bucket ?? BUCKET, key: wanted.key }, sha256, target },
      options,
    );
  };
  const assertNothingThere = () => assert.deepEqual(readdirSync(folder), []);

  it("fetches an object by a signature, whatever signs its key has", async () => {
    const key = "fraud v1/größe+1 (new)!*'~&=#.onnx";
    await store.put(key, SMALL);
    assert.equal(await fetchTo({ key, bytes: SMALL }), SMALL.length);
    assert.deepEqual(new Uint8Array(readFileSync(target)), SMALL);
    assert.deepEqual(readdirSync(folder), ["model.onnx"]);
  });

  it("makes the folder that the model shall be in", async () => {
    await store.put("small.onnx", SMALL);
    target = path.join(folder, "deep/er/model.onnx");
    await fetchTo({ key: "small.onnx", bytes: SMALL });
    assert(existsSync(target));
  });

  it("leaves a model alone that is there and has its digest", async () => {
    writeFileSync(target, SMALL);
    const { mtimeMs } = statSync(target);
    assert.equal(await fetchTo({ key: "nowhere.onnx", bytes: SMALL, endpoint: "http://127.0.0.1:9" }), 0);
    assert.equal(statSync(target).mtimeMs, mtimeMs);
  });

  it("replaces a file that is there and has another digest", async () => {
    await store.put("small.onnx", SMALL);
    writeFileSync(target, "a model of yesterday");
    await fetchTo({ key: "small.onnx", bytes: SMALL });
    assert.deepEqual(new Uint8Array(readFileSync(target)), SMALL);
  });

  describe("refused by the store, says why at once and leaves nothing behind:", () => {
    const cases: readonly [string, Partial<Wanted>, RegExp][] = [
      [
        "a wrong secret",
        { keys: { ...KEYS, secretAccessKey: "wrong" } },
        /403 SignatureDoesNotMatch; check AWS_ACCESS_KEY_ID/,
      ],
      [
        "unknown keys",
        { keys: { ...KEYS, accessKeyId: "who" } },
        /the store answers 40[34] \w+; check AWS_ACCESS_KEY_ID/,
      ],
      ["no keys", { keys: undefined }, /403 AccessDenied; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
      [
        "no such object",
        { key: "absent.onnx" },
        /^s3:\/\/models\/absent\.onnx at http.*404 NoSuchKey; check the bucket and the key/,
      ],
    ];
    for (const [name, wanted, message] of cases) {
      it(name, async () => {
        await store.put("small.onnx", SMALL);
        let retries = 0;
        const observer: DownloadObserver = { received: () => undefined, retrying: () => retries++ };
        const options = { ...QUIET, observe: () => observer };
        await assert.rejects(fetchTo({ key: "small.onnx", bytes: SMALL, ...wanted }, options), { message });
        assert.equal(retries, 0);
        assertNothingThere();
      });
    }
  });

  it("asks without a signature where there are no keys", async () => {
    await store.put("small.onnx", SMALL, PUBLIC_BUCKET);
    const wanted = { key: "small.onnx", bytes: SMALL, keys: undefined, bucket: PUBLIC_BUCKET };
    assert.equal(await fetchTo(wanted), SMALL.length);
  });

  it("leaves no file whose digest is another one, and tells both", async () => {
    await store.put("other.onnx", LARGE);
    await assert.rejects(fetchTo({ key: "other.onnx", bytes: SMALL }), {
      message: new RegExp(`its sha256 is ${digest(LARGE)}, expected ${digest(SMALL)}`),
    });
    assertNothingThere();
  });

  const flaky = async (failure: Failure, failures: number) => {
    line = await FlakyLine.open({ port: store.port, bytesEach: 600_000, failures, failure });
    return line;
  };

  it("goes on from where it was when the connection breaks, as often as that brings something", async () => {
    await store.put("large.onnx", LARGE);
    const { endpoint } = await flaky("cut", 3);
    const reasons: string[] = [];
    const observer: DownloadObserver = { received: () => undefined, retrying: (reason) => reasons.push(reason) };
    await fetchTo({ key: "large.onnx", bytes: LARGE, endpoint }, { ...QUIET, observe: () => observer });
    assert.equal(digest(readFileSync(target)), digest(LARGE));
    assert.equal(reasons.length, 3);
    assert(
      reasons.every((reason) => reason.startsWith("s3://models/large.onnx: ")),
      reasons[0],
    );
    // Head lines of four answers, and no byte of the object twice but for those that a socket's end took with it.
    assert(line!.broughtBytes < LARGE.length * 1.3, `${line!.broughtBytes} bytes for ${LARGE.length}`);
  });

  it("goes on when nothing comes for a while", async () => {
    await store.put("large.onnx", LARGE);
    const { endpoint } = await flaky("silence", 1);
    await fetchTo({ key: "large.onnx", bytes: LARGE, endpoint }, { ...QUIET, stallLimitMs: 200 });
    assert.equal(digest(readFileSync(target)), digest(LARGE));
  });

  it("begins anew where the object is another one by the time it goes on", async () => {
    const changed = lookupModel(Array.from({ length: 500_000 }, (_, index) => -index));
    await store.put("changing.onnx", LARGE);
    const { endpoint } = await flaky("cut", 1);
    let uploaded: Promise<void> | undefined;
    const observer: DownloadObserver = {
      retrying: () => undefined,
      received: () => {
        uploaded ??= store.put("changing.onnx", changed);
      },
    };
    const options = { ...QUIET, observe: () => observer, firstWaitMs: 500 };
    await fetchTo({ key: "changing.onnx", bytes: changed, endpoint }, options);
    await uploaded;
    assert.equal(digest(readFileSync(target)), digest(changed));
  });

  it("gives up after six tries that bring nothing, and leaves nothing behind", async () => {
    const waits: number[] = [];
    const observer: DownloadObserver = { received: () => undefined, retrying: (_reason, waitMs) => waits.push(waitMs) };
    // Nothing listens at the discard port.
    const wanted = { key: "small.onnx", bytes: SMALL, endpoint: "http://127.0.0.1:9" };
    await assert.rejects(
      fetchTo(wanted, { ...QUIET, observe: () => observer }),
      /127\.0\.0\.1:9.*gave up after 6 tries/,
    );
    assert.deepEqual(waits, [1, 2, 4, 8, 16]);
    assertNothingThere();
  });

  it("ends when it is told to, and leaves nothing behind", async () => {
    await store.put("large.onnx", LARGE);
    const { endpoint } = await flaky("silence", 1);
    const controller = new AbortController();
    const observer: DownloadObserver = {
      received: () => controller.abort(new Error("ended by SIGTERM")),
      retrying: () => assert.fail("tried again"),
    };
    const options = { ...QUIET, observe: () => observer, signal: controller.signal };
    await assert.rejects(fetchTo({ key: "large.onnx", bytes: LARGE, endpoint }, options), /ended by SIGTERM/);
    assertNothingThere();
  });

  describe("of a model that keeps weights in another file", () => {
    const WEIGHTS = new Uint8Array(new Float32Array([1, 2, 3]).buffer);

    it("fetches that too, from beside it, before the model is there", async () => {
      const bytes = externalDataModel("weights/w.bin");
      await store.put("big/model.onnx", bytes);
      await store.put("big/weights/w.bin", WEIGHTS);
      const seen: [string, boolean][] = [];
      const observe = (name: string): DownloadObserver => {
        return { received: () => seen.push([name, existsSync(target)]), retrying: () => undefined };
      };
      assert.equal(
        await fetchTo({ key: "big/model.onnx", bytes }, { ...QUIET, observe }),
        bytes.length + WEIGHTS.length,
      );
      assert.deepEqual(seen, [
        ["s3://models/big/model.onnx", false],
        ["s3://models/big/weights/w.bin", false],
      ]);
      assert.deepEqual(new Uint8Array(readFileSync(path.join(folder, "weights/w.bin"))), WEIGHTS);
    });

    it("leaves no model where that is missing", async () => {
      const bytes = externalDataModel("lost.bin");
      await store.put("half/model.onnx", bytes);
      await assert.rejects(fetchTo({ key: "half/model.onnx", bytes }), /s3:\/\/models\/half\/lost\.bin.*404 NoSuchKey/);
      assertNothingThere();
    });

    for (const location of ["../secrets.bin", "/etc/passwd"]) {
      it(`writes nothing outside of the model's folder: ${location}`, async () => {
        const bytes = externalDataModel(location);
        await store.put("hostile.onnx", bytes);
        await assert.rejects(fetchTo({ key: "hostile.onnx", bytes }), /lies outside of the model's folder/);
        assertNothingThere();
      });
    }
  });
});

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
