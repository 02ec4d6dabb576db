"""What Silero's rules make of a recording: JSON {"wav", "streamed"} from stdin, where `streamed` are the probabilities that
a stream answered, as JSON {"speechProbability", "segments", "streamedSegments"}, the first two by ONNX Runtime alone."""

import json
import sys
import wave
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[3] / "models/voice"))
from make_samples import probabilities, segments  # noqa: E402

asked = json.load(sys.stdin)
with wave.open(asked["wav"]) as sound:
    samples = (np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32768).astype(np.float32)
answers = probabilities(samples)
json.dump(
    {
        "speechProbability": answers,
        "segments": segments(answers, len(samples)),
        "streamedSegments": segments(asked["streamed"], len(samples)),
    },
    sys.stdout,
)
