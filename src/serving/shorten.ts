/** A name that a caller made up, for a message that does not repeat it at any length. */
export function shorten(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}…` : name;
}
