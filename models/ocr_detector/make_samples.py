"""Makes the sample pictures of acme.ocr_detector.v1 and acme.ocr_recognizer.v1, and the right answers.

    apt-get install fonts-dejavu-core fonts-wqy-microhei       # needed by this script alone
    pip install -r models/requirements.txt
    python models/ocr_detector/make_samples.py

Writes, in both folders' samples/: pages with the place and the text of each line, single lines with their text, and one
picture of each as a request.
What is right is known from the drawing, not from a model.
"""

import base64
import json
import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
FONTS = Path("/usr/share/fonts/truetype")
SANS = FONTS / "dejavu/DejaVuSans.ttf"
BOLD = FONTS / "dejavu/DejaVuSans-Bold.ttf"
SERIF = FONTS / "dejavu/DejaVuSerif.ttf"
CHINESE = FONTS / "wqy/wqy-microhei.ttc"
MARGIN = 6  # of a line's picture around its ink

# Text, font, size, left, top.
INVOICE = [
    ("Harbour Supplies Ltd", BOLD, 44, 60, 40),
    ("Invoice 2024-0117", SERIF, 32, 60, 130),
    ("17 March 2024", SANS, 32, 620, 130),
    ("Rope, 40 m", SERIF, 30, 60, 230),
    ("128.50", SERIF, 30, 680, 230),
    ("Anchor chain", SERIF, 30, 60, 290),
    ("1,940.00", SERIF, 30, 680, 290),
    ("Total 2,068.50 EUR", BOLD, 34, 60, 390),
]
LINES = [
    ("word.png", "Flotilla", BOLD, 40),
    ("sentence.png", "The quick brown fox jumps over the lazy dog", SERIF, 34),
    ("amount.jpg", "Total 2,068.50 EUR", SANS, 30),
    ("chinese.png", "今天天气很好", CHINESE, 40),
]


def draw_line(text: str, font: Path, size: int) -> Image.Image:
    face = ImageFont.truetype(str(font), size)
    left, top, right, bottom = face.getbbox(text)
    picture = Image.new("RGB", (right - left + 2 * MARGIN, bottom - top + 2 * MARGIN), "white")
    ImageDraw.Draw(picture).text((MARGIN - left, MARGIN - top), text, (20, 20, 40), face)
    return picture


def draw_invoice() -> tuple:
    page = Image.new("RGB", (900, 480), "white")
    draw, lines = ImageDraw.Draw(page), []
    for text, font, size, x, y in INVOICE:
        face = ImageFont.truetype(str(font), size)
        draw.text((x, y), text, (20, 20, 40), face)
        left, top, right, bottom = draw.textbbox((x, y), text, face)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        lines.append({"text": text, "corners": [{"x": cx, "y": cy} for cx, cy in corners]})
    return page, lines


def slant(page: Image.Image, lines: list, degrees: float) -> tuple:
    """The page turned on a grey table, larger than what the detector looks at, and the lines' corners with it."""
    table = Image.new("RGB", (1500, 1100), (120, 110, 100))
    origin = (300, 310)
    table.paste(page, origin)
    centre = (table.width / 2, table.height / 2)
    turned = table.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(120, 110, 100))
    angle = math.radians(-degrees)

    def move(corner: dict) -> dict:
        dx, dy = corner["x"] + origin[0] - centre[0], corner["y"] + origin[1] - centre[1]
        x = centre[0] + dx * math.cos(angle) - dy * math.sin(angle)
        y = centre[1] + dx * math.sin(angle) + dy * math.cos(angle)
        return {"x": round(x, 1), "y": round(y, 1)}

    return turned, [{"text": line["text"], "corners": [move(corner) for corner in line["corners"]]} for line in lines]


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    picture.save(path, **({"quality": 85} if path.suffix == ".jpg" else {"optimize": True}))


def save_request(picture: Path) -> None:
    """The picture as a request in protobuf's JSON."""
    request = {"image": base64.b64encode(picture.read_bytes()).decode()}
    (picture.parent / "request.json").write_text(json.dumps(request) + "\n")


def main() -> None:
    page, lines = draw_invoice()
    photo, photo_lines = slant(page, lines, 8)
    pages = HERE / "samples"
    save(page, pages / "invoice.png")
    save(photo, pages / "photo.jpg")
    expected = [{"file": "invoice.png", "lines": lines}, {"file": "photo.jpg", "lines": photo_lines}]
    (pages / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    save_request(pages / "invoice.png")

    singles = HERE.parent / "ocr_recognizer" / "samples"
    for name, text, font, size in LINES:
        save(draw_line(text, font, size), singles / name)
    answers = [{"file": name, "text": text} for name, text, _, _ in LINES]
    (singles / "expected.json").write_text(json.dumps(answers, ensure_ascii=False, indent=1) + "\n")
    save_request(singles / "sentence.png")


if __name__ == "__main__":
    main()
