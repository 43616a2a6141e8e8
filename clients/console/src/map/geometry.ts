/** Places and shapes on the earth: distances, extents, and coordinates as people write them. Degrees on WGS 84. */
import type { Shape } from "../radio/location";

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

export type ShapeKind = Shape["kind"];

/** South-west and north-east corner. */
export type Extent = readonly [Place, Place];

/** A shape while it is drawn or written: of a circle the first point is the centre. */
export interface Draft {
  readonly kind: ShapeKind;
  readonly points: readonly Place[];
  readonly radius_m: number;
  readonly width_m: number;
}

const EARTH_RADIUS_M = 6_371_008.8; // mean radius (IUGG)
const EQUATOR_M = 40_075_016.686; // of the sphere of Web Mercator (EPSG:3857)
const TILE_PX = 256;
const DIGITS = 6; // a tenth of a metre
const FEWEST: Record<ShapeKind, number> = { circle: 1, polygon: 3, corridor: 2 };
export const NO_SHAPE: Draft = { kind: "circle", points: [], radius_m: 500, width_m: 50 };

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Along the great circle (haversine). */
export function metresBetween(one: Place, other: Place): number {
  const [south, north] = [radians(one.latitude), radians(other.latitude)];
  const across = Math.sin(radians(other.longitude - one.longitude) / 2) ** 2;
  const up = Math.sin((north - south) / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(up + Math.cos(south) * Math.cos(north) * across)));
}

/** How long a pixel of the map is there. */
export function metresPerPixel(latitude: number, zoom: number): number {
  return (Math.cos(radians(latitude)) * EQUATOR_M) / (TILE_PX * 2 ** zoom);
}

/** Around all of the places; undefined without any. */
export function extentOf(places: Iterable<Place>): Extent | undefined {
  let [south, west, north, east] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { latitude, longitude } of places) {
    south = Math.min(south, latitude);
    north = Math.max(north, latitude);
    west = Math.min(west, longitude);
    east = Math.max(east, longitude);
  }
  if (south === Infinity) return undefined;
  return [
    { latitude: south, longitude: west },
    { latitude: north, longitude: east },
  ];
}

/** Around a shape, with its radius or half its width. */
export function extentOfShape(shape: Shape): Extent {
  const places = shape.kind === "circle" ? [shape.center] : shape.points;
  const margin_m = shape.kind === "circle" ? shape.radius_m : shape.kind === "corridor" ? shape.width_m / 2 : 0;
  const [southWest, northEast] = extentOf(places)!;
  const up = (margin_m / EARTH_RADIUS_M) * (180 / Math.PI);
  const farthest = Math.min(89, Math.max(Math.abs(southWest.latitude), Math.abs(northEast.latitude)));
  const across = up / Math.cos(radians(farthest));
  return [
    { latitude: southWest.latitude - up, longitude: southWest.longitude - across },
    { latitude: northEast.latitude + up, longitude: northEast.longitude + across },
  ];
}

/** undefined as long as points are missing; whether the shape can be is for the server to say. */
export function shapeOf({ kind, points, radius_m, width_m }: Draft): Shape | undefined {
  if (points.length < FEWEST[kind]) return undefined;
  switch (kind) {
    case "circle":
      return { kind, center: points[0]!, radius_m };
    case "polygon":
      return { kind, points };
    case "corridor":
      return { kind, points, width_m };
  }
}

export function draftOf(shape: Shape): Draft {
  switch (shape.kind) {
    case "circle":
      return { ...NO_SHAPE, kind: "circle", points: [shape.center], radius_m: shape.radius_m };
    case "polygon":
      return { ...NO_SHAPE, kind: "polygon", points: shape.points };
    case "corridor":
      return { ...NO_SHAPE, kind: "corridor", points: shape.points, width_m: shape.width_m };
  }
}

const NUMBER = String.raw`([+-]?\d{1,3}(?:[.]\d+)?)`;
const NUMBER_WITH_COMMA = String.raw`([+-]?\d{1,3}(?:[.,]\d+)?)`;
const WRITTEN = [
  new RegExp(String.raw`^${NUMBER}°?\s*[,;\s]\s*${NUMBER}°?$`), // 52.516, 13.377
  new RegExp(String.raw`^${NUMBER_WITH_COMMA}°?\s*;\s*${NUMBER_WITH_COMMA}°?$`), // 52,516; 13,377
  new RegExp(String.raw`^${NUMBER_WITH_COMMA}°?\s+${NUMBER_WITH_COMMA}°?$`), // 52,516 13,377
];

/** Latitude and longitude in decimal degrees; undefined if it is none, or not on the earth. */
export function readPlace(text: string): Place | undefined {
  for (const form of WRITTEN) {
    const found = form.exec(text.trim());
    if (found === null) continue;
    const [latitude, longitude] = [found[1]!, found[2]!].map((part) => Number(part.replace(",", ".")));
    if (Math.abs(latitude!) > 90 || Math.abs(longitude!) > 180) return undefined;
    return { latitude: latitude!, longitude: longitude! };
  }
  return undefined;
}

/** One a line; the number of the first line that is none, from 1. Empty lines are nothing. */
export function readPlaces(text: string): readonly Place[] | number {
  const places: Place[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const place = readPlace(line);
    if (place === undefined) return index + 1;
    places.push(place);
  }
  return places;
}

export function writtenPlace({ latitude, longitude }: Place): string {
  return `${latitude.toFixed(DIGITS)}, ${longitude.toFixed(DIGITS)}`;
}

/** Metres, as written with a point or a comma; undefined unless it is more than 0. */
export function readMetres(text: string): number | undefined {
  const found = /^\d+(?:[.,]\d+)?$/.exec(text.trim());
  const length_m = found === null ? NaN : Number(found[0].replace(",", "."));
  return length_m > 0 ? length_m : undefined;
}

/** As the wire takes it: a longitude of a map that goes on beyond 180°, and no more digits than it needs. */
export function placeAt(latitude: number, longitude: number): Place {
  const turned = ((((longitude + 180) % 360) + 360) % 360) - 180;
  return { latitude: Number(latitude.toFixed(DIGITS)), longitude: Number(turned.toFixed(DIGITS)) };
}

/** A round length (1, 2 or 5 of a power of ten) that is at most so long, for the scale. */
export function roundLength(atMost_m: number): number {
  const power = 10 ** Math.floor(Math.log10(atMost_m));
  const digit = atMost_m / power;
  return power * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
}
