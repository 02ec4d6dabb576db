"""Measures Silero's variants on recordings whose speech is known, to tell which one acme.voice.v1 should serve.

    apt-get install flite
    pip install -r models/requirements.txt
    python models/voice/measure.py

Four synthesised voices say three sentences, in a quiet and in a noisy room, between silence and knocks. Writes
quality.json: of the chunks of 32 ms, how many each variant judges rightly by a probability over one half.
"""

import json

import numpy as np
import onnxruntime
from make_samples import CHUNK, CONTEXT, HERE, MODEL, RATE, SEED, knocks, say

VARIANTS = ["silero_vad_half.onnx", "silero_vad_16k_op15.onnx"]
VOICES = ["slt", "rms", "awb", "kal16"]
NOISES = [0.001, 0.01]
TEXT = (
    "The fleet is ready. Please call the harbour office before noon, and ask for the pilot. "
    "We leave with the tide; nobody waits for us."
)


def recordings():
    """Samples, and for each chunk whether its middle is speech."""
    silence = np.zeros(RATE)
    for voice in VOICES:
        speech = say(voice, TEXT)
        for noise in NOISES:
            sound = np.concatenate([silence, speech, silence, knocks(), silence])
            sound += np.random.default_rng(SEED).normal(0, noise, len(sound))
            sound = sound[: len(sound) // CHUNK * CHUNK].astype(np.float32)
            middles = (np.arange(len(sound) // CHUNK) + 0.5) * CHUNK
            yield sound, (middles > RATE) & (middles < RATE + len(speech))


def listen(session: onnxruntime.InferenceSession, sound: np.ndarray) -> np.ndarray:
    names = {value.name for value in session.get_inputs()}
    rate = {"sr": np.array(RATE, np.int64)} if "sr" in names else {}
    state, context, answers = np.zeros((2, 1, 128), np.float32), np.zeros(CONTEXT, np.float32), []
    for chunk in sound.reshape(-1, CHUNK):
        feeds = {"input": np.concatenate([context, chunk])[None], "state": state, **rate}
        output, state = session.run(["output", "stateN"], feeds)
        context = chunk[-CONTEXT:]
        answers.append(output[0, 0] > 0.5)
    return np.array(answers)


def main() -> None:
    onnxruntime.set_default_logger_severity(3)
    sounds = list(recordings())
    truth = np.concatenate([speech for _, speech in sounds])
    quality = {"chunks": len(truth)}
    for variant in VARIANTS:
        path = MODEL.parent / variant
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        heard = np.concatenate([listen(session, sound) for sound, _ in sounds])
        quality[variant] = {
            "bytes": path.stat().st_size,
            "accuracy": round(float((heard == truth).mean()), 4),
            "false_alarms": int((heard & ~truth).sum()),
            "missed": int((~heard & truth).sum()),
        }
        print(variant, quality[variant])
    (HERE / "quality.json").write_text(json.dumps(quality, indent=2) + "\n")


if __name__ == "__main__":
    main()
