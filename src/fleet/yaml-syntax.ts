import { Composer, type Document, Lexer, LineCounter, Parser } from "yaml";
import type { TreeFinding } from "./yaml-reader.js";

/** Bounds on a fleet file, far above any real one, so that a hostile one costs little. */
const MAX_DEPTH = 64;
const MAX_LEXEMES = 2_000_000;

/** A text as a YAML document, or what is wrong with its syntax. */
export interface Parsed {
  readonly document: Document.Parsed | undefined;
  readonly lines: LineCounter;
  readonly findings: readonly TreeFinding[];
}

/**
 * A text as a YAML document. Lexes step by step, because the composer behind it is recursive and keeps every error: a deep or
 * endless text has to be stopped before it gets there.
 */
export function parseYaml(text: string): Parsed {
  const lines = new LineCounter();
  // The parser itself only tells of the lines after the first.
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  const tokens = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    lexemes++;
    if (parser.stack.length > MAX_DEPTH) {
      const message = `nested more than ${MAX_DEPTH} levels deep`;
      return { document: undefined, lines, findings: [plain(parser.offset, message, "a fleet file needs ten")] };
    }
    if (lexemes > MAX_LEXEMES) {
      const message = `more than ${MAX_LEXEMES} pieces of text`;
      return {
        document: undefined,
        lines,
        findings: [plain(parser.offset, message, "split the fleet into several files")],
      };
    }
  }
  for (const token of parser.end()) tokens.push(token);
  // Duplicate keys are this file's work: the composer compares each key with each other.
  const composer = new Composer({ version: "1.2", merge: false, uniqueKeys: false, resolveKnownTags: false });
  const [document, second] = composer.compose(tokens, true, text.length) as Iterable<Document.Parsed>;
  return { document, lines, findings: document === undefined ? [] : syntaxFindings(document, second) };
}

function syntaxFindings(document: Document.Parsed, second: Document.Parsed | undefined): TreeFinding[] {
  const findings = [...document.errors, ...document.warnings].map((error) => {
    // One line a finding: the parser's own text may quote the file.
    return plain(
      error.pos[0],
      `not valid YAML: ${error.message.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").slice(0, 200)}`,
    );
  });
  if (document.directives.yaml.explicit && document.directives.yaml.version !== "1.2") {
    findings.push(
      plain(0, `expected YAML 1.2, got %YAML ${document.directives.yaml.version}`, "leave the %YAML line out"),
    );
  }
  if (second !== undefined) {
    const offset = second.range?.[0] ?? 0;
    findings.push(plain(offset, "expected one YAML document, got several", 'leave out what follows the line "---"'));
  }
  return findings;
}

function plain(offset: number, message: string, fix = ""): TreeFinding {
  return { offset, path: "", message, fix };
}
