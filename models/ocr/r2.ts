import type { OcrServiceService } from "../../generated/ts/acme/ocr/v1/ocr_service.js";
import type { OcrDetectorServiceService } from "../../generated/ts/acme/ocr_detector/v1/ocr_detector_service.js";
import type { OcrRecognizerServiceService } from "../../generated/ts/acme/ocr_recognizer/v1/ocr_recognizer_service.js";
import type { Composition } from "../../src/client/composition.js";
import { cutTurned } from "./crop.js";
import { read } from "./read.js";

interface Callees extends Record<string, object> {
  readonly detector: OcrDetectorServiceService;
  readonly recognizer: OcrRecognizerServiceService;
}

/** Finds the lines, and reads each: this revision turns each line upright before it is read. */
const composition: Composition<OcrServiceService, Callees> = {
  clients: { detector: "acme.ocr_detector.v1", recognizer: "acme.ocr_recognizer.v1" },
  methods: {
    read: (request, clients, call) => read(request, { clients, call, cut: cutTurned }),
  },
};

export default composition;
