/** The value of one key of an option: text, a number, the name of an enum value, or a list. */
export type OptionValue = string | number | { readonly identifier: string } | readonly string[] | readonly number[];

/** An option of a field or enum value, `(flotilla.v1.column) = {tensor: "X", index: 0}`. */
export interface ProtoOption {
  /** Name without the parentheses. */
  readonly name: string;
  /** Keys with their values, in order; undefined ones are left out. */
  readonly values: Readonly<Record<string, OptionValue | undefined>>;
}

export interface ProtoField {
  /** Sentences over the field; none where the name says it all. */
  readonly comment?: string | undefined;
  readonly repeated?: boolean;
  readonly type: string;
  readonly name: string;
  readonly option?: ProtoOption;
}

export interface ProtoMessage {
  readonly kind: "message";
  readonly name: string;
  readonly comment: string;
  /** Numbered from 1 in this order. */
  readonly fields: readonly ProtoField[];
}

export interface ProtoEnum {
  readonly kind: "enum";
  readonly name: string;
  readonly comment: string;
  /** Numbered from 0 in this order. */
  readonly values: readonly { readonly comment?: string; readonly name: string; readonly option?: ProtoOption }[];
}

export interface ProtoService {
  readonly kind: "service";
  readonly name: string;
  readonly comment: string;
  readonly methods: readonly { readonly comment: string; readonly name: string }[];
}

/** A .proto file. Method M of a service takes `MRequest` and gives `MResponse`. */
export interface ProtoFile {
  readonly comment: string;
  readonly package: string;
  readonly imports: readonly string[];
  readonly declarations: readonly (ProtoMessage | ProtoEnum | ProtoService)[];
}

const LINE_LENGTH = 120;

/** The text of a .proto file, laid out as `buf format` does it. */
export function renderProto(file: ProtoFile): string {
  const head = ['syntax = "proto3";', "", ...comment(file.comment, ""), `package ${file.package};`, ""];
  const imports = [...file.imports].sort().map((path) => `import "${path}";`);
  if (imports.length > 0) imports.push("");
  const declarations = file.declarations.map((declaration) => renderDeclaration(declaration).join("\n"));
  return [...head, ...imports, declarations.join("\n\n")].join("\n") + "\n";
}

function renderDeclaration(declaration: ProtoMessage | ProtoEnum | ProtoService): string[] {
  const { kind, name } = declaration;
  const body = renderBody(declaration);
  const open = `${kind} ${name} {`;
  return [...comment(declaration.comment, ""), ...(body.length > 0 ? [open, ...body, "}"] : [`${open}}`])];
}

function renderBody(declaration: ProtoMessage | ProtoEnum | ProtoService): string[] {
  switch (declaration.kind) {
    case "service":
      return declaration.methods.flatMap((method) => [
        ...comment(method.comment, "  "),
        `  rpc ${method.name}(${method.name}Request) returns (${method.name}Response);`,
      ]);
    case "enum":
      return declaration.values.flatMap((value, number) => [
        ...comment(value.comment, "  "),
        ...withOption(`  ${value.name} = ${number}`, value.option),
      ]);
    case "message":
      return declaration.fields.flatMap((field, index) => [
        ...comment(field.comment, "  "),
        ...withOption(`  ${field.repeated ? "repeated " : ""}${field.type} ${field.name} = ${index + 1}`, field.option),
      ]);
  }
}

function withOption(line: string, option: ProtoOption | undefined): string[] {
  if (!option) return [`${line};`];
  const values = Object.entries(option.values).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
  const [only] = values;
  const short = values.length === 1 && !(Array.isArray(only!.value) && only!.value.length > 1);
  if (short) return [`${line} [(${option.name}) = {${only!.key}: ${renderValue(only!.value)}}];`];
  return [`${line} [(${option.name}) = {`, ...values.flatMap(({ key, value }) => renderEntry(key, value)), "  }];"];
}

function renderEntry(key: string, value: OptionValue): string[] {
  if (!Array.isArray(value) || value.length === 1) return [`    ${key}: ${renderValue(value)}`];
  const items = (value as readonly (string | number)[]).map((item) => `      ${renderValue(item)}`);
  return [`    ${key}: [`, items.join(",\n"), "    ]"];
}

function renderValue(value: OptionValue): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return quote(value);
  if ("identifier" in value) return value.identifier;
  return `[${value.map(renderValue).join(", ")}]`;
}

/** A string literal of protobuf's text format. */
function quote(text: string): string {
  const escapes: Record<string, string> = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const escaped = text.replace(/["\\\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => escapes[character] ?? octal(character));
  return `"${escaped}"`;
}

/** A character as the octal escapes of its UTF-8 bytes. */
function octal(character: string): string {
  return [...new TextEncoder().encode(character)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** Comment lines, broken between words; a shape, `[-1, 3]`, stays in one piece. */
function comment(text: string | undefined, indent: string): string[] {
  const lines: string[] = [];
  // What ends a line would end the comment: names out of a model may hold such characters.
  const flat = (text ?? "").replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  for (const word of flat.match(/(\[[^[\]]*\]|[^ ])+/g) ?? []) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE_LENGTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}// ${word}`);
  }
  return lines;
}
