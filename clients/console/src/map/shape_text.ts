/** A shape as the form writes it, and what is wrong with what was written. */
import { readMetres, readPlace, readPlaces, shapeOf, writtenPlace, type Draft, type ShapeKind } from "./geometry";

export interface ShapeText {
  readonly kind: ShapeKind;
  readonly centre: string;
  readonly radius: string;
  /** One a line. */
  readonly points: string;
  readonly width: string;
}

export type Wrong =
  { readonly field: "centre" | "radius" | "width" | "few" } | { readonly field: "points"; readonly line: number };

export function writtenShape({ kind, points, radius_m, width_m }: Draft): ShapeText {
  return {
    kind,
    centre: kind === "circle" && points[0] !== undefined ? writtenPlace(points[0]) : "",
    radius: String(radius_m),
    points: kind === "circle" ? "" : points.map(writtenPlace).join("\n"),
    width: String(width_m),
  };
}

/** The draft, as far as it can be read, and the first thing that is wrong; undefined if it can be sent. */
export function readShape(
  text: ShapeText,
  before: Draft,
): { readonly draft: Draft; readonly wrong: Wrong | undefined } {
  const { kind } = text;
  const radius_m = readMetres(text.radius);
  const width_m = readMetres(text.width);
  const centre = readPlace(text.centre);
  const read = kind === "circle" ? (centre === undefined ? [] : [centre]) : readPlaces(text.points);
  const draft: Draft = {
    kind,
    points: typeof read === "number" ? before.points : read,
    radius_m: radius_m ?? before.radius_m,
    width_m: width_m ?? before.width_m,
  };
  if (kind === "circle" && centre === undefined) return { draft, wrong: { field: "centre" } };
  if (kind === "circle" && radius_m === undefined) return { draft, wrong: { field: "radius" } };
  if (typeof read === "number") return { draft, wrong: { field: "points", line: read } };
  if (shapeOf(draft) === undefined) return { draft, wrong: { field: "few" } };
  if (kind === "corridor" && width_m === undefined) return { draft, wrong: { field: "width" } };
  return { draft, wrong: undefined };
}
