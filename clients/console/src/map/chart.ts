/**
 * The map itself (Leaflet): base map, tiles of the operator, fences, a trail, what is being drawn, and people on top.
 *
 * Leaflet's own controls are not used: they have texts and drawings of their own. All that changes seldom is on canvases
 * of its own, so that moving people do not redraw the countries.
 */
import * as L from "leaflet";
import "leaflet/dist/leaflet.css";
import world from "virtual:world";
import type { Fence, Position } from "../protocol/messages";
import type { Shape } from "../radio/location";
import { onThemeChange, readColours, type Colours } from "./colours";
import { Drawing } from "./drawing";
import { extentOf, extentOfShape, metresPerPixel, type Draft, type Extent, type Place } from "./geometry";
import { Marks, type Mark } from "./marks";
import { layersOf } from "./shape_layers";

const DEEPEST_ZOOM = 19;
const CLOSE_ZOOM = 16;
const NAMED_FROM_PX = 40; // a fence that is narrower on the screen bears no name
const PANES = { world: 200, tiles: 210, shapes: 400, draft: 450, people: 620 };

/** Raster tiles of the operator's: `levels` are the zoom levels that are there. */
export interface Tiles {
  readonly levels: readonly number[];
  readonly attribution: string;
}

export interface ChartEvents {
  /** Somebody's mark was pressed; undefined: the empty map. */
  onpick(subscriber: string | undefined): void;
  onview(view: { readonly centre: Place; readonly metresPerPixel: number }): void;
  /** While something is drawn. */
  ondraw(draft: Draft): void;
  ondrawn(draft: Draft): void;
}

export class Chart {
  readonly #map: L.Map;
  readonly #marks: Marks;
  readonly #drawing: Drawing;
  readonly #shapes = L.layerGroup();
  readonly #trail = L.layerGroup();
  readonly #unlisten: () => void;
  #colours: Colours;
  #world: L.GeoJSON | undefined;
  #fences: readonly Fence[] = [];
  #chosenFence: string | undefined;
  #track: readonly Position[] = [];

  constructor(
    readonly element: HTMLElement,
    people: () => Iterable<Mark>,
    readonly events: ChartEvents,
  ) {
    this.#colours = readColours(element);
    this.#map = L.map(element, {
      attributionControl: false,
      zoomControl: false,
      zoomAnimation: false, // the canvases would have to be stretched meanwhile
      fadeAnimation: false,
      doubleClickZoom: false,
      preferCanvas: true, // a canvas for each pane
      maxBounds: [
        [-85, -180],
        [85, 180],
      ],
      maxBoundsViscosity: 1,
      minZoom: 2,
      maxZoom: DEEPEST_ZOOM,
      center: [25, 10],
      zoom: 2,
      worldCopyJump: false,
    });
    for (const [name, level] of Object.entries(PANES)) this.#map.createPane(name).style.zIndex = String(level);
    this.#map.getPane("people")!.style.pointerEvents = "none";
    this.#shapes.addTo(this.#map);
    this.#trail.addTo(this.#map);
    this.#marks = new Marks(people, this.#colours).addTo(this.#map);
    this.#drawing = new Drawing(this.#map, () => this.#colours, events);
    this.#map.on("click", ({ containerPoint }) => this.#press(containerPoint));
    this.#map.on("mousemove", ({ containerPoint }) => this.#hover(containerPoint));
    this.#map.on("zoomend", () => this.#drawShapes()); // corridors are as wide as they are on the ground
    this.#map.on("move zoomend resize", () => this.#tellView());
    this.#unlisten = onThemeChange(() => this.#recolour());
    this.#tellView();
  }

  /** Rejects if the base map cannot be fetched; all else goes on without it. */
  async loadWorld(): Promise<void> {
    const answer = await fetch(world);
    if (!answer.ok) throw new Error(`the base map: ${answer.status}`);
    const options = { pane: "world", interactive: false, style: () => this.#landStyle() };
    this.#world = L.geoJSON(await answer.json(), options).addTo(this.#map);
  }

  setTiles({ levels }: Tiles): void {
    if (levels.length === 0) return;
    L.tileLayer("/tiles/{z}/{x}/{y}.png", {
      pane: "tiles",
      minNativeZoom: Math.min(...levels),
      maxNativeZoom: Math.max(...levels),
      minZoom: Math.min(...levels), // above them there is the base map
      maxZoom: DEEPEST_ZOOM,
      noWrap: true,
    }).addTo(this.#map);
  }

  /** People moved, came, or went: drawn with the next frame. */
  peopleChanged(): void {
    this.#marks.changed();
  }

  select(subscriber: string | undefined): void {
    this.#marks.selected = subscriber;
    this.#marks.changed();
  }

  setFences(fences: readonly Fence[], chosen: string | undefined): void {
    [this.#fences, this.#chosenFence] = [fences, chosen];
    this.#drawShapes();
  }

  setTrack(track: readonly Position[]): void {
    this.#track = track;
    this.#drawTrack();
  }

  /** `placing`: presses on the map add points. */
  setDraft(draft: Draft | undefined, placing: boolean): void {
    this.#drawing.set(draft, placing);
    this.element.classList.toggle("placing", placing);
  }

  // The view

  goTo(place: Place): void {
    this.#map.setView([place.latitude, place.longitude], Math.max(this.#map.getZoom(), CLOSE_ZOOM));
  }

  showShape(shape: Shape): void {
    this.showExtent(extentOfShape(shape));
  }

  showPlaces(places: readonly Place[]): void {
    const extent = extentOf(places);
    if (extent !== undefined) this.showExtent(extent);
  }

  showExtent([southWest, northEast]: Extent): void {
    this.#map.fitBounds(
      [
        [southWest.latitude, southWest.longitude],
        [northEast.latitude, northEast.longitude],
      ],
      { maxZoom: CLOSE_ZOOM, padding: [48, 48] },
    );
  }

  zoomBy(levels: number): void {
    this.#map.setZoom(this.#map.getZoom() + levels);
  }

  /** The element has another size. */
  resized(): void {
    this.#map.invalidateSize({ pan: false });
  }

  remove(): void {
    this.#unlisten();
    this.#map.remove();
  }

  #tellView(): void {
    const { lat, lng } = this.#map.getCenter();
    const centre = { latitude: lat, longitude: lng };
    this.events.onview({ centre, metresPerPixel: metresPerPixel(lat, this.#map.getZoom()) });
  }

  #press(point: L.Point): void {
    if (!this.#drawing.isPlacing) this.events.onpick(this.#marks.at(point));
  }

  #hover(point: L.Point): void {
    if (this.#drawing.isPlacing) return;
    const hovered = this.#marks.at(point);
    if (hovered === this.#marks.hovered) return;
    this.#marks.hovered = hovered;
    this.element.classList.toggle("pointing", hovered !== undefined);
    this.#marks.changed();
  }

  // Shapes

  #drawShapes(): void {
    this.#shapes.clearLayers();
    const zoom = this.#map.getZoom();
    for (const { fence, name, shape } of this.#fences) {
      const weight = fence === this.#chosenFence ? 3 : 1.5;
      const layers = layersOf(shape, { pane: "shapes", color: this.#colours["map-fence"], weight }, zoom);
      for (const layer of layers) this.#shapes.addLayer(layer);
      if (this.#widthPx(shape) >= NAMED_FROM_PX) layers[0]!.bindTooltip(label(name), LABEL);
    }
  }

  #widthPx(shape: Shape): number {
    const [west, east] = extentOfShape(shape).map(({ latitude, longitude }) =>
      this.#map.project([latitude, longitude]),
    );
    return east!.x - west!.x;
  }

  #drawTrack(): void {
    this.#trail.clearLayers();
    const points = this.#track.map(({ latitude, longitude }): L.LatLngTuple => [latitude, longitude]);
    if (points.length === 0) return;
    const options = { pane: "shapes", color: this.#colours["map-trail"], interactive: false };
    this.#trail.addLayer(L.polyline(points, { ...options, weight: 3, opacity: 0.9, dashArray: "1 6" }));
    for (const point of points) this.#trail.addLayer(L.circleMarker(point, { ...options, radius: 2, weight: 1 }));
  }

  #landStyle(): L.PathOptions {
    return {
      fillColor: this.#colours["map-land"],
      fillOpacity: 1,
      color: this.#colours["map-border"],
      weight: 1,
      fillRule: "evenodd",
    };
  }

  #recolour(): void {
    this.#colours = readColours(this.element);
    this.#world?.setStyle(this.#landStyle());
    this.#marks.recolour(this.#colours);
    this.#drawing.redraw();
    this.#drawShapes();
    this.#drawTrack();
  }
}

const LABEL: L.TooltipOptions = { permanent: true, direction: "center", className: "fence" };

/** As text, whatever it holds. */
function label(name: string): HTMLElement {
  const element = document.createElement("bdi");
  element.textContent = name;
  return element;
}
