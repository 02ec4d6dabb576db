export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A rectangle at any angle. */
export interface Rectangle {
  readonly centre: Point;
  /** Direction of the side called width, of length 1. */
  readonly along: Point;
  readonly width: number;
  readonly height: number;
}

/**
 * The rectangle of least area around points: one of its sides lies on a side of their convex hull.
 * @param points in order of y, and of x where y is the same; at least one
 */
export function smallestRectangle(points: readonly Point[]): Rectangle {
  const hull = convexHull(points);
  let best: Rectangle | undefined;
  for (const [index, from] of hull.entries()) {
    const to = hull[(index + 1) % hull.length]!;
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    const along = length === 0 ? { x: 1, y: 0 } : { x: (to.x - from.x) / length, y: (to.y - from.y) / length };
    const candidate = rectangleAlong(hull, along);
    if (!best || candidate.width * candidate.height < best.width * best.height) best = candidate;
  }
  return best!;
}

function rectangleAlong(points: readonly Point[], along: Point): Rectangle {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of points) {
    const u = x * along.x + y * along.y;
    const v = y * along.x - x * along.y;
    left = Math.min(left, u);
    right = Math.max(right, u);
    top = Math.min(top, v);
    bottom = Math.max(bottom, v);
  }
  const [u, v] = [(left + right) / 2, (top + bottom) / 2];
  const centre = { x: u * along.x - v * along.y, y: u * along.y + v * along.x };
  return { centre, along, width: right - left, height: bottom - top };
}

/** Corners of the hull, in turn. Andrew's monotone chain, along y. */
function convexHull(points: readonly Point[]): Point[] {
  const half = (sorted: readonly Point[]): Point[] => {
    const chain: Point[] = [];
    for (const point of sorted) {
      while (chain.length > 1 && turn(chain.at(-2)!, chain.at(-1)!, point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  const hull = [...half(points), ...half([...points].reverse())];
  return hull.length > 0 ? hull : [points[0]!];
}

function turn(a: Point, b: Point, c: Point): number {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}
