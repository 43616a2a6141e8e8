/**
 * The base map: countries of Natural Earth 1:50m (package world-atlas), cut at the antimeridian when the pages are built.
 *
 * A polygon that crosses 180° (Russia, Fiji) or holds a pole (Antarctica) would be drawn as a stripe around the world;
 * d3-geo cuts it there (RFC 7946 §3.1.9). All rings of a country are one polygon: which of them are holes is decided by
 * the even-odd rule when it is filled.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { geoEquirectangular, geoPath, type GeoContext } from "d3-geo";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import type { Plugin } from "vite";

const ATLAS = "world-atlas/countries-50m.json";
const DIGITS = 3; // the atlas is quantised to 0.0036 degrees
const MODULE = "virtual:world";

type Ring = [number, number][];

/** Takes what d3-geo draws in degrees, and keeps it as rings. */
class Rings implements GeoContext {
  readonly all: Ring[] = [];

  beginPath(): void {}
  arc(): void {}
  moveTo(x: number, y: number): void {
    this.all.push([[rounded(x), rounded(-y)]]);
  }
  lineTo(x: number, y: number): void {
    this.all.at(-1)!.push([rounded(x), rounded(-y)]);
  }
  closePath(): void {
    const ring = this.all.at(-1)!;
    ring.push(ring[0]!);
  }
}

function rounded(degrees: number): number {
  return Number(degrees.toFixed(DIGITS));
}

/** GeoJSON (RFC 7946) with a feature for each country; no properties. */
export async function worldGeoJson(): Promise<string> {
  const file = createRequire(import.meta.url).resolve(ATLAS);
  const atlas = JSON.parse(await readFile(file, "utf8")) as Topology<{ countries: GeometryCollection }>;
  const inDegrees = geoEquirectangular()
    .scale(180 / Math.PI)
    .translate([0, 0])
    .precision(0);
  const features = feature(atlas, atlas.objects.countries).features.map((country) => {
    const rings = new Rings();
    geoPath(inDegrees, rings)(country);
    return { type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: rings.all } };
  });
  return JSON.stringify({ type: "FeatureCollection", features });
}

/** `import world from "virtual:world"` gives the address of the base map. */
export function world(): Plugin {
  let serving = false;
  return {
    name: "world",
    configResolved: ({ command }) => void (serving = command === "serve"),
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : undefined),
    async load(id) {
      if (id !== `\0${MODULE}`) return undefined;
      if (serving) return `export default "/world.json";`;
      const asset = this.emitFile({ type: "asset", name: "world.json", source: await worldGeoJson() });
      return `export default import.meta.ROLLUP_FILE_URL_${asset};`;
    },
    async configureServer(server) {
      const text = await worldGeoJson();
      server.middlewares.use("/world.json", (_, answer) => {
        answer.setHeader("content-type", "application/json");
        answer.end(text);
      });
    },
  };
}
