/** Letters that Unicode does not take apart into a Latin letter and its marks. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  Æ: "Ae",
  œ: "oe",
  Œ: "Oe",
  ø: "o",
  Ø: "O",
  ł: "l",
  Ł: "L",
  đ: "d",
  Đ: "D",
  ð: "d",
  þ: "th",
  ı: "i",
};

/** Field names that protobuf allows and that a caller's language doesn't: Python's keywords, members of all JS objects. */
const AWKWARD = new Set(
  (
    "and as assert async await break class continue def del elif else except false finally for from global if import in " +
    "is lambda nonlocal none not or pass raise return true try while with yield " +
    "constructor has_own_property is_prototype_of property_is_enumerable proto prototype to_json to_locale_string " +
    "to_string value_of"
  ).split(" "),
);

const MAX_NAME_LENGTH = 60;

/**
 * A lower_snake_case name for a field, as near to `text` as protobuf allows; undefined where nothing of it is left.
 * `Sepal length (cm)` is `sepal_length_cm`, `input:0` is `input`, `softmax_11.tmp_0` is `softmax_11_tmp_0`.
 */
export function toSnakeCase(text: string): string | undefined {
  const words = toWords(text.replace(/:0$/, ""));
  const name = words.join("_").slice(0, MAX_NAME_LENGTH).replace(/_$/, "");
  return /[a-z]/.test(name) ? name : undefined;
}

/** A PascalCase name for a message or service. */
export function toPascalCase(text: string): string {
  return toWords(text)
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join("");
}

/** Lower-case words and numbers of a name, whatever stands or changes case between them. */
function toWords(text: string): string[] {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\p{ASCII}]/gu, (letter) => LETTERS[letter] ?? " ")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
}

/** Hands out names that differ from all before, in JSON too, where `a_1` and `a1` are one. */
export class NameScope {
  readonly #taken = new Set<string>();

  /**
   * A field's name near to `text`.
   * @param fallback what it is called where `text` has no Latin letter: `column` makes `column_3`
   * @param position its place among its kind, from 0
   */
  field(text: string, fallback: string, position: number): string {
    const snake = toSnakeCase(text) ?? withDigits(fallback, text, position);
    const startable = /^[a-z]/.test(snake) ? snake : `${fallback}_${snake}`;
    return this.#take(AWKWARD.has(startable) ? `${startable}_value` : startable);
  }

  /** An enum value's name: `prefix`, then the class. */
  enumValue(text: string, prefix: string, position: number): string {
    const snake = toSnakeCase(text) ?? withDigits("class", text, position);
    return this.#take(`${prefix}_${snake}`).toUpperCase();
  }

  #take(name: string): string {
    let unique = name;
    for (let copy = 2; this.#taken.has(toKey(unique)); copy++) unique = `${name}_${copy}`;
    this.#taken.add(toKey(unique));
    return unique;
  }
}

/** A name made of digits keeps them, `625` as `output_625`; one of no Latin letter and no digit gets its place. */
function withDigits(fallback: string, text: string, position: number): string {
  const digits = toWords(text).join("_");
  return `${fallback}_${digits || position}`;
}

function toKey(name: string): string {
  return name.replaceAll("_", "");
}
