import type { Line, ReadRequest, ReadResponse } from "../../generated/ts/acme/ocr/v1/ocr_service.js";
import type { OcrDetectorServiceService } from "../../generated/ts/acme/ocr_detector/v1/ocr_detector_service.js";
import type { OcrRecognizerServiceService } from "../../generated/ts/acme/ocr_recognizer/v1/ocr_recognizer_service.js";
import type { CompositionCall } from "../../src/client/composition.js";
import type { Calls } from "../../src/client/connect.js";
import { openPage, type Page, type Point } from "./crop.js";

/** Lines of one picture that are read at the same time. More would only wait for the recogniser. */
const LINES_AT_ONCE = 4;

/** What reading a picture needs. */
export interface Reading {
  readonly clients: {
    readonly detector: Calls<OcrDetectorServiceService>;
    readonly recognizer: Calls<OcrRecognizerServiceService>;
  };
  readonly call: CompositionCall;
  /** Cuts a line out, as a PNG file. */
  readonly cut: (page: Page, corners: readonly Point[]) => Promise<Buffer>;
}

/** Finds the lines of a picture and reads them. A line that nobody could read is in the answer, and says why. */
export async function read({ image }: ReadRequest, { clients, call, cut }: Reading): Promise<ReadResponse> {
  const { boxes, width, height } = await clients.detector.predict({ image });
  if (boxes.length === 0) return { lines: [], missingLines: 0, width, height };
  const page = await openPage(image);
  const readings = await call.fanOut(
    boxes,
    async ({ corners }) => clients.recognizer.predict({ image: await cut(page, corners) }),
    { limit: LINES_AT_ONCE },
  );
  const lines = boxes.map(({ corners }, index): Line => {
    const reading = readings[index]!;
    if (!reading.ok) return { corners, missing: { code: reading.error.codeName } };
    const { text: content, confidence } = reading.value;
    return { corners, text: { content, confidence } };
  });
  return { lines, missingLines: readings.filter(({ ok }) => !ok).length, width, height };
}
