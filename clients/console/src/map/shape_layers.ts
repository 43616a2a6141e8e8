/** A shape as Leaflet draws it. */
import * as L from "leaflet";
import type { Shape } from "../radio/location";
import { metresPerPixel, type Place } from "./geometry";

const latLng = ({ latitude, longitude }: Place): L.LatLngTuple => [latitude, longitude];

/** A corridor is a wide line: it has to be drawn anew with each zoom. */
export function layersOf(shape: Shape, line: L.PathOptions, zoom: number): L.Path[] {
  const options = { fillOpacity: 0.12, interactive: false, ...line };
  switch (shape.kind) {
    case "circle":
      return [L.circle(latLng(shape.center), { ...options, radius: shape.radius_m })];
    case "polygon":
      return [L.polygon(shape.points.map(latLng), options)];
    case "corridor": {
      const points = shape.points.map(latLng);
      const width_px = shape.width_m / metresPerPixel(shape.points[0]!.latitude, zoom);
      return [
        L.polyline(points, {
          ...options,
          weight: Math.max(width_px, 3),
          opacity: 0.22,
          lineCap: "butt",
          dashArray: "",
        }),
        L.polyline(points, options),
      ];
    }
  }
}
