import { posix } from "node:path";

/** The place of the image's own modules: its packages are in node_modules of the same folder. */
export const ROOT_PLACE = "";

const FOLDER = "node_modules";

/**
 * Where packages go in an image, so that each module finds the packages that it finds here: at the top where nobody else
 * has the name, else inside of the one that needs them. That holds for whatever way a package manager lays them out.
 */
export class PackageTree {
  readonly #folders = new Map<string, string>();

  /** Folders of this machine by place, in the order of the places. */
  get places(): ReadonlyMap<string, string> {
    return new Map([...this.#folders].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  /**
   * Gives a package a place where the package at `dependent` finds it by its name.
   * @param folder where it is on this machine, links followed
   */
  add(name: string, folder: string, dependent: string): string {
    const free = this.#find(name, folder, dependent);
    const place = free ?? posix.join(dependent, FOLDER, name);
    this.#folders.set(place, folder);
    return place;
  }

  /** The place where it is already, or the free one at the top; undefined where another package is in the way. */
  #find(name: string, folder: string, dependent: string): string | undefined {
    for (let at = dependent; ; at = above(at)) {
      const place = posix.join(at, FOLDER, name);
      const there = this.#folders.get(place);
      if (there === folder) return place;
      if (there !== undefined) return undefined;
      if (at === ROOT_PLACE) return place;
    }
  }
}

function above(place: string): string {
  const end = place.lastIndexOf(FOLDER);
  return end <= 0 ? ROOT_PLACE : place.slice(0, end - 1);
}
