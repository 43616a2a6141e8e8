/**
 * The layer of people: one canvas, redrawn once a frame at most, and only after something changed.
 *
 * A thousand marks are a thousand small pictures that were drawn once (`drawImage`); accuracy circles and names are
 * drawn where there is room for them. A mark glides to its new place in a moment, so that the eye can follow it.
 */
import * as L from "leaflet";
import { isolated } from "../texts/names";
import type { Colours } from "./colours";
import { metresPerPixel } from "./geometry";
import type { PersonOnMap } from "./whereabouts";

const GLIDE_MS = 350;
const REACH_PX = 14; // how far from its middle a mark can be pressed
const RADIUS_PX = 6;
const MOST_NAMES = 40;
const MOST_CIRCLES = 150;
const SMALLEST_CIRCLE_PX = 10;
const NAME_LENGTH = 28;

type Look = "live" | "old" | "alert" | "drill";

export interface Mark {
  readonly person: PersonOnMap & { readonly position: NonNullable<PersonOnMap["position"]> };
  readonly drill: boolean;
}

interface Drawn {
  readonly mark: Mark;
  readonly look: Look;
  readonly at: L.Point;
}

interface Glide {
  latitude: number;
  longitude: number;
  toLatitude: number;
  toLongitude: number;
  startMs: number;
}

export class Marks extends L.Layer {
  #canvas: HTMLCanvasElement | undefined;
  #brush: CanvasRenderingContext2D | undefined;
  #chart: L.Map | undefined;
  #frame = 0;
  #drawn: Drawn[] = [];
  readonly #glides = new Map<string, Glide>();
  readonly #pictures = new Map<string, HTMLCanvasElement>();
  readonly #still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  selected: string | undefined;
  hovered: string | undefined;

  constructor(
    readonly source: () => Iterable<Mark>,
    private colours: Colours,
  ) {
    super({ pane: "people" });
  }

  override onAdd(map: L.Map): this {
    this.#chart = map;
    this.#canvas = L.DomUtil.create("canvas", "", map.getPane("people"));
    this.#brush = this.#canvas.getContext("2d")!;
    map.on("move zoom resize viewreset", this.changed, this);
    this.changed();
    return this;
  }

  override onRemove(map: L.Map): this {
    cancelAnimationFrame(this.#frame);
    map.off("move zoom resize viewreset", this.changed, this);
    this.#canvas?.remove();
    return this;
  }

  recolour(colours: Colours): void {
    this.colours = colours;
    this.#pictures.clear();
    this.changed();
  }

  /** Drawn with the next frame. */
  changed(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#draw(now));
  }

  /** Whose mark is there. Alerts lie on top. */
  at(point: L.Point): string | undefined {
    let nearest: Drawn | undefined;
    let nearest_px = REACH_PX;
    for (const drawn of this.#drawn) {
      const distance_px = drawn.at.distanceTo(point);
      if (distance_px <= nearest_px) [nearest, nearest_px] = [drawn, distance_px];
    }
    return nearest?.mark.person.subscriber;
  }

  #draw(nowMs: number): void {
    this.#frame = 0;
    const [map, brush] = [this.#chart!, this.#brush!];
    this.#fit(map);
    const size = map.getSize();
    brush.clearRect(0, 0, size.x, size.y);
    this.#drawn = this.#visible(map, size, nowMs);
    this.#drawCircles(map.getZoom());
    for (const drawn of this.#drawn) this.#stamp(drawn);
    this.#drawNames();
    if (this.#glides.size > 0) this.changed();
  }

  /** The canvas covers what is seen, wherever the map was dragged to. */
  #fit(map: L.Map): void {
    const canvas = this.#canvas!;
    const size = map.getSize();
    const scale = devicePixelRatio;
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    const [width, height] = [Math.round(size.x * scale), Math.round(size.y * scale)];
    if (canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      [canvas.style.width, canvas.style.height] = [`${size.x}px`, `${size.y}px`];
    }
    this.#brush!.setTransform(scale, 0, 0, scale, 0, 0);
  }

  /** In the order of drawing: who is selected and who calls for help come last, on top. */
  #visible(map: L.Map, size: L.Point, nowMs: number): Drawn[] {
    const drawn: Drawn[] = [];
    const known = new Set<string>();
    for (const mark of this.source()) {
      known.add(mark.person.subscriber);
      const at = map.latLngToContainerPoint(this.#where(mark, nowMs));
      if (at.x < -40 || at.y < -40 || at.x > size.x + 40 || at.y > size.y + 40) continue;
      const { state } = mark.person;
      const look = state === "alert" ? (mark.drill ? "drill" : "alert") : state === "live" ? "live" : "old";
      drawn.push({ mark, look, at });
    }
    for (const subscriber of this.#glides.keys()) if (!known.has(subscriber)) this.#glides.delete(subscriber);
    return drawn.sort((one, other) => this.#rank(one) - this.#rank(other));
  }

  #rank({ mark, look }: Drawn): number {
    if (mark.person.subscriber === this.selected) return 3;
    return look === "alert" ? 2 : look === "live" ? 1 : 0;
  }

  readonly #last = new Map<string, { latitude: number; longitude: number }>();

  #where({ person }: Mark, nowMs: number): L.LatLngTuple {
    const { latitude, longitude } = person.position;
    const last = this.#last.get(person.subscriber);
    if (last === undefined || last.latitude !== latitude || last.longitude !== longitude) {
      this.#last.set(person.subscriber, { latitude, longitude });
      if (last !== undefined && !this.#still) {
        const from = this.#glided(person.subscriber, nowMs) ?? [last.latitude, last.longitude];
        this.#glides.set(person.subscriber, {
          latitude: from[0],
          longitude: from[1],
          toLatitude: latitude,
          toLongitude: longitude,
          startMs: nowMs,
        });
      }
    }
    return this.#glided(person.subscriber, nowMs) ?? [latitude, longitude];
  }

  /** undefined: it stands. */
  #glided(subscriber: string, nowMs: number): [number, number] | undefined {
    const glide = this.#glides.get(subscriber);
    if (glide === undefined) return undefined;
    const part = (nowMs - glide.startMs) / GLIDE_MS;
    if (part >= 1) {
      this.#glides.delete(subscriber);
      return undefined;
    }
    return [
      glide.latitude + part * (glide.toLatitude - glide.latitude),
      glide.longitude + part * (glide.toLongitude - glide.longitude),
    ];
  }

  // Drawing

  #drawCircles(zoom: number): void {
    const all = this.#drawn.length <= MOST_CIRCLES;
    for (const { mark, look, at } of this.#drawn) {
      const { subscriber, position } = mark.person;
      if (!all && subscriber !== this.selected && subscriber !== this.hovered && look !== "alert") continue;
      const radius_px = position.accuracy_m / metresPerPixel(position.latitude, zoom);
      if (radius_px < SMALLEST_CIRCLE_PX) continue;
      const brush = this.#brush!;
      brush.beginPath();
      brush.arc(at.x, at.y, radius_px, 0, 2 * Math.PI);
      brush.fillStyle = brush.strokeStyle = this.#colour(look);
      brush.globalAlpha = 0.1;
      brush.fill();
      brush.globalAlpha = 0.55;
      brush.lineWidth = 1;
      brush.stroke();
      brush.globalAlpha = 1;
    }
  }

  #colour(look: Look): string {
    if (look === "alert") return this.colours.alert;
    return look === "live"
      ? this.colours.accent
      : look === "drill"
        ? this.colours["map-draft"]
        : this.colours["ink-soft"];
  }

  #stamp({ mark, look, at }: Drawn): void {
    const selected = mark.person.subscriber === this.selected;
    const picture = this.#picture(look, selected);
    const side = picture.width / devicePixelRatio;
    this.#brush!.drawImage(picture, at.x - side / 2, at.y - side / 2, side, side);
  }

  /** Told apart by form, not by colour alone: present is a full disc, old is a hollow one, an alert is a square. */
  #picture(look: Look, selected: boolean): HTMLCanvasElement {
    const key = `${look} ${selected} ${devicePixelRatio}`;
    const kept = this.#pictures.get(key);
    if (kept !== undefined) return kept;
    const picture = document.createElement("canvas");
    const side = 4 * RADIUS_PX + 12;
    picture.width = picture.height = Math.round(side * devicePixelRatio);
    const brush = picture.getContext("2d")!;
    brush.scale(picture.width / side, picture.width / side);
    brush.translate(side / 2, side / 2);
    if (selected) ring(brush, RADIUS_PX + 6, this.colours.ink);
    const colour = this.#colour(look);
    brush.beginPath();
    if (look === "alert" || look === "drill") {
      brush.rotate(Math.PI / 4);
      brush.rect(-RADIUS_PX - 1, -RADIUS_PX - 1, 2 * RADIUS_PX + 2, 2 * RADIUS_PX + 2);
    } else {
      brush.arc(0, 0, RADIUS_PX, 0, 2 * Math.PI);
    }
    brush.fillStyle = look === "old" ? this.colours.surface : colour;
    brush.fill();
    brush.lineWidth = look === "old" ? 2.5 : 2;
    brush.strokeStyle = look === "old" ? colour : this.colours.surface;
    brush.stroke();
    this.#pictures.set(key, picture);
    return picture;
  }

  /** Of alerts always; of others where they are few, and where no name is yet. */
  #drawNames(): void {
    const few = this.#drawn.length <= MOST_NAMES;
    const taken: [number, number, number, number][] = [];
    const brush = this.#brush!;
    brush.font = `600 12px ${getComputedStyle(this.#canvas!).fontFamily}`;
    brush.textBaseline = "middle";
    for (const drawn of this.#drawn.toReversed()) {
      const { subscriber, name } = drawn.mark.person;
      const must = drawn.look === "alert" || drawn.look === "drill";
      const asked = subscriber === this.selected || subscriber === this.hovered;
      if (!few && !must && !asked) continue;
      const text = isolated(name.slice(0, 4 * NAME_LENGTH)).slice(0, NAME_LENGTH);
      if (text === "") continue;
      const box = [drawn.at.x + RADIUS_PX + 6, drawn.at.y - 9, brush.measureText(text).width + 10, 18] as const;
      if (!must && !asked && taken.some((other) => overlaps(box, other))) continue;
      taken.push([...box]);
      this.#drawName(text, box, must && drawn.look === "alert");
    }
  }

  #drawName(text: string, [x, y, width, height]: readonly [number, number, number, number], alert: boolean): void {
    const brush = this.#brush!;
    brush.globalAlpha = alert ? 1 : 0.85;
    brush.fillStyle = alert ? this.colours.alert : this.colours.surface;
    brush.beginPath();
    brush.roundRect(x, y, width, height, 4);
    brush.fill();
    brush.globalAlpha = 1;
    brush.fillStyle = alert ? this.colours["on-alert"] : this.colours.ink;
    brush.fillText(text, x + 5, y + height / 2 + 0.5);
  }
}

function ring(brush: CanvasRenderingContext2D, radius: number, colour: string): void {
  brush.beginPath();
  brush.arc(0, 0, radius, 0, 2 * Math.PI);
  brush.lineWidth = 2.5;
  brush.strokeStyle = colour;
  brush.stroke();
}

type Box = readonly [number, number, number, number];

function overlaps([x, y, width, height]: Box, [otherX, otherY, otherWidth, otherHeight]: Box): boolean {
  return x < otherX + otherWidth && otherX < x + width && y < otherY + otherHeight && otherY < y + height;
}
