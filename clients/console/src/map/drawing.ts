/**
 * Drawing a shape with the pointer. The form beside the map writes the same draft, so that nobody needs a pointer.
 *
 * A press adds a point: of a circle the first is the centre and the second tells the radius; a polygon or a corridor
 * ends with a press on its last point, a double press, or Enter. Backspace takes the last point back.
 */
import * as L from "leaflet";
import type { Colours } from "./colours";
import { metresBetween, placeAt, shapeOf, type Draft, type Place } from "./geometry";
import { layersOf } from "./shape_layers";

const CLOSE_PX = 8;
const SMALLEST_RADIUS_M = 10; // proto/location.md

interface DrawingEvents {
  ondraw(draft: Draft): void;
  ondrawn(draft: Draft): void;
}

export class Drawing {
  readonly #layers: L.LayerGroup;
  #draft: Draft | undefined;
  #pointer: Place | undefined;
  isPlacing = false;

  constructor(
    readonly map: L.Map,
    readonly colours: () => Colours,
    readonly events: DrawingEvents,
  ) {
    this.#layers = L.layerGroup().addTo(map);
    map.on("click", ({ latlng, containerPoint }) => this.#press(latlng, containerPoint));
    map.on("dblclick", () => this.#end());
    map.on("mousemove", ({ latlng }) => this.#point(latlng));
    map.on("zoomend", () => this.redraw());
    map.on("keydown", ({ originalEvent }) => this.#key(originalEvent));
  }

  set(draft: Draft | undefined, placing: boolean): void {
    this.#draft = draft;
    this.isPlacing = placing && draft !== undefined;
    if (!this.isPlacing) this.#pointer = undefined;
    this.redraw();
  }

  #press({ lat, lng }: L.LatLng, at: L.Point): void {
    const draft = this.#draft;
    if (draft === undefined || !this.isPlacing) return;
    const place = placeAt(lat, lng);
    if (draft.kind === "circle") return this.#pressCircle(draft, place);
    const last = draft.points.at(-1);
    if (last !== undefined && this.#isAt(last, at)) return this.#end();
    if (draft.kind === "polygon" && draft.points.length > 2 && this.#isAt(draft.points[0]!, at)) return this.#end();
    this.events.ondraw({ ...draft, points: [...draft.points, place] });
  }

  #pressCircle(draft: Draft, place: Place): void {
    const centre = draft.points[0];
    if (centre === undefined) return this.events.ondraw({ ...draft, points: [place] });
    this.events.ondrawn({ ...draft, radius_m: radius(centre, place) });
  }

  #isAt({ latitude, longitude }: Place, point: L.Point): boolean {
    return this.map.latLngToContainerPoint([latitude, longitude]).distanceTo(point) <= CLOSE_PX;
  }

  #end(): void {
    if (this.isPlacing && this.#draft !== undefined && shapeOf(this.#draft)) this.events.ondrawn(this.#draft);
  }

  #key(event: KeyboardEvent): void {
    if (!this.isPlacing || this.#draft === undefined) return;
    if (event.key === "Enter") this.#end();
    if (event.key !== "Backspace") return;
    event.preventDefault();
    this.events.ondraw({ ...this.#draft, points: this.#draft.points.slice(0, -1) });
  }

  #point({ lat, lng }: L.LatLng): void {
    if (!this.isPlacing || this.#draft?.points.length === 0) return;
    this.#pointer = placeAt(lat, lng);
    this.redraw();
  }

  redraw(): void {
    this.#layers.clearLayers();
    const draft = this.#draft && this.#withPointer(this.#draft);
    if (draft === undefined) return;
    const line = { pane: "draft", color: this.colours()["map-draft"], weight: 2.5, dashArray: "6 4" };
    const shape = shapeOf(draft);
    const zoom = this.map.getZoom();
    const layers = shape === undefined ? [L.polyline(draft.points.map(latLng), line)] : layersOf(shape, line, zoom);
    const knots = (this.#draft?.points ?? []).map((point) =>
      L.circleMarker(latLng(point), { ...line, dashArray: "", radius: 4, fillOpacity: 1, interactive: false }),
    );
    for (const layer of [...layers, ...knots]) this.#layers.addLayer(layer);
  }

  /** What would come of a press here. */
  #withPointer(draft: Draft): Draft {
    const centre = draft.points[0];
    if (this.#pointer === undefined || centre === undefined) return draft;
    if (draft.kind === "circle") return { ...draft, radius_m: radius(centre, this.#pointer) };
    return { ...draft, points: [...draft.points, this.#pointer] };
  }
}

function radius(centre: Place, place: Place): number {
  return Math.max(SMALLEST_RADIUS_M, Math.round(metresBetween(centre, place)));
}

function latLng({ latitude, longitude }: Place): L.LatLngTuple {
  return [latitude, longitude];
}
