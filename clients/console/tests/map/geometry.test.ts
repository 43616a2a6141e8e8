import { describe, expect, it } from "vitest";
import {
  draftOf,
  extentOf,
  extentOfShape,
  metresBetween,
  metresPerPixel,
  NO_SHAPE,
  placeAt,
  readMetres,
  readPlace,
  readPlaces,
  roundLength,
  shapeOf,
} from "../../src/map/geometry";
import { readShape, writtenShape } from "../../src/map/shape_text";

const BERLIN = { latitude: 52.516272, longitude: 13.377722 };
const PARIS = { latitude: 48.858222, longitude: 2.2945 };

describe("distances", () => {
  it("are those of the great circle", () => {
    expect(metresBetween(BERLIN, PARIS)).toBeCloseTo(878_900, -3); // Brandenburg Gate to the Eiffel Tower
    expect(metresBetween({ latitude: 0, longitude: 179.5 }, { latitude: 0, longitude: -179.5 })).toBeCloseTo(
      111_195,
      0,
    );
    expect(metresBetween(BERLIN, BERLIN)).toBe(0);
  });

  it("of a pixel halve with each zoom level", () => {
    expect(metresPerPixel(0, 0)).toBeCloseTo(156_543.03, 1);
    expect(metresPerPixel(60, 10)).toBeCloseTo(metresPerPixel(0, 11), 6);
  });

  it("of the scale are round", () => {
    expect([0.7, 1.9, 4.9, 130, 9_999].map(roundLength)).toEqual([0.5, 1, 2, 100, 5000]);
  });
});

describe("extents", () => {
  it("hold all places, and are none without any", () => {
    expect(extentOf([BERLIN, PARIS])).toEqual([
      { latitude: 48.858222, longitude: 2.2945 },
      { latitude: 52.516272, longitude: 13.377722 },
    ]);
    expect(extentOf([])).toBeUndefined();
  });

  it("of a circle reach as far as its radius on all sides", () => {
    const [southWest, northEast] = extentOfShape({ kind: "circle", center: BERLIN, radius_m: 1000 });
    const north = { latitude: northEast.latitude, longitude: BERLIN.longitude };
    const west = { latitude: BERLIN.latitude, longitude: southWest.longitude };
    expect(metresBetween(BERLIN, north)).toBeCloseTo(1000, 0);
    expect(metresBetween(BERLIN, west)).toBeGreaterThan(999);
  });
});

describe("places that people write", () => {
  it.each([
    ["52.516272, 13.377722", BERLIN],
    ["52.516272 13.377722", BERLIN],
    ["  52.516272°; 13.377722° ", BERLIN],
    ["52,516272; 13,377722", BERLIN],
    ["52,516272 13,377722", BERLIN],
    ["-33.9,+151.2", { latitude: -33.9, longitude: 151.2 }],
    ["52,13", { latitude: 52, longitude: 13 }],
  ])("%s", (text, place) => expect(readPlace(text)).toEqual(place));

  it.each(["", "52.5", "91, 0", "0, 181", "52.5, 13.4, 7", "here, there", "1e1, 2", "NaN, 0", "52,5,13,4"])(
    "%s is none",
    (text) => expect(readPlace(text)).toBeUndefined(),
  );

  it("one a line, and the line that is none is named", () => {
    expect(readPlaces("1, 2\n\n3, 4\n")).toEqual([
      { latitude: 1, longitude: 2 },
      { latitude: 3, longitude: 4 },
    ]);
    expect(readPlaces("1, 2\n\nnowhere")).toBe(3);
  });

  it("lengths are more than nothing", () => {
    expect(["10", "2,5", "0", "-1", "ten", ""].map(readMetres)).toEqual([
      10,
      2.5,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("pressed beyond 180° are on the earth", () => {
    expect(placeAt(1.23456789, 190)).toEqual({ latitude: 1.234568, longitude: -170 });
    expect(placeAt(0, -540).longitude).toBe(-180);
  });
});

describe("a shape", () => {
  const corridor = { kind: "corridor", points: [BERLIN, PARIS], width_m: 80 } as const;

  it("is one as soon as it has its points", () => {
    expect(shapeOf(NO_SHAPE)).toBeUndefined();
    expect(shapeOf({ ...NO_SHAPE, points: [BERLIN] })).toEqual({ kind: "circle", center: BERLIN, radius_m: 500 });
    expect(shapeOf({ ...NO_SHAPE, kind: "polygon", points: [BERLIN, PARIS] })).toBeUndefined();
    expect(shapeOf(draftOf(corridor))).toEqual(corridor);
  });

  it("comes back from the form as it went in", () => {
    const draft = draftOf(corridor);
    expect(readShape(writtenShape(draft), NO_SHAPE)).toEqual({ draft, wrong: undefined });
  });

  it("that cannot be read keeps what it was, and says what is wrong", () => {
    const draft = draftOf(corridor);
    const text = { ...writtenShape(draft), points: "1, 2\nx" };
    expect(readShape(text, draft)).toEqual({ draft, wrong: { field: "points", line: 2 } });
    expect(readShape({ ...writtenShape(draft), width: "wide" }, draft).wrong).toEqual({ field: "width" });
    expect(readShape({ ...writtenShape(draft), points: "1, 2" }, draft).wrong).toEqual({ field: "few" });
    expect(readShape(writtenShape(NO_SHAPE), NO_SHAPE).wrong).toEqual({ field: "centre" });
  });
});
