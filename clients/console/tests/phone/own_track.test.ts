import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { OwnTrack } from "../../src/phone/own_track.svelte";
import type { Tracked } from "../../src/radio/alert_track";
import type { Radio } from "../../src/radio/radio";

const INTERVAL_S = 5;

/** A radio as far as the track uses it, and a browser that says where it is when the test says so. */
class Scene {
  own: { alert: string } | undefined = { alert: "alr_1" };
  intervalS: number | undefined = INTERVAL_S;
  tracked: Tracked = "taken";
  readonly taken: number[] = [];
  asked = 0;
  found: ((position: unknown) => void) | undefined;
  failed: ((error: { code: number }) => void) | undefined;
  #listeners: ((event: { kind: string }) => void)[] = [];

  readonly radio = {
    alerts: {
      listen: (callback: () => void) => this.#listen(callback),
      track: this.#track(),
    },
    location: { listen: (callback: () => void) => this.#listen(callback) },
    listen: (callback: (event: { kind: string }) => void) => this.#listen(callback),
  };

  constructor() {
    Object.defineProperty(this.radio.alerts, "own", { get: () => this.own });
    const geolocation = {
      getCurrentPosition: (found: Scene["found"], failed: Scene["failed"]) => {
        this.asked += 1;
        [this.found, this.failed] = [found, failed];
      },
    };
    vi.stubGlobal("navigator", { geolocation });
  }

  #listen(callback: (event: { kind: string }) => void): () => void {
    this.#listeners.push(callback);
    return () => (this.#listeners = this.#listeners.filter((one) => one !== callback));
  }

  #track() {
    const scene = this;
    return {
      get intervalS() {
        return scene.intervalS;
      },
      waitMs: () => 1000 * INTERVAL_S,
      take: async ({ at_ms }: { at_ms: number }) => {
        scene.taken.push(at_ms);
        return scene.tracked;
      },
    };
  }

  opened(): OwnTrack {
    return new OwnTrack(this.radio as unknown as Radio);
  }

  tell(kind = "step"): void {
    for (const callback of [...this.#listeners]) callback({ kind });
  }

  async isAt(timestamp: number): Promise<void> {
    this.found!({ timestamp, coords: { latitude: 53, longitude: 10, accuracy: 5 } });
    await vi.advanceTimersByTimeAsync(0);
  }
}

let scene: Scene;

beforeEach(() => {
  vi.useFakeTimers();
  scene = new Scene();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("while an alert is open it measures at the interval, and says that it sends", async () => {
  const track = scene.opened();
  expect(track.shown).toEqual({ state: "searching", interval_s: INTERVAL_S });
  await scene.isAt(1);
  expect(track.shown!.state).toBe("sending");
  await vi.advanceTimersByTimeAsync(1000 * INTERVAL_S - 1);
  expect(scene.asked).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  await scene.isAt(2);
  expect([scene.asked, scene.taken]).toEqual([2, [1, 2]]);
});

test("the browser is not asked without an alert, nor where alerts carry no position", () => {
  scene.own = undefined;
  expect(scene.opened().shown).toBeUndefined();
  scene.own = { alert: "alr_1" };
  scene.intervalS = undefined;
  expect(scene.opened().shown).toBeUndefined();
  expect(scene.asked).toBe(0);
});

test("what was measured while the alert was closed, or location was switched off, is not sent", async () => {
  const track = scene.opened();
  scene.intervalS = undefined;
  scene.tell("terms");
  await scene.isAt(1);
  scene.intervalS = INTERVAL_S;
  scene.tell("terms");
  scene.own = undefined;
  scene.tell();
  await scene.isAt(2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([scene.taken, track.shown, scene.asked]).toEqual([[], undefined, 2]);
});

test("it says when nothing goes out, and asks anew", async () => {
  const track = scene.opened();
  scene.failed!({ code: 1 });
  expect(track.shown!.state).toBe("refused");
  await vi.advanceTimersByTimeAsync(1000 * INTERVAL_S);
  scene.tracked = "unsent";
  await scene.isAt(1);
  expect(track.shown!.state).toBe("searching");
  scene.tracked = "taken";
  scene.tell("connected");
  expect(scene.asked).toBe(3); // at once, now that there is a connection
  await scene.isAt(2);
  expect(track.shown!.state).toBe("sending");
});

test("a page that is left asks no more", async () => {
  scene.opened().close();
  scene.tell("connected");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(scene.asked).toBe(1);
});
