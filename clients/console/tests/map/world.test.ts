import { expect, it } from "vitest";
import { worldGeoJson } from "../../world";

it("no country reaches over the antimeridian, and all lie on the earth", async () => {
  const { features } = JSON.parse(await worldGeoJson()) as {
    features: { geometry: { coordinates: [number, number][][] } }[];
  };
  expect(features.length).toBeGreaterThan(200);
  let [farthest, highest, longestStep] = [0, 0, 0];
  for (const ring of features.flatMap(({ geometry }) => geometry.coordinates)) {
    for (const [index, [longitude, latitude]] of ring.entries()) {
      farthest = Math.max(farthest, Math.abs(longitude));
      highest = Math.max(highest, Math.abs(latitude));
      const [before] = ring[Math.max(0, index - 1)]!;
      // along a pole, which is drawn as a line, a step may be long
      if (Math.abs(latitude) < 85) longestStep = Math.max(longestStep, Math.abs(longitude - before));
    }
  }
  expect(farthest).toBe(180);
  expect(highest).toBeCloseTo(90, 2); // Antarctica reaches its pole
  expect(longestStep).toBeLessThan(10);
}, 60_000);
